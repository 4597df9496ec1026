"""Intervals: of shares by Wilson's formula, of all else by resampling groups of rows, which are not independent.

share p of n′   (p + z²/2n′ ± z √(p (1 − p)/n′ + z²/4n′²)) / (1 + z²/n′),      n′ = p (1 − p)/V_groups(p), at most n
mean            BCa: quantiles of mean* at Φ(b + (b + z)/(1 − a (b + z))),  b from how many mean* lie below, a from skew
score in [0, 1] the same, with a query of 0 and a query of 1 beside those that are there, each a group of its own
median          quantiles of median* at .025 and .975

draw G groups with replacement, w_g = times that group g was drawn
mean* = Σ_g w_g Σ_{i in g} x_i / Σ_g w_g n_g,    median* = median of the x_i, each taken w_g(i) times

Plain quantiles of mean* fail where few queries are right: of 50 at a share of .02 they covered it in 62 % of tables,
and said [0, 0] where none was. Of a mean of 1/r, 50 queries of which one in 50 is right, BCa covered .74: in a third of
such tables none is right, and nothing says how large a rare 1 would be. The two queries more do (.93), as in the
interval of Agresti and Coull.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from kuamo.core.errors import KuamoError

__all__ = ["Interval", "bootstrap", "bootstrap_all", "clusters", "resample", "wilson"]

BLOCK = 1_000_000  # numbers at a time
DRAWS = 1000
Z = 1.959964  # of a standard normal, 95 % lie within ± z


@dataclass(frozen=True)
class Interval:
    """A value, its 95 % interval, and the number of queries behind it."""

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
    """A 95 % interval: Wilson's of a share, where samples are 0 or 1; BCa of another mean; quantiles of a median.

    Args:
        samples: (n,) one number for each query. statistic: `"mean"`, `"score"` (a mean of numbers that can only lie in
            [0, 1]) or `"median"`.
        groups: (n,) what each query belongs to; each is its own if not given. Their order plays no part.

    References:
        An Introduction to the Bootstrap, B. Efron and R. Tibshirani, 1993 (BCa).
        Approximate Is Better than "Exact" for Interval Estimation of Binomial Proportions, A. Agresti and B. Coull,
        1998 (a 0 and a 1 more).
        Probable Inference, the Law of Succession, and Statistical Inference, E. B. Wilson, 1927.
        Interval Estimates of Survey Proportions, E. Korn and B. Graubard, 1998 (n′ of clusters).
        Bootstrapping Clustered Data, C. Field and A. Welsh, 2007 (the cluster bootstrap).

    Example:
        >>> round(bootstrap(np.ones(10)).low, 3), round(bootstrap(np.zeros(50)).high, 3)
        (0.722, 0.071)
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
    scores = [name for name in samples if statistics[name] == "score"]
    others = [name for name in samples if name not in scores]
    found: dict[str, Interval] = {}
    for names, more in ((others, 0), (scores, 2)):
        if not names:
            continue
        table = np.stack([_checked(name, samples[name], bool(more)) for name in names], axis=1)
        group, size = clusters(groups, len(table))
        table = np.concatenate([table, np.array([[0.0], [1.0]])[:more].repeat(len(names), 1)])
        group, size = np.concatenate([group, len(size) + np.arange(more)]), np.concatenate([size, np.ones(more, int)])
        kinds = ["mean" if more else statistics[name] for name in names]
        drawn = resample(table, kinds, groups=group, draws=draws, seed=seed)
        for name, kind, x, stars in zip(names, kinds, table.T, drawn.T):
            found[name] = _interval(kind, x, stars, group, size, len(x) - more)
    return {name: found[name] for name in samples}


def _checked(name: str, values: np.ndarray, score: bool) -> np.ndarray:
    x = np.asarray(values, dtype=np.float64)
    if score and not ((x >= 0) & (x <= 1)).all():
        raise KuamoError(f"given {name!r} from {x.min():.4g} to {x.max():.4g} as scores; expected numbers in [0, 1]")
    return x


def _interval(kind: str, x: np.ndarray, stars: np.ndarray, group: np.ndarray, size: np.ndarray, n: int) -> Interval:
    """Of samples (n,), with what stands behind them; resampled statistics (draws,); groups as in `clusters`."""
    own = x[:n]
    value = float(np.median(own) if kind == "median" else own.mean())
    if kind == "median":
        low, high = np.quantile(stars, [0.025, 0.975])
    elif ((own == 0) | (own == 1)).all():
        low, high = wilson(value, _alike(own, group[:n], size[: len(size) - len(x) + n]))
    else:
        low, high = np.quantile(stars, _bca(x, stars, group, size))
    return Interval(value, min(float(low), value), max(float(high), value), n)


def wilson(p: float, n: float) -> tuple[float, float]:
    """Wilson's 95 % interval of a share p among n.

    Example:
        >>> [round(end, 3) for end in wilson(0.02, 50)]
        [0.004, 0.105]
    """
    center, half = p + Z**2 / (2 * n), Z * np.sqrt(p * (1 - p) / n + Z**2 / (4 * n**2))
    low, high = (center - half) / (1 + Z**2 / n), (center + half) / (1 + Z**2 / n)
    return float(max(0.0, low)) if p > 0 else 0.0, float(min(1.0, high)) if p < 1 else 1.0


def _alike(x: np.ndarray, group: np.ndarray, size: np.ndarray) -> float:
    """n′: the effective number of independent queries of these, which come in groups."""
    n, groups, p = len(x), len(size), x.mean()
    if groups == n:
        return float(n)
    if groups < 2 or p in (0, 1):  # as much alike as they may be
        return float(groups)
    beyond = np.bincount(group, x) - p * size
    variance = np.square(beyond).sum() / n**2 * groups / (groups - 1)
    return float(min(n, p * (1 - p) / variance)) if variance > 0 else float(n)


def _bca(x: np.ndarray, stars: np.ndarray, group: np.ndarray, size: np.ndarray) -> np.ndarray:
    """At which shares (2,) quantiles are taken: bias-corrected and accelerated."""
    from scipy.special import ndtr, ndtri

    mean = x.mean()
    below = ((stars < mean).sum() + 0.5 * (stars == mean).sum()) / len(stars)
    bias = ndtri(np.clip(below, 1 / len(stars), 1 - 1 / len(stars)))
    beyond = np.bincount(group, x) - mean * size  # in proportion to what the mean gains by the group
    cubes, squares = np.power(beyond, 3).sum(), np.square(beyond).sum()
    skew = cubes / (6 * squares**1.5) if squares > 0 else 0.0
    ends = bias + np.array([-Z, Z])
    return ndtr(bias + ends / np.maximum(1 - skew * ends, 0.05))


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
