"""Reading tables: whatever holds rows becomes named columns of raw cells, and what each column is is found out.

source ─ open_source ─→ columns of raw cells ─ roles, kinds, places ─→ what `Table` is made of

csv_json, dialect, parquet, arrow, folders    files and folders of each format
dataframes, given        tables of other libraries; columns or rows in memory
schema                   which modality a column is
spelled, spelled_cells   vectors and lists written as text
typed_text               a text that is given alone, such as a query
paths, fetching          files that cells name, and files of the web
summary                  a table as text
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from kuamo.core.errors import TableError, shorten
from kuamo.core.messages import Note
from kuamo.data.modalities import Category, Modality, Text, Vector
from kuamo.data.readers.arrow import ArrowCells, Mapped, arrow_columns, checked_batch, parsing
from kuamo.data.readers.csv_json import infer_types
from kuamo.data.readers.dataframes import read_object
from kuamo.data.readers.folders import read_folder, suffix_of, table_file
from kuamo.data.readers.parquet import parquet_columns
from kuamo.data.readers.paths import FileResolver, Opening, ResolvedCells
from kuamo.data.readers.schema import Unread, is_category, sampled_cells, vote_of
from kuamo.data.readers.spelled_cells import hole_words, read_spelled

__all__ = ["ParsedSource", "read_source"]

FILES = (".csv", ".tsv", ".jsonl", ".ndjson", ".json", ".parquet", ".arrow", ".feather")
ROLES = ("id", "group", "label", "split")
_BUILT_IN = ("Image", "Audio", "Vector")


@dataclass
class ParsedSource:
    """What a source holds.

    Args:
        columns: name → cells. modalities: name → modality. roles: `id`, `group`, `label` → values.
        meta: name → values, the split among them. source: in words.
        notes: what was decided, and how to decide otherwise.
    """

    source: str
    columns: dict[str, Any] = field(default_factory=dict)
    modalities: dict[str, Modality] = field(default_factory=dict)
    roles: dict[str, Any] = field(default_factory=dict)
    meta: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def read_source(
    source: Any,
    *,
    modalities: Mapping[str, Modality],
    root: str | Path | None = None,
    encoding: str | None = None,
    download: bool = False,
    strict: bool = True,
) -> ParsedSource:
    """Open a source and find out what its columns are; see `Table.read`.

    Args:
        strict: refuse a modality for a column that is not there; else it is for those that are.
    """
    kept = frozenset(name for name, kind in modalities.items() if isinstance(kind, Text | Category))
    opening = Opening(encoding, kept=kept)
    raw, name, folder = open_source(source, opening, root)
    modalities = modalities if strict else {each: kind for each, kind in modalities.items() if each in raw}
    unknown = set(modalities) - set(raw)
    if unknown:
        raise TableError(f"{name}: given a modality for {sorted(unknown)}; the columns are {list(raw)}")
    if not raw or len(next(iter(raw.values()))) == 0:
        raise TableError(f"{name}: no rows; expected at least one")
    raw = _with_names(raw, opening.notes)
    places = FileResolver(Path(root) if root is not None else folder, root is not None, download)
    reading = ParsedSource(name)
    reading.roles = {role: raw.pop(role) for role in ROLES if role in raw and role not in modalities}
    if "split" in reading.roles:
        reading.meta["split"] = reading.roles.pop("split")
    columns = {each: read_spelled(each, cells, modalities.get(each), opening.notes) for each, cells in raw.items()}
    found = {each: vote_of(cells, places) for each, cells in columns.items() if each not in modalities}
    uncertain = {each: kind for each, kind in found.items() if isinstance(kind, Unread)}
    kinds = dict(modalities)
    kinds |= {each: kind for each, kind in found.items() if kind is not None and not isinstance(kind, Unread)}
    texts = [each for each, kind in found.items() if isinstance(kind, Text)]
    for each in [*texts, *(each for each, found_unread in uncertain.items() if found_unread.why == "table_numbers")]:
        typed = _typed(columns[each])
        if typed is not columns[each]:
            columns[each] = typed
            kinds.pop(each, None)
            uncertain.pop(each, None)
    classes = [each for each in texts if each in kinds and is_category(each, columns[each])]
    if len(kinds) - len(classes) < 2:
        classes = []  # else there would be nothing to align: image and breed, say
    for each, cells in columns.items():
        if each in kinds and each not in classes:
            reading.modalities[each] = kinds[each]
            reading.columns[each] = _placed(cells, kinds[each], places)
        else:
            reading.meta[each] = cells
    opening.notes.extend(
        [Note(found_unread.why, column=each, what=found_unread.what) for each, found_unread in uncertain.items()]
    )
    opening.notes.extend(hole_words({each: columns[each] for each in texts if each in reading.columns}))
    if not reading.columns:
        raise TableError(
            f"{name}: given columns {[*reading.roles, *reading.meta]}, none of text, images, audio or vectors; "
            f"expected at least one, or modalities={{column: ...}}" + "".join(f"; {note}" for note in opening.notes)
        )
    rest = [each for each in reading.meta if each not in (*classes, *uncertain, "split")]
    reading.notes = [
        *opening.notes,
        *_notes("metadata_classes", classes, "Category"),
        *_notes("metadata_others", rest, "Number" if rest and _typed_numbers(reading.meta[rest[0]]) else "Text"),
    ]
    return reading


def open_source(source: Any, opening: Opening, root: str | Path | None) -> tuple[dict[str, Any], str, Path]:
    """Raw columns, the source in words, and the folder that names of files start in.

    With a root, what a folder holds must be in the root or in that folder, whatever links say; and so must a file whose
    name is below the root.
    """
    if not isinstance(source, str | Path):
        columns, name = read_object(source)
        return columns, name, Path.cwd()
    path = Path(source)
    kinds = ", ".join(FILES)
    try:
        there = path.exists()
    except OSError:  # too long a name
        there = False
    if not there:
        raise TableError(
            f"{shorten(str(path), 200)} does not exist; "
            f"expected a table ({kinds}; also compressed, such as .csv.gz) or a folder"
        )
    if not path.is_dir() and (suffix_of(path) not in FILES or not path.is_file()):
        raise TableError(
            f"given {str(path)!r}; expected a table ({kinds}; also compressed, such as .csv.gz) or a folder"
        )
    if root is not None:
        below = Path(os.path.abspath(path)).is_relative_to(os.path.abspath(root))
        opening = replace(opening, roots=(Path(root),) if below else (path,) if path.is_dir() else ())
    with parsing(path):
        columns = _open_path(opening.allow(path), opening)
    return columns, str(path), path if path.is_dir() else path.parent


def _open_path(path: Path, opening: Opening) -> dict[str, Any]:
    if path.is_dir():
        return read_folder(path, opening)
    suffix = suffix_of(path)
    if suffix == ".parquet":
        return dict(parquet_columns([path]))
    if suffix in (".arrow", ".feather"):
        return arrow_columns(checked_batch(_arrow_file(path)), Mapped(path))
    return arrow_columns(checked_batch(table_file(path, opening)))


def _arrow_file(path: Path) -> Any:
    """An Arrow file or stream, memory-mapped."""
    import pyarrow as pa

    file = pa.memory_map(str(path))
    try:
        return pa.ipc.open_file(file).read_all()
    except pa.ArrowInvalid:
        file.seek(0)
        return pa.ipc.open_stream(file).read_all()


def _with_names(columns: dict[str, Any], notes: list[str]) -> dict[str, Any]:
    """Columns without a name, such as a data frame's index: without what only counts rows, the others with a name."""
    named = {}
    for number, (name, cells) in enumerate(columns.items()):
        if name.strip() and not re.fullmatch(r"Unnamed: \d+", name):
            named[name] = cells
            continue
        seen = [str(cell) for cell in sampled_cells(cells)]
        if all(cell.isdigit() for cell in seen) and len(set(seen)) == len(seen):
            notes += [Note("table_numbered")] if seen else []
            continue
        named[f"column_{number}"] = cells
        notes.append(Note("table_unnamed", column=f"column_{number}"))
    return named


