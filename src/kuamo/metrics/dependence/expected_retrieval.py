"""What retrieval to expect of a fit, before any training, on rows that are not there yet and in a gallery of any size.

The closed form that `fit` begins with chooses kernel, method, ridge, size and weights (`closed_form.choose`). Solved
again outside each fold it ranks the fold's rows, and `hits` carries what they met over to the gallery asked for. A fit
sees n rows, a fold n₁ < n: what an axis lacks falls as 1/n, so, with folds that see half as much beside, logits ℓ of
R@k follow

    ℓ(n) = ℓ(n₁) + (ℓ(n₁) − ℓ(n₁/2)) (1 − n₁/n)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kuamo.closed_form.arc_cosine_kernel import unit_rows
from kuamo.closed_form.cca import csa_codes
from kuamo.closed_form.cca_search import RidgeTrial, SearchSpace, search_cca
from kuamo.closed_form.folds import Folds, FoldSolver, HeldOut, Method
from kuamo.closed_form.kernel_pca import Kernel, KernelView, views_of
from kuamo.core.errors import KuamoError
from kuamo.core.threads import single_threaded_blas
from kuamo.metrics import bootstrap, chance_recall
from kuamo.metrics.dependence.gallery_scaling import hit_probability, rank_counts
from kuamo.metrics.dependence.paired_sample import LayerSizes, Pairs, half_of, pairs_of

__all__ = ["Expected", "expected_retrieval"]

KERNELS: tuple[Kernel, ...] = ("linear", "arc-cosine")
COMPONENTS = SearchSpace().components
FOLDS = 6
ENOUGH = 1000  # rows ranked, after which no further fold is
OTHERS = 3  # near-best choices by which the uncertainty of the choice is estimated


@dataclass(frozen=True)
class Expected:
    """R@k that a fit will reach on rows it has not seen, from one column to another.

    Args:
        value: R@k. low, high: where 95 % of what is reached lies: what was measured here is a sample, what will be
            measured is another one, of as many queries as answers, and half of the correction for rows is taken as
            uncertain.
        chance: R@k of a random order. k, gallery: what was asked.
        held_out: R@k at that gallery before the correction for rows. seen: n₁, the mean number of rows that it saw.
        rows: how many rows were looked at. total: n, how many there are.
        kernel, method, ridge: what was chosen.
    """

    value: float
    low: float
    high: float
    chance: float
    k: int
    gallery: int
    held_out: float
    seen: int
    rows: int
    total: int
    kernel: Kernel
    method: Method
    ridge: float


@single_threaded_blas()
def expected_retrieval(
    x: ArrayLike,
    y: ArrayLike,
    *,
    gallery: int | tuple[int, int],
    k: int = 10,
    group: ArrayLike | None = None,
    key: ArrayLike | None = None,
    rows: int | None = None,
    blocks: LayerSizes = (None, None),
    seed: int = 0,
) -> tuple[Expected, Expected]:
    """The R@k to expect, from x to y and from y to x.

    Args:
        x: (n, D_x) features of one column, of the rows to be fitted. y: (n, D_y), row i belongs to row i of x.
        gallery: G, the number of answers in the gallery, or one for each direction: of y, then of x.
        k: answers looked at.
        group: (n,) rows of a group are never parted; each row is its own if not given.
        key: (n,) answers with the query's key are right: groups, or labels; rows if not given. What has no label is to
            be left out, as `evaluate` leaves it out.
        rows: about so many are looked at, whole groups; if not given, all up to 2,500, and 1,200 of more.
        blocks: sizes of the layers that the features of x, and of y, are made of. seed: of folds and draws.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> z = rng.normal(size=(200, 8))
        >>> forth, back = expected_retrieval(z, z @ rng.normal(size=(8, 20)), gallery=100, k=1)
        >>> forth.value > 0.9, round(forth.chance, 3)
        (True, 0.01)
    """
    sizes = gallery if isinstance(gallery, tuple) else (gallery, gallery)
    if min(sizes) < 1 or k < 1:
        raise KuamoError(f"gallery, k: given {gallery} and {k}; expected at least 1 each")
    pairs = pairs_of(x, y, group, rows=rows, blocks=blocks, seed=seed)
    if key is not None and np.shape(key) != (pairs.total,):
        raise KuamoError(f"key: given shape {np.shape(key)}; expected ({pairs.total},)")
    keys = np.arange(len(pairs.rows)) if key is None else np.unique(np.asarray(key)[pairs.rows], return_inverse=True)[1]
    table = choice_of(pairs, seed)
    held = enough_of(pairs.folds(folds_for(pairs, keys, max(sizes)), seed))
    few = [HeldOut(one.rows, half_of(one.seen, pairs.group, seed)) for one in held]
    kernel = table[0].kernel
    views = [views_of(part, (kernel,), COMPONENTS, name, seed) for part, name in ((pairs.x, "x"), (pairs.y, "y"))]
    ranking = Ranking(pairs, keys, sizes, k, held, [view[kernel] for view in views])
    best, half = ranking.hits(table[0]), ranking.with_folds(few).hits(table[0])
    others = [ranking.hits(other) for other in nearly_best(table)]
    return tuple(  # type: ignore[return-value]
        ranking.expected(way, table[0], best[way], half[way], [other[way] for other in others]) for way in (0, 1)
    )


def choice_of(pairs: Pairs, seed: int) -> tuple[RidgeTrial, ...]:
    """What `fit` would choose for these rows, and what it would have liked less."""
    labels = pairs.group if pairs.repeated else None
    folds = min(SearchSpace().folds, int(pairs.group.max()) + 1, len(pairs.rows) // 2)
    return search_cca(pairs.x, pairs.y, SearchSpace(kernels=KERNELS, folds=folds), seed=seed, groups=labels).table


def folds_for(pairs: Pairs, keys: NDArray[np.intp], gallery: int) -> int:
    """Six; fewer and larger ones where groups share right answers: there a small gallery says little of a large one."""
    across = len(np.unique(np.stack([pairs.group, keys]), axis=1).T) > len(np.unique(keys))
    return max(3, min(FOLDS, len(keys) // gallery)) if across else FOLDS


def nearly_best(table: Sequence[RidgeTrial]) -> list[RidgeTrial]:
    """Some of the choices that are within a standard error of the best: other rows would have chosen them."""
    near = [one for one in table[1:] if one.score >= table[0].score - table[0].error]
    return [near[i] for i in np.unique(np.linspace(0, len(near) - 1, min(OTHERS, len(near))).astype(int))]


def enough_of(held: Sequence[HeldOut]) -> list[HeldOut]:
    """Folds until enough rows are ranked, but at least two."""
    ranked = np.cumsum([len(one.rows) for one in held])
    return list(held[: max(2, int(np.searchsorted(ranked, ENOUGH)) + 1)])


@dataclass(frozen=True, eq=False)
class Ranking:
    """Folds of two columns, and what is asked of them.

    Args:
        pairs: the rows. keys: (n,) equal where right. sizes: of the galleries, of y and of x. k: answers looked at.
        held: the folds. views: of x and of y.
    """

    pairs: Pairs
    keys: NDArray[np.intp]
    sizes: tuple[int, int]
    k: int
    held: Sequence[HeldOut]
    views: Sequence[KernelView]

    def with_folds(self, held: Sequence[HeldOut]) -> Ranking:
        """The same folds, of which other rows are seen."""
        return replace(self, held=held)

    @cached_property
    def solvers(self) -> list[FoldSolver]:
        """Both views on their axes, fold by fold."""
        return Folds(self.views[0], self.views[1], self.held).first(len(self.held))

    def hits(self, setting: RidgeTrial) -> tuple[NDArray, NDArray]:
        """The chance of a hit (m,) of every held-out row, from x to y and back."""
        found: tuple[list[NDArray], list[NDArray]] = ([], [])
        for solver, one in zip(self.solvers, self.held, strict=True):
            codes = codes_of(solver, setting)
            for way, (queries, answers) in enumerate((codes, codes[::-1])):
                met = rank_counts(queries, answers, self.keys[one.rows], self.pairs.group[one.rows])
                found[way].append(hit_probability(met, self.sizes[way], self.k))
        return np.concatenate(found[0]), np.concatenate(found[1])

    def expected(self, way: int, best: RidgeTrial, hits: NDArray, half: NDArray, others: Sequence[NDArray]) -> Expected:
        """Means of the chances, the learning curve, and the interval."""
        gallery, rows = self.sizes[way], np.concatenate([one.rows for one in self.held])
        seen = float(np.mean([len(one.seen) for one in self.held]))
        measured = bootstrap(hits, groups=self.pairs.group[rows], draws=300)
        at, before = logit(hits.mean(), gallery), logit(half.mean(), gallery)
        value = float(1 / (1 + np.exp(-(at + (at - before) * (1 - seen / self.pairs.total)))))
        errors = (
            (measured.high - measured.low) / 3.92,
            np.sqrt(value * (1 - value) / gallery),
            (value - measured.value) / 2,
            np.sqrt(np.mean([(other.mean() - measured.value) ** 2 for other in others])) if others else 0.0,
        )
        low, high = np.clip(value + 1.96 * float(np.linalg.norm(errors)) * np.array([-1, 1]), 0, 1)
        return Expected(
            value, float(low), float(high), self.chance(way), self.k, gallery, measured.value, int(seen),
            len(self.pairs.rows), self.pairs.total, best.kernel, best.method, best.ridge,
        )  # fmt: skip

    def chance(self, way: int) -> float:
        """R@k of a random order: right answers of the own group are there, others in their share."""
        gallery, group = self.sizes[way], self.pairs.group
        cell = np.unique(np.stack([group, self.keys]), axis=1, return_inverse=True)[1].ravel()
        own, size = np.bincount(cell)[cell], np.bincount(group)[group]
        share = (np.bincount(self.keys)[self.keys] - own) / np.maximum(len(group) - size, 1)
        count = np.minimum(own + np.round(share * (gallery - own)).astype(int), gallery)
        return chance_recall(self.k, np.maximum(count, 1), gallery)


def codes_of(solver: FoldSolver, setting: RidgeTrial) -> tuple[NDArray, NDArray]:
    """Held-out codes whose dot product is the score."""
    u, v, rho = solver.codes(setting.method, setting.ridge, min(setting.dim, *solver.axes.cross.shape))
    coded = (csa_codes(z, rho, setting.gamma) for z in (u, v))
    return tuple(unit_rows(z) if setting.norm == "after" else z for z in coded)  # type: ignore[return-value]


def logit(share: float, count: int) -> float:
    """log p/(1 − p), of a share of so many that is kept off 0 and 1 by half of one."""
    p = np.clip(share, 0.5 / (count + 1), 1 - 0.5 / (count + 1))
    return float(np.log(p / (1 - p)))
