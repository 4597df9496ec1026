"""What a modality is: how one kind of data is recognised, read into its canonical value, written and shown.

    raw (path, bytes, array, inline value) ── read ──→ value ── write ──→ file

A modality knows nothing of networks: resizing, tokenising and spectra belong to an encoder's `prepare`.
"""

from __future__ import annotations

import hashlib
import os
import stat
from abc import abstractmethod
from dataclasses import is_dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from kuamo.core.contracts import Contract
from kuamo.core.errors import CellError, shorten
from kuamo.core.messages import Note
from kuamo.data.identity import Unknown, identity

__all__ = ["Modality", "as_array", "content_key", "describe_value", "first_bytes", "hash_of", "read_bytes"]

READING = 3  # to be raised whenever kuamo's own modalities make other values of the same content
MAX_FILE = 1 << 30  # bytes of one picture, sound or vector


class Modality(Contract):
    """One kind of data, in four methods; what follows them is optional."""

    parallel: bool = False
    """May `read` run on several threads, and does it pay there?"""
    moves: Any = None
    """`moves(raw)`: does a file move, so that only the first picture of it is read?"""

    @abstractmethod
    def accepts(self, raw: Any) -> bool:
        """Is `raw`, one cell of a table, of this kind? Must be cheap: nothing is decoded."""

    @abstractmethod
    def read(self, raw: Any) -> Any:
        """`raw` in canonical form. Raises `CellError` with what was given and what was expected."""

    @abstractmethod
    def write(self, value: Any, path: Path) -> None:
        """Write a value into a file.

        Raises:
            CellError: it is not of this kind.
        """

    @abstractmethod
    def show(self, value: Any) -> str:
        """A canonical value in a few words, for a terminal."""

    def content(self, raw: Any) -> Any:
        """Bytes, text or an array that names a cell's content in the feature cache, undecoded if possible."""
        return self.read(raw)

    def preview(self, value: Any) -> tuple[str, bytes]:
        """Mime type and bytes for a page: text, or a small image (PNG, JPEG, WebP, GIF) or sound (FLAC, WAV, MP3)."""
        return "text/plain", self.show(value).encode("utf-8", "replace")


def as_array(raw: Any) -> Any:
    """A tensor as an array, pictures (channels, H, W) as (H, W, channels); anything else as it is.

    Tensors keep channels first by convention, arrays last.
    """
    if not hasattr(raw, "detach"):
        return raw
    tensor = raw.detach().cpu()
    array = np.asarray(tensor.float() if "bfloat16" in str(tensor.dtype) else tensor)
    first = array.ndim in (3, 4) and array.shape[-3] in (1, 3, 4) and array.shape[-1] not in (1, 3, 4)
    return np.moveaxis(array, -3, -1) if first else array


def spellings(name: str) -> list[str]:
    """A file's name as it is given, without blanks around it, and with slashes for back slashes."""
    bare = name.strip()
    return list(dict.fromkeys([name, bare, bare.replace("\\", "/")]))


def first_there(paths: list[Path]) -> Path:
    """The first of these paths that exists, else the first."""
    for path in paths if len(paths) > 1 else []:
        try:
            if path.exists():
                return path
        except (OSError, ValueError):  # a name that no file can have
            break
    return paths[0]


def read_bytes(raw: Any, expected: str) -> bytes:
    """The bytes of a path or of bytes."""
    if isinstance(raw, bytes | bytearray | memoryview):
        return bytes(raw)
    if isinstance(raw, str | Path):
        try:
            found = _start(first_there([Path(each) for each in spellings(str(raw))]), MAX_FILE + 1)
        except OSError as error:
            raise CellError(_not_read(describe_value(raw), error), f"a readable file with {expected}") from None
        except ValueError as error:  # a name that no file can have
            given = Note("cell_not_read", name=describe_value(raw), error=str(error))
            raise error if isinstance(error, CellError) else CellError(given, "a path") from None
        if found is None:
            raise CellError(Note("cell_not_plain", name=describe_value(raw)), f"a file with {expected}")
        return found
    raise CellError(Note("cell_kind", kind=type(raw).__name__, value=shorten(raw)), f"a path or bytes with {expected}")


