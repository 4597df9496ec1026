"""The leading principal axes of many numbers, from a few passes over blocks: memory is D × k, whatever n.

    Q ← orth(Σ Q),     Σ Q = Σ_b (x_b − x̄)ᵀ ((x_b − x̄) Q) / n,     then the axes of Qᵀ Σ Q        (subspace iteration)

References:
    Finding structure with randomness, Halko, Martinsson and Tropp, 2011.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

__all__ = ["principal_axes"]

OVERSAMPLING = 1.2
PASSES = 3


def principal_axes(
    blocks: Iterable[np.ndarray], count: int, seed: int = 0, passes: int = PASSES
) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """Mean (D,), axes (D, k), variances (k,) falling, and the total variance, of blocks (b, D).

    Args:
        blocks: gone through `passes` + 1 times. count: k; fewer where there are fewer rows or numbers.
        seed: of the start.

    Example:
        >>> x = np.random.default_rng(0).normal(size=(500, 3)) * [5.0, 1.0, 0.1]
        >>> mean, axes, variance, total = principal_axes([x[:200], x[200:]], 2)
        >>> np.abs(axes[:, 0]).round(1).tolist(), bool(variance.sum() > 0.99 * total)
        ([1.0, 0.0, 0.0], True)
    """
    mean, total, rows = moments(blocks)
    width = min(int(count * OVERSAMPLING) + 8, len(mean), max(rows - 1, 1))
    basis = np.eye(len(mean), width, dtype=np.float32)
    if width < len(mean):
        basis = np.random.default_rng(seed).standard_normal((len(mean), width)).astype(np.float32)
        for _ in range(passes):
            basis = np.linalg.qr(image_of(blocks, mean, basis))[0]
    inner = np.zeros((width, width))
    for block in blocks:
        inside = (block - mean) @ basis
        inner += (inside.T @ inside).astype(np.float64)
    values, vectors = np.linalg.eigh(inner / max(rows, 1))
    kept = min(count, width)
    values, vectors = np.maximum(values[::-1][:kept], 0.0), vectors[:, ::-1][:, :kept]
    return mean, (basis @ vectors).astype(np.float32), values, total


def moments(blocks: Iterable[np.ndarray]) -> tuple[np.ndarray, float, int]:
    """Mean (D,) float32, total variance, and the number of rows."""
    rows, total, squares, shift = 0, 0.0, 0.0, None
    for block in blocks:
        shift = block[0].astype(np.float32) if shift is None else shift
        off = block - shift
        rows += len(off)
        total = total + off.sum(0, dtype=np.float64)
        squares += float(np.square(off).sum(dtype=np.float64))
    assert shift is not None
    mean = np.asarray(total) / rows
    return (shift + mean).astype(np.float32), squares / rows - float(np.square(mean).sum()), rows


def image_of(blocks: Iterable[np.ndarray], mean: np.ndarray, basis: np.ndarray) -> Any:
    """Σ (x − x̄)ᵀ ((x − x̄) Q), (D, k); its scale does not matter."""
    out: Any = 0.0
    for block in blocks:
        off = block - mean
        out = out + off.T @ (off @ basis)
    return out
