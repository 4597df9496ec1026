"""Streaming moments: all that linear closed forms need to know of the data.

    n,   Σ(x − s),   Σ(x − s)(x − s)ᵀ,   Σ(x − s)(y − t)ᵀ

over rows where both x (D_x,) and y (D_y,) are present. s and t are shifts near the mean, taken from the first batch: a
mean of 1e6 then costs no digits. Sums add, so any split into shards gives the same covariances up to rounding, and a
cross-validation fold is total − shard.

Products are formed tile by tile, in float64 or (faster) float32, and always summed in float64.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kuamo.core.errors import KuamoError
from kuamo.core.types import Matrix

__all__ = ["Covariances", "Moments", "PairMoments", "Precision", "as_features", "moments_of"]

Precision = Literal["float32", "float64"]

TILE = 1024  # rows per product: long enough for full speed, short enough that float32 sums inside are right to 1e-6


def as_features(x: ArrayLike, name: str) -> NDArray[np.floating]:
    """`x` as a float32 or float64 array (n, D), or an error that names the view.

    Example:
        >>> as_features([[1, 2]], "x").dtype
        dtype('float64')
    """
    array = np.asarray(x)
    if array.dtype.kind not in "fiub":
        raise KuamoError(f"view {name!r}: given {array.dtype}; expected numbers")
    if array.ndim != 2 or array.shape[1] == 0:
        raise KuamoError(f"view {name!r}: given shape {array.shape}; expected (n, D)")
    if array.dtype in (np.float32, np.float64):
        return array
    return array.astype(np.float32 if array.dtype == np.float16 else np.float64)


@dataclass(frozen=True, eq=False)
class Covariances:
    """Means (D,) and covariances (D, D) of two views over their n common rows, with divisor n − 1.

    `noise` is the relative rounding error of one product; what is below it is zero up to rounding.
    """

    n: int
    mean_x: Matrix
    mean_y: Matrix
    xx: Matrix
    yy: Matrix
    xy: Matrix
    noise: float


class PairMoments:
    """Sums over rows where both x and y are present, from which their covariances follow.

    Args:
        dim_x: D_x, and dim_y: D_y, the sizes of the two feature vectors.
        precision: of single products; sums are always float64. "float32" is about twice as fast and serves wherever
            there is a ridge; without one directions below 1e-4 of the variance drown in rounding.

    Example:
        >>> whole = PairMoments(1, 1)
        >>> whole.update([[1.0], [2.0]], [[10.0], [20.0]])
        >>> whole.update([[3.0]], [[30.0]])
        >>> shard = PairMoments(1, 1)
        >>> shard.update([[3.0]], [[30.0]])
        >>> whole.n, float(whole.covariances().xy[0, 0]), (whole - shard).n
        (3, 10.0, 2)
    """

    def __init__(self, dim_x: int, dim_y: int, *, precision: Precision = "float64") -> None:
        if precision not in ("float32", "float64"):
            raise KuamoError(f"precision: given {precision!r}; expected 'float32' or 'float64'")
        self.dim_x, self.dim_y, self.precision = dim_x, dim_y, precision
        self.n, self.noise = 0, 0.0
        self.shift = (np.zeros(dim_x), np.zeros(dim_y))
        self.sums = zero_sums(dim_x, dim_y)

    def update(self, x: ArrayLike, y: ArrayLike) -> None:
        """Add rows: x (n, D_x), y (n, D_y), where row i of x belongs to row i of y.

        Raises:
            KuamoError: if shapes do not fit, or a value is not finite. Nothing is added then.
        """
        x, y = as_features(x, "x"), as_features(y, "y")
        for name, view, size in (("x", x, self.dim_x), ("y", y, self.dim_y)):
            if view.shape[1] != size:
                raise KuamoError(f"view {name!r}: given shape {view.shape}; expected (n, {size})")
        if len(x) != len(y):
            raise KuamoError(f"views 'x' and 'y': given {len(x)} and {len(y)} rows; expected as many in both")
        if len(x) == 0:
            return
        if self.n == 0:
            self.shift = first_mean(x), first_mean(y)
        kind = np.dtype(self.precision)
        sums = summed(x, y, *self.shift, kind)
        check_finite(x, sums[0], sums[2], "x")
        check_finite(y, sums[1], sums[3], "y")
        self._add(len(x), float(np.finfo(kind).eps), sums, 1)

    def _add(self, n: int, noise: float, sums: Sequence[Matrix], sign: int) -> None:
        self.n += sign * n
        self.noise = max(self.noise, noise)
        for total, part in zip(self.sums, sums, strict=True):
            total += part if sign > 0 else -part

    def _add_within(self, dx: NDArray, dy: NDArray) -> None:
        """Add the spread of several entries around their row's mean (see `Moments.update`)."""
        self.sums[2] += dx.T @ dx
        self.sums[3] += dy.T @ dy

    def __add__(self, other: PairMoments) -> PairMoments:
        """The moments of both sets of rows."""
        if self.n == 0:
            return deepcopy(other)
        return self._combined(other, 1)

    def __sub__(self, other: PairMoments) -> PairMoments:
        """The moments without the rows of `other`, which must be among these: a fold is total − shard."""
        if other.n > self.n:
            raise KuamoError(f"moments: given {other.n} rows to remove; expected at most {self.n}")
        return self._combined(other, -1)

    def _combined(self, other: PairMoments, sign: int) -> PairMoments:
        if (other.dim_x, other.dim_y) != (self.dim_x, self.dim_y):
            given, expected = (other.dim_x, other.dim_y), (self.dim_x, self.dim_y)
            raise KuamoError(f"moments: given sizes {given}; expected {expected}")
        total = deepcopy(self)
        total._add(other.n, other.noise, other._about(*self.shift), sign)
        return total

    def _about(self, shift_x: Matrix, shift_y: Matrix) -> list[Matrix]:
        """The five sums about other shifts s', t'.

        Σ(x − s')(y − t')ᵀ = Σ(x − s)(y − t)ᵀ + a Σ(y − t)ᵀ + Σ(x − s) bᵀ + n a bᵀ, a = s − s', b = t − t'.
        """
        a, b, n = self.shift[0] - shift_x, self.shift[1] - shift_y, self.n
        u, v, xx, yy, xy = self.sums
        xx = xx + np.outer(a, u) + np.outer(u, a) + n * np.outer(a, a)
        yy = yy + np.outer(b, v) + np.outer(v, b) + n * np.outer(b, b)
        xy = xy + np.outer(a, v) + np.outer(u, b) + n * np.outer(a, b)
        return [u + n * a, v + n * b, xx, yy, xy]

    def covariances(self) -> Covariances:
        """Means and covariances over the rows seen, with divisor n − 1.

        Raises:
            KuamoError: if there are fewer than two rows.
        """
        if self.n < 2:
            raise KuamoError(f"moments: given {self.n} rows where both views are present; expected at least 2")
        n, (x, y) = self.n, (total / self.n for total in self.sums[:2])
        products = zip(self.sums[2:], ((x, x), (y, y), (x, y)), strict=True)
        xx, yy, xy = ((total - n * np.outer(a, b)) / (n - 1) for total, (a, b) in products)
        return Covariances(n, self.shift[0] + x, self.shift[1] + y, xx, yy, xy, self.noise)


