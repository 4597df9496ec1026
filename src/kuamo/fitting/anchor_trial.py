"""Are columns that share a space to be the anchor of all others? A trial on held-out rows decides.

With few pairs a joint fit loses what is known of the anchor; with many it finds what a column shares with one of the
anchor's columns alone, which has no place in the anchor's space.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from kuamo.closed_form.cca_search import reciprocal_ranks
from kuamo.closed_form.folds import as_labels, fold_of_rows
from kuamo.core.arrays import row_means
from kuamo.core.errors import KuamoError
from kuamo.core.types import Packed
from kuamo.fitting.shared_spaces import SharedColumns
from kuamo.space import Space

__all__ = ["AnchorTrial", "compare_anchor"]

FOLDS, GROUPS, ROWS = 5, 60, 2000  # of which one is held out; fewest groups; most rows


@dataclass(frozen=True)
class AnchorTrial:
    """Mean reciprocal rank of held-out rows over every two columns: with an anchor, and of a joint fit; the rows."""

    anchored: float
    joint: float
    rows: int

    @property
    def gains(self) -> bool:
        """Is the anchor at least as good?"""
        return self.anchored >= self.joint


Solve = Callable[[Space, Packed, SharedColumns | None], None]
"""Give a space heads by some rows, with an anchor or jointly."""


def compare_anchor(
    space: Space,
    cells: Packed,
    shared: SharedColumns,
    paired: np.ndarray,
    split_group: np.ndarray,
    seed: int,
    solve: Solve,
) -> AnchorTrial | None:
    """Fits of the rows outside one fold, judged by the fold's; `None` where rows are too few to tell.

    Args:
        paired: the rows that have two columns. split_group: (N,) rows of one stay together.
    """
    if len(np.unique(split_group[paired])) < GROUPS:
        return None
    fold = fold_of_rows(len(paired), FOLDS, seed, as_labels(split_group[paired], len(paired)))
    held, seen = paired[fold == 0][:ROWS], paired[fold != 0][:ROWS]
    scores = []
    for anchor in (shared, None):
        trial = Space([replace(port) for port in space.ports])
        try:
            solve(trial, entries_of(cells, seen), anchor)
        except KuamoError:  # a column that too few of these rows have
            return None
        scores.append(mean_rank_of_pairs(trial, entries_of(cells, held), split_group))
    return AnchorTrial(scores[0], scores[1], len(held))


def entries_of(cells: Packed, rows: np.ndarray) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """The entries of some rows."""
    kept = {name: np.isin(row, rows) for name, (_, row) in cells.items()}
    return {name: (x[kept[name]], row[kept[name]]) for name, (x, row) in cells.items()}


def mean_rank_of_pairs(space: Space, cells: Packed, split_group: np.ndarray) -> float:
    """Mean reciprocal rank of rows, over every two columns and both directions."""
    ranks = []
    for a, b in combinations(cells, 2):
        (x, row_x), (y, row_y) = cells[a], cells[b]
        rows = np.intersect1d(row_x, row_y)
        if len(rows) > 1:
            u = np.asarray(space.port(a).head(row_means(x, row_x, rows)))
            v = np.asarray(space.port(b).head(row_means(y, row_y, rows)))
            same = split_group[rows][:, None] == split_group[rows]
            ranks.append(float(np.mean(reciprocal_ranks(u @ v.T, same))))
    return float(np.mean(ranks))
