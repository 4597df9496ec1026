"""Repeats: answers that are the same, of which a search counts one alone as right, and rows that share a cell."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from kuamo.errors import CellError
from kuamo.modalities import Category, Number
from kuamo.notes import Note

if TYPE_CHECKING:
    from kuamo.report import Pair
    from kuamo.table import Table

__all__ = ["repeated_answers", "shared_cells"]

SPOKEN_OF = 0.02  # of the rows
MANY = 0.1  # of the rows; fewer different cells are names of kinds, which rows may well share
MOST = 20_000  # rows that are looked at


def cell_keys(table: Table, name: str) -> np.ndarray:
    """(n,) a number for each row's cell of a column, equal for equal content; 0 where it is absent.

    No file is read: a name stands for what is in it.
    """
    column, found = table.column(name), np.zeros(min(len(table), MOST), np.uint64)
    for entry, row in enumerate(column.row[: np.searchsorted(column.row, len(found))].tolist()):
        try:
            raw = column.raw(entry)
        except CellError:
            continue
        content = raw.tobytes() if isinstance(raw, np.ndarray) else repr(raw).encode("utf-8", "surrogatepass")
        digest = hashlib.blake2b(content, digest_size=8).digest()
        found[row] += np.frombuffer(digest, np.uint64)[0] | np.uint64(1)  # several values in any order; modulo 2⁶⁴
    return found


def repeated_answers(table: Table, pairs: Mapping[str, Pair], positives: str) -> list[Note]:
    """Columns that are searched, of which several rows hold the same."""
    if positives != "row":
        return []
    notes = []
    for name in dict.fromkeys(pair.target for pair in pairs.values()):
        if isinstance(table.column(name).modality, Category | Number):
            continue  # it is said already that these are told
        keys = cell_keys(table, name)
        there = keys[keys != 0]
        times = np.unique(there, return_counts=True)[1]
        share = times[times > 1].sum() / max(len(there), 1)
        if share > SPOKEN_OF:
            notes.append(Note("remark_repeats", column=name, share=100 * share, count=int((times > 1).sum())))
    return notes


def shared_cells(train: Table, test: Table) -> list[Note]:
    """Columns of which test rows hold the very cells of training rows: what was learned by heart is then asked for."""
    notes = []
    for name, column in train.columns.items():
        if isinstance(column.modality, Category | Number):
            continue
        known, asked = (cell_keys(part, name) for part in (train, test))
        asked = asked[asked != 0]
        share = float(np.isin(asked, known).mean()) if len(asked) else 0.0
        kinds = len(np.unique(np.concatenate([known[known != 0], asked])))
        if share > SPOKEN_OF and kinds >= MANY * (len(train) + len(test)):
            notes.append(Note("split_shares", column=name, share=100 * share))
    return notes
