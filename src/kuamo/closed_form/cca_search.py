"""Choose kernel, method, ridge, size and weighting of a closed form by retrieval on held-out rows.

Each fold (`folds`) is seen on principal axes of the rows outside it (`views`). For every ridge c and every (k, γ, norm)
the held-out rows are ranked by Σ_{i≤k} ρ_i^γ û_i v̂_i, where û is of unit norm before the weights ρ^(γ/2) or after them.
The score of a choice is the mean reciprocal rank over both directions.

Several kernels first meet on some of the folds, and the best goes on. The best mean wins. No one-standard-error rule
was better throughout (on a toy and on emoji, 100 and 1,000 pairs): "smallest k" and "largest ridge" lost at 100 pairs
on both; "largest k" gained on emoji (.166 on unseen rows against .156) and lost on the toy (.015 against .018); at
1,000 pairs all were within .006.
A best ridge at the edge of the grid is not taken: the grid grows by factors of three until the best is inside.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice, product
from typing import Literal, NamedTuple, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kuamo.closed_form.arc_cosine_kernel import unit_rows
from kuamo.closed_form.cca import CCAMaps, axis_signs, csa_codes
from kuamo.closed_form.folds import (
    FREE,
    Axes,
    Folds,
    FoldSolver,
    HeldOut,
    Method,
    as_labels,
    fold_of_rows,
    iter_folds,
    penalty,
)
from kuamo.closed_form.kernel_pca import Kernel, Map, views_of
from kuamo.closed_form.linear_map import LinearMap
from kuamo.closed_form.moments import as_features
from kuamo.closed_form.warm_start import ValidationFold, WarmStart
from kuamo.core.errors import KuamoError
from kuamo.core.profiling import loops_are_short, shortened
from kuamo.core.types import Matrix

__all__ = [
    "CCAFit",
    "HeldCodes",
    "Norm",
    "RidgeTrial",
    "SavedChoice",
    "SearchSpace",
    "reciprocal_ranks",
    "search_cca",
    "spread",
]

Norm = Literal["before", "after"]
TILE = 30_000  # scores that are ranked at once


@dataclass(frozen=True)
class SearchSpace:
    """What is tried, and how it is judged.

    Args:
        kernels: of the features. "arc-cosine" sees angles only.
        ridges: c > 0 in units of the mean variance of a component, the same for both views.
        widen: may the grid of ridges grow when its edge is best?
        dims: k; those larger than the data allow are cut down to what they allow.
        gammas: γ ≥ 0. norms: unit norm before or after the weights.
        methods: beside regularised CCA; regressions are tried at every ridge, Procrustes, which has none, once.
        components: at most so many principal axes of each view.
        folds: of the rows, 2 to n/2 (or the number of groups). ranked: folds are tried, at least two and at most all,
            until so many rows have been ranked. gallery: at most so many rows of a fold are ranked.
    """

    kernels: Sequence[Kernel] = ("linear",)
    ridges: Sequence[float] = (0.1, 0.3, 1.0)
    widen: bool = True
    dims: Sequence[int] = (16, 32, 64, 128, 256, 512)
    gammas: Sequence[float] = (0.0, 1.0, 2.0)
    norms: Sequence[Norm] = ("before", "after")
    methods: Sequence[Method] = ("Procrustes", "regression x → y", "regression y → x")
    components: int = 768
    folds: int = 6
    ranked: int = 400
    gallery: int = 2000


class RidgeTrial(NamedTuple):
    """One row of the score table: a choice, its mean score over folds, and the standard error of that mean."""

    kernel: Kernel
    method: Method
    ridge: float
    dim: int
    gamma: float
    norm: Norm
    score: float
    error: float


class SavedChoice(NamedTuple):
    """What a search found, as plain data: enough to solve again without searching.

    Args:
        best, correlations, gallery, folds: as in `CCAFit`.
    """

    best: RidgeTrial
    correlations: list[float]
    gallery: float
    folds: int


class HeldCodes(NamedTuple):
    """One fold: the rows outside it, (n,) numbers, and of each view the codes (m, k) that the model on those gives the
    fold's rows, with their numbers (m,); and its codes of some of the rows outside (b, k)."""

    seen: NDArray[np.intp]
    codes: dict[str, tuple[NDArray, NDArray[np.intp]]]
    bank: dict[str, NDArray]