class Moments:
    """Pairwise moments of M views with holes: for each two views, over the rows that have both.

    An unpaired cell adds nothing. The views' names are sorted, so their order does not matter.

    Args:
        dims: each view's feature size, {"image": 512, "text": 384}.
        precision: as in `PairMoments`.

    Raises:
        KuamoError: if there are fewer than two views.

    Example:
        >>> m = Moments({"image": 1, "text": 1})
        >>> m.update({"image": ([[1.0], [2.0], [4.0]], [0, 1, 2]), "text": ([[3.0], [6.0]], [0, 2])})
        >>> m.pair("image", "text").n, float(m.pair("text", "image").covariances().xy[0, 0])
        (2, 4.5)
    """

    def __init__(self, dims: Mapping[str, int], *, precision: Precision = "float64") -> None:
        if len(dims) < 2:
            raise KuamoError(f"moments: given views {list(dims)}; expected at least two")
        self.dims = {name: dims[name] for name in sorted(dims)}
        self.precision: Precision = precision
        self.pairs = {
            (a, b): PairMoments(self.dims[a], self.dims[b], precision=precision) for a, b in combinations(self.dims, 2)
        }

    def update(self, cells: Mapping[str, tuple[ArrayLike, ArrayLike]]) -> None:
        """Add a batch of packed cells, {view: (x (n, D), row (n,))}; a view may be missing, a row may be absent.

        Several entries of one view may have the same row number (several captions). Every combination with the
        paired entries then counts, and **a row weighs one in all**, however many entries it has:
        E_row E_{caption of row} E_{image of row}. All entries of a row must come in one batch.

        Raises:
            KuamoError: if a view is unknown, or its shapes do not fit.
        """
        packed = {name: self._packed(name, x, row) for name, (x, row) in cells.items()}
        for (a, b), pair in self.pairs.items():
            if a in packed and b in packed:
                add_common_rows(pair, packed[a], packed[b])

    def _packed(self, name: str, x: ArrayLike, row: ArrayLike) -> tuple[NDArray, NDArray]:
        if name not in self.dims:
            raise KuamoError(f"view {name!r}: given, but the views are {list(self.dims)}")
        x, row = as_features(x, name), np.asarray(row)
        if x.shape[1] != self.dims[name]:
            raise KuamoError(f"view {name!r}: given shape {x.shape}; expected (n, {self.dims[name]})")
        if row.shape != (len(x),):
            raise KuamoError(f"view {name!r}: given rows of shape {row.shape}; expected ({len(x)},)")
        return x, row

    def pair(self, a: str, b: str) -> PairMoments:
        """The moments of views a and b, with a as x.

        Raises:
            KuamoError: if there is no such pair of views.
        """
        if (a, b) in self.pairs:
            return self.pairs[a, b]
        if (b, a) in self.pairs:
            return swapped(self.pairs[b, a])
        raise KuamoError(f"pair {(a, b)}: given; expected two of {list(self.dims)}")

    def __add__(self, other: Moments) -> Moments:
        """The moments of both sets of rows."""
        return self._joined({key: self.pairs[key] + other.pairs[key] for key in self._keys(other)})

    def __sub__(self, other: Moments) -> Moments:
        """The moments without the rows of `other`, which must be among these."""
        return self._joined({key: self.pairs[key] - other.pairs[key] for key in self._keys(other)})

    def _keys(self, other: Moments) -> list[tuple[str, str]]:
        if other.dims != self.dims:
            raise KuamoError(f"moments: given views {other.dims}; expected {self.dims}")
        return list(self.pairs)

    def _joined(self, pairs: dict[tuple[str, str], PairMoments]) -> Moments:
        joined = Moments(self.dims, precision=self.precision)
        joined.pairs = pairs
        return joined


