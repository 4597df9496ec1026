"""Cells and batches: what one training step really has.

    ColumnBatch(x (n, …), row (n,))      entry k of a modality is x[k], in row row[k] of the batch

Absence is no entry at all, so no filler value can leak. Several captions are several entries of one row. Row numbers
are those of the whole batch, over all processes: masks and positives follow from them, `row_a[:, None] == row_b[None]`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import torch

from kuamo.core.arrays import entries_in_rows
from kuamo.core.errors import KuamoError
from kuamo.core.modules import is_module
from kuamo.data.table import Table
from kuamo.embedding.space import Tower
from kuamo.encoders.base import Encoder, collate
from kuamo.encoders.parts import PartArrays
from kuamo.training.distributed import rank_and_size
from kuamo.training.gradient_cache import Chunks

__all__ = ["Batch", "ColumnBatch", "FeatureSource", "MixKey", "Source", "batch_of", "batch_rows", "fusemix"]

HELD_BYTES = 256 << 20


@dataclass(frozen=True)
class ColumnBatch:
    """The entries of one modality in a batch.

    Args:
        x: what enters the first trainable module: features, a collated batch of raw values, or `Chunks` of one; `None`
            if n = 0.
        row: (n,) int64 tensor, the row in the whole batch of each entry.
        y: (n, L) what the decoder should give, where that is known already; `None` where it follows from x.
        pieces: parts of the cells (n, T, D) and which are there (n, T), where they are known and a fusion reads them.
    """

    x: Any
    row: Any
    y: Any = None
    pieces: tuple[Any, Any] | None = None

    def __len__(self) -> int:
        return len(self.row)

    def parts(self) -> Iterator[Any]:
        """x, or one chunk of it after the other; nothing if n = 0."""
        return iter(() if len(self) == 0 else self.x if isinstance(self.x, Chunks) else (self.x,))


@dataclass(frozen=True)
class Batch:
    """One process's share of a batch.

    Args:
        size: B, rows of the whole batch, over all processes.
        row: (R,) int64 tensor, this process's rows.
        cells: modality → Cells.
        marks: "label" and "group" → (B,) int64 tensor of the whole batch, −1 where there is none. Every process knows
            them all, so that they need no exchange.
        table_rows: (B,) the table row of every row of the whole batch, to say where something is wrong.
    """

    size: int
    row: Any
    cells: dict[str, ColumnBatch]
    marks: dict[str, Any] = field(default_factory=dict)
    table_rows: Any = None


class Source:
    """Where a modality's cells come from during training: frozen features, or raw values prepared on the way.

    Args:
        table: the table. port: whose column. frozen: features (n, D), or `None` for raw values.
        chunk: how many raw values enter the encoder at a time; `None` for the whole batch.
        pieces: parts of frozen cells, for a fusion that reads them.
    """

    def __init__(
        self,
        table: Table,
        port: Tower,
        frozen: np.ndarray | None,
        chunk: int | None = None,
        pieces: PartArrays | None = None,
    ) -> None:
        self.table, self.port, self.frozen, self.chunk, self.pieces = table, port, frozen, chunk, pieces
        self.rows, self.row = len(table), table.column(port.name).row
        self._held: dict[Any, Any] = {}
        self._bytes = 0
        self._whole = one_in_each_row(self.row, self.rows)
        self._stack: ItemCache | None = None
        self._prepare: Callable[[Any], Any] = Encoder.adapt(port.encoder).prepare

    def cells(self, rows: np.ndarray, place: np.ndarray) -> ColumnBatch:
        """The entries of these table rows; `place` (R,) is each row's number in the whole batch."""
        entry, position = (rows, slice(None)) if self._whole else entries_in_rows(self.row, rows)
        where = torch.from_numpy(place[position])
        if len(entry) == 0:
            return ColumnBatch(None, where)
        if self.frozen is not None:
            return ColumnBatch(
                torch.from_numpy(self.frozen[entry]), where, pieces=self.pieces and self.pieces.at(entry)
            )
        return ColumnBatch(self._read(entry) if self.chunk is None else Chunks(self._read, entry, self.chunk), where)

    def _read(self, entry: np.ndarray) -> Any:
        """Raw values as one batch for the encoder."""
        if self._stack is None and Encoder.adapt(self.port.encoder).collate is None and is_module(self.port.encoder):
            self._stack = ItemCache(len(self.row))
        if self._stack is not None and self._stack.has(entry):
            return self._stack.batch(entry)
        items = [self._item(int(k)) for k in entry]
        if self._stack is not None:
            self._stack.add(entry, items)
            if self._stack.known.all():
                self._held.clear()
        return collate(self.port.encoder, items, self.port.name)

    def _item(self, entry: int) -> Any:
        """A cell as its encoder takes it; the same bytes or text in several rows are prepared once."""
        raw = self.table.column(self.port.name).raw(entry)
        key = raw if isinstance(raw, bytes | str) else entry
        if key in self._held:
            return self._held[key]
        item = self._prepare(next(self.table.values(self.port.name, [entry])))
        size = getattr(item, "nbytes", 1024)
        if self._bytes + size <= HELD_BYTES:  # beyond that, raw values are read again in each epoch
            self._held[key] = item
            self._bytes += size
        return item


