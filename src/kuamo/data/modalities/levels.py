"""Grey levels of every type as bytes: the type, the file or the user says what is white; else it is refused."""

from __future__ import annotations

from typing import Any

import numpy as np

from kuamo.core.errors import CellError
from kuamo.core.messages import Note

__all__ = ["as_bytes", "stated_range"]

_BITS, _MOST, _LEAST_OF_KIND, _MOST_OF_KIND = 258, 281, 340, 341  # TIFF: BitsPerSample, MaxSampleValue, SMin-, SMax…


def as_bytes(levels: np.ndarray, low: float = 0.0, high: float | None = None) -> np.ndarray:
    """Levels as uint8: ⌊255 (x − low) / (high − low)⌉.

    Args:
        levels: (H, W) or (H, W, channels). low, high: what is black and white, if that is known.

    Example:
        >>> as_bytes(np.array([[0.0, 1.0]])).tolist(), as_bytes(np.array([[0, 2048, 4095]]), high=4095).tolist()
        ([[0, 255]], [[0, 128, 255]])
    """
    kind = levels.dtype
    if kind.kind == "b":
        return levels.astype(np.uint8) * 255
    if kind.kind not in "iuf" or not np.isfinite(levels).all():
        raise CellError(Note("cell_dtype", dtype=str(kind)), "uint8, uint16, truth values, or finite floats in [0, 1]")
    least, most = float(levels.min()), float(levels.max())
    if high is None:
        high = _white(kind, most)
    if high is None or high <= low or least < low or most > high:
        raise CellError(
            Note("cell_levels", dtype=str(kind), low=least, high=most),
            "uint8, uint16, floats in [0, 1], or Image(peak=...) with the value of white",
        )
    return ((levels.astype(np.float64) - low) / (high - low) * 255).round().astype(np.uint8)


def _white(kind: np.dtype, most: float) -> float | None:
    """What a type says is white; of 16 bits that use 12 of them at most, nobody knows."""
    if kind.kind == "f":
        return 1.0
    if most == 0:
        return 1.0
    sure = kind == np.uint8 or (kind.kind == "u" and kind.itemsize == 2 and most > 4095)
    return float(np.iinfo(kind).max) if sure else None


def stated_range(picture: Any) -> tuple[float, float | None]:
    """Black and white as a picture file states them: PNG and PPM span 16 bits; TIFF has tags for it."""
    if picture.format in ("PNG", "PPM"):
        return 0.0, 65535.0
    tags = getattr(picture, "tag_v2", None) or {}
    most = _number(tags.get(_MOST_OF_KIND)) or _number(tags.get(_MOST))
    if most:
        return _number(tags.get(_LEAST_OF_KIND)) or 0.0, most
    bits = _number(tags.get(_BITS))
    return 0.0, 2.0**bits - 1 if bits and bits < 16 else None


def _number(tag: Any) -> float | None:
    """A tag that is one number, or one for each channel."""
    if isinstance(tag, tuple):
        tag = max(tag, default=None)
    try:
        return None if tag is None else float(tag)
    except (TypeError, ValueError):
        return None
