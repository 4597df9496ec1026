"""Columns whose texts spell vectors or lists are read as such; words that look like gaps are said."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from kuamo.core.errors import TableError, shorten
from kuamo.core.messages import Note
from kuamo.data.modalities import Category, Modality, Number, Text, Vector
from kuamo.data.readers.csv_json import HOLES
from kuamo.data.readers.schema import sampled_cells
from kuamo.data.readers.spelled import CUT, is_json, numbers_alone, spelled

__all__ = ["hole_words", "read_spelled"]

FEWEST = 2  # numbers without brackets that are a vector
_COMMA = re.compile(r"\s*[+-]?\d+,\d+\s*")  # 1,5 or 1,234: one number


def read_spelled(name: str, cells: Any, kind: Modality | None, notes: list[str]) -> Any:
    """Cells as what most of the first ones spell; the same object where they spell nothing.

    Args:
        kind: what the user says that the column is; texts and classes stay what stands there, but for lists of them.
    """
    seen = sampled_cells(cells)
    texts = [cell for cell in seen if isinstance(cell, str)]
    if not texts or 2 * len(texts) <= len(seen) or isinstance(kind, Number | Category):
        return cells
    found = [spelled(cell) for cell in texts]
    bare = sum(each is None for each in found) * 2 > len(found)
    if bare and (kind is None or isinstance(kind, Vector)):
        found = [numbers_alone(cell) for cell in texts]
        if not _are_vectors(found) or all(map(_COMMA.fullmatch, texts)):
            return cells
    if 2 * sum(each is not None for each in found) <= len(seen):
        return cells
    vectors = any(isinstance(each, np.ndarray) for each in found)
    cut_short = any(isinstance(each, str) for each in found)
    if isinstance(kind, Text) and (vectors or cut_short):
        return cells
    if cut_short:
        cut = next(cell for cell, each in zip(texts, found) if isinstance(each, str))
        raise TableError(
            f"column {name!r}: given {shorten(cut)}, a list that was cut when it was written; expected all of it, as "
            f"JSON, in a Parquet file, or as .npy files"
        )
    if vectors or not all(map(is_json, texts)):
        notes.append(Note("table_vectors" if vectors else "table_lists", column=name))
    read = numbers_alone if bare else spelled
    return [_read(cells[k], read, name, k) for k in range(len(cells))]


def _are_vectors(found: list[Any]) -> bool:
    sizes = {len(each) for each in found if isinstance(each, np.ndarray)}
    cut = any(isinstance(each, str) for each in found)
    return None not in map(_size, found) and (cut or (len(sizes) == 1 and min(sizes) >= FEWEST))


def _size(each: Any) -> int | None:
    return None if each is None else len(each)


def _read(cell: Any, read: Any, name: str, row: int) -> Any:
    found = read(cell) if isinstance(cell, str) else None
    if isinstance(found, str) and found == CUT:
        raise TableError(f"column {name!r}, row {row}: given {shorten(cell)}, a list that was cut; expected all of it")
    return cell if found is None else found


def hole_words(columns: Mapping[str, Any]) -> list[str]:
    """Notes of columns of texts some of whose first cells say NA, None or the like."""
    notes: list[str] = []
    for name, cells in columns.items():
        words = dict.fromkeys(cell.strip() for cell in sampled_cells(cells) if isinstance(cell, str))
        said = [word for word in words if word in HOLES]
        if said:
            notes.append(Note("table_hole_words", column=name, words=", ".join(said[:3])))
    return notes
