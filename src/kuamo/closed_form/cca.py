"""Canonical correlation analysis, plain and regularised.

    C = Wx₀ᵀ Σxy Wy₀ = U diag(ρ) Vᵀ,   Wx = Wx₀ U,   Wy = Wy₀ V

Σ (D, D) covariances, W₀ (D, r) a whitener with W₀ᵀ(Σ + λI)W₀ = I, ρ (k,) canonical correlations in falling order,
λ = c tr(Σ)/D. At c = 0 this is Hotelling's CCA; as c grows, directions of little variance count for less.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kuamo.closed_form.arc_cosine_kernel import KernelMap
from kuamo.closed_form.linear_map import LinearMap
from kuamo.closed_form.moments import Covariances, PairMoments, Precision, as_features, moments_of
from kuamo.closed_form.svd import svd
from kuamo.core.errors import KuamoError
from kuamo.core.types import Matrix

__all__ = ["CCAMaps", "cca", "cca_from_moments", "csa_codes", "penalty_of", "whitener"]

RidgePair = float | tuple[float, float]

MANY = 16384  # rows from which rounding of single products averages out below 1e-6, and time begins to matter


@dataclass(frozen=True, eq=False)
class CCAMaps:
    """Two linear maps into a shared space, and how strongly its axes correlate.

    Args:
        x: the map of view x, (D_x,) → (k,), linear or of a kernel. Codes have unit variance on each axis of the
            training rows at ridge 0.
        y: the map of view y, (D_y,) → (k,).
        correlations: (k,) canonical correlations ρ, falling; of the *training* rows, so near 1 whenever n ≲ D.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> x = rng.normal(size=(500, 3))
        >>> y = np.c_[x[:, :1], rng.normal(size=(500, 2))]
        >>> cca(x, y, dim=1).correlations.round(3)
        array([1.])
    """

    x: LinearMap | KernelMap
    y: LinearMap | KernelMap
    correlations: Matrix

    def transform(self, x: ArrayLike, y: ArrayLike) -> tuple[NDArray, NDArray]:
        """The canonical variates of both views, (n, k) and (m, k)."""
        return self.x(x), self.y(y)


def cca(
    x: ArrayLike,
    y: ArrayLike,
    dim: int = 64,
    *,
    ridge: RidgePair = 0.0,
    precision: Precision | Literal["auto"] = "auto",
) -> CCAMaps:
    """Regularised canonical correlation analysis of two views.

    max tr(Wxᵀ Σxy Wy) subject to Wxᵀ(Σxx + λx I)Wx = Wyᵀ(Σyy + λy I)Wy = I,   λ = c tr(Σ)/D.

    Args:
        x: (n, D_x) features. y: (n, D_y), row i belongs to row i of x.
        dim: k, the size of the shared space, at most min(D_x, D_y). Where the data has a smaller rank, the columns
            beyond it are zero, and so are their correlations.
        ridge: c, in units of the mean variance of a feature; one number, or one for each view. At 0, directions
            without variance are left out (pseudo-inverse).
        precision: of single products, as in `PairMoments`; sums are float64. "auto" takes float32 for float32 views
            of many rows if no feature is nearly a combination of others (correlations are then right to 1e-6), else
            float64.

    Returns:
        CCA with two maps and k correlations.

    Raises:
        KuamoError: naming the view, what was given and what was expected: 2-D, finite, as many rows, n ≥ 2,
            1 ≤ dim ≤ min(D_x, D_y), ridge ≥ 0.

    References:
        Relations between two sets of variates, H. Hotelling, 1936.
        Canonical ridge and econometrics of joint production, H. D. Vinod, 1976.
        Numerical methods for computing angles between linear subspaces, Å. Björck and G. H. Golub, 1973.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> x, noise = rng.normal(size=(2, 1000, 4))
        >>> cca(x, x + noise, dim=2, ridge=0.01).correlations.round(1)
        array([0.7, 0.7])
    """
    x, y = as_features(x, "x"), as_features(y, "y")
    check_dim(dim, x.shape[1], y.shape[1])
    if precision != "auto":
        return cca_from_moments(moments_of([(x, y)], precision=precision), dim, ridge=ridge)
    if x.dtype == y.dtype == np.float32 and len(x) >= MANY:
        quick = moments_of([(x, y)], precision="float32")
        if float32_suffices(quick, ridge):
            return cca_from_moments(quick, dim, ridge=ridge)
    return cca_from_moments(moments_of([(x, y)]), dim, ridge=ridge)


def float32_suffices(moments: PairMoments, ridge: RidgePair) -> bool:
    """Is every feature's own share of variance, beyond what the others explain, a hundred thousand times rounding?"""
    c = moments.covariances()
    return all(
        least_pivot(cov + penalty_of(cov, own) * np.eye(len(cov))) > 0.01
        for cov, own in zip((c.xx, c.yy), ridge_pair(ridge), strict=True)
    )