class ItemCache:
    """Items of one shape in one array, once every entry was read: a batch is then one indexing, not many small copies.

    Items that are views of another's memory would be copied; where that is more than may be held, nothing is stacked.

    Args:
        count: n, entries of the column.

    Example:
        >>> stack = ItemCache(2)
        >>> stack.add(np.array([1, 0]), [np.ones(3), np.zeros(3)])
        >>> stack.has(np.array([0])), stack.batch(np.array([1, 1])).shape
        (True, torch.Size([2, 3]))
    """

    def __init__(self, count: int) -> None:
        self.known = np.zeros(count, dtype=bool)
        self.items: np.ndarray | None = None
        self.gone = False

    def has(self, entry: np.ndarray) -> bool:
        """Are all of these entries here?"""
        return self.items is not None and bool(self.known[entry].all())

    def add(self, entry: np.ndarray, items: list[Any]) -> None:
        """Keep what was read, if it fits."""
        first = items[0]
        if self.gone or not isinstance(first, np.ndarray):
            return
        if self.items is None:
            self.gone = first.nbytes * len(self.known) > HELD_BYTES
            self.items = None if self.gone else np.empty((len(self.known), *first.shape), first.dtype)
        if self.items is None or any(item.shape != first.shape or item.dtype != first.dtype for item in items):
            self.items, self.gone = None, True
            return
        self.items[entry], self.known[entry] = items, True

    def batch(self, entry: np.ndarray) -> Any:
        """A tensor (c, …)."""
        assert self.items is not None
        return torch.from_numpy(self.items[entry])


class FeatureSource:
    """Cells from arrays: features (n, D) and the row (n,) of each, ascending, of a table of so many rows.

    Args:
        features, row, rows: see above. target: y (n, L), if a decoder should give something else than features.
        pieces: parts of the cells, for a fusion that reads them.
    """

    def __init__(
        self,
        features: np.ndarray,
        row: np.ndarray,
        rows: int,
        target: np.ndarray | None = None,
        pieces: PartArrays | None = None,
    ) -> None:
        self.frozen, self.row, self.rows = np.ascontiguousarray(features, dtype=np.float32), row, rows
        self.target, self.pieces = target, pieces
        self._whole = one_in_each_row(row, rows)

    def cells(self, rows: np.ndarray, place: np.ndarray) -> ColumnBatch:
        """See `Source.cells`."""
        entry, position = (rows, slice(None)) if self._whole else entries_in_rows(self.row, rows)
        x = torch.from_numpy(self.frozen[entry]) if len(entry) else None
        y = torch.from_numpy(self.target[entry]) if self.target is not None else None
        return ColumnBatch(x, torch.from_numpy(place[position]), y, self.pieces and self.pieces.at(entry))


def one_in_each_row(row: np.ndarray, rows: int) -> bool:
    """Is entry k in row k, for all rows? Then rows need not be looked for.

    Example:
        >>> one_in_each_row(np.array([0, 1]), 2), one_in_each_row(np.array([0, 2]), 3)
        (True, False)
    """
    return len(row) == rows and np.array_equal(row, np.arange(rows))


