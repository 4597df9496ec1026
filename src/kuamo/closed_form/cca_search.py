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

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kuamo.closed_form.arc_cosine_kernel import unit_rows
from kuamo.closed_form.cca import CCAMaps, axis_signs, csa_codes
from kuamo.closed_form.folds import FREE, Axes, Folds, Method, as_labels, fold_of_rows, iter_folds, penalty
from kuamo.closed_form.kernel_pca import Kernel, Map, views_of
from kuamo.closed_form.linear_map import LinearMap
from kuamo.closed_form.moments import as_features
from kuamo.closed_form.warm_start import ValidationFold, WarmStart
from kuamo.core.errors import KuamoError
from kuamo.core.profiling import loops_are_short, shortened
from kuamo.core.types import Matrix

__all__ = [
    "CCAFit",
    "Norm",
    "RidgeTrial",
    "SavedChoice",
    "SearchSpace",
    "reciprocal_rank",
    "reciprocal_ranks",
    "search_cca",
]

Norm = Literal["before", "after"]


@dataclass(frozen=True)
class SearchSpace:
    """What is tried, and how it is judged.

    Args:
        kernels: of the features. "arc-cosine" sees angles only.
        ridges: c > 0 in units of the mean variance of a component, the same for both views.
        widen: may the grid of ridges grow when its edge is best?
        dims: k; those larger than the data allow are cut down to what they allow.
        gammas: γ ≥ 0. norms: unit norm before or after the weights.
        methods: beside regularised CCA, which comes first and decides the ridge.
        components: at most so many principal axes of each view.
        folds: of the rows, 2 to n/2 (or the number of groups). ranked: folds are tried, at least two and at most all,
            until so many rows have been ranked. gallery: at most so many rows of a fold are ranked.
    """

    kernels: Sequence[Kernel] = ("linear",)
    ridges: Sequence[float] = (0.1, 0.3, 1.0)
    widen: bool = True
    dims: Sequence[int] = (16, 32, 64, 128, 256)
    gammas: Sequence[float] = (0.0, 1.0, 2.0)
    norms: Sequence[Norm] = ("before", "after")
    methods: Sequence[Method] = ("Procrustes", "regression x → y", "regression y → x")
    components: int = 448
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


@dataclass(frozen=True, eq=False)
class CCAFit:
    """What cross-validation chose, and the model that was then fitted to all rows.

    Args:
        cca: the regularised CCA of all rows at the chosen λ and k, from features (D,) to (k,).
        best: the chosen kernel, ridge c, size k, exponent γ and norm, with its score: the mean reciprocal rank on
            held-out rows, both directions; chance is about ln(n)/n for galleries of n. It is the best of the table, so
            a little flattered: judge on rows that choosing never saw.
        penalties: (λx, λy), c times the mean variance of the components of each view, in units of squared features.
        correlations: (k,) correlations of the axes on *held-out* rows, mean over folds.
        gallery: the mean number of rows that each query was ranked among. folds: how many were tried.
        table: every Trial of the chosen kernel, best first.
        kernels: the best score of each kernel, where there was a contest between several.
        variates: (n, k) canonical variates of the rows of x, and of y: what `cca.transform` gives for them.
        before: the maps of x, and of y, to their coordinates. start: the model on those, for training to go on from.
        rehearse: () → the same on the rows outside the first fold, to judge training by.
    """

    cca: CCAMaps
    best: RidgeTrial
    penalties: tuple[float, float]
    correlations: Matrix
    gallery: float
    folds: int
    table: tuple[RidgeTrial, ...]
    kernels: dict[Kernel, float]
    variates: tuple[NDArray, NDArray]
    before: tuple[Map, Map]
    start: WarmStart
    rehearse: Callable[[], ValidationFold]

    def transform(self, x: ArrayLike, y: ArrayLike) -> tuple[NDArray, NDArray]:
        """Codes (n, k) and (m, k) whose dot product is the score."""
        z_x, z_y = self.cca.transform(x, y)
        return self.codes(z_x), self.codes(z_y)

    def codes(self, z: NDArray) -> NDArray:
        """Canonical variates (n, k) → codes (n, k)."""
        coded = csa_codes(z, self.cca.correlations, self.best.gamma)
        return unit_rows(coded) if self.best.norm == "after" else coded


DEFAULT = SearchSpace()


