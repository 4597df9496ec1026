"""Parquet: small columns in Arrow's memory, large ones (pictures, sounds) read from the file when they are asked for.

A large column is read a row group at a time, and a row group beyond `BLOCK_BYTES` in pieces, forwards; what was read
last is kept up to `HELD_BYTES`. So a table of a million pictures costs as much memory as one of a thousand.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from kuamo.core.errors import TableError
from kuamo.data.column import Layout
from kuamo.data.modalities import Modality
from kuamo.data.readers.arrow import (
    ArrowCells,
    arrow_columns,
    cell_of,
    checked_batch,
    checked_names,
    is_list,
    layout_of,
    parsing,
    simple,
)

__all__ = ["ParquetCells", "parquet_columns"]

SMALL_BYTES = 64 << 20  # a column up to this size, uncompressed, is simply held
BLOCK_BYTES = 32 << 20
HELD_BYTES = 128 << 20


class ParquetCells:
    """One column of Parquet shards as lazy cells.

    Args:
        shards: the files, in order. name: the column. kind: its Arrow type in all of them.
    """

    def __init__(self, shards: list[Path], name: str, kind: Any) -> None:
        self.shards, self.name, self.type = shards, name, kind
        self.groups: list[tuple[int, int, int]] = []  # shard, row group, rows to a block
        rows = []
        for number, file in enumerate(map(_open, shards)):
            for group in range(file.metadata.num_row_groups):
                count, size = file.metadata.row_group(group).num_rows, _bytes_of(file, group, name)
                if count:
                    rows.append(count)
                    self.groups.append((number, group, max(1, count * BLOCK_BYTES // max(size, BLOCK_BYTES))))
        self.start = np.cumsum([0, *rows])
        self._lock = threading.Lock()
        self._held: OrderedDict[int, tuple[int, Any]] = OrderedDict()  # first row → (end, array)
        self._cursor: tuple[int, int, Iterator[Any]] | None = None  # group, next row, what comes

    def __getstate__(self) -> dict[str, Any]:
        """Without what is open: a copy opens its own."""
        return vars(self) | {"_lock": None, "_held": OrderedDict(), "_cursor": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state | {"_lock": threading.Lock()})

    def __len__(self) -> int:
        return int(self.start[-1])

    def __getitem__(self, position: int) -> Any:
        with self._lock:
            first, array = self._block(position)
        return cell_of(array, position - first)

    def layout(self, modality: Modality) -> Layout:
        """Position and part of each entry; from the file's statistics where they say that nothing is absent."""
        if not is_list(self.type) and self._complete():
            return np.arange(len(self)), np.full(len(self), -1)
        layouts = []
        first = 0
        while first < len(self):
            with self._lock:
                first, array = self._block(first)
            position, part = layout_of(array, modality)
            layouts.append((position + first, part))
            first += len(array)
        return np.concatenate([place for place, _ in layouts]), np.concatenate([part for _, part in layouts])

    def _block(self, position: int) -> tuple[int, Any]:
        """First row, and Arrow array, of a block that holds this row."""
        for first, (end, array) in self._held.items():
            if first <= position < end:
                self._held.move_to_end(first)
                return first, array
        group = int(np.searchsorted(self.start, position, "right")) - 1
        if self._cursor is None or self._cursor[0] != group or self._cursor[1] > position:
            shard, number, size = self.groups[group]
            blocks = _open(self.shards[shard]).iter_batches(size, row_groups=[number], columns=[self.name])
            self._cursor = (group, int(self.start[group]), blocks)
        first = self._cursor[1]
        while True:
            array = self._read(next(self._cursor[2]))
            self._cursor = (group, first + len(array), self._cursor[2])
            self._keep(first, array)
            if position < first + len(array):
                return first, array
            first += len(array)

    def _read(self, batch: Any) -> Any:
        import pyarrow as pa

        array = batch.column(batch.schema.get_field_index(self.name))
        array = array if array.type == self.type else array.cast(self.type)
        checked_batch(pa.table([array], names=[self.name]))
        return simple(array)

    def _keep(self, first: int, array: Any) -> None:
        self._held[first] = (first + len(array), array)
        while len(self._held) > 2 and sum(each.nbytes for _, each in self._held.values()) > HELD_BYTES:
            self._held.popitem(last=False)

    def _complete(self) -> bool:
        """Do the statistics say that no cell is absent? For a file's struct, one complete field is enough."""
        for file in map(_open, self.shards):
            for group in range(file.metadata.num_row_groups):
                columns = _leaves(file, group, self.name)
                known = [leaf.statistics for leaf in columns if leaf.is_stats_set and leaf.statistics.has_null_count]
                if not any(each.null_count == 0 for each in known):
                    return False
        return True


def parquet_columns(shards: list[Path]) -> dict[str, ArrowCells | ParquetCells]:
    """Column name → lazy cells of one Parquet file, or of several with the same columns."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    files = []
    for shard in shards:
        with parsing(shard):
            files.append(_open(shard))
    names = files[0].schema_arrow.names
    checked_names(names)
    for shard, file in zip(shards, files):
        if sorted(file.schema_arrow.names) != sorted(names):
            raise TableError(f"{shard}: given columns {file.schema_arrow.names}; expected {names}, as in {shards[0]}")
    schema = pa.unify_schemas([file.schema_arrow for file in files], promote_options="permissive")
    schema = schema.with_metadata(files[0].schema_arrow.metadata)
    size = dict.fromkeys(names, 0)
    for file in files:
        for name in size:
            size[name] += sum(_bytes_of(file, group, name) for group in range(file.metadata.num_row_groups))
    small = [name for name in names if size[name] <= SMALL_BYTES]
    parts = []
    for shard in shards:
        with parsing(shard):
            parts.append(checked_batch(pq.read_table(shard, columns=small)))
    held = pa.concat_tables(parts, promote_options="permissive")
    held = held.select(small).replace_schema_metadata(schema.metadata)
    columns: dict[str, ArrowCells | ParquetCells] = arrow_columns(held)
    large = {name: ParquetCells(shards, name, schema.field(name).type) for name in names if name not in columns}
    return {name: columns[name] if name in columns else large[name] for name in names}


def _open(shard: Path) -> Any:
    import pyarrow.parquet as pq

    return pq.ParquetFile(shard)  # not memory-mapped: a file cut short later would be a crash instead of an error


def _leaves(file: Any, group: int, name: str) -> list[Any]:
    """Metadata of what is stored for one column; by number, since a dot in a name looks like a field of a struct."""
    schema, row_group = file.schema_arrow, file.metadata.row_group(group)
    place = schema.get_field_index(name)
    first = sum(_leaf_count(schema.field(k).type) for k in range(place))
    return [row_group.column(k) for k in range(first, first + _leaf_count(schema.field(place).type))]


def _leaf_count(kind: Any) -> int:
    children = [kind.field(k).type for k in range(kind.num_fields)] if hasattr(kind, "field") else []
    return sum(map(_leaf_count, children)) or 1


def _bytes_of(file: Any, group: int, name: str) -> int:
    return sum(leaf.total_uncompressed_size for leaf in _leaves(file, group, name))
