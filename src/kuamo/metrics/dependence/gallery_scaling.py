"""From ranks among M answers to the chance of a hit among G: what a gallery of another size would do.

Of a query, let c of M other answers beat the right one. G − 1 others are a draw, q = (G − 1)/M:

    q ≤ 1:  P(X < k), X ~ Hypergeometric(M, c, G − 1)
    q > 1:  P(X < k), X ~ Bin(G − 1, p),   p = P(t ≥ t_right),   t = (score − the query's mean) / its deviation

The share p of *all* answers that there could be needs the tail of the scores: a query that nothing beats among 20 is
beaten by some of 2,000. It is the tail of the standardised scores of all queries together, n M of them. (On toys of
150–600 rows and a gallery of 1,500, a Gaussian tail was .14 of R@10 off, the most likely mixture of p .05, this .03.)

Answers of the query's own group come along whole; other right ones (of the same label) come and go with the draw: with
those above the own one at j = 1, 2 …, w_j wrong ones before the j-th, where q ≤ 1,

    P(hit) = Σ_j q (1 − q)^(j−1) P(Bin(w_j, q) < k) + (1 − q)^J P(own right one among the first k)

and where q > 1 there are q times as many of both kinds everywhere: R@k there is R@(k/q) here, at least R@1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kuamo.metrics.ranking import ROUNDING

__all__ = ["RankCounts", "hit_probability", "rank_counts"]

Figures = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class RankCounts:
    """What each of n queries met in a gallery.

    Args:
        others: M, (n,) answers of other groups. wrong: c (n,), wrong ones among them that are not below the best right
            answer of the query's own group. own: (n,) wrong ones of its own group that are not below it.
        right: (n,) share of right ones among the others.
        share: p (n,) of all wrong answers of other groups that there could be, that are not below it.
        before: {query: w (J,)}, where right answers of other groups stand above it.
    """

    others: NDArray[np.intp]
    wrong: NDArray[np.intp]
    own: NDArray[np.intp]
    right: Figures
    share: Figures
    before: dict[int, NDArray[np.intp]]


def rank_counts(queries: NDArray, answers: NDArray, key: NDArray, group: NDArray) -> RankCounts:
    """Rank answers, of which the i-th belongs to the i-th query; equal keys are right.

    Args:
        queries: (n, d) codes. answers: (n, d), compared by dot product; scores that differ by rounding are equal, and
            ties count against. key: (n,). group: (n,).

    Example:
        >>> rank_counts(np.eye(3), np.eye(3)[[0, 0, 2]], np.arange(3), np.arange(3)).wrong
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
    share = tail(score, mine - reach, ~own & ~right)
    others = (~own).sum(1)
    return RankCounts(
        others,
        (wrong & ~own).sum(1),
        (wrong & own).sum(1),
        (right & ~own).sum(1) / np.maximum(others, 1),
        share,
        before,
    )


def tail(score: NDArray, bar: NDArray, counts: NDArray[np.bool_]) -> Figures:
    """P(t ≥ its bar) (n,), from the standardised scores of all queries together; only those that count."""
    many = counts.sum(1)
    score = score.astype(np.float64)
    mean = np.divide(np.where(counts, score, 0).sum(1), many, out=np.zeros(len(score)), where=many > 0)
    spread = np.where(counts, score - mean[:, None], 0)
    deviation = np.sqrt(np.divide((spread**2).sum(1), many, out=np.zeros(len(score)), where=many > 0))
    deviation = np.maximum(deviation, np.finfo(np.float64).tiny)
    every = np.sort((spread / deviation[:, None])[counts])
    over = len(every) - np.searchsorted(every, (bar - mean) / deviation)
    return over / max(len(every), 1)


def hit_probability(met: RankCounts, gallery: int, k: int) -> Figures:
    """P(a right answer among the first k) (n,) of each query, in a gallery of so many answers.

    Example:
        >>> met = rank_counts(np.eye(3), np.eye(3)[[0, 0, 2]], np.arange(3), np.arange(3))
        >>> hit_probability(met, 3, 1), hit_probability(met, 2, 1)
        (array([0., 0., 1.]), array([0.5, 0. , 1. ]))
    """
    share = (gallery - 1) / np.maximum(met.others, 1)
    dense = share.max(initial=0) > 1
    if met.right.any() and dense:
        return subsampled_hits(met, k / share)
    if dense:
        return below(gallery - 1, met.share, k - met.own)
    chance = fewer_drawn(met.wrong, met.others, np.full(len(met.wrong), gallery - 1), k - met.own)
    for i, ahead in met.before.items():
        q = share[i]
        missing = (1 - q) ** np.arange(len(ahead))
        chance[i] = q * (missing * below(ahead, q, k)).sum() + (1 - q) ** len(ahead) * chance[i]
    return chance


def subsampled_hits(met: RankCounts, k: Figures) -> Figures:
    """The chance of a hit (n,) among the first k (n,) of this very gallery; k ≥ 1 may lie between two numbers."""
    first = met.wrong + met.own
    for i, ahead in met.before.items():
        first[i] = ahead[0]
    return np.clip(np.maximum(k, 1) - first, 0, 1)


def fewer_drawn(c: NDArray, m: NDArray, drawn: NDArray, k: NDArray) -> Figures:
    """P(X < k), X ~ Hypergeometric: of m answers c are marked, `drawn` are taken."""
    from scipy.special import gammaln

    def ways(n: NDArray, j: NDArray) -> Figures:
        fits = (j >= 0) & (j <= n)
        j = np.where(fits, j, 0)
        return np.where(fits, gammaln(n + 1) - gammaln(j + 1) - gammaln(n - j + 1), -np.inf)

    total, whole = np.zeros(len(c)), ways(m, drawn)
    for j in range(int(k.max(initial=0))):
        at = np.full(len(c), j)
        total += np.where(j < k, np.exp(ways(c, at) + ways(m - c, drawn - at) - whole), 0)
    return np.clip(total, 0, 1)


def below(n: NDArray | int, p: NDArray | float, k: NDArray | int) -> Figures:
    """P(Bin(n, p) < k).

    Example:
        >>> below(2, np.array([0.5, 0.0, 1.0]), np.array([1, 1, 3]))
        array([0.25, 1.  , 1.  ])
    """
    from scipy.special import bdtr

    return np.where(np.asarray(k) > 0, bdtr(np.clip(np.asarray(k) - 1, 0, n), n, p), 0.0)[()]
