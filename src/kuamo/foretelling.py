"""Prediction over files: which columns of a table are numbers and classes, and what rows are told to be, to a file.

A file's reader keeps numbers as `meta`, and one column as the label; to predict, they are columns like any other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from kuamo.column import Column
from kuamo.errors import TableError, shorten
from kuamo.files import beside, sweep, writing
from kuamo.modalities import Category, Modality, Number
from kuamo.space import Space
from kuamo.table import Table

__all__ = ["asked_for", "predictions", "table_for", "table_of", "with_target", "write_predictions"]

BLOCK = 4096
CLASSES = 20  # whole numbers of more values than these are numbers, not classes
LABEL = "label"
KINDS: dict[str, type[Modality]] = {"number": Number, "category": Category}


def asked_for(table: Table, said: str) -> tuple[str, Modality | None]:
    """A column to predict and its kind, of words such as "stars:number" or "stars:category"; "stars" alone is `None`,
    what its cells look like. A column that has such a name itself is meant by it.

    Raises:
        TableError: another kind.

    Example:
        >>> asked_for(Table({"text": ["a"]}, meta={"stars": ["1"]}), "stars:number")
        ('stars', Number(unit=''))
    """
    known = [*table.columns, *table.meta, *([] if table.labels is None else [LABEL])]
    column, _, kind = said.rpartition(":")
    if said in known or (column not in known and kind not in KINDS):
        return said, None
    if kind not in KINDS:
        raise TableError(f"given {said!r} to predict; expected COLUMN or COLUMN:KIND, a kind among {sorted(KINDS)}")
    return column, KINDS[kind]()


def table_of(table: Table, to: str, kind: Modality | None = None) -> Table:
    """A table whose column `to` is classes or numbers, and so are its other plain columns, if they are either.

    Args:
        table, to: whose column. kind: `Number()` or `Category()`; what its cells look like if not given.

    Raises:
        TableError: no such column, or one whose cells are neither.

    Example:
        >>> meta = {"price": ["1.5", "2", None], "colour": ["red", "red", "blue"], "day": ["1 May", "2 May", "3 May"]}
        >>> table_of(Table({"text": ["a", "b", "c"]}, meta=meta, label=["x", "y", "x"]), "label")
        Table: 3 rows; text: Text 3/3, label: Category 3/3, price: Number 2/3, colour: Category 3/3
    """
    found = plain_cells(table)
    if to not in found and to not in table.columns:
        raise TableError(f"given {to!r} to predict; the table has {[*table.columns, *found]}")
    cells = found.pop(to) if to in found else [table.column(to)[i] for i in range(len(table))]
    found.pop(LABEL, None)  # another name for what is told, more often than not
    kinds: dict[str, Modality] = {to: kind or (Number() if is_number(cells, CLASSES) else Category())}
    if isinstance(kinds[to], Category):
        check_classes(table, to, cells, guessed=kind is None)
        cells = [class_name(cell) for cell in cells]
    kinds |= {name: Number() for name, those in found.items() if is_number(those, 0)}
    kinds |= {name: Category() for name, those in found.items() if name not in kinds and is_class(those)}
    return with_columns(table, {to: cells} | {name: found[name] for name in found if name in kinds}, kinds)


def with_target(table: Table, to: str) -> Table:
    """The table itself, or with one column more: `to`, where a reader kept it as the label or as `meta`.

    Raises:
        TableError: no such column, or one whose cells are neither classes nor numbers.

    Example:
        >>> with_target(Table({"text": ["a", "b", "c"]}, label=["x", "y", "x"]), "label")
        Table: 3 rows; text: Text 3/3, label: Category 3/3
    """
    if to in table.columns:
        return table
    cells = plain_cells(table)
    if to not in cells:
        raise TableError(f"given {to!r} to predict; the table has {[*table.columns, *cells]}")
    column = table_of(table, to).column(to)
    return with_columns(table, {to: [column[i] for i in range(len(table))]}, {to: column.modality})


def class_name(cell: Any) -> Any:
    """A whole number that a reader keeps as a float, beside an absent one, is the name of a class too.

    Example:
        >>> class_name(3.0), class_name("3"), class_name(None)
        (3, '3', None)
    """
    return int(cell) if isinstance(cell, float | np.floating) and float(cell).is_integer() else cell


def check_classes(table: Table, to: str, cells: list[Any], guessed: bool = True) -> None:
    """Refuse classes of which hardly two rows have the same, and if nobody said that they are classes, numbers but for
    a few cells.

    Raises:
        TableError: naming a row that is no number, or how many classes there are.
    """
    known = [(row, cell) for row, cell in enumerate(cells) if not is_gap(cell)]
    odd = [(row, cell) for row, cell in known if not spells_number(cell)]
    if guessed and len(known) > CLASSES and 0 < len(odd) <= 0.1 * len(known):
        row, cell = odd[0]
        raise TableError(
            f"column {to!r}, row {table.where(row)}: given {shorten(cell)}; expected a number, as elsewhere, or "
            f"'{to}:category' if all are classes"
        )
    classes = len({str(cell) for _, cell in known})
    if len(known) > CLASSES and classes > len(known) / 2:
        raise TableError(f"column {to!r}: given {classes} different values in {len(known)} rows; expected few classes")


def spells_number(cell: Any) -> bool:
    """Is it a number, or a text that spells one?"""
    try:
        float(cell)
    except (TypeError, ValueError):
        return False
    return not isinstance(cell, bool)


def table_for(table: Table, space: Space) -> Table:
    """The columns that the space knows, plain ones too, each of the space's kind.

    Raises:
        TableError: there is none.
    """
    kinds = space.modalities
    found = {name: cells for name, cells in plain_cells(table).items() if name in kinds}
    for name, column in table.columns.items():
        if name in kinds and type(column.modality) is not type(kinds[name]):  # few rows look like other kinds
            found[name] = [column[i] for i in range(len(table))]
    other = with_columns(table, found, {name: kinds[name] for name in found})
    known = [name for name in other.columns if name in kinds]
    if not known:
        raise TableError(f"given the columns {list(table.columns)}; the space knows {list(kinds)}")
    return other.select(*known)


def plain_cells(table: Table) -> dict[str, list[Any]]:
    """Cells of the label and of meta columns, but of the split."""
    found = {} if table.labels is None else {LABEL: list(table.labels)}
    found |= {name: [cells[i] for i in range(len(table))] for name, cells in table.meta.items() if name != "split"}
    return {name: [None if is_gap(one) else one for one in cells] for name, cells in found.items()}


def is_gap(cell: Any) -> bool:
    """Is it nothing: `None`, NaN, or an empty text?"""
    return cell is None or cell != cell or (isinstance(cell, str) and not cell.strip())


def is_number(cells: list[Any], classes: int) -> bool:
    """Are all cells numbers, of more different values than so many classes, or not whole?

    Example:
        >>> is_number(["1", "2", None], 20), is_number([1.5, 2], 20), is_number(["1", "a"], 0)
        (False, True, False)
    """
    known = {cell for cell in cells if not is_gap(cell)}
    try:
        numbers = {float(cell) for cell in known if not isinstance(cell, bool)}
    except (TypeError, ValueError):
        return False
    whole = all(number == round(number) for number in numbers if np.isfinite(number))
    return len(numbers) == len(known) > 1 and (not whole or len(numbers) > classes)


def is_class(cells: list[Any]) -> bool:
    """Are all cells texts of a few classes, each of more than one row on average?

    Example:
        >>> is_class(["a", "a", "b"]), is_class(["a", "b", None]), is_class([1, 1, 2])
        (True, False, False)
    """
    there = [cell for cell in cells if not is_gap(cell)]
    known = set(there) if all(isinstance(cell, str) for cell in there) else set()
    return 2 <= len(known) <= min(CLASSES, len(there) - 1)


def with_columns(table: Table, cells: Mapping[str, list[Any]], kinds: Mapping[str, Modality]) -> Table:
    """The same rows with columns put in, or in the place of others."""
    other = table.take(np.arange(len(table)))
    other.columns = other.columns | {name: Column(name, kinds[name], those) for name, those in cells.items()}
    return other


def predictions(
    space: Space, table: Table, to: str, progress: Callable[[str, int, int], None] | None = None
) -> Iterator[dict[str, Any]]:
    """For each row its id, value, probability (of classes) and weights; `None` where a row has nothing."""
    able = [name for name in table.columns if name in space.modalities and name != to]
    if not able:
        raise TableError(f"given columns {list(table.columns)}; expected some of {list(space.modalities)} but {to!r}")
    rows = table.select(*able)
    for start in range(0, len(rows), BLOCK):
        block = rows.take(np.arange(start, min(start + BLOCK, len(rows))))
        there = np.flatnonzero(block.present().any(1))
        told = space.predict(block.take(there), to) if len(there) else None
        at = dict(zip(there.tolist(), range(len(there))))
        for number, name in enumerate(block.ids):
            row: dict[str, Any] = {"id": name, "value": None, "probability": None, "weights": {}}
            if told is not None and number in at:
                k = at[number]
                row["value"] = told.values[k]
                row["probability"] = None if told.probability is None else float(told.probability[k].max())
                weights = zip(told.columns, told.weights[k].tolist())
                row["weights"] = {column: weight for column, weight in weights if weight > 0}
            yield row
        if progress:
            progress("predict", start + len(block), len(rows))


def write_predictions(rows: Iterator[dict[str, Any]], space: Space, to: str, out: Path) -> tuple[int, int]:
    """Write id, value, probability and `weight of COLUMN` as .csv or .parquet, a block of rows at a time.

    Returns:
        How many rows there are, and how many of them had nothing to tell by.

    Raises:
        TableError: `out` ends otherwise, or its folder does not exist.
    """
    import pyarrow as pa
    import pyarrow.csv as pc
    import pyarrow.parquet as pq

    check_out(out)
    number = isinstance(space.port(to).modality, Number)
    columns = [name for name in space.modalities if name != to]
    fields = [("id", pa.string()), ("value", pa.float64() if number else pa.string())]
    fields += [] if number else [("probability", pa.float64())]
    schema = pa.schema(fields + [(f"weight of {name}", pa.float64()) for name in columns])
    count, empty = 0, 0
    sweep(out.parent)
    with beside(out) as part:  # noqa: SIM117
        with (pq.ParquetWriter if out.suffix.lower() == ".parquet" else pc.CSVWriter)(part, schema) as writer:
            for block in blocks(rows):
                flat = [row | {f"weight of {name}": row["weights"].get(name) for name in columns} for row in block]
                writer.write_table(pa.Table.from_pylist(flat, schema=schema))
                count, empty = count + len(block), empty + sum(row["value"] is None for row in block)
    return count, empty


def check_out(out: Path) -> None:
    """Refuse a name that predictions cannot be written to.

    Raises:
        TableError: see `write_predictions`.
    """
    with writing(out):
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


def line_of(row: Mapping[str, Any]) -> str:
    """A row in words.

    Example:
        >>> line_of({"id": "7", "value": "cat", "probability": 0.98, "weights": {"photo": 0.7, "sound": 0.3}})
        '7                 cat  .98  by photo .70, sound .30'
    """
    if row["value"] is None:
        return f"{row['id']:16}  –  nothing to tell by"
    value = f"{row['value']:.6g}" if isinstance(row["value"], float) else str(row["value"])
    sure = "" if row["probability"] is None else f"  {short(row['probability'])}"
    by = ", ".join(f"{name} {short(weight)}" for name, weight in row["weights"].items())
    return f"{row['id']:16}  {value if len(value) <= 60 else shorten(value)}{sure}  by {by}"


def short(share: float) -> str:
    """A share to two places, without its zero."""
    return f"{share:.2f}".removeprefix("0")
