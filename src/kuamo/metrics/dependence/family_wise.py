"""Many pairs of columns tested at once: p-values that allow for how many were looked at, whatever their number.

    e_k = −ln P(Γ ≥ S_k)            evidence of pairing k = 0 … K of one pair of columns, Γ a gamma fitted to its draws
    p of a family = (1 + #{k ≥ 1: max_F e_k ≥ max_F e_0}) / (K + 1)      a family F: all pairs, or those of one column

The best pair is compared with the best pair in every draw, so that the resolution, 1/(K + 1), does not shrink with the
number of pairs as Bonferroni's and Holm's does: with 200 draws these call nothing related from six columns on. The
gamma has mean, deviation and skewness of the draws (Pearson's type III), so that heavy and light tails compare; it is
the same for all K + 1 pairings, which keeps p exact however well it fits.

References:
    Resampling-Based Multiple Testing, P. Westfall and S. Young, 1993 (max-T, single step).
    A permutation approach to testing the RV coefficient, F. Kazi-Aoual et al., 1995 (Pearson type III tails).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kuamo.metrics.dependence.exchangeable import permutation_p

__all__ = ["Family", "family", "tail_evidence"]

NamePair = tuple[str, str]


@dataclass(frozen=True)
class Family:
    """p-values of pairs that were looked at together.

    Args:
        pairs: of each pair, among all pairs. columns: of each column with any other, among its pairs.
        any: that no two columns are related.
    """

    pairs: dict[NamePair, float]
    columns: dict[str, float]
    any: float


def family(evidence: Mapping[NamePair, NDArray]) -> Family:
    """p-values of every pair, of every column, and of all together.

    Args:
        evidence: pair → (K + 1,), the given pairing first, with one K for all.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> drawn = {pair: rng.exponential(size=201) for pair in [("a", "b"), ("a", "c"), ("b", "c")]}
        >>> drawn["a", "b"][0], drawn["a", "c"][0], drawn["b", "c"][0] = 12.0, 1.0, 0.5
        >>> found = family(drawn)
        >>> found.pairs["a", "b"] < 0.05, found.columns["a"] < 0.05, found.columns["c"] < 0.05
        (True, True, False)
    """
    if not evidence:
        return Family({}, {}, 1.0)
    best = largest_evidence(evidence.values())
    pairs = {pair: permutation_p(np.concatenate([one[:1], best[1:]])) for pair, one in evidence.items()}
    names = dict.fromkeys(name for pair in evidence for name in pair)
    columns = {
        name: permutation_p(largest_evidence(one for pair, one in evidence.items() if name in pair)) for name in names
    }
    return Family(pairs, columns, permutation_p(best))


def largest_evidence(evidence: Iterable[NDArray]) -> NDArray[np.float64]:
    """The largest of every pairing (K + 1,)."""
    return np.max(np.stack(list(evidence)), axis=0)


def tail_evidence(drawn: NDArray[np.floating]) -> NDArray[np.float64]:
    """−ln of the upper tail (K + 1,) of a gamma that is fitted to the pairings (K + 1,) without the largest of them.

    The largest is left out whichever pairing it is: one that is far out would decide the moments by itself.

    Example:
        >>> bool(tail_evidence(np.array([30.0, *np.random.default_rng(0).normal(size=200)]))[0] > 20)
        True
    """
    from scipy.special import gammaincc, gammaln

    rest = np.sort(np.asarray(drawn, np.float64))[:-1]
    spread = float(rest.std())
    if spread <= 1e-9 * max(1.0, float(np.abs(rest).max())):
        return np.zeros(len(drawn))
    z = (np.asarray(drawn, np.float64) - rest.mean()) / spread
    skewness = float(np.clip((((rest - rest.mean()) / spread) ** 3).mean(), 0.1, 4.0))
    shape = 4 / skewness**2
    y = np.maximum(shape + np.sqrt(shape) * z, 0.0)
    tail = gammaincc(shape, y)
    far = np.maximum(y, shape)  # beyond what a float can hold, the tail's leading term
    leading = (shape - 1) * np.log(far) - far - gammaln(shape)
    return -np.where(tail > 1e-300, np.log(np.maximum(tail, 1e-300)), leading)
