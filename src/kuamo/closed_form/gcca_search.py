"""Choose kernel, ridge, size and weighting of a GCCA of three or more views with holes, by retrieval on held-out rows.

As in `cca_search`, every fold is seen on principal axes of the rows outside it. For every ridge c one GCCA of the rows
seen, then every ordered pair of views ranks the held-out rows that have both; the score of a choice is the mean
reciprocal rank over folds and pairs. Kernels meet on the first fold, and the best goes on. Above four views each has a
share of 1,024 axes, so that the cost of many views does not grow with the cube of their number.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kuamo.closed_form.cca_search import (
    CCAFit,
    HeldCodes,
    RidgeTrial,
    SavedChoice,
    SearchSpace,
    axis_scale,
    codes_of_variates,
    score_grid,
    spread,
    try_choices,
)
from kuamo.closed_form.folds import HeldOut, Method, fold_of_rows, iter_folds
from kuamo.closed_form.gcca import GCCA, gcca_from_moments
from kuamo.closed_form.kernel_pca import Kernel, KernelView, views_of
from kuamo.closed_form.moments import Moments, as_features
from kuamo.closed_form.warm_start import ValidationFold, WarmStart
from kuamo.core.errors import KuamoError
from kuamo.core.types import Matrix

__all__ = ["VIEWS", "search_gcca"]

RowNumbers = NDArray[np.intp]
VIEWS = SearchSpace(kernels=("linear", "arc-cosine"), dims=(32, 64, 128, 256), methods=(), components=256)
METHOD: Method = "generalised CCA"
ALL_AXES = 1024  # of all views together: the eigenproblem of every ridge is as large as that
SCORED = 12  # pairs of views that rank held-out rows, each view in about as many as any other
FEWEST_AXES = 16  # of each, however many views there are


def search_gcca(
    cells: Mapping[str, tuple[ArrayLike, ArrayLike]],
    search: SearchSpace = VIEWS,
    *,
    seed: int = 0,
    groups: ArrayLike | None = None,
    judged: SavedChoice | None = None,
) -> CCAFit:
    """Cross-validated GCCA.

    Args:
        cells: view → (x (n, D), row (n,)), only what is present, each row once, ascending.
        search: what is tried, as in `search_cca`; its methods are not.
        seed: of the folds.
        groups: (N,) of row numbers 0 … N − 1; rows of one group stay in one fold and are relevant for each other.
        judged: what a search of the same data found before; nothing is searched then.

    Raises:
        KuamoError: if a view shares no row with the others, or too few rows are paired.

    References:
        Canonical analysis of several sets of variables, J. R. Kettenring, 1971.

    Example:
        >>> z = np.random.default_rng(0).normal(size=(90, 4))
        >>> views = {name: (z + 0.1 * i, np.arange(90)) for i, name in enumerate("abc")}
        >>> search_gcca(views).best.score > 0.9
        True
    """
    rows = {name: np.asarray(row) for name, (_, row) in cells.items()}
    kinds = search.kernels if judged is None else (judged.best.kernel,)
    axes = min(search.components, max(ALL_AXES // len(cells), FEWEST_AXES))
    views = {name: views_of(as_features(x, name), kinds, axes, name, seed) for name, (x, _) in cells.items()}
    size = 1 + max(int(row.max(initial=-1)) for row in rows.values())
    labels = None if groups is None else np.unique(np.asarray(groups)[:size], return_inverse=True)[1]
    held = list(iter_folds(fold_of_rows(size, search.folds, seed, labels), search.ranked, search.gallery, seed))
    chosen: dict[Kernel, dict[str, KernelView]] = {
        kernel: {name: view[kernel] for name, view in views.items()} for kernel in kinds
    }
    first = {kernel: GCCAFold.of(view, rows, held[0], labels) for kernel, view in chosen.items()}
    kernels: dict[Kernel, float] = {}
    table: tuple[RidgeTrial, ...]
    if judged is None:
        kernels = {kernel: try_choices(kernel, [fold], search, METHOD)[0].score for kernel, fold in first.items()}
        kernel = max(kernels, key=lambda name: kernels[name])
        folds = [first[kernel], *(GCCAFold.of(chosen[kernel], rows, one, labels) for one in held[1:])]
        table = try_choices(kernel, folds, search, METHOD)
        judged = SavedChoice(table[0], [], float(np.mean([fold.gallery for fold in folds])), len(folds))
    else:
        table = (judged.best,)
    best = judged.best
    whole = {name: view.whole() for name, view in chosen[best.kernel].items()}
    coordinates = {name: (x, rows[name]) for name, (x, _) in whole.items()}
    model = gcca_from_moments(moments_of_views(coordinates), best.dim, ridge=best.ridge)
    return CCAFit(
        {name: before.then(model.maps[name]) for name, (_, before) in whole.items()},
        model.spectrum,
        best,
        table,
        kernels,
        judged.gallery,
        judged.folds,
        {name: model.maps[name](x) for name, (x, _) in whole.items()},
        {name: before for name, (_, before) in whole.items()},
        warm_start_of_views(coordinates, model, best),
        lambda: first[best.kernel].validation_fold(best),
        lambda: [GCCAFold.of(chosen[best.kernel], rows, one, labels).held_codes(best, one.seen) for one in held],
    )


def even_share(pairs: dict[tuple[str, str], RowNumbers]) -> dict[tuple[str, str], RowNumbers]:
    """At most `SCORED` pairs of views, or as many as views: each in turn the one whose views have been taken least.

    Example:
        >>> names = [f"{i:02}" for i in range(30)]
        >>> some = even_share({pair: np.arange(9) for pair in combinations(names, 2)})
        >>> len(some), len({name for pair in some for name in pair})
        (30, 30)
    """
    taken = {name: 0 for pair in pairs for name in pair}
    most = max(SCORED, len(taken))
    if len(pairs) <= most:
        return pairs
    chosen: dict[tuple[str, str], RowNumbers] = {}
    while len(chosen) < most:
        a, b = min((pair for pair in pairs if pair not in chosen), key=lambda one: taken[one[0]] + taken[one[1]])
        chosen[a, b] = pairs[a, b]
        taken[a], taken[b] = taken[a] + 1, taken[b] + 1
    return chosen


def warm_start_of_views(
    coordinates: Mapping[str, tuple[Matrix, RowNumbers]], model: GCCA, best: RidgeTrial
) -> WarmStart:
    """A model on coordinates; these are shifted to the model's means first."""
    shifted = {name: (x - model.maps[name].shift, row) for name, (x, row) in coordinates.items()}
    weights = {name: one.weight for name, one in model.maps.items()}
    shift = {name: one.shift for name, one in model.maps.items()}
    return WarmStart(shifted, shift, weights, axis_scale(model.spectrum, best), best.norm)


