"""What a table is made of, checked: names, sizes and ids; rows by their numbers; and what a column holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from kuamo.core.arrays import is_absent
from kuamo.core.errors import TableError, is_unicode, shorten
from kuamo.core.validation import check_unique
from kuamo.data.modalities import Modality, Text
from kuamo.data.readers.schema import Unread, sampled_cells, vote_of
from kuamo.data.readers.spelled_cells import hole_words

__all__ = ["check_names", "common_size", "infer_modality", "is_source", "positions", "unique_ids"]


def is_source(columns: Any) -> bool:
    """Is it something to be read, though it is a mapping: a dict of datasets?"""
    return bool(columns) and all(hasattr(each, "with_format") for each in columns.values())


def common_size(sizes: Mapping[str, int]) -> int:
    """The one size that all columns have."""
    size = next(iter(sizes.values()))
    if set(sizes.values()) != {size}:
        raise TableError(f"given columns of unequal length {dict(sizes)}; expected {size} everywhere")
    return size


def check_names(names: Sequence[Any]) -> None:
    """Refuse columns without a name that can be said and stored."""
    for name in names:
        if not isinstance(name, str) or not name.strip() or not is_unicode(name):
            raise TableError(f"given a column called {name!r}; expected a name, in Unicode text that is not empty")


def positions(rows: Any, size: int) -> np.ndarray:
    """(k,) row numbers from 0: of numbers, negative ones from the end; of a slice; or of a truth value for each row."""
    try:
        if isinstance(rows, slice):
            return np.arange(size)[rows]
        if isinstance(rows, str | bytes | Mapping | set | frozenset):
            raise TypeError
        found = np.asarray(rows if hasattr(rows, "__array__") or isinstance(rows, range) else list(rows))
    except (TypeError, ValueError):
        found = np.asarray(None)
    if found.ndim != 1 or (found.dtype.kind not in "iub" and len(found)):
        raise TableError(
            f"given the rows {shorten(rows)}; expected a list of whole numbers, or a truth value for each row"
        )
    if found.dtype.kind == "b":
        if len(found) != size:
            raise TableError(f"given {len(found)} truth values of {size} rows; expected one for each")
        return np.flatnonzero(found)
    outside = found[(found >= size) | (found.astype(object) < -size)] if len(found) else found
    if len(outside):
        raise TableError(f"given row {outside[0]}; the table has {size}, numbered from 0")
    found = found.astype(np.int64)
    return np.where(found < 0, found + size, found)


def unique_ids(ids: list[Any]) -> list[str]:
    """Names of rows as texts; refuse those that are absent or given twice."""
    absent = [row for row, name in enumerate(ids) if is_absent(name)]
    if absent:
        raise TableError(f"row {absent[0]}: the id is missing; expected an id in every row, or no `id` column")
    names = [str(name) for name in ids]
    check_unique(names)
    return names


def infer_modality(name: str, cells: Sequence[Any], notes: list[str]) -> Modality:
    """The built-in modality of most of the column's first cells."""
    found = vote_of(cells)
    if found is None or isinstance(found, Unread):
        seen = sampled_cells(cells)
        given = f"cells like {describe_raw(seen[0])}" if seen else "no cell that is present"
        names = f"; modalities={{{name!r}: km.Text()}} takes them as texts" if isinstance(found, Unread) else ""
        raise TableError(
            f"column {name!r}: given {given}; expected text, images, audio or vectors, "
            f"or a modality of your own: modalities={{{name!r}: ...}}{names}"
        )
    notes += hole_words({name: cells}) if isinstance(found, Text) else []
    return found


def describe_raw(cell: Any) -> str:
    """A raw cell in a few words, for an error message."""
    if isinstance(cell, np.ndarray):
        return f"arrays of {cell.dtype} of shape {cell.shape}"
    return f"{type(cell).__name__} {shorten(cell)}"
