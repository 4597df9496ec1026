"""The index in memory: an Arrow table, searched exactly; a saved one is a folder with config.json and rows.arrow."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kuamo.core.errors import StoreError, TableError
from kuamo.core.files import local_path, sha256_of
from kuamo.core.folders import check_owner, write_folder, write_json
from kuamo.core.ownership import check_place, marker, sealed
from kuamo.data.table import Table
from kuamo.embedding.space import EmbeddingSpace
from kuamo.embedding.storage import FORMAT, fingerprint, read_config
from kuamo.index.base import Index, Sample, check_known, check_new, given_ids
from kuamo.index.exact_search import k_nearest, row_tiles
from kuamo.index.filters import Filter
from kuamo.index.rows import Progress, RowSchema, as_codes, check_about, check_rows, code_field
from kuamo.index.score_calibration import SAMPLE_ROWS, NullDistribution, sample_key

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["MemoryIndex"]


class MemoryIndex(Index):
    """The codes of a table's cells, held in memory.

    Args:
        layout: what is kept of each row. rows: (N,) in that layout.
    """

    def __init__(self, layout: RowSchema, rows: pa.Table) -> None:
        super().__init__(layout)
        self._state_number = 0
        self._set(rows)

    @classmethod
    def build(
        cls,
        space: EmbeddingSpace,
        table: Table,
        path: Path | str | None = None,
        *,
        payload: Sequence[str] = ("text",),
        storage_options: Mapping[str, str] | None = None,
        progress: Progress | None = None,
    ) -> MemoryIndex:
        """Encode a table's cells."""
        import pyarrow as pa

        layout = RowSchema.of(space, table, payload)
        return cls(layout, pa.Table.from_batches(layout.batches(table, progress), layout.schema))

    def __len__(self) -> int:
        return len(self._held)

    @property
    def ids(self) -> list[str]:
        """The ids of its rows."""
        return self._held["id"].to_pylist()

    # ── change ───────────────────────────────────────────────────────────────────────────────────────────────────

    def add(self, table: Table, *, progress: Progress | None = None) -> None:
        """See `Index.add`."""
        import pyarrow as pa

        self.layout.check(table)
        check_new(sorted(set(table.ids) & set(self.ids)))
        more = pa.Table.from_batches(self.layout.batches(table, progress), self.layout.schema)
        self._set(pa.concat_tables([self._held, more]))

    def update(self, table: Table, *, progress: Progress | None = None) -> None:
        """See `Index.update`."""
        import pyarrow as pa

        self.layout.check(table)
        more = pa.Table.from_batches(self.layout.batches(table, progress), self.layout.schema)
        self._set(pa.concat_tables([self._without(set(table.ids)), more]))

    def delete(self, ids: Iterable[str]) -> None:
        """See `Index.delete`."""
        gone = given_ids(ids)
        check_known([name for name in gone if name not in set(self.ids)])
        self._set(self._without(set(gone)))

    def optimize(self, *, kind: str = "auto", progress: Progress | None = None) -> None:
        """Nothing to do: an index in memory is exact."""
        if kind not in ("auto", "exact"):
            raise TableError(f"given kind={kind!r}; an index in memory is 'exact': space.index(table, 'x.lance')")

    def _set(self, rows: pa.Table) -> None:
        self._held = rows.combine_chunks()
        self._state_number += 1
        self._codes: dict[int, tuple[np.ndarray, np.ndarray]] = {}
        self._pairs: dict[tuple[str, str], NullDistribution | None] = {}
        self.__dict__.pop("_sampled", None)

    def _without(self, gone: set[str]) -> pa.Table:
        return self._held.filter(np.array([name not in gone for name in self.ids], dtype=bool))

    # ── search ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _nearest(
        self, number: int, queries: np.ndarray, k: int, inside: np.ndarray | None
    ) -> list[tuple[np.ndarray, np.ndarray]]:
        if number not in self._codes:
            field = self._held[code_field(number)].combine_chunks()
            self._codes[number] = np.flatnonzero(field.is_valid()), as_codes(field.drop_null())
        rows, codes = self._codes[number]
        if inside is not None:
            chosen = np.isin(rows, inside)
            rows, codes = rows[chosen], codes[chosen]
        return k_nearest(row_tiles(rows, codes), queries, k)

    def _rows(self, handles: np.ndarray) -> pa.Table:
        return self._held.select(self._shown()).take(handles)

    def _inside(self, where: Filter) -> np.ndarray:
        return np.flatnonzero(where(self._held))

    def _refresh(self) -> None:
        """Nobody else writes here."""

    def _state(self) -> int:
        return self._state_number

    def _pair_null(self, query: str, to: str) -> NullDistribution | None:
        if (query, to) not in self._pairs:
            self._pairs[query, to] = self._sampled.null(query, to)
        return self._pairs[query, to]

    def _sample(self) -> Sample:
        return self._sampled

    @cached_property
    def _sampled(self) -> Sample:
        keys = [(sample_key(name), row) for row, name in enumerate(self.ids)]
        return Sample(self.layout, self._held.take([row for _, row in sorted(keys)[:SAMPLE_ROWS]]))

    # ── keep ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def save(self, path: str | Path) -> None:
        """Write it as a folder; see `Index.save`."""
        path = local_path(path, "an index in memory, once saved,")
        check_place(path, "index")
        write_folder(path, "index", self.write)

    def write(self, folder: Path) -> None:
        """Its files into a folder that is there."""
        import pyarrow as pa

        with pa.OSFile(str(folder / "rows.arrow"), "wb") as sink, pa.ipc.new_file(sink, self.layout.schema) as file:
            file.write_table(self._held)
        config: dict[str, Any] = {
            **marker("index", FORMAT),
            "space": fingerprint(self.space),
            "payload": self.layout.payload,
            "sha256": sha256_of(folder / "rows.arrow"),
        }
        write_json(folder / "config.json", sealed(config))

    @classmethod
    def accepts(cls, path: Path | str | None) -> bool:
        """In memory."""
        return path is None

    @classmethod
    def holds(cls, path: Path | str) -> bool:
        """A folder with a config.json."""
        return isinstance(path, Path) and (path / "config.json").exists()

    @classmethod
    def open(
        cls, path: Path | str, space: EmbeddingSpace, storage_options: Mapping[str, str] | None = None
    ) -> MemoryIndex:
        """Read a saved index; see `Index.load`."""
        path = Path(path)
        import pyarrow as pa

        config, rows = read_config(path, "index"), path / "rows.arrow"
        check_about(config, path)
        check_owner(config["space"], fingerprint(space), path)
        if (found := sha256_of(rows)) is None or found != config.get("sha256"):
            raise StoreError(f"{rows}: missing or changed since it was saved; expected sha256 {config.get('sha256')}")
        try:
            with pa.OSFile(str(rows), "rb") as source:
                held = pa.ipc.open_file(source).read_all()
            layout = RowSchema(space, tuple(config["payload"]), held.schema)
        except (pa.ArrowException, OSError) as error:
            raise StoreError(f"{path}: cannot be read ({type(error).__name__}: {error})") from None
        check_rows(layout, path)
        return cls(layout, held)
