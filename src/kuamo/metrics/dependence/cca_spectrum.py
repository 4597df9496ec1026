"""How strongly two columns correlate, axis by axis, on rows that the axes have not seen.

    ρ_i = corr(u_i, v_i) on held-out rows,   u, v the codes of regularised CCA of the rows outside the fold

On the rows that it saw CCA reads 1 whenever n ≲ D. Held out it reads too little, as axes are found from n₁ rows alone;
what they lack falls as 1/n, so that folds which see half as much beside show what infinitely many rows would:

    ρ(n) = ρ − c/n   ⇒   ρ = ρ(n₁) + (ρ(n₁) − ρ(n₁/2)) / (n₁/n₂ − 1)

How many axes are shared: those whose held-out ρ(n₁) stands out from what whole groups of y, dealt to other groups of x,
show on any axis that is left, at the ridge that suits them best (step-down, at 1 % for all of them together: folds see
each other's rows, which deals within folds do not imitate; in 600 independent tables an axis was called shared in 3 %).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kuamo.closed_form.folds import Folds, HeldOut, Method
from kuamo.closed_form.kernel_pca import views_of
from kuamo.core.errors import KuamoError
from kuamo.core.threads import single_threaded_blas
from kuamo.core.types import Matrix
from kuamo.metrics.dependence.paired_sample import LayerSizes, Pairs, half_of, pairs_of

__all__ = ["Spectrum", "spectrum"]

RIDGES = (0.01, 0.1, 1.0, 10.0)
COMPONENTS = 256
FOLDS = 3
DRAWS = 200
TILE = 1 << 18  # numbers that are multiplied at a time
LEVEL = 0.01


@dataclass(frozen=True, eq=False)
class Spectrum:
    """Canonical correlations of two columns.

    Args:
        correlations: ρ (k,) as endless rows would show them, in the order of the axes that were found.
        low, high: (k,) 95 % intervals: groups are drawn again, and half of the correction for rows is taken as
            uncertain.
        held_out: (k,) on held-out rows, before the correction. bar: what a ρ must pass that is alone against chance.
        shared: how many axes are beyond chance. ridge: c, chosen on held-out rows.
        rows: how many rows were looked at. total: how many there are.
    """

    correlations: Matrix
    low: Matrix
    high: Matrix
    held_out: Matrix
    bar: float
    shared: int
    ridge: float
    rows: int
    total: int


@single_threaded_blas()
def spectrum(
    x: ArrayLike,
    y: ArrayLike,
    *,
    group: ArrayLike | None = None,
    axes: int = 64,
    rows: int | None = None,
    blocks: LayerSizes = (None, None),
    seed: int = 0,
) -> Spectrum:
    """Held-out canonical correlations of two columns' features.

    Args:
        x: (n, D_x) features. y: (n, D_y), row i belongs to row i of x.
        group: (n,) rows of a group are never parted; each row is its own if not given.
        axes: k, at most so many. rows: about so many are looked at, as in `pairs_of`.
        blocks: sizes of the layers that the features of x, and of y, are made of. seed: of folds and draws.

    References:
        Relations between two sets of variates, H. Hotelling, 1936.
        A rationale and test for the number of factors in factor analysis, J. L. Horn, 1965 (parallel analysis).
        Resampling-based multiple testing, P. H. Westfall and S. S. Young, 1993 (step-down).

    Example:
        >>> rng = np.random.default_rng(0)
        >>> z = rng.normal(size=(800, 2))
        >>> x, y = (np.c_[z + 0.5 * rng.normal(size=z.shape), rng.normal(size=(800, 6))] for _ in range(2))
        >>> found = spectrum(x, y)
        >>> found.shared, found.correlations[:2].round(1)             # 1/1.25 = .8
        (2, array([0.8, 0.8]))
    """
    if axes < 1:
        raise KuamoError(f"axes: given {axes}; expected at least 1")
    pairs = pairs_of(x, y, group, rows=rows, blocks=blocks, seed=seed)
    views = [
        views_of(part, ("linear",), COMPONENTS, name, seed)["linear"] for part, name in ((pairs.x, "x"), (pairs.y, "y"))
    ]
    held = pairs.folds(FOLDS, seed)
    few = [HeldOut(one.rows, half_of(one.seen, pairs.group, seed)) for one in held]
    whole, half = (
        Coded(pairs, Folds(views[0], views[1], held), axes),
        Coded(pairs, Folds(views[0], views[1], few), axes),
    )
    ridge = whole.best_ridge("regularised CCA", RIDGES)
    codes, less = whole.codes("regularised CCA", ridge), half.codes("regularised CCA", ridge)
    k = min(u.shape[1] for u, _ in (*codes, *less))
    weight = whole.drawn(DRAWS, seed)
    full, part = (
        weighted_correlations(codes, weight)[:, :k],
        weighted_correlations(less, weight)[:, :k],
    )  # row 0: every row once
    ratio = sum(len(one.seen) for one in held) / max(sum(len(one.seen) for one in few), 1)
    endless = np.clip(full + (full - part) / max(ratio - 1, 0.5), -1, 1)
    error = np.hypot(endless[1:].std(0), (endless[0] - full[0]) / 2)
    null = whole.null("regularised CCA", RIDGES, DRAWS, seed)[:, :k]
    return Spectrum(
        endless[0], np.clip(endless[0] - 1.96 * error, -1, 1), np.clip(endless[0] + 1.96 * error, -1, 1), full[0],
        float(np.quantile(null[:, 0], 1 - LEVEL)), beyond(full[0], null), ridge, len(pairs.rows), pairs.total,
    )  # fmt: skip


FoldCodes = list[tuple[Matrix, Matrix]]


@dataclass(frozen=True, eq=False)
class Coded:
    """Two columns in folds, and held-out codes of them by any method on at most k axes."""

    pairs: Pairs
    folds: Folds
    axes: int
    known: dict[tuple[Method, float], FoldCodes] = field(default_factory=dict)

    def codes(self, method: Method, ridge: float) -> FoldCodes:
        """Held-out codes of x and of y, fold by fold, each with mean 0; computed once."""
        if (method, ridge) not in self.known:
            self.known[method, ridge] = self._codes(method, ridge)
        return self.known[method, ridge]

    def _codes(self, method: Method, ridge: float) -> FoldCodes:
        held = self.folds.held
        found = [
            solver.codes(method, ridge, min(self.axes, *solver.axes.cross.shape))[:2]
            for solver in self.folds.first(len(held))
        ]
        return [tuple(z - z.mean(0, dtype=np.float64) for z in one) for one in found]  # type: ignore[misc]

    def best_ridge(self, method: Method, ridges: Sequence[float], k: int | None = None) -> float:
        """The ridge whose first k axes correlate most on held-out rows, Σ ρ_i |ρ_i|."""
        return max(ridges, key=lambda ridge: float(self.strength(method, self.codes(method, ridge), None, k)[0]))

    def strength(self, method: Method, codes: FoldCodes, rho: Matrix | None, k: int | None = None) -> Matrix:
        """What `best_ridge` compares (w,), for correlations (w, axes), those of the codes if not given."""
        if rho is None:
            rho = fold_correlations(codes)[None]
        end = 1 if method == "regression x → y" else 0
        size = np.mean([one[end].var(0)[: rho.shape[1]] for one in codes], axis=0)
        size = np.ones_like(size) if method == "regularised CCA" else size
        return (size * rho * np.abs(rho))[:, :k].sum(1)

    def drawn(self, draws: int, seed: int) -> list[Matrix]:
        """How often each held-out row counts (1 + draws, m), fold by fold: first once, then as its group is drawn."""
        weights = []
        for number, one in enumerate(self.folds.held):
            rng = np.random.default_rng([seed, number])
            group = np.unique(self.pairs.group[one.rows], return_inverse=True)[1]
            times = rng.multinomial(group.max() + 1, np.full(group.max() + 1, 1 / (group.max() + 1)), size=draws)
            weights.append(np.vstack([np.ones(len(group)), times[:, group]]))
        return weights

    def null(self, method: Method, ridges: Sequence[float], draws: int, seed: int) -> Matrix:
        """Correlations (draws, k) where whole groups of y are dealt to other groups of x, each at its best ridge."""
        deals = [self.deals(fold, draws, seed) for fold in range(len(self.folds.held))]
        found, strengths = [], []
        for ridge in ridges:
            codes = self.codes(method, ridge)
            found.append(chance_correlations(codes, deals))
            strengths.append(self.strength(method, codes, found[-1]))
        return np.stack(found)[np.argmax(strengths, axis=0), np.arange(draws)]

    def deals(self, fold: int, draws: int, seed: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Held-out rows (m,) of a fold, group by group, and rows (draws, m) that are dealt to them."""
        rng = np.random.default_rng([seed, fold, 1])
        group = self.pairs.group[self.folds.held[fold].rows]
        return np.argsort(group, kind="stable"), np.array([shuffled_groups(group, rng) for _ in range(draws)])


