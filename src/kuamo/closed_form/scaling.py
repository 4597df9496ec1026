"""Features on one scale: zero mean and unit variance each, and every layer of them with the same total variance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kuamo.closed_form.kernel import KernelMap
from kuamo.closed_form.linear import LinearMap
from kuamo.closed_form.views import Map

__all__ = ["Scaling", "standardise"]


@dataclass(frozen=True, eq=False)
class Scaling:
    """x → (x − shift) · gain, column by column."""

    shift: np.ndarray
    gain: np.ndarray

    def __call__(self, x: np.ndarray) -> np.ndarray:
        return (x - self.shift) * self.gain

    def into(self, after: Map) -> Map:
        """One map that scales first."""
        if isinstance(after, KernelMap):
            return after.scaled(self.shift, self.gain)
        shift = self.shift + after.shift / self.gain
        return LinearMap(shift, self.gain[:, None] * after.weight, after.offset)


def standardise(x: np.ndarray, blocks: tuple[int, ...] | None) -> Scaling:
    """Zero mean and unit variance for each feature; each block of features then gets total variance 1.

    A feature without variance keeps the gain of its block's, so that a later change in it is not blown up.
    """
    shift, std = x.mean(axis=0), x.std(axis=0)
    floor = 1e-3 * float(np.sqrt((std**2).mean())) or 1.0
    gain = 1 / np.maximum(std, floor)
    if blocks:
        gain = gain / np.sqrt(np.repeat(blocks, blocks)) * np.sqrt(np.mean(blocks))
    return Scaling(shift.astype(np.float32), gain.astype(np.float32))
