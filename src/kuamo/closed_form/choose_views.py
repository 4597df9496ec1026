"""Choose the ridge and the weighting of a GCCA of three or more views with holes, by retrieval on held-out rows.

For each fold: moments = total − shard, GCCA at each ridge, then every ordered pair of views ranks the held-out rows
that have both; the score of a choice is the mean reciprocal rank over folds and pairs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, product

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kuamo.closed_form.cca import csa_codes
from kuamo.closed_form.choose import reciprocal_rank
from kuamo.closed_form.folds import fold_of_rows
from kuamo.closed_form.gcca import GCCA, gcca_from_moments
from kuamo.closed_form.moments import Moments
from kuamo.closed_form.views import principal_map
from kuamo.errors import KuamoError

__all__ = ["ViewsChoice", "choose_views"]

Cells = Mapping[str, tuple[NDArray, NDArray]]


@dataclass(frozen=True, eq=False)
class ViewsChoice:
    """The GCCA of all rows at the chosen ridge c, size k and exponent γ, and its held-out score."""

    gcca: GCCA
    ridge: float
    dim: int
    gamma: float
    score: float


def choose_views(
    cells: Mapping[str, tuple[ArrayLike, ArrayLike]],
    *,
    folds: int = 3,
    ridges: Sequence[float] = (0.03, 0.1, 0.3, 1.0),
    dims: Sequence[int] = (32, 64, 128),
    gammas: Sequence[float] = (0.0, 1.0, 2.0),
    components: int = 256,
    seed: int = 0,
    groups: ArrayLike | None = None,
) -> ViewsChoice:
    """Cross-validated GCCA.

    Args:
        cells: view → (x (n, D), row (n,)), only what is present; several entries may share a row.
        folds, ridges, dims, gammas, components, seed: as in `choose`.
        groups: (N,) of row numbers 0 … N − 1; rows of one group stay in one fold.

    Raises:
        KuamoError: if a view shares no row with the others, or too few rows are paired.

    Example:
        >>> z = np.random.default_rng(0).normal(size=(90, 4))
        >>> views = {name: (z + 0.1 * i, np.arange(90)) for i, name in enumerate("abc")}
        >>> choose_views(views, dims=(4,)).score > 0.9
        True
    """
    arrays = {name: (np.asarray(x), np.asarray(row)) for name, (x, row) in cells.items()}
    basis = {name: principal_map(x, components, name) for name, (x, _) in arrays.items()}
    reduced = {name: (basis[name](x).astype(np.float64), row) for name, (x, row) in arrays.items()}
    size = 1 + max(int(row.max(initial=-1)) for _, row in reduced.values())
    labels = None if groups is None else np.unique(np.asarray(groups)[:size], return_inverse=True)[1]
    fold = fold_of_rows(size, folds, seed, labels)
    most = sorted(x.shape[1] for x, _ in reduced.values())[-2]
    dims = sorted({min(dim, most) for dim in dims})
    total = moments_of_cells(reduced)
    scores = np.zeros((folds, len(ridges), len(dims), len(gammas)))
    for number in range(folds):
        held = {name: (x[fold[row] == number], row[fold[row] == number]) for name, (x, row) in reduced.items()}
        rest = total - moments_of_cells(held)
        for i, ridge in enumerate(ridges):
            model = gcca_from_moments(rest, dims[-1], ridge=ridge)
            scores[number, i] = held_out_scores(model, held, dims, gammas)
    mean = scores.mean(axis=0)
    i, j, l = (int(at) for at in np.unravel_index(mean.argmax(), mean.shape))
    model = gcca_from_moments(total, dims[j], ridge=ridges[i])
    maps = {name: basis[name].then(model.maps[name]) for name in basis}
    return ViewsChoice(GCCA(maps, model.spectrum), ridges[i], dims[j], gammas[l], float(mean[i, j, l]))


def moments_of_cells(cells: Cells) -> Moments:
    """The pairwise moments of packed views."""
    moments = Moments({name: x.shape[1] for name, (x, _) in cells.items()})
    moments.update(dict(cells))
    return moments


def held_out_scores(
    model: GCCA, held: Cells, dims: Sequence[int], gammas: Sequence[float], gallery: int = 1000
) -> NDArray[np.float64]:
    """Mean reciprocal rank over pairs of views for every (k, γ), (len(dims), len(gammas))."""
    codes = {name: (model.maps[name](x), row) for name, (x, row) in held.items()}
    grid = np.zeros((len(dims), len(gammas)))
    pairs = 0
    for a, b in combinations(codes, 2):
        rows = np.intersect1d(codes[a][1], codes[b][1])[:gallery]
        if len(rows) < 2:
            continue
        pairs += 1
        z_a, z_b = (
            z[np.unique(row, return_index=True)[1]][np.isin(np.unique(row), rows)] for z, row in (codes[a], codes[b])
        )
        for (j, k), (l, gamma) in product(enumerate(dims), enumerate(gammas)):
            rho = model.spectrum[:k]
            grid[j, l] += reciprocal_rank(csa_codes(z_a[:, :k], rho, gamma) @ csa_codes(z_b[:, :k], rho, gamma).T)
    if not pairs:
        raise KuamoError("given too few rows with two views to hold some out; expected at least two in each fold")
    return grid / pairs
