"""Toy: latent-factor data whose canonical correlations are known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from kuamo.core.errors import TableError
from kuamo.core.validation import check_int
from kuamo.data.modalities import Vector
from kuamo.data.table import Table

__all__ = ["toy", "toy_axes"]


def toy(
    rows: int = 2000,
    *,
    modalities: Sequence[str] = ("a", "b"),
    dims: Sequence[int] = (256, 192),
    correlations: Sequence[float] = (0.95,) * 24,
    nuisance: float | Sequence[float] = 1.0,
    shared_nuisance: float = 0.0,
    decay: float = 0.0,
    noise: float = 0.3,
    holes: float = 0.0,
    seed: int = 0,
    geometry_seed: int = 0,
    label_axes: int = 0,
) -> Table:
    """Vectors that share a latent z and nothing else.

        x_m = Q_m [s u_m; s n_m] + ε,   u_mi = √ρ_i z_i + √(1 − ρ_i) e_mi,   n_m ~ N(0, nuisance²),   ε ~ N(0, noise²)

    z, e and n are independent and normal, Q_m orthonormal: between any two modalities the correlation of
    axis i is ρ_i (before ε), and there is none elsewhere. But where `shared_nuisance` = r > 0, nuisances of different
    modalities correlate too, axis by axis, by r.

    Args:
        rows: N. modalities: names of the columns. dims: D of each; the last is used for those beyond.
        correlations: (s,) ρ in [0, 1]; zeros make independent modalities.
        nuisance: standard deviation of the private directions, as many as shared ones; one number, or one for each
            modality, the last for those beyond. noise: of every coordinate. shared_nuisance: r in [0, 1].
        decay: a. The standard deviations of shared directions fall as i^(-a), and those of private ones do, each with
            their mean square kept: what is strong then counts for more in a cosine, though not in a correlation.
        holes: share of cells that are absent; each row keeps at least one.
        seed: of the rows. geometry_seed: of Q, so that fresh rows of the same world can be drawn.
        label_axes: the label of a row is the signs of the first so many z, "+-" for two; no labels if 0.

    Raises:
        TableError: a correlation or a share of holes outside [0, 1], dims too small, more label axes than shared ones.

    Example:
        >>> toy(rows=10, modalities=("x", "y"))
        Table: 10 rows; x: Vector 10/10, y: Vector 10/10
    """
    rho = np.asarray(correlations, dtype=float)
    if not 0 <= shared_nuisance <= 1 or not 0 <= label_axes <= len(rho):
        raise TableError(
            f"given shared_nuisance={shared_nuisance}, label_axes={label_axes}; expected a number in [0, 1], and "
            f"at most the {len(rho)} shared axes"
        )
    if ((rho < 0) | (rho > 1)).any() or not 0 <= holes < 1:
        raise TableError(f"given correlations {list(rho)[:4]}…, holes={holes}; expected numbers in [0, 1]")
    check_int(1, rows=rows)
    sizes = [dims[min(i, len(dims) - 1)] for i in range(len(modalities))]
    if min(sizes) < 2 * len(rho):
        raise TableError(f"given dims {sizes}; expected at least {2 * len(rho)}, twice the shared axes")
    scale = falling(len(rho), decay)
    widths = [nuisance] if isinstance(nuisance, int | float) else list(nuisance)
    rng = np.random.default_rng(seed)
    z = rng.standard_normal((rows, len(rho)))
    common = np.random.default_rng([seed, 8]).standard_normal(z.shape) * np.sqrt(shared_nuisance)
    present = rng.random((rows, len(sizes))) >= holes
    present[np.arange(rows), rng.integers(0, len(sizes), rows)] = True
    columns: dict[str, Any] = {}
    every = toy_axes(sizes, len(rho), geometry_seed)
    for i, (name, size, there, axes) in enumerate(zip(modalities, sizes, present.T, every, strict=True)):
        shared = np.sqrt(rho) * z + np.sqrt(1 - rho) * rng.standard_normal(z.shape)
        private = rng.standard_normal(z.shape)
        if shared_nuisance:
            private = common + np.sqrt(1 - shared_nuisance) * private
        private = widths[min(i, len(widths) - 1)] * private
        x = np.hstack([shared * scale, private * scale]) @ axes.T + noise * rng.standard_normal((rows, size))
        x = x.astype(np.float32)
        columns[name] = x if there.all() else [row if here else None for row, here in zip(x, there, strict=True)]
    label = ["".join("+" if value > 0 else "-" for value in row[:label_axes]) for row in z] if label_axes else None
    return Table(columns, modalities=dict.fromkeys(modalities, Vector()), label=label, source="toy")


def toy_axes(sizes: Sequence[int], shared: int, geometry_seed: int = 0) -> list[np.ndarray]:
    """Q (D, 2 s) of each modality: s shared directions, then s private ones.

    Example:
        >>> [axes.shape for axes in toy_axes((8, 6), 3)]
        [(8, 6), (6, 6)]
    """
    world = np.random.default_rng([geometry_seed, 7])
    return [np.linalg.qr(world.standard_normal((size, 2 * shared)))[0] for size in sizes]


def falling(count: int, decay: float) -> np.ndarray:
    """Scales (count,) that fall as i^(-decay), of mean square 1.

    Example:
        >>> falling(3, 0.0)
        array([1., 1., 1.])
    """
    scale = np.arange(1, count + 1) ** -float(decay)
    return scale / np.sqrt(np.mean(scale**2))
