"""The correction of a column's queries for hubness, as a space keeps it: a bank of training queries, and β.

    q' = [q, 1],   g' = [g, −h(g)]          their dot product is s(q, g) − h(g), see `kuamo.closed_form.hubness`

Answers are encoded once and hold one h for each asking column that is corrected, so rows can be added to an index at
any time; a query of several columns asks for the weighted mean of their h.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from kuamo.closed_form.hubness import TILE_SCORES, hubness

__all__ = ["HubnessCorrection"]


@dataclass(frozen=True, eq=False)
class HubnessCorrection:
    """h of answers to the queries of one column.

    Args:
        beta: β > 0, in units of 1 / score.
        bank: (m, d) codes of training cells of the column, as the space compares them.

    Example:
        >>> HubnessCorrection(1.0, np.eye(2, dtype=np.float32))(np.ones((1, 2), np.float32))
        array([1.], dtype=float32)
    """

    beta: float
    bank: np.ndarray

    def __call__(self, answers: np.ndarray) -> np.ndarray:
        """h (n,) of codes (n, d), a tile of scores at a time."""
        size = max(1, TILE_SCORES // len(self.bank))
        found = [
            hubness(self.bank @ answers[start : start + size].T, self.beta) for start in range(0, len(answers), size)
        ]
        return np.concatenate(found or [np.zeros(0)]).astype(np.float32)

    def config(self) -> dict[str, Any]:
        """The plain part of its stored form."""
        return {"beta": self.beta}

    def arrays(self) -> dict[str, np.ndarray]:
        """The rest of it."""
        return {"bank": self.bank}

    @classmethod
    def from_arrays(cls, config: dict[str, Any], arrays: dict[str, np.ndarray]) -> HubnessCorrection:
        """The inverse of `config` and `arrays`."""
        return cls(float(config["beta"]), arrays["bank"])