def search_cca(
    x: ArrayLike,
    y: ArrayLike,
    search: SearchSpace = DEFAULT,
    *,
    seed: int = 0,
    groups: ArrayLike | None = None,
    judged: SavedChoice | None = None,
) -> CCAFit:
    """Cross-validated regularised CCA: kernel, ridge c, size k, exponent γ and norm that retrieve held-out rows best.

    s(x, y) = Σ_{i≤k} ρ_i^γ û_i v̂_i; score = mean over both directions of 1/rank of the paired row.

    Args:
        x: (n, D_x) features. y: (n, D_y), row i belongs to row i of x.
        search: what is tried, and how it is judged.
        seed: of the folds.
        groups: (n,) labels; rows of one group stay in one fold and count as right answers for each other.
        judged: what a search of the same data found before; nothing is searched then.

    Returns:
        Choice.

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
    x, y = as_features(x, "x"), as_features(y, "y")
    check_search(len(x), len(y), search)
    labels = None if groups is None else as_labels(groups, len(x))
    held = list(iter_folds(fold_of_rows(len(x), search.folds, seed, labels), search.ranked, search.gallery, seed))
    kinds = search.kernels if judged is None else (judged.best.kernel,)
    views_x = views_of(x, kinds, search.components, "x", seed)
    views_y = views_of(y, kinds, search.components, "y", seed)
    solvers = {kernel: Folds(views_x[kernel], views_y[kernel], held) for kernel in kinds}
    kernels: dict[Kernel, float] = {}
    table: tuple[RidgeTrial, ...]
    if judged is None:
        kernels = select_kernel(solvers, search, labels) if len(kinds) > 1 else {kinds[0]: 0.0}
        winner = max(kernels, key=kernels.__getitem__)
        chosen = tried_kernel(winner, solvers[winner], len(held), search, labels, search.methods)
        table = tuple(sorted(chosen.trials, key=lambda trial: -trial.score))
        correlations = chosen.correlations[table[0].method, table[0].ridge]
        gallery = float(np.mean([len(one.rows) for one in held]))
        judged = SavedChoice(table[0], correlations.tolist(), gallery, len(held))
    else:
        table = (judged.best,)
    best = judged.best
    (coded_x, map_x), (coded_y, map_y) = views_x[best.kernel].whole(), views_y[best.kernel].whole()
    axes = Axes(coded_x.var(0, ddof=1), coded_y.var(0, ddof=1), coded_x.T @ coded_y / (len(x) - 1))
    weight_x, weight_y, rho = axes.maps(best.method, best.ridge, min(best.dim, *axes.cross.shape))
    sign = axis_signs(map_x.weight @ weight_x)
    weight_x, weight_y = weight_x * sign, weight_y * sign
    to_x, to_y = (LinearMap(np.zeros(len(w)), w) for w in (weight_x, weight_y))
    rows = np.arange(len(x))
    start = warm_start((coded_x, rows), (coded_y, rows), (weight_x, weight_y, rho), best)
    return CCAFit(
        CCAMaps(map_x.then(to_x), map_y.then(to_y), rho),
        best,
        (penalty(axes.var_x, best.ridge), penalty(axes.var_y, best.ridge)),
        np.asarray(judged.correlations)[: len(rho)],
        judged.gallery,
        judged.folds,
        table,
        kernels,
        ((coded_x @ weight_x).astype(x.dtype), (coded_y @ weight_y).astype(y.dtype)),
        (map_x, map_y),
        start,
        lambda: rehearsal(solvers[best.kernel], best, labels),
    )


def select_kernel(solvers: Mapping[Kernel, Folds], search: SearchSpace, labels: NDArray | None) -> dict[Kernel, float]:
    """The best score of each kernel, on as many folds as it takes to rank half of `ranked`."""
    scores: dict[Kernel, float] = {}
    for kernel, folds in solvers.items():
        ranked = np.cumsum([len(one.rows) for one in folds.held])
        enough = min(int(np.searchsorted(ranked, search.ranked / 2)) + 1, len(folds.held))
        scores[kernel] = tried_kernel(kernel, folds, enough, search, labels).best.score
    return scores


@dataclass(frozen=True, eq=False)
class KernelTrials:
    """All trials of one kernel, and held-out correlations by method and ridge."""

    trials: list[RidgeTrial]
    correlations: dict[tuple[Method, float], Matrix]

    @property
    def best(self) -> RidgeTrial:
        """Of equals, the earlier one."""
        return max(self.trials, key=lambda trial: trial.score)


def rehearsal(folds: Folds, best: RidgeTrial, labels: NDArray | None) -> ValidationFold:
    """The chosen model on the rows outside the first fold."""
    (solver,), held = folds.first(1), folds.held[0]
    weight_x, weight_y, rho = solver.axes.maps(best.method, best.ridge, min(best.dim, *solver.axes.cross.shape))
    start = warm_start((solver.seen_x, held.seen), (solver.seen_y, held.seen), (weight_x, weight_y, rho), best)
    return ValidationFold(start, {"x": (solver.held_x, held.rows), "y": (solver.held_y, held.rows)}, labels)


def warm_start(
    x: tuple[Matrix, NDArray], y: tuple[Matrix, NDArray], model: tuple[Matrix, Matrix, Matrix], best: RidgeTrial
) -> WarmStart:
    """A model (W_x, W_y, ρ) on centred coordinates and their rows."""
    (weight_x, weight_y, rho), shift = model, {"x": np.zeros(x[0].shape[1]), "y": np.zeros(y[0].shape[1])}
    return WarmStart({"x": x, "y": y}, shift, {"x": weight_x, "y": weight_y}, axis_scale(rho, best), best.norm)


def axis_scale(rho: Matrix, best: RidgeTrial) -> Matrix:
    """ρ^(γ/2), the weights of the axes (k,)."""
    return np.clip(rho, 0, 1) ** (best.gamma / 2)


def tried_kernel(
    kernel: Kernel,
    folds: Folds,
    count: int,
    search: SearchSpace,
    labels: NDArray | None,
    methods: Sequence[Method] = (),
) -> KernelTrials:
    """Score every ridge, size, exponent and norm in the first so many folds, then other methods at the best ridge."""
    solvers, held = folds.first(count), folds.held[:count]
    most = min(min(solver.axes.cross.shape) for solver in solvers)
    dims = sorted({min(dim, most) for dim in search.dims})
    same = [None if labels is None else labels[one.rows][:, None] == labels[one.rows] for one in held]
    tried = KernelTrials([], {})

    def score(method: Method, ridge: float) -> None:
        codes = [solver.codes(method, ridge, dims[-1]) for solver in solvers]
        scores = np.array([score_grid(*one, dims, search, right) for one, right in zip(codes, same, strict=True)])
        mean, error = scores.mean(0), scores.std(0) / np.sqrt(max(len(scores) - 1, 1))
        for (k, gamma, norm), m, e in zip(product(dims, search.gammas, search.norms), mean, error, strict=True):
            tried.trials.append(
                RidgeTrial(kernel, method, float(ridge), int(k), float(gamma), norm, float(m), float(e))
            )
        tried.correlations[method, ridge] = np.mean([held_correlations(u, v) for u, v, _ in codes], axis=0)

    for ridge in shortened(search.ridges, 1):
        score("regularised CCA", ridge)
    while search.widen and not loops_are_short():
        further = extend_grid(tried.best.ridge, sorted(ridge for _, ridge in tried.correlations))
        if not further:
            break
        score("regularised CCA", further[0])
    ridge = tried.best.ridge
    for method in shortened(methods, 1):
        score(method, ridge)
    return tried


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
    scores = []
    for k, gamma in product(dims, search.gammas):
        a, b = csa_codes(u[:, :k], rho[:k], gamma), csa_codes(v[:, :k], rho[:k], gamma)
        before = a @ b.T
        for norm in search.norms:
            # Dividing a row of scores by the query's length changes no order in it, but does in the other direction.
            score = before if norm == "before" else before / lengths(a)[:, None] / lengths(b)
            scores.append(reciprocal_rank(score, same))
    return scores


def lengths(codes: NDArray) -> NDArray:
    """The norm (n,) of each code, never 0."""
    return np.maximum(np.linalg.norm(codes, axis=1), np.finfo(codes.dtype).tiny)


def reciprocal_rank(score: ArrayLike, same: ArrayLike | None = None) -> float:
    """The mean of 1/rank of the best right answer, over rows and columns of a square score matrix.

    Args:
        score: (m, m), x in rows and y in columns; row i belongs to column i.
        same: (m, m) what is a right answer; the diagonal when it is left out.

    Returns:
        A number in (0, 1]. Wrong answers with an equal score count as before the right one: codes that do not differ
        score near 1/m, not 1.

    Example:
        >>> reciprocal_rank(np.eye(4)), reciprocal_rank(np.zeros((4, 4)))
        (1.0, 0.25)
    """
    return float(np.mean([one.mean() for one in reciprocal_ranks(score, same)]))


def reciprocal_ranks(score: ArrayLike, same: ArrayLike | None = None) -> tuple[Matrix, Matrix]:
    """1/rank (m,) for every row, and for every column, of a square score matrix; see `reciprocal_rank`."""
    score = np.asarray(score)
    if same is None:
        right = score.diagonal()
        ranks = [(score >= right[:, None]).sum(1), (score >= right).sum(0)]
    else:
        same = np.asarray(same)
        right, wrong = np.where(same, score, -np.inf), np.where(same, -np.inf, score)
        ranks = [1 + (wrong >= right.max(1)[:, None]).sum(1), 1 + (wrong >= right.max(0)).sum(0)]
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
