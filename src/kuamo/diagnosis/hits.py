"""From ranks among M answers to the chance of a hit among G: what a gallery of another size would do.

Of a query, let c of M other answers beat the right one. G − 1 others are a draw, q = (G − 1)/M:

    q ≤ 1:  P(X < k), X ~ Hypergeometric(M, c, G − 1)
    q > 1:  ∫ P(Bin(G − 1, p) < k) g(p) dp,   g = argmax Σ_i log ∫ Bin(c_i | M, p) g(p) dp

p is the share of *all* answers that there could be. The share c/M itself is too sure: a query that nothing beats among
20 is beaten by some of 2,000. Answers of the query's own group come along whole; other right ones (of the same label)
come and go with the draw: with those above the own one at j = 1, 2 …, w_j wrong ones before the j-th,

    P(hit) = Σ_j q (1 − q)^(j−1) P(Bin(w_j, q) < k) + (1 − q)^J P(Bin(c, q) + own wrong ones < k)

and Poisson laws in place of these where q > 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kuamo.metrics.ranking import ROUNDING

__all__ = ["Beaten", "beaten", "hit_chance"]

Numbers = NDArray[np.float64]
GRID = 128  # shares p at which g may have mass
ROUNDS = 300  # of expectation–maximisation, after which no figure moves by more than .001


@dataclass(frozen=True, eq=False)
class Beaten:
    """What each of n queries met in a gallery.

    Args:
        others: M, (n,) answers of other groups. wrong: c (n,), wrong ones among them that are not below the best right
            answer of the query's own group. own: (n,) wrong ones of its own group that are not below it.
        before: {query: w (J,)}, where right answers of other groups stand above it.
    """

    others: NDArray[np.intp]
    wrong: NDArray[np.intp]
    own: NDArray[np.intp]
    before: dict[int, NDArray[np.intp]]


def beaten(queries: NDArray, answers: NDArray, key: NDArray, group: NDArray) -> Beaten:
    """Rank answers, of which the i-th belongs to the i-th query; equal keys are right.

    Args:
        queries: (n, d) codes. answers: (n, d), compared by dot product; scores that differ by rounding are equal, and
            ties count against. key: (n,). group: (n,).

    Example:
        >>> beaten(np.eye(3), np.eye(3)[[0, 0, 2]], np.arange(3), np.arange(3)).wrong
        array([1, 2, 0])
    """
    score = queries @ answers.T
    reach = ROUNDING * np.linalg.norm(queries, axis=1) * np.linalg.norm(answers, axis=1).max()
    right, own = key[:, None] == key, group[:, None] == group
    mine = np.where(right & own, score, -np.inf).max(1)
    above = score >= (mine - reach)[:, None]
    wrong = above & ~right
    before = {}
    elsewhere = right & ~own & (score > mine[:, None])
    for i in np.flatnonzero(elsewhere.any(1)):
        bars = np.sort(score[i, elsewhere[i]])[::-1] - reach[i]
        others = np.sort(score[i, wrong[i] & ~own[i]])
        before[int(i)] = len(others) - np.searchsorted(others, bars)
    return Beaten((~own).sum(1), (wrong & ~own).sum(1), (wrong & own).sum(1), before)


def hit_chance(met: Beaten, gallery: int, k: int) -> Numbers:
    """P(a right answer among the first k) (n,) of each query, in a gallery of so many answers.

    Example:
        >>> met = beaten(np.eye(3), np.eye(3)[[0, 0, 2]], np.arange(3), np.arange(3))
        >>> hit_chance(met, 3, 1), hit_chance(met, 2, 1)
        (array([0., 0., 1.]), array([0.5, 0. , 1. ]))
    """
    share = (gallery - 1) / np.maximum(met.others, 1)
    if share.max(initial=0) <= 1:
        chance = fewer_drawn(met.wrong, met.others, np.full(len(met.wrong), gallery - 1), k - met.own)
    else:
        chance = fewer_beyond(met.wrong, met.others, gallery - 1, k - met.own)
    if met.before:
        few = {q: fewer_kept(int(met.wrong.max()), q, k) for q in np.unique(share)}
        for i, ahead in met.before.items():
            chance[i] = with_others_right(chance[i], ahead, share[i], few[share[i]])
    return chance


def with_others_right(own: float, ahead: NDArray[np.intp], q: float, few: Numbers) -> float:
    """P(hit) where right answers of other groups come first with chance: `own` is that of the query's own alone."""
    lost = 1 - q if q < 1 else np.exp(-q)
    missing = lost ** np.arange(len(ahead))
    return float((1 - lost) * (missing * few[ahead]).sum() + lost ** len(ahead) * own)


