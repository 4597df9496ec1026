"""The exponential χ² kernel: for histograms, counts and shares, where a small number differs from none by much.

k(a, b) = exp(−γ/δ Σ (a − b)² / (a + b)),   δ: the mean of the sum over pairs of anchors
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from kuamo.closed_form.kernel_map import NystromMap
from kuamo.closed_form.linear_map import LinearMap
from kuamo.core.errors import KuamoError

__all__ = ["ChiSquaredMap", "chi_squared", "chi_squared_map"]

TILE = 1 << 22  # numbers at a time: n × m × D never is in memory


def chi_squared(x: NDArray, anchors: NDArray) -> NDArray[np.float32]:
    """Σ_j (x_j − a_j)² / (x_j + a_j), (n, m), of x (n, D) and anchors (m, D) that are not negative; 0/0 is 0.

    Negative numbers of x count as 0.

    References:
        Local Features and Kernels for Classification of Texture and Object Categories, Zhang et al., 2007.

    Example:
        >>> chi_squared(np.array([[1.0, 0.0]]), np.array([[1.0, 0.0], [0.0, 1.0]]))
        array([[0., 2.]], dtype=float32)
    """
    x, anchors = np.maximum(x, 0).astype(np.float32), anchors.astype(np.float32)
    out = np.empty((len(x), len(anchors)), np.float32)
    step = max(1, TILE // max(1, anchors.size))
    total = x.sum(1)[:, None] + anchors.sum(1)
    for start in range(0, len(x), step):
        part = x[start : start + step]
        # Σ (a − b)²/(a + b) = Σ (a + b) − 4 Σ ab/(a + b)
        both = part[:, None] + anchors
        np.divide(part[:, None] * anchors, both, out=both, where=both > 0)
        out[start : start + step] = total[start : start + step] - 4 * both.sum(-1)
    return np.maximum(out, 0)


@dataclass(frozen=True, eq=False)
class ChiSquaredMap(NystromMap):
    """A linear map of the kernel with anchors: z = exp(−rate · χ²(u, A)) W + b,   u = (x − s) · g.

    Args:
        anchors: A (m, D), not negative. rate: (1,) γ/δ. weight: W (m, d). offset: b (d,).
        shift, gain: s and g (D,), which bring features back to numbers that are not negative; 0 and 1 if not given.
    """

    anchors: NDArray[np.float32]
    rate: NDArray[np.float64]
    weight: NDArray[np.float64]
    offset: NDArray[np.float64]
    shift: NDArray[np.float64] | None = None
    gain: NDArray[np.float64] | None = None

    def __post_init__(self) -> None:
        m, d = len(self.anchors), np.shape(self.weight)[-1]
        shapes = {"rate": (1,), "weight": (m, d), "offset": (d,)}
        for name, shape in shapes.items():
            if np.shape(getattr(self, name)) != shape:
                raise KuamoError(f"{name}: given shape {np.shape(getattr(self, name))}; expected {shape}")

    def _tile(self, x: NDArray) -> NDArray:
        if self.shift is not None and self.gain is not None:
            x = (x.astype(np.float64) - self.shift) * self.gain
        kernel = np.exp(-np.float32(self.rate[0]) * chi_squared(x, self.anchors))
        return kernel @ self.weight.astype(np.float32) + self.offset.astype(np.float32)

    def then(self, after: LinearMap) -> ChiSquaredMap:
        """One map that does this and then `after`."""
        offset = (self.offset - after.shift) @ after.weight + after.offset
        return replace(self, weight=self.weight @ after.weight, offset=offset)


def chi_squared_map(anchors: NDArray, gamma: float = 1.0) -> ChiSquaredMap:
    """φ with φ(a)·φ(b) = k(a, b) among the anchors (m, D), and its best approximation elsewhere; see `kernel_map`.

    Raises:
        KuamoError: a negative number.

    Example:
        >>> rows = np.random.default_rng(0).random((5, 3)).astype(np.float32)
        >>> features = chi_squared_map(rows)(rows)
        >>> np.diag(features @ features.T).round(2)
        array([1., 1., 1., 1., 1.], dtype=float32)
    """
    if anchors.min(initial=0) < 0:
        raise KuamoError(f"given {float(anchors.min()):.4g} for a χ² kernel; expected numbers that are not negative")
    distance = chi_squared(anchors, anchors).astype(np.float64)
    rate = gamma / (distance.mean() or 1.0)
    values, vectors = np.linalg.eigh(np.exp(-rate * distance))
    real = values > 1e-5 * values[-1]
    weight = vectors[:, real] / np.sqrt(values[real])
    return ChiSquaredMap(anchors.astype(np.float32), np.array([rate]), weight, np.zeros(weight.shape[1]))
