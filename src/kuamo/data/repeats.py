"""Repeats: rows that share a cell."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import numpy as np

from kuamo.core.errors import CellError
from kuamo.core.messages import Note
from kuamo.data.column import Column
from kuamo.data.modalities import Category, Number

__all__ = ["SPOKEN_OF", "cell_keys", "shared_cells"]

SPOKEN_OF = 0.02  # of the rows
MANY = 0.1  # of the rows; fewer different cells are names of kinds, which rows may well share
MOST = 20_000  # rows that are looked at


def cell_keys(column: Column, rows: int) -> np.ndarray:
    """(n,) a number for each of so many rows' cells of a column, equal for equal content; 0 where it is absent.

    No file is read: a name stands for what is in it.
    """
    found = np.zeros(min(rows, MOST), np.uint64)
    for entry, row in enumerate(column.row[: np.searchsorted(column.row, len(found))].tolist()):
        try:
            raw = column.raw(entry)
        except CellError:
            continue
        content = raw.tobytes() if isinstance(raw, np.ndarray) else repr(raw).encode("utf-8", "surrogatepass")
        digest = hashlib.blake2b(content, digest_size=8).digest()
        found[row] += np.frombuffer(digest, np.uint64)[0] | np.uint64(1)  # several values in any order; modulo 2⁶⁴
    return found


def shared_cells(train: Mapping[str, Column], test: Mapping[str, Column], rows: tuple[int, int]) -> list[Note]:
    """Columns of which test rows hold the very cells of training rows: what was learned by heart is then asked for."""
    notes = []
    for name, column in train.items():
        if isinstance(column.modality, Category | Number):
            continue
        known, asked = (cell_keys(part[name], count) for part, count in zip((train, test), rows, strict=True))
        asked = asked[asked != 0]
        share = float(np.isin(asked, known).mean()) if len(asked) else 0.0
        kinds = len(np.unique(np.concatenate([known[known != 0], asked])))
        if share > SPOKEN_OF and kinds >= MANY * sum(rows):
            notes.append(Note("split_shares", column=name, share=100 * share))
    return notes