def _typed(cells: Any) -> Any:
    """Cells of texts that all spell numbers or dates, as those; else the same object."""
    import pyarrow as pa

    if not isinstance(cells, ArrowCells) or not pa.types.is_string(cells.type):
        return cells
    column = pa.chunked_array(cells.chunks, pa.string())
    found = infer_types(column)
    return cells if found is column else ArrowCells(found)


def _placed(cells: Sequence[Any], modality: Modality, places: FileResolver) -> Any:
    """Names of files as paths: always for built-in kinds, for a modality of the user's own where the file is there."""
    if isinstance(modality, Text):
        return cells
    known = type(modality).__name__ in _BUILT_IN and type(modality).__module__.startswith("kuamo.")
    return ResolvedCells(cells, places.place if known or isinstance(modality, Vector) else places.place_if_there)


def _typed_numbers(cells: Any) -> bool:
    """Are the first cells numbers, but for absent ones?"""
    known = [cell for cell in (cells[i] for i in range(min(len(cells), 1000))) if cell is not None]
    return bool(known) and all(isinstance(cell, int | float) and not isinstance(cell, bool) for cell in known)


def _notes(key: str, names: list[str], kind: str) -> list[Note]:
    return [Note(key, columns=", ".join(names), first=names[0], kind=kind)] if names else []
