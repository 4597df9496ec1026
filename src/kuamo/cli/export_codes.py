"""Codes of a whole table to a file, a block of rows at a time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from kuamo.core.errors import TableError
from kuamo.core.files import atomic_path, remove_leftovers, reporting_io_errors
from kuamo.data.table import Table
from kuamo.space import Space

__all__ = ["write_codes"]

BLOCK = 4096


def write_codes(
    space: Space, table: Table, out: Path, *, progress: Callable[[str, int, int], None] | None = None
) -> tuple[int, int]:
    """Write a Parquet file with columns `id` and `code` (d float32; null for a row with nothing in it).

    Returns:
        How many rows there are, and how many of them are empty.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    with reporting_io_errors(out):
        wrong = out.suffix.lower() != ".parquet" or not out.parent.is_dir()
    if wrong:
        raise TableError(f"given {str(out)!r}; expected a file name ending in .parquet, in a folder that exists")
    schema = pa.schema([("id", pa.string()), ("code", pa.list_(pa.float32(), space.dim))])
    empty = 0
    remove_leftovers(out.parent)
    with atomic_path(out) as part, pq.ParquetWriter(part, schema) as writer:
        for start in range(0, len(table), BLOCK):
            rows = table.take(np.arange(start, min(start + BLOCK, len(table))))
            code = space.encode(rows)
            there = np.ones(len(rows), bool) if code.present is None else np.asarray(code.present)
            flat = pa.array(np.asarray(code, np.float32).ravel())
            codes = pa.FixedSizeListArray.from_arrays(flat, space.dim, mask=pa.array(~there))
            writer.write_table(pa.table([pa.array(rows.ids), codes], schema=schema))
            empty += int((~there).sum())
            if progress:
                progress("encode", start + len(rows), len(table))
    return len(table), empty