def least_pivot(covariance: Matrix) -> float:
    """The smallest share of a feature's variance that the features before it leave unexplained; 0 if there is none."""
    scale = np.sqrt(np.diagonal(covariance))
    if not (scale > 0).all():
        return 0.0
    try:
        lower = np.linalg.cholesky(covariance / scale / scale[:, None])
    except np.linalg.LinAlgError:
        return 0.0
    return float((np.diagonal(lower) ** 2).min())


def cca_from_moments(moments: PairMoments, dim: int = 64, *, ridge: RidgePair = 0.0) -> CCAMaps:
    """`cca` from moments that were summed before, over any number of shards.

    Args:
        moments: of the rows that have both views.
        dim, ridge: as in `cca`.

    Raises:
        KuamoError: as in `cca`.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> m = moments_of((x, -x) for x in rng.normal(size=(10, 100, 3)))
        >>> cca_from_moments(m, dim=2).correlations.round(6)
        array([1., 1.])
    """
    check_dim(dim, moments.dim_x, moments.dim_y)
    c = moments.covariances()
    ridge_x, ridge_y = ridge_pair(ridge)
    white_x = whitener(c.xx, penalty_of(c.xx, ridge_x), floor_of(c))
    white_y = whitener(c.yy, penalty_of(c.yy, ridge_y), floor_of(c))
    u, rho, vt = svd(white_x.T @ c.xy @ white_y)
    weight_x, weight_y = white_x @ u[:, :dim], white_y @ vt[:dim].T
    sign = axis_signs(weight_x)
    return CCAMaps(
        LinearMap(c.mean_x, zero_padded(weight_x * sign, dim)),
        LinearMap(c.mean_y, zero_padded(weight_y * sign, dim)),
        zero_padded(np.minimum(rho[:dim], 1.0)[None], dim)[0],
    )


def gram_svd(c: Matrix, k: int) -> tuple[Matrix, Matrix, Matrix]:
    """U (p, k), s (k,), V (q, k): leading singular vectors and values, by the smaller Gram matrix.

    A third of the time of an SVD. Squaring costs the vectors of values below 1e-8: they are left at zero on one side.
    """
    if c.shape[0] > c.shape[1]:
        v, s, u = gram_svd(c.T, k)
        return u, s, v
    values, vectors = np.linalg.eigh(c @ c.T)
    u, s = vectors[:, ::-1][:, :k], np.sqrt(np.maximum(values[::-1][:k], 0))
    return u, s, c.T @ u * np.divide(1, s, out=np.zeros_like(s), where=s > 1e-8)


def csa_codes(z: ArrayLike, correlations: ArrayLike, gamma: float = 1.0) -> NDArray:
    """Codes whose dot product is the CSA score: unit norm first, then each axis times ρ^(γ/2).

    s(x, y) = Σ_i ρ_i^γ û_i v̂_i. The order matters: weighting first and normalising then ranks differently.

    Args:
        z: (n, k) canonical variates. correlations: (k,) ρ in [0, 1]. gamma: γ ≥ 0; at 0 the score is the cosine.

    Returns:
        (n, k), in the precision of z. A row of zeros stays zero.

    References:
        CSA: Data-efficient Mapping of Unimodal Features to Multimodal Features, Li et al., ICLR 2025.

    Example:
        >>> csa_codes([[3.0, 4.0]], [1.0, 0.25])
        array([[0.6, 0.4]])
    """
    z = as_features(z, "codes")
    norm = np.linalg.norm(z, axis=1, keepdims=True)
    scale = np.clip(np.asarray(correlations, np.float64), 0, 1) ** (gamma / 2)
    return z / np.maximum(norm, np.finfo(z.dtype).tiny) * scale.astype(z.dtype)


