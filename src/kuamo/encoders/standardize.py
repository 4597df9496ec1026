"""The encoders of numbers that users bring: each feature in units of its own.

    features = (x − s) · g,   s the mean of the rows of a fit, g = 1 / their standard deviation

Weights in kilograms beside times in nanoseconds have no common scale, so none is supposed: a feature is judged by
itself, against the resolution of its own numbers. All is computed in float64, and only what comes out is float32.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kuamo.closed_form.scaling import RunningSpread, Scaling
from kuamo.core.contracts import Stored
from kuamo.core.errors import KuamoError
from kuamo.encoders.base import Encoder

__all__ = ["Scalar", "Standardize"]

FARTHEST = 1e12  # standard deviations: beyond, float32 could not hold the square


class Standardize(Encoder, Stored):
    """Vectors → features (n, D) of zero mean and unit variance each.

    A feature that does not vary among the rows of a fit is 0, whatever it is later: nothing is known of its unit.

    Args:
        shift: s (D,). gain: g (D,), 0 where a feature does not vary.

    Example:
        >>> encoder = Standardize.of([np.array([[1e9, 5.0], [1e9 + 2, 5.0]])])
        >>> encoder(np.array([[1e9 + 2, 5.0]])).tolist(), encoder.inverse([[1.0, 0.0]]).tolist()
        ([[1.0, 0.0]], [[1000000002.0, 5.0]])
    """

    cached = False  # nothing is saved by keeping a copy

    def __init__(self, shift: ArrayLike, gain: ArrayLike) -> None:
        self.shift: NDArray[np.float64] = np.array(shift, np.float64).reshape(-1)
        self.gain: NDArray[np.float64] = np.array(gain, np.float64).reshape(-1)

    @classmethod
    def of(cls, blocks: Iterable[ArrayLike]) -> Any:
        """Of the rows of a fit, in blocks (n, D); blocks of another width than the first one's are passed over."""
        found = RunningSpread()
        for block in blocks:
            found.add(np.asarray(block))
        if found.count == 0:
            raise KuamoError("no rows to standardize by; expected at least one")
        return cls(found.mean, found.gain(0.0))

    @property
    def fingerprint(self) -> str:
        return f"standardize/1:{hashlib.sha256(self.shift.tobytes() + self.gain.tobytes()).hexdigest()}"

    def prepare(self, value: Any) -> NDArray[np.floating]:
        """The vector, in its own precision."""
        return np.asarray(value)

    def __call__(self, batch: ArrayLike) -> NDArray[np.float32]:
        """Features (n, D) of vectors (n, D)."""
        x = np.asarray(batch, np.float64)
        if x.ndim != 2 or x.shape[1] != len(self.shift):
            raise KuamoError(f"given vectors of shape {x.shape}; expected (n, {len(self.shift)})")
        with np.errstate(over="ignore"):
            return np.clip((x - self.shift) * self.gain, -FARTHEST, FARTHEST).astype(np.float32)

    def inverse(self, features: ArrayLike) -> NDArray[np.float64]:
        """The vectors (…, D) that features stand for."""
        varies = self.gain > 0
        return np.asarray(features, np.float64) * varies / np.where(varies, self.gain, 1.0) + self.shift

    def back(self) -> Scaling:
        """Features → vectors, as a scaling; what does not vary becomes 0."""
        varies = self.gain > 0
        return Scaling(-self.shift * self.gain, varies / np.where(varies, self.gain, 1.0))


class Scalar(Standardize):
    """Number → a feature (1,) of zero mean and unit variance; without arguments the number itself.

    Example:
        >>> encoder = Scalar([10.0], [0.5])
        >>> encoder(np.stack([encoder.prepare(14.0)])).tolist(), encoder.inverse([[2.0]]).tolist()
        ([[2.0]], [[14.0]])
    """

    def __init__(self, shift: ArrayLike = (0.0,), gain: ArrayLike = (1.0,)) -> None:
        super().__init__(shift, gain)

    def prepare(self, value: float) -> NDArray[np.floating]:
        """(1,)."""
        return np.array([value], np.float64)

    def arrays(self) -> dict[str, np.ndarray]:
        """Nothing of the number itself, as 0.1 stored it."""
        return {} if (self.shift == 0).all() and (self.gain == 1).all() else super().arrays()
