"""Files of rows: CSV, TSV, JSON lines and Parquet, through pyarrow."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from kuamo.errors import TableError

__all__ = ["read_columns"]


def read_columns(path: Path) -> dict[str, list[Any] | np.ndarray]:
    """Column name → cells; an empty field is `None`; lists of numbers are arrays.

    Raises:
        TableError: the file is missing, of another kind, or cannot be parsed.
    """
    readers = {".csv": _csv, ".tsv": _csv, ".jsonl": _json, ".ndjson": _json, ".parquet": _parquet}
    if not path.exists():
        raise TableError(f"given {str(path)!r}, which does not exist; expected a table ({', '.join(readers)})")
    reader = readers.get(path.suffix.lower())
    if reader is None or path.is_dir():
        raise TableError(f"given {str(path)!r}; expected a table ({', '.join(readers)})")
    try:
        table = reader(path)
    except Exception as error:  # pyarrow raises several kinds
        raise TableError(f"{path}: {type(error).__name__}: {error}") from None
    if table.num_rows == 0:
        raise TableError(f"{path}: given no row; expected at least one")
    return {name: _cells(table.column(name)) for name in table.column_names}


def _csv(path: Path) -> Any:
    from pyarrow import csv

    return csv.read_csv(
        path,
        parse_options=csv.ParseOptions(
            delimiter="\t" if path.suffix.lower() == ".tsv" else ",", newlines_in_values=True
        ),
        convert_options=csv.ConvertOptions(strings_can_be_null=True, null_values=[""]),
    )


def _json(path: Path) -> Any:
    from pyarrow import json

    return json.read_json(path)


def _parquet(path: Path) -> Any:
    import pyarrow.parquet as pq

    return pq.read_table(path)


def _cells(column: Any) -> list[Any] | np.ndarray:
    import pyarrow as pa

    kind = column.type
    if pa.types.is_fixed_size_list(kind) and pa.types.is_floating(kind.value_type) and column.null_count == 0:
        flat = column.combine_chunks().flatten().to_numpy(zero_copy_only=False)
        return flat.reshape(len(column), kind.list_size)
    if pa.types.is_list(kind) and (pa.types.is_floating(kind.value_type) or pa.types.is_integer(kind.value_type)):
        return [None if cell is None else np.asarray(cell) for cell in column.to_pylist()]
    return column.to_pylist()