@dataclass(frozen=True, eq=False)
class GCCAFold:
    """One fold: the moments of the rows seen, and the held-out rows on the same axes."""

    seen: Moments
    coordinates: dict[str, tuple[Matrix, RowNumbers]]
    held: dict[str, tuple[Matrix, RowNumbers]]
    labels: RowNumbers | None

    @staticmethod
    def of(
        views: Mapping[str, KernelView], rows: Mapping[str, RowNumbers], one: HeldOut, labels: RowNumbers | None
    ) -> GCCAFold:
        """Turn every view to the axes of its rows seen."""
        seen, held = {}, {}
        for name, view in views.items():
            inside, outside = (np.flatnonzero(np.isin(rows[name], part)) for part in (one.seen, one.rows))
            if len(inside) < 2:
                raise KuamoError(f"view {name!r}: given {len(inside)} rows outside a fold; expected at least 2")
            x_seen, x_held = view.split(inside, outside)
            seen[name], held[name] = (x_seen, rows[name][inside]), (x_held, rows[name][outside])
        return GCCAFold(moments_of_views(seen), seen, held, labels)

    @property
    def most(self) -> int:
        """The largest k: an axis that one view alone can carry is not shared."""
        return sorted(self.seen.dims.values())[-2]

    @property
    def gallery(self) -> float:
        """The mean number of rows that two views have in common."""
        return float(np.mean([len(common) for common in self.pairs().values()]))

    def pairs(self) -> dict[tuple[str, str], RowNumbers]:
        """Held-out rows that two views have in common, for every pair of views with two or more of them."""
        common = {(a, b): np.intersect1d(self.held[a][1], self.held[b][1]) for a, b in combinations(self.held, 2)}
        common = even_share({pair: rows for pair, rows in common.items() if len(rows) >= 2})
        if not common:
            raise KuamoError("given too few rows with two views to hold some out; expected at least two in each fold")
        return common

    def validation_fold(self, best: RidgeTrial) -> ValidationFold:
        """The chosen model on the rows seen."""
        model = gcca_from_moments(self.seen, min(best.dim, self.most), ridge=best.ridge)
        held = {name: (x - model.maps[name].shift, row) for name, (x, row) in self.held.items()}
        return ValidationFold(warm_start_of_views(self.coordinates, model, best), held, self.labels)

    def held_codes(self, best: RidgeTrial, seen: RowNumbers) -> HeldCodes:
        """See `CCAFit.held`."""
        model = gcca_from_moments(self.seen, min(best.dim, self.most), ridge=best.ridge)
        variates = {name: (model.maps[name](x).astype(np.float32), row) for name, (x, row) in self.held.items()}
        held = {name: (codes_of_variates(z, model.spectrum, best), row) for name, (z, row) in variates.items()}
        bank = {}
        for name, (x, row) in self.coordinates.items():
            z = model.maps[name](x[spread(len(row))]).astype(np.float32)
            bank[name] = codes_of_variates(z, model.spectrum, best)
        return HeldCodes(seen, held, bank)

    def scores(self, method: Method, ridge: float, dims: Sequence[int], search: SearchSpace) -> Matrix:
        """The mean reciprocal rank over pairs of views of every (k, γ, norm), in the order of their product."""
        model = gcca_from_moments(self.seen, dims[-1], ridge=ridge)
        codes = {name: model.maps[name](x).astype(np.float32) for name, (x, _) in self.held.items()}
        scores = []
        for (a, b), common in self.pairs().items():
            u, v = (codes[name][np.searchsorted(self.held[name][1], common)] for name in (a, b))
            same = None if self.labels is None else self.labels[common][:, None] == self.labels[common]
            scores.append(score_grid(u, v, model.spectrum, dims, search, same))
        return np.mean(scores, axis=0)


def moments_of_views(cells: Mapping[str, tuple[Matrix, RowNumbers]]) -> Moments:
    """The pairwise moments of packed views."""
    moments = Moments({name: x.shape[1] for name, (x, _) in cells.items()})
    moments.update(dict(cells))
    return moments
