"""Are two columns related at all? A permutation test, of linear and of other relations.

    K = Wx Wxᵀ,  L = Wy Wyᵀ    of ridge-whitened rows:  Wx = X (Σx + λI)^(-1/2),  λ = c tr(Σx)/r
    S(π) = Σ_{i<j} K_ij L_π(i)π(j)  =  ½ ‖Wxᵀ Wy[π]‖²_F, but for a row's pair with itself
    p = (1 + #{draws π: S(π) ≥ S(given pairing)}) / (1 + draws)

**Linear**: c = 1, which evens axes out and finds what is faint in its own column, and c = 10, nearly plain covariances,
which do best where most axes are noise. **Nonlinear**: the same sum with kernels of what is not linear, on either side
or both:

    square    k = (w·w')²                   squares, lengths, products (so "exclusive or")
    narrow    k = exp(−2 ‖w − w'‖² / m²)    classes, waves, whatever is local; m the median distance

Scales come from each column alone, never from the pairing, so any pairing of units (see `units`) is as likely as
the given one if nothing relates the columns. The same draws serve all statistics: the best of several is compared
with the best of several in every draw, which is exact and loses less than Bonferroni's division. So are several pairs
of columns (`family`): those of columns with the same rows share their draws (`dependence_evidence`).

**Rows looked at**: at most `rows` (1,000), from as many groups as there are. Time and memory do not grow beyond.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kuamo.core.errors import KuamoError
from kuamo.core.types import Matrix
from kuamo.metrics.dependence.exchangeable import ExchangeableBlocks, blocks_of, permutation_p
from kuamo.metrics.dependence.family_wise import tail_evidence
from kuamo.metrics.dependence.kernels import centered, gaussian, squared_distances
from kuamo.metrics.dependence.near_duplicates import (
    near_duplicate_clusters,
    paired_rows,
    pairwise_distances,
    rows_drawn,
)

__all__ = ["DependenceTest", "dependence_evidence", "dependence_test"]


Pair = tuple[str, str]
RIDGES = {"even": 1.0, "strong": 10.0}
LINEAR = [(name, name) for name in RIDGES]
NONLINEAR = [
    ("square", "strong"),
    ("strong", "square"),
    ("square", "square"),
    ("narrow", "even"),
    ("even", "narrow"),
    ("narrow", "narrow"),
]
WIDTH = 0.5  # of the narrow kernel, in median distances
LINEAR_SHARE = 0.65  # of the false alarms that are allowed: weak linear relations are more worth finding
KERNELS = [*RIDGES, "square", "narrow"]
COLUMNS = 64  # of a tile: more of them would make the sums of all draws large
FAR_OUT = 3.0  # median lengths: a row beyond is drawn in, or a few would decide everything


@dataclass(frozen=True)
class DependenceTest:
    """Whether two columns are related.

    Args:
        p: how often unrelated columns look as related: below .05 they are taken to be related.
        linear, nonlinear: the same, of linear relations and of others alone. `p` allows for having looked at both.
        strength, strength_nonlinear: standard deviations by which the best statistic of either kind exceeds its mean
            over other pairings.
        units: groups that change places. rows: that were looked at. copies_found: groups were not given, but copies
            were found and made groups.
        evidence: (K + 1,) of the given pairing and the draws, for p-values of several pairs (see `family`).
    """

    p: float
    linear: float
    nonlinear: float
    strength: float
    strength_nonlinear: float
    units: int
    rows: int
    copies_found: bool
    evidence: NDArray[np.float64] = field(repr=False, compare=False)


def dependence_test(
    x: ArrayLike,
    y: ArrayLike,
    group: Sequence[Any] | NDArray | None = None,
    *,
    draws: int = 200,
    rows: int = 1000,
    seed: int = 0,
) -> DependenceTest:
    """Whether x (n, Dx) and y (n, Dy), rows paired, are related: p = (1 + c)/(1 + draws), exact over whole groups.

    Args:
        group: (n,) rows of one group repeat each other, and change places together. Where it is not given, rows that
            repeat each other in both columns are found (see `copies`); the test is then exact up to how well.
        draws: K other pairings; p is at least 1/(K + 1). rows: looked at, at most.

    References:
        Measuring Statistical Dependence with Hilbert-Schmidt Norms, A. Gretton, O. Bousquet, A. Smola and B. Schölkopf,
        2005. Permutation P-values Should Never Be Zero, B. Phipson and G. K. Smyth, 2010.
        Resampling-Based Multiple Testing, P. Westfall and S. Young, 1993 (the best of several, by the same draws).

    Example:
        >>> rng = np.random.default_rng(0)
        >>> x, noise = rng.normal(size=(2, 100, 3))
        >>> dependence_test(x, abs(x) + noise / 2).p < 0.05, dependence_test(x, noise).p < 0.05
        (True, False)
    """
    if draws < 19:
        raise KuamoError(f"draws: given {draws}; expected at least 19, or p cannot fall to .05")
    pairs = paired_rows(x, y, group, most=rows, seed=seed)
    drawn = statistics(pairs.x, pairs.y, pairs.units, draws, seed)
    linear, other = best_of_kinds(drawn)
    p_linear, p_other = rank_p(linear), rank_p(other)
    evidence = evidence_of(linear, other)
    return DependenceTest(
        p=permutation_p(evidence),
        linear=float(p_linear[0]),
        nonlinear=float(p_other[0]),
        strength=float(linear[0]),
        strength_nonlinear=float(other[0]),
        units=len(pairs.units),
        rows=len(pairs.units.rows),
        copies_found=pairs.found,
        evidence=evidence,
    )


def dependence_evidence(
    columns: Mapping[str, NDArray], pairs: Collection[Pair], *, draws: int = 200, rows: int = 1000, seed: int = 0
) -> dict[Pair, NDArray[np.float64]]:
    """`Related.evidence` of pairs of columns (n, D_c) that all have the same rows, each its own group.

    In every draw each column's rows change places by a permutation of its own. Any two columns are then paired at
    random, all pairs of columns by one draw: exact for the best of all pairs, at the cost of one permutation a column.
    Two columns in which rows repeat each other (see `near_duplicates`) are tested by themselves.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> x, noise = rng.normal(size=(2, 100, 3))
        >>> columns = {"a": x, "b": x + noise, "c": rng.normal(size=(100, 3))}
        >>> found = dependence_evidence(columns, [("a", "b"), ("a", "c")])
        >>> [pair for pair, drawn in found.items() if permutation_p(drawn) < 0.05]
        [('a', 'b')]
    """
    names, n = list(columns), len(next(iter(columns.values())))
    at = {name: k for k, name in enumerate(names)}
    drawn = rows_drawn(n, rows, seed)
    units = blocks_of(np.arange(len(drawn)), most=rows, seed=seed)
    features = {name: x[drawn] for name, x in columns.items()}
    apart = {name: pairwise_distances(x) for name, x in features.items()}
    of_column = np.stack([stacked(kernels(x[units.rows])) for x in features.values()])
    found: dict[Pair, NDArray[np.float64]] = {}
    for start in range(0, len(names), COLUMNS):
        tile = range(start, min(start + COLUMNS, len(names)))
        sums = jointly_permuted_sums(of_column, tile, units, draws, seed)
        for a, b in ((a, b) for a, b in pairs if at[b] in tile):
            if int(near_duplicate_clusters(apart[a], apart[b]).max()) + 1 < len(drawn):
                found[a, b] = dependence_test(columns[a], columns[b], draws=draws, rows=rows, seed=seed).evidence
            else:
                found[a, b] = evidence_of(*best_of_kinds(by_kernel(sums[:, at[a], :, at[b] - start])))
    return {pair: found[pair] for pair in pairs}


def jointly_permuted_sums(
    kernel: NDArray[np.float32], tile: range, units: ExchangeableBlocks, draws: int, seed: int
) -> NDArray[np.float32]:
    """S (draws + 1, C, 4, T, 4) of the kernels (C, 4, n, n) of all columns with those of the columns of a tile."""
    count, kinds, n = kernel.shape[:3]
    kernel = kernel.reshape(count, kinds, n * n)
    i, j = np.triu_indices(n, 1)
    rng = np.random.default_rng([seed, 1])
    room = np.empty((count, kinds, len(i)), np.float32)
    found = np.empty((draws + 1, count, kinds, len(tile), kinds), np.float32)
    for k in range(draws + 1):
        for column, into in zip(kernel, room, strict=True):
            p = units.draw(rng) if k else np.arange(n)
            np.take(column, np.take(p * n, i) + np.take(p, j), axis=1, out=into, mode="clip")
        flat = room.reshape(count * kinds, -1)
        found[k] = (flat @ flat[tile.start * kinds : tile.stop * kinds].T).reshape(found.shape[1:])
    return found


def best_of_kinds(drawn: Mapping[Pair, NDArray]) -> tuple[Matrix, Matrix]:
    """The best linear statistic (draws + 1,) of every pairing in standard deviations, and the best nonlinear one."""
    linear, other = (z_scores(np.stack([drawn[pair] for pair in kind])).max(0) for kind in (LINEAR, NONLINEAR))
    return linear, other


def evidence_of(linear: Matrix, other: Matrix) -> NDArray[np.float64]:
    """The larger of both kinds' tail evidence (draws + 1,), shares of the false alarms allowed for."""
    return np.maximum(tail_evidence(linear) + np.log(LINEAR_SHARE), tail_evidence(other) + np.log(1 - LINEAR_SHARE))