BANK = 1000  # rows outside a fold whose codes are kept


def spread(count: int, most: int = BANK) -> NDArray[np.intp]:
    """At most so many of `count` places, evenly spread.

    Example:
        >>> spread(5, 3).tolist()
        [0, 2, 4]
    """
    return np.unique(np.linspace(0, count - 1, min(most, count)).astype(np.intp))


@dataclass(frozen=True, eq=False)
class CCAFit:
    """What cross-validation chose, and the model that was then fitted to all rows.

    Args:
        maps: view → its map from features (D,) to canonical variates (k,).
        spectrum: (k,) canonical correlations on all rows; of several views, the mean over pairs.
        best: the chosen kernel, ridge c, size k, exponent γ and norm, with its score: the mean reciprocal rank on
            held-out rows, both directions; chance is about ln(n)/n for galleries of n. It is the best of the table, so
            a little flattered: judge on rows that choosing never saw.
        table: every trial of the chosen kernel, best first.
        kernels: the best score of each kernel, where there was a choice between several.
        gallery: the mean number of rows that each query was ranked among. folds: how many were tried.
        variates: view → (n, k) canonical variates of its rows, what its map gives for them.
        before: view → the map to its coordinates. start: the model on those, for training to go on from.
        rehearse: () → the same on the rows outside the first fold, to judge training by.
        held: () → codes of the rows of each fold, by the chosen model on the rows outside it.
        correlations: of two views, (k,) correlations of the axes on *held-out* rows, mean over folds.
        penalties: of two views, λ, c times the mean variance of the components, in units of squared features.
    """

    maps: dict[str, Map]
    spectrum: Matrix
    best: RidgeTrial
    table: tuple[RidgeTrial, ...]
    kernels: dict[Kernel, float]
    gallery: float
    folds: int
    variates: dict[str, NDArray]
    before: dict[str, Map]
    start: WarmStart
    rehearse: Callable[[], ValidationFold]
    held: Callable[[], list[HeldCodes]]
    correlations: Matrix = field(default_factory=lambda: np.zeros(0))
    penalties: tuple[float, ...] = ()

    @property
    def cca(self) -> CCAMaps:
        """The maps of two views, as `cca` gives them."""
        x, y = self.maps.values()
        return CCAMaps(x, y, self.spectrum)

    @property
    def scale(self) -> Matrix:
        """ρ^(γ/2), the weights of the axes (k,)."""
        return axis_scale(self.spectrum, self.best)

    def transform(self, x: ArrayLike, y: ArrayLike) -> tuple[NDArray, NDArray]:
        """Codes (n, k) and (m, k) of two views whose dot product is the score."""
        z_x, z_y = self.cca.transform(x, y)
        return self.codes(z_x), self.codes(z_y)

    def codes(self, z: NDArray) -> NDArray:
        """Canonical variates (n, k) → codes (n, k)."""
        return codes_of_variates(z, self.spectrum, self.best)


DEFAULT = SearchSpace()


