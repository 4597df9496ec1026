"""Semantic matching: the shared space holds each column's class probabilities.

    z_m = (m + φ_m(x) W_m) · π^(−1/4),   W_m: ridge regression onto class indicators, π: shares of the classes
    z_a · z_b ≈ Σ_c p(c | x_a) p(c | x_b) / π_c^(1/2): are the two of one class, rare classes not forgotten?

Features φ are linear, of the arc-cosine kernel, or of the χ² kernel where no number is negative. Kernel and ridge of
each column are chosen by retrieval among training rows, every row scored as if it had not been learned from.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import permutations
from typing import Any, ClassVar

import numpy as np

from kuamo.closed_form import KernelMap, LinearMap, kernel_map
from kuamo.closed_form.chi2_kernel import ChiSquaredMap, chi_squared_map
from kuamo.closed_form.indicator_ridge import IndicatorRidge, indicators
from kuamo.closed_form.scaling import standardize
from kuamo.core.arrays import row_means
from kuamo.core.errors import TableError
from kuamo.core.messages import Note
from kuamo.embedding.embedding import ClosedFormHead, Embedding
from kuamo.encoders.standardize import Standardize
from kuamo.metrics import rank_queries
from kuamo.objectives.solution import Solution
from kuamo.training.objective import Objective

__all__ = ["SemanticMatching"]

Features = LinearMap | KernelMap | ChiSquaredMap
ANCHORS = 2500  # of a kernel, at most
GALLERY = 1200  # rows that a choice is judged by, at most
RIDGES = (0.1, 0.3, 1.0, 3.0, 10.0, 30.0)
GAMMAS = (1.0, 2.0)
SOFT = (0.0, 0.5)


@dataclass(frozen=True)
class Candidate:
    """One way to see a column: features of its training entries, decomposed, and the map that makes them."""

    kernel: str
    map: Features
    parts: IndicatorRidge


@dataclass(frozen=True)
class SemanticMatching(Objective):
    """Columns meet in the classes of the label; solved in closed form.

    A target is the class of the row, or half of it what the other columns predict for the row, each from the other
    rows: chosen as well. Rows need a label, not pairs.

    Args:
        kernels: to choose from.

    Raises:
        TableError: a column with labelled entries of fewer than two classes.

    References:
        A New Approach to Cross-Modal Multimedia Retrieval, Rasiwasia et al., 2010 (semantic matching); Distilling the
        Knowledge in a Neural Network, Hinton et al., 2015 (soft targets).

    Example:
        >>> import kuamo as km
        >>> table = km.datasets.toy(rows=100)
        >>> table.labels = [float(vector[0]) > 0 for vector in table.values("a")]
        >>> km.fit(table, km.SemanticMatching()).dim
        2
    """

    needs: ClassVar[frozenset[str]] = frozenset({"labels"})
    trained: ClassVar[bool] = False
    kernels: tuple[str, ...] = ("linear", "arc-cosine", "chi-squared")

    def solve(
        self,
        cells: Mapping[str, tuple[np.ndarray, np.ndarray]],
        split_group: np.ndarray,
        seed: int,
        blocks: Mapping[str, tuple[int, ...]] | None = None,
        labels: np.ndarray | None = None,
        units: Mapping[str, Standardize] | None = None,
    ) -> Solution:
        """Heads for packed features; see `CCA.solve`.

        Args:
            labels: (N,) numbers of classes, −1 for none. units: column → what standardised its features; a χ² kernel
                is of the numbers before.
        """
        assert labels is not None
        rng, blocks = np.random.default_rng(seed), blocks or {}
        kinds, number = np.unique(labels[labels >= 0], return_inverse=True)
        known = np.full(len(labels), -1)
        known[labels >= 0] = number
        share = np.bincount(number, minlength=len(kinds)) / len(number)
        views = {
            name: LabeledView.of(name, *both, known, blocks.get(name), (units or {}).get(name))
            for name, both in cells.items()
        }
        candidates = {name: list(view.candidates(self.kernels, rng)) for name, view in views.items()}
        chosen, score = choose(views, candidates, share, rng)
        heads, codes, said = {}, {}, []
        for name, view in views.items():
            candidate, ridge, soft = chosen[name]
            target = view.target(len(kinds), soft, others(views, chosen, name, len(kinds)))
            weight = candidate.parts.weight(target, ridge) * share**-0.25
            last = LinearMap(np.zeros(len(weight)), weight, target.mean(0) * share**-0.25)
            heads[name] = ClosedFormHead(candidate.map.then(last))  # type: ignore[arg-type]
            codes[name] = Embedding(np.asarray(heads[name].map(cells[name][0]), np.float32))
            words = {"kernel": Note(candidate.kernel), "ridge": float(ridge), "soft": float(soft)}
            said.append(Note("semantic_column", column=name, **words))
        rows = int((labels >= 0).sum())
        note = Note("semantic", count=len(kinds), rows=rows, chosen=said, score=float(score))
        return Solution(heads, note, score, codes)


@dataclass(frozen=True, eq=False)
class LabeledView:
    """A column's labelled rows: features (n, D), rows (n,), and their classes (n,)."""

    x: np.ndarray
    row: np.ndarray
    label: np.ndarray
    blocks: tuple[int, ...] | None
    units: Standardize | None = None

    @classmethod
    def of(
        cls,
        name: str,
        x: np.ndarray,
        row: np.ndarray,
        known: np.ndarray,
        blocks: tuple[int, ...] | None,
        units: Standardize | None = None,
    ) -> LabeledView:
        """Of a column's entries, those of a row averaged."""
        rows = np.unique(row[known[row] >= 0])
        label = known[rows]
        if len(np.unique(label)) < 2:
            raise TableError(
                f"column {name!r}: given {len(rows)} labelled rows of {len(np.unique(label))} class; expected two"
            )
        return cls(row_means(x, row, rows), rows, label, blocks, units)

    def candidates(self, kernels: tuple[str, ...], rng: np.random.Generator) -> Any:
        """Every way to see the column."""
        scaling = standardize(self.x, self.blocks)
        some = np.sort(rng.permutation(len(self.x))[:ANCHORS])
        size = np.sqrt(self.x.shape[1])
        for kernel in kernels:
            maps: list[Features] = []
            if kernel == "linear":
                maps = [LinearMap(scaling.shift, np.diag(scaling.gain / size))]
            elif kernel == "arc-cosine":
                maps = [kernel_map(scaling(self.x[some])).scaled(scaling.shift, scaling.gain)]
            elif kernel == "chi-squared":
                maps = list(self.chi_squared(some))
            else:
                raise TableError(f"given kernel {kernel!r}; expected 'linear', 'arc-cosine' or 'chi-squared'")
            for one in maps:
                yield Candidate(kernel, one, indicators(one(self.x)))

    def chi_squared(self, some: np.ndarray) -> Iterator[ChiSquaredMap]:
        """Maps of χ² kernels, where the column's own numbers are not negative."""
        if self.units is None:
            back = None
            x = self.x[some] if self.x.min() >= 0 else None
        else:
            back = self.units.back()
            own = (self.x - back.shift) * back.gain
            x = np.maximum(own[some], 0) if own.min() >= -1e-6 * np.abs(own).max() else None
        if x is None:
            return
        for gamma in GAMMAS:
            found = chi_squared_map(x, gamma)
            yield found if back is None else replace(found, shift=back.shift, gain=back.gain)

    def target(self, classes: int, soft: float, others: tuple[np.ndarray, np.ndarray] | None) -> np.ndarray:
        """(n, C): the class, or in part what others predict, (rows, their shares of classes)."""
        hard = np.eye(classes)[self.label]
        if not soft or others is None:
            return hard
        rows, shares = others
        here, there = np.isin(self.row, rows), np.searchsorted(rows, self.row)
        hard[here] = (1 - soft) * hard[here] + soft * shares[there[here]]
        return hard


