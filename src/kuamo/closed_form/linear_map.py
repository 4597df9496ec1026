"""Linear maps: what every closed form returns.

    z = (x − s) W + b

x (n, D) features, s (D,) shift, W (D, d) weight, b (d,) offset, z (n, d) codes. All three are kept in float64, so
that a map that is solved once loses nothing; codes come back in the precision of what was given.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kuamo.core.errors import KuamoError

__all__ = ["LinearMap"]


@dataclass(frozen=True, eq=False)
class LinearMap:
    """A linear map with a shift before and an offset after it: z = (x − shift) weight + offset.

    Args:
        shift: (D,) subtracted from features, usually their mean.
        weight: (D, d).
        offset: (d,) added to codes; zeros when it is left out.

    Raises:
        KuamoError: if the three shapes do not fit together.

    Example:
        >>> double = LinearMap(shift=[1.0, 0.0], weight=[[2.0], [0.0]])
        >>> double(np.float32([[3, 9]]))
        array([[4.]], dtype=float32)
    """

    shift: NDArray[np.float64]
    weight: NDArray[np.float64]
    offset: NDArray[np.float64] = field(default=None)  # type: ignore[arg-type]

    def __post_init__(self) -> None:
        weight = np.asarray(self.weight, np.float64)
        if weight.ndim != 2:
            raise KuamoError(f"weight: given shape {weight.shape}; expected (D, d)")
        parts = {"shift": (self.shift, weight.shape[0]), "offset": (self.offset, weight.shape[1])}
        for name, (value, size) in parts.items():
            vector = np.zeros(size) if value is None else np.asarray(value, np.float64)
            if vector.shape != (size,):
                raise KuamoError(f"{name}: given shape {vector.shape}; expected ({size},)")
            object.__setattr__(self, name, vector)
        object.__setattr__(self, "weight", weight)

    @property
    def dim_in(self) -> int:
        """D, the size of a feature vector."""
        return self.weight.shape[0]

    @property
    def dim_out(self) -> int:
        """d, the size of a code."""
        return self.weight.shape[1]

    def __call__(self, x: ArrayLike) -> NDArray[np.floating]:
        """The codes (n, d) of features (n, D): float32 for float32 and float16, float64 for the rest.

        Raises:
            KuamoError: if x is not (n, D).
        """
        x = np.asarray(x)
        if x.ndim != 2 or x.shape[1] != self.dim_in:
            raise KuamoError(f"features: given shape {x.shape}; expected (n, {self.dim_in})")
        dtype = np.float32 if x.dtype in (np.float32, np.float16) else np.float64
        shift: NDArray[Any] = self.shift.astype(dtype)
        # At a mean of 1e6 a float32 shift is off by up to .03; the map of that remainder goes into the offset.
        offset = self.offset + (shift - self.shift) @ self.weight
        return (np.asarray(x, dtype) - shift) @ self.weight.astype(dtype) + offset.astype(dtype)

    def then(self, after: LinearMap) -> LinearMap:
        """One map that does this and then `after`: x ↦ after(self(x)).

        Raises:
            KuamoError: if `after` takes codes of another size.

        Example:
            >>> half = LinearMap(shift=[0.0], weight=[[0.5]])
            >>> half.then(half).weight
            array([[0.25]])
        """
        if after.dim_in != self.dim_out:
            raise KuamoError(f"then: given a map of size {after.dim_in}; expected size {self.dim_out}")
        offset = (self.offset - after.shift) @ after.weight + after.offset
        return LinearMap(self.shift, self.weight @ after.weight, offset)
