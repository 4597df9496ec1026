"""The singular value decomposition, kept from failing.

    C = U diag(s) Vᵀ

LAPACK's divide and conquer gives up on a few finite matrices ("SVD did not converge"; one covariance of 100 rows in
some hundred). Its older QR iteration (`gesvd`) is slower and does not.
"""

from __future__ import annotations

import numpy as np

from kuamo.core.types import Matrix

__all__ = ["svd"]


def svd(c: Matrix) -> tuple[Matrix, Matrix, Matrix]:
    """U (p, r), s (r,) falling, Vᵀ (r, q), r = min(p, q).

    Example:
        >>> u, s, vt = svd(np.array([[3.0, 0.0], [0.0, 4.0]]))
        >>> s
        array([4., 3.])
    """
    try:
        return np.linalg.svd(c, full_matrices=False)
    except np.linalg.LinAlgError:
        from scipy.linalg import svd as with_driver

        return with_driver(c, full_matrices=False, lapack_driver="gesvd")
