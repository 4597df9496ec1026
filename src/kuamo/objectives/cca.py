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
from kuamo.closed_form.cca_search import CCAFit, HeldCodes, RidgeTrial, SavedChoice
from kuamo.closed_form.gcca_search import VIEWS, search_gcca
from kuamo.closed_form.kernel_pca import Kernel
from kuamo.closed_form.scaling import Scaling, standardize
from kuamo.core.arrays import row_means
from kuamo.core.errors import TableError
from kuamo.core.memo import key_of, load_choice, store_choice
from kuamo.core.messages import Note
from kuamo.core.types import Packed
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
        >>> km.fit(km.datasets.toy(rows=100), km.CCA(dim=16)).dim
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
        split_group: np.ndarray,
        seed: int,
        blocks: Mapping[str, tuple[int, ...]] | None = None,
    ) -> Solution:
        """Heads for packed features.

        Args:
            cells: column → (features (n, D), row (n,)). split_group: (N,) group of every row. seed: of the folds.
            blocks: column → sizes of the layers that its features are made of; each layer then weighs the same.

        Raises:
            TableError: too few paired rows to validate on.
        """
        blocks = blocks or {}
        scalings = {name: standardize(x, blocks.get(name)) for name, (x, _) in cells.items()}
        rows = rows_of_views({name: row for name, (_, row) in cells.items()})
        merged = {name: (row_means(scalings[name](x), row, rows[name]), rows[name]) for name, (x, row) in cells.items()}
        folds = self._folds(list(cells), rows, split_group)
        if len(cells) == 2:
            return self._solution(cells, merged, scalings, folds, self._two(merged, split_group, seed, folds))
        return self._solution(cells, merged, scalings, folds, self._several(merged, split_group, seed, folds))

    def _folds(self, names: list[str], rows: Mapping[str, np.ndarray], split_group: np.ndarray) -> int:
        """As many folds as were asked for, or as the data allow."""
        paired = np.unique(np.concatenate(list(rows.values())))
        found = len(np.unique(split_group[paired]))
        folds = min(self.folds, found, len(paired) // 2 if len(names) == 2 else found)
        if len(names) == 2 and (folds < 2 or len(paired) < 4):
            a, b = names
            raise TableError(
                f"given {len(paired)} rows with both {a!r} and {b!r} in {found} groups; "
                "expected at least 4 rows in 2 groups"
            )
        if folds < 2:
            raise TableError(f"given rows in {found} group; expected at least 2")
        return folds

    def _two(self, merged: Packed, split_group: np.ndarray, seed: int, folds: int) -> tuple[str, CCAFit]:
        (a, (x, rows)), (b, (y, _)) = merged.items()
        # rows of one group are relevant for each other, and no fold parts them
        match_key = split_group[rows] if len(np.unique(split_group[rows])) < len(rows) else None
        sizes = {} if self.dim is None else {"dims": (min(self.dim, x.shape[1], y.shape[1]),)}
        search = SearchSpace(kernels=self.kernels, folds=folds, **sizes)  # type: ignore[arg-type]
        key = key_of([search, seed, match_key, x, y])
        judged = known_choice(key, search)
        return key, search_cca(x, y, search, seed=seed, groups=match_key, judged=judged, names=(a, b))

    def _several(self, merged: Packed, split_group: np.ndarray, seed: int, folds: int) -> tuple[str, CCAFit]:
        match_key = split_group if len(np.unique(split_group)) < len(split_group) else None
        search = replace(VIEWS, kernels=self.kernels, folds=folds, dims=VIEWS.dims if self.dim is None else (self.dim,))
        key = key_of([search, seed, match_key, list(merged), *sum(merged.values(), ())])
        return key, search_gcca(merged, search, seed=seed, groups=match_key, judged=known_choice(key, search))

    def _solution(
        self, cells: Packed, merged: Packed, scalings: Mapping[str, Scaling], folds: int, found: tuple[str, CCAFit]
    ) -> Solution:
        """Heads on the features as they were given, what to say of the choice, and where training may go on from."""
        (key, fit), names = found, list(cells)
        best, to_features = fit.best, {name: scalings[name].into for name in names}
        store_choice(key, {"best": best, "correlations": [], "gallery": fit.gallery, "folds": fit.folds})
        heads = {name: ClosedFormHead(to_features[name](fit.maps[name]), fit.scale, best.norm) for name in names}
        once = {name: np.array_equal(row, merged[name][1]) for name, (_, row) in cells.items()}
        known = {name: heads[name].finish(z) for name, z in fit.variates.items() if once[name]}
        before = {name: to_features[name](one) for name, one in fit.before.items()}
        chosen = choice_note(best, fit.folds, folds, fit.gallery)
        if len(names) == 2:
            way = {"regression x → y": names, "regression y → x": names[::-1]}.get(best.method)
            method = Note("regression", given=way[0], wanted=way[1]) if way else Note(best.method)
            note = Note("cca", method=method, rows=len(merged[names[0]][1]), **chosen)
        else:
            note = Note("gcca", method=Note(best.method), columns=len(names), **chosen)
        rows = merged[names[0]][1] if len(names) == 2 else None
        onward = Continuation(key, fit.start, fit.rehearse, before, once, lambda: in_table_rows(fit.held(), rows))
        return Solution(heads, note, best.score, known, onward)


def in_table_rows(held: list[HeldCodes], rows: np.ndarray | None) -> list[HeldCodes]:
    """Codes by rows of the table, where they are numbered by place among `rows`."""
    if rows is None:
        return held
    return [
        HeldCodes(rows[one.seen], {a: (code, rows[row]) for a, (code, row) in one.codes.items()}, one.bank)
        for one in held
    ]


def rows_of_views(rows: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Of two views the rows that both have, of several all rows of each; every row once."""
    if len(rows) == 2:
        a, b = rows.values()
        return dict.fromkeys(rows, np.intersect1d(a, b))
    return {name: np.unique(row) for name, row in rows.items()}


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
