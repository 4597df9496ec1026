"""A table in words, for a terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from kuamo.core.errors import CellError, visible
from kuamo.core.messages import kind_name
from kuamo.core.text_table import width
from kuamo.core.translation import localized, say
from kuamo.data.column import Column
from kuamo.data.readers.arrow import describe_cell

__all__ = ["describe_columns"]


def describe_columns(
    columns: Mapping[str, Column],
    rows: int,
    ids: Sequence[str],
    groups: Sequence[str],
    labels: Sequence[Any] | None,
    meta: Mapping[str, Sequence[Any]],
    source: str,
    notes: Sequence[str],
) -> str:
    """One line for each column: its name, its kind, how many cells are there, a first one."""
    kinds = {name: kind_name(type(column.modality).__name__) for name, column in columns.items()}
    lines = [(name, kinds[name], *_seen(column, rows)) for name, column in columns.items()]
    if rows:
        plain_ids = ids[0] == "0" and list(ids) == [str(row) for row in range(rows)]
        lines += [] if plain_ids else [("id", "", say("name of the row"), ids[0])]
        lines += [] if groups == ids else [("group", "", say("{count:,} groups", count=len(set(groups))), groups[0])]
        if labels is not None:
            classes = say("{count:,} classes", count=len(set(map(str, labels))))
            lines.append(("label", "", classes, describe_plain(labels[0])))
        for name, cells in meta.items():
            lines.append((name, "", _split(cells) if name == "split" else say("meta"), describe_plain(cells[0])))
    widths = [max((width(line[k]) for line in lines), default=0) for k in range(3)]
    shown = [
        "  " + "  ".join([*(word + " " * (wide - width(word)) for word, wide in zip(line, widths)), line[3]]).rstrip()
        for line in lines
    ]
    head = say("{source}: {rows:,} rows", source=localized(source), rows=rows)
    return visible("\n".join([head, *shown, *map(localized, notes)]))


def describe_plain(value: Any) -> str:
    """A text as it is, if short; the end of a path."""
    if isinstance(value, Path):
        return str(value) if len(str(value)) <= 48 else "…" + str(value)[-47:]
    plain = isinstance(value, str) and len(value) <= 48 and "\n" not in value
    return value if plain else describe_cell(value)


def _seen(column: Column, rows: int) -> tuple[str, str]:
    there = np.unique(column.row)
    several = say(", {count:,} values", count=len(column.row)) if len(column.row) > len(there) else ""
    count = say("{there:,} of {rows:,}", there=len(there), rows=rows) + several
    if not len(there):
        return count, ""
    try:
        return count, describe_plain(column[int(there[0])])
    except CellError as error:
        return count, say("given {what}", what=localized(error.given))


def _split(cells: Any) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in Counter(map(str, cells)).items())
