"""The feature cache: frozen features are computed once and kept by content.

    key = sha256(modality, content)       folder = sha256(encoder configuration, weights)

A folder holds shards: safetensors files of keys (n, 32), features (n, D) and checksums (n, 8), written
beside and then renamed, so a kill leaves no half file and two processes never meet in one. What is known is
found again wherever the content turns up; what is damaged is removed, and encoded again. Where nothing can be written,
a run keeps in memory what it encodes.
"""

from __future__ import annotations

import hashlib
import os
import uuid
import warnings
from collections import Counter
from collections.abc import Callable, Container, Iterator, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from kuamo.core.disk_cache import limit, shrink
from kuamo.core.errors import CacheWarning, CellError, StoreError
from kuamo.core.files import atomic_path, cache_folder, listed, remove_leftovers, save_arrays
from kuamo.core.messages import Note
from kuamo.core.modules import is_module
from kuamo.core.old_names import old_methods
from kuamo.core.threads import ordered_map, single_threaded_blas
from kuamo.data.identity import Unknown, identity
from kuamo.data.modalities import Modality, Text, content_key
from kuamo.data.table import AHEAD, Table
from kuamo.encoders.base import Encoder, Identity, batches, encode_items
from kuamo.encoders.default import foreign_share
from kuamo.encoders.standardize import Standardize

__all__ = ["FeatureCache", "cache_folder", "feature_blocks", "features", "language_note", "truncation_note"]

VERSION = 2  # 1: without sums, and with keys that did not know how a cell is read
SHARD_ROWS = 2048
FEW = 4  # a shard is read whole where more than one row in so many is wanted
OTHER_LETTERS = 0.5  # of the letters: beyond, a text is not English with a few foreign names


class ShardMissing(Exception):
    """A shard that was there is not there any more, or not what it was: cleared, beyond the limit, or damaged."""


