"""What draws of a decoder lack: the part of the spread of cells, given the rest of their row, that they do not have.

    Σ = [E (y − ȳ)(y − ȳ)ᵀ − E S]₊,     ȳ, S: mean and covariance of draws ŷ given the other columns of a row

[·]₊ leaves out negative eigenvalues; or all but the diagonal is left out, where that is nearer to held-out cells. Draws
with Gaussian noise of this covariance added have the variance that cells have around what is predicted of them: also
those of a generator that varies too little, of a likelihood, which gives its mean, and of a flow that learned few rows
by heart.

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
        factor: F (L, r), in units of y: the covariance is F Fᵀ; or σ (L,) of independent noise.

    Example:
        >>> drawn = np.random.default_rng(0).normal(size=(400, 50, 1))
        >>> noise = ResidualNoise.of(np.random.default_rng(1).normal(size=(400, 1)) * 2, drawn)
        >>> noise.spread.round(), noise(np.zeros((2, 1)), seed=0).shape
        (array([2.], dtype=float32), (2, 1))
    """

    factor: np.ndarray

    @classmethod
    def of(cls, y: np.ndarray, drawn: np.ndarray, *, diagonal: bool = False) -> ResidualNoise:
        """Of cells y (n, L) and draws (n, K, L) for each; of one draw, S is 0.

        Where L > n, Σ is sought among the n directions in which cells are off.
        """
        off, apart, unit = _square_roots(y, drawn)
        if diagonal:
            lacking = np.square(off).sum(0) - np.square(apart).sum(0)
            return cls(unit * np.sqrt(np.maximum(lacking, 0.0)))
        axes = np.linalg.qr(off.T)[0] if off.shape[1] > len(off) else None
        if axes is not None:
            off, apart = off @ axes, apart @ axes
        value, vector = np.linalg.eigh(off.T @ off - apart.T @ apart)
        some = value > 1e-9 * max(value[-1], 0.0)
        root = vector[:, some] * np.sqrt(value[some])
        return cls((unit[:, None] * (root if axes is None else axes @ root)).astype(np.float32))

    @property
    def spread(self) -> np.ndarray:
        """σ (L,)."""
        return self.factor if self.factor.ndim == 1 else np.sqrt(np.square(self.factor).sum(1))

    def __call__(self, y: np.ndarray, seed: int, column: str = "") -> np.ndarray:
        """y (n, L) with noise, which is another one for each column."""
        rng = np.random.default_rng([seed % 2**32, crc32(column.encode("utf-8", "surrogatepass"))])
        noise = rng.standard_normal((len(y), self.factor.shape[-1]))
        return (y + (noise * self.factor if self.factor.ndim == 1 else noise @ self.factor.T)).astype(y.dtype)


def _square_roots(y: np.ndarray, drawn: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Matrices A (n, L) and B (nK, L) with AᵀA = E (y − ȳ)(y − ȳ)ᵀ and BᵀB = E S, in units (L,) of the errors.

    The mean of K draws varies by S/K itself, so S counts by 1 + 1/K.
    """
    count, times, width = drawn.shape
    mean = drawn.mean(1, dtype=np.float64)
    off, apart = y - mean, (drawn - mean[:, None]).reshape(-1, width)
    unit = np.sqrt(np.square(off).mean(0))
    unit = np.where(unit > 0, unit, 1.0)
    share = (1 + 1 / times) / max(times - 1, 1)
    return off / unit / np.sqrt(count), apart / unit * np.sqrt(share / count), unit
