"""Copies: rows that repeat each other where nobody said so, in both columns at once.

    d(i, j) = max(‖x_i − x_j‖ / median, ‖y_i − y_j‖ / median)

Edges of the shortest tree that joins all rows (d as length) are short between copies and long between others, with a
*gap* of lengths that hardly any edge has: rows joined by edges below it are copies. Without copies there is no gap,
whatever the dimension: lengths then have one hill. So no tolerance has to be known, only that copies lie closer
than other rows do.

A row that repeats in one column only is no copy. If x repeats and y does not, a pairing of rows is as good as any
other, and a test that permutes rows is right.

**Values and classes are not copies.** Where few different values repeat exactly (labels, words), rows that are equal
in both columns are values that met; they are copies if there are many, and each is paired with its own. Where clusters
are few or large, they are copies only if they are very tight: classes that an encoder separates lie in clusters too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kuamo.metrics.dependence.exchangeable import LEAST, ExchangeableBlocks, blocks_of, checked_pair, group_numbers

__all__ = [
    "PairedRows",
    "near_duplicate_clusters",
    "near_duplicates",
    "paired_rows",
    "pairwise_distances",
    "rows_drawn",
]

GAP = 1.3  # from the longest edge between copies to the shortest between others
STRAY = 0.02  # of the short edges, so many may lie in the gap
FEWEST = 12  # short edges: fewer can lie apart by chance
FAR = 0.65  # in median distances: what is farther is no copy
TIGHT = 0.15  # the same, of clusters that are few or large
LARGE = 10  # rows in a cluster, on average
FEW = 20  # clusters; fewer different rows of a column, repeated exactly, are values
MIXED = 1.1  # times as many different rows as either column has: pairs are mixed
MIXED_NEAR = 2.0  # the same of clusters, which in few dimensions run into each other
GIANT = 0.25  # of all rows in one cluster are a crowd with outliers, unless they are equal


@dataclass(frozen=True, eq=False)
class PairedRows:
    """The rows of two columns that a measure looks at.

    Args:
        x, y: (n, Dx), (n, Dy). units: which of them move together. found: by `near_duplicates`, not by given groups.
    """

    x: NDArray[np.floating]
    y: NDArray[np.floating]
    units: ExchangeableBlocks
    found: bool


def paired_rows(
    x: ArrayLike, y: ArrayLike, group: Sequence[Any] | NDArray | None, *, most: int, seed: int
) -> PairedRows:
    """At most `most` rows of two columns: see `blocks_of`. Where no groups are given, rows are drawn and copies found.

    Raises:
        KuamoError: too few rows or groups, a column whose rows are all the same, a number that is not finite.

    Example:
        >>> rows = np.repeat(np.random.default_rng(0).normal(size=(30, 6)), 5, axis=0)
        >>> len(paired_rows(rows[:, :3], rows[:, 3:], None, most=1000, seed=0).units)
        30
    """
    x, y = checked_pair(x, y)
    if group is not None:
        units = blocks_of(group_numbers(group, len(x)), most=most, seed=seed)
        return PairedRows(x[units.rows], y[units.rows], units, False)
    drawn = rows_drawn(len(x), most, seed)
    of = near_duplicates(x[drawn], y[drawn])
    units = blocks_of(of, most=most, seed=seed)
    return PairedRows(x[drawn][units.rows], y[drawn][units.rows], units, int(of.max()) + 1 < len(drawn))


def rows_drawn(n: int, most: int, seed: int) -> NDArray[np.intp]:
    """At most `most` of n rows, in order.

    Example:
        >>> rows_drawn(3, 5, 0).tolist()
        [0, 1, 2]
    """
    return np.sort(np.random.default_rng([seed, 2]).permutation(n)[:most])


def near_duplicates(x: NDArray[np.floating], y: NDArray[np.floating]) -> NDArray[np.intp]:
    """The cluster (n,) of copies that each row belongs to; a row without copies is its own.

    Memory is n²: give it some thousand rows.

    Args:
        x: (n, Dx). y: (n, Dy).

    References:
        Graph-theoretical methods for detecting and describing gestalt clusters, C. T. Zahn, 1971 (edges of the
        minimal tree that are far longer than those around them).

    Example:
        >>> x = np.random.default_rng(0).normal(size=(40, 5))
        >>> len(set(near_duplicates(x, x))), len(set(near_duplicates(np.repeat(x, 3, axis=0), np.repeat(x, 3, axis=0))))
        (40, 40)
    """
    return near_duplicate_clusters(pairwise_distances(x), pairwise_distances(y))


def near_duplicate_clusters(apart_x: NDArray[np.float32], apart_y: NDArray[np.float32]) -> NDArray[np.intp]:
    """`near_duplicates` of two columns whose distances (n, n) are known."""
    apart = np.maximum(apart_x, apart_y)
    if np.count_nonzero(apart <= FAR) - len(apart) < 2 * FEWEST:  # of all pairs of rows, so of the tree's edges too
        return np.arange(len(apart))
    tree = single_linkage(apart)
    for limit, end in gaps(tree[:, 2]):
        cluster = clusters_up_to(np.sqrt(limit * end), tree)
        sizes = np.bincount(cluster)
        if plausible(sizes, limit) and not are_values(len(sizes), limit, apart_x, apart_y):
            return cluster
    return np.arange(len(apart))


def pairwise_distances(x: NDArray[np.floating]) -> NDArray[np.float32]:
    """Distances (n, n) in units of their median; equal up to rounding is 0."""
    x = (x - x.mean(0)).astype(np.float64)
    square = x @ x.T
    norm = np.diagonal(square)
    square = norm[:, None] + norm - 2 * square
    square[square < 1e-12 * (norm[:, None] + norm)] = 0
    distance = np.sqrt(square).astype(np.float32)
    return distance / np.median(distance[distance > 0]) if distance.any() else distance


def single_linkage(distance: NDArray) -> NDArray[np.float64]:
    """SciPy's linkage (n − 1, 4), whose heights are the edges of the shortest tree that joins all rows."""
    from scipy.cluster.hierarchy import linkage
    from scipy.spatial.distance import squareform

    return linkage(squareform(distance, checks=False), "single")


