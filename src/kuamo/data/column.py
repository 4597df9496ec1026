"""Column: one modality's cells, raw, and which of them are there.

    entry k  =  value raw(k) in row row[k]       an absent cell is no entry; a cell of several values is several

The cells stay where they are (a list, an Arrow array, a Parquet file); a column holds two integers an entry. Views of
one column share what was found unreadable, so that a bad cell is found once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np

from kuamo.core.arrays import entries_in_rows, is_absent
from kuamo.core.errors import CellError, visible
from kuamo.core.messages import Note
from kuamo.core.types import Layout
from kuamo.data.modalities import Modality, Vector
from kuamo.data.modalities.vector import within_limits

__all__ = ["Column", "LazyColumn", "RowView", "layout"]


@runtime_checkable
class LazyColumn(Protocol):
    """Cells that are not a list: they say themselves what is there, without reading it all."""

    def __len__(self) -> int:
        """How many cells."""

    def __getitem__(self, position: int) -> Any:
        """One cell as a plain value, a list of values, or `None`."""

    def layout(self, modality: Modality) -> Layout:
        """Position (n,) and part (n,) of each entry; part −1 is the cell itself."""


class Column:
    """One modality's cells, raw, seen through the rows that the table keeps.

    Args:
        name: the column's. modality: what its cells are. cells: all of them, of this view or not.

    `given` counts the entries before any was dropped.

    Example:
        >>> from kuamo.data.modalities import Text
        >>> column = Column("text", Text(), ["a", None, ["b", "c"]])
        >>> column.row.tolist(), column.raw(2), column.take(np.array([2, 0])).row.tolist()
        ([0, 2, 2], 'c', [0, 0, 1])
    """

    def __init__(self, name: str, modality: Modality, cells: Sequence[Any] | LazyColumn) -> None:
        self.name, self.modality, self._cells = name, modality, cells
        self._layout = layout(cells, modality)
        self._bad: dict[tuple[int, int], str] = {}
        self._rows = np.arange(len(cells))
        self._row, self._position, self._part = self._layout[0], *self._layout
        self.given = len(self._row)

    def __getitem__(self, row: int) -> Any:
        return self._cells[int(self._rows[row])]

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[Any]:
        return (self[row] for row in range(len(self)))

    def __repr__(self) -> str:
        there = len(np.unique(self._row))
        return visible(f"Column {self.name}: {type(self.modality).__name__}, {there:,} of {len(self):,} cells")

    @property
    def cells(self) -> RowView:
        """The cells of this view's rows."""
        return RowView(self._cells, self._rows)

    def take(self, rows: np.ndarray) -> Column:
        """The same column with these rows only; no cell is read or copied."""
        other = object.__new__(Column)
        other.name, other.modality, other._cells = self.name, self.modality, self._cells
        other._layout, other._bad, other._rows = self._layout, self._bad, self._rows[rows]
        other._pack()
        return other

    @property
    def row(self) -> np.ndarray:
        """(n,) row number of each entry, ascending."""
        return self._row

    def raw(self, entry: int) -> Any:
        """The raw content of one entry."""
        part = int(self._part[entry])
        try:
            cell = self._cells[int(self._position[entry])]
        except CellError:
            raise
        except Exception as error:  # Arrow's readers raise many kinds on damaged data
            raise CellError(
                Note("cell_unreadable", kind=type(error).__name__, error=str(error)), "whole data"
            ) from None
        return cell[part] if part >= 0 else cell

    def stacked(self, entries: np.ndarray) -> np.ndarray | None:
        """The raw content of these entries as one array (n, …), where the cells are one array of numbers, or a list of
        arrays of one shape and type; else `None`.

        Example:
            >>> from kuamo.data.modalities import Vector
            >>> Column("pose", Vector(), np.eye(3)).stacked(np.array([2, 0])).tolist()
            [[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]
        """
        cells, position = self._cells, self._position[entries]
        if isinstance(cells, list) and len(position) and not (self._part[entries] >= 0).any():
            given = [cells[place] for place in position.tolist()]
            kinds = {(one.dtype, one.shape) if type(one) is np.ndarray else None for one in given}
            if len(kinds) > 1 or None in kinds:
                return None
            return _numbers(np.stack(given))
        return _numbers(cells[position]) if isinstance(cells, np.ndarray) else None

    def vectors(self, entries: np.ndarray) -> np.ndarray | None:
        """These entries (n, D) of a column of vectors, a tenth of the time of one by one.

        `None` where they do not lie in arrays, or one of them is bad, so that the error is that of reading it.
        """
        found = self.stacked(entries) if type(self.modality) is Vector else None
        if found is None or found.ndim != 2 or found.shape[1] != (self.modality.dim or found.shape[1]):  # type: ignore[attr-defined]
            return None
        return found if found.size and within_limits(found).all() else None

    def distinct(self) -> tuple[np.ndarray, np.ndarray]:
        """Entries (k,) of different raw content, the first of each, and which of them (n,) every entry is.

        Bytes and texts (and names of files) are compared by content; other cells are all their own.

        Example:
            >>> from kuamo.data.modalities import Text
            >>> Column("text", Text(), ["a", "b", "a"]).distinct()
            (array([0, 1]), array([0, 1, 0]))
        """
        known: dict[Any, int] = {}
        first: list[int] = []
        which = np.zeros(len(self._row), dtype=np.int64)
        for entry in range(len(self._row)):
            raw = self.raw(entry)
            key = raw if isinstance(raw, bytes | str) else entry
            if key not in known:
                known[key] = len(first)
                first.append(entry)
            which[entry] = known[key]
        return np.asarray(first, dtype=np.int64), which

    def drop(self, found: dict[int, str]) -> None:
        """From now on these entries (entry → why) are absent, here and in views taken later."""
        for entry, why in found.items():
            self._bad[int(self._position[entry]), int(self._part[entry])] = why
        self._pack()

    def detach(self) -> None:
        """From now on what is dropped here stays in the views that this one was taken from."""
        self._bad = dict(self._bad)

    def skipped(self) -> list[tuple[int, str]]:
        """(row, why) of each cell that was dropped."""
        if not self._bad:
            return []
        rows: dict[int, list[int]] = {}
        for row, position in enumerate(self._rows.tolist()):
            rows.setdefault(position, []).append(row)
        return sorted((row, why) for (position, _), why in self._bad.items() for row in rows.get(position, []))

    def _pack(self) -> None:
        position, part = self._layout
        self.given = len(entries_in_rows(position, self._rows)[0])
        if self._bad:
            keep = np.array([key not in self._bad for key in zip(position.tolist(), part.tolist())], dtype=bool)
            position, part = position[keep], part[keep]
        entry, self._row = entries_in_rows(position, self._rows)
        self._position, self._part = position[entry], part[entry]


