"""Intervals by resampling: rows of one group are drawn together, since they are not independent.

draw G groups with replacement, w_g = times that group g was drawn
mean* = Σ_g w_g Σ_{i in g} x_i / Σ_g w_g n_g,    median* = median of the x_i, each taken w_g(i) times
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from kuamo.errors import KuamoError

__all__ = ["Interval", "bootstrap", "bootstrap_all", "clusters", "resample"]

BLOCK = 1_000_000  # numbers at a time
DRAWS = 1000


@dataclass(frozen=True)
class Interval:
    """A value, its 95 % bootstrap interval, and the number of queries behind it."""

    value: float
    low: float
    high: float
    n: int


def bootstrap(
    samples: np.ndarray,
    statistic: str = "mean",
    *,
    groups: Sequence[Any] | np.ndarray | None = None,
    draws: int = DRAWS,
    seed: int = 0,
) -> Interval:
    """A 95 % percentile interval by resampling groups of queries.

    Args:
        samples: (n,) one number for each query. statistic: `"mean"` or `"median"`.
        groups: (n,) what each query belongs to; each is its own if not given. Their order plays no part.

    References:
        An Introduction to the Bootstrap, B. Efron and R. Tibshirani, 1993.
        Bootstrapping Clustered Data, C. Field and A. Welsh, 2007 (the cluster bootstrap).

    Example:
        >>> bootstrap(np.ones(10)).low
        1.0
    """
    return bootstrap_all({"x": samples}, {"x": statistic}, groups=groups, draws=draws, seed=seed)["x"]


def bootstrap_all(
    samples: Mapping[str, np.ndarray],
    statistics: Mapping[str, str],
    *,
    groups: Sequence[Any] | np.ndarray | None = None,
    draws: int = DRAWS,
    seed: int = 0,
) -> dict[str, Interval]:
    """Intervals of several measures of the same n queries, from the same draws: see `bootstrap`.

    Example:
        >>> bootstrap_all({"R@1": np.ones(4), "rank": np.ones(4)}, {"R@1": "mean", "rank": "median"})["rank"].n
        4
    """
    table = np.stack([np.asarray(values, dtype=np.float64) for values in samples.values()], axis=1)
    kinds = [statistics[name] for name in samples]
    drawn = resample(table, kinds, groups=groups, draws=draws, seed=seed)
    low, high = np.quantile(drawn, [0.025, 0.975], axis=0)
    value = [np.mean(column) if kind == "mean" else np.median(column) for column, kind in zip(table.T, kinds)]
    return {
        name: Interval(float(value[j]), float(low[j]), float(high[j]), len(table)) for j, name in enumerate(samples)
    }


def resample(
    samples: np.ndarray,
    statistics: Sequence[str],
    *,
    groups: Sequence[Any] | np.ndarray | None = None,
    draws: int = DRAWS,
    seed: int = 0,
) -> np.ndarray:
    """The statistics (draws, k) of resampled groups; memory is bounded, whatever n and draws are.

    Args:
        samples: (n, k). statistics: k times `"mean"` or `"median"`. groups: (n,), see `bootstrap`.

    Raises:
        KuamoError: no sample, or another statistic.

    Example:
        >>> resample(np.ones((5, 1)), ["mean"], draws=3).ravel()
        array([1., 1., 1.])
    """
    unknown = set(statistics) - {"mean", "median"}
    if unknown or len(samples) == 0 or draws < 1:
        raise KuamoError(
            f"given {len(samples)} samples, {draws} draws and statistics {sorted(set(statistics))}; "
            "expected at least one sample and one draw, and 'mean' or 'median'"
        )
    group, size = clusters(groups, len(samples))
    means = [j for j, kind in enumerate(statistics) if kind == "mean"]
    medians = [j for j, kind in enumerate(statistics) if kind == "median"]
    sums = np.stack([np.bincount(group, samples[:, j]) for j in means], axis=1) if means else np.zeros((len(size), 0))
    order = {j: np.argsort(samples[:, j], kind="stable") for j in medians}
    out = np.empty((draws, len(statistics)))
    for where, times in _draws(len(size), len(samples), draws, seed):
        total = times @ size
        out[where, means] = times @ sums / total[:, None]
        for j in medians:
            out[where, j] = _medians(samples[order[j], j], times[:, group[order[j]]], total)
    return out


def clusters(groups: Sequence[Any] | np.ndarray | None, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Numbers (n,) of the groups in the order of their names, and how many rows each has (G,).

    Example:
        >>> clusters(["b", "a", "b"], 3)
        (array([1, 0, 1]), array([1, 2]))
    """
    if groups is None:
        return np.arange(n), np.ones(n, dtype=np.int64)
    if len(groups) != n:
        raise KuamoError(f"given {len(groups)} groups; expected one for each of {n} samples")
    _, group, size = np.unique(np.asarray(groups), return_inverse=True, return_counts=True)
    return group, size


def _draws(groups: int, rows: int, draws: int, seed: int) -> Iterator[tuple[slice, np.ndarray]]:
    """Blocks of draws: which they are, and how often each group was drawn (B, G)."""
    rng = np.random.default_rng(seed)
    step = max(1, BLOCK // rows)
    for start in range(0, draws, step):
        size = min(step, draws - start)
        chosen = rng.integers(0, groups, size=(size, groups)) + groups * np.arange(size)[:, None]
        times = np.bincount(chosen.ravel(), minlength=size * groups).reshape(size, groups)
        yield slice(start, start + size), times.astype(np.float64)


def _medians(ascending: np.ndarray, times: np.ndarray, total: np.ndarray) -> np.ndarray:
    """Medians (B,) of ascending values (n,), each taken `times` (B, n) times."""
    upto = times.cumsum(axis=1)
    lower = (upto < ((total + 1) // 2)[:, None]).sum(axis=1)
    upper = (upto < (total // 2 + 1)[:, None]).sum(axis=1)
    return (ascending[lower] + ascending[upper]) / 2
