"""Folders: a metadata file beside its pictures or sounds, shards of Parquet, or files alone.

metadata.csv (.tsv, .jsonl, .parquet)     its column `file_name` names the files, also below train/, test/, data/, …
*.parquet                                 shards of one table
cat/1.png  cat/1.wav  cat/1.txt           one row `cat/1`, label `cat`, with a column for each kind of file
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from kuamo.core.errors import CellError, TableError
from kuamo.data.modalities import Audio, Image
from kuamo.data.modalities.base import read_bytes
from kuamo.data.readers.arrow import arrow_columns, checked_batch, parsing
from kuamo.data.readers.csv_json import read_csv, read_json_rows
from kuamo.data.readers.parquet import parquet_columns
from kuamo.data.readers.paths import Opening

__all__ = ["PACKED", "read_folder", "suffix_of", "table_file"]

METADATA = tuple(f"metadata{suffix}" for suffix in (".csv", ".tsv", ".jsonl", ".ndjson", ".parquet", ".csv.gz"))
PACKED = (".gz", ".bz2", ".zst", ".xz")
_SPLITS = {"train": "train", "training": "train", "test": "test", "testing": "test"}
_SPLITS |= dict.fromkeys(("validation", "valid", "val", "dev"), "validation")
_KINDS = ((Image(), "image"), (Audio(), "audio"))


def read_folder(folder: Path, opening: Opening) -> dict[str, Any]:
    """Column name → cells."""
    inside = _inside(folder)
    splits = [each for each in inside if each.name.lower() in _SPLITS]
    for found in ([folder], splits, [each for each in inside if each not in splits]):
        files = [path for each in found if (path := _metadata(each)) is not None]
        if files:
            return _with_metadata(folder, files, opening)
    shards = sorted(path for path in folder.rglob("*.parquet") if not _hidden(path, folder))
    if shards and not _downloaded(folder, shards):
        return _shards(folder, [opening.allow(shard) for shard in shards])
    return _files(folder, [each.name for each in splits], opening, {shard.stem for shard in shards})


def _downloaded(folder: Path, shards: list[Path]) -> bool:
    """Are these what img2dataset leaves beside its folders of pictures: 00000.parquet, 00000/000000000.jpg?"""
    return any(
        (shard.with_suffix("")).is_dir() and any(map(_kind, shard.with_suffix("").iterdir())) for shard in shards
    )


def table_file(path: Path, opening: Opening) -> Any:
    """One text file of rows, or a small Parquet file, as an Arrow table."""
    import pyarrow.parquet as pq

    suffix = suffix_of(path)
    if suffix == ".parquet":
        return pq.read_table(opening.allow(path))
    return (read_csv if suffix in (".csv", ".tsv") else read_json_rows)(opening.allow(path), opening)


def suffix_of(path: Path) -> str:
    """The ending that says what a file is: of `t.csv.gz`, `.csv`."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    return next((suffix for suffix in suffixes[::-1] if suffix not in PACKED), "")


def _inside(folder: Path) -> list[Path]:
    return [each for each in sorted(folder.iterdir()) if each.is_dir() and not each.name.startswith((".", "_"))]


def _metadata(folder: Path) -> Path | None:
    found = [folder / name for name in METADATA if (folder / name).is_file()]
    if len(found) > 1:
        raise TableError(f"{folder}: given {[path.name for path in found]}; expected one metadata file")
    return found[0] if found else None


def _with_metadata(folder: Path, files: list[Path], opening: Opening) -> dict[str, Any]:
    import pyarrow as pa

    tables = []
    for path in files:
        with parsing(path):
            table = checked_batch(table_file(path, opening))
        below = path.parent.relative_to(folder)
        split = _SPLITS.get(below.name.lower())
        for name in table.column_names:
            if name == "file_name" or name.endswith("_file_name"):
                names = [_below(below, each) for each in table[name].to_pylist()]
                table = table.set_column(table.column_names.index(name), name, pa.array(names, pa.string()))
        if split and "split" not in table.column_names:
            table = table.append_column("split", pa.array([split] * len(table), pa.string()))
        tables.append(table)
    columns = arrow_columns(pa.concat_tables(tables, promote_options="permissive"))
    return {_clear_name(name, cells, set(columns)): cells for name, cells in columns.items()}


