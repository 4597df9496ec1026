"""Index: codes of a table's cells that can be searched, with what to show for each.

Search is exact, in tiles. An index belongs to the space that made it, and refuses the codes of another.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from kuamo.errors import StoreError, TableError
from kuamo.table import Table

if TYPE_CHECKING:
    from kuamo.space import Space

__all__ = ["Hit", "Index"]


class Hit(NamedTuple):
    """One answer: the row's id, the column that was found, its score, and a few words to show."""

    id: str
    column: str
    score: float
    show: str


@dataclass
class Index:
    """The codes of one table in one space.

    Args:
        space: the space they live in.
        codes: column → (n, d) codes, ready for a dot product. rows: column → (n,) row numbers.
        ids: (N,) the table's row ids. shows: (N,) a few words for each row.

    Example:
        >>> import kuamo as km
        >>> table = km.datasets.toy(rows=300, seed=0)
        >>> hits = km.fit(table, seed=0).index(table).search({"a": table[7]["a"]}, to="b", k=3)
        >>> len(hits), hits[0].column
        (3, 'b')
    """

    space: Space
    codes: dict[str, np.ndarray]
    rows: dict[str, np.ndarray]
    ids: list[str]
    shows: list[str]

    @classmethod
    def build(cls, space: Space, table: Table, *, progress: Callable[[str, int, int], None] | None = None) -> Index:
        """Encode a table's cells, each column on its own."""
        codes, rows = {}, {}
        for port in space.ports:
            if port.name in table.columns:
                code, row = space.column_codes(table, port.name, progress=progress)
                codes[port.name], rows[port.name] = space.comparable(code).astype(np.float32), row
        if not codes:
            raise TableError(f"given columns {list(table.columns)}; the space knows {list(space.modalities)}")
        return cls(space, codes, rows, list(table.ids), [_show(table, row) for row in range(len(table))])

    def __len__(self) -> int:
        return len(self.ids)

    def search(self, query: Mapping[str, Any] | Any, *, to: str, k: int = 10) -> list[Hit]:
        """The k cells of column `to` that are nearest to the query.

        Args:
            query: one input, as in `Space.encode`. to: the column to look in. k: how many.

        Raises:
            TableError: an unknown column, an empty query, k < 1.
        """
        if to not in self.codes:
            raise TableError(f"given to={to!r}; the index has {list(self.codes)}")
        if k < 1:
            raise TableError(f"given k={k}; expected at least 1")
        code = self.space.encode([query])
        if code.present is not None and not code.present.all():
            raise TableError("given an empty query; expected at least one cell")
        scores = self.codes[to] @ self.space.comparable(code)[0]
        best = np.argpartition(-scores, min(k, len(scores)) - 1)[:k]
        best = best[np.lexsort((best, -scores[best]))]
        rows = self.rows[to]
        return [Hit(self.ids[rows[i]], to, float(scores[i]), self.shows[rows[i]]) for i in best]

    def save(self, path: str | Path) -> None:
        """Write it as a folder beside its space's fingerprint."""
        from kuamo.store import save_index

        save_index(self, Path(path))

    @classmethod
    def load(cls, path: str | Path, space: Space) -> Index:
        """Open a saved index with its own space.

        Raises:
            StoreError: not an index, damaged, or made by another space.
        """
        from kuamo.store import load_index

        return load_index(Path(path), space)


def _show(table: Table, row: int) -> str:
    """The row's first text, else its id."""
    for column in table.columns.values():
        if type(column.modality).__name__ == "Text":
            cell = column[row]
            text = cell[0] if isinstance(cell, list | tuple) and cell else cell
            if isinstance(text, str):
                return column.modality.show(text)
    return table.ids[row]


def check_owner(found: str, expected: str, path: Path) -> None:
    """Refuse an index that another space made.

    Raises:
        StoreError: the fingerprints differ.
    """
    if found != expected:
        raise StoreError(f"{path}: given an index of space {found[:12]}…; expected one of this space, {expected[:12]}…")
