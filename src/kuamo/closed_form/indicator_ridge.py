"""Ridge regression onto class indicators, with what each row would get had it not been there.

    f(x) = m + φ(x) W,   W = (ΦᵀΦ + λ I)⁻¹ Φᵀ (T − m)
    f₋ᵢ(xᵢ) = tᵢ − (tᵢ − f(xᵢ)) / (1 − Hᵢᵢ),   H = Φ (ΦᵀΦ + λ I)⁻¹ Φᵀ

One decomposition of ΦᵀΦ serves every ridge and every target.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["IndicatorRidge", "indicators"]


@dataclass(frozen=True, eq=False)
class IndicatorRidge:
    """Features turned to their principal axes: ψ (n, r), their squares' sums g (r,), and the axes V (D, r)."""

    turned: NDArray[np.float64]
    size: NDArray[np.float64]
    axes: NDArray[np.float64]

    def left_out(self, target: NDArray, ridge: float) -> NDArray[np.float64]:
        """Scores (n, C) of every row from all the others, for targets (n, C); the mean counts the row itself.

        References:
            Cross-Validatory Choice and Assessment of Statistical Predictions, Stone, 1974 (PRESS).

        Example:
            >>> x = indicators(np.array([[1.0], [-1.0], [2.0], [-2.0]]))
            >>> x.left_out(np.eye(2)[[0, 1, 0, 1]], 1.0).argmax(1)
            array([0, 1, 0, 1])
        """
        mean = target.mean(0)
        shrink = 1 / (self.size + ridge)
        fitted = mean + self.turned @ (shrink[:, None] * (self.turned.T @ (target - mean)))
        lever = (self.turned**2) @ shrink
        return target - (target - fitted) / np.maximum(1 - lever, 1e-6)[:, None]

    def weight(self, target: NDArray, ridge: float) -> NDArray[np.float64]:
        """W (D, C)."""
        inner = self.turned.T @ (target - target.mean(0))
        return self.axes @ (inner / (self.size + ridge)[:, None])


def indicators(features: NDArray) -> IndicatorRidge:
    """Decompose features Φ (n, D) once."""
    features = np.asarray(features, np.float64)
    values, axes = np.linalg.eigh(features.T @ features)
    real = values > 1e-10 * max(float(values[-1]), 1e-300)
    return IndicatorRidge(features @ axes[:, real], values[real], axes[:, real])
