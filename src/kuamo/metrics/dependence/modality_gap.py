"""The modality gap: do two columns' codes lie in different places of the space that they share?

    centroid part       ‖μx − μy‖: also in units of the spread √(½ (tr Σx + tr Σy)), and as cos(μx, μy)
    distribution part   energy distance of codes *about their own means*, which subtracting means does not remove

    E(x, y) = 2 E‖x − y‖ − E‖x − x'‖ − E‖y − y'‖,   coefficient H = E / 2 E‖x − y‖ in [0, 1], 0 if equal laws

Two equal clouds have H > 0 too, since there are so many rows only. So it is held against relabellings: in any unit of
rows (see `units`) x and y may change places. With labels s = ±1 of pooled centred codes and their distances D,
E = −sᵀ D s / n². A relabelling moves the two means apart, which the centred codes cannot be; that part of s, what is
linear in the codes, is taken out (M = I − Z Z⁺, s ↦ M s). The given labels have none of it.

**Rows looked at**: at most `rows` (1,000), from as many groups as there are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kuamo.core.errors import KuamoError
from kuamo.core.types import Matrix
from kuamo.metrics.dependence.exchangeable import (
    ExchangeableBlocks,
    blocks_of,
    checked_pair,
    group_numbers,
    permutation_p,
)
from kuamo.metrics.dependence.kernels import squared_distances

__all__ = ["Gap", "modality_gap"]


AXES = 256


@dataclass(frozen=True)
class Gap:
    """Where two columns' codes lie.

    Args:
        distance: ‖μx − μy‖. spreads: the same in units of the spread. cosine: of the two means; NaN if one is 0.
        distribution: √H of codes about their means, in [0, 1]. chance: its mean over relabellings.
        p: the share of relabellings that reach `distribution`. p_centroid: that reach `distance`.
        removed: the share of E that subtracting means removes.
    """

    distance: float
    spreads: float
    cosine: float
    distribution: float
    chance: float
    p: float
    p_centroid: float
    removed: float
    units: int
    rows: int


def modality_gap(
    x: ArrayLike,
    y: ArrayLike,
    group: Sequence[Any] | NDArray | None = None,
    *,
    draws: int = 200,
    rows: int = 1000,
    seed: int = 0,
) -> Gap:
    """The gap between codes x (n, d) and y (n, d) of the same rows: its centroid part, and what remains without means.

    Codes are taken as they are: where the space's score is a cosine, give codes of unit length.

    Args:
        group: (n,) rows of one group are relabelled together; without, each row is its own.
        draws: relabellings. rows: looked at, at most.

    References:
        Mind the Gap: Understanding the Modality Gap in Multi-modal Contrastive Representation Learning, W. Liang,
        Y. Zhang, Y. Kwon, S. Yeung and J. Zou, 2022.
        Energy statistics: A class of statistics based on distances, G. J. Székely and M. L. Rizzo, 2013.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> x, y = rng.normal(size=(2, 200, 4))
        >>> moved, wider = modality_gap(x, y + 5), modality_gap(x, 3 * y)
        >>> round(moved.removed, 1), moved.p > 0.05, wider.p < 0.05
        (1.0, True, True)
    """
    x, y = checked_pair(x, y)
    if x.shape[1] != y.shape[1]:
        raise KuamoError(f"codes 'x' and 'y': given sizes {x.shape[1]} and {y.shape[1]}; expected one space's codes")
    if draws < 19:
        raise KuamoError(f"draws: given {draws}; expected at least 19, or p cannot fall to .05")
    number = np.arange(len(x)) if group is None else group_numbers(group, len(x))
    units = blocks_of(number, most=rows, seed=seed)
    x, y = x[units.rows].astype(np.float64), y[units.rows].astype(np.float64)
    mean_x, mean_y = x.mean(0), y.mean(0)
    between, size = mean_x - mean_y, float(np.linalg.norm(mean_x) * np.linalg.norm(mean_y))
    spread = float(np.sqrt(0.5 * (x.var(0).sum() + y.var(0).sum())))
    signs = relabelings(units, draws, seed)
    shape = distribution_gap(x - mean_x, y - mean_y, signs)
    whole, centered = (float(energy(np.vstack(pair), signs[:1])[0]) for pair in ((x, y), (x - mean_x, y - mean_y)))
    return Gap(
        distance=float(np.linalg.norm(between)),
        spreads=float(np.linalg.norm(between)) / spread,
        cosine=float(mean_x @ mean_y) / size if size > 0 else float("nan"),
        distribution=float(np.sqrt(shape[0])),
        chance=float(np.sqrt(shape[1:]).mean()),
        p=permutation_p(shape),
        p_centroid=permutation_p(np.linalg.norm(signs @ (x - y), axis=1)),
        removed=1 - centered / whole if whole > 0 else 0.0,
        units=len(units),
        rows=len(x),
    )


def relabelings(units: ExchangeableBlocks, draws: int, seed: int) -> Matrix:
    """Signs (draws + 1, n): +1 where a row's x stays x, −1 where it changes places with y; units as a whole."""
    rng = np.random.default_rng([seed, 5])
    signs: Matrix = (rng.integers(0, 2, (draws + 1, len(units))) * 2 - 1).astype(np.float64)
    signs[0] = 1
    return np.take(signs, units.number, axis=1)


def distribution_gap(x: Matrix, y: Matrix, signs: Matrix) -> Matrix:
    """H (draws + 1,) of centred codes: E over twice the mean distance between two codes of different labels."""
    codes = np.vstack([x, y])
    labels = np.hstack([signs, -signs])
    linear = linear_span(codes)
    labels = labels - (labels @ linear) @ linear.T
    labels *= np.sqrt(labels.shape[1]) / np.maximum(np.linalg.norm(labels, axis=1, keepdims=True), 1e-12)
    apart = np.sqrt(squared_distances(codes))
    n = len(x)
    difference = -np.einsum("kn,kn->k", labels @ apart, labels) / n**2
    # With s = ±1 the mean distance between different labels is (1ᵀD1 − sᵀDs)/2n².
    across = (apart.sum() / n**2 + difference) / 2
    share = difference / (2 * np.maximum(across, np.finfo(np.float64).tiny))
    return np.clip(share, 0, 1).astype(np.float64)


def linear_span(codes: Matrix) -> Matrix:
    """An orthonormal basis (2n, r) of what is linear in codes (2n, d), with a constant.

    Where d exceeds 256 or n/2, along so many directions drawn at random, or nothing would be left.
    """
    most = min(AXES, max(1, len(codes) // 4))
    if codes.shape[1] > most:
        codes = codes @ np.random.default_rng(0).standard_normal((codes.shape[1], most))
    basis, right = np.linalg.qr(np.hstack([np.ones((len(codes), 1)), codes]))
    size = np.abs(np.diagonal(right))
    return basis[:, size > 1e-9 * size.max()]


def energy(codes: Matrix, signs: Matrix) -> Matrix:
    """E of pooled codes (2n, d), for each line of signs."""
    labels = np.hstack([signs, -signs])
    apart = np.sqrt(squared_distances(codes))
    return -np.einsum("kn,kn->k", labels @ apart, labels) / signs.shape[1] ** 2
