"""A few cells of a column, encoded: what one costs, and what loading its encoder costs, apart.

    seconds of a batch = a + b · its size        each: of a cell in the fit's batches; once: the rest of the first batch

Only cells that the feature cache does not have are encoded, and what comes out is thrown away: in a batch of another
size a quantised network gives other last digits than in the fit's, and a forecast changes no result.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np

from kuamo.core.errors import CellError
from kuamo.core.modules import is_module, is_trainable
from kuamo.core.profiling import Cost, measure_cost
from kuamo.core.threads import single_threaded_blas
from kuamo.data.modalities import content_key
from kuamo.data.table import Table
from kuamo.embedding.space import Tower
from kuamo.encoders.base import Encoder
from kuamo.encoders.feature_cache import FeatureCache, _blocks

__all__ = ["MEGABYTE", "EncoderTiming", "time_encoder"]

LOOKED = 2000  # cells of a column at most of which it is asked whether the cache has them
SPENT, SHARE = 0.5, 0.02  # CPU seconds for a column's cells, or this share of what all of them take
MEGABYTE = 2**20


@dataclass(eq=False)
class EncoderTiming:
    """What a few cells of a column say of its features.

    Args:
        port: the column's. entries: n, its cells. missing: how many of their contents the cache does not have, about.
        kept: are features kept on disk? width: D. once: loading. each: one more cell, encoded. working: MB that the
        network takes at its work, and keeps.
    """

    port: Tower
    entries: int
    missing: float
    kept: bool
    width: int = 0
    once: Cost = field(default_factory=Cost)
    each: Cost = field(default_factory=Cost)
    working: float = 0.0

    @property
    def features(self) -> float:
        """MB of the features of all cells."""
        return 4 * self.width * self.entries / MEGABYTE

    @property
    def disk(self) -> float:
        """MB that the cache grows by."""
        return self.missing * (4 * self.width + 32) / MEGABYTE if self.kept else 0.0

    @property
    def cost(self) -> Cost:
        """Of the features of the whole column: the network at work, then all features and the shard that is read."""
        cpu, wall = (getattr(self.once, kind) + self.missing * getattr(self.each, kind) for kind in ("cpu", "wall"))
        return Cost(cpu, wall, self.working + 2 * self.features)


def time_encoder(table: Table, port: Tower, seed: int) -> EncoderTiming | None:
    """Encode a few of the cells that the cache does not have; `None` where a fit encodes none, or trains the encoder.

    Raises:
        CellError: one of them cannot be read, and the table does not skip.
    """
    encoder = Encoder.adapt(port.encoder)
    if is_trainable(port.encoder) or not encoder.cached:
        return None
    kept = encoder.fingerprint is not None and not is_module(port.encoder)
    entries = len(table.column(port.name).row)
    rng = np.random.default_rng(seed)
    looked = np.sort(rng.permutation(entries)[:LOOKED])
    keys = keys_of(table, port.name, looked)
    store = FeatureCache(encoder.fingerprint) if kept else None
    first = {key: entry for entry, key in reversed(keys)}  # the first entry of each content
    unknown = [entry for key, entry in first.items() if store is None or not store.contains([key])[0]]
    if not unknown:
        return None
    # Of a sample that has hardly anything twice, what is not in it differs too; one that has all twice has seen all.
    grows = entries / max(len(looked), 1) if len(first) > 0.5 * len(keys) else 1.0
    found = EncoderTiming(port, entries, len(unknown) * grows if kept else float(entries), bool(kept))
    encode_some(table, found, rng.permutation(np.array(unknown, np.int64)))
    if not found.width and len(unknown) < len(first):
        return None  # what the cache lacks cannot be read, and the fit skips it too
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


def encode_some(table: Table, found: EncoderTiming, order: np.ndarray) -> None:
    """Encode batches of 1, 2, 4 … cells until enough time is spent, and fill in what they took.

    Batches grow since a network may be several times as dear in small ones as in those of the fit (MiniLM: 47 ms a
    text in twos, and 9 in batches of 512).
    """
    most = Encoder.adapt(found.port.encoder).batch_size
    costs: list[tuple[int, Cost]] = []
    size = 1
    with measure_cost() as whole, single_threaded_blas():
        while len(order) and size:
            with timed() as cost:
                widths = [block.shape[1] for good, block, _ in _blocks(table, found.port.name, found.port.encoder,
                                                                       order[:size]) if good]  # fmt: skip
            found.width = max([found.width, *widths])
            costs.append((len(order[:size]), cost))
            order, size = order[size:], next_size([one.cpu for _, one in costs], size, found.missing, most)
    (count, load), later = costs[0], costs[1:] or costs
    batch = min(most, max(1, int(found.missing)))
    for kind in ("cpu", "wall"):
        each = per_cell([size for size, _ in later], [getattr(one, kind) for _, one in later], batch)
        setattr(found.each, kind, each)
        setattr(found.once, kind, max(0.0, getattr(load, kind) - count * each))
    found.working = whole.memory or 0.0


def per_cell(sizes: list[int], seconds: list[float], batch: int) -> float:
    """b + a / batch, a and b ≥ 0 by least squares of relative errors: seconds of a batch = a + b · its size.

    Example:
        >>> round(per_cell([1, 2, 4], [1.1, 1.2, 1.4], 100), 6), round(per_cell([4], [2.0], 100), 6)
        (0.11, 0.5)
    """
    measured = np.maximum(seconds, 1e-9)
    terms = np.stack([np.ones(len(sizes)), sizes], 1) / measured[:, None]
    a, b = np.linalg.lstsq(terms, np.ones(len(sizes)), rcond=None)[0] if len(sizes) > 1 else (0.0, 0.0)
    if a < 0 or b <= 0:
        a, b = 0.0, float(terms[:, 1].sum() / (terms[:, 1] ** 2).sum())
    return float(b + a / batch)


def next_size(spent: list[float], size: int, cells: float, most: int) -> int:
    """Of the next batch; 0 if enough is spent. The first batch, which loads, does not count.

    Example:
        >>> next_size([1.0, 0.01], 2, 1000, 64), next_size([1.0, 0.3, 0.6], 4, 100, 64)
        (4, 0)
    """
    enough = max(SPENT, SHARE * cells * spent[-1] / size)
    return 0 if sum(spent[1:]) > enough or (size == most and len(spent) > 1) else min(most, 2 * size)


@contextmanager
def timed() -> Iterator[Cost]:
    """CPU and wall seconds of a short block: without the watch over memory, which takes a while to begin."""
    cost, cpu, wall = Cost(), time.process_time(), time.perf_counter()
    yield cost
    cost.cpu, cost.wall = time.process_time() - cpu, time.perf_counter() - wall
