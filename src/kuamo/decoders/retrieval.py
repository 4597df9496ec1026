"""The retrieval decoder: what a column would hold is what it holds somewhere, where the code is nearest.

y = argmax_k s(z, z_k),   over the codes z_k of distinct texts;   n of them: the n nearest
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["Retrieval"]

TILE = 4096


@dataclass(frozen=True, eq=False)
class Retrieval:
    """One of K known things, by its code.

    Args:
        codes: (K, d), by the space's score comparable by their dot product.

    Example:
        >>> decoder = Retrieval(np.eye(3, dtype=np.float32))
        >>> decoder.sample(np.array([[0.1, 0.9, 0.0]])), decoder.nearest(np.array([[0.1, 0.9, 0.0]]), 2)
        (array([[1.]], dtype=float32), array([[[1.],
                [0.]]], dtype=float32))
    """

    codes: np.ndarray

    def sample(self, z: np.ndarray, rng: Any = None) -> np.ndarray:
        """The number (n, 1) of the nearest."""
        return self.nearest(z, 1)[:, 0]

    def nearest(self, z: np.ndarray, n: int) -> np.ndarray:
        """The numbers (B, n, 1) of the n nearest of codes (B, d), best first; again from the first if K < n."""
        found = []
        for start in range(0, len(z), TILE):
            scores = np.asarray(z[start : start + TILE], np.float32) @ self.codes.T
            found.append(np.argsort(-scores, axis=1, kind="stable")[:, np.arange(n) % len(self.codes)])
        order = np.concatenate(found) if found else np.zeros((0, n))
        return order.astype(np.float32)[..., None]

    def config(self) -> dict[str, Any]:
        """Nothing but its codes."""
        return {}

    def arrays(self) -> dict[str, np.ndarray]:
        """What is stored."""
        return {"codes": self.codes}

    @classmethod
    def from_arrays(cls, config: dict[str, Any], arrays: dict[str, np.ndarray]) -> Retrieval:
        """The stored decoder."""
        return cls(arrays["codes"])