def search_cca(
    x: ArrayLike,
    y: ArrayLike,
    search: SearchSpace = DEFAULT,
    *,
    seed: int = 0,
    groups: ArrayLike | None = None,
    judged: SavedChoice | None = None,
    names: tuple[str, str] = ("x", "y"),
) -> CCAFit:
    """Cross-validated regularised CCA: kernel, ridge c, size k, exponent γ and norm that retrieve held-out rows best.

    s(x, y) = Σ_{i≤k} ρ_i^γ û_i v̂_i; score = mean over both directions of 1/rank of the paired row.

    Args:
        x: (n, D_x) features. y: (n, D_y), row i belongs to row i of x.
        search: what is tried, and how it is judged.
        seed: of the folds.
        groups: (n,) labels; rows of one group stay in one fold and are relevant for each other.
        judged: what a search of the same data found before; nothing is searched then.
        names: of the views.

    Raises:
        KuamoError: naming the view or the option, what was given and what was expected.

    References:
        CSA: Data-efficient Mapping of Unimodal Features to Multimodal Features, Li et al., ICLR 2025.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> z = rng.normal(size=(200, 8))
        >>> x, y = z @ rng.normal(size=(8, 30)), z @ rng.normal(size=(8, 20))
        >>> search_cca(x, y, SearchSpace(dims=(2, 8))).best.score > 0.9
        True
    """
    views = {name: as_features(one, name) for name, one in zip(names, (x, y), strict=True)}
    n, rows_y = map(len, views.values())
    check_search(n, rows_y, search)
    labels = None if groups is None else as_labels(groups, n)
    held = list(iter_folds(fold_of_rows(n, search.folds, seed, labels), search.ranked, search.gallery, seed))
    kinds = search.kernels if judged is None else (judged.best.kernel,)
    seen = [views_of(one, kinds, search.components, name, seed) for name, one in views.items()]
    pairs = PairFolds({kernel: Folds(seen[0][kernel], seen[1][kernel], held) for kernel in kinds}, held, labels)
    kernels, table, judged = pairs.judge(search) if judged is None else ({}, (judged.best,), judged)
    best = judged.best
    (coded_x, map_x), (coded_y, map_y) = (view[best.kernel].whole() for view in seen)
    coded = dict(zip(names, (coded_x, coded_y), strict=True))
    before = dict(zip(names, (map_x, map_y), strict=True))
    axes, weight, rho = whole_solution(coded, before, best)
    return CCAFit(
        {name: one.then(LinearMap(np.zeros(len(weight[name])), weight[name])) for name, one in before.items()},
        rho,
        best,
        table,
        kernels,
        judged.gallery,
        judged.folds,
        {name: (one @ weight[name]).astype(views[name].dtype) for name, one in coded.items()},
        before,
        warm_start({name: (one, np.arange(n)) for name, one in coded.items()}, weight, rho, best),
        lambda: validation_fold(pairs.solvers[best.kernel], best, labels, names),
        lambda: pairs.held_codes(best, names),
        np.asarray(judged.correlations)[: len(rho)],
        (penalty(axes.var_x, best.ridge), penalty(axes.var_y, best.ridge)),
    )


@dataclass(frozen=True, eq=False)
class PairFolds:
    """The folds of each kernel, the rows that each holds out, and the labels (n,) of all rows, if any."""

    solvers: Mapping[Kernel, Folds]
    held: Sequence[HeldOut]
    labels: NDArray | None

    def first(self, kernel: Kernel, count: int) -> list[PairFold]:
        """The first so many."""
        return [
            PairFold(solver, None if self.labels is None else self.labels[one.rows])
            for solver, one in zip(self.solvers[kernel].first(count), self.held, strict=False)
        ]

    def judge(self, search: SearchSpace) -> tuple[dict[Kernel, float], tuple[RidgeTrial, ...], SavedChoice]:
        """The best score of each kernel, every trial of the best one, and what was chosen."""
        sizes = [len(one.rows) for one in self.held]
        few = min(int(np.searchsorted(np.cumsum(sizes), search.ranked / 2)) + 1, len(sizes))
        kernels = select_kernel(tuple(self.solvers), lambda kernel: self.first(kernel, few), search)
        winner = max(kernels, key=kernels.__getitem__)
        folds = self.first(winner, len(sizes))
        table = try_choices(winner, folds, search)
        largest = max(trial.dim for trial in table)
        correlations = np.mean([one.correlations(table[0], largest) for one in folds], axis=0)
        return kernels, table, SavedChoice(table[0], correlations.tolist(), float(np.mean(sizes)), len(sizes))

    def held_codes(self, best: RidgeTrial, names: tuple[str, str]) -> list[HeldCodes]:
        """See `CCAFit.held`."""
        found = []
        for solver, one in zip(self.solvers[best.kernel].first(len(self.held)), self.held, strict=True):
            dim = min(best.dim, *solver.axes.cross.shape)
            u, v, rho = solver.codes(best.method, best.ridge, dim)
            codes = (codes_of_variates(z, rho, best) for z in (u, v))
            seen = solver.seen_codes(best.method, best.ridge, dim, spread(len(one.seen)))
            bank = (codes_of_variates(z, rho, best) for z in seen)
            held = {name: (z, one.rows) for name, z in zip(names, codes, strict=True)}
            found.append(HeldCodes(one.seen, held, dict(zip(names, bank, strict=True))))
        return found


