"""Reading tables: whatever holds rows becomes named columns of raw cells, and what each column is is found out.

source ─ open_source ─→ columns of raw cells ─ roles, kinds, places ─→ what `Table` is made of
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kuamo.errors import TableError
from kuamo.modalities import Modality, Text, Vector
from kuamo.tables.infer import infer, is_category, sampled
from kuamo.tables.places import PlacedCells, Places

__all__ = ["Reading", "read_source"]

FILES = (".csv", ".tsv", ".jsonl", ".ndjson", ".parquet", ".arrow", ".feather")
ROLES = ("id", "group", "label", "split")
_BUILT_IN = ("Image", "Audio", "Vector")


@dataclass
class Reading:
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
) -> Reading:
    """Open a source and find out what its columns are; see `Table.read`.

    Args:
        strict: refuse a modality for a column that is not there; else it is for those that are.
    """
    raw, name, folder = open_source(source, encoding)
    modalities = modalities if strict else {each: kind for each, kind in modalities.items() if each in raw}
    unknown = set(modalities) - set(raw)
    if unknown:
        raise TableError(f"{name}: given a modality for {sorted(unknown)}; the columns are {list(raw)}")
    if not raw or len(next(iter(raw.values()))) == 0:
        raise TableError(f"{name}: given no row; expected at least one")
    places = Places(Path(root) if root is not None else folder, root is not None, download)
    reading = Reading(name)
    reading.roles = {role: raw.pop(role) for role in ROLES if role in raw and role not in modalities}
    if "split" in reading.roles:
        reading.meta["split"] = reading.roles.pop("split")
    kinds, columns = dict(modalities), {each: _without_json(cells) for each, cells in raw.items()}
    kinds |= {each: kind for each in columns if each not in kinds and (kind := infer(columns[each], places))}
    texts = [each for each in columns if each not in modalities and isinstance(kinds.get(each), Text)]
    for each in texts:
        typed = _typed(columns[each])
        if typed is not columns[each]:
            columns[each] = typed
            del kinds[each]
    classes = [each for each in texts if each in kinds and is_category(each, columns[each])]
    if len(kinds) - len(classes) < 2:
        classes = []  # else there would be nothing to align: image and breed, say
    for each, cells in columns.items():
        if each in kinds and each not in classes:
            reading.modalities[each] = kinds[each]
            reading.columns[each] = _placed(cells, kinds[each], places)
        else:
            reading.meta[each] = cells
    if not reading.columns:
        raise TableError(
            f"{name}: given columns {[*reading.roles, *reading.meta]}, none of text, pictures, sounds or vectors; "
            f"expected at least one, or modalities={{column: ...}}"
        )
    rest = _rest(reading, classes)
    reading.notes = [
        *_notes("a few classes", classes, "Category"),
        *_notes("numbers or the like", rest, "Number" if rest and _typed_numbers(reading.meta[rest[0]]) else "Text"),
    ]
    return reading


def open_source(source: Any, encoding: str | None) -> tuple[dict[str, Any], str, Path]:
    """Raw columns, the source in words, and the folder that names of files start in.

    Raises:
        TableError: it does not exist, is of another kind, or cannot be parsed.
    """
    from kuamo.tables.arrow import parsing
    from kuamo.tables.frames import read_object

    if not isinstance(source, str | Path):
        columns, name = read_object(source)
        return columns, name, Path.cwd()
    path = Path(source)
    if not path.exists():
        raise TableError(
            f"given {str(path)!r}, which does not exist; expected a table ({', '.join(FILES)}) or a folder"
        )
    if not path.is_dir() and (path.suffix.lower() not in FILES or not path.is_file()):
        raise TableError(f"given {str(path)!r}; expected a table ({', '.join(FILES)}) or a folder")
    with parsing(path):
        columns = _open_path(path, encoding)
    return columns, str(path), path if path.is_dir() else path.parent


def _open_path(path: Path, encoding: str | None) -> dict[str, Any]:
    from kuamo.tables.arrow import arrow_columns, checked
    from kuamo.tables.folders import read_folder, table_file
    from kuamo.tables.parquet import parquet_columns

    if path.is_dir():
        return read_folder(path, encoding)
    suffix = path.suffix.lower()
    if suffix == ".parquet":
        return dict(parquet_columns([path]))
    if suffix in (".arrow", ".feather"):
        return arrow_columns(checked(_arrow_file(path)))
    return arrow_columns(checked(table_file(path, encoding)))


def _arrow_file(path: Path) -> Any:
    """An Arrow file or stream, memory-mapped."""
    import pyarrow as pa

    file = pa.memory_map(str(path))
    try:
        return pa.ipc.open_file(file).read_all()
    except pa.ArrowInvalid:
        file.seek(0)
        return pa.ipc.open_stream(file).read_all()


def _without_json(cells: Any) -> Any:
    """Lists that stand in texts as JSON, as lists; where most of the first cells are that."""
    from kuamo.tables.text_files import from_json

    seen = sampled(cells)
    lists = sum(isinstance(cell, str) and isinstance(from_json(cell), list) for cell in seen)
    return [from_json(cells[k]) for k in range(len(cells))] if seen and 2 * lists > len(seen) else cells


def _typed(cells: Any) -> Any:
    """Cells of texts that all spell numbers or dates, as those; else the same object."""
    import pyarrow as pa

    from kuamo.tables.arrow import ArrowCells
    from kuamo.tables.text_files import retyped

    if not isinstance(cells, ArrowCells) or not pa.types.is_string(cells.type):
        return cells
    column = pa.chunked_array(cells.chunks, pa.string())
    found = retyped(column)
    return cells if found is column else ArrowCells(found)


def _placed(cells: Sequence[Any], modality: Modality, places: Places) -> Any:
    """Names of files as paths: always for built-in kinds, for a modality of the user's own where the file is there."""
    if isinstance(modality, Text):
        return cells
    known = type(modality).__name__ in _BUILT_IN and type(modality).__module__.startswith("kuamo.")
    return PlacedCells(cells, places.place if known or isinstance(modality, Vector) else places.place_if_there)


def _rest(reading: Reading, classes: list[str]) -> list[str]:
    return [name for name in reading.meta if name not in classes and name != "split"]


def _typed_numbers(cells: Any) -> bool:
    """Are the first cells numbers, but for absent ones?"""
    known = [cell for cell in (cells[i] for i in range(min(len(cells), 1000))) if cell is not None]
    return bool(known) and all(isinstance(cell, int | float) and not isinstance(cell, bool) for cell in known)


def _notes(what: str, names: list[str], kind: str) -> list[str]:
    told = f"modalities={{{names[0]!r}: km.{kind}()}}, say, makes it a column" if names else ""
    return [f"kept as meta ({what}): {', '.join(names)}; {told}"] if names else []
