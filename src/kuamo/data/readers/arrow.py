"""Cells that stay in Arrow: a column of a table in memory or memory-mapped, one cell at a time made a Python value."""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from kuamo.core.arrays import entries_in_rows, is_absent
from kuamo.core.errors import KuamoError, TableError, shorten
from kuamo.data.column import Layout
from kuamo.data.modalities import Modality

__all__ = [
    "ArrowCells",
    "Mapped",
    "TakenCells",
    "arrow_columns",
    "checked_batch",
    "checked_names",
    "describe_cell",
    "layout_of",
    "parsing",
    "plain_cell",
]


DEEPEST = 32  # lists and records within each other
_LATEST = 253_402_300_799  # seconds to the end of the year 9999, where Python's calendar ends
_EARLIEST = -62_135_596_800


class ArrowCells:
    """A chunked Arrow array as lazy cells.

    Example:
        >>> import pyarrow as pa
        >>> from kuamo.data.modalities import Text
        >>> cells = ArrowCells(pa.chunked_array([[["a", "b"], None], [["c"]]]))
        >>> cells[0], [part.tolist() for part in cells.layout(Text())]
        (['a', 'b'], [[0, 0, 2], [0, 1, 0]])
    """

    def __init__(self, column: Any, guard: Callable[[], Any] = bool) -> None:
        self.type, self.guard = column.type, guard
        self.chunks = [simple(chunk) for chunk in column.chunks if len(chunk)]
        self.start = np.cumsum([0, *(len(chunk) for chunk in self.chunks)])

    def __len__(self) -> int:
        return int(self.start[-1])

    def __getitem__(self, position: int) -> Any:
        chunk = int(np.searchsorted(self.start, position, "right")) - 1
        self.guard()
        return cell_of(self.chunks[chunk], position - int(self.start[chunk]))

    def __iter__(self) -> Iterator[Any]:
        for chunk in self.chunks:
            self.guard()
            if is_list(chunk.type):
                yield from (cell_of(chunk, k) for k in range(len(chunk)))
            else:
                yield from map(plain_cell, chunk.to_pylist())

    def layout(self, modality: Modality) -> Layout:
        self.guard()
        layouts = [layout_of(chunk, modality) for chunk in self.chunks]
        position = [start + place for start, (place, _) in zip(self.start, layouts)]
        if not layouts:
            return np.empty(0, np.int64), np.empty(0, np.int64)
        return np.concatenate(position), np.concatenate([part for _, part in layouts])


class TakenCells:
    """Some of the cells of others, in another order; nothing is copied."""

    def __init__(self, cells: ArrowCells, rows: np.ndarray) -> None:
        self.cells, self.rows = cells, rows

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, position: int) -> Any:
        return self.cells[int(self.rows[position])]

    def layout(self, modality: Modality) -> Layout:
        position, part = self.cells.layout(modality)
        entry, place = entries_in_rows(position, self.rows)
        return place, part[entry]


@contextmanager
def parsing(path: Path) -> Iterator[None]:
    """Whatever goes wrong with a file is said in our words, with its name."""
    try:
        yield
    except KuamoError as error:
        raise error if str(path) in str(error) else TableError(f"{path}: {error}") from None
    except RecursionError:
        raise TableError(f"{path}: given data nested too deeply; expected rows of plain values") from None
    except Exception as error:
        said = " ".join(str(error).split())
        said = said if len(said) <= 300 else said[:299] + "…"
        kind = path.suffix or "data"
        raise TableError(
            f"{path}: cannot be read ({said or type(error).__name__}); expected a whole {kind} file"
        ) from None


class Mapped:
    """Asked before a memory-mapped file is looked at: what is no more there would end the process.

    Args:
        path: the file.
    """

    def __init__(self, path: Path) -> None:
        self.path, self.file = path, path.open("rb")
        self.size = os.fstat(self.file.fileno()).st_size

    def __call__(self) -> None:
        """Is all of it still there?"""
        if os.fstat(self.file.fileno()).st_size < self.size:
            raise TableError(f"{self.path}: was cut while the table is in use; expected a file that stays as it is")

    def __reduce__(self) -> tuple[Any, ...]:
        return type, (False,)  # a copy has its cells in memory: its guard is `bool`, which asks nothing


