"""The singular value decomposition, kept from failing.

    C = U diag(s) Vᵀ

LAPACK's divide and conquer gives up on a few finite matrices ("SVD did not converge"; one covariance of 100 rows in
some hundred). Their transpose mostly converges; the symmetric matrix [[0, C], [Cᵀ, 0]], whose eigenvalues are ±s, does.
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
        pass
    try:
        v, s, ut = np.linalg.svd(c.T, full_matrices=False)
        return ut.T, s, v.T
    except np.linalg.LinAlgError:
        return svd_by_eigh(c)


def svd_by_eigh(c: Matrix) -> tuple[Matrix, Matrix, Matrix]:
    """`svd` from the eigenvectors of [[0, C], [Cᵀ, 0]], which are [u; v]/√2; u and v of zero values come by QR."""
    p, q = c.shape
    r = min(p, q)
    values, vectors = np.linalg.eigh(np.block([[np.zeros((p, p)), c], [c.T, np.zeros((q, q))]]))
    s, lead = np.maximum(values[::-1][:r], 0), np.sqrt(2) * vectors[:, ::-1][:, :r]
    real = s > 1e-14 * max(float(s[0]), np.finfo(np.float64).tiny)
    u, v = (orthonormal(part * real) for part in (lead[:p], lead[p:]))
    return u, s * real, v.T


def orthonormal(axes: Matrix) -> Matrix:
    """Orthonormal columns, equal to those that were; zero columns become directions at right angles to the rest."""
    rng = np.random.default_rng(0)
    empty = ~axes.any(0)
    filled = np.where(empty, rng.standard_normal(axes.shape), axes)
    q, r = np.linalg.qr(np.hstack([filled[:, ~empty], filled[:, empty]]))
    q = q * np.where(np.diagonal(r) < 0, -1.0, 1.0)
    out = np.empty_like(axes)
    out[:, ~empty], out[:, empty] = q[:, : (~empty).sum()], q[:, (~empty).sum() :]
    return out
