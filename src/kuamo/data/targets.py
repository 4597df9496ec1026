"""Prediction over files: which columns of a table are numbers and classes, and predictions, to a file.

A file's reader keeps numbers as `meta`, and one column as the label; to predict, they are columns like any other.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from kuamo.core.errors import TableError, did_you_mean, shorten
from kuamo.data.column import Column
from kuamo.data.modalities import Category, Modality, Number
from kuamo.data.table import Table

__all__ = ["as_model_input", "parse_target", "promote_target", "with_label_columns"]

CLASSES = 20  # whole numbers of more values than these are numbers, not classes
LABEL = "label"
KINDS: dict[str, type[Modality]] = {"number": Number, "category": Category}


def parse_target(table: Table, said: str) -> tuple[str, Modality | None]:
    """A column to predict and its kind, of words such as "stars:number" or "stars:category"; "stars" alone is `None`,
    what its cells look like. A column that has such a name itself is meant by it.

    Example:
        >>> parse_target(Table({"text": ["a"]}, meta={"stars": ["1"]}), "stars:number")
        ('stars', Number(unit=''))
    """
    known = [*table.columns, *table.meta, *([] if table.labels is None else [LABEL])]
    column, _, kind = said.rpartition(":")
    if said in known or (column not in known and kind not in KINDS):
        return said, None
    if kind not in KINDS:
        raise TableError(f"given {said!r} to predict; expected COLUMN or COLUMN:KIND, a kind among {sorted(KINDS)}")
    return column, KINDS[kind]()


def with_label_columns(table: Table, to: str, kind: Modality | None = None) -> Table:
    """A table whose column `to` is classes or numbers, and so are its other plain columns, if they are either.

    Args:
        table, to: whose column. kind: `Number()` or `Category()`; what its cells look like if not given.

    Example:
        >>> meta = {"price": ["1.5", "2", None], "colour": ["red", "red", "blue"], "day": ["1 May", "2 May", "3 May"]}
        >>> with_label_columns(Table({"text": ["a", "b", "c"]}, meta=meta, label=["x", "y", "x"]), "label")
        Table: 3 rows; text: Text 3/3, label: Category 3/3, price: Number 2/3, colour: Category 3/3
    """
    found = plain_cells(table)
    if to not in found and to not in table.columns:
        names = [*table.columns, *found]
        raise TableError(f"no column {to!r} to predict{did_you_mean(to, names)}; the table's columns are {names}")
    cells = found.pop(to) if to in found else [table.column(to)[i] for i in range(len(table))]
    found.pop(LABEL, None)  # another name for the target, more often than not
    kinds: dict[str, Modality] = {to: kind or (Number() if are_numbers(cells, CLASSES) else Category())}
    if isinstance(kinds[to], Category):
        check_classes(table, to, cells, guessed=kind is None)
        cells = [class_name(cell) for cell in cells]
    kinds |= {name: Number() for name, those in found.items() if are_numbers(those, 0)}
    kinds |= {name: Category() for name, those in found.items() if name not in kinds and is_class(those)}
    return with_columns(table, {to: cells} | {name: found[name] for name in found if name in kinds}, kinds)


def promote_target(table: Table, to: str) -> Table:
    """The table itself, or with one column more: `to`, where a reader kept it as the label or as `meta`.

    Example:
        >>> promote_target(Table({"text": ["a", "b", "c"]}, label=["x", "y", "x"]), "label")
        Table: 3 rows; text: Text 3/3, label: Category 3/3
    """
    if to in table.columns:
        return table
    cells = plain_cells(table)
    if to not in cells:
        raise TableError(f"given {to!r} to predict; the table's columns are {[*table.columns, *cells]}")
    column = with_label_columns(table, to).column(to)
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
    """
    known = [(row, cell) for row, cell in enumerate(cells) if not is_missing(cell)]
    odd = [(row, cell) for row, cell in known if not is_numeric_text(cell)]
    if guessed and len(known) > CLASSES and 0 < len(odd) <= 0.1 * len(known):
        (row, cell), as_classes = odd[0], f"{to}:category"
        raise TableError(
            f"column {to!r}, row {table.where(row)}: given {shorten(cell)}; expected a number, as elsewhere, or "
            f"{as_classes!r} if all are classes"
        )
    classes = len({str(cell) for _, cell in known})
    if len(known) > CLASSES and classes > len(known) / 2:
        raise TableError(
            f"column {to!r}: {classes} different values in {len(known)} rows; expected few classes, or numbers, to "
            "predict"
        )


def is_numeric_text(cell: Any) -> bool:
    """Is it a number, or a text that spells one?"""
    try:
        float(cell)
    except (TypeError, ValueError):
        return False
    return not isinstance(cell, bool)


def as_model_input(table: Table, kinds: Mapping[str, Modality]) -> Table:
    """The columns that a space of these kinds knows, plain ones too, each of the space's kind."""
    found = {name: cells for name, cells in plain_cells(table).items() if name in kinds}
    for name, column in table.columns.items():
        if name in kinds and type(column.modality) is not type(kinds[name]):  # few rows look like other kinds
            found[name] = [column[i] for i in range(len(table))]
    other = with_columns(table, found, {name: kinds[name] for name in found})
    known = [name for name in other.columns if name in kinds]
    if not known:
        raise TableError(f"given the columns {list(table.columns)}; the space's columns are {list(kinds)}")
    return other.select(*known)


def plain_cells(table: Table) -> dict[str, list[Any]]:
    """Cells of the label and of meta columns, but of the split."""
    found = {} if table.labels is None else {LABEL: list(table.labels)}
    found |= {name: [cells[i] for i in range(len(table))] for name, cells in table.meta.items() if name != "split"}
    return {name: [None if is_missing(one) else one for one in cells] for name, cells in found.items()}


def is_missing(cell: Any) -> bool:
    """Is it nothing: `None`, NaN, or an empty text?"""
    return cell is None or cell != cell or (isinstance(cell, str) and not cell.strip())


def are_numbers(cells: list[Any], classes: int) -> bool:
    """Are all cells numbers, of more different values than so many classes, or not whole?

    Example:
        >>> are_numbers(["1", "2", None], 20), are_numbers([1.5, 2], 20), are_numbers(["1", "a"], 0)
        (False, True, False)
    """
    known = {cell for cell in cells if not is_missing(cell)}
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
    there = [cell for cell in cells if not is_missing(cell)]
    known = set(there) if all(isinstance(cell, str) for cell in there) else set()
    return 2 <= len(known) <= min(CLASSES, len(there) - 1)


def with_columns(table: Table, cells: Mapping[str, list[Any]], kinds: Mapping[str, Modality]) -> Table:
    """The same rows with columns put in, or in the place of others."""
    other = table.take(np.arange(len(table)))
    other.columns = other.columns | {name: Column(name, kinds[name], those) for name, those in cells.items()}
    return other