def arrow_columns(table: Any, guard: Callable[[], Any] = bool) -> dict[str, Any]:
    """Column name → lazy cells; class numbers of a Hugging Face schema become class names."""
    checked_names(table.column_names)
    classes = class_names(table.schema)
    return {
        name: named_fields(column, classes[name]) if name in classes else ArrowCells(column, guard)
        for name, column in zip(table.column_names, table.columns)
    }


def checked_names(names: list[str]) -> None:
    """Refuse two columns of one name."""
    repeated = [name for name, count in Counter(names).items() if count > 1]
    if repeated:
        raise TableError(f"given several columns called {repeated[0]!r}; expected unique names")


def checked_batch(table: Any) -> Any:
    """The table, if its offsets and texts are sound: Arrow does not look until it is too late."""
    import pyarrow as pa

    for name, column in zip(table.column_names, table.columns):
        if _is_deep(column.type):
            raise TableError(f"column {name!r}: given lists within lists, more than {DEEPEST} deep; expected fewer")
    try:
        table.validate(full=True)
    except pa.ArrowException as error:
        raise TableError(f"given damaged data ({error}); expected whole Arrow data, and texts in UTF-8") from None
    return table


def _is_deep(kind: Any, left: int = DEEPEST) -> bool:
    children = [kind.field(k).type for k in range(kind.num_fields)]
    return bool(children) and (left == 0 or any(_is_deep(child, left - 1) for child in children))


def class_names(schema: Any) -> dict[str, list[str]]:
    """Columns whose numbers stand for classes, by the note that Hugging Face `datasets` leaves in a schema."""
    note = (schema.metadata or {}).get(b"huggingface")
    try:
        features = json.loads(note)["info"]["features"] if note else {}
        return {
            str(name): [str(each) for each in kind["names"]]
            for name, kind in features.items()
            if isinstance(kind, dict) and kind.get("_type") == "ClassLabel" and "names" in kind
        }
    except (ValueError, KeyError, TypeError, AttributeError):
        return {}  # somebody else's note


def named_fields(column: Any, names: list[str]) -> Any:
    """Class numbers as a dictionary array of their names; −1 (no label) is absent."""
    import pyarrow as pa

    numbers = column.to_pylist()
    known = [k if isinstance(k, int) and 0 <= k < len(names) else None for k in numbers]
    labels = pa.DictionaryArray.from_arrays(pa.array(known, pa.int32()), pa.array(names, pa.string()))
    return ArrowCells(pa.chunked_array([labels]))


def simple(array: Any) -> Any:
    """Without extension types, fixed-size lists of anything but numbers, and times that Python has no value for."""
    import pyarrow as pa

    if isinstance(array, pa.ExtensionArray):
        return simple(array.storage)
    kind = array.type
    if pa.types.is_temporal(kind) and not pa.types.is_interval(kind):
        return _python_times(array)
    if pa.types.is_fixed_size_list(kind) and not is_number_type(kind.value_type):
        return array.cast(pa.list_(kind.value_type))
    return array


def _python_times(array: Any) -> Any:
    """To the microsecond; in UTC where the zone is unknown; beyond the years 1 to 9999 as whole numbers of its unit."""
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = array.type
    zone = _known_zone(kind.tz) if pa.types.is_timestamp(kind) else None
    coarse = {"timestamp": pa.timestamp("us", zone), "time64": pa.time64("us"), "duration": pa.duration("us")}
    if getattr(kind, "unit", "") == "ns":
        array = array.cast(coarse[str(kind).split("[")[0]], safe=False)
    elif pa.types.is_timestamp(kind) and zone != kind.tz:
        array = array.cast(pa.timestamp(kind.unit, zone))
    counted = array.cast(pa.int32()).cast(pa.int64()) if kind.bit_width == 32 else array.cast(pa.int64())
    try:
        for extreme in pc.min_max(counted).values():
            (extreme.cast(pa.int32()) if kind.bit_width == 32 else extreme).cast(array.type).as_py()
    except (ValueError, OverflowError):
        return counted
    return array