WeighedCandidate = tuple[Candidate, float, float]


def choose(
    views: Mapping[str, LabeledView],
    candidates: Mapping[str, list[Candidate]],
    share: np.ndarray,
    rng: np.random.Generator,
) -> tuple[dict[str, WeighedCandidate], float]:
    """Kernel, ridge and softness of each column, in turn, by mean average precision of left-out scores."""
    classes = len(share)
    chosen: dict[str, WeighedCandidate] = {}
    for name, view in views.items():  # a start that needs no other column: the smallest squared error
        target = view.target(classes, 0.0, None)
        tried = [(c, ridge, 0.0) for c in candidates[name] for ridge in RIDGES]
        error = [((c.parts.left_out(target, ridge) - target) ** 2).mean() for c, ridge, _ in tried]
        chosen[name] = tried[int(np.argmin(error))]
    judged = {name: rng.permutation(len(view.row))[:GALLERY] for name, view in views.items()}
    scores = {name: left_out(views, chosen, name, classes) * share**-0.25 for name in views}
    best = precision(views, scores, judged)
    for soft in SOFT:
        for name, view in views.items():
            target = view.target(classes, soft, others(views, chosen, name, classes) if soft else None)
            for candidate in candidates[name]:
                for ridge in RIDGES:
                    own = scores | {name: candidate.parts.left_out(target, ridge) * share**-0.25}
                    if (found := precision(views, own, judged)) > best:
                        chosen, scores, best = chosen | {name: (candidate, ridge, soft)}, own, found
    return chosen, best


def left_out(
    views: Mapping[str, LabeledView], chosen: Mapping[str, WeighedCandidate], name: str, classes: int
) -> np.ndarray:
    """Scores (n, C) of a column's rows, each from the others."""
    candidate, ridge, soft = chosen[name]
    target = views[name].target(classes, soft, others(views, chosen, name, classes) if soft else None)
    return candidate.parts.left_out(target, ridge)


def others(
    views: Mapping[str, LabeledView], chosen: Mapping[str, WeighedCandidate], name: str, classes: int
) -> tuple[np.ndarray, np.ndarray] | None:
    """Rows, and the shares of classes (n, C) that the other columns give them on average, each from other rows."""
    total: dict[int, np.ndarray] = {}
    count: dict[int, int] = {}
    for other, view in views.items():
        if other == name:
            continue
        candidate, ridge, _ = chosen[other]
        others = np.clip(candidate.parts.left_out(view.target(classes, 0.0, None), ridge), 1e-3, None)
        for row, shares in zip(view.row.tolist(), others / others.sum(1, keepdims=True), strict=True):
            total[row] = total.get(row, 0) + shares
            count[row] = count.get(row, 0) + 1
    if not total:
        return None
    rows = np.array(sorted(total))
    return rows, np.stack([total[row] / count[row] for row in rows.tolist()])


def precision(
    views: Mapping[str, LabeledView], scores: Mapping[str, np.ndarray], judged: Mapping[str, np.ndarray]
) -> float:
    """Mean average precision by class, over ordered pairs of columns."""
    found = []
    for a, b in permutations(views, 2):
        key_a, key_b = views[a].label[judged[a]], views[b].label[judged[b]]
        asked = np.isin(key_a, key_b)
        values, _ = rank_queries(scores[a][judged[a]][asked], scores[b][judged[b]], key_a[asked], key_b)
        found.append(float(np.mean(values["mAP"] if "mAP" in values else 1 / values["rank"])))
    return float(np.mean(found))
