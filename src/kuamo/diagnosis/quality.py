"""Quality: cells that repeat each other, numbers that hardly change, cells that cannot be read.

    two cells are the same if their features are;   a number hardly changes if its std ≤ 10⁻³ of the column's usual one

What the encoder cannot tell apart, nothing after it can.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from kuamo.diagnosis.findings import Finding, finding

__all__ = ["Packed", "Quality", "Watch", "fingerprints", "quality_findings", "quality_of", "twins"]

BLOCK = 8192
STILL = 1e-3
MANY = 0.05  # of the cells: repeated ones are spoken of
HALF = 0.5
MANY_STILL = 0.1  # of the numbers

Packed = Mapping[str, tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True)
class Quality:
    """One column's cells.

    Args:
        cells: n. repeated: those that are the same as an earlier one. commonest: how often the commonest stands.
        numbers: D. still: numbers that hardly change. broken: cells that cannot be read.
    """

    cells: int
    repeated: int
    commonest: int
    numbers: int
    still: int
    broken: int


class Watch:
    """Looks at blocks of features (n, D) as they come: their fingerprints (n,), and how much each number changes.

    Example:
        >>> watch = Watch(iter([np.eye(2), np.eye(2)]))
        >>> len(watch.keys), len(np.unique(watch.keys)), watch.spread.tolist()
        (4, 2, [0.5, 0.5])
    """

    def __init__(self, blocks: Iterator[np.ndarray]) -> None:
        keys: list[np.ndarray] = []
        self.spread = np.zeros(0)
        shift, total, square = np.zeros(0), np.zeros(0), np.zeros(0)
        for block in blocks:
            for start in range(0, len(block), BLOCK):
                part = np.ascontiguousarray(block[start : start + BLOCK], dtype=np.float32)
                if not keys:
                    shift, total, square = part[0].astype(np.float64), np.zeros(part.shape[1]), np.zeros(part.shape[1])
                keys.append(fingerprints(part))
                away = part - shift
                total, square = total + away.sum(0), square + np.square(away).sum(0)
        self.keys = np.concatenate(keys) if keys else np.zeros(0, dtype=np.uint64)
        if keys:
            self.spread = np.sqrt(np.maximum(square / len(self.keys) - np.square(total / len(self.keys)), 0))


def quality_of(watch: Watch, broken: int = 0) -> Quality:
    """What was seen of one column.

    Example:
        >>> quality_of(Watch(iter([np.array([[1.0, 0], [1, 0], [2, 0]])]))).repeated
        1
    """
    count = np.unique(watch.keys, return_counts=True)[1]
    changing = watch.spread[watch.spread > 0]
    still = int((watch.spread <= STILL * (np.median(changing) if len(changing) else 0.0)).sum())
    cells = len(watch.keys)
    return Quality(cells, cells - len(count), int(count.max(initial=0)), len(watch.spread), still, broken)


def fingerprints(x: np.ndarray) -> np.ndarray:
    """(n,) a 64-bit number for each row of x (n, D); equal rows have equal ones, others hardly ever."""
    rng = np.random.default_rng(0)
    factor = rng.integers(0, 2**63, x.shape[1], dtype=np.uint64) * np.uint64(2) + np.uint64(1)
    plain = np.ascontiguousarray(x, dtype=np.float32) + np.float32(0)  # −0 is 0
    number = plain.view(np.uint32).astype(np.uint64)
    number = (number ^ (number << np.uint64(21))) * factor
    return (number ^ (number >> np.uint64(29))).sum(1, dtype=np.uint64)


def twins(rows: int, keys: Packed, groups: Sequence[str]) -> int:
    """Rows that are the same as a row of another group in every column; rows with one column only do not count."""
    whole = np.zeros(rows, dtype=np.uint64)
    there = np.zeros(rows, dtype=np.int64)
    for number, (key, row) in enumerate(keys.values()):
        np.add.at(whole, row, key * np.uint64(2 * number + 3))
        there[np.unique(row)] += 1
    known = np.flatnonzero(there > 1)
    group = np.unique(np.asarray(groups), return_inverse=True)[1][known]
    which = np.unique(whole[known], return_inverse=True)[1]
    both = np.unique(np.stack([which, group], 1), axis=0)[:, 0]
    return int(len(both) - len(np.unique(both)))


def quality_findings(found: Mapping[str, Quality], same: int, skipped: Sequence[str]) -> list[Finding]:
    """What to know of it, in words; `skipped` are the table's notes of cells that cannot be read."""
    said = [Finding("bad", note) for note in skipped]
    for name, one in found.items():
        if one.commonest > HALF * one.cells and one.cells > 1:
            said.append(finding("bad", "diagnosis_same", column=name, count=one.commonest, given=one.cells))
        elif one.repeated > MANY * one.cells:
            said.append(finding("look", "diagnosis_repeated", column=name, count=one.repeated, given=one.cells))
        if one.still > MANY_STILL * one.numbers:
            said.append(finding("look", "diagnosis_still", column=name, count=one.still, given=one.numbers))
    if same:
        said.append(finding("bad", "diagnosis_twins", count=same))
    return said or [finding("good", "diagnosis_clean")]
