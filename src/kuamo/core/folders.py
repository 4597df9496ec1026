"""Folders written whole or not at all, and the JSON in them."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

from kuamo.core.errors import StoreError
from kuamo.core.files import left_beside, marked, read_plain, remove_leftovers, reporting_io_errors
from kuamo.core.ownership import check_place, real_place

__all__ = ["check_owner", "read_json", "recover", "write_folder", "write_json"]


def check_owner(found: str, expected: str, path: Path | str) -> None:
    """Refuse an index that another space made."""
    if found != expected:
        raise StoreError(f"{path}: given an index of space {found[:12]}…; expected one of this space, {expected[:12]}…")


def write_folder(path: Path, kind: str | None, fill: Callable[[Path], None], takes: Collection[str] = ()) -> None:
    """Fill a folder beside its place, then put it there by renaming.

    A folder cannot be exchanged for another in one step; killed between the two renames, the old one stands beside and
    `recover` puts it back. What killed processes have left beside is removed by the next one that writes here.

    Args:
        kind: what may be there already, and is replaced; `None`: nothing. takes: see `check_place`.
    """
    with reporting_io_errors(path):
        path = real_place(Path(path))
        path.parent.mkdir(parents=True, exist_ok=True)
        recover(path)
        remove_leftovers(path.parent)
        for left in left_beside(path.parent, path.name, "old"):
            shutil.rmtree(left, ignore_errors=True)
    beside, old = marked(path, "part"), marked(path, "old")
    try:
        with reporting_io_errors(path):
            beside.mkdir()
            fill(beside)
            if path.exists():
                if kind is None:
                    raise StoreError(f"given {str(path)!r}, which exists; expected a new folder")
                check_place(path, kind, takes)
                os.replace(path, old)
        try:
            os.replace(beside, path)
        except OSError as error:
            raise StoreError(
                f"given {str(path)!r}, which another process has just written ({error.strerror})"
            ) from None
        shutil.rmtree(old, ignore_errors=True)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def recover(path: Path) -> None:
    """Put the old folder back if its writer was killed between two renames."""
    path = Path(os.path.realpath(path))
    if not path.exists():
        olds = left_beside(path.parent, path.name, "old")
        if olds:
            os.replace(max(olds, key=lambda left: left.stat().st_mtime), path)


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file."""
    try:
        found = json.loads(read_plain(path))
    except (OSError, ValueError, RecursionError) as error:
        raise StoreError(f"{path}: cannot be read ({type(error).__name__}: {error})") from None
    if not isinstance(found, dict):
        raise StoreError(f"{path}: given a JSON {type(found).__name__}; expected an object")
    return found


def write_json(path: Path, config: Mapping[str, Any]) -> None:
    """Plain data, indented, in UTF-8."""
    try:
        text = json.dumps(config, ensure_ascii=False, indent=1).encode()
    except UnicodeEncodeError:  # half a character of a broken name
        text = json.dumps(config, indent=1).encode()
    path.write_bytes(text)
