"""Choose the ridge, the size and the weighting of a regularised CCA by retrieval on held-out rows.

For each fold: moments = total − shard; Σxx = Ux diag(ex) Uxᵀ, Σyy = Uy diag(ey) Uyᵀ, T = Uxᵀ Σxy Uy *once*; then for
every ridge c

    C = (ex + λx)^(-1/2) T (ey + λy)^(-1/2) = A diag(ρ) Bᵀ,   codes (x − x̄) Ux (ex + λx)^(-1/2) A, the same for y

and for every (k, γ) the held-out rows are ranked by the CSA score Σ_{i≤k} ρ_i^γ û_i v̂_i. The score of a choice is the
mean reciprocal rank over both directions.

Views wider than `components` are first reduced to their leading principal components, and the refit sees the same
components, so what is returned is what was validated. The components of a view come from all its rows, never from
its partner: pairs of the held-out rows are not looked at.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kuamo.closed_form.cca import CCA, cca_from_moments, csa_codes, penalty_of
from kuamo.closed_form.linear import LinearMap
from kuamo.closed_form.moments import Covariances, as_features, check_finite, moments_of
from kuamo.errors import KuamoError

__all__ = ["Choice", "Trial", "choose", "fold_of_rows", "reciprocal_rank"]

Matrix = NDArray[np.float64]

RIDGES = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0)
DIMS = (16, 32, 64, 128, 256)
GAMMAS = (0.0, 1.0, 2.0)


class Trial(NamedTuple):
    """One row of the score table: a choice, its mean score over folds, and the standard error of that mean."""

    ridge: float
    dim: int
    gamma: float
    score: float
    error: float


@dataclass(frozen=True, eq=False)
class Choice:
    """What cross-validation chose, and the model that was then fitted to all rows.

    Args:
        cca: the regularised CCA of all rows at the chosen ridge and dim, from features (D,) to (k,).
        ridge: c. dim: k. gamma: γ.
        score: the mean reciprocal rank on held-out rows, both directions; chance is about ln(n)/n for galleries of n.
        correlations: (k,) correlations of the axes on *held-out* rows, mean over folds.
        gallery: the mean number of rows that each query was ranked among.
        table: every Trial, best first.
    """

    cca: CCA
    ridge: float
    dim: int
    gamma: float
    score: float
    correlations: Matrix
    gallery: float
    table: tuple[Trial, ...]

    def transform(self, x: ArrayLike, y: ArrayLike) -> tuple[NDArray, NDArray]:
        """Codes (n, k) and (m, k) whose dot product is the CSA score (see `csa_codes`)."""
        z_x, z_y = self.cca.transform(x, y)
        rho = self.cca.correlations
        return csa_codes(z_x, rho, self.gamma), csa_codes(z_y, rho, self.gamma)


def choose(
    x: ArrayLike,
    y: ArrayLike,
    *,
    folds: int = 5,
    ridges: Sequence[float] = RIDGES,
    dims: Sequence[int] = DIMS,
    gammas: Sequence[float] = GAMMAS,
    components: int = 384,
    gallery: int = 2000,
    seed: int = 0,
    groups: ArrayLike | None = None,
) -> Choice:
    """Cross-validated regularised CCA: the ridge c, size k and CSA exponent γ that retrieve held-out rows best.

    s(x, y) = Σ_{i≤k} ρ_i^γ û_i v̂_i on unit-norm codes û, v̂; score = mean over both directions of 1/rank of the partner.

    Args:
        x: (n, D_x) features. y: (n, D_y), row i belongs to row i of x.
        folds: 2 to n/2 (or the number of groups).
        ridges: c > 0 to try, in units of the mean variance of a component, the same for both views.
        dims: k to try; those larger than the data allow are cut down to what it allows.
        gammas: γ ≥ 0 to try.
        components: views with more features than this are reduced to so many principal components first.
        gallery: at most so many rows of a fold are ranked.
        seed: of the folds.
        groups: (n,) labels; rows of one group stay in one fold and count as right answers for each other.

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
        >>> choice = choose(x, y, dims=(4, 8))
        >>> choice.score > 0.9
        True
    """
    x, y = as_features(x, "x"), as_features(y, "y")
    check_options(len(x), len(y), folds, ridges, dims, gammas, components, gallery)
    labels = None if groups is None else as_labels(groups, len(x))
    basis_x, basis_y = principal_map(x, components, "x"), principal_map(y, components, "y")
    x, y = basis_x(x).astype(np.float64), basis_y(y).astype(np.float64)
    fold = fold_of_rows(len(x), folds, seed, labels)
    dims = sorted({min(dim, x.shape[1], y.shape[1], int((fold != 0).sum())) for dim in dims})

    total = moments_of([(x, y)])
    scores, correlations, sizes = [], [], []
    for held in held_out(fold, gallery, seed):
        shard = moments_of([(x[fold == held.fold], y[fold == held.fold])])
        solver = FoldSolver.of((total - shard).covariances(), x[held.rows], y[held.rows], dims[-1])
        same = None if labels is None else labels[held.rows][:, None] == labels[held.rows]
        by_ridge = [solver.codes(ridge) for ridge in ridges]
        scores.append([score_grid(codes, dims, gammas, same) for codes in by_ridge])
        correlations.append([held_correlations(u, v) for u, v, _ in by_ridge])
        sizes.append(len(held.rows))

    table = score_table(np.array(scores), ridges, dims, gammas)
    best = table[0]
    model = cca_from_moments(total, best.dim, ridge=best.ridge)
    return Choice(
        CCA(basis_x.then(model.x), basis_y.then(model.y), model.correlations),
        best.ridge,
        best.dim,
        best.gamma,
        best.score,
        np.mean(correlations, axis=0)[list(ridges).index(best.ridge), : best.dim],
        float(np.mean(sizes)),
        table,
    )


@dataclass(frozen=True, eq=False)
class FoldSolver:
    """Both views of one fold, turned to their principal axes, so that each further ridge costs one small problem."""

    cov_x: Matrix  # (p,) variances e on the axes
    cov_y: Matrix
    cross: Matrix  # T (p, q)
    held_x: Matrix  # (m, p) held-out rows on the axes
    held_y: Matrix
    dim: int

    @staticmethod
    def of(c: Covariances, held_x: Matrix, held_y: Matrix, dim: int) -> FoldSolver:
        """Decompose both covariances and turn everything else."""
        (e_x, u_x), (e_y, u_y) = np.linalg.eigh(c.xx), np.linalg.eigh(c.yy)
        turned_x, turned_y = (held_x - c.mean_x) @ u_x, (held_y - c.mean_y) @ u_y
        return FoldSolver(np.maximum(e_x, 0), np.maximum(e_y, 0), u_x.T @ c.xy @ u_y, turned_x, turned_y, dim)

    def codes(self, ridge: float) -> tuple[NDArray, NDArray, Matrix]:
        """Held-out codes (m, k) of both views, float32, and ρ (k,)."""
        scale_x = 1 / np.sqrt(self.cov_x + penalty_of(np.diag(self.cov_x), ridge) + TINY)
        scale_y = 1 / np.sqrt(self.cov_y + penalty_of(np.diag(self.cov_y), ridge) + TINY)
        a, rho, b = leading_svd(self.cross * scale_x[:, None] * scale_y, self.dim)
        z_x, z_y = self.held_x @ (scale_x[:, None] * a), self.held_y @ (scale_y[:, None] * b)
        return z_x.astype(np.float32), z_y.astype(np.float32), np.clip(rho, 0, 1)


TINY = float(np.finfo(np.float64).tiny)  # a view without variance divides zero by this, not by zero


def leading_svd(c: Matrix, k: int) -> tuple[Matrix, Matrix, Matrix]:
    """The k leading singular vectors and values by the smaller Gram matrix: a third of the time of an SVD.

    Vectors of values below 1e-8 are left at zero: squaring has cost them.
    """
    if c.shape[0] > c.shape[1]:
        b, s, a = leading_svd(c.T, k)
        return a, s, b
    values, vectors = np.linalg.eigh(c @ c.T)
    a = vectors[:, ::-1][:, :k]
    s = np.sqrt(np.maximum(values[::-1][:k], 0))
    inverse = np.divide(1, s, out=np.zeros_like(s), where=s > 1e-8)
    return a, s, c.T @ a * inverse


def principal_map(x: NDArray, components: int, name: str) -> LinearMap:
    """The leading principal axes of a view, or only its centring if it has no more than `components` features.

    With fewer rows than features the axes are those of the rows: x = K^(-1/2) rotated, K = XXᵀ, and nothing is lost.
    """
    total = x.sum(0, dtype=np.float64)
    check_finite(x, total, np.zeros((1, 1)), name)
    mean = total / len(x)
    size = min(components, len(x) - 1)
    if x.shape[1] <= size:
        return LinearMap(mean, np.eye(x.shape[1]))
    centred = x - mean
    if len(x) < x.shape[1]:
        axes = centred.T @ leading_axes(centred @ centred.T, size)
        norm = np.linalg.norm(axes, axis=0)
        return LinearMap(mean, axes / np.where(norm > 1e-8 * norm.max(initial=TINY), norm, np.inf))
    return LinearMap(mean, leading_axes(centred.T @ centred, size))


def leading_axes(gram: Matrix, k: int) -> Matrix:
    """Orthonormal (n, k): the k leading eigenvectors of a positive semi-definite matrix.

    A full `eigh` up to 1.5 k. Above, two rounds of subspace iteration from a fixed random start with k/8 spare
    directions: the trailing axes are then approximate, which costs a little variance and no correctness.
    """
    n = len(gram)
    if n <= 1.5 * k:
        return np.linalg.eigh(gram)[1][:, ::-1][:, :k]
    start = np.random.default_rng(0).standard_normal((n, k + k // 8))
    span = np.linalg.qr(gram @ (gram @ start))[0]
    turn = np.linalg.eigh(span.T @ gram @ span)[1]
    return span @ turn[:, ::-1][:, :k]


def fold_of_rows(n: int, folds: int, seed: int, groups: NDArray | None = None) -> NDArray[np.intp]:
    """The fold (n,) of every row: a shuffled deal of rows, or of whole groups, the largest first.

    Example:
        >>> fold_of_rows(4, 2, seed=0, groups=np.array([7, 7, 8, 8])).tolist() in ([0, 0, 1, 1], [1, 1, 0, 0])
        True
    """
    labels = np.arange(n) if groups is None else groups
    names, which, count = np.unique(labels, return_inverse=True, return_counts=True)
    if len(names) < folds:
        raise KuamoError(f"groups: given {len(names)} different ones; expected at least folds = {folds}")
    order = np.random.default_rng(seed).permutation(len(names))
    order = order[np.argsort(-count[order], kind="stable")]
    sizes, fold_of_group = np.zeros(folds, int), np.zeros(len(names), int)
    if groups is None:
        fold_of_group[order] = np.arange(n) % folds
        return fold_of_group[which]
    for group in order:
        fold_of_group[group] = sizes.argmin()
        sizes[fold_of_group[group]] += count[group]
    return fold_of_group[which]


class HeldOut(NamedTuple):
    """A fold and those of its rows that are ranked."""

    fold: int
    rows: NDArray[np.intp]


def held_out(fold: NDArray[np.intp], gallery: int, seed: int) -> Iterator[HeldOut]:
    """Each fold, with at most `gallery` of its rows, drawn at random."""
    rng = np.random.default_rng(seed)
    for number in range(fold.max() + 1):
        rows = np.flatnonzero(fold == number)
        yield HeldOut(number, np.sort(rng.permutation(rows)[:gallery]))


def score_grid(
    codes: tuple[NDArray, NDArray, Matrix],
    dims: Sequence[int],
    gammas: Sequence[float],
    same: NDArray[np.bool_] | None,
) -> list[list[float]]:
    """The score of every (k, γ), (len(dims), len(gammas))."""
    u, v, rho = codes
    return [
        [reciprocal_rank(csa_codes(u[:, :k], rho[:k], g) @ csa_codes(v[:, :k], rho[:k], g).T, same) for g in gammas]
        for k in dims
    ]


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
    score = np.asarray(score)
    if same is None:
        right = score.diagonal()
        ranks = [(score >= right[:, None]).sum(1), (score >= right).sum(0)]
    else:
        same = np.asarray(same)
        right, wrong = np.where(same, score, -np.inf), np.where(same, -np.inf, score)
        ranks = [1 + (wrong >= right.max(1)[:, None]).sum(1), 1 + (wrong >= right.max(0)).sum(0)]
    return float(np.mean([(1 / rank).mean() for rank in ranks]))


def held_correlations(u: NDArray, v: NDArray) -> Matrix:
    """Pearson correlation of each axis (k,) on held-out codes; 0 where an axis is constant."""
    u, v = (z.astype(np.float64) - z.mean(0, dtype=np.float64) for z in (u, v))
    size = np.sqrt((u * u).sum(0) * (v * v).sum(0))
    return np.divide((u * v).sum(0), size, out=np.zeros_like(size), where=size > 0)


def score_table(
    scores: NDArray, ridges: Sequence[float], dims: Sequence[int], gammas: Sequence[float]
) -> tuple[Trial, ...]:
    """Trials by falling mean score; scores (folds, ridges, dims, gammas). Of equals, the earlier in the grid."""
    mean, error = scores.mean(0), scores.std(0, ddof=1) / np.sqrt(len(scores))
    trials = [
        Trial(float(c), int(k), float(g), float(mean[i, j, l]), float(error[i, j, l]))
        for i, c in enumerate(ridges)
        for j, k in enumerate(dims)
        for l, g in enumerate(gammas)
    ]
    return tuple(sorted(trials, key=lambda trial: -trial.score))


def as_labels(groups: ArrayLike, n: int) -> NDArray[np.intp]:
    """Groups as numbers (n,)."""
    array = np.asarray(groups)
    if array.shape != (n,):
        raise KuamoError(f"groups: given shape {array.shape}; expected ({n},)")
    return np.unique(array, return_inverse=True)[1]


def check_options(
    n: int,
    rows_y: int,
    folds: int,
    ridges: Sequence[float],
    dims: Sequence[int],
    gammas: Sequence[float],
    components: int,
    gallery: int,
) -> None:
    """Refuse what cannot be cross-validated, by name."""
    if n != rows_y:
        raise KuamoError(f"views 'x' and 'y': given {n} and {rows_y} rows; expected as many in both")
    if n < 4 or not 2 <= folds <= n // 2:
        raise KuamoError(f"folds: given {folds} for {n} rows; expected 2 to {n // 2}, and at least 4 rows")
    low = {"ridges": (ridges, 0.0, ">"), "dims": (dims, 1, "≥"), "gammas": (gammas, 0.0, "≥")}
    for name, (values, least, sign) in low.items():
        if len(values) == 0 or any(v < least or (sign == ">" and v == least) or not np.isfinite(v) for v in values):
            raise KuamoError(f"{name}: given {tuple(values)}; expected at least one number, each {sign} {least:g}")
    if components < 1 or gallery < 2:
        raise KuamoError(f"components, gallery: given {components}, {gallery}; expected at least 1 and 2")
