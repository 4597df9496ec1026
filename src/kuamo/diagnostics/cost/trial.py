"""A fit of few rows: `fit` itself, its steps timed, its loops cut short.

    features that the cache lacks are stood in for: z_row W + noise, as wide as the encoder's, equal cells alike

How long a step takes hardly depends on what the features say, but on how many and how wide they are. They are related,
so that `fit` screens no column out.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, replace

import numpy as np

from kuamo.core.memo import memo_disabled
from kuamo.core.profiling import MOST, Cost, LoopCost, collect_steps, short_loops
from kuamo.data.table import Table
from kuamo.fitting.pipeline import Arguments, fit_from_features
from kuamo.fitting.towers import copied_if_trainable
from kuamo.space import Space

__all__ = ["TrialRun", "apart", "rows_of_trial", "try_fit"]

SHARED, NOISE = 32, 0.5  # dimensions that all stand-ins share, and how much of each is its own


@dataclass(frozen=True, eq=False)
class TrialRun:
    """A fit of some rows.

    Args:
        rows: n. steps, loops: step → what it cost, and its iterations. space: what came out.
    """

    rows: int
    steps: Mapping[str, Cost]
    loops: Mapping[str, LoopCost]
    space: Space

    def outside(self, name: str) -> Cost:
        """What a step cost without the iterations of its loops."""
        cost, loop = self.steps.get(name, Cost()), self.loops.get(name, LoopCost())
        cpu, wall = cost.cpu - loop.done * loop.each.cpu, cost.wall - loop.done * loop.each.wall
        return Cost(max(0.0, cpu), max(0.0, wall), cost.memory or 0.0)


def try_fit(
    table: Table, rows: np.ndarray, widths: Mapping[str, int], given: Arguments, keep: bool = False
) -> TrialRun:
    """Fit these rows.

    Args:
        widths: column → D, where features are stood in for. keep: is what its search finds kept for a later fit?
    """
    some = apart(table, rows)
    cells = stand_ins(some, widths, given.seed)
    encoders = {name: copied_if_trainable(encoder) for name, encoder in given.encoders.items()}
    short = given.training and replace(given.training, steps=min(given.training.steps, MOST), at_most=False)
    with memo_disabled(not keep), short_loops("closed form" if keep else "") as loops, collect_steps() as steps:
        decoders, codecs = deepcopy(dict(given.decoders)), deepcopy(dict(given.codecs))
        few = replace(given, encoders=encoders, decoders=decoders, codecs=codecs, training=short)
        space = fit_from_features(some, cells, few)
    return TrialRun(len(rows), steps, loops, space)


def apart(table: Table, rows: np.ndarray) -> Table:
    """These rows; a cell of them that cannot be read does not leave the table."""
    some = table.take(rows)
    for column in some.columns.values():
        column.detach()
    return some


def stand_ins(table: Table, widths: Mapping[str, int], seed: int) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Column → features (n, D) of its entries, and the row (n,) of each.

    Rows that have the same in the column with the fewest contents share z, so that it is related to the others.

    Example:
        >>> import kuamo as km
        >>> cells = stand_ins(km.Table({"a": ["one", "two", "one"], "b": ["x", "y", "z"]}), {"a": 5, "b": 4}, 0)
        >>> x, row = cells["a"]
        >>> x.shape, row.tolist(), bool((x[0] == x[2]).all()), bool((x[0] == x[1]).all())
        ((3, 5), [0, 1, 2], True, False)
    """
    contents = {name: table.column(name).distinct() for name in widths}
    z = np.random.default_rng([seed, 1]).standard_normal((len(table), SHARED), dtype=np.float32)
    if contents:
        name = min(contents, key=lambda one: len(contents[one][0]))
        z[table.column(name).row] = z[table.column(name).row[contents[name][0][contents[name][1]]]]
    cells = {}
    for place, (name, width) in enumerate(widths.items()):
        row, (first, which) = table.column(name).row, contents[name]
        own = np.random.default_rng([seed, 2, place])
        mixed = z[row[first]] @ own.standard_normal((SHARED, width), dtype=np.float32) / np.sqrt(SHARED)
        noise = NOISE * own.standard_normal((len(first), width), dtype=np.float32)
        cells[name] = ((mixed + noise).astype(np.float32)[which], row)
    return cells


def rows_of_trial(table: Table, count: int, seed: int) -> np.ndarray:
    """So many rows at random, an eighth of them at least with two columns; all where there are no more.

    Example:
        >>> import kuamo as km
        >>> rows_of_trial(km.datasets.toy(20), 5, 0).size
        5
    """
    if count >= len(table):
        return np.arange(len(table))
    present = table.present().sum(1)
    order = np.random.default_rng([seed, 3]).permutation(len(table))
    paired = order[present[order] >= 2][: max(4, count // 8)]
    others = np.setdiff1d(order, paired, assume_unique=True)
    return np.sort(np.concatenate([paired, np.random.default_rng([seed, 4]).permutation(others)])[:count])