@old_methods(known="contains", take="get", add="put")
class FeatureCache:
    """The features of one encoder on disk.

    Args:
        fingerprint: the encoder's.
        root: the cache's folder.

    Example:
        >>> import tempfile
        >>> cache = FeatureCache("toy/1", root=Path(tempfile.mkdtemp()))
        >>> cache.put([b"k" * 32], np.ones((1, 4), np.float32))
        >>> cache.contains([b"k" * 32, b"?" * 32]).tolist(), cache.get([b"k" * 32]).shape
        ([True, False], (1, 4))
    """

    def __init__(self, fingerprint: str, root: Path | None = None) -> None:
        name = hashlib.sha256(f"{VERSION}/{fingerprint}".encode("utf-8", "surrogatepass")).hexdigest()[:24]
        self.folder = (root or cache_folder()) / "features" / name
        self._place: dict[bytes, tuple[Path, int]] = {}
        self._held: dict[bytes, np.ndarray] = {}
        self._read: set[Path] = set()
        self._used: set[Path] = set()
        self._refresh()

    def contains(self, keys: list[bytes]) -> np.ndarray:
        """(n,) bool: which keys have features."""
        return np.array([key in self._place or key in self._held for key in keys], dtype=bool)

    def get(self, keys: list[bytes]) -> np.ndarray:
        """Features (n, D) float32 of known keys, read from their shards only."""
        by_shard: dict[Path | None, list[tuple[int, int]]] = {}
        for at, key in enumerate(keys):
            found = (None, at) if key in self._held else self._place[key]
            by_shard.setdefault(found[0], []).append((at, found[1]))
        out: np.ndarray | None = None
        for shard, places in by_shard.items():
            position, row = zip(*places, strict=True)
            wanted = [keys[i] for i in position]
            rows = np.stack([self._held[key] for key in wanted]) if shard is None else self._rows(shard, row, wanted)
            if out is None:
                out = np.empty((len(keys), rows.shape[1]), dtype=np.float32)
            if rows.shape[1] != out.shape[1]:  # of an encoder whose fingerprint says too little
                for one in filter(None, by_shard):
                    self._forget(one, damaged=True)
                raise ShardMissing(str(self.folder))
            out[list(position)] = rows
        return np.empty((0, 0), dtype=np.float32) if out is None else out

    def _rows(self, shard: Path, row: Sequence[int], keys: list[bytes]) -> np.ndarray:
        from safetensors import SafetensorError, safe_open

        row = list(row)
        try:
            with safe_open(shard, framework="numpy") as file:
                held, sums = file.get_slice("features"), file.get_tensor("sums")[row]
                many = FEW * len(row) > held.get_shape()[0]
                rows = held[:][row] if many else np.concatenate([held[i : i + 1] for i in row])
            with suppress(PermissionError):  # somebody else's cache, which is read only
                os.utime(shard)  # the longest unused go first, where the cache has a limit
        except (OSError, SafetensorError):
            self._forget(shard)
            raise ShardMissing(str(shard)) from None
        if any(_sum(key, one) != said.tobytes() for key, one, said in zip(keys, rows, sums, strict=True)):
            self._forget(shard, damaged=True)
            raise ShardMissing(str(shard))
        self._used.add(shard)
        return rows

    def put(self, keys: list[bytes], rows: np.ndarray) -> None:
        """Keep features (n, D); once this returns they survive a kill."""
        shard = self.folder / f"{uuid.uuid4().hex}.safetensors"
        rows = np.ascontiguousarray(rows, dtype=np.float32)
        arrays = _shard(keys, rows)
        with atomic_path(shard) as part:
            save_arrays(arrays, part)
        self._note(shard, arrays["keys"])
        self._used.add(shard)
        if (most := limit()) is not None:
            shrink(most, keep=frozenset(self._used))

    def hold(self, keys: list[bytes], rows: np.ndarray) -> None:
        """Keep features (n, D) in memory."""
        self._held |= zip(keys, rows, strict=True)

    def _forget(self, shard: Path, damaged: bool = False) -> None:
        self._read.discard(shard)
        self._place = {key: place for key, place in self._place.items() if place[0] != shard}
        if damaged:  # emptied, so that nobody meets the damage again
            with suppress(StoreError), atomic_path(shard) as part:
                save_arrays(_shard([], np.empty((0, 0), np.float32)), part)

    def _refresh(self) -> None:
        from safetensors import SafetensorError, safe_open

        remove_leftovers(self.folder)
        for shard in listed(self.folder, "*.safetensors"):
            if shard not in self._read:
                try:
                    with safe_open(shard, framework="numpy") as file:
                        keys = file.get_tensor("keys")
                        shapes = [tuple(file.get_slice(name).get_shape()) for name in ("features", "sums")]
                except (OSError, SafetensorError):
                    continue  # someone cleared the cache meanwhile, or the disk lost it: encode again
                if keys.shape[1:] == (32,) and shapes == [(len(keys), *shapes[0][1:2]), (len(keys), 8)]:
                    self._note(shard, keys)

    def _note(self, shard: Path, keys: np.ndarray) -> None:
        self._read.add(shard)
        for row, key in enumerate(keys):
            self._place[key.tobytes()] = (shard, row)


def _shard(keys: list[bytes], rows: np.ndarray) -> dict[str, np.ndarray]:
    sums = np.frombuffer(b"".join(map(_sum, keys, rows)), dtype=np.uint8).reshape(-1, 8)
    return {"keys": np.frombuffer(b"".join(keys), np.uint8).reshape(-1, 32), "features": rows, "sums": sums}


def _sum(key: bytes, row: np.ndarray) -> bytes:
    """Eight bytes that change if a row, or whose it is, changes."""
    digest = hashlib.sha256(key)
    digest.update(np.ascontiguousarray(row).data)
    return digest.digest()[:8]


def features(
    table: Table,
    name: str,
    encoder: Any,
    *,
    cache: bool = True,
    progress: Callable[[str, int, int], None] | None = None,
) -> np.ndarray:
    """Frozen features (n, D) of a column's entries, from the cache where it has them.

    With the table's `on_error="skip"` entries that cannot be read leave the column: read `column.row` afterwards.

    Args:
        table, name: whose column. encoder: a frozen encoder.
        cache: keep them on disk, if the encoder has a name to keep them by.
        progress: called with (column, done, of).

    Raises:
        CellError: naming column and row of a cell that cannot be read.
    """
    blocks = list(
        feature_blocks(table, name, encoder, cache=cache, progress=progress, size=len(table.column(name).row))
    )
    return blocks[0] if len(blocks) == 1 else _stacked(blocks)


