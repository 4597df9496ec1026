"""The ridge decoder: the closed form that every trained decoder must beat.

    E[y | z] = (z − z̄) W + ȳ,   W = (Σzz + λI)⁻¹ Σzy

It is fitted on the codes of every column that has the row, not only the target's own: translation starts elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from kuamo.closed_form import LinearMap
from kuamo.embedding.decoder import Decoder

__all__ = ["RidgeDecoder", "solve_ridge"]


@dataclass(frozen=True, eq=False)
class RidgeDecoder(Decoder):
    """p(y | z) with its mean linear in z; a point decoder.

    Example:
        >>> RidgeDecoder(LinearMap(np.zeros(2), np.eye(2))).sample(np.ones((1, 2), np.float32))
        array([[1., 1.]], dtype=float32)
    """

    map: LinearMap
    error: float = float("nan")
    """√(E‖ŷ − y‖² / E‖y − ȳ‖²) on the rows it was solved on: 0 if z says all of y, 1 if it says nothing."""

    def loss(self, y: np.ndarray, z: np.ndarray, rng: Any = None) -> np.ndarray:
        """Squared error (n,)."""
        return ((self.sample(z) - y) ** 2).sum(axis=1)

    def sample(self, z: np.ndarray, rng: Any = None) -> np.ndarray:
        """The conditional mean (n, L)."""
        return self.map(np.asarray(z))

    def config(self) -> dict[str, Any]:
        return {}

    def arrays(self) -> dict[str, np.ndarray]:
        """What is stored."""
        arrays = {"shift": self.map.shift, "weight": self.map.weight, "offset": self.map.offset}
        return arrays | {"error": np.array([self.error])}

    @classmethod
    def from_arrays(cls, config: dict[str, Any], arrays: dict[str, np.ndarray]) -> RidgeDecoder:
        """The stored decoder."""
        error = float(arrays["error"][0]) if "error" in arrays else float("nan")
        return cls(LinearMap(arrays["shift"], arrays["weight"], arrays["offset"]), error)


def solve_ridge(
    batches: Iterable[tuple[np.ndarray, np.ndarray]], penalty: float = 0.1, rank: int | None = None
) -> RidgeDecoder | None:
    """The ridge decoder of streamed pairs (z (n, d), y (n, L)); of Σyy only the trace is needed.

    Args:
        batches: pairs with as many rows in both. penalty: c in λ = c tr(Σzz)/d.
        rank: of W; the leading directions of what it makes (reduced-rank regression), all if not given.

    Returns:
        The decoder, or `None` for fewer than two rows.

    Example:
        >>> z = np.random.default_rng(0).normal(size=(100, 2))
        >>> np.allclose(solve_ridge([(z, z + 1)], penalty=0.0).map.weight, np.eye(2))
        True
    """
    n, zz, zy, sum_z, sum_y, squares = 0, 0.0, 0.0, 0.0, 0.0, 0.0
    offset: np.ndarray | None = None
    for z, y in batches:
        n += len(z)
        if offset is None and len(y):  # near the mean, so that a large one costs no digits
            offset = y.mean(0, dtype=np.float64).astype(y.dtype)
        y = y if offset is None else y - offset
        zz, zy = zz + (z.T @ z).astype(np.float64), zy + (z.T @ y).astype(np.float64)
        squares += float(np.einsum("ij,ij->", y, y, dtype=np.float64))
        sum_z, sum_y = sum_z + z.sum(0, dtype=np.float64), sum_y + y.sum(0, dtype=np.float64)
    if n < 2:
        return None
    mean_z, mean_y = np.asarray(sum_z) / n, np.asarray(sum_y) / n
    covariance = zz / n - np.outer(mean_z, mean_z)
    cross = zy / n - np.outer(mean_z, mean_y)
    ridge = (penalty * np.trace(covariance) / len(mean_z) + np.finfo(np.float64).tiny) * np.eye(len(mean_z))
    weight = np.linalg.solve(covariance + ridge, cross)
    if rank is not None and rank < min(weight.shape):
        leading = np.linalg.svd(np.linalg.cholesky(covariance + ridge).T @ weight, full_matrices=False)[2][:rank]
        weight = weight @ leading.T @ leading
    total = squares / n - float(mean_y @ mean_y)
    left = total - 2 * float((weight * cross).sum()) + float((weight * (covariance @ weight)).sum())
    error = float(np.sqrt(min(max(left / total, 0.0), 1.0))) if total > 1e-12 * squares / n else 0.0
    return RidgeDecoder(LinearMap(mean_z, weight, mean_y + np.asarray(offset, np.float64)), error)
