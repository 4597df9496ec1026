"""Table: partly paired samples, one column per modality, cells may be empty.

A column holds raw cells (paths, bytes, arrays, inline values) and decodes none of them until asked. A cell may be
absent (`None`), one value, or a list of values (several captions of one row).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from kuamo.errors import CellError, TableError, shorten
from kuamo.modalities import BUILT_IN, Modality, is_absent

__all__ = ["Column", "Table"]

_ROLES = ("id", "group", "label")


class Column:
    """One modality's cells, raw, seen through the rows that the table keeps.

    `Column.entries` packs what is there: entry k is value `raw(k)` in row `row[k]`; an absent cell is no entry.
    """

    def __init__(self, name: str, modality: Modality, cells: Sequence[Any], rows: np.ndarray) -> None:
        self.name, self.modality, self._cells, self._rows = name, modality, cells, rows
        self._row, self._part = self._pack()

    def __getitem__(self, row: int) -> Any:
        return self._cells[self._rows[row]]

    def take(self, rows: np.ndarray) -> Column:
        """The same column with these rows only."""
        return Column(self.name, self.modality, self._cells, self._rows[rows])

    @property
    def row(self) -> np.ndarray:
        """(n,) row number of each entry, ascending."""
        return self._row

    def raw(self, entry: int) -> Any:
        """The raw content of one entry."""
        cell = self[self._row[entry]]
        return cell[self._part[entry]] if self._part[entry] >= 0 else cell

    def _pack(self) -> tuple[np.ndarray, np.ndarray]:
        """Row number of each entry, and its place in a cell that holds several (−1: the cell itself)."""
        if isinstance(self._cells, np.ndarray) and self._cells.dtype.kind in "fiub":
            return np.arange(len(self._rows)), np.full(len(self._rows), -1)
        row: list[int] = []
        part: list[int] = []
        for number, position in enumerate(self._rows):
            cell = self._cells[position]
            if is_absent(cell):
                continue
            if isinstance(cell, list | tuple) and not self.modality.accepts(cell):
                row += [number] * len(cell)
                part += range(len(cell))
            else:
                row.append(number)
                part.append(-1)
        return np.asarray(row, dtype=np.int64), np.asarray(part, dtype=np.int64)


class Table:
    """Rows whose columns are different kinds of data, with holes.

    Args:
        columns: name → cells, all of one length. A cell is a path, bytes, an array or an inline value; a list of
            them; or `None` where it is absent.
        modalities: name → modality; what is not named here is inferred from the column's first cells.
        id: (N,) unique names of the rows; their numbers if not given.
        group: (N,) rows of one group are never parted by a split; the id if not given.
        label: (N,) optional class of each row.
        meta: name → (N,) further plain columns, kept for filters and display.
        source: where it came from, in words.

    Raises:
        TableError: columns of unequal length, repeated ids, a column whose kind cannot be told.

    Example:
        >>> table = Table({"text": ["a cat", "a dog", None], "pose": np.eye(3)})
        >>> table
        Table: 3 rows; text: Text 2/3, pose: Vector 3/3
        >>> table[2]["text"] is None
        True
    """

    def __init__(
        self,
        columns: Mapping[str, Sequence[Any]],
        *,
        modalities: Mapping[str, Modality] | None = None,
        id: Sequence[str] | None = None,
        group: Sequence[str] | None = None,
        label: Sequence[Any] | None = None,
        meta: Mapping[str, Sequence[Any]] | None = None,
        source: str = "memory",
    ) -> None:
        modalities = dict(modalities or {})
        unknown = set(modalities) - set(columns)
        if unknown:
            raise TableError(f"given a modality for {sorted(unknown)}; the columns are {list(columns)}")
        if not columns:
            raise TableError("given a table without a column; expected at least one")
        sizes = {name: len(cells) for name, cells in columns.items()}
        size = next(iter(sizes.values()))
        extras = {"id": id, "group": group, "label": label, **(meta or {})}
        sizes |= {name: len(cells) for name, cells in extras.items() if cells is not None}
        if set(sizes.values()) != {size}:
            raise TableError(f"given columns of unequal length {sizes}; expected {size} everywhere")
        self.ids = _unique([str(i) for i in (range(size) if id is None else id)])
        self.groups = self.ids if group is None else [str(g) for g in group]
        self.labels = None if label is None else list(label)
        self.meta = {name: list(cells) for name, cells in (meta or {}).items()}
        self.source = source
        self.columns: dict[str, Column] = {}
        for name, cells in columns.items():
            modality = modalities.get(name) or _infer(name, cells)
            self.columns[name] = Column(name, modality, cells, np.arange(size))

    # ── reading ──────────────────────────────────────────────────────────────────────────────────────────────────

    @classmethod
    def read(
        cls,
        path: str | Path,
        *,
        modalities: Mapping[str, Modality] | None = None,
        root: str | Path | None = None,
    ) -> Table:
        """Read CSV, TSV, JSON lines or Parquet; texts that name files are paths below `root` (the table's folder).

        Columns called `id`, `group` and `label` play those parts. Empty fields are absent cells.

        Raises:
            TableError: no such file, a file of another kind, or one that cannot be parsed.
        """
        from kuamo.tables import read_columns

        path = Path(path)
        columns: dict[str, Any] = read_columns(path)
        folder = Path(root) if root is not None else path.parent
        roles: dict[str, Any] = {
            name: columns.pop(name) for name in _ROLES if name in columns and name not in (modalities or {})
        }
        if not columns:
            raise TableError(f"given {str(path)!r} with no column but {sorted(roles)}; expected data columns")
        chosen = {
            name: (modalities or {}).get(name) or _infer(name, cells, where=str(path))
            for name, cells in columns.items()
        }
        unknown = set(modalities or {}) - set(columns)
        if unknown:
            raise TableError(f"{path}: given a modality for {sorted(unknown)}; the columns are {list(columns)}")
        located = {name: [_locate(cell, folder, chosen[name]) for cell in cells] for name, cells in columns.items()}
        if "group" in roles and "id" not in roles:
            roles["id"] = [str(number) for number in range(len(next(iter(columns.values()))))]
        return cls(located, modalities=chosen, source=str(path), **roles)

    # ── looking ──────────────────────────────────────────────────────────────────────────────────────────────────

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, row: int) -> dict[str, Any]:
        return {name: column[row] for name, column in self.columns.items()}

    def __repr__(self) -> str:
        parts = [
            f"{name}: {type(column.modality).__name__} {len(np.unique(column.row))}/{len(self)}"
            for name, column in self.columns.items()
        ]
        return f"Table: {len(self):,} rows; " + ", ".join(parts)

    @property
    def modalities(self) -> dict[str, Modality]:
        """Column name → modality."""
        return {name: column.modality for name, column in self.columns.items()}

    def column(self, name: str) -> Column:
        """One column.

        Raises:
            TableError: there is no such column.
        """
        if name not in self.columns:
            raise TableError(f"given column {name!r}; the table's columns are {list(self.columns)}")
        return self.columns[name]

    def where(self, row: int) -> str:
        """A row's place for an error message."""
        return f"{row} (id {self.ids[row]!r})" if self.ids[row] != str(row) else str(row)

    def values(self, name: str, entries: Sequence[int] | np.ndarray | None = None) -> Iterator[Any]:
        """Decode a column's entries, one at a time.

        Raises:
            CellError: naming column and row.
        """
        column = self.column(name)
        for entry in range(len(column.row)) if entries is None else entries:
            try:
                yield column.modality.read(column.raw(entry))
            except CellError as error:
                raise error.at(name, self.where(int(column.row[entry]))) from None

    def present(self) -> np.ndarray:
        """(N, M) bool: which cells are there, columns in order."""
        present = np.zeros((len(self), len(self.columns)), dtype=bool)
        for number, column in enumerate(self.columns.values()):
            present[column.row, number] = True
        return present

    # ── cutting ──────────────────────────────────────────────────────────────────────────────────────────────────

    def take(self, rows: Sequence[int] | np.ndarray) -> Table:
        """These rows, in this order; nothing is decoded or copied."""
        rows = np.asarray(rows, dtype=np.int64)
        other = object.__new__(Table)
        other.ids = [self.ids[i] for i in rows]
        other.groups = [self.groups[i] for i in rows]
        other.labels = None if self.labels is None else [self.labels[i] for i in rows]
        other.meta = {name: [cells[i] for i in rows] for name, cells in self.meta.items()}
        other.source = self.source
        other.columns = {name: column.take(rows) for name, column in self.columns.items()}
        return other

    def select(self, *names: str) -> Table:
        """These columns only."""
        columns = {name: self.column(name) for name in names}
        other = self.take(np.arange(len(self)))
        other.columns = columns
        return other

    def split(self, test: float | int = 0.2, *, by: str = "group", seed: int = 0) -> tuple[Table, Table]:
        """Part the rows at random into (train, test); rows of one group stay together.

        Args:
            test: share of the groups (a float below 1) or their number.
            by: `"group"`, `"id"`, `"label"` or the name of a meta column.
            seed: same seed, same split.

        Raises:
            TableError: no such column, or a test set that would leave nothing on one side.

        Example:
            >>> train, test = Table({"text": list("abcdefghij")}).split(test=3, seed=0)
            >>> len(train), len(test)
            (7, 3)
        """
        keys = self._keys(by)
        names = sorted(set(keys))
        size = round(test * len(names)) if isinstance(test, float) and test < 1 else int(test)
        if not 0 < size < len(names):
            raise TableError(f"given test={test}; expected between 1 and {len(names) - 1} of {len(names)} by {by!r}")
        chosen = np.random.default_rng(seed).permutation(len(names))[:size]
        held_out = {names[i] for i in chosen}
        inside = np.array([key in held_out for key in keys])
        return self.take(np.flatnonzero(~inside)), self.take(np.flatnonzero(inside))

    def _keys(self, by: str) -> list[str]:
        known: dict[str, Sequence[Any] | None] = {"group": self.groups, "id": self.ids, "label": self.labels}
        keys = (known | self.meta).get(by)
        if keys is None:
            raise TableError(f"given by={by!r}; expected one of {['group', 'id', *self.meta]}")
        return [str(key) for key in keys]


def _unique(ids: list[str]) -> list[str]:
    repeated = [name for name, count in Counter(ids).items() if count > 1]
    if repeated:
        raise TableError(f"given the id {repeated[0]!r} more than once; expected unique ids")
    return ids


def _infer(name: str, cells: Sequence[Any], where: str = "") -> Modality:
    """The built-in modality that accepts the column's first cells."""
    seen = []
    for cell in cells:
        if not is_absent(cell):
            seen.append(cell)
        if len(seen) == 20:
            break
    for kind in BUILT_IN.values():
        modality = kind()
        if seen and all(
            modality.accepts(cell) or (isinstance(cell, list | tuple) and all(modality.accepts(part) for part in cell))
            for cell in seen
        ):
            return modality
    given = f"cells like {shorten(seen[0])}" if seen else "no cell that is present"
    raise TableError(
        f"{where + ': ' if where else ''}column {name!r}: given {given}; expected text, pictures, sounds or vectors, "
        f"or a modality of your own: modalities={{{name!r}: ...}}"
    )


def _locate(cell: Any, folder: Path, modality: Modality) -> Any:
    """A file's name in a table is a path below the table's folder."""
    if isinstance(cell, list):
        return [_locate(part, folder, modality) for part in cell]
    if isinstance(cell, str) and type(modality).__name__ != "Text":
        return folder / cell
    return cell