def codes_of_variates(z: NDArray, rho: Matrix, best: RidgeTrial) -> NDArray:
    """Canonical variates (n, k) → codes (n, k), by the chosen exponent and norm."""
    coded = csa_codes(z, rho, best.gamma)
    return unit_rows(coded) if best.norm == "after" else coded


def whole_solution(
    coded: Mapping[str, Matrix], before: Mapping[str, Map], best: RidgeTrial
) -> tuple[Axes, dict[str, Matrix], Matrix]:
    """The chosen model on all rows: their axes, the weights (p, k) of each view, and ρ (k,)."""
    x, y = coded.values()
    axes = Axes(x.var(0, ddof=1), y.var(0, ddof=1), x.T @ y / (len(x) - 1))
    weight_x, weight_y, rho = axes.maps(best.method, best.ridge, min(best.dim, *axes.cross.shape))
    sign = axis_signs(next(iter(before.values())).weight @ weight_x)
    return axes, dict(zip(coded, (weight_x * sign, weight_y * sign), strict=True)), rho


class Fold(Protocol):
    """One fold of a search: at most so many components, and the score of every (k, γ, norm) on its held-out rows."""

    @property
    def most(self) -> int: ...

    def scores(self, method: Method, ridge: float, dims: Sequence[int], search: SearchSpace) -> Matrix: ...


@dataclass(frozen=True, eq=False)
class PairFold:
    """A fold of two views, and the labels (m,) of its held-out rows where some are relevant for each other."""

    solver: FoldSolver
    labels: NDArray | None

    @property
    def most(self) -> int:
        """The largest k."""
        return min(self.solver.axes.cross.shape)

    def scores(self, method: Method, ridge: float, dims: Sequence[int], search: SearchSpace) -> Matrix:
        """The mean reciprocal rank of every (k, γ, norm), in the order of their product."""
        same = None if self.labels is None else self.labels[:, None] == self.labels
        return np.array(score_grid(*self.solver.codes(method, ridge, dims[-1]), dims, search, same))

    def correlations(self, best: RidgeTrial, dim: int) -> Matrix:
        """Correlation of each of so many axes on held-out codes."""
        u, v, _ = self.solver.codes(best.method, best.ridge, dim)
        return held_correlations(u, v)


def select_kernel(
    kernels: Sequence[Kernel], folds_of: Callable[[Kernel], Sequence[Fold]], search: SearchSpace
) -> dict[Kernel, float]:
    """The best score of each kernel on a few folds, without further methods; nothing is tried where there is one."""
    if len(kernels) == 1:
        return {kernels[0]: 0.0}
    alone = replace(search, methods=())
    return {kernel: try_choices(kernel, folds_of(kernel), alone)[0].score for kernel in kernels}


def try_choices(
    kernel: Kernel, folds: Sequence[Fold], search: SearchSpace, method: Method = "regularised CCA"
) -> tuple[RidgeTrial, ...]:
    """Every ridge, size, exponent and norm on these folds, of this method and of the further ones; best first."""
    trials = try_ridges(kernel, folds, search, method)
    for other in shortened(search.methods, 1):
        same = all(FREE[other])  # at every ridge: Procrustes divides nothing by it
        best = max(trials, key=lambda trial: trial.score).ridge
        trials += try_ridges(kernel, folds, replace(search, ridges=(best,), widen=False) if same else search, other)
    return tuple(sorted(trials, key=lambda trial: -trial.score))