def feature_blocks(
    table: Table,
    name: str,
    encoder: Any,
    *,
    cache: bool = True,
    progress: Callable[[str, int, int], None] | None = None,
    size: int = SHARD_ROWS,
) -> Iterator[np.ndarray]:
    """The same a block of entries at a time, so that a column's features need not be in memory at once.

    Which entries left the column is known when the last block is there.

    Args:
        size: entries of a block, at most.
    """
    fingerprint = Encoder.adapt(encoder).fingerprint
    nameless = is_module(encoder) or not Encoder.adapt(encoder).cached or fingerprint is None
    if not cache or nameless or not _is_identifiable(table.column(name).modality):
        # No name to keep it by, or nothing to save.
        coded = encode_entries(table, name, encoder, np.arange(len(table.column(name).row)))
        while len(block := _stacked(_some(coded, size))):
            yield block
            if len(block) < size:
                break
        return
    store = FeatureCache(fingerprint)
    keys = _encode_missing(store, table, name, encoder, progress)
    for start in range(0, len(keys), max(1, size)):
        wanted = keys[start : start + size]
        again: Container[bytes] = ()  # what is gone; if that is gone too, it stays in memory, where nobody clears it
        while True:
            try:
                block = store.get(wanted)
                break
            except ShardMissing:
                _encode_missing(store, table, name, encoder, progress, again)
                again = set(wanted)
        yield block


def _is_identifiable(modality: Any) -> bool:
    """Is it known how a modality reads?"""
    try:
        identity(modality)
    except Unknown:
        return False
    return True


def _some(blocks: Iterator[np.ndarray], size: int) -> list[np.ndarray]:
    """The next blocks, of `size` rows together or more while there are any."""
    held: list[np.ndarray] = []
    with single_threaded_blas():  # cells are prepared on several threads, each of which has matrices of its own
        for block in blocks:
            held.append(block)
            size -= len(block)
            if size <= 0:
                break
    return held


def _encode_missing(
    store: FeatureCache,
    table: Table,
    name: str,
    encoder: Any,
    progress: Callable[[str, int, int], None] | None,
    hold: Container[bytes] = (),
) -> list[bytes]:
    """Encode what the cache does not know, each content once; the keys of the entries that could be read.

    Args:
        hold: keys whose features are kept in memory alone, and no others are encoded then.
    """
    keys = _keys(table, name)
    first = {key: entry for entry, key in reversed(list(enumerate(keys))) if not hold or key in hold}
    missing = sorted(entry for key, entry in first.items() if not store.contains([key])[0])
    bad: dict[bytes, CellError] = {}
    done = 0
    for start in range(0, len(missing), SHARD_ROWS):
        shard = missing[start : start + SHARD_ROWS]
        rows: list[np.ndarray] = []
        kept: list[bytes] = []
        with single_threaded_blas():
            for entries, block, failed in _blocks(table, name, encoder, shard):
                rows.append(block)
                kept += [keys[entry] for entry in entries]
                bad |= {keys[entry]: error for entry, error in failed.items()}
                done += len(entries) + len(failed)
                if progress:
                    progress(name, done, len(missing))
        if kept:
            (store.hold if hold else partial(_keep, store))(kept, np.concatenate([one for one in rows if len(one)]))
    table.drop_cells(name, {entry: bad[key] for entry, key in enumerate(keys) if key in bad})
    return [key for key in keys if key not in bad]


def _keep(store: FeatureCache, keys: list[bytes], rows: np.ndarray) -> None:
    """On disk, or where that cannot be written, in memory, and a warning says so."""
    try:
        store.put(keys, rows)
    except StoreError as error:
        store.hold(keys, rows)
        said = f"{error}; features are kept for this run alone: let KUAMO_CACHE name a folder that can be written"
        warnings.warn(said, CacheWarning, stacklevel=2)


def encode_entries(table: Table, name: str, encoder: Any, entries: np.ndarray) -> Iterator[np.ndarray]:
    """Blocks of features of these entries, in order; memory is bounded by the encoder's batch."""
    bad: dict[int, CellError] = {}
    done = 0
    while done < len(entries):
        together = _together(table, name, encoder, entries[done : done + SHARD_ROWS])
        if together is None:
            break
        yield together
        done += len(together)
    for _, block, failed in _blocks(table, name, encoder, entries[done:]):
        bad |= failed
        if len(block):
            yield block
    table.drop_cells(name, bad)


def _together(table: Table, name: str, encoder: Any, entries: np.ndarray) -> np.ndarray | None:
    """Vectors that lie in arrays and are their own features; `None` of others, and where one of them is bad."""
    if type(encoder) not in (Identity, Standardize):
        return None
    vectors = table.column(name).vectors(entries)
    if vectors is None:
        return None
    with np.errstate(over="ignore"):
        x = encoder(vectors)
    return x if np.isfinite(x).all() else None


