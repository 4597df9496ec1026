"""Answers that are the same, of which a search counts one alone as right."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from kuamo.core.messages import Note
from kuamo.data.modalities import Category, Number
from kuamo.data.repeats import SPOKEN_OF, cell_keys
from kuamo.data.table import Table
from kuamo.evaluation.results import Direction

__all__ = ["repeated_answers"]


def repeated_answers(table: Table, pairs: Mapping[str, Direction], positives: str) -> list[Note]:
    """Columns that are searched, of which several rows hold the same."""
    if positives != "row":
        return []
    notes = []
    for name in dict.fromkeys(pair.target for pair in pairs.values()):
        if isinstance(table.column(name).modality, Category | Number):
            continue  # a note says already that these are prediction targets
        keys = cell_keys(table.column(name), len(table))
        there = keys[keys != 0]
        times = np.unique(there, return_counts=True)[1]
        share = times[times > 1].sum() / max(len(there), 1)
        if share > SPOKEN_OF:
            notes.append(Note("remark_repeats", column=name, share=100 * share, count=int((times > 1).sum())))
    return notes
