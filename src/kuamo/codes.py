"""Codes: points, or Gaussians, in the shared space; and the linear head that closed forms give.

    Code(mean (n, d), logvar (n, d) or None)        a point code's sample is its mean
    LinearHead:  h → (h − s) W → unit norm → · ρ^(γ/2)

Arrays are numpy's or torch's; nothing here imports torch. Trainable heads are in `heads.py`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from kuamo.closed_form import LinearMap

__all__ = ["Code", "LinearHead"]


@dataclass(frozen=True, eq=False)
class Code:
    """Codes of n rows.

    Args:
        mean: (n, d).
        logvar: (n, d), log-variances of Gaussian codes; `None` for point codes.
        present: (n,) bool, false where a row had nothing to encode (its mean is 0); `None` when all are there.

    Example:
        >>> code = Code(np.ones((2, 3)))
        >>> np.asarray(code).shape, len(code), code.gaussian
        ((2, 3), 2, False)
    """

    mean: Any
    logvar: Any = None
    present: Any = None

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        mean = self.mean.detach().cpu().numpy() if hasattr(self.mean, "detach") else np.asarray(self.mean)
        return mean if dtype is None else mean.astype(dtype)

    def __len__(self) -> int:
        return len(self.mean)

    def __getitem__(self, rows: Any) -> Code:
        def pick(array: Any) -> Any:
            return None if array is None else array[rows]

        return Code(pick(self.mean), pick(self.logvar), pick(self.present))

    @property
    def shape(self) -> tuple[int, ...]:
        """(n, d)."""
        return tuple(self.mean.shape)

    @property
    def gaussian(self) -> bool:
        """Has it a variance?"""
        return self.logvar is not None

    def sample(self, noise: Any) -> Any:
        """mean + exp(logvar / 2) · noise; a point code's sample is its mean.

        Args:
            noise: (n, d) standard normal.
        """
        return self.mean if self.logvar is None else self.mean + (0.5 * self.logvar).exp() * noise


@dataclass(frozen=True, eq=False)
class LinearHead:
    """The head of a closed form: a linear map, then unit norm, then a weight for each axis.

    The order matters: weights before unit norm rank differently.

    Args:
        map: features (n, D) → (n, d).
        scale: (d,) weight of each axis after normalising; `None` leaves codes as the map gives them.

    Example:
        >>> head = LinearHead(LinearMap(np.zeros(2), np.eye(2)), np.array([1.0, 0.5]))
        >>> np.asarray(head(np.array([[3.0, 4.0]], np.float32)))
        array([[0.6, 0.4]], dtype=float32)
    """

    map: LinearMap
    scale: np.ndarray | None = None
    gaussian: bool = field(default=False, init=False)

    @property
    def dim(self) -> int:
        """d, the size of a code."""
        return self.map.dim_out

    def __call__(self, features: np.ndarray) -> Code:
        """Codes (n, d) of features (n, D)."""
        z = self.map(features)
        if self.scale is not None:
            norm = np.linalg.norm(z, axis=1, keepdims=True)
            z = z / np.maximum(norm, np.finfo(z.dtype).tiny) * self.scale.astype(z.dtype)
        return Code(z)
