"""Linear regression from one view to another, with a penalty or with a bottleneck.

    W = (Σxx + λI)⁻¹ Σxy,   ŷ = (x − x̄) W + ȳ,   λ = c tr(Σxx)/D_x

Σxx (D_x, D_x) and Σxy (D_x, D_y) covariances, W (D_x, D_y) weights, c the penalty.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from kuamo.closed_form.cca import floor_of, penalty_of, whitener
from kuamo.closed_form.linear_map import LinearMap
from kuamo.closed_form.moments import Covariances, PairMoments, Precision, moments_of
from kuamo.closed_form.svd import svd
from kuamo.core.errors import KuamoError
from kuamo.core.types import Matrix

__all__ = ["reduced_rank", "reduced_rank_from_moments", "ridge", "ridge_from_moments"]


def ridge(x: ArrayLike, y: ArrayLike, penalty: float = 0.1, *, precision: Precision = "float64") -> LinearMap:
    """Ridge regression of y on x: min_W ‖Y − XW‖² + (n − 1) λ ‖W‖², λ = penalty · tr(Σxx)/D_x.

    Args:
        x: (n, D_x) features. y: (n, D_y) targets, row i belongs to row i of x.
        penalty: c, in units of the mean variance of a feature of x. At 0, the shortest least-squares solution among
            directions that have variance.
        precision: of single products, as in `PairMoments`.

    Returns:
        LinearMap (D_x,) → (D_y,); its offset is the mean of y.

    Raises:
        KuamoError: naming the view, if shapes do not fit, a value is not finite, n < 2 or penalty < 0.

    References:
        Ridge regression: biased estimation for nonorthogonal problems, A. E. Hoerl and R. W. Kennard, 1970.

    Example:
        >>> x = np.arange(4.0)[:, None]
        >>> ridge(x, 3 * x + 1, penalty=0.0)([[10.0]]).round(6)
        array([[31.]])
    """
    return ridge_from_moments(moments_of([(x, y)], precision=precision), penalty)


def ridge_from_moments(moments: PairMoments, penalty: float = 0.1) -> LinearMap:
    """`ridge` from moments that were summed before.

    Args:
        moments: of the rows that have both views.
        penalty: as in `ridge`.

    Raises:
        KuamoError: if n < 2 or penalty < 0.

    Example:
        >>> ridge_from_moments(moments_of([([[0.0], [1.0]], [[5.0], [7.0]])]), 0.0).weight.round(6)
        array([[2.]])
    """
    c = moments.covariances()
    white, target = whitened_target(c, penalty)
    return LinearMap(c.mean_x, white @ target, c.mean_y)


def reduced_rank(
    x: ArrayLike, y: ArrayLike, rank: int, penalty: float = 0.1, *, precision: Precision = "float64"
) -> LinearMap:
    """Reduced-rank ridge regression: the best W of rank k for the same loss as `ridge`.

    With (Σxx + λI)^(-1/2) Σxy = U diag(s) Vᵀ it is W = W_ridge V_k V_kᵀ.

    Args:
        x: (n, D_x) features. y: (n, D_y) targets.
        rank: k, 1 to min(D_x, D_y). At the largest it is `ridge`.
        penalty, precision: as in `ridge`.

    Returns:
        LinearMap (D_x,) → (D_y,) whose weight has rank k.

    Raises:
        KuamoError: as `ridge`, or if rank is out of range.

    References:
        Reduced-rank regression for the multivariate linear model, A. J. Izenman, 1975.

    Example:
        >>> x = np.random.default_rng(0).normal(size=(50, 3))
        >>> int(np.linalg.matrix_rank(reduced_rank(x, x, rank=1).weight))
        1
    """
    return reduced_rank_from_moments(moments_of([(x, y)], precision=precision), rank, penalty)


def reduced_rank_from_moments(moments: PairMoments, rank: int, penalty: float = 0.1) -> LinearMap:
    """`reduced_rank` from moments that were summed before.

    Args:
        moments: of the rows that have both views.
        rank, penalty: as in `reduced_rank`.

    Raises:
        KuamoError: as in `reduced_rank`.

    Example:
        >>> m = moments_of([(np.eye(3), np.eye(3))])
        >>> int(np.linalg.matrix_rank(reduced_rank_from_moments(m, 1).weight))
        1
    """
    most = min(moments.dim_x, moments.dim_y)
    if not 1 <= rank <= most:
        raise KuamoError(f"rank: given {rank}; expected 1 to {most}")
    c = moments.covariances()
    white, target = whitened_target(c, penalty)
    u, s, vt = svd(target)
    return LinearMap(c.mean_x, white @ (u[:, :rank] * s[:rank]) @ vt[:rank], c.mean_y)


def whitened_target(c: Covariances, penalty: float) -> tuple[Matrix, Matrix]:
    """W₀ with W₀W₀ᵀ = (Σxx + λI)⁻¹, and W₀ᵀ Σxy."""
    if not (np.isfinite(penalty) and penalty >= 0):
        raise KuamoError(f"penalty: given {penalty!r}; expected a number ≥ 0")
    white = whitener(c.xx, penalty_of(c.xx, penalty), floor_of(c))
    return white, white.T @ c.xy
