"""What retrieval to expect of a fit, before any training, on rows that are not there yet and in a gallery of any size.

The closed form that `fit` begins with chooses kernel, method, ridge, size and weights (`closed_form.choose`). Solved again
outside each fold it ranks the fold's rows, and `hits` carries what they met over to the gallery asked for. A fit sees n
rows, a fold n₁ < n: what an axis lacks falls as 1/n, so, with folds that see half as much beside, logits ℓ of R@k follow

    ℓ(n) = ℓ(n₁) + (ℓ(n₁) − ℓ(n₁/2)) (1 − n₁/n)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kuamo.closed_form.cca import csa_codes
from kuamo.closed_form.choose import Search, Trial, choose, score_grid
from kuamo.closed_form.folds import Folds, FoldSolver, HeldOut, Method
from kuamo.closed_form.kernel import unit_rows
from kuamo.closed_form.views import Kernel, views_of
from kuamo.diagnosis.hits import beaten, hit_chance
from kuamo.diagnosis.pairs import Blocks, Pairs, half_of, pairs_of
from kuamo.errors import KuamoError
from kuamo.metrics import bootstrap

__all__ = ["Expected", "expected_retrieval"]

KERNELS: tuple[Kernel, ...] = ("linear", "arc-cosine")
FOLDS = 4


@dataclass(frozen=True)
class Expected:
    """R@k that a fit will reach on rows it has not seen, from one column to another.

    Args:
        value: R@k. low, high: where 95 % of what is reached lies: what was measured here is a sample, what will be
            measured is another one, of as many queries as answers, and half of the correction for rows is in doubt.
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


def expected_retrieval(
    x: ArrayLike,
    y: ArrayLike,
    *,
    gallery: int | tuple[int, int],
    k: int = 10,
    group: ArrayLike | None = None,
    key: ArrayLike | None = None,
    rows: int = 2500,
    blocks: Blocks = (None, None),
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
        rows: about so many are looked at; of more, whole groups are drawn.
        blocks: sizes of the layers that the features of x, and of y, are made of. seed: of folds and draws.

    Raises:
        KuamoError: naming what was given and what was expected.

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
    best = best_of(pairs, seed)
    views = [views_of(part, (best.kernel,), COMPONENTS, name, seed) for part, name in ((pairs.x, "x"), (pairs.y, "y"))]
    held = pairs.folds(FOLDS, seed)
    halves = [HeldOut(one.rows, half_of(one.seen, pairs.group, seed)) for one in held]
    found = []
    for folds in (held, halves):
        solvers = Folds(views[0][best.kernel], views[1][best.kernel], folds).first(len(folds))
        found.append(hits_of(solvers, folds, best, pairs, keys, sizes, k))
    group_of = pairs.group[np.concatenate([one.rows for one in held])]
    seen = float(np.mean([len(one.seen) for one in held]))
    return tuple(  # type: ignore[return-value]
        summed_up(found[0][way], found[1][way], pairs, group_of, seen, sizes[way], k, best) for way in (0, 1)
    )


COMPONENTS = Search().components


def best_of(pairs: Pairs, seed: int) -> Trial:
    """What `fit` would choose for these rows."""
    labels = pairs.group if pairs.repeated else None
    folds = min(Search().folds, int(pairs.group.max()) + 1, len(pairs.rows) // 2)
    return choose(pairs.x, pairs.y, Search(kernels=KERNELS, folds=folds), seed=seed, groups=labels).best


def codes_of(solver: FoldSolver, best: Trial) -> tuple[NDArray, NDArray]:
    """Held-out codes whose dot product is the score."""
    u, v, rho = solver.codes(best.method, best.ridge, min(best.dim, *solver.axes.cross.shape))
    coded = (csa_codes(z, rho, best.gamma) for z in (u, v))
    return tuple(unit_rows(z) if best.norm == "after" else z for z in coded)  # type: ignore[return-value]


def hits_of(
    solvers: Sequence[FoldSolver],
    held: Sequence[HeldOut],
    best: Trial,
    pairs: Pairs,
    keys: NDArray,
    sizes: tuple[int, int],
    k: int,
) -> tuple[NDArray, NDArray]:
    """The chance of a hit (n,) of every held-out row, from x to y and back."""
    found: tuple[list[NDArray], list[NDArray]] = ([], [])
    for solver, one in zip(solvers, held, strict=True):
        codes = codes_of(solver, best)
        for way, (a, b) in enumerate((codes, codes[::-1])):
            met = beaten(a, b, keys[one.rows], pairs.group[one.rows])
            found[way].append(hit_chance(met, sizes[way], k))
    return np.concatenate(found[0]), np.concatenate(found[1])


def summed_up(
    whole: NDArray, half: NDArray, pairs: Pairs, group: NDArray, seen: float, gallery: int, k: int, best: Trial
) -> Expected:
    """Means of the chances, the learning curve, and the interval."""
    measured = bootstrap(whole, groups=group, draws=300)
    at, before = logit(whole.mean(), gallery), logit(half.mean(), gallery)
    value = 1 / (1 + np.exp(-(at + (at - before) * (1 - seen / pairs.total))))
    error = np.sqrt(
        ((measured.high - measured.low) / 3.92) ** 2
        + value * (1 - value) / gallery
        + ((value - measured.value) / 2) ** 2
    )
    low, high = np.clip([value - 1.96 * error, value + 1.96 * error], 0, 1)
    return Expected(
        float(value), float(low), float(high), min(1,k/gallery), k, gallery, measured.value,
        int(seen), len(pairs.rows), pairs.total, best.kernel, best.method, best.ridge,
    )  # fmt: skip


def logit(share: float, count: int) -> float:
    """log p/(1 − p), of a share of so many that is kept off 0 and 1 by half of one."""
    p = np.clip(share, 0.5 / (count + 1), 1 - 0.5 / (count + 1))
    return float(np.log(p / (1 - p)))
