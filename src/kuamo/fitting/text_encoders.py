"""Texts in several languages: one encoder for all of their columns, where held-out pairs say that it is better.

A table of texts alone, such as words and their translations, may have an encoder for each column's language or
multilingual E5 for all. One encoder has a known alignment (`known_alignment`), another for each may know its language
better. Both are tried on at most 200 pairs; without pairs enough, columns of different encoders get one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from kuamo.core.messages import Note
from kuamo.core.threads import single_threaded_blas
from kuamo.core.types import Packed
from kuamo.data.modalities import Text
from kuamo.data.table import Table
from kuamo.embedding.space import Tower
from kuamo.encoders import MultilingualE5
from kuamo.encoders.feature_cache import features
from kuamo.fitting.known_alignment import KnownColumns, choose_blend
from kuamo.fitting.shared_spaces import space_of
from kuamo.objectives import CCA
from kuamo.training.run import Prepared

__all__ = ["with_one_text_encoder"]

PAIRS, FEWEST = 200, 24  # rows that are looked at, and below which they do not decide


def with_one_text_encoder(
    table: Table, ports: Sequence[Tower], reasons: Mapping[str, str], given: Mapping[str, Any], seed: int
) -> tuple[list[Tower], dict[str, str]]:
    """The towers of a table of texts, with multilingual E5 for all of them where that finds held-out pairs better.

    Args:
        reasons: column → why it got its encoder. given: encoders that the user named, which stay.
    """
    kept = list(ports), dict(reasons)
    spaces = {space_of(port.encoder) for port in ports}
    there = (port.encoder for port in ports if isinstance(port.encoder, MultilingualE5))
    many = next(there, None) or (MultilingualE5() if MultilingualE5.installed() else None)
    if many is None or spaces == {space_of(many)} or any(port.name in given for port in ports):
        return kept
    if len(ports) < 2 or not all(isinstance(port.modality, Text) for port in ports):
        return kept
    rows = np.flatnonzero(table.present().all(axis=1))
    if len(rows) < FEWEST:
        if len(spaces) == 1:
            return kept
        why = Note("one_text_encoder_few", count=len(rows))
    else:
        some = table.take(rows[np.unique(np.linspace(0, len(rows) - 1, min(PAIRS, len(rows))).astype(int))])
        own = rank_of_pairs(some, {port.name: port.encoder for port in ports}, seed)
        one = rank_of_pairs(some, {port.name: many for port in ports}, seed)
        if one <= own:
            return kept
        why = Note("one_text_encoder", count=len(some), one=one, own=own)
    return [replace(port, encoder=many) for port in ports], dict.fromkeys((port.name for port in ports), why)


@single_threaded_blas()
def rank_of_pairs(table: Table, encoders: Mapping[str, Any], seed: int) -> float:
    """Mean reciprocal rank of held-out rows: by CCA, and beside the known alignment where there is one encoder."""
    cells: Packed = {name: (features(table, name, one), table.column(name).row) for name, one in encoders.items()}
    groups = Prepared(table, dict(cells)).split_group
    solved = CCA().solve(cells, groups, seed)
    labels = groups if len(np.unique(groups)) < len(groups) else None
    one = len({space_of(encoder) for encoder in encoders.values()}) == 1
    return choose_blend(KnownColumns(cells), solved, labels).blended if one else solved.score