def _below(folder: Path, name: str | None) -> str | None:
    return name if name is None or "://" in name or folder == Path() else str(folder / name)


def _clear_name(name: str, cells: Any, taken: set[str]) -> str:
    """`file_name` → `image` or `audio`, `photo_file_name` → `photo`, unless there is such a column."""
    if name != "file_name":
        short = name.removesuffix("_file_name")
        return name if short in taken else short
    first = next((cell for cell in (cells[k] for k in range(min(len(cells), 100))) if isinstance(cell, str)), "")
    kind = next((kind for modality, kind in _KINDS if modality.accepts(first)), "file")
    return name if kind in taken else kind


def _shards(folder: Path, shards: list[Path]) -> dict[str, Any]:
    import pyarrow.parquet as pq

    columns: dict[str, Any] = dict(parquet_columns(shards))
    splits = [_split_of(path.relative_to(folder)) for path in shards]
    if "split" not in columns and any(splits):
        rows = [pq.ParquetFile(path).metadata.num_rows for path in shards]
        columns["split"] = [split for split, count in zip(splits, rows) for _ in range(count)]
    return columns


def _split_of(path: Path) -> str | None:
    """The split that a shard's name or folder says: `train-00000-of-00002.parquet`, `test/0.parquet`."""
    words = [*path.parts[:-1], re.split(r"[-_.]", path.name)[0]]
    return next((_SPLITS[word.lower()] for word in words if word.lower() in _SPLITS), None)


def _files(folder: Path, splits: list[str], opening: Opening, shards: set[str]) -> dict[str, Any]:
    """One row for each stem, one column for each kind of file, label from the folder that a file is in.

    Folders called like a shard are parts of one table, and no classes.
    """
    rows: dict[str, dict[str, Any]] = {}
    for path in sorted(folder.rglob("*")):
        kind = _kind(path)
        if kind is None or _hidden(path, folder) or not path.is_file():
            continue
        local = path.relative_to(folder)
        key = _plain(str(local.with_suffix("")))
        if kind in rows.get(key, {}):
            key = _plain(str(local))  # 1.png beside 1.jpg: two rows
        parents = {} if local.parts[0] in shards else _parents(local, bool(splits))
        row = rows.setdefault(key, {"id": key} | {role: _plain(name) for role, name in parents.items()})
        row[kind] = _read_text(opening.allow(path)) if kind == "text" else str(local)
    if not any({"image", "audio"} & set(row) for row in rows.values()):
        raise TableError(
            f"given the folder {str(folder)!r}; expected {METADATA[0]} (or .jsonl, .parquet), Parquet shards, "
            f"or pictures and sounds"
        )
    names = [
        name for name in ("id", "image", "audio", "text", "label", "split") if any(name in r for r in rows.values())
    ]
    return {name: [row.get(name) for row in rows.values()] for name in names}


def _plain(name: str) -> str:
    r"""A file's name as text that can be written: what is no UTF-8 is spelled, as \\udce9."""
    return name.encode("utf-8", "backslashreplace").decode()


def _kind(path: Path) -> str | None:
    if path.suffix.lower() == ".txt":
        return "text"
    return next((kind for modality, kind in _KINDS if modality.accepts(path)), None)


def _parents(local: Path, splits: bool) -> dict[str, str]:
    found: dict[str, str] = {}
    parents = list(local.parts[:-1])
    if splits and parents and parents[0].lower() in _SPLITS:
        found["split"] = _SPLITS[parents.pop(0).lower()]
    if parents:
        found["label"] = parents[-1]
    return found


def _read_text(path: Path) -> str | None:
    try:
        return read_bytes(path, "a text").decode("utf-8-sig").strip() or None
    except (UnicodeDecodeError, CellError) as error:
        raise TableError(f"{path}: cannot be read ({error}); expected a text in UTF-8") from None


def _hidden(path: Path, folder: Path) -> bool:
    return any(part.startswith((".", "_")) for part in path.relative_to(folder).parts)
