"""Examples for a report: hits and misses that a seed draws, and cells made small enough to look at or listen to."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from kuamo.core.messages import Note
from kuamo.data.modalities import Modality
from kuamo.data.table import Table
from kuamo.evaluation.results import MEDIA, Direction, Example, Preview
from kuamo.metrics.ranking import ROUNDING

__all__ = ["Previews", "draw", "find", "preview_of"]

ANSWERS = 3
TOTAL_BYTES = 6_000_000  # of all previews of a report


def draw(rank: np.ndarray, ids: Sequence[str], count: int, seed: int, task: str) -> np.ndarray:
    """Numbers of up to `count` hits (rank 1) and as many misses, by turns; neither row nor column order matters.

    Example:
        >>> draw(np.array([1, 5, 1, 2]), ["a", "b", "c", "d"], 1, 0, "x_to_y").shape
        (2,)
    """
    rng = np.random.default_rng([seed, zlib.crc32(task.encode("utf-8", "replace"))])
    by_id = np.argsort(np.asarray(ids), kind="stable")
    hits, misses = by_id[rank[by_id] == 1], by_id[rank[by_id] > 1]
    sides = [rng.permutation(side)[:count].tolist() for side in (hits, misses)]
    turns = [side[i] for i in range(count) for side in sides if i < len(side)]
    return np.asarray(turns, dtype=np.int64)


def find(
    queries: np.ndarray, gallery: np.ndarray, right: np.ndarray, rank: np.ndarray, ids: Sequence[str], names: list[str]
) -> list[Example]:
    """What these few queries found.

    Args:
        queries: (q, d). gallery: (m, d). right: (q, m) bool. rank: (q,).
        ids: (q,) of the queries. names: (m,) of the answers.
    """
    reach = ROUNDING * np.linalg.norm(queries, axis=1) * np.linalg.norm(gallery, axis=1).max()
    examples = []
    for number, query in enumerate(queries):
        scores = gallery @ query + reach[number] * ~right[number]  # as in the ranks: ties count against us
        order = np.lexsort((right[number], -scores))
        best = order[right[number][order]][0]
        first = order[:ANSWERS]
        found, correct = [names[i] for i in first], right[number][first].tolist()
        examples.append(Example(ids[number], int(rank[number]), names[best], found, correct))
    return examples


class Previews:
    """Small copies of the cells that examples show, until their bytes reach a bound.

    Args:
        table: where the cells are. total: bytes of all.
    """

    def __init__(self, table: Table, total: int = TOTAL_BYTES) -> None:
        self.table, self.total = table, total
        self.row = {name: number for number, name in enumerate(table.ids)}
        self.cells: dict[str, dict[str, Preview]] = {}
        self.remarks: list[Note] = []
        self._bytes = 0

    def add(self, pairs: Sequence[Direction]) -> None:
        """The cells of these pairs' examples: the first example of every pair, then the second, …"""
        longest = max((len(pair.examples) for pair in pairs), default=0)
        for turn in range(longest):
            for pair in pairs:
                for example in pair.examples[turn : turn + 1]:
                    self.cell(pair.source, example.query)
                    for answer in dict.fromkeys([example.right, *example.found]):
                        self.cell(pair.target, answer)

    def cell(self, name: str, row: str) -> None:
        """One cell, if it is not there yet."""
        cells = self.cells.setdefault(name, {})
        if row in cells:
            return
        column = self.table.column(name)
        entry = int(np.searchsorted(column.row, self.row[row]))
        made = preview_of(column.modality, next(self.table.values(name, [entry])))
        if made.mime not in MEDIA:
            self._remark("remark_media", column=name, mime=made.mime)
        elif self._bytes + len(made.data) > self.total:
            self._remark("remark_bytes", megabytes=self.total / 1e6)
        else:
            self._bytes += len(made.data)
            cells[row] = made
            return
        cells[row] = Preview("text/plain", made.text.encode("utf-8", "replace"), made.text)

    def _remark(self, key: str, **values: Any) -> None:
        if (remark := Note(key, **values)) not in self.remarks:
            self.remarks.append(remark)


def preview_of(modality: Modality, value: Any) -> Preview:
    """A value's preview; what `show` says, where its modality has none.

    Example:
        >>> from kuamo.data.modalities import Vector
        >>> preview_of(Vector(), np.ones(2)).data
        b'vector (2): 1 1'
    """
    text = modality.show(value)
    mime, data = Modality.adapt(modality).preview(value)
    return Preview(mime, data, text)
