"""The index on disk: a dataset in the Lance format, which lasts, grows, and is shared by processes.

Each change is one transaction: what `add` has returned from is there after a kill, and two processes that write at once
both succeed, or one of them hears that an id is taken. Search is exact while the index is small; above, codes are
found through an index of their own (see `Index.optimize`), refined by exact scores, and rows that were added since are
scanned. Memory is bounded by blocks of rows, not by the size of the index.

The place is a folder, or a URI that Lance knows, such as `s3://bucket/pets.lance`: what kuamo must know of the index
stands in the dataset's own schema. In a folder a new index is made beside its place; in an object store its rows are
one transaction, after which it can be read, and what makes search fast is another.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kuamo.core.errors import KuamoError, StoreError, TableError
from kuamo.core.files import local_path, not_there
from kuamo.core.folders import check_owner, recover, write_folder
from kuamo.data.table import Table
from kuamo.embedding.space import EmbeddingSpace
from kuamo.embedding.storage import fingerprint
from kuamo.index.base import Index, Sample, check_known, check_new, given_ids
from kuamo.index.exact_search import TILE_ROWS, k_nearest, row_tiles
from kuamo.index.filters import Filter
from kuamo.index.lance_dataset import (
    about_schema,
    comma_joined,
    dataset_at,
    first_line,
    import_lance,
    is_index,
    lance_options,
    reader_of,
    reporting_lance_errors,
    stored_nulls,
)
from kuamo.index.rows import BLOCK_ROWS, Progress, RowSchema, as_codes, check_about, check_rows, code_field
from kuamo.index.score_calibration import SAMPLE_ROWS, NullDistribution, sample_key

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["LanceIndex"]

FORMAT = 1
EXACT_ROWS = 20_000  # up to here a scan in memory is as quick as anything
GRAPH_ROWS = 1_000_000  # from here a scan of quantised codes, which grows with the rows, is no longer quick
REFINE = 10  # candidates for each hit asked for, whose exact scores are looked at
QUANTIZED_PARTS = 64
GRAPH = {"num_partitions": 1, "m": 20, "ef_construction": 150}
GRAPH_WIDTH = 400  # nodes that a search of the graph keeps open
STALE = 0.1  # nulls are estimated anew when the number of rows has changed by more than this share
KEPT = timedelta(days=1)  # old versions, for readers that still use them
RETRIES = 100


class LanceIndex(Index):
    """The codes of a table's cells, in a Lance dataset.

    Args:
        layout: what is kept of each row. path: its folder, or its URI in an object store. dataset: opened.
    """

    def __init__(self, layout: RowSchema, path: Path | str, dataset: Any) -> None:
        super().__init__(layout)
        self.path, self._data = path, dataset
        self._nulls: dict[str, Any] = stored_nulls(dataset)
        self._sampled: tuple[int, Sample] | None = None
        self._small: dict[int, tuple[np.ndarray, np.ndarray]] = {}
        self._kinds: dict[str, str] | None = None
        self._version = dataset.version

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
    ) -> LanceIndex:
        """Encode a table's cells into a new dataset, beside its place until it is whole; an old index is replaced."""
        if path is None:
            raise KuamoError("the path is missing; expected a folder or a URI for the index")
        lance = import_lance()

        layout = RowSchema.of(space, table, payload)
        about = {"kind": "index", "format": FORMAT, "space": fingerprint(space), "payload": layout.payload}
        schema = layout.schema.with_metadata({"kuamo": json.dumps(about)})
        layout = RowSchema(space, layout.payload, schema)
        options = lance_options(path, storage_options)
        if isinstance(path, Path):
            recover(path)
        there = path.exists() if isinstance(path, Path) else dataset_at(path, options) is not None
        if there and not is_index(path, options):
            raise StoreError(f"given {str(path)!r}, which exists and is not an index; expected a new place")
        if there or isinstance(path, str):
            # One transaction replaces all rows; who reads the old version goes on reading it.
            with reader_of(layout, table, progress) as rows, reporting_lance_errors(path, "written"):
                mode = "overwrite" if there else "create"
                dataset = lance.write_dataset(rows, str(path), schema=schema, mode=mode, **options)
            made = cls(layout, path, dataset)
            made.optimize(progress=progress)
            return made

        def fill(folder: Path) -> None:
            with reader_of(layout, table, progress) as rows, reporting_lance_errors(path, "written"):
                lance.write_dataset(rows, str(folder), schema=schema)
            cls(layout, folder, lance.dataset(str(folder))).optimize(progress=progress)

        write_folder(path, None, fill)
        return cls(layout, path, lance.dataset(str(path)))

    @classmethod
    def accepts(cls, path: Path | str | None) -> bool:
        """Any place."""
        return path is not None

    @classmethod
    def holds(cls, path: Path | str) -> bool:
        """A folder with versions of a dataset, or any URI."""
        return isinstance(path, str) or (path / "_versions").is_dir()

    @classmethod
    def open(
        cls, path: Path | str, space: EmbeddingSpace, storage_options: Mapping[str, str] | None = None
    ) -> LanceIndex:
        """Open a dataset; see `Index.load`."""
        if isinstance(path, Path):
            recover(path)
        if isinstance(path, Path) and not (path / "_versions").is_dir():
            raise not_there(path, "a saved index", "its folder, which `kuamo index` or space.index makes")
        dataset = dataset_at(path, lance_options(path, storage_options))
        if dataset is None:
            raise not_there(path, "a saved index", "its folder, which `kuamo index` or space.index makes")
        about = about_schema(dataset.schema)
        if about is None:
            raise StoreError(f"{path}: given a Lance dataset that kuamo has not made; expected an index")
        check_about(about, path)
        if about["format"] > FORMAT:
            raise StoreError(f"{path}: given format {about['format']}; this kuamo reads up to {FORMAT}")
        check_owner(about["space"], fingerprint(space), path)
        layout = RowSchema(space, tuple(about["payload"]), dataset.schema)
        check_rows(layout, path)
        with reporting_lance_errors(path, "read"):
            return cls(layout, path, dataset)

    def __repr__(self) -> str:
        return f"{super().__repr__()}; {self.path}"

    def __len__(self) -> int:
        self._refresh()
        return self._data.count_rows()

    @property
    def ids(self) -> list[str]:
        """The ids of its rows."""
        self._refresh()
        return self._table(columns=["id"])["id"].to_pylist()

    def _table(self, **options: Any) -> pa.Table:
        with reporting_lance_errors(self.path, "read"):
            return self._data.to_table(**options)

    def _batches(self, **options: Any) -> Iterator[pa.RecordBatch]:
        with reporting_lance_errors(self.path, "read"):
            yield from self._data.to_batches(with_row_id=True, **options)

    # ── change ───────────────────────────────────────────────────────────────────────────────────────────────────

    def add(self, table: Table, *, progress: Progress | None = None) -> None:
        """See `Index.add`."""
        self.layout.check(table)
        self._refresh()
        check_new(self._known(table.ids))  # before encoding; the transaction looks again
        with reader_of(self.layout, table, progress) as rows:
            try:
                self._merge().when_matched_fail().when_not_matched_insert_all().execute(rows)
            except (OSError, RuntimeError, ValueError) as error:
                self._refresh()
                check_new(self._known(table.ids))
                raise StoreError(f"{self.path}: cannot be written ({first_line(error)})") from None
        self._refresh()

    def update(self, table: Table, *, progress: Progress | None = None) -> None:
        """See `Index.update`."""
        self.layout.check(table)
        self._refresh()
        with reader_of(self.layout, table, progress) as rows, reporting_lance_errors(self.path, "written"):
            self._merge().when_matched_update_all().when_not_matched_insert_all().execute(rows)
        self._refresh()

    def delete(self, ids: Iterable[str]) -> None:
        """See `Index.delete`."""
        import pyarrow as pa

        gone = given_ids(ids)
        self._refresh()
        known = set(self._known(gone))
        check_known([name for name in gone if name not in known])
        if gone:
            with reporting_lance_errors(self.path, "written"):
                self._merge().when_matched_delete().execute(pa.table({"id": pa.array(gone, pa.string())}))
        self._refresh()

    def _merge(self) -> Any:
        return self._data.merge_insert("id").conflict_retries(RETRIES).retry_timeout(timedelta(minutes=5))

    def _known(self, ids: Sequence[str]) -> list[str]:
        """Those of some ids that are there."""
        found: list[str] = []
        for start in range(0, len(ids), BLOCK_ROWS):
            named = ", ".join("'" + name.replace("'", "''") + "'" for name in ids[start : start + BLOCK_ROWS])
            found += self._table(columns=["id"], filter=f"id IN ({named})")["id"].to_pylist()
        return found

    def optimize(self, *, kind: str = "auto", progress: Progress | None = None) -> None:
        """See `Index.optimize`."""
        if kind not in ("auto", "exact", "quantised", "graph"):
            raise TableError(f"given kind={kind!r}; expected 'auto', 'exact', 'quantised' or 'graph'")
        self._refresh()
        with reporting_lance_errors(self.path, "written"):
            self._data.optimize.compact_files()
            rows = self._data.count_rows()
            if kind == "auto":
                kind = "exact" if rows <= EXACT_ROWS else "quantised" if rows <= GRAPH_ROWS else "graph"
            for number in range(len(self.columns)):
                self._make_finder(number, kind)
                if progress:
                    progress("index", number + 1, len(self.columns))
            sample = self._sample()
            nulls = {
                json.dumps([a, b]): null.to_dict()
                for a in self.columns
                for b in self.columns
                if (null := sample.null(a, b)) is not None
            }
            self._data.update_schema_metadata({"kuamo.nulls": json.dumps({"rows": rows, "pairs": nulls})})
            self._data.cleanup_old_versions(older_than=KEPT)
        self._refresh()

    def _make_finder(self, number: int, kind: str) -> None:
        """The index of one column's codes, made, brought up to date or dropped."""
        field, name = code_field(number), f"find{code_field(number)}"
        made = {item.name: item.index_type for item in self._data.describe_indices()}
        cells = self._data.count_rows(f"{field} IS NOT NULL")
        if kind == "exact" or cells < 256:  # the quantiser needs a few hundred codes to learn from
            if name in made:
                self._data.drop_index(name)
        elif kind == "quantised":
            parts = min(QUANTIZED_PARTS, max(1, cells // 256))
            self._data.create_index(field, "IVF_RQ", name=name, metric="dot", replace=True, num_partitions=parts)
        elif made.get(name) == "IVF_HNSW_SQ":
            self._data.optimize.optimize_indices(index_names=[name])
        else:
            self._data.create_index(field, "IVF_HNSW_SQ", name=name, metric="dot", replace=True, **GRAPH)

    # ── search ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _nearest(
        self, number: int, queries: np.ndarray, k: int, inside: np.ndarray | None
    ) -> list[tuple[np.ndarray, np.ndarray]]:
        field = code_field(number)
        many = inside is None or len(inside) > EXACT_ROWS
        if many and self.ann_indexes().get(f"find{field}"):
            return [self._found(number, query, k, inside) for query in queries]
        if self._data.count_rows() <= EXACT_ROWS:
            if number not in self._small:
                blocks = list(self._blocks(field, None))
                self._small[number] = (
                    np.concatenate([handles for handles, _ in blocks] or [np.empty(0, np.int64)]),
                    np.concatenate([codes for _, codes in blocks] or [np.empty((0, queries.shape[1]), np.float32)]),
                )
            handles, codes = self._small[number]
            chosen = slice(None) if inside is None else np.isin(handles, inside)
            return k_nearest(row_tiles(handles[chosen], codes[chosen]), queries, k)
        return k_nearest(self._blocks(field, inside), queries, k)

    def _blocks(self, field: str, inside: np.ndarray | None) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """(row ids, codes) of the cells that are there, streamed from disk."""
        present, few = f"{field} IS NOT NULL", inside is not None and len(inside) <= EXACT_ROWS
        parts = [present]
        if inside is not None and few:
            starts = range(0, len(inside), BLOCK_ROWS)
            parts = [f"{present} AND _rowid IN ({comma_joined(inside[at : at + BLOCK_ROWS])})" for at in starts]
        for part in parts:
            for batch in self._batches(columns=[field], filter=part, batch_size=TILE_ROWS):
                handles, codes = batch.column("_rowid").to_numpy().astype(np.int64), as_codes(batch.column(field))
                chosen = slice(None) if inside is None or few else np.isin(handles, inside)
                yield handles[chosen], codes[chosen]

    def _inside(self, where: Filter) -> np.ndarray:
        import pyarrow as pa

        found = [np.empty(0, np.int64)]
        for batch in self._batches(columns=list(where.fields)):
            found.append(batch.column("_rowid").to_numpy().astype(np.int64)[where(pa.Table.from_batches([batch]))])
        return np.sort(np.concatenate(found))

    def _found(
        self, number: int, query: np.ndarray, k: int, inside: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray]:
        """The k best of one query through the column's index, by their exact scores; `inside`: more are asked for until
        there are k of these."""
        rows = self._data.count_rows()
        asked = k if inside is None else min(rows, -(-2 * k * rows // len(inside)))
        while True:
            handles, scores = self._asked(number, query, asked)
            if inside is None:
                return handles, scores
            chosen = np.isin(handles, inside)
            if chosen.sum() >= k or asked >= rows:
                return handles[chosen][:k], scores[chosen][:k]
            asked = min(rows, 4 * asked)

    def _asked(self, number: int, query: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        """The k best of all rows."""
        field = code_field(number)
        wanted: dict[str, Any] = {"column": field, "q": query, "k": k, "refine_factor": max(REFINE, -(-100 // k))}
        if self.ann_indexes()[f"find{field}"] == "IVF_HNSW_SQ":
            wanted["ef"] = max(GRAPH_WIDTH, k * REFINE)
        else:
            wanted["nprobes"] = QUANTIZED_PARTS  # all of them: nothing is missed but by rounding
        rows = self._table(columns=["_distance"], nearest=wanted, with_row_id=True)
        handles, scores = rows["_rowid"].to_numpy().astype(np.int64), 1 - rows["_distance"].to_numpy()
        order = np.lexsort((handles, -scores))
        return handles[order], scores[order]

    def ann_indexes(self) -> dict[str, str]:
        """Name → type of the indexes over codes that there are; none where search is exact."""
        if self._kinds is None:
            self._kinds = {item.name: item.index_type for item in self._data.describe_indices()}
        return self._kinds

    def _rows(self, handles: np.ndarray) -> pa.Table:
        if not len(handles):
            return self._data.schema.empty_table().select(self._shown())
        rows = self._table(
            columns=self._shown(), filter=f"_rowid IN ({comma_joined(np.unique(handles))})", with_row_id=True
        )
        place = {handle: row for row, handle in enumerate(rows["_rowid"].to_pylist())}
        if len(place) < len(np.unique(handles)):
            raise StoreError(f"{self.path}: rows that were found cannot be read; expected a whole index")
        return rows.take([place[handle] for handle in handles.tolist()])

    def _refresh(self) -> None:
        """Go to the newest version; forget what was held of the last one."""
        with reporting_lance_errors(self.path, "read"):
            self._data.checkout_latest()
        if self._data.version != self._version:
            about = about_schema(self._data.schema)
            if about is None or about["space"] != (about_schema(self.layout.schema) or {}).get("space"):
                raise StoreError(f"{self.path}: replaced by an index of another space; expected Index.load()")
            self.layout = RowSchema(self.space, tuple(about["payload"]), self._data.schema)
            self._version, self._small, self._kinds = self._data.version, {}, None
            stored, rows = stored_nulls(self._data), self._data.count_rows()
            if abs(stored["rows"] - rows) <= abs(self._nulls["rows"] - rows):
                self._nulls = stored

    # ── nulls ────────────────────────────────────────────────────────────────────────────────────────────────────

    def _state(self) -> int:
        return self._version

    def _pair_null(self, query: str, to: str) -> NullDistribution | None:
        """The stored null, while the index is about as large as it was then."""
        rows, key = self._data.count_rows(), json.dumps([query, to])
        if abs(rows - self._nulls["rows"]) > STALE * self._nulls["rows"]:
            sample, pairs = self._sample(), [(a, b) for a in self.columns for b in self.columns]
            fresh = {json.dumps(pair): sample.null(*pair) for pair in pairs}
            self._nulls = {"rows": rows, "pairs": {pair: null for pair, null in fresh.items() if null is not None}}
        return self._nulls["pairs"].get(key)

    def _sample(self) -> Sample:
        if self._sampled is None or self._sampled[0] != self._version:
            keys: list[tuple[bytes, int]] = []
            for batch in self._batches(columns=["id"]):
                names, handles = batch.column("id").to_pylist(), batch.column("_rowid").to_pylist()
                more = [(sample_key(name), handle) for name, handle in zip(names, handles, strict=True)]
                keys = sorted(keys + more)[:SAMPLE_ROWS]
            fields = ["id", "group", *(code_field(number) for number in range(len(self.columns)))]
            chosen = comma_joined([handle for _, handle in keys])
            rows = self._table(columns=fields, filter=f"_rowid IN ({chosen})" if keys else "false")
            self._sampled = self._version, Sample(self.layout, rows)
        return self._sampled[1]

    # ── keep ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def save(self, path: str | Path) -> None:
        """Copy it to a folder; see `Index.save`."""
        path = local_path(path, "a copy of an index")
        if path.exists():
            raise StoreError(f"given {str(path)!r}, which exists; expected a new folder")
        self._refresh()

        def fill(folder: Path) -> None:
            with reporting_lance_errors(path, "written"):
                self._data.deep_clone(str(folder), self._data.version)

        write_folder(path, None, fill)
