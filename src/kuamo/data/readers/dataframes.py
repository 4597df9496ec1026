"""Tables of other libraries: Arrow, pandas, Hugging Face `datasets`. Known by what they can do, never imported."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from kuamo.core.errors import TableError
from kuamo.core.messages import Note
from kuamo.data.readers.arrow import TakenCells, arrow_columns, checked_batch, checked_names, plain_cell

__all__ = ["read_object"]


def read_object(source: Any) -> tuple[dict[str, Any], str]:
    """Column name → cells, and the source in words."""
    if _is_dataset(source) and not (hasattr(source, "__len__") or hasattr(source, "data")):
        raise TableError(
            "given a dataset that is read as it comes, and whose end nobody knows; expected one that has rows, such as "
            "datasets.Dataset.from_list(list(stream.take(10_000)))"
        )
    if _is_dataset(source):
        return _dataset(source), Note("source_dataset")
    if isinstance(source, Mapping) and source and all(_is_dataset(each) for each in source.values()):
        return arrow_columns(_splits(source)), Note("source_dataset")
    if hasattr(source, "iloc") and hasattr(source, "columns"):
        return _frame(source), Note("source_frame")
    if hasattr(source, "__arrow_c_stream__") or hasattr(source, "__arrow_c_array__"):  # Arrow, polars, DuckDB, …
        return arrow_columns(checked_batch(_table_of(source))), Note("source_arrow")
    more = "; of a LazyFrame, .collect() is one" if hasattr(source, "collect") else ""
    raise TableError(
        f"given {type(source).__name__}; expected a path, a data frame of pandas or polars, an Arrow table or a "
        f"Hugging Face Dataset (columns in memory go into Table({{name: cells}})){more}"
    )


def _table_of(source: Any) -> Any:
    import pyarrow as pa

    try:
        return source if isinstance(source, pa.Table) else pa.table(source)
    except (pa.ArrowException, TypeError, ValueError) as error:
        raise TableError(f"given {type(source).__name__} ({error}); expected a table of named columns") from None


def _is_dataset(source: Any) -> bool:
    return hasattr(source, "with_format") and hasattr(source, "features") and hasattr(source, "column_names")


def _dataset(source: Any) -> dict[str, Any]:
    """Columns over the dataset's own Arrow table, undecoded and memory-mapped as it comes, in its chosen rows."""
    stored, chosen = getattr(getattr(source, "data", None), "table", None), getattr(source, "_indices", None)
    if not hasattr(stored, "schema"):
        return arrow_columns(checked_batch(_as_arrow(source)))
    columns = arrow_columns(checked_batch(_with_schema(stored, source)))
    if chosen is None:
        return columns
    rows = np.asarray(chosen.column(0), dtype=np.int64)  # rows were selected or shuffled
    return {name: TakenCells(cells, rows) for name, cells in columns.items()}


def _as_arrow(source: Any) -> Any:
    return _with_schema(source.with_format("arrow")[:], source)


def _with_schema(table: Any, source: Any) -> Any:
    """With the note of what the numbers of classes mean."""
    schema = getattr(source.features, "arrow_schema", None)
    return table if schema is None else table.replace_schema_metadata(schema.metadata)


def _splits(sources: Mapping[str, Any]) -> Any:
    import pyarrow as pa

    tables = []
    for name, source in sources.items():
        table = checked_batch(_as_arrow(source))
        if "split" not in table.column_names:
            table = table.append_column("split", pa.array([str(name)] * table.num_rows, pa.string()))
        tables.append(table)
    return pa.concat_tables(tables, promote_options="permissive")


def _frame(frame: Any) -> dict[str, Any]:
    """A data frame's columns as plain objects, with `None` where pandas has a gap."""
    names = [str(name) for name in frame.columns]
    checked_names(names)
    gaps = frame.isna().to_numpy()
    return {
        name: [None if gap else plain_cell(cell) for cell, gap in zip(frame.iloc[:, k].tolist(), gaps[:, k])]
        for k, name in enumerate(names)
    }
