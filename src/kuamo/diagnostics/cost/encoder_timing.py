"""A few cells of each column, encoded: what one costs, and what loading the encoder costs, apart.

    seconds of a batch = a + b · its size        each: of a cell, in the encoder's own batches
                                                 once: loading, the rest of what the first batch took

What is encoded here is thrown away: in a batch of its own a quantised network gives other last digits than in the
fit's, and a forecast changes no result. Rows on which the closed form is tried are made of these cells
(`synthetic_features`), where the cache has no better ones: its time depends on how many and how wide they are,
not on what they say.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from kuamo.core.errors import CellError
from kuamo.core.modules import is_module, is_trainable
from kuamo.core.profiling import Cost, measure_cost
from kuamo.core.threads import single_threaded_blas
from kuamo.data.modalities import content_key
from kuamo.data.table import AHEAD, Table
from kuamo.diagnostics.cost.operation_counts import extrapolated
from kuamo.embedding.space import Tower
from kuamo.encoders.base import prepare
from kuamo.encoders.feature_cache import SHARD_ROWS, FeatureCache, _blocks

__all__ = ["EncoderTiming", "sample_column", "synthetic_features"]

LOOKED = 2000  # cells of a column at most of which it is asked whether the cache has them
SPENT, MOST_SPENT, SHARE = 0.8, 2.5, 0.04  # CPU seconds for a column's cells, or this share of what all of them take
MOST_BATCHES, LARGE = 10, 16  # one batch should have so many cells
MEGABYTE = 2**20


@dataclass(eq=False)
class EncoderTiming:
    """What a few cells of a column told.

    Args:
        port: the column's. entries: n, cells of the column. distinct: how many differ, about. missing: how many of
            those the cache does not have, about. kept: are features kept on disk at all?
        width: D. once: loading. each: one more cell, encoded. read: one cell, looked up. item: MB of a prepared cell.
        working: MB that the network takes at its work, and keeps. x: (s, D) features of some entries `at` (s,).
        store: the cache, where there is one. ready: one cell, decoded and prepared. raw: is the encoder trained?
    """

    port: Tower
    entries: int
    distinct: float
    missing: float
    kept: bool
    width: int = 0
    once: Cost = field(default_factory=Cost)
    each: Cost = field(default_factory=Cost)
    read: Cost = field(default_factory=Cost)
    item: float = 0.0
    working: float = 0.0
    x: np.ndarray = field(default_factory=lambda: np.zeros((0, 0), np.float32))
    at: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    store: FeatureCache | None = None
    ready: Cost = field(default_factory=Cost)
    raw: bool = False

    @property
    def cells(self) -> float:
        """How many cells a fit encodes."""
        return self.missing if self.kept else float(self.entries)

    @property
    def rank(self) -> int:
        """Axes that cells of so many contents have at most."""
        return max(1, round(self.distinct) - 1)

    @property
    def at_hand(self) -> bool:
        """Are the features of all cells there, or quickly made? Every cell has then been asked for."""
        if self.kept:
            return not self.missing and self.entries <= LOOKED
        return not is_module(self.port.encoder) and self.each.cpu * self.entries < SPENT

    def cost(self) -> Cost:
        """Of the features of the whole column."""
        once = self.once if self.cells else Cost()
        cpu = once.cpu + self.cells * self.each.cpu + self.entries * self.read.cpu
        wall = once.wall + self.cells * self.each.wall + self.entries * self.read.wall
        return Cost(cpu, wall, self.peak())

    def peak(self) -> float:
        """MB: the network at work and the shard that is filled, or then all features and the shard that is read."""
        row = 4 * self.width / MEGABYTE
        waiting = min(AHEAD, self.cells) * self.item if self.cells else 0.0
        filled = 2 * min(self.cells, SHARD_ROWS) * row if self.kept else 0.0
        read = (self.entries + min(self.entries, SHARD_ROWS)) * row
        return (self.working if self.cells else 0.0) + max(waiting + filled, read)

    @property
    def stays(self) -> float:
        """MB that are in memory afterwards: the network, and the features."""
        return (self.working if self.cells else 0.0) + 4 * self.entries * self.width / MEGABYTE

    @property
    def disk(self) -> float:
        """MB that the cache grows by."""
        return self.missing * (4 * self.width + 32) / MEGABYTE if self.kept else 0.0


def sample_column(table: Table, port: Tower, seed: int) -> EncoderTiming:
    """Encode a few of a column's cells.

    Raises:
        CellError: one of them cannot be read, and the table does not skip.
    """
    fingerprint = getattr(port.encoder, "fingerprint", None)
    kept = fingerprint is not None and not is_module(port.encoder) and getattr(port.encoder, "cached", True)
    entries = len(table.column(port.name).row)
    rng = np.random.default_rng(seed)
    looked = np.sort(rng.permutation(entries)[:LOOKED])
    with measured_quickly() as reading:
        keys = keys_of(table, port.name, looked)
    share, store = entries / max(len(looked), 1), FeatureCache(str(fingerprint)) if kept else None
    first = {key: entry for entry, key in reversed(keys)}  # the first entry of each content
    unknown = [entry for key, entry in first.items() if store is None or not store.known([key])[0]]
    # Of a sample that has hardly anything twice, what is not in it differs too; one that has all twice has seen all.
    grows = share if len(first) > 0.5 * len(keys) else 1.0
    found = EncoderTiming(port, entries, len(first) * grows, len(unknown) * grows, bool(kept), store=store)
    found.raw = is_trainable(port.encoder)
    if kept:
        found.read = per_cell(reading, len(looked))
    if unknown:
        encode_some(table, found, rng.permutation(np.array(unknown, np.int64)))
    known = [(entry, key) for entry, key in keys if store is not None and store.known([key])[0]]
    if store is not None and known and not len(found.x):  # what is left, if anything, cannot be read
        take_some(found, store, [known[i] for i in rng.permutation(len(known))[:64]])
    return found


def take_some(found: EncoderTiming, store: FeatureCache, known: list[tuple[int, bytes]]) -> None:
    """Fill in what the cache has of a few cells, and what reading it takes."""
    with measured_quickly() as taking:
        found.x, found.at = store.take([key for _, key in known]), np.array([entry for entry, _ in known])
    found.width = found.x.shape[1]
    found.read.cpu += min(taking.cpu / len(known), 1e-4)


def keys_of(table: Table, name: str, entries: np.ndarray) -> list[tuple[int, bytes]]:
    """(entry, content key) of those that can be fetched."""
    column, keys = table.column(name), []
    for entry in entries.tolist():
        try:
            keys.append((entry, content_key(column.modality, column.raw(entry))))
        except CellError:
            continue  # the fit will say so, or skip it
    return keys


def per_cell(cost: Cost, count: int) -> Cost:
    """Of one."""
    return Cost(cost.cpu / max(count, 1), cost.wall / max(count, 1))


def encode_some(table: Table, found: EncoderTiming, order: np.ndarray) -> None:
    """Encode in batches that grow until enough time is spent, and fill in what that tells.

    A batch of s cells takes a + b s seconds. A network may be several times as dear in batches of two as in those of
    the fit (MiniLM: 47 ms a text, and 9 in batches of 512), so one size would not do.
    """
    most = int(getattr(found.port.encoder, "batch_size", 64))
    sizes: list[int] = []
    costs: list[Cost] = []
    blocks: list[np.ndarray] = []
    at: list[int] = []
    size, place = 2, 0
    with measure_cost() as whole, single_threaded_blas():
        while place < len(order) and size and len(costs) < MOST_BATCHES:
            entries = order[place : place + size]
            place += size
            with measured_quickly() as cost:
                for good, block, _ in _blocks(table, found.port.name, found.port.encoder, entries):
                    if good:
                        at += good
                        blocks.append(block)
            sizes.append(len(entries))
            costs.append(cost)
            size = next_size(sizes, [one.cpu for one in costs], found.cells, most)
    if not blocks:
        return
    found.x, found.at = np.concatenate(blocks), np.asarray(at)
    found.width = found.x.shape[1]
    found.each, found.once = told_by(sizes, costs, min(most, max(1, int(found.cells))))
    found.working = whole.memory or 0.0
    some = found.at[: 8 if found.raw else 1]
    with measured_quickly() as cost:
        items = list(table.values(found.port.name, some, prepare(found.port.encoder)))
    found.ready = per_cell(cost, len(some))
    found.item = float(getattr(items[0], "nbytes", 1024)) / MEGABYTE


def next_size(sizes: Sequence[int], spent: Sequence[float], cells: float, most: int) -> int:
    """Of the next batch: four times the last, or as much as the time left is enough for; 0 if it is enough.

    Example:
        >>> next_size([2, 2], [1.0, 0.01], 1000, 64), next_size([2, 2, 4], [1.0, 1.0, 1.4], 1000, 64)
        (8, 0)
    """
    if len(sizes) < 2:
        return 2
    each = spent[-1] / sizes[-1]
    enough = max(SPENT, SHARE * cells * each) if max(sizes) >= min(LARGE, most) else MOST_SPENT
    left = min(MOST_SPENT, enough) - sum(spent[1:])
    size = min(most, 4 * sizes[-1], int(left / max(each, 1e-9)))
    return max(1, size) if len(sizes) < 3 else size if 2 * size >= sizes[-1] else 0  # a small one more tells little


def told_by(sizes: Sequence[int], costs: Sequence[Cost], batch: int) -> tuple[Cost, Cost]:
    """What a cell takes in batches of this size, and what loading took: from the batches, the first of which loads."""
    each, once = Cost(), Cost()
    for kind in ("cpu", "wall"):
        took = [getattr(cost, kind) for cost in costs]
        later = slice(1, None) if len(costs) > 1 else slice(None)
        whole = extrapolated(sizes[later], took[later], batch) / batch
        first = extrapolated(sizes[later], took[later], sizes[0])
        setattr(each, kind, whole)
        setattr(once, kind, max(0.0, took[0] - first))
    return each, once


@contextmanager
def measured_quickly() -> Iterator[Cost]:
    """CPU and wall seconds of a short block: without the watch over memory, which takes a while to begin."""
    cost, cpu, wall = Cost(), time.process_time(), time.perf_counter()
    yield cost
    cost.cpu, cost.wall = time.process_time() - cpu, time.perf_counter() - wall


def synthetic_features(
    table: Table, found: EncoderTiming, rows: np.ndarray, seed: int
) -> tuple[np.ndarray, np.ndarray, bool]:
    """Features (n, D) of the entries of these rows (ascending), the place (n,) in `rows` of each, and are they real?

    From the cache, or those of vectors themselves; else mixtures of the few that were encoded, and noise: cells of one
    row are mixed alike in every column, and cells of one content are the same.
    """
    column = table.column(found.port.name)
    entry = np.flatnonzero(np.isin(column.row, rows))
    place = np.searchsorted(rows, column.row[entry])
    if not found.kept and not is_module(found.port.encoder) and found.each.cpu * len(entry) < SPENT:
        blocks = [(good, block) for good, block, _ in _blocks(table, found.port.name, found.port.encoder, entry)]
        there = np.isin(entry, [one for good, _ in blocks for one in good])
        return np.concatenate([block for good, block in blocks if good]), place[there], True
    if found.store is not None and not found.missing:
        keys = keys_of(table, found.port.name, entry)
        there = np.isin(entry, [one for one, _ in keys])
        if found.store.known([key for _, key in keys]).all():
            return found.store.take([key for _, key in keys]), place[there], True
    content, which = np.unique([str(k) for k in contents(column, entry)], return_inverse=True)
    first = np.unique(which, return_index=True)[1]
    shared = np.random.default_rng([seed, 1]).standard_normal((len(rows), 32), dtype=np.float32)
    own = np.random.default_rng([seed, 2, len(content)])
    few = found.x - found.x.mean(0)
    mix = own.standard_normal((32, len(few)), dtype=np.float32) / np.sqrt(32 * max(len(few), 1), dtype=np.float32)
    noise = few.std(0) * own.standard_normal((len(content), found.width), dtype=np.float32)
    made = found.x.mean(0) + shared[place[first]] @ mix @ few + 0.5 * noise
    return made.astype(np.float32)[which], place, False


def contents(column: Any, entries: np.ndarray) -> Sequence[Any]:
    """What tells equal cells from others: bytes and texts themselves, of other cells their number."""
    found = (column.raw(entry) for entry in entries.tolist())
    return [hash(raw) if isinstance(raw, bytes | str) else f"#{number}" for number, raw in enumerate(found)]