def try_ridges(kernel: Kernel, folds: Sequence[Fold], search: SearchSpace, method: Method) -> list[RidgeTrial]:
    """Every ridge, size, exponent and norm of one method; the grid of ridges grows until the best is inside."""
    most = min(fold.most for fold in folds)
    dims = sorted({min(dim, most) for dim in search.dims})
    grid = list(product(dims, search.gammas, search.norms))
    trials: list[RidgeTrial] = []
    waiting = list(shortened(search.ridges, 1))
    while waiting:
        ridge = float(waiting.pop(0))
        scores = np.array([fold.scores(method, ridge, dims, search) for fold in folds])
        mean, error = scores.mean(0), scores.std(0) / np.sqrt(max(len(scores) - 1, 1))
        for (k, gamma, norm), m, e in zip(grid, mean, error, strict=True):
            trials.append(RidgeTrial(kernel, method, ridge, int(k), float(gamma), norm, float(m), float(e)))
        if not waiting and search.widen and not loops_are_short():
            best = max(trials, key=lambda trial: trial.score).ridge
            waiting = extend_grid(best, sorted({trial.ridge for trial in trials}))
    return trials


def validation_fold(folds: Folds, best: RidgeTrial, labels: NDArray | None, names: tuple[str, str]) -> ValidationFold:
    """The chosen model on the rows outside the first fold."""
    (solver,), held = folds.first(1), folds.held[0]
    weight_x, weight_y, rho = solver.axes.maps(best.method, best.ridge, min(best.dim, *solver.axes.cross.shape))
    x, y = names
    seen = {x: (solver.seen_x, held.seen), y: (solver.seen_y, held.seen)}
    start = warm_start(seen, {x: weight_x, y: weight_y}, rho, best)
    return ValidationFold(start, {x: (solver.held_x, held.rows), y: (solver.held_y, held.rows)}, labels)


def warm_start(
    coordinates: dict[str, tuple[Matrix, NDArray]], weights: dict[str, Matrix], rho: Matrix, best: RidgeTrial
) -> WarmStart:
    """A model (W, ρ) on centred coordinates and their rows."""
    shift = {name: np.zeros(x.shape[1]) for name, (x, _) in coordinates.items()}
    return WarmStart(coordinates, shift, weights, axis_scale(rho, best), best.norm)


def axis_scale(rho: Matrix, best: RidgeTrial) -> Matrix:
    """ρ^(γ/2), the weights of the axes (k,)."""
    return np.clip(rho, 0, 1) ** (best.gamma / 2)


def extend_grid(best: float, tried: Sequence[float]) -> list[float]:
    """The ridge to try next when the best is at an edge of what was tried: three times further, within 1e-4 … 1e4.

    Example:
        >>> extend_grid(3.0, [0.3, 1.0, 3.0]), extend_grid(1.0, [0.3, 1.0, 3.0])
        ([9.0], [])
    """
    further = {tried[0]: tried[0] / 3, tried[-1]: tried[-1] * 3}.get(best)
    return [further] if further is not None and 1e-4 <= further <= 1e4 else []