def _numbers(cells: np.ndarray) -> np.ndarray | None:
    """An array of several numbers a cell, else `None`."""
    plain = cells.ndim > 1 and cells.dtype.kind in "fiub" and not np.ma.isMaskedArray(cells)
    return cells if plain else None


def layout(cells: Sequence[Any] | LazyColumn, modality: Modality) -> Layout:
    """Position (n,) and part (n,) of each entry; part −1 is the cell itself."""
    if isinstance(cells, LazyColumn):
        return cells.layout(modality)
    if isinstance(cells, np.ndarray) and cells.dtype.kind in "iub":
        return np.arange(len(cells)), np.full(len(cells), -1)
    if isinstance(cells, np.ndarray) and cells.dtype.kind == "f" and cells.ndim > 1:
        return np.arange(len(cells)), np.full(len(cells), -1)
    position: list[int] = []
    part: list[int] = []
    for number, cell in enumerate(cells):
        if is_absent(cell):
            continue
        if isinstance(cell, list | tuple) and not modality.accepts(cell):
            there = [k for k, value in enumerate(cell) if not is_absent(value)]
            position += [number] * len(there)
            part += there
        else:
            position.append(number)
            part.append(-1)
    return np.asarray(position, dtype=np.int64), np.asarray(part, dtype=np.int64)


class RowView(Sequence[Any]):
    """A sequence seen through rows; nothing is copied, and a view of a view sees the sequence itself.

    Example:
        >>> list(RowView(RowView(["a", "b", "c"], np.array([2, 1])), np.array([1, 0, 0])))
        ['b', 'c', 'c']
    """

    def __init__(self, cells: Any, rows: np.ndarray) -> None:
        inner = isinstance(cells, RowView)
        self._cells: Any = cells._cells if inner else cells
        self._rows: np.ndarray = cells._rows[rows] if inner else rows

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, row: Any) -> Any:
        if isinstance(row, slice):
            return RowView(self._cells, self._rows[row])
        return self._cells[int(self._rows[row])]

    def __iter__(self) -> Iterator[Any]:
        return (self._cells[row] for row in self._rows.tolist())

    def __repr__(self) -> str:
        first = ", ".join(repr(cell) for cell, _ in zip(self, range(5)))
        return f"[{first}{', …' if len(self) > 5 else ''}] ({len(self):,} cells)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]
