"""The exact scan: the k best of any number of codes, a tile at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

__all__ = ["k_nearest", "row_tiles"]

TILE_ROWS = 8192


def k_nearest(
    blocks: Iterable[tuple[np.ndarray, np.ndarray]], queries: np.ndarray, k: int
) -> list[tuple[np.ndarray, np.ndarray]]:
    """For each query the k best (handles, scores), best first; equal scores in the order of their handles.

    Args:
        blocks: (handles (n,), codes (n, d)) again and again; only one block and k candidates are held.
        queries: (B, d). k: how many.

    Example:
        >>> [(handles, scores)] = k_nearest([(np.array([7, 8, 9]), np.eye(3))], np.array([[0.0, 1.0, 0.5]]), 2)
        >>> handles.tolist(), scores.tolist()
        ([8, 9], [1.0, 0.5])
    """
    found = [(np.empty(0, np.int64), np.empty(0, np.float32)) for _ in queries]
    for handles, codes in blocks:
        scores = queries @ codes.T
        found = [
            _best(np.concatenate([had, handles]), np.concatenate([old, new]), k)
            for (had, old), new in zip(found, scores, strict=True)
        ]
    return found


def row_tiles(handles: np.ndarray, codes: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Codes that are in memory, a tile at a time."""
    for start in range(0, len(handles), TILE_ROWS):
        yield handles[start : start + TILE_ROWS], codes[start : start + TILE_ROWS]


def _best(handles: np.ndarray, scores: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    if len(scores) > k:
        # Everything as good as the k-th stays in the draw, so that ties are broken by the handle alone.
        keep = scores >= np.partition(scores, len(scores) - k)[len(scores) - k]
        handles, scores = handles[keep], scores[keep]
    order = np.lexsort((handles, -scores))[:k]
    return handles[order], scores[order]
