"""Orthogonal Procrustes: turn two views into each other without stretching either.

    Σxy = U diag(s) Vᵀ,   z_x = (x − x̄) U_k / √tr Σxx,   z_y = (y − ȳ) V_k / √tr Σyy

x̄, ȳ means, U (D_x, k) and V (D_y, k) orthonormal. U Vᵀ is the rotation that brings x nearest to y.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kuamo.closed_form.cca import axis_signs, check_dim
from kuamo.closed_form.linear_map import LinearMap
from kuamo.closed_form.moments import PairMoments, Precision, as_features, moments_of
from kuamo.closed_form.svd import svd

__all__ = ["procrustes", "procrustes_from_moments"]


def procrustes(
    x: ArrayLike, y: ArrayLike, dim: int = 64, *, precision: Precision = "float64"
) -> tuple[LinearMap, LinearMap]:
    """Orthogonal Procrustes of two centred, scaled views: max tr(Uᵀ Σxy V) over orthonormal U (D_x, k), V (D_y, k).

    Args:
        x: (n, D_x) features. y: (n, D_y), row i belongs to row i of x.
        dim: k, the size of the shared space, at most min(D_x, D_y).
        precision: of single products, as in `PairMoments`.

    Returns:
        The maps of x and of y. A view's total variance becomes 1 before it is turned; a constant view maps to zero.

    Raises:
        KuamoError: naming the view, if shapes do not fit, a value is not finite, n < 2 or dim is out of range.

    References:
        A generalized solution of the orthogonal Procrustes problem, P. H. Schönemann, 1966.

    Example:
        >>> x = np.random.default_rng(0).normal(size=(20, 2))
        >>> turn = np.array([[0.0, 1.0], [-1.0, 0.0]])
        >>> to_x, to_y = procrustes(x, 3 * x @ turn, dim=2)
        >>> bool(np.allclose(to_x(x), to_y(3 * x @ turn)))
        True
    """
    x, y = as_features(x, "x"), as_features(y, "y")
    check_dim(dim, x.shape[1], y.shape[1])
    return procrustes_from_moments(moments_of([(x, y)], precision=precision), dim)


def procrustes_from_moments(moments: PairMoments, dim: int = 64) -> tuple[LinearMap, LinearMap]:
    """`procrustes` from moments that were summed before.

    Args:
        moments: of the rows that have both views.
        dim: as in `procrustes`.

    Raises:
        KuamoError: if n < 2 or dim is out of range.

    Example:
        >>> to_x, to_y = procrustes_from_moments(moments_of([(np.eye(3), -np.eye(3))]), dim=2)
        >>> bool(np.allclose(to_x.weight, -to_y.weight))
        True
    """
    check_dim(dim, moments.dim_x, moments.dim_y)
    c = moments.covariances()
    u, _, vt = svd(c.xy)
    sign = axis_signs(u[:, :dim])
    return (
        LinearMap(c.mean_x, u[:, :dim] * sign * inverse_size(c.xx)),
        LinearMap(c.mean_y, vt[:dim].T * sign * inverse_size(c.yy)),
    )


def inverse_size(covariance: NDArray[np.float64]) -> float:
    """1/√tr Σ, or 0 for a view without variance."""
    total = float(np.trace(covariance))
    return 1 / float(np.sqrt(total)) if total > 0 else 0.0
