"""What maps of a kernel with anchors share: z = k(x, A) W + b, some rows at a time."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kuamo.core.errors import KuamoError

__all__ = ["NystromMap"]

TILE = 256  # rows at a time: their kernel never is n × m


class NystromMap(ABC):
    """A map of features (n, D) by anchors A (m, D) and a weight W (m, d)."""

    anchors: NDArray
    weight: NDArray[np.float64]

    @property
    def dim_in(self) -> int:
        """D, the size of a feature vector."""
        return self.anchors.shape[1]

    @property
    def dim_out(self) -> int:
        """d, the size of a code."""
        return self.weight.shape[1]

    def __call__(self, x: ArrayLike) -> NDArray[np.floating]:
        """The codes (n, d) of features (n, D), float32.

        Raises:
            KuamoError: if x is not (n, D).
        """
        x = np.asarray(x)
        if x.ndim != 2 or x.shape[1] != self.dim_in:
            raise KuamoError(f"features: given shape {x.shape}; expected (n, {self.dim_in})")
        out = np.empty((len(x), self.dim_out), np.float32)
        for start in range(0, len(x), TILE):
            out[start : start + TILE] = self._tile(np.asarray(x[start : start + TILE], np.float32))
        return out

    @abstractmethod
    def _tile(self, x: NDArray) -> NDArray:
        """Codes of a few rows."""
