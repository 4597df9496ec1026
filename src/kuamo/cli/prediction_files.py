"""Predictions of a table as lines or a file, a block of rows at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from kuamo.core.errors import TableError, shorten
from kuamo.core.files import atomic_path, remove_leftovers, reporting_io_errors
from kuamo.core.translation import say
from kuamo.data.modalities import Number
from kuamo.data.table import Table
from kuamo.space import Space

__all__ = ["BLOCK", "blocks", "check_predictions_out", "format_prediction", "predictions", "short", "write_predictions"]


BLOCK = 4096


def predictions(
    space: Space, table: Table, to: str, progress: Callable[[str, int, int], None] | None = None
) -> Iterator[dict[str, Any]]:
    """For each row its id, value, probability (of classes) and weights; `None` where a row has nothing."""
    runnable = [name for name in table.columns if name in space.modalities and name != to]
    if not runnable:
        raise TableError(f"given columns {list(table.columns)}; expected some of {list(space.modalities)} but {to!r}")
    rows = table.select(*runnable)
    for start in range(0, len(rows), BLOCK):
        block = rows.take(np.arange(start, min(start + BLOCK, len(rows))))
        there = np.flatnonzero(block.present().any(1))
        predicted = space.predict(block.take(there), to) if len(there) else None
        at = dict(zip(there.tolist(), range(len(there))))
        for number, name in enumerate(block.ids):
            row: dict[str, Any] = {"id": name, "value": None, "probability": None, "weights": {}}
            if predicted is not None and number in at:
                k = at[number]
                row["value"] = predicted.values[k]
                row["probability"] = None if predicted.probability is None else float(predicted.probability[k].max())
                weights = zip(predicted.columns, predicted.weights[k].tolist())
                row["weights"] = {column: weight for column, weight in weights if weight > 0}
            yield row
        if progress:
            progress("predict", start + len(block), len(rows))


def write_predictions(rows: Iterator[dict[str, Any]], space: Space, to: str, out: Path) -> tuple[int, int]:
    """Write id, value, probability and `weight of COLUMN` as .csv or .parquet, a block of rows at a time.

    Returns:
        How many rows there are, and how many of them had no input.

    Raises:
        TableError: `out` ends otherwise, or its folder does not exist.
    """
    import pyarrow as pa
    import pyarrow.csv as pc
    import pyarrow.parquet as pq

    check_predictions_out(out)
    number = isinstance(space.port(to).modality, Number)
    columns = [name for name in space.modalities if name != to]
    fields = [("id", pa.string()), ("value", pa.float64() if number else pa.string())]
    fields += [] if number else [("probability", pa.float64())]
    schema = pa.schema(fields + [(f"weight of {name}", pa.float64()) for name in columns])
    count, empty = 0, 0
    remove_leftovers(out.parent)
    with atomic_path(out) as part:  # noqa: SIM117
        with (pq.ParquetWriter if out.suffix.lower() == ".parquet" else pc.CSVWriter)(part, schema) as writer:
            for block in blocks(rows):
                flat = [row | {f"weight of {name}": row["weights"].get(name) for name in columns} for row in block]
                writer.write_table(pa.Table.from_pylist(flat, schema=schema))
                count, empty = count + len(block), empty + sum(row["value"] is None for row in block)
    return count, empty


def check_predictions_out(out: Path) -> None:
    """Refuse a name that predictions cannot be written to."""
    with reporting_io_errors(out):
        wrong = out.suffix.lower() not in (".csv", ".parquet") or not out.parent.is_dir()
    if wrong:
        raise TableError(
            f"given {str(out)!r}; expected a file name ending in .csv or .parquet, in a folder that exists"
        )


def blocks(rows: Iterator[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """Lists of at most `BLOCK` rows."""
    block: list[dict[str, Any]] = []
    for row in rows:
        block.append(row)
        if len(block) == BLOCK:
            yield block
            block = []
    if block:
        yield block


def format_prediction(row: Mapping[str, Any]) -> str:
    """A row in words.

    Example:
        >>> format_prediction({"id": "7", "value": "cat", "probability": 0.98, "weights": {"photo": 0.7, "sound": 0.3}})
        '7                 cat  .98  by photo .70, sound .30'
    """
    if row["value"] is None:
        return f"{row['id']:16}  –  {say('no input')}"
    value = f"{row['value']:.6g}" if isinstance(row["value"], float) else str(row["value"])
    sure = "" if row["probability"] is None else f"  {short(row['probability'])}"
    by = ", ".join(f"{name} {short(weight)}" for name, weight in row["weights"].items())
    shown = value if len(value) <= 60 else shorten(value)
    return f"{row['id']:16}  {say('{value}{sure}  by {columns}', value=shown, sure=sure, columns=by)}"


def short(share: float) -> str:
    """A share to two places, without its zero."""
    return f"{share:.2f}".removeprefix("0")
