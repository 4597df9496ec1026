"""Coverage: which cells are there, which columns meet in a row, and how even the classes are.

n_m = rows that have column m,   n_ab = rows that have both,   evenness of K classes = exp(−Σ p_k log p_k) / K
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any

import numpy as np

from kuamo.core.arrays import is_absent
from kuamo.core.errors import CellError
from kuamo.core.findings import Finding, finding
from kuamo.data.modalities import Category
from kuamo.data.table import Table

__all__ = ["ClassBalance", "ColumnCoverage", "Coverage", "coverage", "coverage_facts", "coverage_findings", "skew"]

RARE = 4  # a column is rare if the fullest has more than so many times its rows; as in `kuamo.fitting.rare_columns`
FEW_PAIRS = 100
MANY = 3  # pairs: of more, one sentence for all
FEW_ROWS_OF_A_CLASS = 5
SKEWED = 5  # the largest class has so many times the rows of the smallest
PATTERNS = 12  # that are shown


@dataclass(frozen=True)
class ColumnCoverage:
    """A column's cells: its kind, the rows that have it, its values (a row may have several), the most of one row."""

    kind: str
    rows: int
    values: int
    most: int


@dataclass(frozen=True)
class ClassBalance:
    """Classes: how many there are, the rows of the largest and of the smallest, and how even they are, 1/K to 1."""

    classes: int
    rows: int
    largest: int
    smallest: int
    largest_name: str
    smallest_name: str
    evenness: float


@dataclass(frozen=True)
class Coverage:
    """What is there.

    Args:
        rows, groups: N, and how many groups they are in. columns: by name.
        pairs: (a, b, rows that have both). patterns: (columns that are there, rows that have just these), the most
            frequent first. skews: of the label (as "label") and of each column of classes.
    """

    rows: int
    groups: int
    columns: dict[str, ColumnCoverage]
    pairs: list[tuple[str, str, int]]
    patterns: list[tuple[tuple[str, ...], int]]
    skews: dict[str, ClassBalance]


def coverage(table: Table) -> Coverage:
    """Count what a table has; no cell is decoded but those of classes.

    Example:
        >>> found = coverage(Table({"text": ["a", "b", "c"], "pose": [None, np.ones(2), np.ones(2)]}))
        >>> found.pairs, found.columns["pose"].rows, found.patterns[-1]
        ([('text', 'pose', 2)], 2, (('text',), 1))
    """
    present = table.present()
    names = list(table.columns)
    columns = {}
    for name, column in table.columns.items():
        count = np.unique(column.row, return_counts=True)[1]
        kind = type(column.modality).__name__
        columns[name] = ColumnCoverage(kind, len(count), len(column.row), int(count.max()) if len(count) else 0)
    pairs = [
        (names[a], names[b], int((present[:, a] & present[:, b]).sum())) for a, b in combinations(range(len(names)), 2)
    ]
    which, count = np.unique(present, axis=0, return_counts=True)
    order = sorted(range(len(count)), key=lambda i: (-count[i], (~which[i]).tolist()))
    patterns = [(tuple(n for n, there in zip(names, which[i]) if there), int(count[i])) for i in order]
    skews = {} if table.labels is None else {"label": skew(each for each in table.labels if not is_absent(each))}
    for name, column in table.columns.items():
        if isinstance(column.modality, Category):
            skews[name] = skew(value for _, value in table.try_values(name) if not isinstance(value, CellError))
    return Coverage(
        len(table), len(set(table.groups)), columns, pairs, patterns, {name: one for name, one in skews.items() if one}
    )


def skew(values: Iterable[Any]) -> ClassBalance | None:
    """How uneven classes are; `None` where there is none.

    Example:
        >>> skew(["cat"] * 9 + ["dog"]).largest, round(skew("abab").evenness, 3)
        (9, 1.0)
    """
    count = Counter(map(str, values))
    if not count:
        return None
    ordered = count.most_common()
    share = np.array([n for _, n in ordered]) / count.total()
    evenness = float(np.exp(-(share * np.log(share)).sum()) / len(share))
    (largest, most), (smallest, least) = ordered[0], ordered[-1]
    return ClassBalance(len(share), count.total(), most, least, largest, smallest, evenness)


def coverage_findings(found: Coverage) -> list[Finding]:
    """What to know of it, in words."""
    said = [finding("look", "diagnosis_groups", rows=found.rows, groups=found.groups)] * (found.groups < found.rows)
    fullest = max((column.rows for column in found.columns.values()), default=0)
    for name, column in found.columns.items():
        if RARE * column.rows < fullest:
            said.append(finding("look", "diagnosis_rare", column=name, count=column.rows, given=found.rows))
    linked = links(found)
    few: list[tuple[int, str, str]] = []
    for a, b, count in found.pairs:
        if count == 0:
            through = [c for c in found.columns if {frozenset((a, c)), frozenset((b, c))} <= linked]
            if through:
                said.append(finding("look", "diagnosis_through", a=a, b=b, c=through[0]))
            else:
                said.append(finding("bad", "diagnosis_never", a=a, b=b))
        elif count < FEW_PAIRS:
            few.append((count, a, b))
    few.sort()
    if len(few) > MANY:
        count, a, b = few[0]
        said.append(finding("look", "diagnosis_many_few", count=len(few), most=FEW_PAIRS, few=count, a=a, b=b))
    else:
        said += [finding("look", "diagnosis_few_pairs", a=a, b=b, count=count) for count, a, b in few]
    for name, one in found.skews.items():
        rare = one.smallest < FEW_ROWS_OF_A_CLASS and one.classes < one.rows / FEW_ROWS_OF_A_CLASS
        if one.largest >= SKEWED * one.smallest or rare:
            ends = {"most": one.largest_name, "many": one.largest, "least": one.smallest_name, "few": one.smallest}
            said.append(finding("look", "diagnosis_skew", column=name, count=one.classes, **ends))
    alone = sum(count for there, count in found.patterns if len(there) == 1)
    empty = sum(count for there, count in found.patterns if not there)
    if alone:
        said.append(finding("look", "diagnosis_alone", count=alone, share=alone / found.rows))
    if empty:
        said.append(finding("bad", "diagnosis_empty", count=empty))
    return said or [whole_rows(found)]


def whole_rows(found: Coverage) -> Finding:
    """How many rows have every column, where nothing else is to be said of what is there."""
    full = sum(count for there, count in found.patterns if len(there) == len(found.columns))
    if full == found.rows:
        return finding("good", "diagnosis_full", rows=found.rows, count=len(found.columns))
    return finding("good", "diagnosis_mostly", full=full, rows=found.rows, count=len(found.columns))


def coverage_facts(found: Coverage) -> dict[str, Any]:
    """The same as plain data."""
    return {
        "groups": found.groups,
        "columns": {name: asdict(one) for name, one in found.columns.items()},
        "pairs": [{"a": a, "b": b, "rows": count} for a, b, count in found.pairs],
        "patterns": [{"columns": list(those), "rows": count} for those, count in found.patterns[:PATTERNS]],
        "skews": {name: asdict(one) for name, one in found.skews.items()},
    }


def links(found: Coverage) -> set[frozenset[str]]:
    """The pairs of columns that have rows in common."""
    return {frozenset((a, b)) for a, b, count in found.pairs if count}
