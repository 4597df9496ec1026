"""Vectors: numbers that are features already."""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from kuamo.core.errors import CellError, shorten
from kuamo.core.messages import Note
from kuamo.core.validation import check_int
from kuamo.data.modalities.base import Modality, as_array, describe_value, failed, read_bytes

__all__ = ["LARGEST", "Vector", "within_limits", "without_mask"]

LARGEST = 1e100  # a number, so that squares and sums of squares are numbers too


@dataclass(frozen=True)
class Vector(Modality):
    """A vector; canonical value: float64 (D,), finite, or float32 if that was given. With `dim` given, any other
    size is refused.

    Reads a list or an array of numbers, or the path of a `.npy` file with one.

    Example:
        >>> Vector().read([1, 2, 3])
        array([1., 2., 3.])
    """

    dim: int | None = None

    def __post_init__(self) -> None:
        if self.dim is not None:
            check_int(1, dim=self.dim)

    def accepts(self, raw: Any) -> bool:
        """A 1-D array, a list of numbers, or the name of a `.npy` file."""
        if isinstance(raw, str | Path):
            return Path(raw).suffix.lower() == ".npy"
        raw = as_array(raw)
        if isinstance(raw, np.ndarray):
            return raw.ndim == 1 and raw.dtype.kind in "fiub"
        return (
            isinstance(raw, list | tuple)
            and len(raw) > 0
            and all(isinstance(number, int | float | np.number) for number in raw)
        )

    def read(self, raw: Any) -> np.ndarray:
        """The vector as finite numbers, in float64 unless it comes in less."""
        raw = _load(raw) if isinstance(raw, Path) else as_array(raw)
        try:
            vector = without_mask(raw) if np.ma.isMaskedArray(raw) else np.asarray(raw)
            if vector.dtype.kind == "c":  # NumPy would drop the imaginary part
                raise TypeError
            vector = vector.astype(np.float32 if vector.dtype in (np.float16, np.float32) else np.float64)
        except (TypeError, ValueError, OverflowError):
            raise CellError(
                Note("cell_kind", kind=type(raw).__name__, value=shorten(raw)), "a vector of numbers"
            ) from None
        if vector.ndim != 1 or vector.size == 0:
            raise CellError(Note("cell_array", shape=str(vector.shape)), "a vector (D,)")
        if self.dim is not None and len(vector) != self.dim:
            raise CellError(Note("cell_size", size=len(vector)), f"size {self.dim}")
        fits = within_limits(vector)
        if not fits.all():
            place, wanted = int(fits.argmin()), f"finite numbers up to {LARGEST:g}"
            raise CellError(Note("cell_at", value=str(vector[place]), place=place), wanted)
        return vector

    def write(self, value: np.ndarray, path: Path) -> None:
        """As one line of text, comma-separated."""
        np.savetxt(path, self.read(value)[None], delimiter=",")

    def show(self, value: np.ndarray) -> str:
        """Its first numbers."""
        return f"vector ({len(value)}): " + " ".join(f"{x:.2g}" for x in value[:4]) + (" …" * (len(value) > 4))


def without_mask(numbers: np.ndarray) -> np.ndarray:
    """A masked array as an array, NaN where it is masked.

    Example:
        >>> without_mask(np.ma.masked_array([1.0, 2.0], [False, True]))
        array([ 1., nan])
    """
    return np.ma.filled(numbers.astype(np.result_type(numbers.dtype, np.float32)), np.nan)


def within_limits(numbers: np.ndarray) -> np.ndarray:
    """Which numbers are finite, and small enough to be squared.

    Example:
        >>> within_limits(np.array([1.0, np.nan, np.inf, 1e300])).tolist()
        [True, False, False, False]
    """
    return np.abs(numbers) <= _largest(numbers.dtype)


@cache
def _largest(dtype: np.dtype) -> float:
    return min(LARGEST, float(np.finfo(dtype).max)) if dtype.kind == "f" else LARGEST


def _load(path: Path) -> np.ndarray:
    content = read_bytes(path, "a vector (.npy)")
    try:
        return np.load(io.BytesIO(content), allow_pickle=False)
    except Exception as error:  # a damaged header fails in many ways
        raise CellError(failed(describe_value(path), error), "a .npy file of numbers") from None
