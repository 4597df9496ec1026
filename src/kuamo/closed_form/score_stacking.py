"""Stacking: how much each of several scores counts, by the likelihood of held-out pairs.

    p(j | i) = softmax_j Σ_k β_k s_k(i, j),   β ≥ 0
    L(β) = −Σ_i log Σ_{j right for i} p(j | i)  in both directions  + Σ_k β_k² + 2 Σ_{k learned} β_k

s_k in units of its standard deviation over all (i, j). A conditional logistic regression with as many parameters as
scores. The two penalties are priors that any number of pairs soon outweighs: one keeps β finite where a few held-out
pairs are separated perfectly, the other asks of a score that was learned from the pairs two nats of likelihood for
each unit of weight. Weights by mean reciprocal rank, on a grid, were noisier.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kuamo.core.errors import KuamoError
from kuamo.core.types import Matrix

__all__ = ["stack_scores"]

LEARNED = 2.0  # nats for each unit of β


def stack_scores(
    scores: Sequence[NDArray], learned: Sequence[bool], same: Sequence[NDArray[np.bool_] | None] | None = None
) -> Matrix:
    """Weights β ≥ 0 (K,) of K scores.

    Args:
        scores: of each fold (K, m, m), every held-out row with every other; row i belongs to column i.
        learned: (K,) was the score learned from pairs? It then has to earn its weight.
        same: of each fold (m, m), what is a right answer; the diagonal where it is `None`.

    Raises:
        KuamoError: no fold, or as many marks in `learned` as there are not scores.

    References:
        Stacked generalization, D. H. Wolpert, 1992; Stacked regressions, L. Breiman, 1996; Conditional logit analysis
        of qualitative choice behavior, D. McFadden, 1974.

    Example:
        >>> right, noise = np.eye(20), np.random.default_rng(0).normal(size=(20, 20))
        >>> good, bad = stack_scores([np.stack([right, noise])], [False, True])
        >>> bool(good > 10 * bad)
        True
    """
    from scipy.optimize import minimize

    if not scores or any(len(fold) != len(learned) for fold in scores):
        given = [len(fold) for fold in scores]
        raise KuamoError(f"scores: given folds of {given} scores; expected at least one fold, each of {len(learned)}")
    unit = np.sqrt(np.mean([fold.var((1, 2), dtype=np.float64) for fold in scores], axis=0))
    unit = np.where(unit > 0, unit, 1.0)
    folds = [np.asarray(fold, np.float64) / unit[:, None, None] for fold in scores]
    answers = [None] * len(folds) if same is None else list(same)
    price = LEARNED * np.asarray(learned, float)

    def loss(beta: Matrix) -> tuple[float, Matrix]:
        total, slope = float(beta @ beta + price @ beta), 2 * beta + price
        for fold, right in zip(folds, answers, strict=True):
            value, change = surprise(beta, fold, right)
            total, slope = total + value, slope + change
        return total, slope

    start = np.full(len(learned), 1 / len(learned))
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=[(0, None)] * len(learned))
    return found.x / unit


def surprise(beta: Matrix, scores: NDArray, right: ArrayLike | None) -> tuple[float, Matrix]:
    """−Σ log p of the right answers over both directions, halved, and its gradient (K,)."""
    joint = np.tensordot(beta, scores, 1)
    total, slope = 0.0, np.zeros(len(beta))
    for axis in (0, 1):
        share, log_sum = softmax(joint, axis)
        if right is None:
            total += log_sum.sum() - np.trace(joint)
            slope += np.einsum("kij,ij->k", scores, share) - np.einsum("kii->k", scores)
        else:
            inside, log_right = softmax(np.where(right, joint, -np.inf), axis)
            total += (log_sum - log_right).sum()
            slope += np.einsum("kij,ij->k", scores, share - inside)
    return total / 2, slope / 2


def softmax(x: Matrix, axis: int) -> tuple[Matrix, Matrix]:
    """Softmax along an axis, and log Σ exp."""
    most = x.max(axis, keepdims=True)
    weight = np.exp(x - most)
    total = weight.sum(axis, keepdims=True)
    return weight / total, np.log(total) + most
