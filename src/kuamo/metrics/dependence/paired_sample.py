"""Two columns' features as a diagnosis looks at them: some whole groups of rows, scaled as `fit` scales them, in folds.

What a diagnosis costs must not grow with the table: up to 2,500 rows all are looked at, of more, whole groups are drawn
until there are 1,200 rows. Every figure that depends on the number of rows (a learning curve) knows the table's own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kuamo.closed_form.folds import HeldOut, fold_of_rows
from kuamo.closed_form.moments import as_features
from kuamo.closed_form.scaling import standardize
from kuamo.core.arrays import row_means
from kuamo.core.errors import KuamoError
from kuamo.metrics.data_quality import Packed, duplicate_rows

__all__ = ["Pairs", "half_of", "iter_pairs", "pairs_of", "unique_rows"]

ALL, SOME = 2500, 1200
LayerSizes = tuple[Sequence[int] | None, Sequence[int] | None]


@dataclass(frozen=True, eq=False)
class Pairs:
    """Paired rows of two columns.

    Args:
        x: (n, D_x) float32, scaled. y: (n, D_y). group: (n,) numbers. rows: (n,) which rows of those given they are.
        total: how many were given. names: of the two columns, for errors.
    """

    x: NDArray[np.float32]
    y: NDArray[np.float32]
    group: NDArray[np.intp]
    rows: NDArray[np.intp]
    total: int

    @property
    def repeated(self) -> bool:
        """Does any group have several rows?"""
        return int(self.group.max()) + 1 < len(self.group)

    def folds(self, count: int, seed: int) -> list[HeldOut]:
        """Rows held out, and the others: every row once, groups never parted."""
        count = min(count, int(self.group.max()) + 1)
        fold = fold_of_rows(len(self.group), count, seed, self.group)
        return [HeldOut(np.flatnonzero(fold == i), np.flatnonzero(fold != i)) for i in range(count)]


def pairs_of(
    x: ArrayLike,
    y: ArrayLike,
    group: ArrayLike | None = None,
    *,
    rows: int | None = None,
    blocks: LayerSizes = (None, None),
    seed: int = 0,
) -> Pairs:
    """Check, draw whole groups, and scale.

    Args:
        x: (n, D_x) features. y: (n, D_y), row i belongs to row i of x.
        group: (n,) what must not be parted; each row is its own if not given.
        rows: about so many at most; if not given, all up to 2,500, and 1,200 of more.
        blocks: sizes of the layers that the features of x, and of y, are made of.
        seed: of the draw.

    Example:
        >>> some = pairs_of(np.eye(9), np.eye(9), list("aabbccdde"))
        >>> some.group.tolist(), some.repeated
        ([0, 0, 1, 1, 2, 2, 3, 3, 4], True)
    """
    x, y = as_features(x, "x"), as_features(y, "y")
    if len(x) != len(y):
        raise KuamoError(f"views 'x' and 'y': given {len(x)} and {len(y)} rows; expected as many in both")
    names = np.arange(len(x)) if group is None else np.asarray(group)
    if names.shape != (len(x),):
        raise KuamoError(f"group: given shape {names.shape}; expected ({len(x)},)")
    if rows is None:
        rows = ALL if len(x) <= ALL else SOME
    if rows < 8:
        raise KuamoError(f"rows: given {rows}; expected at least 8")
    _, number, size = np.unique(names, return_inverse=True, return_counts=True)
    if len(x) < 8 or len(size) < 4:
        raise KuamoError(f"given {len(x)} paired rows in {len(size)} groups; expected at least 8 rows in 4 groups")
    chosen = np.flatnonzero(np.isin(number, drawn_groups(size, rows, seed)))
    own = np.unique(number[chosen], return_inverse=True)[1]
    return Pairs(
        as_fit_scales(x, chosen, blocks[0], "x"), as_fit_scales(y, chosen, blocks[1], "y"), own, chosen, len(x)
    )


def drawn_groups(size: NDArray[np.intp], rows: int, seed: int) -> NDArray[np.intp]:
    """Groups in random order until they have `rows` rows, but at least four of them."""
    if size.sum() <= rows:
        return np.arange(len(size))
    order = np.random.default_rng(seed).permutation(len(size))
    enough = int(np.searchsorted(np.cumsum(size[order]), rows, "right"))
    return order[: max(enough, 4)]


def as_fit_scales(x: NDArray, rows: NDArray[np.intp], blocks: Sequence[int] | None, name: str) -> NDArray[np.float32]:
    """Those rows, as `fit` scales them: every feature of variance 1, every layer of the same total variance."""
    x = x[rows].astype(np.float32)
    bad = np.argwhere(~np.isfinite(x))
    if len(bad):
        at, column = rows[bad[0][0]], bad[0][1]
        raise KuamoError(
            f"view {name!r}, row {at}, feature {column}: given {x[tuple(bad[0])]}; expected finite numbers"
        )
    return np.ascontiguousarray(standardize(x, None if blocks is None else tuple(blocks))(x), np.float32)


def half_of(seen: NDArray[np.intp], group: NDArray[np.intp], seed: int) -> NDArray[np.intp]:
    """About half of the rows, groups whole: what a fit to half as much data sees.

    Example:
        >>> half_of(np.arange(6), np.array([0, 0, 1, 1, 2, 2]), 0).size in (2, 4)
        True
    """
    names, number = np.unique(group[seen], return_inverse=True)
    kept = np.random.default_rng([seed, 1]).permutation(len(names))[: (len(names) + 1) // 2]
    return seen[np.isin(number, kept)]


def unique_rows(cells: Packed, groups: np.ndarray) -> tuple[Packed, int]:
    """The cells without rows that only repeat another (see `duplicate_rows`), and how many these are."""
    again = duplicate_rows(cells, groups)
    if not again.any():
        return cells, 0
    kept = {name: (x[~again[row]], row[~again[row]]) for name, (x, row) in cells.items()}
    return kept, int(again.sum())


def iter_pairs(
    cells: Packed, groups: np.ndarray
) -> Iterator[tuple[str, str, np.ndarray, np.ndarray, np.ndarray, np.ndarray]]:
    """(a, b, x (n, D_a), y (n, D_b), group (n,), row (n,)) for every two columns: the rows that have both.

    Several values of one row count once, as the mean of their features.
    """
    for a, b in combinations(cells, 2):
        rows = np.intersect1d(cells[a][1], cells[b][1])
        if len(rows):
            yield a, b, row_means(*cells[a], rows), row_means(*cells[b], rows), groups[rows], rows