def first_bytes(path: Path) -> bytes | None:
    """The first 64 bytes of a plain file; `None` of anything else."""
    return _start(path, 64) if path.is_file() else None


def _start(path: Path, most: int) -> bytes | None:
    """A plain file's bytes up to `most`; `None` of a device or a pipe, which may never end.

    What the kernel makes up under /proc has no size, and may never end either: it counts as empty.
    """
    with open(os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)), "rb") as file:
        there = os.fstat(file.fileno())
        if not stat.S_ISREG(there.st_mode):
            return None
        if there.st_size > MAX_FILE and most > MAX_FILE:
            raise CellError(Note("cell_too_large", name=describe_value(path), count=MAX_FILE), "a smaller file")
        return file.read(min(most, there.st_size))


def describe_value(raw: Any) -> str:
    """What a cell holds, for an error message: the end of a path, a number of bytes, or a type.

    Example:
        >>> print(describe_value("photos/cat.png"), describe_value(b"1234"), describe_value(None))
        'photos/cat.png' 4 bytes NoneType
    """
    if isinstance(raw, str | Path):
        path = str(raw)
        return repr(path) if len(path) <= 80 else "…" + repr(path[-79:])
    return f"{len(raw):,} bytes" if isinstance(raw, bytes | bytearray | memoryview) else type(raw).__name__


def failed(name: str, error: Exception) -> Note:
    """What a decoder said of a file that it cannot read."""
    return Note("cell_failed", name=name, kind=type(error).__name__, error=str(error))


def _not_read(name: str, error: OSError) -> Note:
    """Why a file cannot be read, in the reader's language where the system's words are usual ones."""
    if isinstance(error, FileNotFoundError | PermissionError):
        return Note("cell_no_file" if isinstance(error, FileNotFoundError) else "cell_no_right", name=name)
    return Note("cell_not_read", name=name, error=error.strerror or str(error))


def content_key(modality: Modality, raw: Any) -> bytes:
    """The 32 bytes that name a cell's content, and how it is read: equal keys, equal values."""
    return hash_of(f"{READING} {_reading(modality)}", Modality.adapt(modality).content(raw))


def hashes_of_rows(name: str, rows: np.ndarray) -> list[bytes]:
    """What `hash_of` gives of each row of an array (n, …).

    Example:
        >>> hashes_of_rows("Vector", np.eye(2)) == [hash_of("Vector", row) for row in np.eye(2)]
        True
    """
    rows = np.ascontiguousarray(rows)
    if not len(rows):
        return []
    kind, shape, _ = _parts(rows[0])
    start, found = hashlib.sha256(name.encode() + kind + shape), []
    for row in rows:
        digest = start.copy()
        digest.update(row.data)
        found.append(digest.digest())
    return found


def hash_of(name: str, content: Any) -> bytes:
    """The 32 bytes of a content under a name: bytes, text, an array of numbers, or a tuple of these."""
    digest = hashlib.sha256(name.encode())
    for part in _parts(content):
        digest.update(part)
    return digest.digest()


def _reading(modality: Modality) -> str:
    frozen = is_dataclass(modality) and modality.__hash__ is not None
    try:
        return _remembered(modality) if frozen else identity(modality)  # type: ignore[arg-type]
    except Unknown:  # whoever keeps something by this asks `identity` before
        return f"{type(modality).__module__}.{type(modality).__qualname__}"


@lru_cache(maxsize=64)
def _remembered(modality: Any) -> str:
    return identity(modality)


def _parts(content: Any) -> list[bytes]:
    if isinstance(content, bytes):
        return [b"bytes", content]
    if isinstance(content, str):
        return [b"text", content.encode("utf-8", "surrogatepass")]
    if isinstance(content, tuple):
        return [b"tuple", *(part for item in content for part in _parts(item))]
    array = np.ascontiguousarray(content)
    if array.dtype == object:
        raise CellError(f"{type(content).__name__}", "content that is bytes, text or an array of numbers")
    return [b"array", str((array.dtype.str, array.shape)).encode(), array.tobytes()]
