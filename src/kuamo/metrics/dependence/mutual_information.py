"""InfoNCE's lower bound on the mutual information of paired codes, on held-out rows.

    I(x; y) ≥ log N − L,   L = −E log( exp s(x_i, y_i) / Σ_j exp s(x_i, y_j) ),   N independent pairs in a batch

in nats. Any score s gives a bound; three are tried, each with a temperature τ, and what does best on the rows that it
was fitted on is kept:

    cosine     s = x·y / (‖x‖‖y‖ τ)
    distance   s = −‖x − y‖² / 2τ
    Gaussian   s = log p(x, y)/(p(x) p(y)) / τ of a normal law: Σ_c (ρ_c u_c v_c − ½ρ_c² (u_c² + v_c²)) / (1 − ρ_c²)
               over canonical variates u, v with correlations ρ, ridge included, on at most 256 principal axes; the
               best there is for normal codes

**The ceiling.** L ≥ 0, so no bound from N pairs exceeds log N, however much more there is to know. A bound that still
rises as N doubles is cut off by it, not reached: `saturated` says so.

**No optimism**: rows are dealt in two halves by groups. Score and temperature are fitted on one and read on the other,
and the other way round. A batch has one row of each group, since copies are not independent pairs.

**Rows looked at**: at most `batches` × `batch` of each half.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kuamo.closed_form.arc_cosine_kernel import unit_rows
from kuamo.closed_form.cca import CCAMaps, cca
from kuamo.closed_form.linear_map import LinearMap
from kuamo.core.errors import KuamoError
from kuamo.metrics.bootstrap import bootstrap
from kuamo.metrics.dependence.exchangeable import checked_pair, group_numbers

__all__ = ["Information", "infonce_bound"]

Score = Callable[[NDArray, NDArray], NDArray]  # (n, Dx), (m, Dy) → (n, m), at temperature 1

LEAST = 20  # groups: a half of ten
RISE = 0.1  # nats by which a bound that is not cut off may rise as N doubles
RIDGES = (0.001, 0.03, 1.0)
JUDGED = 512  # rows that choose score and temperature
STEPS = 25  # of golden-section search: τ to four digits
MOST_RHO = 0.999
AXES = 256  # of each column, for the Gaussian


@dataclass(frozen=True)
class Information:
    """A lower bound on mutual information, in nats.

    Args:
        nats: log N − L on rows held out, at least 0; low, high: its 95 % interval over groups.
        ceiling: log N, the most that the bound can be. batch: N. rise: what the last doubling of N added.
        saturated: `rise` is more than a tenth of a nat: there is more information than so few rows can show.
        score: `"cosine"`, `"distance"` or `"Gaussian"`, of the first half. pairs: that were read.
    """

    nats: float
    low: float
    high: float
    ceiling: float
    batch: int
    rise: float
    saturated: bool
    score: str
    pairs: int


def infonce_bound(
    x: ArrayLike,
    y: ArrayLike,
    group: Sequence[Any] | NDArray | None = None,
    *,
    batch: int = 1024,
    batches: int = 2,
    seed: int = 0,
) -> Information:
    """InfoNCE's bound on I(x; y) of paired codes x (n, Dx), y (n, Dy), on rows held out.

    Args:
        x, y: the cosine and the distance are tried where both have as many numbers, the Gaussian always.
        group: (n,) rows of one group repeat each other: one of them is in a batch. Where it is not given every row
            counts, and copies make the bound lower.
        batch: N, at most; half the number of groups where these are fewer. batches: of each half, at most.

    References:
        Representation Learning with Contrastive Predictive Coding, A. van den Oord, Y. Li and O. Vinyals, 2018.
        On Variational Bounds of Mutual Information, B. Poole, S. Ozair, A. van den Oord, A. Alemi and G. Tucker, 2019.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> x, noise = rng.normal(size=(2, 1000, 1))
        >>> found = infonce_bound(x, 0.8 * x + 0.6 * noise)      # truly −½ log(1 − .8²) = .511
        >>> round(found.nats, 1), found.saturated
        (0.5, False)
    """
    x, y = checked_pair(x, y)
    number = np.arange(len(x)) if group is None else group_numbers(group, len(x))
    halves = two_halves(number, seed)
    size = min(batch, *(len(half) for half in halves))
    if batch < 2 or batches < 1:
        raise KuamoError(f"given batch={batch}, batches={batches}; expected at least 2 and 1")
    first, second = (
        [half[k * size : (k + 1) * size] for k in range(min(batches, len(half) // size))] for half in halves
    )
    whole, smaller, names = [], [], []
    for fitted, read in ((first, second), (second, first)):
        name, score, tau = best_score(x, y, fitted)
        names.append(name)
        for rows in read:
            given = score(x[rows], y[rows]) / tau
            whole.append(gained(given))
            smaller += [gained(part) for part in quarters(given)]
    each = np.concatenate(whole)
    interval = bootstrap(each, seed=seed)
    ceiling = float(np.log(size))
    rise = interval.value - float(np.concatenate(smaller).mean())
    return Information(
        nats=max(0.0, interval.value),
        low=max(0.0, interval.low),
        high=min(ceiling, max(0.0, interval.high)),
        ceiling=ceiling,
        batch=size,
        rise=rise,
        saturated=rise > RISE,
        score=names[0],
        pairs=len(each),
    )


def quarters(score: NDArray) -> tuple[NDArray, NDArray]:
    """The scores of two batches of half the size, on the diagonal of those of one (N, N)."""
    half = len(score) // 2
    return score[:half, :half], score[half : 2 * half, half : 2 * half]


def two_halves(number: NDArray[np.intp], seed: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Two halves of the groups, one row of each, in random order."""
    shuffled = np.random.default_rng([seed, 3]).permutation(len(number))
    one_each = shuffled[np.unique(number[shuffled], return_index=True)[1]]
    if len(one_each) < LEAST:
        raise KuamoError(f"given {len(one_each)} groups of rows; expected at least {LEAST}, ten in each half")
    order = np.random.default_rng([seed, 4]).permutation(one_each)
    return order[: len(order) // 2], order[len(order) // 2 :]


def best_score(x: NDArray, y: NDArray, batches: Sequence[NDArray[np.intp]]) -> tuple[str, Score, float]:
    """The score and temperature that lose least on these rows.

    The Gaussian's correlations would fit their own rows too well: they are taken from one half of them, with several
    ridges, and temperatures, as well as the choice, from the other.
    """
    rows = np.concatenate(batches)
    solved, judged = rows[::2], rows[1::2][:JUDGED]
    scores: list[tuple[str, Score]] = [("Gaussian", one) for one in gaussian_scores(x[solved], y[solved])]
    if x.shape[1] == y.shape[1]:
        scores += [("cosine", cosine_score), ("distance", distance_score)]
    found = [(*fit_temperature(score(x[judged], y[judged])), name, score) for name, score in scores]
    _, tau, name, score = min(found, key=lambda one: one[0])
    return name, score, tau


def cosine_score(x: NDArray, y: NDArray) -> NDArray:
    """x·y/(‖x‖‖y‖)."""
    return unit_rows(x) @ unit_rows(y).T


def distance_score(x: NDArray, y: NDArray) -> NDArray:
    """−½‖x − y‖²."""
    return x @ y.T - 0.5 * (x * x).sum(1)[:, None] - 0.5 * (y * y).sum(1)


def gaussian_scores(x: NDArray, y: NDArray) -> list[Score]:
    """One score for each ridge: see `gaussian_score`."""
    axes_x, axes_y = leading_map(x), leading_map(y)
    x, y = axes_x(x), axes_y(y)
    found = []
    for ridge in RIDGES:
        maps = cca(x, y, min(x.shape[1], y.shape[1]), ridge=ridge)
        found.append(gaussian_score(maps, axes_x, axes_y))
    return found


def gaussian_score(maps: CCAMaps, axes_x: LinearMap, axes_y: LinearMap) -> Score:
    """The log ratio of normal densities whose canonical variates, of these axes, and correlations these are."""
    rho = np.minimum(maps.correlations, MOST_RHO)
    both, own = rho / (1 - rho * rho), 0.5 * rho * rho / (1 - rho * rho)

    def score(x: NDArray, y: NDArray) -> NDArray:
        u, v = maps.x(axes_x(x)), maps.y(axes_y(y))
        return (u * both) @ v.T - ((u * u) @ own)[:, None] - (v * v) @ own

    return score


def leading_map(x: NDArray) -> LinearMap:
    """Onto at most `AXES` principal axes of these rows (n, D), by the smaller of two matrices; all, if D is no more."""
    mean = x.mean(0, dtype=np.float64)
    if x.shape[1] <= AXES:
        return LinearMap(mean, np.eye(x.shape[1]))
    x = x.astype(np.float64) - mean
    if len(x) < x.shape[1]:
        values, left = np.linalg.eigh(x @ x.T)
        axes = x.T @ left[:, ::-1][:, :AXES]
        return LinearMap(mean, axes / np.sqrt(np.maximum(values[::-1][:AXES], values[-1] * 1e-12)))
    return LinearMap(mean, np.linalg.eigh(x.T @ x)[1][:, ::-1][:, :AXES])


def fit_temperature(given: NDArray) -> tuple[float, float]:
    """The least mean loss over temperatures, and τ, by golden section: the loss is convex in 1/τ."""
    size = max(float(given.std()), float(np.finfo(given.dtype).tiny))
    low, high = np.log(1e-3 / size), np.log(1e3 / size)
    golden = (np.sqrt(5) - 1) / 2

    def loss(log_scale: float) -> float:
        return -float(gained(given * np.exp(log_scale)).mean())

    a, b = high - golden * (high - low), low + golden * (high - low)
    loss_a, loss_b = loss(a), loss(b)
    for _ in range(STEPS):
        if loss_a < loss_b:
            high, b, loss_b = b, a, loss_a
            a = high - golden * (high - low)
            loss_a = loss(a)
        else:
            low, a, loss_a = a, b, loss_b
            b = low + golden * (high - low)
            loss_b = loss(b)
    best = (low + high) / 2
    return loss(best), float(np.exp(-best))


def gained(score: NDArray) -> NDArray[np.float64]:
    """log N − loss of each pair (N,), the mean of both directions.

    Example:
        >>> gained(np.zeros((4, 4)))
        array([0., 0., 0., 0.])
    """
    own = np.diagonal(score).astype(np.float64)
    return own + np.log(len(score)) - 0.5 * (log_sum_exp_along(score, 1) + log_sum_exp_along(score, 0))


def log_sum_exp_along(score: NDArray, axis: int) -> NDArray[np.float64]:
    """log Σ exp along one axis, in a fifth of the time of scipy's."""
    most = score.max(axis)
    return np.log(np.exp(score - np.expand_dims(most, axis)).sum(axis)) + most
