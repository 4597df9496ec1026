"""What draws of a decoder lack: the part of a cell's spread, given the rest of its row, that they do not have.

    σ_l² = max(0, E(y_l − ȳ_l)² − E s_l²),     ȳ, s²: mean and variance of draws ŷ given the other columns of a row

Draws with noise of this σ added have the variance that cells have around what is predicted of them: also those of a
generator that varies too little, of a likelihood, which gives its mean, and of a flow that learned few rows by heart.
The noise of one axis is independent of that of another.

References:
    Simple and Effective VAE Training with Calibrated Decoders, Rybkin, Daniilidis and Levine, 2021 (σ in closed form,
    there of the mean alone).
"""

from __future__ import annotations

from dataclasses import dataclass
from zlib import crc32

import numpy as np

from kuamo.core.contracts import Stored

__all__ = ["ResidualNoise"]


@dataclass(frozen=True, eq=False)
class ResidualNoise(Stored):
    """Gaussian noise that is added to draws.

    Args:
        spread: σ (L,), in units of y.

    Example:
        >>> drawn = np.random.default_rng(0).normal(size=(400, 50, 1))
        >>> noise = ResidualNoise.of(np.random.default_rng(1).normal(size=(400, 1)) * 2, drawn)
        >>> noise.spread.round(), noise(np.zeros((2, 1)), seed=0).shape
        (array([2.]), (2, 1))
    """

    spread: np.ndarray

    @classmethod
    def of(cls, y: np.ndarray, drawn: np.ndarray) -> ResidualNoise:
        """Of cells y (n, L) and draws (n, K, L) for each; of one draw, s² is 0."""
        times = drawn.shape[1]
        within = drawn.var(1, ddof=1, dtype=np.float64).mean(0) if times > 1 else 0.0
        around = np.square(y - drawn.mean(1, dtype=np.float64)).mean(0) - within / times  # of the draws' mean itself
        return cls(np.sqrt(np.maximum(around - within, 0.0)))

    def __call__(self, y: np.ndarray, seed: int, column: str = "") -> np.ndarray:
        """y (…, L) with noise, which is another one for each column."""
        noise = np.random.default_rng([seed, crc32(column.encode("utf-8", "surrogatepass"))]).standard_normal(y.shape)
        return (y + self.spread * noise).astype(y.dtype)
