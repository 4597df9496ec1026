"""Arrays of rows and entries: what numbers a value, which entries lie in which rows, means by row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from kuamo.core.types import Layout

__all__ = ["entries_in_rows", "factorize", "is_absent", "row_means"]


def is_absent(raw: Any) -> bool:
    """Is this an empty cell? `None`, NaN or NaT in any library's form, or an empty list.

    Example:
        >>> [is_absent(cell) for cell in (None, float("nan"), np.float32("nan"), [], np.array([]), 0.0, "")]
        [True, True, True, True, True, False, False]
    """
    if raw is None or type(raw).__name__ in ("NAType", "NaTType"):
        return True
    if isinstance(raw, float | np.floating | np.datetime64 | np.timedelta64):
        return bool(raw != raw)
    return (isinstance(raw, list | tuple) or (isinstance(raw, np.ndarray) and raw.ndim == 1)) and len(raw) == 0


def entries_in_rows(row: np.ndarray, rows: np.ndarray) -> Layout:
    """Entries that belong to `rows`, and for each the place of its row in `rows`. `row` is ascending.

    Example:
        >>> entries_in_rows(np.array([0, 0, 2]), np.array([2, 0, 1]))
        (array([2, 0, 1]), array([0, 1, 1]))
    """
    first, last = np.searchsorted(row, rows, "left"), np.searchsorted(row, rows, "right")
    count = last - first
    position = np.repeat(np.arange(len(rows)), count)
    start = np.repeat(first - np.concatenate([[0], np.cumsum(count)[:-1]]), count)
    return start + np.arange(count.sum()), position


def factorize(values: Sequence[Any]) -> np.ndarray:
    """Equal values, equal numbers; −1 for what is absent.

    Example:
        >>> factorize(["a", None, "b", "a"])
        array([ 0, -1,  1,  0])
    """
    known: dict[str, int] = {}
    return np.array([-1 if is_absent(v) else known.setdefault(str(v), len(known)) for v in values], dtype=np.int64)


def row_means(x: np.ndarray, row: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """The mean of each row's entries, for the rows asked for: x (n, D), row (n,) ascending → (len(rows), D)."""
    kept = np.isin(row, rows)
    if kept.all() and len(row) == len(rows):
        return x
    x, row = x[kept], row[kept]
    _, first, count = np.unique(row, return_index=True, return_counts=True)
    return np.add.reduceat(x, first, axis=0) / count[:, None].astype(x.dtype)
