"""What `fit` heeds when it chooses by itself: which columns look related at all.

A column that looks related to no other joins last, as a rare one does; and where no two columns look related, contrast
is not tried, since there is nothing that it could gain. A few rows tell most relations; more are looked at only where
these are not sure.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from kuamo.diagnosis.advice import LEVEL, aside, least
from kuamo.diagnosis.looking import once, paired
from kuamo.diagnosis.quality import Packed
from kuamo.diagnosis.related import related
from kuamo.notes import Note

__all__ = ["Heed", "heed"]

FEW, MANY = 300, 1000  # rows
SURE = 0.01
FEWEST = 40  # groups, below which too little would be found to act by it


@dataclass(frozen=True)
class Heed:
    """What to do.

    Args:
        aside: columns that join last. hopeless: no two columns look related. notes: both, in words.
        relations: facts of every two columns, as a `Diagnosis` has them: names, rows, p.
    """

    aside: list[str]
    hopeless: bool
    notes: list[Note]
    relations: list[dict[str, Any]]


def heed(cells: Packed, groups: np.ndarray, seed: int) -> Heed:
    """Look at every two columns.

    Args:
        cells: column → (features (n, D), row (n,)). groups: (N,) numbers. seed: of rows and pairings.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> x, noise, row = rng.normal(size=(100, 4)), rng.normal(size=(100, 4)), np.arange(100)
        >>> heed({"a": (x, row), "b": (x + noise, row), "c": (rng.normal(size=(100, 4)), row)}, row, 0).aside
        ['c']
    """
    p, relations = {}, []
    for a, b, x, y, group, _ in paired(once(cells, groups)[0], groups):
        relations.append({"a": a, "b": b, "rows": len(x), "p": None})
        if len(np.unique(group)) >= FEWEST and (x != x[:1]).any() and (y != y[:1]).any():
            relations[-1]["p"] = p[a, b] = least_p(x, y, group, seed)
    last = aside(list(cells), p)
    lowest = min(1.0, len(p) * min(p.values(), default=1.0))
    notes = [Note("advice_aside", column=name, p=least(p, name)) for name in last]
    hopeless = bool(p) and lowest > LEVEL
    if hopeless:
        notes.append(Note("advice_hopeless", p=lowest))
    return Heed(last, hopeless, [Note("advice_followed", what=note) for note in notes], relations)


def least_p(x: np.ndarray, y: np.ndarray, group: np.ndarray, seed: int) -> float:
    """p of few rows if these tell already, else of more."""
    given = group if len(np.unique(group)) < len(group) else None
    few = related(x, y, given, rows=FEW, seed=seed).p
    if few <= SURE or len(x) <= FEW:
        return few
    return related(x, y, given, rows=MANY, seed=seed).p
