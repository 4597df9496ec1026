"""Learning speed: what each column's own loss and gradient were in the course of a training.

    ℓ_m      the column's own loss, as the objective reports it (`Step.log_column_loss`), the mean since the last record
    ‖g_m‖    the norm of the gradient of its own encoder and head, the same
    ℓ_m^V    its own loss on groups of rows that were held out, if some are
    ρ_m      its discrepancy, s_m / mean of the others', s_m = E exp(−ℓ_m): above 1 it is ahead (OGM-GE)
    O_m = (ℓ_m^V − ℓ_m)_end − (ℓ_m^V − ℓ_m)_start,    G_m = ℓ_m^V,start − ℓ_m^V,end     overfitting and generalisation

Gradient-Blending's best weights are w_m ∝ G_m / O_m².

References:
    What Makes Training Multi-Modal Classification Networks Hard?, Wang, Tran and Feiszli, CVPR 2020; Balanced
    Multimodal Learning via On-the-fly Gradient Modulation, Peng et al., CVPR 2022.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isnan, nan
from typing import Any

import numpy as np

from kuamo.core.errors import KuamoError
from kuamo.core.validation import check_type
from kuamo.embedding.space import EmbeddingSpace

__all__ = ["ColumnCurves", "discrepancy", "held_rows"]


def held_rows(rows: int, share: float, seed: int, groups: np.ndarray | None = None) -> np.ndarray:
    """(N,) bool: the rows of that share of the groups.

    Args:
        groups: (N,) numbers; each row is its own if not given.

    Example:
        >>> int(held_rows(10, 0.3, 0).sum())
        3
    """
    group = np.arange(rows) if groups is None else groups
    names = np.unique(group)
    chosen = np.random.default_rng([seed, 11]).permutation(names)[: round(share * len(names))]
    return np.isin(group, chosen)


def discrepancy(scores: Mapping[str, float]) -> dict[str, float]:
    """ρ_m = s_m / mean_{m' ≠ m} s_m', of those whose score is known; NaN of the others.

    Example:
        >>> discrepancy({"a": 0.9, "b": 0.3, "c": float("nan")})["a"]
        3.0
    """
    known = {name: score for name, score in scores.items() if not isnan(score)}
    out = dict.fromkeys(scores, nan)
    for name, score in known.items():
        others = [other for key, other in known.items() if key != name]
        if others:
            out[name] = score / max(sum(others) / len(others), 1e-300)
    return out


@dataclass(frozen=True, eq=False)
class ColumnCurves:
    """T lines about M columns.

    Args:
        columns: M names. steps: (T,) how many steps were done. loss: term → ℓ (T, M), NaN where it reports nothing of a
            column, or none was there. score: term → s (T, M). gradient: (T, M). held: term → ℓ^V (T, M).

    Example:
        >>> import kuamo as km
        >>> training = km.Training(steps=20, learning_curves=km.LearningCurves(every=10))
        >>> learning = ColumnCurves.of(km.fit(km.datasets.toy(200), km.InfoNCE(), training=training))
        >>> learning.steps.tolist(), learning.loss["InfoNCE"].shape
        ([10, 20], (2, 2))
    """

    columns: list[str]
    steps: np.ndarray
    loss: Mapping[str, np.ndarray]
    score: Mapping[str, np.ndarray]
    gradient: np.ndarray
    held: Mapping[str, np.ndarray]

    @classmethod
    def of(cls, space: EmbeddingSpace) -> ColumnCurves:
        """What was recorded when a space was fitted.

        Raises:
            KuamoError: nothing was.
        """
        check_type(EmbeddingSpace, "a Space", space=space)
        plain = space.info.get("learning")
        if plain is None:
            raise KuamoError(
                "the space has no learning curves; expected one fitted with Training(learning_curves=LearningCurves())"
            )
        return cls.from_dict(plain)

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> ColumnCurves:
        """From what `plain` gave."""
        width = len(plain["columns"])
        terms = {
            key: {name: table(rows, width) for name, rows in plain[key].items()} for key in ("loss", "score", "held")
        }
        steps = np.array(plain["steps"], dtype=np.int64)
        return cls(list(plain["columns"]), steps, gradient=table(plain["gradient"], width), **terms)

    def discrepancy(self) -> np.ndarray:
        """ρ (T, M), of the sum of all terms' scores."""
        known = [np.nan_to_num(score) for score in self.score.values()]
        there = [np.isfinite(score) for score in self.score.values()]
        if not known:
            return np.full((len(self.steps), len(self.columns)), np.nan)
        total = np.where(np.any(there, axis=0), np.sum(known, axis=0), np.nan)
        return np.array([list(discrepancy(dict(zip(self.columns, line))).values()) for line in total])

    def overfitting(self) -> dict[str, dict[str, tuple[float, float]]]:
        """Term → column → (O, G), from the first line to the last that was written.

        Raises:
            KuamoError: nothing was held out, or fewer than two lines were written.
        """
        if not self.held or len(self.steps) < 2:
            raise KuamoError(
                f"given {len(self.steps)} lines, held out: {list(self.held)}; expected LearningCurves(held=0.1), two"
            )
        out: dict[str, dict[str, tuple[float, float]]] = {}
        for term, held in self.held.items():
            gap = held - self.loss[term]
            o, g = gap[-1] - gap[0], held[0] - held[-1]
            out[term] = {name: (float(a), float(b)) for name, a, b in zip(self.columns, o, g) if np.isfinite(a)}
        return out


def table(rows: Sequence[Sequence[float | None]], width: int) -> np.ndarray:
    """(T, M), NaN for what is `None`: JSON has no NaN."""
    return np.array([[np.nan if x is None else x for x in row] for row in rows], dtype=float).reshape(-1, width)
