"""Percentiles: the scores of different pairs of columns, made comparable.

A text's score with a picture and with another text live on different scales. For each ordered pair (query column a,
target column b) the null is the distribution of scores between cells that do not belong together:

    surprise(s) = −ln P(score of a random mismatched pair ≥ s)          percentile(s) = 100 (1 − e^−surprise)

The distribution is kept as a sketch: surprises at about a hundred quantiles, denser in the tails, with an exponential
tail beyond the last one: surprise grows strictly with the score, and hits beyond every sampled pair stay ordered.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["NullDistribution", "mismatched_scores", "percentile", "sample_key"]

SAMPLE_ROWS = 512  # rows on each side: up to 262,144 pairs, a null that reaches down to about 4e-6


@dataclass(frozen=True, eq=False)
class NullDistribution:
    """The sketch of one null distribution.

    Args:
        scores: (q,) ascending quantiles. surprises: (q,) −ln of the share of scores above each.
        below, above: lengths of the exponential tails on both sides.

    Example:
        >>> null = NullDistribution.of(np.random.default_rng(0).standard_normal(10_000))
        >>> bool(abs(percentile(null.surprise(np.array([0.0])))[0] - 50) < 2)
        True
    """

    scores: np.ndarray
    surprises: np.ndarray
    below: float
    above: float

    @classmethod
    def of(cls, scores: np.ndarray) -> NullDistribution | None:
        """The sketch of a sample of scores; `None` of no scores."""
        n = scores.size
        if n == 0:
            return None
        ordered = np.sort(scores.ravel().astype(np.float64))
        ends = np.geomspace(1, max(n / 2, 1), 40) - 1
        ranks = np.unique(np.concatenate([np.linspace(0, n - 1, 65), ends, n - 1 - ends]).round().astype(int))
        knots, last = np.unique(ordered[ranks], return_index=True)
        survival = (n - ranks[last] - 0.5) / n
        tail, floor = max(n // 100, 1), 1e-9 + 1e-6 * float(np.abs(ordered).max())
        above = max(float(np.mean(ordered[-tail:] - ordered[-tail])), floor)
        below = max(float(np.mean(ordered[tail - 1] - ordered[:tail])), floor)
        return cls(knots, -np.log(survival), below, above)

    def surprise(self, scores: np.ndarray) -> np.ndarray:
        """−ln P(null ≥ score), strictly increasing in the score, ≥ 0."""
        scores = np.asarray(scores, dtype=np.float64)
        inside = np.interp(scores, self.scores, self.surprises)
        beyond = np.maximum(scores - self.scores[-1], 0) / self.above
        before = np.exp(np.minimum(scores - self.scores[0], 0) / self.below)
        return inside * before + beyond

    def scaled(self, factor: float) -> NullDistribution:
        """The null of scores that are `factor` times as large."""
        return NullDistribution(self.scores * factor, self.surprises, self.below * factor, self.above * factor)

    def to_dict(self) -> dict[str, Any]:
        """As plain data."""
        return {
            "scores": self.scores.tolist(),
            "surprises": self.surprises.tolist(),
            "below": self.below,
            "above": self.above,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> NullDistribution:
        """The inverse of `plain`."""
        scores, surprises = (np.asarray(data[name], np.float64) for name in ("scores", "surprises"))
        return cls(scores, surprises, float(data["below"]), float(data["above"]))


def percentile(surprise: np.ndarray) -> np.ndarray:
    """100 (1 − e^−surprise): how many per cent of the null's scores are lower."""
    return -100 * np.expm1(-np.asarray(surprise))


def mismatched_scores(
    queries: np.ndarray, query_groups: Sequence[np.ndarray], targets: np.ndarray, target_groups: np.ndarray
) -> np.ndarray:
    """Scores of all pairs that do not belong together.

    Args:
        queries: (n, d). query_groups: one (n,) array of group names for each row that a query is made of.
        targets: (m, d). target_groups: (m,).
    """
    apart = np.ones((len(queries), len(targets)), dtype=bool)
    for groups in query_groups:
        apart &= groups[:, None] != target_groups[None]
    return (queries @ targets.T)[apart]


def sample_key(name: str) -> bytes:
    """Rows whose keys are lowest are the sample: it depends on the ids alone, not on the order of additions."""
    return hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=8).digest()