def statistics(x: NDArray, y: NDArray, units: ExchangeableBlocks, draws: int, seed: int) -> dict[Pair, NDArray]:
    """S (draws + 1,) of the given pairing and others, for every kernel of x with every kernel of y."""
    kernels_x, kernels_y = kernels(x), kernels(y)
    n = len(x)
    i, j = np.triu_indices(n, 1)
    weight = unit_weights(units, kernels_x["even"], kernels_y["even"]).astype(np.float32)
    of_x = stacked(kernels_x)[:, i, j] * weight[i] * weight[j]
    # All kernels of a pair (i, j) side by side: a draw is one walk through memory, not one for each.
    of_y = np.ascontiguousarray(stacked(kernels_y).reshape(len(KERNELS), -1).T)
    room, row, column = np.empty((len(i), len(KERNELS)), np.float32), np.empty_like(i), np.empty_like(i)
    found = np.empty((draws + 1, len(KERNELS), len(KERNELS)), np.float32)
    for k, p in enumerate(units.draws(draws, seed)):  # fresh arrays for every draw would cost more than the sums
        place = np.add(np.take(p * n, i, out=row, mode="clip"), np.take(p, j, out=column, mode="clip"), out=row)
        found[k] = of_x @ np.take(of_y, place, axis=0, out=room, mode="clip")
    return by_kernel(found)


