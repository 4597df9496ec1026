"""What the steps of one fit share: how it runs, and the data as they are prepared for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from kuamo.core.arrays import entries_in_rows, factorize
from kuamo.core.types import Progress
from kuamo.data.table import Table
from kuamo.training.config import Training
from kuamo.training.run_folder import RunFolder

__all__ = ["Prepared", "PreviewCallback", "Run"]

PreviewCallback = Callable[[str, float, list[Any], list[list[Any]]], None]
"""Column, share of the training that is done, held-out cells, and what is generated for each."""


@dataclass(frozen=True)
class Run:
    """How a fit runs.

    Args:
        seed: of everything random. training: how long and how; `None` for what suits the rows.
        folder: where states are saved and resumed from. progress, on_preview: see `kuamo.fit`.
    """

    seed: int = 0
    training: Training | None = None
    folder: RunFolder | None = None
    progress: Progress | None = None
    on_preview: PreviewCallback | None = None


@dataclass(frozen=True, eq=False)
class Prepared:
    """A table with features of its columns.

    Args:
        table: the rows. cells: column → the features (n, D) of its entries, and the row (n,) of each.
    """

    table: Table
    cells: dict[str, tuple[np.ndarray, np.ndarray]]

    def some(self, most: int) -> Prepared:
        """So many rows at most, spread over the table."""
        count = len(self.table)
        rows = np.unique(np.linspace(0, count - 1, min(most, count)).astype(np.int64))
        cells = {}
        for name, (x, row) in self.cells.items():
            entry, place = entries_in_rows(row, rows)
            cells[name] = x[entry], place
        return Prepared(self.table.take(rows), cells)

    @cached_property
    def split_group(self) -> np.ndarray:
        """(N,) the number of each row's group; no split parts the rows of one."""
        return np.unique(np.asarray(self.table.groups), return_inverse=True)[1]

    @cached_property
    def match_keys(self) -> dict[str, np.ndarray]:
        """ "group", and "label" where the table has labels → (N,) whole numbers, −1 where a row has none.

        Rows of one number are positives of each other, where the objective goes by this kind.
        """
        kinds = {"group": self.table.groups} | ({} if self.table.labels is None else {"label": self.table.labels})
        return {kind: factorize(values) for kind, values in kinds.items()}
