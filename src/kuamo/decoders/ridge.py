"""The ridge decoder: the closed form that every trained decoder must beat.

    E[y | z] = (z − z̄) W + ȳ,   W = (Σzz + λI)⁻¹ Σzy

It is fitted on the codes of every column that has the row, not only the target's own: translation starts elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from kuamo.closed_form import LinearMap

__all__ = ["Ridge"]


@dataclass(frozen=True, eq=False)
class Ridge:
    """p(y | z) with its mean linear in z; a point decoder.

    Example:
        >>> Ridge(LinearMap(np.zeros(2), np.eye(2))).sample(np.ones((1, 2), np.float32))
        array([[1., 1.]], dtype=float32)
    """

    map: LinearMap

    def loss(self, y: np.ndarray, z: np.ndarray, rng: Any = None) -> np.ndarray:
        """Squared error (n,)."""
        return ((self.sample(z) - y) ** 2).sum(axis=1)

    def sample(self, z: np.ndarray, rng: Any = None) -> np.ndarray:
        """The conditional mean (n, L)."""
        return self.map(np.asarray(z))

    def config(self) -> dict[str, Any]:
        """Nothing but its arrays."""
        return {}

    def arrays(self) -> dict[str, np.ndarray]:
        """What is stored."""
        return {"shift": self.map.shift, "weight": self.map.weight, "offset": self.map.offset}

    @classmethod
    def from_arrays(cls, config: dict[str, Any], arrays: dict[str, np.ndarray]) -> Ridge:
        """The stored decoder."""
        return cls(LinearMap(arrays["shift"], arrays["weight"], arrays["offset"]))
