"""Calibrated similarity: how alike two columns arrange the same rows, beyond what chance alone makes of their sizes.

    neighbours   (1/n) Σ_i |N_x(i) ∩ N_y(i)| / k          mutual k nearest neighbours
    CKA          Σ K_ij L_ij / √(Σ K_ij² Σ L_ij²)         linear (K = X Xᵀ) or Gaussian kernel, centred

Raw values mean little: CKA grows with the number of axes, and shared neighbours with k/n. So each is held against other
pairings of whole groups (see `units`):

    calibrated = max(0, (value − q) / (1 − q)),   q the 95 % quantile over other pairings

0 is what chance reaches, 1 is the most there is. Rows of one group are never each other's neighbours, and pairs
within a group are left out of the sums: that a row is like its copies says nothing about the other column.

**Rows looked at**: at most `rows` (1,000), from as many groups as there are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kuamo.core.errors import KuamoError
from kuamo.metrics.dependence.exchangeable import permutation_p
from kuamo.metrics.dependence.kernels import centered, gaussian, squared_distances
from kuamo.metrics.dependence.near_duplicates import PairedRows, paired_rows

__all__ = ["Calibrated", "Similarity", "similarity"]

LEVEL = 0.95


@dataclass(frozen=True)
class Calibrated:
    """One measure. value: (raw − chance)/(1 − chance), at least 0. p: the share of pairings that reach `raw`.

    chance: the 95 % quantile over other pairings.
    """

    value: float
    p: float
    raw: float
    chance: float


@dataclass(frozen=True)
class Similarity:
    """How alike two columns arrange rows: by k nearest neighbours, linear CKA and Gaussian CKA."""

    neighbours: Calibrated
    linear_cka: Calibrated
    kernel_cka: Calibrated
    k: int
    units: int
    rows: int


def similarity(
    x: ArrayLike,
    y: ArrayLike,
    group: Sequence[Any] | NDArray | None = None,
    *,
    k: int = 10,
    draws: int = 200,
    rows: int = 1000,
    seed: int = 0,
) -> Similarity:
    """How alike x (n, Dx) and y (n, Dy), rows paired, arrange the rows: three measures, each held against chance.

    Args:
        group: (n,) as in `related`. k: neighbours of a row. draws: other pairings. rows: looked at, at most.

    References:
        The Platonic Representation Hypothesis, M. Huh, B. Cheung, T. Wang and P. Isola, 2024 (mutual neighbours).
        Similarity of Neural Network Representations Revisited, S. Kornblith, M. Norouzi, H. Lee and G. Hinton, 2019.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> x, other = rng.normal(size=(2, 100, 8))
        >>> round(similarity(x, 3 * x).linear_cka.raw, 4), similarity(x, other).neighbours.value < 0.05
        (1.0, True)
    """
    if draws < 19 or k < 1:
        raise KuamoError(f"given draws={draws}, k={k}; expected at least 19 draws and 1 neighbour")
    pairs = paired_rows(x, y, group, most=rows, seed=seed)
    number = pairs.units.number
    most = int(np.bincount(number).max())
    if len(number) - most < k:
        raise KuamoError(f"k: given {k}; expected at most {len(number) - most}, the rows of other groups")
    apart_x, apart_y = (squared_distances(one) for one in (pairs.x, pairs.y))
    linear, kernel = cka(apart_x, apart_y, pairs, draws, seed)
    return Similarity(
        neighbours=calibrated(shared_neighbors(apart_x, apart_y, pairs, k, draws, seed)),
        linear_cka=calibrated(linear),
        kernel_cka=calibrated(kernel),
        k=k,
        units=len(pairs.units),
        rows=len(number),
    )


def calibrated(drawn: NDArray) -> Calibrated:
    """A measure, at most 1, of the given pairing and others (K + 1,), as what it is beyond chance.

    Example:
        >>> round(calibrated(np.array([0.6] + [0.2] * 39)).value, 3)
        0.5
    """
    raw, chance = float(drawn[0]), float(np.quantile(drawn[1:], LEVEL))
    value = max(0.0, (raw - chance) / (1 - chance)) if chance < 1 else 0.0
    return Calibrated(value, permutation_p(drawn), raw, chance)


def shared_neighbors(
    apart_x: NDArray, apart_y: NDArray, pairs: PairedRows, k: int, draws: int, seed: int
) -> NDArray[np.float64]:
    """The mean share of neighbours (draws + 1,) that a row has in both columns."""
    number = pairs.units.number
    near_x, near_y = nearest_neighbors(apart_x, number, k), nearest_neighbors(apart_y, number, k)
    n = len(number)
    in_y = np.zeros((n, n), bool)
    in_y[np.arange(n)[:, None], near_y] = True
    return np.array([in_y[p[:, None], p[near_x]].mean() for p in pairs.units.draws(draws, seed)])


def nearest_neighbors(apart: NDArray, number: NDArray, k: int) -> NDArray[np.intp]:
    """The k nearest rows (n, k) of every row, none of its own unit."""
    apart = np.where(number[:, None] == number, np.inf, apart)
    return np.argpartition(apart, k - 1, axis=1)[:, :k]


def cka(apart_x: NDArray, apart_y: NDArray, pairs: PairedRows, draws: int, seed: int) -> NDArray[np.float64]:
    """Linear and Gaussian CKA (2, draws + 1), over pairs of rows of different units."""
    number, n = pairs.units.number, len(apart_x)
    i, j = np.nonzero(np.triu(number[:, None] != number))
    of_x, of_y = [one[i * n + j] for one in both_kernels(apart_x)], both_kernels(apart_y)
    size = [np.sqrt(squares(a) * squares(b[i * n + j])) for a, b in zip(of_x, of_y, strict=True)]
    drawn = []
    for p in pairs.units.draws(draws, seed):
        place = p[i] * n + p[j]
        drawn.append([float(a @ b.take(place)) for a, b in zip(of_x, of_y, strict=True)])
    return np.array(drawn).T / np.maximum(size, np.finfo(np.float64).tiny)[:, None]


def both_kernels(apart: NDArray) -> list[NDArray[np.float32]]:
    """Linear and Gaussian kernel of one column, each (n²,) and centred. X Xᵀ about the mean is −½ of d², centred."""
    kernels = [centered(kernel).ravel() for kernel in (-0.5 * apart, gaussian(apart))]
    return [(one / max(float(np.abs(one).max()), 1e-300)).astype(np.float32) for one in kernels]


def squares(x: NDArray[np.float32]) -> float:
    """Σ x²."""
    return float(x @ x)
