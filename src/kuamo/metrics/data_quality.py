"""Quality: cells that repeat each other, numbers that hardly change, cells that cannot be read.

    two cells are the same if their features are;   a number hardly changes if its std ≤ 10⁻³ of the column's usual one

What the encoder maps to one point, nothing after it can separate.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from kuamo.core.findings import Finding, finding
from kuamo.core.types import Packed

__all__ = [
    "FeatureScan",
    "Packed",
    "Quality",
    "cell_fingerprints",
    "cross_group_duplicates",
    "duplicate_rows",
    "quality_findings",
    "quality_of",
]

BLOCK = 8192
KEYED = 512  # rows at a time, whose fingerprints need eight bytes for each number
STILL = 1e-3
MANY = 0.05  # of the cells: repeated ones are spoken of
HALF = 0.5
MANY_STILL = 0.1  # of the numbers


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


class FeatureScan:
    """Looks at blocks of features (n, D) as they come: their fingerprints (n,), and how much each number changes.

    Example:
        >>> watch = FeatureScan(iter([np.eye(2), np.eye(2)]))
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
                keys.append(cell_fingerprints(part))
                away = part - shift
                total, square = total + away.sum(0), square + np.square(away).sum(0)
        self.keys = np.concatenate(keys) if keys else np.zeros(0, dtype=np.uint64)
        if keys:
            self.spread = np.sqrt(np.maximum(square / len(self.keys) - np.square(total / len(self.keys)), 0))


def quality_of(watch: FeatureScan, broken: int = 0) -> Quality:
    """What was seen of one column.

    Example:
        >>> quality_of(FeatureScan(iter([np.array([[1.0, 0], [1, 0], [2, 0]])]))).repeated
        1
    """
    count = np.unique(watch.keys, return_counts=True)[1]
    changing = watch.spread[watch.spread > 0]
    still = int((watch.spread <= STILL * (np.median(changing) if len(changing) else 0.0)).sum())
    cells = len(watch.keys)
    return Quality(cells, cells - len(count), int(count.max(initial=0)), len(watch.spread), still, broken)


def cell_fingerprints(x: np.ndarray) -> np.ndarray:
    """(n,) a 64-bit number for each row of x (n, D); equal rows have equal ones, others hardly ever."""
    rng = np.random.default_rng(0)
    factor = rng.integers(0, 2**63, x.shape[1], dtype=np.uint64) * np.uint64(2) + np.uint64(1)
    plain = np.ascontiguousarray(x, dtype=np.float32) + np.float32(0)  # −0 is 0
    number = plain.view(np.uint32).astype(np.uint64)
    number = (number ^ (number << np.uint64(21))) * factor
    return (number ^ (number >> np.uint64(29))).sum(1, dtype=np.uint64)


def cross_group_duplicates(rows: int, keys: Packed, groups: Sequence[str]) -> int:
    """Rows that are the same as a row of another group in every column; rows with one column only do not count."""
    whole, known = whole_keys(rows, keys)
    group = np.unique(np.asarray(groups), return_inverse=True)[1][known]
    which = np.unique(whole[known], return_inverse=True)[1]
    both = np.unique(np.stack([which, group], 1), axis=0)[:, 0]
    return int(len(both) - len(np.unique(both)))


def whole_keys(rows: int, keys: Packed) -> tuple[np.ndarray, np.ndarray]:
    """A number (rows,) for all that a row has, and which rows have two columns or more."""
    whole = np.zeros(rows, dtype=np.uint64)
    there = np.zeros(rows, dtype=np.int64)
    for number, (key, row) in enumerate(keys.values()):
        np.add.at(whole, row, key * np.uint64(2 * number + 3))
        there[np.unique(row)] += 1
    return whole, np.flatnonzero(there > 1)


def duplicate_rows(cells: Packed, groups: np.ndarray) -> np.ndarray:
    """(N,) is a row the same, in every column, as an earlier one of another group, and hardly by chance?

    Two copies of a row are one coincidence: they would count as two in a test, and leak an answer across folds. But
    where columns have few values, rows meet by chance and each is a row of its own. If columns had nothing to do with
    each other, so many pairs of rows would be the same:

        N (N − 1)/2 · Π_c P(two rows have the same cell in column c)

    Below one, those that are the same are copies.

    Args:
        cells: column → (features (n, D), row (n,)). groups: (N,) numbers.

    Example:
        >>> x, row = np.random.default_rng(0).normal(size=(20, 3)), np.arange(22)
        >>> x = np.concatenate([x, x[:2]])
        >>> np.flatnonzero(duplicate_rows({"a": (x, row), "b": (x, row)}, row)).tolist()
        [20, 21]
        >>> words = np.eye(2)[row % 2]
        >>> bool(duplicate_rows({"a": (words, row), "b": (words, row)}, row).any())
        False
    """
    n = len(groups)
    out = np.zeros(n, dtype=bool)
    keys = {name: (keys_in_blocks(x), row) for name, (x, row) in cells.items()}
    by_chance = n * (n - 1) / 2
    for name in keys:
        by_chance *= agreeing(whole_keys(n, {name: keys[name]})[0])
    if by_chance >= 1:
        return out
    whole, known = whole_keys(n, keys)
    _, first, which = np.unique(whole[known], return_index=True, return_inverse=True)
    out[known] = groups[known] != groups[known][first][which]
    return out


def keys_in_blocks(x: np.ndarray) -> np.ndarray:
    """Fingerprints (n,) of features (n, D), some rows at a time."""
    parts = [cell_fingerprints(x[start : start + KEYED]) for start in range(0, len(x), KEYED)]
    return np.concatenate(parts) if parts else np.zeros(0, dtype=np.uint64)


def agreeing(keys: np.ndarray) -> float:
    """The share of pairs among keys (n,) that are the same.

    Example:
        >>> agreeing(np.array([1, 1, 2]))
        0.3333333333333333
    """
    count = np.unique(keys, return_counts=True)[1].astype(np.float64)
    return float((count * (count - 1)).sum() / max(len(keys) * (len(keys) - 1), 1))


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
