"""Evaluate: how well each column finds each other column in a table."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from kuamo.errors import TableError
from kuamo.features import length_note
from kuamo.metrics import bootstrap, ranks
from kuamo.report import Report
from kuamo.space import Space, check_columns
from kuamo.table import Table

__all__ = ["evaluate"]


def evaluate(
    space: Space,
    table: Table,
    *,
    cutoffs: Sequence[int] = (1, 5, 10),
    positives: str = "row",
    progress: Callable[[str, int, int], None] | None = None,
) -> Report:
    """Recall@k and median rank for every ordered pair of columns, with 95 % bootstrap intervals over queries.

    Queries are the rows that have both columns; the gallery is every row that has the target.

    Args:
        space: fitted. table: rows that it has not seen.
        cutoffs: the k of R@k.
        positives: what counts as a right answer: the same `"row"`, `"group"` or `"label"`.

    Returns:
        Report with `image_to_text_R@10`, `image_to_text_median_rank`, …

    Raises:
        TableError: fewer than two of the space's columns, no paired row, or unknown positives.

    Example:
        >>> import kuamo as km
        >>> train, test = km.datasets.toy(rows=600, seed=0).split(test=100, seed=0)
        >>> km.evaluate(km.fit(train, seed=0), test)["a_to_b_R@10"] > 0.5
        True
    """
    check_columns(space.ports, table)
    key = _keys(table, positives)
    names = [port.name for port in space.ports if port.name in table.columns]
    codes = {name: space.column_codes(table, name, progress=progress) for name in names}
    intervals = {}
    for a in names:
        for b in names:
            (code_a, row_a), (code_b, row_b) = codes[a], codes[b]
            both = np.isin(row_a, row_b)
            if a == b or not both.any():
                continue
            query, gallery = space.comparable(code_a)[both], space.comparable(code_b)
            rank = ranks(query, gallery, key[row_a[both]], key[row_b])
            for k in cutoffs:
                intervals[f"{a}_to_{b}_R@{k}"] = bootstrap((rank <= k).astype(float))
            intervals[f"{a}_to_{b}_median_rank"] = bootstrap(rank, "median")
    if not intervals:
        raise TableError(f"given no row with two of the columns {names}; expected at least one")
    notes = table.skipped() + [note for name in names if (note := length_note(table, name, space.port(name).encoder))]
    return Report(f"{len(table):,} rows of {table.source}, gallery = all of them; [95 % interval]", intervals, notes)


def _keys(table: Table, positives: str) -> np.ndarray:
    if positives == "row":
        return np.arange(len(table))
    known: dict[str, Sequence[object] | None] = {"group": table.groups, "label": table.labels}
    keys = known.get(positives)
    if keys is None:
        raise TableError(f"given positives={positives!r}; expected 'row', 'group', or 'label' where the table has one")
    return np.unique(np.asarray([str(key) for key in keys]), return_inverse=True)[1]
