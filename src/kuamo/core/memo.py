"""What a search found before on the same data: kept by content, so that a second fit does not search again.

key = sha256(version, options, arrays)        KUAMO_CACHE/choices/<key>.json
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import numpy as np

from kuamo.core.errors import StoreError
from kuamo.core.files import atomic_path, cache_folder, read_plain

__all__ = ["key_of", "load_choice", "memo_disabled", "store_choice"]

VERSION = 2
_forgets: ContextVar[bool] = ContextVar("forgets", default=False)


@contextmanager
def memo_disabled(forgets: bool = True) -> Iterator[None]:
    """Inside, nothing is recalled and nothing is kept: for a search that is only a trial; with `False` it is none.

    Example:
        >>> with memo_disabled():
        ...     store_choice("x", 1)
        ...     load_choice("x") is None
        True
    """
    token = _forgets.set(forgets)
    try:
        yield
    finally:
        _forgets.reset(token)


def key_of(parts: Iterable[Any]) -> str:
    """A name for options (by their repr) and arrays (by their content).

    Example:
        >>> key_of(["a", np.zeros(2)]) == key_of(["a", np.zeros(2)]) != key_of(["a", np.zeros(3)])
        True
    """
    digest = hashlib.sha256(f"choice/{VERSION}".encode())
    for part in parts:
        if isinstance(part, np.ndarray):
            digest.update(f"{part.dtype.str}{part.shape}".encode())
            digest.update(np.ascontiguousarray(part).data)
        else:
            digest.update(repr(part).encode())
        digest.update(b"/")
    return digest.hexdigest()


def load_choice(key: str) -> Any:
    """What was kept under this key, or `None`; a file that cannot be read is nothing."""
    if _forgets.get():
        return None
    try:
        kept = json.loads(read_plain(_place(key)))
        return kept["found"] if kept["sum"] == _sum(kept["found"]) else None
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return None


def store_choice(key: str, found: Any) -> None:
    """Keep plain data; where it cannot be written, the next fit searches again."""
    if _forgets.get():
        return
    with suppress(StoreError), atomic_path(_place(key)) as part:
        part.write_text(json.dumps({"sum": _sum(found), "found": found}), "utf-8")


def _place(key: str) -> Path:
    return cache_folder() / "choices" / f"{key}.json"


def _sum(found: Any) -> str:
    """What notices that a file was changed or cut."""
    return hashlib.sha256(json.dumps(json.loads(json.dumps(found)), sort_keys=True).encode()).hexdigest()[:16]