def moments_of(batches: Iterable[tuple[ArrayLike, ArrayLike]], *, precision: Precision = "float64") -> PairMoments:
    """The moments of a stream of batches (x (n, D_x), y (n, D_y)), held in memory one batch at a time.

    Args:
        batches: pairs of arrays with as many rows in both; anything that iterates, such as a reader of Parquet files.
        precision: as in `PairMoments`.

    Raises:
        KuamoError: if there is no batch, or shapes do not fit.

    Example:
        >>> moments_of((np.ones((2, 3)), np.ones((2, 4))) for _ in range(5)).n
        10
    """
    total: PairMoments | None = None
    for x, y in batches:
        x, y = as_features(x, "x"), as_features(y, "y")
        if total is None:
            total = PairMoments(x.shape[1], y.shape[1], precision=precision)
        total.update(x, y)
    if total is None:
        raise KuamoError("batches: none; expected at least one")
    return total


def first_mean(x: NDArray) -> Matrix:
    """The mean of the first rows, rounded to the precision of `x`, so that subtracting it from `x` is exact."""
    return x[:TILE].mean(0, dtype=np.float64).astype(x.dtype).astype(np.float64)


def zero_sums(dim_x: int, dim_y: int) -> list[Matrix]:
    """Σ(x − s), Σ(y − t), and their products xx, yy and xy, of no row."""
    return [np.zeros(shape) for shape in (dim_x, dim_y, (dim_x, dim_x), (dim_y, dim_y), (dim_x, dim_y))]


