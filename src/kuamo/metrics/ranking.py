"""Ranks of the right answers, in tiles: memory is tile × gallery, never queries × gallery.

rank_i = 1 + #{j wrong: s_ij > s_i+} + ½ #{j wrong: s_ij = s_i+},    s_i+ the best score of a right answer
R@k = mean [rank ≤ k],   median rank
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["Interval", "bootstrap", "median_rank", "ranks", "recall"]

TILE = 512


@dataclass(frozen=True)
class Interval:
    """A value, its 95 % bootstrap interval, and the number of queries behind it."""

    value: float
    low: float
    high: float
    n: int


def ranks(
    queries: np.ndarray, gallery: np.ndarray, query_key: np.ndarray, gallery_key: np.ndarray, tile: int = TILE
) -> np.ndarray:
    """Rank (n,) of each query's best right answer; an answer is right where the keys are equal.

    Args:
        queries: (n, d). gallery: (m, d), compared by dot product.
        query_key, gallery_key: (n,) and (m,). A query whose key is nowhere in the gallery gets rank NaN.

    Example:
        >>> ranks(np.eye(3), np.eye(3)[[1, 0, 2]], np.arange(3), np.array([1, 0, 2]))
        array([1., 1., 1.])
    """
    out = np.empty(len(queries))
    for start in range(0, len(queries), tile):
        scores = queries[start : start + tile] @ gallery.T
        right = query_key[start : start + tile, None] == gallery_key[None]
        best = np.where(right, scores, -np.inf).max(axis=1, keepdims=True)
        above = (~right & (scores > best)).sum(axis=1)
        level = (~right & (scores == best)).sum(axis=1)
        out[start : start + tile] = np.where(right.any(axis=1), 1 + above + level / 2, np.nan)
    return out


def recall(rank: np.ndarray, k: int) -> float:
    """R@k: the share of queries whose right answer is among the first k.

    Example:
        >>> recall(np.array([1, 3, 20]), 10).__round__(2)
        0.67
    """
    return float((rank <= k).mean())


def median_rank(rank: np.ndarray) -> float:
    """The median of the ranks."""
    return float(np.median(rank))


def bootstrap(samples: np.ndarray, statistic: str = "mean", *, draws: int = 1000, seed: int = 0) -> Interval:
    """A 95 % percentile interval by resampling queries.

    Args:
        samples: (n,) one number for each query. statistic: `"mean"` or `"median"`.

    References:
        An Introduction to the Bootstrap, B. Efron and R. Tibshirani, 1993.

    Example:
        >>> bootstrap(np.ones(10)).low
        1.0
    """
    reduce: Any = {"mean": np.mean, "median": np.median}[statistic]
    rng = np.random.default_rng(seed)
    size = len(samples)
    values = np.empty(draws)
    step = max(1, 2_000_000 // max(size, 1))
    for start in range(0, draws, step):
        chosen = rng.integers(0, size, size=(min(step, draws - start), size))
        values[start : start + step] = reduce(samples[chosen], axis=1)
    low, high = np.quantile(values, [0.025, 0.975])
    return Interval(float(reduce(samples)), float(low), float(high), size)