class MixKey(NamedTuple):
    """How cells are mixed: λ ~ Beta(α, α), drawn with the key."""

    alpha: float
    key: tuple[int, ...]


def fusemix(
    cells: dict[str, ColumnBatch],
    sources: Mapping[str, Any],
    rows: np.ndarray,
    mix: MixKey,
    marks: Mapping[str, np.ndarray] | None = None,
) -> None:
    """x ← λ x + (1 − λ) x of another row of the batch, the same row and λ in every column (FuseMix), in place.

    A row is mixed only with one that has the same columns; of several captions, the other row's first is taken. A row
    of one label that is mixed with a row of another has neither: its mark becomes −1.

    Args:
        cells: column → this process's cells. rows: (B,) the table rows of the whole batch. marks: see `Batch`.

    References:
        Data-Efficient Multimodal Fusion on a Single GPU, Vouitsis et al., CVPR 2024 (FuseMix).
    """
    raw = [name for name, source in sources.items() if source.frozen is None]
    if raw:
        raise KuamoError(f"column {raw[0]!r}: given raw cells; expected frozen features where mix > 0")
    if parted := [name for name, source in sources.items() if source.pieces is not None]:
        raise KuamoError(f"column {parted[0]!r}: given cells with parts, which cannot be mixed; expected mix of 0")
    rng = np.random.default_rng(mix.key)
    share, other_row = np.float32(rng.beta(mix.alpha, mix.alpha)), rng.permutation(len(rows))
    there = np.stack([np.isin(rows, source.row) for source in sources.values()], axis=1)
    alike = (there == there[other_row]).all(axis=1)
    for mark in (marks or {}).values():
        mark[alike & (mark != mark[other_row])] = -1
    for name, own in cells.items():
        if len(own) == 0:
            continue
        source, at = sources[name], own.row.numpy()
        other = np.searchsorted(source.row, rows[other_row[at]])
        x, y = own.x.numpy(), source.frozen[np.minimum(other, len(source.row) - 1)]
        cells[name] = ColumnBatch(torch.from_numpy(np.where(alike[at, None], share * x + (1 - share) * y, x)), own.row)


def batch_rows(rows: int, batch_size: int, seed: int, step: int) -> np.ndarray:
    """The table rows (B,) of one step: a pure function of (seed, step), the same in every process.

    Each epoch is a fresh permutation; its last, smaller batch is kept.

    Example:
        >>> sorted(np.concatenate([batch_rows(5, 2, 0, s) for s in range(3)]).tolist())
        [0, 1, 2, 3, 4]
    """
    per_epoch = -(-rows // batch_size)
    epoch, part = divmod(step, per_epoch)
    return epoch_order(rows, seed, epoch)[part * batch_size : (part + 1) * batch_size]


@lru_cache(maxsize=2)
def epoch_order(rows: int, seed: int, epoch: int) -> np.ndarray:
    """An epoch's permutation (N,), made once for all of its steps."""
    order = np.random.default_rng([seed, epoch]).permutation(rows)
    order.flags.writeable = False
    return order


def batch_of(
    sources: Mapping[str, Source | FeatureSource],
    rows: np.ndarray,
    mix: float = 0.0,
    key: tuple[int, int] = (0, 0),
    marks: Mapping[str, np.ndarray] | None = None,
    shared: bool = True,
) -> Batch:
    """This process's share of the batch: every size-th row, with row numbers of the whole batch; or all of it."""
    rank, size = rank_and_size() if shared else (0, 1)
    place = np.arange(rank, len(rows), size)
    cells = {name: source.cells(rows[place], place) for name, source in sources.items()}
    ours = {name: mark[rows] for name, mark in (marks or {}).items()}
    if mix:
        fusemix(cells, sources, rows, MixKey(mix, key), ours)
    tensors = {name: torch.from_numpy(mark) for name, mark in ours.items()}
    return Batch(len(rows), torch.from_numpy(place), cells, tensors, rows)