def penalty_of(covariance: Matrix, ridge: float) -> float:
    """λ = c tr(Σ)/D: the ridge in units of the mean variance of a feature."""
    return ridge * float(np.trace(covariance)) / len(covariance)


def whitener(covariance: Matrix, penalty: float, floor: float) -> Matrix:
    """W (D, r) with Wᵀ(Σ + λI)W = I, over the r directions that have variance.

    Cholesky where Σ + λI is safely positive definite, else the eigenvectors of its correlation matrix with eigenvalues
    above `floor`. The two differ by a rotation, which changes no canonical correlation.

    Example:
        >>> whitener(np.diag([4.0, 0.0]), 0.0, 1e-12)
        array([[0.5],
               [0. ]])
    """
    regular = covariance + penalty * np.eye(len(covariance))
    scale = np.sqrt(np.maximum(np.diagonal(regular), 0))
    kept = np.flatnonzero(scale > 0)
    inverse = 1 / scale[kept]
    # As a correlation matrix, so that the units of a column decide nothing.
    correlation = regular[np.ix_(kept, kept)] * inverse * inverse[:, None]
    weight = np.zeros((len(covariance), 0))
    if len(kept):
        root = whitening(correlation, floor)
        weight = np.zeros((len(covariance), root.shape[1]))
        weight[kept] = root * inverse[:, None]
    return weight


def whitening(correlation: Matrix, floor: float) -> Matrix:
    """W with Wᵀ R W = I over the numerical range of a correlation matrix R."""
    try:
        lower = np.linalg.cholesky(correlation)
        # Pivot j is the share of column j that the columns before it do not explain.
        if (np.diagonal(lower) ** 2).min() > floor:
            return np.linalg.inv(lower).T
    except np.linalg.LinAlgError:
        pass
    values, vectors = np.linalg.eigh(correlation)
    real = values > floor * values[-1]
    return vectors[:, real] / np.sqrt(values[real])


def floor_of(c: Covariances) -> float:
    """What share of variance rounding alone can make: below it a direction is not in the data."""
    return c.noise * max(c.xy.shape)


def ridge_pair(ridge: RidgePair) -> tuple[float, float]:
    """One ridge for each view, checked."""
    pair = ridge if isinstance(ridge, tuple) else (ridge, ridge)
    if len(pair) != 2 or not all(np.isfinite(c) and c >= 0 for c in pair):
        raise KuamoError(f"ridge: given {ridge!r}; expected a number ≥ 0, or one for each of the two views")
    return float(pair[0]), float(pair[1])


def check_dim(dim: int, dim_x: int, dim_y: int) -> None:
    """Refuse a shared space that is larger than a view."""
    if not 1 <= dim <= min(dim_x, dim_y):
        small = "x" if dim_x <= dim_y else "y"
        raise KuamoError(
            f"dim: given {dim}; expected 1 to {min(dim_x, dim_y)}, the number of features of view {small!r}"
        )


def axis_signs(weight: Matrix) -> Matrix:
    """±1 per column, so that its largest entry becomes positive: a factorisation leaves the sign to chance."""
    if weight.size == 0:
        return np.ones(weight.shape[1])
    largest = np.take_along_axis(weight, np.abs(weight).argmax(0)[None], 0)[0]
    return np.where(largest < 0, -1.0, 1.0)


def zero_padded(matrix: Matrix, columns: int) -> Matrix:
    """`matrix` with zero columns at the right up to `columns`."""
    return np.pad(matrix, ((0, 0), (0, columns - matrix.shape[1])))