def chance_correlations(codes: FoldCodes, deals: Sequence[tuple[NDArray[np.intp], NDArray[np.intp]]]) -> Matrix:
    """Correlations (draws, k) of the codes of x and those of y that are dealt to them, the mean over folds."""
    k = min(u.shape[1] for u, _ in codes)
    total = np.zeros((len(deals[0][1]), k))
    for (u, v), (order, dealt) in zip(codes, deals, strict=True):
        first, second = unit_columns(u[order][:, :k]), unit_columns(v[:, :k])
        tile = max(1, TILE // first.size)
        for start in range(0, len(dealt), tile):
            part = slice(start, start + tile)
            total[part] += len(u) * (first * second[dealt[part]]).sum(1)
    return total / sum(len(u) for u, _ in codes)


def shuffled_groups(group: NDArray, rng: np.random.Generator) -> NDArray[np.intp]:
    """An order of rows in which the groups stand in a random order, their rows together.

    Example:
        >>> order = shuffled_groups(np.array([0, 1, 0, 1]), np.random.default_rng(0)).tolist()
        >>> order in ([0, 2, 1, 3], [1, 3, 0, 2])
        True
    """
    return np.argsort(rng.permutation(int(group.max()) + 1)[group], kind="stable")


def weighted_correlations(codes: FoldCodes, weights: Sequence[Matrix]) -> Matrix:
    """Correlations (w, k) under each of w weightings of the rows, the mean over folds by their rows."""
    k = min(u.shape[1] for u, _ in codes)
    total = np.zeros((len(weights[0]), k))
    for (u, v), w in zip(codes, weights, strict=True):
        u, v, size = u[:, :k], v[:, :k], w.sum(1, keepdims=True)
        mean_u, mean_v = w @ u / size, w @ v / size
        var_u, var_v = w @ (u * u) / size - mean_u**2, w @ (v * v) / size - mean_v**2
        spread = np.sqrt(np.maximum(var_u * var_v, 0))
        cov = w @ (u * v) / size - mean_u * mean_v
        total += len(u) * np.divide(cov, spread, out=np.zeros_like(cov), where=spread > 1e-12)
    return total / sum(len(u) for u, _ in codes)


def fold_correlations(codes: FoldCodes) -> Matrix:
    """Correlations (k,) of held-out codes, every row once."""
    return weighted_correlations(codes, [np.ones((1, len(u))) for u, _ in codes])[0]


def unit_columns(z: Matrix) -> Matrix:
    """Columns of length 1; a column of zeros stays."""
    return z / np.maximum(np.linalg.norm(z, axis=0), np.finfo(np.float64).tiny)


def beyond(rho: Matrix, null: Matrix, level: float = LEVEL) -> int:
    """How many axes stand out from chance: the largest against the largest of chance, then the next among the rest.

    Example:
        >>> beyond(np.array([0.9, 0.1]), np.full((20, 2), 0.2))
        1
    """
    order = np.argsort(-rho, kind="stable")
    for count, axis in enumerate(order):
        if rho[axis] <= np.quantile(null[:, order[count:]].max(1), 1 - level):
            return count
    return len(order)
