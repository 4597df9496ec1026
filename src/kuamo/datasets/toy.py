"""Toy: latent-factor data whose canonical correlations are known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from kuamo.errors import TableError
from kuamo.modalities import Vector
from kuamo.table import Table

__all__ = ["toy"]


def toy(
    rows: int = 2000,
    *,
    modalities: Sequence[str] = ("a", "b"),
    dims: Sequence[int] = (256, 192),
    correlations: Sequence[float] = (0.95,) * 24,
    nuisance: float = 1.0,
    decay: float = 0.0,
    noise: float = 0.3,
    holes: float = 0.0,
    seed: int = 0,
    geometry_seed: int = 0,
) -> Table:
    """Vectors that share a latent z and nothing else.

        x_m = Q_m [s u_m; s n_m] + ε,   u_mi = √ρ_i z_i + √(1 − ρ_i) e_mi,   n_m ~ N(0, nuisance²),   ε ~ N(0, noise²)

    z, e and n are independent and normal, Q_m orthonormal: between any two modalities the correlation of
    axis i is ρ_i (before ε), and there is none elsewhere.

    Args:
        rows: N. modalities: names of the columns. dims: D of each; the last is used for those beyond.
        correlations: (s,) ρ in [0, 1]; zeros make independent modalities.
        nuisance: standard deviation of the private directions, as many as shared ones. noise: of every coordinate.
        decay: a. The standard deviations of shared directions fall as i^(-a), and those of private ones do, each with
            their mean square kept: what is strong then counts for more in a cosine, though not in a correlation.
        holes: share of cells that are absent; each row keeps at least one.
        seed: of the rows. geometry_seed: of Q, so that fresh rows of the same world can be drawn.

    Raises:
        TableError: a correlation or a share of holes outside [0, 1], or dims too small.

    Example:
        >>> toy(rows=10, modalities=("x", "y"))
        Table: 10 rows; x: Vector 10/10, y: Vector 10/10
    """
    rho = np.asarray(correlations, dtype=float)
    if ((rho < 0) | (rho > 1)).any() or not 0 <= holes < 1:
        raise TableError(f"given correlations {list(rho)[:4]}…, holes={holes}; expected numbers in [0, 1]")
    sizes = [dims[min(i, len(dims) - 1)] for i in range(len(modalities))]
    if min(sizes) < 2 * len(rho):
        raise TableError(f"given dims {sizes}; expected at least {2 * len(rho)}, twice the shared axes")
    scale = falling(len(rho), decay)
    rng, world = np.random.default_rng(seed), np.random.default_rng([geometry_seed, 7])
    z = rng.standard_normal((rows, len(rho)))
    present = rng.random((rows, len(sizes))) >= holes
    present[np.arange(rows), rng.integers(0, len(sizes), rows)] = True
    columns: dict[str, Any] = {}
    for name, size, there in zip(modalities, sizes, present.T, strict=True):
        axes = np.linalg.qr(world.standard_normal((size, 2 * len(rho))))[0]
        shared = np.sqrt(rho) * z + np.sqrt(1 - rho) * rng.standard_normal(z.shape)
        private = nuisance * rng.standard_normal(z.shape)
        x = np.hstack([shared * scale, private * scale]) @ axes.T + noise * rng.standard_normal((rows, size))
        x = x.astype(np.float32)
        columns[name] = x if there.all() else [row if here else None for row, here in zip(x, there, strict=True)]
    return Table(columns, modalities=dict.fromkeys(modalities, Vector()), source="toy")


def falling(count: int, decay: float) -> np.ndarray:
    """Scales (count,) that fall as i^(-decay), of mean square 1.

    Example:
        >>> falling(3, 0.0)
        array([1., 1., 1.])
    """
    scale = np.arange(1, count + 1) ** -float(decay)
    return scale / np.sqrt(np.mean(scale**2))
