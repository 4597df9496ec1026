"""Kernels of one column: what the measures of relation share.

d²_ij = ‖x_i − x_j‖²,   Gaussian  exp(−d² / 2f²m), m the median of d²,   centred  K − row means − column means
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kuamo.core.types import Matrix

__all__ = ["centered", "gaussian", "squared_distances"]


def squared_distances(x: NDArray[np.floating]) -> Matrix:
    """d² (n, n) of rows (n, D), in float64.

    Example:
        >>> squared_distances(np.array([[0.0], [3.0]]))
        array([[0., 9.],
               [9., 0.]])
    """
    x = x.astype(np.float64)
    x = x - x.mean(0)
    product = x @ x.T
    norm = np.diagonal(product)
    return np.maximum(norm[:, None] + norm - 2 * product, 0)


def gaussian(apart: Matrix, width: float = 1.0) -> Matrix:
    """exp(−d²/2f²m) of squared distances (n, n): f, the width, is in units of the median distance √m.

    Example:
        >>> gaussian(np.array([[0.0, 2.0], [2.0, 0.0]])).round(3)
        array([[1.   , 0.607],
               [0.607, 1.   ]])
    """
    median = max(float(np.median(apart[np.triu_indices(len(apart), 1)])), float(np.finfo(np.float64).tiny))
    return np.exp(-apart / (2 * median * width * width))


def centered(kernel: Matrix) -> Matrix:
    """The kernel of features about their mean.

    Example:
        >>> centered(np.array([[1.0, 0.0], [0.0, 1.0]]))
        array([[ 0.5, -0.5],
               [-0.5,  0.5]])
    """
    kernel = kernel - kernel.mean(0)
    return kernel - kernel.mean(1, keepdims=True)