def clusters_up_to(limit: float, tree: NDArray[np.float64]) -> NDArray[np.intp]:
    """The cluster (n,) of each row, where edges up to `limit` join."""
    from scipy.cluster.hierarchy import fcluster

    return fcluster(tree, limit, "distance").astype(np.intp) - 1


def gaps(length: NDArray) -> list[tuple[float, float]]:
    """Lengths (n − 1,) of edges between which hardly any lies: the widest gap first.

    Example:
        >>> gaps(np.array([0.125] * 20 + [0.75] * 10))
        [(0.125, 0.75)]
    """
    edges = np.sort(length)
    upto = np.searchsorted(edges, edges, side="right")
    beyond = upto + (STRAY * upto).astype(int)
    good = (edges <= FAR) & (upto >= FEWEST) & (beyond < len(edges))
    found = set(zip(edges[good].tolist(), edges[beyond[good]].tolist(), strict=True))
    wide = [(limit, end) for limit, end in found if end > max(GAP * limit, 1e-4)]
    return sorted(wide, key=lambda one: -one[1] / max(one[0], 1e-9))


def plausible(sizes: NDArray[np.intp], limit: float) -> bool:
    """Can clusters of these sizes, joined by edges up to `limit`, be copies, not classes or a crowd with outliers?"""
    if len(sizes) < LEAST or limit == 0:
        return len(sizes) >= LEAST
    few, large = len(sizes) < FEW, sizes.sum() > LARGE * len(sizes)
    return bool(sizes.max() <= GIANT * sizes.sum()) and (limit <= TIGHT or not (few or large))


def are_values(clusters: int, limit: float, apart_x: NDArray, apart_y: NDArray) -> bool:
    """Are clusters where values, or classes, of both columns met? If they are more than either column has by itself."""
    own = different_rows(apart_x), different_rows(apart_y)
    if clusters < FEW and min(own) < FEW:
        return True
    if limit == 0:
        return clusters > MIXED * max(own)
    return clusters > MIXED_NEAR * max(own_clusters(one, limit) for one in (apart_x, apart_y))


def different_rows(distance: NDArray) -> int:
    """How many rows are not equal to one before them."""
    return int((np.argmax(distance == 0, axis=1) == np.arange(len(distance))).sum())


def own_clusters(distance: NDArray, limit: float) -> int:
    """How many clusters a column has by itself, before its gap that is nearest to `limit`; as many as rows without."""
    tree = single_linkage(distance)
    for own, end in sorted(gaps(tree[:, 2]), key=lambda one: abs(np.log(max(one[0], 1e-9) / limit))):
        sizes = np.bincount(clusters_up_to(np.sqrt(own * end), tree))
        if sizes.max() <= GIANT * sizes.sum():
            return len(sizes)
    return len(distance)