def by_kernel(sums: NDArray[np.float32]) -> dict[Pair, NDArray]:
    """S (draws + 1,) of kernels of x with kernels of y, of all of them (draws + 1, 4, 4)."""
    return {(a, b): sums[:, k, l] for k, a in enumerate(KERNELS) for l, b in enumerate(KERNELS)}


def stacked(of_column: Mapping[str, Matrix]) -> NDArray[np.float32]:
    """Kernels (4, n, n) of one column, each in units of its norm."""
    return np.stack([unit_norm(kernel) for kernel in of_column.values()])


def kernels(x: NDArray) -> dict[str, Matrix]:
    """Centred kernels (n, n) of one column: linear ones, squares of these, and narrow ones."""
    x = clipped_rows(x)
    gram = x @ x.T if x.shape[1] > len(x) else None
    if gram is None:
        values, axes = np.linalg.eigh(x.T @ x)
        scores = x @ axes
        left = scores / np.sqrt(np.maximum(values, np.finfo(np.float64).tiny))
    else:
        values, left = np.linalg.eigh(gram)
    real = values > 1e-10 * values[-1]
    values, left = values[real], left[:, real]
    mean = float(values.sum()) / min(len(x) - 1, x.shape[1])
    white = {name: left * np.sqrt(values / (values + c * mean)) for name, c in RIDGES.items()}
    found = {name: w @ w.T for name, w in white.items()}
    narrow = gaussian(squared_distances(white["even"]), WIDTH)
    return found | {"square": centered(square_of(white["strong"])), "narrow": centered(narrow)}