def _known_zone(zone: str | None) -> str | None:
    """The zone, if this machine knows it; else that in which Arrow keeps it."""
    if zone is None or re.fullmatch(r"[+-]\d\d:\d\d", zone):
        return zone
    try:
        ZoneInfo(zone)
    except (ValueError, OSError, LookupError):
        return "UTC"
    return zone


def is_number_type(kind: Any) -> bool:
    """Is it a type of numbers?"""
    import pyarrow as pa

    return pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_boolean(kind)


def is_list(kind: Any) -> bool:
    """Is it a type of lists?"""
    import pyarrow as pa

    return pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)


def present(array: Any) -> np.ndarray:
    """(n,) bool: which cells are there. An empty list, or a file's struct of two nulls, is not."""
    import pyarrow as pa
    import pyarrow.compute as pc

    there = np.asarray(array.is_valid())
    kind = array.type
    if is_list(kind):
        there = there & (pc.list_value_length(array).fill_null(0).to_numpy(zero_copy_only=False) > 0)
    elif is_file(kind):
        fields = [pc.struct_field(array, [k]) for k in range(kind.num_fields)]
        there = there & np.any([np.asarray(field.is_valid()) for field in fields], axis=0)
    elif pa.types.is_floating(kind):
        there = there & ~np.asarray(pc.is_nan(array).fill_null(True))
    return there


def is_file(kind: Any) -> bool:
    """Is it the struct {bytes, path} that Hugging Face keeps a picture or a sound in?"""
    import pyarrow as pa

    return pa.types.is_struct(kind) and {field.name for field in kind} <= {"bytes", "path"} and kind.num_fields > 0


def layout_of(array: Any, modality: Modality) -> Layout:
    """Position and part of each entry of one Arrow array."""
    import pyarrow.compute as pc

    there = present(array)
    position = np.flatnonzero(there)
    if not is_list(array.type) or not len(position) or modality.accepts(cell_of(array, int(position[0]))):
        return position, np.full(len(position), -1)
    parent = pc.list_parent_indices(array).to_numpy(zero_copy_only=False).astype(np.int64)
    first = np.searchsorted(parent, parent, "left")
    keep = present(pc.list_flatten(array))
    return parent[keep], (np.arange(len(parent)) - first)[keep]


def cell_of(array: Any, position: int) -> Any:
    """One cell as a plain value; a list of numbers as an array that shares Arrow's memory where it can."""
    kind = array.type
    if not is_list(kind) or not array[position].is_valid:
        return plain_cell(array[position].as_py())
    values = array[position].values
    if is_number_type(kind.value_type):
        return values.to_numpy(zero_copy_only=False)
    if is_list(kind.value_type):
        return [cell_of(values, k) for k in range(len(values))]
    return plain_cell(values.to_pylist())


def plain_cell(cell: Any) -> Any:
    """A cell without the dicts that Hugging Face and JSON put around files.

    Example:
        >>> plain_cell({"bytes": None, "path": "cat.png"}), plain_cell([{"bytes": b"RIFF", "path": None}])
        ('cat.png', [b'RIFF'])
    """
    if isinstance(cell, np.ndarray) and cell.dtype == object:  # what pandas makes of a list
        cell = cell.tolist()
    if isinstance(cell, list):
        return [plain_cell(part) for part in cell]
    if isinstance(cell, dict) and cell and set(cell) <= {"bytes", "path"}:
        return cell.get("path") if cell.get("bytes") is None else cell["bytes"]
    if isinstance(cell, dict) and {"array", "sampling_rate"} <= set(cell):
        return np.asarray(cell["array"]), cell["sampling_rate"]
    return None if is_absent(cell) else cell


def describe_cell(cell: Any) -> str:
    """A raw cell in a few words, for a listing.

    Example:
        >>> describe_cell(b"1234"), describe_cell(np.zeros(3)), describe_cell(["a", "b"])
        ('4 bytes', 'array (3,)', "['a', 'b']")
    """
    if isinstance(cell, bytes | bytearray | memoryview):
        return f"{len(cell):,} bytes"
    if isinstance(cell, np.ndarray):
        return f"array {cell.shape}"
    if isinstance(cell, list | tuple):
        return f"[{', '.join(describe_cell(part) for part in cell[:2])}{', …' if len(cell) > 2 else ''}]"
    return shorten(cell, 48)
