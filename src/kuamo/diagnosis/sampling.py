"""A few cells of each column, encoded: what one costs, and what loading the encoder costs, apart.

    seconds = once + n · each        once: the first cells, less what as many cost later;   each: the median over batches

What is encoded here is thrown away: in a batch of its own a quantised network gives other last digits than in the
fit's, and a forecast changes nothing. Rows on which the closed form is tried are made of these cells (`stand_in`), where
the cache has no better ones: its time depends on how many and how wide they are, not on what they say.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from kuamo.cost import Cost, measured
from kuamo.encoders.base import is_module, is_trainable, prepare
from kuamo.errors import CellError
from kuamo.features import SHARD_ROWS, FeatureCache, _blocks
from kuamo.modalities import content_key
from kuamo.space import Port
from kuamo.table import AHEAD, Table
from kuamo.threads import one_thread

__all__ = ["Sampled", "sample_column", "stand_in"]

LOOKED = 2000  # cells of a column at most of which it is asked whether the cache has them
SPENT, SHARE = 0.6, 0.05  # CPU seconds for the cells of a column, or this share of what all of them take
BATCH = 0.15  # CPU seconds of a batch, about
MEGABYTE = 2**20


@dataclass(eq=False)
class Sampled:
    """What a few cells of a column told.

    Args:
        port: the column's. entries: n, cells of the column. distinct: how many differ, about. missing: how many of those
            the cache does not have, about. kept: are features kept on disk at all?
        width: D. once: loading. each: one more cell, encoded. read: one cell, looked up. item: MB of a prepared cell.
        working: MB that the network takes at its work, and keeps. x: (s, D) features of some entries `at` (s,).
        store: the cache, where there is one. ready: one cell, decoded and prepared. raw: is the encoder trained?
    """

    port: Port
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


def sample_column(table: Table, port: Port, seed: int) -> Sampled:
    """Encode a few of a column's cells.

    Raises:
        CellError: one of them cannot be read, and the table does not skip.
    """
    fingerprint = getattr(port.encoder, "fingerprint", None)
    kept = fingerprint is not None and not is_module(port.encoder) and getattr(port.encoder, "cached", True)
    entries = len(table.column(port.name).row)
    rng = np.random.default_rng(seed)
    looked = np.sort(rng.permutation(entries)[:LOOKED])
    with measured() as reading:
        keys = keys_of(table, port.name, looked)
    share, store = entries / max(len(looked), 1), FeatureCache(str(fingerprint)) if kept else None
    first = {key: entry for entry, key in reversed(keys)}  # the first entry of each content
    unknown = [entry for key, entry in first.items() if store is None or not store.known([key])[0]]
    # Of a sample that has hardly anything twice, what is not in it differs too; one that has all twice has seen all.
    grows = share if len(first) > 0.5 * len(keys) else 1.0
    found = Sampled(port, entries, len(first) * grows, len(unknown) * grows, bool(kept), store=store)
    found.raw = is_trainable(port.encoder)
    if kept:
        found.read = per_cell(reading, len(looked))
    if store is not None and not unknown and keys:
        known = [keys[i] for i in rng.permutation(len(keys))[:64]]
        with measured() as taking:
            found.x, found.at = store.take([key for _, key in known]), np.array([entry for entry, _ in known])
        found.width = found.x.shape[1]
        found.read.cpu += min(taking.cpu / len(known), 1e-4)
        return found
    encode_some(table, found, rng.permutation(np.array(unknown, np.int64)))
    return found


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


def encode_some(table: Table, found: Sampled, order: np.ndarray) -> None:
    """Encode in small batches until enough time is spent, and fill in what that tells."""
    costs: list[Cost] = []
    blocks: list[np.ndarray] = []
    at: list[int] = []
    most = getattr(found.port.encoder, "batch_size", 64)
    size, spent, place = 2, 0.0, 0
    with measured() as whole, one_thread():
        while place < len(order) and (len(costs) < 3 or spent < SPENT) and len(costs) < 24:
            entries = order[place : place + size]
            place += size
            with measured_quickly() as cost:
                for good, block, _ in _blocks(table, found.port.name, found.port.encoder, entries):
                    if good:
                        at += good
                        blocks.append(block)
            costs.append(per_cell(cost, len(entries)))
            if len(costs) > 1:
                spent += cost.cpu
                size = int(np.clip(BATCH / max(costs[-1].cpu, 1e-6), 2, most))
    if not blocks:
        return
    found.x, found.at = np.concatenate(blocks), np.asarray(at)
    found.width = found.x.shape[1]
    later = costs[2:] or costs[1:] or costs
    found.each = Cost(*(float(np.median([getattr(cost, kind) for cost in later])) for kind in ("cpu", "wall")))
    head = min(2, len(order))
    found.once = Cost(
        *(max(0.0, head * (getattr(costs[0], kind) - getattr(found.each, kind))) for kind in ("cpu", "wall"))
    )
    found.working = whole.memory or 0.0
    some = found.at[: 8 if found.raw else 1]
    with measured_quickly() as cost:
        items = list(table.values(found.port.name, some, prepare(found.port.encoder)))
    found.ready = per_cell(cost, len(some))
    found.item = float(getattr(items[0], "nbytes", 1024)) / MEGABYTE


class measured_quickly:
    """CPU and wall seconds of a short block: without the watch over memory, which takes a while to begin."""

    def __enter__(self) -> Cost:
        import time

        self.cost, self.start = Cost(), (time.process_time(), time.perf_counter())
        return self.cost

    def __exit__(self, *_: object) -> None:
        import time

        self.cost.cpu, self.cost.wall = time.process_time() - self.start[0], time.perf_counter() - self.start[1]


def stand_in(table: Table, found: Sampled, rows: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray, bool]:
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