def square_of(white: Matrix) -> Matrix:
    """(w·w')², with long rows drawn in once more."""
    w = clipped_rows(white)
    product = w @ w.T
    return product * product


def clipped_rows(x: NDArray) -> Matrix:
    """Rows about their mean; what is longer than three median lengths has that length. Turns with x, and scales."""
    x = x.astype(np.float64)
    for _ in range(3):  # what is drawn in moves the mean
        x = x - x.mean(0)
        length = np.linalg.norm(x, axis=1)
        most = FAR_OUT * float(np.median(length))
        if most == 0:
            return x
        x = x * np.minimum(1, most / np.maximum(length, most))[:, None]
    return x - x.mean(0)


def unit_weights(units: ExchangeableBlocks, kernel_x: Matrix, kernel_y: Matrix) -> Matrix:
    """The weight (n,) of rows: 1/(1 + (s − 1) ρx ρy) in a unit of s rows that repeat to the share ρ in each column.

    Copies then count as one row, and rows that do not repeat as so many. Units of one size share one weight, so
    that no draw is favoured.
    """
    share = repeating(units, kernel_x) * repeating(units, kernel_y)
    weight = np.ones(len(units.rows))
    for block in units.blocks:
        weight[block] = 1 / (1 + (block.shape[1] - 1) * share)
    return weight / weight.mean()


def repeating(units: ExchangeableBlocks, kernel: Matrix) -> float:
    """ρ in [0, 1]: the product of two rows of a unit, on average, over that of a row with itself."""
    between, own = 0.0, 0.0
    for block in units.blocks:
        inside = kernel[block[:, :, None], block[:, None, :]]
        trace = np.trace(inside, axis1=1, axis2=2)
        between += float((inside.sum((1, 2)) - trace).sum())
        own += (block.shape[1] - 1) * float(trace.sum())
    return min(1.0, max(0.0, between / own)) if own > 0 else 0.0


def unit_norm(kernel: Matrix) -> NDArray[np.float32]:
    """The kernel in units of its norm, float32."""
    norm = float(np.linalg.norm(kernel))
    return (kernel / max(norm, np.finfo(np.float64).tiny)).astype(np.float32)


def z_scores(drawn: NDArray) -> Matrix:
    """Statistics (k, K + 1) in standard deviations from their means over all pairings, the given one among them."""
    drawn = drawn.astype(np.float64)
    spread = drawn.std(1, keepdims=True)
    even = spread <= 1e-9 * np.abs(drawn).max(1, keepdims=True)  # no draw differs: it says nothing
    return np.where(even, 0.0, (drawn - drawn.mean(1, keepdims=True)) / np.where(even, 1.0, spread))


def rank_p(drawn: Matrix) -> Matrix:
    """For each of K + 1 pairings the share that reaches as much; equal up to rounding is equal."""
    ascending = np.sort(drawn)
    return 1 - np.searchsorted(ascending, drawn - 1e-6 * np.abs(drawn).max(), side="left") / len(drawn)
