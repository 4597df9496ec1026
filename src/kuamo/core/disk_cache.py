"""The cache as its owner sees it: how large it is, how large it may become, and how to be rid of it.

Where `KUAMO_CACHE_LIMIT` is set, files that were not used longest go first whenever one is added, but none that the
running work uses. What is gone is encoded again when it is asked for. Only files of the names that kuamo gives are
counted or removed: whatever else lies in the folder is somebody's.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from stat import S_ISREG
from typing import Any

from kuamo.core.errors import KuamoError
from kuamo.core.files import cache_folder, remove_leftovers, reporting_io_errors

__all__ = ["format_bytes", "limit", "parse_bytes", "shrink", "state"]

# Folder → what kuamo calls the files in it.
OURS = {
    "features": re.compile(r"[0-9a-f]{24}/[0-9a-f]{32}\.safetensors"),
    "choices": re.compile(r"[0-9a-f]{64}[\w .-]*\.json"),
    "downloads": re.compile(r"[0-9a-f]{64}"),
}
UNITS = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}


def parse_bytes(text: str | None) -> int:
    """Bytes of a size as people write it.

    Example:
        >>> parse_bytes("1.5 GB")
        1500000000
    """
    found = re.fullmatch(r"\s*(\d+(?:\.\d*)?)\s*([KMGT]?B?)\s*", (text or "").upper())
    unit = found and (found[2] if found[2].endswith("B") or not found[2] else found[2] + "B")
    if not found or unit not in UNITS:
        raise KuamoError(f"given the size {text!r}; expected a number and a unit, such as 500MB or 2GB")
    return int(float(found[1]) * UNITS[unit])


def format_bytes(size: int) -> str:
    """A size as people read it.

    Example:
        >>> format_bytes(1_500_000), format_bytes(12)
        ('1.5 MB', '12 B')
    """
    for unit in ("TB", "GB", "MB", "KB"):
        if size >= UNITS[unit]:
            return f"{size / UNITS[unit]:.1f} {unit}"
    return f"{size} B"


def limit() -> int | None:
    """`KUAMO_CACHE_LIMIT` in bytes, or `None`: no limit.

    Raises:
        KuamoError: it is not a size.
    """
    given = os.environ.get("KUAMO_CACHE_LIMIT")
    return parse_bytes(given) if given else None


def files() -> list[tuple[float, int, Path]]:
    """(time of last use, bytes, path) of everything that kuamo keeps, the longest unused first."""
    found = []
    for name, pattern in OURS.items():
        folder = cache_folder() / name
        for path in folder.glob("*/*" if name == "features" else "*"):
            if not pattern.fullmatch(path.relative_to(folder).as_posix()):
                continue
            try:
                stat = path.lstat()
            except OSError:
                continue  # another process removed it
            if S_ISREG(stat.st_mode):
                found.append((stat.st_mtime, stat.st_size, path))
    return sorted(found)


def state() -> dict[str, Any]:
    """Folder, bytes, files and limit."""
    kept = files()
    return {
        "folder": str(cache_folder()),
        "bytes": sum(size for _, size, _ in kept),
        "files": len(kept),
        "limit": limit(),
    }


def shrink(most: int, keep: frozenset[Path] = frozenset()) -> int:
    """Remove the longest unused until at most so many bytes are left; what to keep stays in any case.

    Returns:
        Bytes that were freed.

    Raises:
        StoreError: the folder does not let them be removed.
    """
    for name in OURS:  # features have folders of their own, which their next writer sweeps
        remove_leftovers(cache_folder() / name)
    kept, freed = files(), 0
    total = sum(size for _, size, _ in kept)
    for _, size, path in kept:
        if total - freed <= most:
            break
        if path not in keep:
            with reporting_io_errors(path):
                path.unlink(missing_ok=True)
            freed += size
    return freed
