"""Units: which rows of two columns are looked at, and which of them move together when a pairing is drawn anew.

Rows of one group repeat each other, so what a relation is tested against is another pairing of whole *groups*:

    y of unit g  →  y of unit π(g),   π any permutation within units of as many rows

If x and y have nothing to do with each other, every such pairing is as likely as the one that was given, and a test
that counts how many of them look as related is exact, whatever the rows of one group are to each other. Permuting
rows is not: two copies of a row are one coincidence, and would count as two.

Groups of different sizes cannot stand in for each other. Their rows are cut, at random, to the sizes of the next
smaller ones until each size has enough groups to change places among.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kuamo.closed_form.moments import as_features
from kuamo.core.errors import KuamoError

__all__ = ["LEAST", "ExchangeableBlocks", "blocks_of", "checked_pair", "group_numbers", "permutation_p"]

LEAST = 5  # units: with 5 there are 120 pairings, and p can fall to .01
ENOUGH = 10  # units of one size: each keeps its own pairing in a tenth of all draws, which costs no power
TILE = 4096  # rows that are checked at a time

RowPositions = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class ExchangeableBlocks:
    """Rows of a table, unit by unit.

    Args:
        rows: (n,) the rows that are looked at.
        number: (n,) the unit of each.
        blocks: for every size s, positions (G_s, s) in `rows`: a line is a unit. Together they are 0 … n − 1.
    """

    rows: RowPositions
    number: RowPositions
    blocks: tuple[RowPositions, ...]

    def __len__(self) -> int:
        return sum(len(block) for block in self.blocks)

    def draw(self, rng: np.random.Generator) -> RowPositions:
        """A pairing at random: position i of x gets the y of position draw[i].

        Example:
            >>> units = blocks_of(np.array([7, 7, 8, 8, 9, 9, 5, 5, 6, 6]), most=100)
            >>> drawn = units.number[units.draw(np.random.default_rng(0))].reshape(-1, 2)
            >>> bool((drawn[:, 0] == drawn[:, 1]).all())
            True
        """
        out = np.empty(len(self.rows), np.intp)
        for block in self.blocks:
            out[block] = block[rng.permutation(len(block))]
        return out

    def draws(self, count: int, seed: int) -> Iterator[RowPositions]:
        """The pairing that was given, and `count` others."""
        yield np.arange(len(self.rows))
        rng = np.random.default_rng([seed, 1])
        for _ in range(count):
            yield self.draw(rng)


def blocks_of(group: NDArray[np.intp], *, most: int, seed: int = 0) -> ExchangeableBlocks:
    """At most `most` rows, from as many groups as there are, with as many rows of each as there is room for.

    Args:
        group: (n,) numbers of groups.

    Example:
        >>> units = blocks_of(np.repeat(np.arange(50), 4), most=100)
        >>> len(units), len(units.rows)
        (50, 100)
    """
    rng = np.random.default_rng([seed, 0])
    shuffled = rng.permutation(len(group))
    order = shuffled[np.argsort(group[shuffled], kind="stable")]
    starts = np.flatnonzero(np.diff(group[order], prepend=-1))
    sizes = np.diff(starts, append=len(group))
    if len(sizes) < LEAST:
        raise KuamoError(f"given {len(sizes)} groups of rows; expected at least {LEAST} that do not repeat each other")
    kept = np.sort(rng.permutation(len(sizes))[:most])
    starts, sizes = starts[kept], np.minimum(sizes[kept], max(1, most // len(kept)))
    rows, number, blocks, done, units = [], [], [], 0, 0
    for those, size in strata(sizes):
        block = order[starts[those][:, None] + np.arange(size)]
        rows.append(block.ravel())
        number.append(np.repeat(np.arange(units, units + len(block)), size))
        blocks.append(np.arange(done, done + block.size).reshape(block.shape))
        done, units = done + block.size, units + len(block)
    return ExchangeableBlocks(np.concatenate(rows), np.concatenate(number), tuple(blocks))


def strata(sizes: NDArray[np.intp]) -> list[tuple[RowPositions, int]]:
    """Units that may stand in for each other, and the size that all of them are cut to: the largest first.

    Example:
        >>> [(len(those), size) for those, size in strata(np.array([9] * 3 + [8] * 8 + [1] * 20))]
        [(11, 8), (20, 1)]
    """
    found: list[tuple[RowPositions, int]] = []
    waiting: list[int] = []
    for size in np.unique(sizes)[::-1]:
        waiting += np.flatnonzero(sizes == size).tolist()
        if len(waiting) >= ENOUGH:
            found.append((np.array(waiting), int(size)))
            waiting = []
    if waiting:  # too few of the smallest: with the stratum before them, cut to what keeps most rows
        last = np.concatenate([found.pop()[0] if found else np.zeros(0, np.intp), np.array(waiting)])
        cuts = [int(cut) for cut in np.unique(sizes[last]) if (sizes[last] >= cut).sum() >= LEAST]
        best = max(cuts, key=lambda cut: cut * int((sizes[last] >= cut).sum()))
        found.append((last[sizes[last] >= best], best))
    return found


def permutation_p(drawn: NDArray[np.floating]) -> float:
    """p = (1 + c)/(K + 1): the share of pairings (K + 1,), the given one first, that look at least as related.

    Equal up to rounding is equal. Never 0, and exact: at most a share p of unrelated tables gets as small a p.

    References:
        Permutation P-values Should Never Be Zero, B. Phipson and G. K. Smyth, 2010.

    Example:
        >>> permutation_p(np.array([3.0, 1.0, 3.0, 2.0]))
        0.5
    """
    slack = 1e-6 * float(np.abs(drawn).max())
    return float((drawn >= drawn[0] - slack).mean())


def checked_pair(x: ArrayLike, y: ArrayLike) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    """Two columns with as many rows, every number finite, and not all rows the same."""
    pair = as_features(x, "x"), as_features(y, "y")
    if len(pair[0]) != len(pair[1]):
        raise KuamoError(f"columns 'x' and 'y': given {len(pair[0])} and {len(pair[1])} rows; expected as many in both")
    if len(pair[0]) < LEAST:
        raise KuamoError(f"columns 'x' and 'y': given {len(pair[0])} rows; expected at least {LEAST}")
    for name, column in zip("xy", pair, strict=True):
        constant = True
        for start in range(0, len(column), TILE):
            tile = column[start : start + TILE]
            finite = np.isfinite(tile)
            if not finite.all():
                row, axis = np.argwhere(~finite)[0]
                given = f"{tile[row, axis]} at position {axis}"
                raise KuamoError(f"column {name!r}, row {start + row}: given {given}; expected finite numbers")
            constant = constant and bool((tile == column[0]).all())
        if constant:
            raise KuamoError(f"column {name!r}: given {len(column)} equal rows; expected rows that differ")
    return pair


def group_numbers(group: Sequence[Any] | NDArray, n: int) -> RowPositions:
    """Groups as numbers (n,) from 0."""
    array = np.asarray(group)
    if array.shape != (n,):
        raise KuamoError(f"group: given shape {array.shape}; expected ({n},), one for each row")
    return np.unique(array, return_inverse=True)[1]
