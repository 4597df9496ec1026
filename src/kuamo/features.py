"""The feature cache: frozen features are computed once and kept by content.

    key = sha256(modality, content)       folder = sha256(encoder configuration, weights)

A folder holds shards: safetensors files of keys (n, 32) and features (n, D), written beside and then renamed, so a kill
leaves no half file and two processes never meet in one. What is known is found again wherever the content turns up.
"""

from __future__ import annotations

import hashlib
import os
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from kuamo.encoders.base import batches, encode_items, is_module, prepare
from kuamo.errors import CellError
from kuamo.modalities import Text, content_key
from kuamo.table import Table

__all__ = ["FeatureCache", "cache_folder", "features", "said_of_cuts"]

SHARD_ROWS = 2048


def cache_folder() -> Path:
    """`KUAMO_CACHE`, or `kuamo` in the user's cache folder."""
    given = os.environ.get("KUAMO_CACHE")
    home = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    return Path(given) if given else home / "kuamo"


class FeatureCache:
    """The features of one encoder on disk.

    Args:
        fingerprint: the encoder's.
        root: the cache's folder.

    Example:
        >>> import tempfile
        >>> cache = FeatureCache("toy/1", root=Path(tempfile.mkdtemp()))
        >>> cache.add([b"k" * 32], np.ones((1, 4), np.float32))
        >>> cache.known([b"k" * 32, b"?" * 32]).tolist(), cache.take([b"k" * 32]).shape
        ([True, False], (1, 4))
    """

    def __init__(self, fingerprint: str, root: Path | None = None) -> None:
        name = hashlib.sha256(fingerprint.encode()).hexdigest()[:24]
        self.folder = (root or cache_folder()) / "features" / name
        self._place: dict[bytes, tuple[Path, int]] = {}
        self._read: set[Path] = set()
        self._refresh()

    def known(self, keys: list[bytes]) -> np.ndarray:
        """(n,) bool: which keys have features."""
        return np.array([key in self._place for key in keys], dtype=bool)

    def take(self, keys: list[bytes]) -> np.ndarray:
        """Features (n, D) float32 of known keys, read from their shards only."""
        from safetensors import safe_open

        by_shard: dict[Path, list[tuple[int, int]]] = {}
        for position, key in enumerate(keys):
            shard, row = self._place[key]
            by_shard.setdefault(shard, []).append((position, row))
        out: np.ndarray | None = None
        for shard, places in by_shard.items():
            position, row = np.array(places).T
            with safe_open(shard, framework="numpy") as file:
                rows = file.get_tensor("features")[row]
            if out is None:
                out = np.empty((len(keys), rows.shape[1]), dtype=np.float32)
            out[position] = rows
        return np.empty((0, 0), dtype=np.float32) if out is None else out

    def add(self, keys: list[bytes], rows: np.ndarray) -> None:
        """Keep features (n, D); once this returns they survive a kill."""
        from safetensors.numpy import save_file

        self.folder.mkdir(parents=True, exist_ok=True)
        shard = self.folder / f"{uuid.uuid4().hex}.safetensors"
        beside = shard.with_suffix(f".{os.getpid()}.part")
        arrays: dict[str, np.ndarray] = {
            "keys": np.frombuffer(b"".join(keys), dtype=np.uint8).reshape(-1, 32),
            "features": np.ascontiguousarray(rows, dtype=np.float32),
        }
        try:
            save_file(arrays, beside)
            os.replace(beside, shard)
        finally:
            beside.unlink(missing_ok=True)
        self._note(shard, arrays["keys"])

    def _refresh(self) -> None:
        from safetensors import SafetensorError, safe_open

        for shard in sorted(self.folder.glob("*.safetensors")):
            if shard not in self._read:
                try:
                    with safe_open(shard, framework="numpy") as file:
                        self._note(shard, file.get_tensor("keys"))
                except (OSError, SafetensorError):
                    continue  # someone cleared the cache meanwhile, or the disk lost it: encode again

    def _note(self, shard: Path, keys: np.ndarray) -> None:
        self._read.add(shard)
        for row, key in enumerate(keys):
            self._place[key.tobytes()] = (shard, row)


def features(
    table: Table, name: str, encoder: Any, *, progress: Callable[[str, int, int], None] | None = None
) -> np.ndarray:
    """Frozen features (n, D) of a column's entries, from the cache where it has them.

    Args:
        table, name: whose column. encoder: a frozen encoder.
        progress: called with (column, done, of).

    Raises:
        CellError: naming column and row of a cell that cannot be read.
    """
    column = table.column(name)
    fingerprint = getattr(encoder, "fingerprint", None)
    if is_module(encoder) or fingerprint is None or not getattr(encoder, "cached", True):
        # No name to keep it by, or nothing to save.
        return _stacked(encode_entries(table, name, encoder, np.arange(len(column.row))))
    cache = FeatureCache(fingerprint)
    keys = [_key(table, name, entry) for entry in range(len(column.row))]
    first = {key: entry for entry, key in reversed(list(enumerate(keys)))}
    missing = [entry for key, entry in first.items() if not cache.known([key])[0]]
    missing.sort()
    done = 0
    for start in range(0, len(missing), SHARD_ROWS):
        shard = np.array(missing[start : start + SHARD_ROWS])
        rows = []
        for block in encode_entries(table, name, encoder, shard):
            rows.append(block)
            done += len(block)
            if progress:
                progress(name, done, len(missing))
        cache.add([keys[entry] for entry in shard], np.concatenate(rows))
    return cache.take(keys)


def said_of_cuts(table: Table, name: str, encoder: Any) -> str | None:
    """What to say of a column's values that are longer than its encoder reads; `None` where there are none.

    An encoder that reads a part of long values has `cut(value) -> bool`. Whether features were cached does not matter.

    Raises:
        CellError: naming column and row of a cell that cannot be read.
    """
    cut = getattr(encoder, "cut", None)
    if cut is None or not isinstance(table.column(name).modality, Text):
        return None
    count = sum(cut(value) for value in table.values(name))
    of, verb = len(table.column(name).row), "is" if count == 1 else "are"
    return f"{count} of {of} {verb} longer than its encoder reads at once: the end is cut" if count else None


def encode_entries(table: Table, name: str, encoder: Any, entries: np.ndarray) -> Iterator[np.ndarray]:
    """Blocks of features of these entries, in order; memory is bounded by the encoder's batch."""
    to_item = prepare(encoder)
    items = (to_item(value) for value in table.values(name, entries))
    for batch in batches(items, getattr(encoder, "batch_size", 64)):
        yield encode_items(encoder, batch, name)


def _stacked(blocks: Iterator[np.ndarray]) -> np.ndarray:
    rows = list(blocks)
    return np.concatenate(rows) if rows else np.empty((0, 0), dtype=np.float32)


def _key(table: Table, name: str, entry: int) -> bytes:
    column = table.column(name)
    try:
        return content_key(column.modality, column.raw(entry))
    except CellError as error:
        raise error.at(name, table.where(int(column.row[entry]))) from None
