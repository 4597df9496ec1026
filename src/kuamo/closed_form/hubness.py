"""Hubness: in many dimensions some answers are near to every query, whatever is asked; each pays for that.

    s'(q, g) = s(q, g) − h(g),     h(g) = 1/β log (1/m Σ_b e^{β s(b, g)})

b are m queries, a bank, that do not belong to g. The order of answers is that of the softmax over *queries*,
e^{β s(q, g)} / Σ_b e^{β s(b, g)}. As β → 0, h is the mean score of an answer; as β grows, the largest.

References:
    Hubs in Space: Popular Nearest Neighbors in High-Dimensional Data, M. Radovanović, A. Nanopoulos and M. Ivanović,
    2010; Offline Bilingual Word Vectors, Orthogonal Transformations and the Inverted Softmax, S. Smith et al., 2017.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["TILE_SCORES", "hubness"]

TILE_SCORES = 4_000_000  # 16 MB of float32


def hubness(scores: NDArray, beta: float) -> NDArray:
    """h (n,) of the scores (m, n) between a bank and n answers.

    Example:
        >>> hubness(np.array([[1.0, 0.0], [1.0, 0.0]]), 5.0).round(6).tolist()
        [1.0, 0.0]
    """
    most = scores.max(0)
    return most + np.log(np.mean(np.exp(beta * (scores - most)), axis=0)) / beta
