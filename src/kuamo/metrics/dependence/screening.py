"""Screening of columns in `fit`: which columns look related at all, by permutation tests.

A column that looks related to no other joins last, as a rare one does; and where no two columns look related, contrast
is not tried, since there is nothing that it could gain. A few rows show most relations; more are looked at only where
these are not sure. p allows for how many other columns each was looked at with (`family`). With very many columns fewer
rows of each pair are looked at, so that the look costs no more than a fit; pairs of columns with the same rows share
their draws (`dependence_evidence`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from kuamo.core.messages import Note
from kuamo.core.threads import single_threaded_blas
from kuamo.metrics.data_quality import Packed
from kuamo.metrics.dependence.family_wise import Family, family
from kuamo.metrics.dependence.paired_sample import iter_pairs, unique_rows
from kuamo.metrics.dependence.permutation_test import dependence_evidence, dependence_test

__all__ = ["LEVEL", "Screening", "screen", "unrelated_columns"]

FEW, MANY = 300, 1000  # rows of a pair, at most, at first and where that does not decide
FEWEST_ROWS = 120  # at first, however many pairs there are
FIRST, SECOND = 1e6, 2e6  # pairs × rows² of all pairs together: what a look costs
DRAWS, MANY_PAIRS = (200, 100), 3  # of pairings; fewer where there are more pairs, since p of a family needs no more
SURE, MORE = 0.01, 1.3  # p that needs no second look; times as many rows as a second look must have
FEWEST = 40  # groups, below which too little would be found to act by it


@dataclass(frozen=True)
class Screening:
    """What to do.

    Args:
        unrelated: columns that join last. none_related: no two columns look related. notes: both, in words.
        relations: facts of every two columns, as a `Diagnosis` has them: names, rows, p among all pairs.
    """

    unrelated: list[str]
    none_related: bool
    notes: list[Note]
    relations: list[dict[str, Any]]


@dataclass(frozen=True, eq=False)
class TestablePair:
    """Paired rows of two columns that can be tested: features (n, D), groups (n,), rows (n,) of the table."""

    x: np.ndarray
    y: np.ndarray
    group: np.ndarray
    row: np.ndarray

    @property
    def grouped(self) -> bool:
        """Does any group have several rows?"""
        return len(np.unique(self.group)) < len(self.group)


@single_threaded_blas()
def screen(cells: Packed, groups: np.ndarray, seed: int) -> Screening:
    """Look at every two columns.

    Args:
        cells: column → (features (n, D), row (n,)). groups: (N,) numbers. seed: of rows and pairings.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> x, noise, row = rng.normal(size=(100, 4)), rng.normal(size=(100, 4)), np.arange(100)
        >>> screen({"a": (x, row), "b": (x + noise, row), "c": (rng.normal(size=(100, 4)), row)}, row, 0).unrelated
        ['c']
    """
    able: dict[tuple[str, str], TestablePair] = {}
    relations: list[dict[str, Any]] = []
    for a, b, x, y, group, row in iter_pairs(unique_rows(cells, groups)[0], groups):
        relations.append({"a": a, "b": b, "rows": len(x), "p": None})
        if len(np.unique(group)) >= FEWEST and (x != x[:1]).any() and (y != y[:1]).any():
            able[a, b] = TestablePair(x, y, group, row)
    found = two_stage_p_values(able, seed)
    for one in relations:
        one["p"] = found.pairs.get((one["a"], one["b"]))
    last = unrelated_columns(found)
    notes = [Note("advice_unrelated", column=name, p=found.columns[name]) for name in last]
    none_related = bool(able) and found.any > LEVEL
    if none_related:
        notes.append(Note("advice_none_related", p=found.any))
    return Screening(last, none_related, [Note("advice_followed", what=note) for note in notes], relations)


def two_stage_p_values(able: Mapping[tuple[str, str], TestablePair], seed: int) -> Family:
    """p-values by few rows, and by more of them for columns where these do not decide.

    That no two columns are related is judged by one look alone, the first if p ≤ .01 and else the second: choosing
    for each pair the look that says more would call unrelated columns related in .11 of tables instead of .06.
    """
    rows, draws = max(rows_for(len(able), FIRST, FEW), FEWEST_ROWS), DRAWS[len(able) > MANY_PAIRS]
    evidence = evidence_of_pairs(able, rows, draws, seed)
    first = family(evidence)
    some = first.any <= SURE
    open_ = {name for name, p in first.columns.items() if p > SURE or not some}
    again = [pair for pair in able if open_.intersection(pair)]
    more = rows_for(len(again), SECOND, MANY)
    larger = {pair: able[pair] for pair in again if min(more, len(able[pair].x)) >= MORE * rows}
    if not larger:
        return first
    second = family(evidence | evidence_of_pairs(larger, more, draws, seed + 1))
    columns = {name: second.columns[name] if name in open_ else p for name, p in first.columns.items()}
    return Family(second.pairs, columns, first.any if some else second.any)


def evidence_of_pairs(
    pairs: Mapping[tuple[str, str], TestablePair], rows: int, draws: int, seed: int
) -> dict[tuple[str, str], np.ndarray]:
    """`Related.evidence` of at most so many rows of each pair; pairs that have the same rows are tested together."""
    together: dict[bytes, dict[tuple[str, str], TestablePair]] = {}
    found: dict[tuple[str, str], np.ndarray] = {}
    for pair, one in pairs.items():
        if one.grouped:
            found[pair] = dependence_test(one.x, one.y, one.group, draws=draws, rows=rows, seed=seed).evidence
        else:
            together.setdefault(one.row.tobytes(), {})[pair] = one
    for those in together.values():
        columns = {a: one.x for (a, _), one in those.items()} | {b: one.y for (_, b), one in those.items()}
        found |= dependence_evidence(columns, those, draws=draws, rows=rows, seed=seed)
    return {pair: found[pair] for pair in pairs}


def rows_for(pairs: int, budget: float, most: int) -> int:
    """How many rows of every pair can be looked at.

    Example:
        >>> rows_for(1, 1e6, 300), rows_for(66, 1e6, 300)
        (300, 123)
    """
    return min(most, int(np.sqrt(budget / max(pairs, 1))))


LEVEL = 0.05  # p at which two columns are called related


def unrelated_columns(p: Family) -> list[str]:
    """Columns that look related to no other one, where at least two others do look related.

    Where nothing looks related among all pairs, none is parted from the others by what one column's own p says.

    Example:
        >>> unrelated_columns(Family({}, {"a": 0.005, "b": 0.005, "c": 0.08}, 0.005))
        ['c']
        >>> unrelated_columns(Family({}, {"a": 0.04, "b": 0.4}, 0.1))
        []
    """
    return [name for name, value in p.columns.items() if value > LEVEL] if p.any <= LEVEL else []
