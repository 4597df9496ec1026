"""Columns that few rows have join last: they learn the space that the others made, and cannot disturb it.

    ẑ(x) = x A diag(ρ^γ) Bᵀ, then unit norm;   A, B, ρ: canonical correlation of x and z̄, the mean of the row's codes

ẑ · z is the score that canonical correlation gives x and z, so the others' codes stay what they are. Solved together
with the rest, a column in a tenth of the rows cost the others .05 of R@10: its few rows say little of how columns are
correlated, and that little stands in one matrix with all that is known well. The price: what the late column shares
with one of the others alone, and that one not with the rest, has no place in the space.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations

import numpy as np

from kuamo.closed_form import LinearMap, SearchSpace, search_cca
from kuamo.closed_form.scaling import standardize
from kuamo.core.arrays import row_means
from kuamo.core.errors import TableError
from kuamo.core.messages import Note
from kuamo.core.types import Packed
from kuamo.embedding.embedding import ClosedFormHead, Embedding
from kuamo.space import Space

__all__ = ["fit_rare_head", "rare_columns"]

FEW = 4  # a column is late if the fullest has more than so many times its rows


def rare_columns(cells: Packed) -> list[str]:
    """The columns that have less than a quarter of the fullest one's rows, if the others can make a space without them:
    at least two, each two of which share more rows than any late one has.

    Example:
        >>> wide, narrow = (np.zeros((9, 1)), np.arange(9)), (np.zeros((2, 1)), np.arange(2))
        >>> rare_columns({"a": wide, "b": wide, "c": narrow}), rare_columns({"a": wide, "b": narrow})
        (['c'], [])
    """
    rows = {name: np.unique(row) for name, (_, row) in cells.items()}
    most = max(map(len, rows.values()))
    late = [name for name, own in rows.items() if FEW * len(own) < most]
    core = [name for name in rows if name not in late]
    fullest = max((len(rows[name]) for name in late), default=0)
    shared = [len(np.intersect1d(rows[a], rows[b])) for a, b in combinations(core, 2)]
    return late if len(core) > 1 and min(shared) > fullest else []


def fit_rare_head(
    space: Space,
    name: str,
    cells: Packed,
    codes: Mapping[str, Embedding],
    seed: int,
    blocks: tuple[int, ...] | None = None,
) -> Embedding:
    """Give a late column its head; the codes (n, d) of its entries. Where it has no row in common, nothing can be done.

    Args:
        cells: column → (features (n, D), row (n,)). codes: column → those of the entries of the space's other columns.
        seed: of the folds. blocks: sizes of the layers that its features are made of.
    """
    x, row = cells[name]
    rows, target = targets(cells, codes)
    common = np.intersect1d(np.unique(row), rows)
    if len(common) < 4:
        raise TableError(f"column {name!r}: given {len(common)} rows with another column; expected at least 4")
    own, wanted = row_means(x, row, common), target[np.searchsorted(rows, common)]
    scaling = standardize(own, blocks)
    scaled = scaling(own)
    folds = min(6, len(common) // 2)
    choice = search_cca(scaled, wanted, SearchSpace(kernels=("linear",), folds=folds), seed=seed)
    best, onto = choice.best, choice.cca.y
    assert isinstance(onto, LinearMap)
    weight = np.clip(choice.cca.correlations, 0, 1)[:, None] ** best.gamma * onto.weight.T
    into = scaling.into(choice.cca.x).then(LinearMap(np.zeros(len(weight)), weight))
    port = space.port(name)
    port.head = ClosedFormHead(into, np.ones(wanted.shape[1]), "after")
    words = {"ridge": float(best.ridge), "score": float(best.score), "gallery": float(choice.gallery)}
    space.notes.append(Note("late", column=name, rows=len(common), **words))
    return port.head(x)


def targets(cells: Packed, codes: Mapping[str, Embedding]) -> tuple[np.ndarray, np.ndarray]:
    """The rows (r,) that any of these columns has, and the mean (r, d) of their codes."""
    row = np.concatenate([cells[name][1] for name in codes])
    code = np.concatenate([np.asarray(codes[name], np.float64) for name in codes])
    rows, place = np.unique(row, return_inverse=True)
    total = np.zeros((len(rows), code.shape[1]))
    np.add.at(total, place, code)
    return rows, total / np.bincount(place)[:, None]