def score_grid(
    u: NDArray, v: NDArray, rho: Matrix, dims: Sequence[int], search: SearchSpace, same: NDArray[np.bool_] | None
) -> list[float]:
    """The score of every (k, γ, norm), in the order of their product."""
    choices = scores_of_choices(u, v, rho, dims, search)
    together = max(1, TILE // (len(u) * len(v)))  # many small matrices are ranked at once
    found: list[float] = []
    while part := list(islice(choices, together)):
        ranked = reciprocal_ranks(np.stack(part) if len(part) > 1 else part[0][None], same)
        found += ((ranked[0].mean(-1) + ranked[1].mean(-1)) / 2).tolist()
    return found


def scores_of_choices(
    u: NDArray, v: NDArray, rho: Matrix, dims: Sequence[int], search: SearchSpace
) -> Iterator[NDArray]:
    """Scores (m, m) of every (k, γ, norm)."""
    scales = [(np.clip(rho, 0, 1) ** (gamma / 2)).astype(u.dtype) for gamma in search.gammas]
    for k in dims:
        unit_u, unit_v = (z[:, :k] / lengths(z[:, :k])[:, None] for z in (u, v))
        for scale in scales:
            a, b = unit_u * scale[:k], unit_v * scale[:k]
            before = a @ b.T
            for norm in search.norms:
                # Dividing a row by the query's length changes no order in it, but does in the other direction.
                yield before if norm == "before" else before / lengths(a)[:, None] / lengths(b)


def lengths(codes: NDArray) -> NDArray:
    """The norm (n,) of each code, never 0."""
    return np.maximum(np.sqrt((codes * codes).sum(1)), np.finfo(codes.dtype).tiny)


def reciprocal_ranks(score: ArrayLike, same: ArrayLike | None = None) -> tuple[Matrix, Matrix]:
    """1/rank (…, m) of the best right answer, for every row and for every column of square score matrices (…, m, m).

    Args:
        score: x in rows and y in columns; row i belongs to column i.
        same: (m, m) what is a right answer; the diagonal when it is left out.

    Returns:
        Numbers in (0, 1]. Wrong answers with an equal score count as before the right one: codes that do not differ
        score near 1/m, not 1.

    Example:
        >>> reciprocal_ranks(np.eye(2)), reciprocal_ranks(np.zeros((2, 2)))
        ((array([1., 1.]), array([1., 1.])), (array([0.5, 0.5]), array([0.5, 0.5])))
    """
    score = np.asarray(score)
    if same is None:
        right = np.diagonal(score, axis1=-2, axis2=-1)
        ranks = [(score >= right[..., :, None]).sum(-1), (score >= right[..., None, :]).sum(-2)]
    else:
        same = np.asarray(same)
        right, wrong = np.where(same, score, -np.inf), np.where(same, -np.inf, score)
        ranks = [1 + (wrong >= right.max(axis, keepdims=True)).sum(axis) for axis in (-1, -2)]
    return 1 / ranks[0], 1 / ranks[1]


def held_correlations(u: NDArray, v: NDArray) -> Matrix:
    """Pearson correlation of each axis (k,) on held-out codes; 0 where an axis is constant."""
    u, v = (z.astype(np.float64) - z.mean(0, dtype=np.float64) for z in (u, v))
    size = np.sqrt((u * u).sum(0) * (v * v).sum(0))
    return np.divide((u * v).sum(0), size, out=np.zeros_like(size), where=size > 0)


def check_search(n: int, rows_y: int, search: SearchSpace) -> None:
    """Refuse what cannot be cross-validated, by name."""
    if n != rows_y:
        raise KuamoError(f"views 'x' and 'y': given {n} and {rows_y} rows; expected as many in both")
    if n < 4 or not 2 <= search.folds <= n // 2:
        raise KuamoError(f"folds: given {search.folds} for {n} rows; expected 2 to {n // 2}, and at least 4 rows")
    low = {"ridges": (search.ridges, 0.0, ">"), "dims": (search.dims, 1, "≥"), "gammas": (search.gammas, 0.0, "≥")}
    for name, (values, least, sign) in low.items():
        if len(values) == 0 or any(v < least or (sign == ">" and v == least) or not np.isfinite(v) for v in values):
            raise KuamoError(f"{name}: given {tuple(values)}; expected at least one number, each {sign} {least:g}")
    for name, given, known in (
        ("kernels", search.kernels, {"linear", "arc-cosine"}),
        ("norms", search.norms, {"before", "after"}),
        ("methods", search.methods, set(FREE)),
    ):
        if (not given and name != "methods") or set(given) - known:
            raise KuamoError(f"{name}: given {tuple(given)}; expected some of {sorted(known)}")
    if search.components < 1 or search.gallery < 2:
        raise KuamoError(f"components, gallery: given {search.components}, {search.gallery}; expected at least 1 and 2")
