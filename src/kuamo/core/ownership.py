"""Whose a folder is. kuamo writes over what kuamo wrote, and over nothing else.

A folder is ours by a marker in one of its files: `{"kuamo": version, "kind": "space", "format": 2, …}`. Those of 0.1
have no version in it; they are known by their kind, their format and what else such a folder has.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kuamo.core.errors import StoreError
from kuamo.core.files import read_plain, reporting_io_errors
from kuamo.core.version import __version__

__all__ = ["check_place", "check_seal", "marker", "real_place", "sealed", "what_is"]


@dataclass(frozen=True)
class Kind:
    """What a folder of a kind holds. marker: the file that says so. arrays: the other one that must be there.

    keys: what the marker had in 0.1 besides kind and format. others: what else may be there.
    """

    marker: str
    arrays: str
    keys: frozenset[str]
    others: frozenset[str] = frozenset()


KINDS = {
    "space": Kind("config.json", "model.safetensors", frozenset({"kind", "ports", "sha256"}), frozenset({"README.md"})),
    "index": Kind("config.json", "rows.arrow", frozenset({"kind", "space", "sha256"})),
    "run": Kind("state.json", "state.safetensors", frozenset({"step", "training", "optimisers"})),
}
LITTER = frozenset({".DS_Store", "Thumbs.db", "desktop.ini"})  # what file managers leave


def marker(kind: str, format: int) -> dict[str, Any]:
    """What says that a folder is ours."""
    return {"kuamo": __version__, "kind": kind, "format": format}


def sealed(data: dict[str, Any]) -> dict[str, Any]:
    """Plain data with a hash of itself, by which damage is noticed; what was loaded from JSON has the same.

    Example:
        >>> sealed({"a": 1})["seal"] == sealed({"a": 1.0})["seal"]
        False
    """
    return data | {"seal": _seal(data)}


def check_seal(data: dict[str, Any], format: int, path: Path | str) -> None:
    """Refuse what was changed since it was written; what older versions wrote has no seal.

    Args:
        format: the first that is sealed, if `kuamo` is in it.
    """
    if "kuamo" in data and data["format"] >= format and data.get("seal") != _seal(data):
        raise StoreError(f"{path}: changed since it was saved; expected it as it was")


def _seal(data: dict[str, Any]) -> str:
    plain = {key: value for key, value in data.items() if key != "seal"}
    return hashlib.sha256(json.dumps(json.loads(json.dumps(plain)), sort_keys=True).encode()).hexdigest()


def what_is(path: Path) -> str | None:
    """The kind of a folder that kuamo wrote, `None` of any other place.

    Example:
        >>> import tempfile
        >>> what_is(Path(tempfile.mkdtemp())) is None
        True
    """
    for name, kind in KINDS.items():
        try:
            said = json.loads(read_plain(path / kind.marker))
            there = (path / kind.arrays).is_file()
        except (OSError, ValueError, RecursionError):
            continue
        if not there or not isinstance(said, dict):
            continue
        if said.get("kind") == name and isinstance(said.get("format"), int) and "kuamo" in said:
            return name
        if "kuamo" not in said and said.get("kind", name) == name and kind.keys <= said.keys():
            return name
    return None


def check_place(path: Path, kind: str, takes: Collection[str] = ()) -> None:
    """Refuse to write over anything but what kuamo wrote there, a folder of the same kind and nothing else in it.

    Args:
        takes: names of further things that are written anew, or kept.
    """
    with reporting_io_errors(path):
        place = real_place(path)
        if not place.exists():
            return
        ours = what_is(place) == kind
        names = sorted(os.listdir(place)) if ours else []
    if not ours:
        raise StoreError(
            f"given {str(path)!r}, which exists and is not a saved {kind}; expected a new folder, or that of a saved "
            f"{kind} to replace"
        )
    known = {KINDS[kind].marker, KINDS[kind].arrays, *KINDS[kind].others, *LITTER, *takes}
    foreign = [name for name in names if name not in known]
    if foreign:
        raise StoreError(
            f"given {str(path)!r}, a saved {kind} with {foreign[0]!r} in its folder, which would be lost; expected a "
            f"new folder, or one that holds nothing else"
        )
    here = os.path.realpath(os.curdir)
    if os.path.commonpath([here, place]) == str(place):
        raise StoreError(
            f"given {str(path)!r}, the folder that you are in; expected another, or to be called elsewhere"
        )


def real_place(path: Path) -> Path:
    """Where a path leads: what a link points at is written, and the link stays."""
    place = Path(os.path.realpath(path))
    if not place.name:
        raise StoreError(f"given {str(path)!r}; expected the path of a folder to make")
    return place