def language_note(table: Table, name: str, encoder: Any) -> Note | None:
    """That a column's texts are in other letters than an encoder that reads English alone, if most are; else `None`."""
    if Encoder.adapt(encoder).language != "en" or not isinstance(table.column(name).modality, Text):
        return None

    share = foreign_share(value for _, value in table.try_values(name) if not isinstance(value, CellError))
    if share <= OTHER_LETTERS:
        return None
    return Note("asked_in_another_language", column=name, share=100 * share, encoder=type(encoder).__name__)


def moving_note(table: Table, name: str) -> Note | None:
    """How many of a column's pictures move, of which the first frame is read; `None` where none does.

    Example:
        >>> moving_note(Table({"text": ["a cat", "cat"]}), "text") is None
        True
    """
    column = table.column(name)
    moves = Modality.adapt(column.modality).moves
    count = sum(moves(column.raw(entry)) for entry in range(len(column.row))) if moves else 0
    return Note("first_frames", column=name, count=count) if count else None


def truncation_note(table: Table, name: str, encoder: Any) -> Note | None:
    """How many of a column's values are longer than what the encoder reads, in words; `None` where none is.

    An encoder that reads a beginning only says so by a method `truncates(value) -> bool` and a text `max_length`.

    Example:
        >>> class First:
        ...     max_length = "3 letters"
        ...     def truncates(self, value): return len(value) > 3
        >>> truncation_note(Table({"text": ["a cat", "cat"]}), "text", First())
        'text: 1 of 2 values are longer than the limit of First (3 letters) and are truncated'
    """
    reader = Encoder.adapt(encoder)
    if reader.truncates is None or not isinstance(table.column(name).modality, Text):
        return None
    values = (value for _, value in table.try_values(name) if not isinstance(value, CellError))
    count = sum(map(reader.truncates, values))
    if not count:
        return None
    given, kind = len(table.column(name).row), type(encoder).__name__
    return Note("too_long", column=name, count=count, given=given, limit=reader.max_length, encoder=kind)


def _blocks(
    table: Table, name: str, encoder: Any, entries: Sequence[int] | np.ndarray
) -> Iterator[tuple[list[int], np.ndarray, dict[int, CellError]]]:
    """(entries, features, entries that failed) of each batch; the first failure is raised unless the table skips."""
    shape: tuple[int, ...] | None = None
    reader = Encoder.adapt(encoder)
    items = table.try_values(name, entries, reader.prepare, reader.min_side)
    for batch in batches(items, reader.batch_size):
        failed = {entry: item for entry, item in batch if isinstance(item, CellError)}
        good = [(entry, item) for entry, item in batch if entry not in failed]
        if good and reader.collate is None:
            shapes = Counter(np.shape(item) for _, item in good)
            shape = shape or shapes.most_common(1)[0][0]
            for entry, item in good:
                if np.shape(item) != shape:
                    error = CellError(
                        Note("cell_shape", shape=str(np.shape(item))), f"shape {shape}, as in the other cells"
                    )
                    failed[entry] = error.at(name, table.where(int(table.column(name).row[entry])))
            good = [(entry, item) for entry, item in good if entry not in failed]
        if failed and table.on_error == "raise":
            raise failed[min(failed)]
        block = encode_items(encoder, [item for _, item in good], name) if good else np.empty((0, 0), np.float32)
        yield [entry for entry, _ in good], block, failed


def _stacked(blocks: Sequence[np.ndarray]) -> np.ndarray:
    return np.concatenate(blocks) if blocks else np.empty((0, 0), dtype=np.float32)


def _keys(table: Table, name: str) -> list[bytes]:
    """The content key of each entry; entries whose content cannot even be fetched are left out, if the table skips."""
    column = table.column(name)

    def key(entry: int) -> bytes | CellError:
        try:
            return content_key(column.modality, column.raw(entry))
        except CellError as error:
            return error.at(name, table.where(int(column.row[entry])))

    keys: list[bytes] = []
    bad: dict[int, CellError] = {}
    entries = range(len(column.row))
    parallel = Modality.adapt(column.modality).parallel
    for entry, found in enumerate(ordered_map(key, entries, ahead=AHEAD) if parallel else map(key, entries)):
        if isinstance(found, CellError):
            bad[entry] = found
            if table.on_error == "raise":
                break
        else:
            keys.append(found)
    table.drop_cells(name, bad)
    return keys
