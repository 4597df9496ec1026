"""Canonical correlation: the closed form that comes first.

Two columns: regularised CCA of the features or of their arc-cosine kernel. Three or more: its generalisation on
pairwise moments. Kernel, ridge, size and exponent are chosen by retrieval on held-out training rows, then the model is
solved on all of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from kuamo.closed_form import SearchSpace, search_cca
from kuamo.closed_form.cca_search import RidgeTrial, SavedChoice
from kuamo.closed_form.gcca_search import VIEWS, search_gcca
from kuamo.closed_form.kernel_pca import Kernel
from kuamo.closed_form.scaling import Scaling, standardize
from kuamo.core.arrays import row_means
from kuamo.core.errors import TableError
from kuamo.core.memo import key_of, load_choice, store_choice
from kuamo.core.messages import Note
from kuamo.embedding.embedding import ClosedFormHead
from kuamo.objectives.solution import Continuation, Solution
from kuamo.training.objective import Objective

__all__ = ["CCA"]


@dataclass(frozen=True)
class CCA(Objective):
    """Regularised canonical correlation analysis, cross-validated.

    A row with several entries in a column, such as captions or recordings, counts once, as the mean of their features;
    the fit's notes say in which columns there are such rows.

    Args:
        dim: size of the space; `None` chooses it.
        kernels: of the features, to choose from; "linear" alone gives heads that training can go on from.
        folds: of the cross-validation; as many of them are tried as it takes to rank 400 rows.

    References:
        Relations between two sets of variates, Hotelling, 1936; Canonical analysis of several sets of variables,
        Kettenring, 1971; CSA: Data-efficient Mapping of Unimodal Features to Multimodal Features, Li et al., 2025.

    Example:
        >>> import kuamo as km
        >>> km.fit(km.datasets.toy(rows=300), km.CCA(dim=16)).dim
        16
    """

    needs: ClassVar[frozenset[str]] = frozenset({"pairs"})
    trained: ClassVar[bool] = False
    dim: int | None = None
    kernels: tuple[Kernel, ...] = ("linear", "arc-cosine")
    folds: int = 6

    def solve(
        self,
        cells: Mapping[str, tuple[np.ndarray, np.ndarray]],
        groups: np.ndarray,
        seed: int,
        blocks: Mapping[str, tuple[int, ...]] | None = None,
    ) -> Solution:
        """Heads for packed features.

        Args:
            cells: column → (features (n, D), row (n,)). groups: (N,) group of every row. seed: of the folds.
            blocks: column → sizes of the layers that its features are made of; each layer then weighs the same.

        Raises:
            TableError: too few paired rows to validate on.
        """
        blocks = blocks or {}
        scalings = {name: standardize(x, blocks.get(name)) for name, (x, _) in cells.items()}
        scaled = {name: (scalings[name](x), row) for name, (x, row) in cells.items()}
        if len(cells) == 2:
            return self._two(scaled, groups, seed, scalings)
        return self._several(scaled, groups, seed, scalings)

    def _two(
        self,
        cells: Mapping[str, tuple[np.ndarray, np.ndarray]],
        groups: np.ndarray,
        seed: int,
        scalings: Mapping[str, Scaling],
    ) -> Solution:
        (a, (x, row_x)), (b, (y, row_y)) = cells.items()
        rows = np.intersect1d(row_x, row_y)
        names = np.unique(groups[rows])
        folds = min(self.folds, len(names), len(rows) // 2)
        if folds < 2 or len(rows) < 4:
            raise TableError(
                f"given {len(rows)} rows with both {a!r} and {b!r} in {len(names)} groups; expected at least 4 in 2"
            )
        x, y = row_means(x, row_x, rows), row_means(y, row_y, rows)
        repeated = len(names) < len(rows)
        most = min(x.shape[1], y.shape[1])
        sizes = {} if self.dim is None else {"dims": (min(self.dim, most),)}
        search = SearchSpace(kernels=self.kernels, folds=folds, **sizes)  # type: ignore[arg-type]
        labels = groups[rows] if repeated else None
        key = key_of([search, seed, labels, x, y])
        choice = search_cca(x, y, search, seed=seed, groups=labels, judged=known_choice(key, search))
        best = choice.best
        store_choice(key, {"best": best, "correlations": [], "gallery": choice.gallery, "folds": choice.folds})
        scale = np.clip(choice.cca.correlations, 0, 1) ** (best.gamma / 2)
        heads = {
            a: ClosedFormHead(scalings[a].into(choice.cca.x), scale, best.norm),
            b: ClosedFormHead(scalings[b].into(choice.cca.y), scale, best.norm),
        }
        ways = {"regression x → y": (a, b), "regression y → x": (b, a)}.get(best.method)
        method = Note("regression", given=ways[0], wanted=ways[1]) if ways else Note(best.method)
        variates = {a: (choice.variates[0], row_x), b: (choice.variates[1], row_y)}
        chosen = choice_note(best, choice.folds, folds, choice.gallery)
        note = Note("cca", method=method, rows=len(rows), **chosen)
        known = {name: heads[name].finish(z) for name, (z, row) in variates.items() if np.array_equal(row, rows)}
        ends = {"x": a, "y": b}
        before = {a: scalings[a].into(choice.before[0]), b: scalings[b].into(choice.before[1])}
        once = {name: np.array_equal(row, rows) for name, (_, row) in cells.items()}
        onward = Continuation(key, choice.start.renamed(ends), lambda: choice.rehearse().renamed(ends), before, once)
        return Solution(heads, note, best.score, known, onward)

    def _several(
        self,
        cells: Mapping[str, tuple[np.ndarray, np.ndarray]],
        groups: np.ndarray,
        seed: int,
        scalings: Mapping[str, Scaling],
    ) -> Solution:
        labels = np.unique(groups[np.unique(np.concatenate([row for _, row in cells.values()]))])
        folds = min(self.folds, len(labels))
        if folds < 2:
            raise TableError(f"given rows in {len(labels)} group; expected at least 2")
        merged = {name: (row_means(x, row, np.unique(row)), np.unique(row)) for name, (x, row) in cells.items()}
        search = replace(VIEWS, kernels=self.kernels, folds=folds, dims=VIEWS.dims if self.dim is None else (self.dim,))
        repeated = len(np.unique(groups)) < len(groups)
        key = key_of([search, seed, groups if repeated else None, list(merged), *sum(merged.values(), ())])
        choice = search_gcca(
            merged, search, seed=seed, groups=groups if repeated else None, judged=known_choice(key, search)
        )
        best = choice.best
        store_choice(key, {"best": best, "correlations": [], "gallery": choice.gallery, "folds": choice.folds})
        scale = np.clip(choice.spectrum, 0, 1) ** (best.gamma / 2)
        heads = {name: ClosedFormHead(scalings[name].into(choice.maps[name]), scale, best.norm) for name in cells}
        chosen = choice_note(best, choice.folds, folds, choice.gallery)
        note = Note("gcca", method=Note(best.method), columns=len(cells), **chosen)
        once = {name: len(row) == len(merged[name][1]) for name, (_, row) in cells.items()}
        known = {name: heads[name].finish(z) for name, z in choice.variates.items() if once[name]}
        before = {name: scalings[name].into(one) for name, one in choice.before.items()}
        return Solution(heads, note, best.score, known, Continuation(key, choice.start, choice.rehearse, before, once))


def choice_note(best: RidgeTrial, tried: int, folds: int, gallery: float) -> dict[str, Any]:
    """What was chosen, as values of a note."""
    named = {"kernel": Note(best.kernel), "norm": Note(best.norm)}
    numbers = {"ridge": float(best.ridge), "dim": int(best.dim), "gamma": float(best.gamma)}
    return named | numbers | {"tried": tried, "folds": folds, "score": float(best.score), "gallery": float(gallery)}


def known_choice(key: str, search: SearchSpace) -> SavedChoice | None:
    """What a search of the same data found before."""
    found = load_choice(key)
    try:
        judged = SavedChoice(**(found | {"best": RidgeTrial(*found["best"])})) if found else None
    except (TypeError, KeyError):
        return None
    return judged if judged and judged.best.kernel in search.kernels else None
