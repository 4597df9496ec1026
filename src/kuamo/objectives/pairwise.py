"""Losses of pairs of columns, and the positives of each entry.

P(i): the entries of i's own row (several captions are several positives), or also those of all rows with its label or
group. Positives are found by a key, equal where two entries are positives of each other, so that no matrix of pairs is
needed: Σ_{j ∈ P(i)} u_i · v_j = u_i · Σ_{j ∈ P(i)} v_j. A cell without positives is only a negative.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Literal, NamedTuple

import torch

from kuamo.core.errors import KuamoError
from kuamo.training.objective import Objective
from kuamo.training.step import Step

__all__ = ["Pairwise", "Positives", "Side", "positives_of"]

Positives = Literal["row", "label", "group"]
NEEDS = {"row": "pairs", "label": "labels", "group": "groups"}


class Side(NamedTuple):
    """Codes (n, d) of one column, and the key (n,) of each entry."""

    codes: Any
    key: Any


def positives_of(own: Side, other: Side) -> tuple[Any, Any]:
    """Σ_{j ∈ P(i)} v_j (n, d), and how many they are (n,)."""
    key, place = torch.unique(torch.cat([own.key, other.key]), return_inverse=True)
    mine, theirs = place[: len(own.key)], place[len(own.key) :]
    sums = other.codes.new_zeros((len(key), other.codes.shape[-1])).index_add(0, theirs, other.codes)
    return sums[mine], torch.bincount(theirs, minlength=len(key))[mine]


@dataclass(frozen=True)
class Pairwise(Objective, ABC):
    """Every pair of columns in both directions; each process's own entries against everybody's."""

    positives: Positives = "row"

    def __post_init__(self) -> None:
        if self.positives not in NEEDS:
            raise KuamoError(f"positives: given {self.positives!r}; expected one of {list(NEEDS)}")

    @property
    def needs(self) -> frozenset[str]:  # type: ignore[override]
        """Pairs, or labels, or groups: rows that share one need no other pair."""
        return frozenset({NEEDS[self.positives]})

    def __call__(self, step: Step, player: str) -> Any:
        """Mean over all entries that have a loss, of every pair of columns in both directions.

        So a pair that few rows have weighs little: as much as any other, it would be learned by heart at its columns'
        expense.
        """
        own, key, everybody = step.own.get("space"), step.keys(self.positives), step.gather()
        losses = []
        for a, b in self.pairs(step):
            u, v = (Side(step.code(name).mean, key[step.cells[name].row]) for name in (a, b))
            if step.alone:  # one matrix of scores has both directions in it
                forth, back = self.losses(u, v, own)
            else:
                all_u, all_v = (Side(codes, key[rows]) for codes, rows in (everybody[a], everybody[b]))
                forth, back = self.losses(u, all_v, own)[0], self.losses(v, all_u, own)[0]
            step.log_column_loss(a, forth)
            step.log_column_loss(b, back)
            losses += [forth, back]
        return step.mean(torch.cat(losses))

    def pairs(self, step: Step) -> list[tuple[str, str]]:
        """Which columns meet in this step: every two."""
        return list(combinations(step.names, 2))

    @abstractmethod
    def losses(self, u: Side, v: Side, own: Any) -> tuple[Any, Any]:
        """(k,) one for each entry of u that has one, and (l,) for each of v; `own`: what `build` made."""
