"""What a fit refuses before it works."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from typing import Any

import numpy as np

from kuamo.core.arrays import is_absent, row_means
from kuamo.core.errors import TableError
from kuamo.core.types import Packed
from kuamo.data.table import Table
from kuamo.embedding.space import BLOCK_ROWS
from kuamo.objectives import Objective
from kuamo.training.objective import needs_of

__all__ = ["check_features", "check_labels", "check_table", "check_usable_columns", "same_everywhere"]


def check_table(table: Table, objective: Objective | None) -> None:
    """Refuse a table that no space can come of."""
    if len(table.columns) < 2:
        raise TableError(f"given the columns {list(table.columns)}; expected at least two")
    needs, present = needs_of(objective), table.present()
    if "pairs" in needs and not (present.sum(axis=1) >= 2).any():
        raise TableError(f"given {len(table)} rows, none with two columns present; expected paired rows")
    if "unpaired" in needs and not any(
        (a & ~b).any() and (b & ~a).any() for a, b in combinations(present.T, 2)
    ):  # a plan has two sides
        raise TableError(
            f"given {len(table)} rows, and no two columns that each have cells without the other; expected unpaired "
            f"rows of both, or an objective of pairs alone"
        )
    if "labels" in needs:
        check_labels(table)


def check_labels(table: Table) -> None:
    """Refuse labels that are all equal or all different."""
    known = {str(label) for label in table.labels or () if not is_absent(label)}
    if not known:
        raise TableError(f"labels are missing in all {len(table)} rows; expected labels, which define the positives")
    if len(known) == 1:
        raise TableError(
            f"given {len(table)} rows that all have the label {known.pop()!r}; expected at least two labels"
        )


def check_features(table: Table, cells: Packed) -> None:
    """Refuse a column without a cell, and one whose cells are all the same: nothing can be aligned with it.

    Each feature is held against its own size, since they may have units of their own. Several entries of a row are one
    cell, their mean: where all rows hold the same list, all cells are the same.
    """
    for name, (x, _) in cells.items():
        if len(x) == 0:
            skipped = "; ".join(table.skipped())
            raise TableError(f"column {name!r}: no cell can be read{': ' + skipped if skipped else ''}")
        for start in range(0, len(x), BLOCK_ROWS):
            block = x[start : start + BLOCK_ROWS]
            odd = np.flatnonzero(~np.isfinite(block).all(axis=1))
            if len(odd):
                where = table.where(int(table.column(name).row[start + odd[0]]))
                raise TableError(f"column {name!r}, row {where}: its encoder gave NaN or infinity; expected numbers")
        if len(x) > 1 and same_everywhere(x, table.column(name).row):
            raise TableError(
                f"column {name!r}: given {len(x)} cells that are all the same; expected cells that differ, "
                f"or the column left out: table.select(...)"
            )


def same_everywhere(x: np.ndarray, row: np.ndarray) -> bool:
    """Has every row the same features (n, D), up to what rounding in single precision makes of equal ones?"""
    rows = np.unique(row)
    first = row_means(x, row, rows[:1])[0]
    largest = np.abs(x).max(axis=0)
    for start in range(0, len(rows), BLOCK_ROWS):
        own = row_means(x, row, rows[start : start + BLOCK_ROWS])
        if (np.abs(own - first) > 8 * np.finfo(np.float32).eps * largest).any():
            return False
    return len(rows) > 1


def check_usable_columns(table: Table, **given: Mapping[str, Any]) -> None:
    """Refuse parts for columns that are not there."""
    for role, parts in given.items():
        unknown = set(parts) - set(table.columns)
        if unknown:
            raise TableError(f"given {role} for {sorted(unknown)}; the table's columns are {list(table.columns)}")
