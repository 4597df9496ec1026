"""Logistic regression with a ridge, of several classes: a convex problem, so it has one answer, found by L-BFGS.

    min_{W, b}  Σ_i s_i ℓ(y_i, o_i + x_i W + b) / Σ_i s_i + λ/2 ‖W‖²,      ℓ = −Σ_k y_k log softmax_k

x (n, D) features, y (n, K) indicators, s (n,) weights of rows, o (n, K) a fixed offset, W (D, K), b (K,). The
Hessian of ℓ is at most ½ I in every class, so ½ E[x_j²] + λ bounds that of feature j: steps begin at its inverse, which
is exact scaling where features are uncorrelated, as principal axes are.

References:
    Multinomial Logistic Regression Algorithm, Böhning, 1992 (the bound); On the Limited Memory BFGS Method for Large
    Scale Optimization, Liu and Nocedal, 1989.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from kuamo.core.errors import KuamoError
from kuamo.core.types import Matrix

__all__ = ["cross_entropy", "logistic", "minimize"]

MEMORY = 10  # pairs of steps and changes of the gradient that are remembered
CorrectionPair = tuple[Matrix, Matrix, float]  # a step s, the change y of the gradient, sᵀy


def logistic(
    x: NDArray[np.floating],
    y: NDArray[np.floating],
    penalty: float,
    *,
    weights: NDArray[np.floating] | None = None,
    start: tuple[Matrix, Matrix] | None = None,
    base: NDArray[np.floating] | None = None,
    steps: int = 200,
    tolerance: float = 1e-7,
) -> tuple[Matrix, Matrix]:
    """W (D, K) and b (K,), see the module.

    Args:
        x: (n, D). y: (n, K), rows sum to 1. penalty: λ ≥ 0. weights: s (n,), 1 if not given.
        start: W and b to begin at. base: o (n, K), 0 if not given. steps: at most so many.
        tolerance: see `minimize`.

    Example:
        >>> w, b = logistic(np.array([[-1.0], [1.0]]), np.eye(2), 0.1)
        >>> bool(w[0, 0] < 0 < w[0, 1]), bool(abs(b).max() < 1e-6)
        (True, True)
    """
    if x.ndim != 2 or y.ndim != 2 or len(x) != len(y) or len(x) == 0 or penalty < 0:
        raise KuamoError(f"given x {x.shape}, y {y.shape}, penalty {penalty}; expected (n, D), (n, K), at least 0")
    (n, size), classes = x.shape, y.shape[1]
    share = np.ones(n) if weights is None else np.asarray(weights, np.float64)
    share = share / share.sum()
    curve = np.append(0.5 * (share @ np.square(x)) + penalty, 0.5)[:, None]

    def loss(theta: Matrix) -> tuple[float, Matrix]:
        w, b = theta[:-1], theta[-1]
        z = (x @ w.astype(x.dtype) + b.astype(x.dtype)).astype(np.float64)
        logp = log_softmax(z if base is None else z + base)
        error = share[:, None] * (np.exp(logp) - y)
        value = -float(share @ (y * logp).sum(1)) + 0.5 * penalty * float(np.vdot(w, w))
        slope = (x.T @ error.astype(x.dtype)).astype(np.float64) + penalty * w
        return value, np.vstack([slope, error.sum(0)])

    first = np.zeros((size + 1, classes)) if start is None else np.vstack([start[0], start[1][None]])
    theta = minimize(loss, first, 1 / curve, steps, tolerance)
    return theta[:-1], theta[-1] - theta[-1].mean()


def log_softmax(z: Matrix) -> Matrix:
    """log softmax over the last axis."""
    z = z - z.max(1, keepdims=True)
    return z - np.log(np.exp(z).sum(1, keepdims=True))


def cross_entropy(z: Matrix, y: NDArray[np.floating], weights: NDArray[np.floating] | None = None) -> float:
    """Mean of −Σ_k y_k log softmax_k(z) over rows, weighted if weights (n,) are given.

    Example:
        >>> round(cross_entropy(np.zeros((1, 2)), np.eye(2)[:1]), 3)
        0.693
    """
    return float(np.average(-(y * log_softmax(np.asarray(z, np.float64))).sum(1), weights=weights))


def minimize(
    loss: Callable[[Matrix], tuple[float, Matrix]],
    theta: Matrix,
    scale: Matrix,
    steps: int,
    tolerance: float = 1e-7,
) -> Matrix:
    """L-BFGS with halved steps until the loss has fallen enough. SciPy's ends elsewhere, up to .03 away in W.

    Args:
        loss: θ → value and gradient. theta: where to begin. scale: the first inverse Hessian, a diagonal.
        tolerance: it ends where a step promises less than this share of the value.

    Example:
        >>> minimize(lambda t: (float(np.square(t - 3).sum()), 2 * (t - 3)), np.zeros((1, 1)), np.full((1, 1), 0.4), 50)
        array([[3.]])
    """
    value, slope = loss(theta)
    known: list[CorrectionPair] = []
    for _ in range(steps):
        way = -direction(slope, known, scale)
        promise = float(np.vdot(way, slope))
        if -promise <= tolerance * max(abs(value), 1e-12):
            break
        length = 1.0
        while True:
            after = theta + length * way
            new, new_slope = loss(after)
            if new <= value + 1e-4 * length * promise or length < 1e-6:
                break
            length /= 2
        if new >= value:
            break
        step, change = after - theta, new_slope - slope
        if (curvature := float(np.vdot(step, change))) > 0:
            known = [*known[1 - MEMORY :], (step, change, curvature)]
        theta, value, slope = after, new, new_slope
    return theta


def direction(slope: Matrix, known: list[CorrectionPair], scale: Matrix) -> Matrix:
    """The inverse Hessian, as the last steps estimate it, times the gradient (the two loops of L-BFGS)."""
    way, shares = slope, []
    for step, change, curvature in reversed(known):
        share = float(np.vdot(step, way)) / curvature
        shares.append(share)
        way = way - share * change
    if known:
        _, change, curvature = known[-1]
        way = scale * way * float(curvature / np.vdot(change, scale * change))
    else:
        way = scale * way
    for (step, change, curvature), share in zip(known, reversed(shares)):
        way = way + step * (share - float(np.vdot(change, way)) / curvature)
    return way