def log_factorials(n: int) -> Numbers:
    """log i! (n + 1,)."""
    return np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, n + 1)))])


def fewer_drawn(c: NDArray, m: NDArray, drawn: NDArray, k: NDArray) -> Numbers:
    """P(X < k), X ~ Hypergeometric: of m answers c are marked, `drawn` are taken."""
    table = log_factorials(int(m.max(initial=0)))

    def ways(n: NDArray, j: NDArray) -> Numbers:
        fits = (j >= 0) & (j <= n)
        j = np.where(fits, j, 0)
        return np.where(fits, table[n] - table[j] - table[n - j], -np.inf)

    total, whole = np.zeros(len(c)), ways(m, drawn)
    for j in range(int(k.max(initial=0))):
        at = np.full(len(c), j)
        total += np.where(j < k, np.exp(ways(c, at) + ways(m - c, drawn - at) - whole), 0)
    return np.clip(total, 0, 1)


def fewer_kept(most: int, q: float, k: int) -> Numbers:
    """P(X < k) (most + 1,) for w = 0 … most: X ~ Bin(w, q) if q ≤ 1, else Poisson(q w)."""
    w = np.arange(most + 1.0)
    table = log_factorials(max(most, k))
    total = np.zeros(most + 1)
    for j in range(k):
        if q >= 1:
            mean = q * w
            total += np.exp(-mean + j * np.log(np.maximum(mean, 1e-300)) - table[j]) if j else np.exp(-mean)
        else:
            fits = w >= j
            rest = np.where(fits, w - j, 0).astype(int)
            log = table[w.astype(int)] - table[j] - table[rest] + j * np.log(max(q, 1e-300)) + rest * np.log1p(-q)
            total += np.where(fits, np.exp(log), 0)
    return np.clip(total, 0, 1)


def fewer_beyond(c: NDArray, m: NDArray, drawn: int, k: NDArray) -> Numbers:
    """∫ P(Bin(drawn, p) < k) g(p | c) dp (n,), g by maximum likelihood from all c."""
    p = np.concatenate([[0.0], np.geomspace(0.02 / (drawn + 1), 0.999, GRID - 1)])
    like = np.exp(log_binomial(c, m, p))
    like /= like.max(1, keepdims=True)
    g = np.full(GRID, 1 / GRID)
    for _ in range(ROUNDS):
        post = like * g
        post /= post.sum(1, keepdims=True)
        g = post.mean(0)
    few = {int(j): below(drawn, p, int(j)) for j in np.unique(k)}
    return np.clip(np.einsum("ng,ng->n", post, np.stack([few[int(j)] for j in k])), 0, 1)


def log_binomial(c: NDArray, m: NDArray, p: Numbers) -> Numbers:
    """log pᶜ (1 − p)^(m−c), (n, grid); the number of ways is the same for all p."""
    with np.errstate(divide="ignore"):
        log_p = np.log(p)
    first = np.where(c[:, None] > 0, c[:, None] * np.where(p > 0, log_p, -1e9), 0.0)
    return first + (m - c)[:, None] * np.log1p(-p)


def below(n: int, p: Numbers, k: int) -> Numbers:
    """P(Bin(n, p) < k) for each p."""
    table = log_factorials(n)
    total = np.zeros(len(p))
    for j in range(min(k, n + 1)):
        log = table[n] - table[j] - table[n - j] + (j * np.log(np.maximum(p, 1e-300)) if j else 0) + (n - j) * np.log1p(-p)
        total += np.exp(log)
    return np.clip(total, 0, 1)
