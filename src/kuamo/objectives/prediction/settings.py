"""What the parts of a prediction's fit know of the objective that they serve."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np

from kuamo.core.types import Packed
from kuamo.embedding.space import EmbeddingSpace

__all__ = ["PredictSettings"]


class PredictSettings(Protocol):
    """`Predict`, as far as its parts ask: the target, the shares of rows and steps, and how much each row counts."""

    @property
    def to(self) -> str:
        """The column that is predicted."""

    @property
    def corruption(self) -> float:
        """Share of the rows of which a cell is mixed with noise."""

    @property
    def calibration_share(self) -> float:
        """Share of the groups that are held out of what is learned first."""

    @property
    def final_share(self) -> float:
        """Share of the steps in which all rows are learned from."""

    @property
    def balanced(self) -> bool:
        """Does every class count the same?"""

    def of_rows(self, rows: np.ndarray) -> np.ndarray:
        """(n,) how much these rows of the table count."""

    def regression(self, space: EmbeddingSpace, cells: Packed, marks: Mapping[str, np.ndarray], kind: Any) -> Any:
        """The rows that have the target and a frozen column, columns side by side."""
