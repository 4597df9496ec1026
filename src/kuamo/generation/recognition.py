"""Is what is made of use? It is encoded, and searched with: does it find its row's other cells as a real cell does?

    R(x) = mean_i [ z_{j(i)} = z_i ],     j(i) = argmax_j s(code(x_i), z_j)

z are joint codes of the rows' other cells; what is made, and the rows' real cells, are both x. Rows whose z is equal,
such as those of one caption, are alike.
Nearer to the real cells than ridge in the energy score is no such thing: coloured noise may be that.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from kuamo.data.table import Table
from kuamo.embedding.space import EmbeddingSpace

__all__ = ["LEAST_SHARE", "codes_of_made", "share_found"]

LEAST_SHARE = 0.5  # of what real cells find: below it, what is made is of no use


def codes_of_made(space: EmbeddingSpace, name: str, made: list[Any]) -> np.ndarray:
    """Codes (n, d) of values made for a column, by its encoder and head."""
    table = Table({name: made}, modalities={name: space.port(name).modality})
    return np.asarray(space.encode_column(table, name, cache=False)[0].mean)


def share_found(
    codes: np.ndarray, wanted: np.ndarray, similarity: Callable[[np.ndarray, np.ndarray], np.ndarray]
) -> float:
    """How often the most similar of `wanted` (n, d) is that of the code's own row, or equal to it.

    Args:
        codes: (n, d), of the same rows. similarity: (n, d), (m, d) → (n, m).

    Example:
        >>> wanted = np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
        >>> share_found(wanted[[0, 1, 0]], wanted, lambda a, b: a @ b.T)
        0.6666666666666666
    """
    found = wanted[similarity(codes, wanted).argmax(1)]
    return float(np.isclose(found, wanted, atol=1e-5 * max(float(np.abs(wanted).max()), 1e-30)).all(1).mean())