def summed(x: NDArray, y: NDArray, shift_x: Matrix, shift_y: Matrix, kind: np.dtype) -> list[Matrix]:
    """Those of rows, tile by tile."""
    dims = x.shape[1], y.shape[1]
    sums = zero_sums(*dims)
    one = np.ones(min(TILE, len(x)), kind)
    room_x, room_y = np.empty((len(one), dims[0]), kind), np.empty((len(one), dims[1]), kind)
    for start in range(0, len(x), TILE):
        u = shifted(x[start : start + TILE], shift_x, room_x)
        v = shifted(y[start : start + TILE], shift_y, room_y)
        w = one[: len(u)]
        for total, part in zip(sums, (w @ u, w @ v, u.T @ u, v.T @ v, u.T @ v), strict=True):
            total += part
    return sums


def shifted(x: NDArray, shift: Matrix, room: NDArray) -> NDArray:
    """x − s, written into `room`: a fresh array per tile would cost more in page faults than the subtraction."""
    out = room[: len(x)]
    if out.dtype == np.float32:  # rounding x before a large mean is taken off would lose what is left of it
        return np.subtract(x, shift.astype(x.dtype), out=out, casting="same_kind")
    out[...] = x  # then in place: faster than a subtraction that casts on the way
    out -= shift
    return out


def check_finite(x: NDArray, total: Matrix, square: Matrix, name: str) -> None:
    """Refuse what is not finite; looking at the sums first costs nothing when all is well."""
    if np.isfinite(total).all() and np.isfinite(np.diagonal(square)).all():
        return
    row, column = next(zip(*np.nonzero(~np.isfinite(x)), strict=True), (None, None))
    if row is None:
        raise KuamoError(f"view {name!r}: given numbers whose squares overflow; expected smaller ones")
    raise KuamoError(f"view {name!r}, row {row}, column {column}: given {x[row, column]}; expected a finite number")


def swapped(pair: PairMoments) -> PairMoments:
    """The same moments with x and y exchanged."""
    other = PairMoments(pair.dim_y, pair.dim_x, precision=pair.precision)
    other.n, other.noise, other.shift = pair.n, pair.noise, pair.shift[::-1]
    x, y, xx, yy, xy = pair.sums
    other.sums = [y.copy(), x.copy(), yy.copy(), xx.copy(), xy.T.copy()]
    return other


def add_common_rows(pair: PairMoments, a: tuple[NDArray, NDArray], b: tuple[NDArray, NDArray]) -> None:
    """Add to `pair` the rows that both views have: row means, and the spread of several entries around them.

    With x̄ the mean of a row's entries, E xxᵀ = x̄x̄ᵀ + E(x − x̄)(x − x̄)ᵀ, and E xyᵀ = x̄ȳᵀ over every combination.
    """
    rows = np.intersect1d(a[1], b[1])
    if len(rows) == 0:
        return
    x, dx = by_row(*a, rows)
    y, dy = by_row(*b, rows)
    pair.update(x, y)
    pair._add_within(dx, dy)


def by_row(x: NDArray, row: NDArray, rows: NDArray) -> tuple[NDArray, NDArray]:
    """The means of each row's entries (len(rows), D), and deviations from them over √(entries of the row)."""
    order = np.argsort(row, kind="stable")
    order = order[np.isin(row[order], rows)]
    x, row = x[order], row[order]
    start = np.flatnonzero(np.r_[True, row[1:] != row[:-1]])
    if len(start) == len(row):
        return x, x[:0]
    count = np.diff(np.r_[start, len(row)])
    first = x[start]
    which = np.repeat(np.arange(len(start)), count)
    # Means relative to each row's first entry, so that a large mean costs no digits.
    mean = first + np.add.reduceat(x - first[which], start) / count[:, None].astype(x.dtype)
    spread = (x - mean[which]) / np.sqrt(count[which, None]).astype(x.dtype)
    return mean, spread
