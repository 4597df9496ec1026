"""The towers of a space that is to be fitted: encoders, codecs, and what a start gives."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from typing import Any

import numpy as np

from kuamo.core.errors import CellError, TableError
from kuamo.core.messages import Note
from kuamo.core.modules import is_trainable
from kuamo.core.types import Packed
from kuamo.data.modalities import Category, Number, Text, Vector
from kuamo.data.table import Table
from kuamo.embedding.decoder import Decoder
from kuamo.embedding.embedding import Embedding
from kuamo.embedding.space import BLOCK_ROWS, Tower, run_head
from kuamo.encoders import default_encoder
from kuamo.encoders.base import Identity
from kuamo.objectives import Objective
from kuamo.space import Space

__all__ = ["codes_of_entries", "copied_if_trainable", "describe_encoder", "initialize_from", "numbers_of", "open_ports"]


def initialize_from(
    start: Space, space: Space, objective: Objective | None, dim: int | None, anew: Sequence[str] = ()
) -> None:
    """Give a new space the heads of another, where both have the column; where nothing is learned, decoders too, but
    those of columns `anew`.
    """
    if dim not in (None, start.dim):
        raise TableError(f"given dim={dim} and a start of {start.dim} dimensions; expected the same")
    for port in space.ports:
        if any(port.name == other.name for other in start.ports):
            other = start.port(port.name)
            port.head = deepcopy(other.head)
            if objective is None:  # a bank of codes is of these heads alone
                port.hubness = deepcopy(other.hubness)
            if objective is None and port.name not in anew and port.decoder is None:
                for role in ("codec", "decoder", "memory", "residual"):
                    setattr(port, role, deepcopy(getattr(other, role)))
        elif objective is None:
            raise TableError(
                f"column {port.name!r}: not in the initial space, and no objective trains it; expected one"
            )
    space.score, space.fusion = start.score, deepcopy(start.fusion)
    space.notes += [Note("start", what=note) for note in start.notes]


def codes_of_entries(space: Space, cells: Packed, known: Mapping[str, Embedding]) -> dict[str, Embedding]:
    """Codes of columns' entries: those that are known, or by the heads."""
    return {
        name: known[name] if name in known else run_head(space.port(name).head, x) for name, (x, _) in cells.items()
    }


def open_ports(
    table: Table,
    encoders: Mapping[str, Any],
    decoders: Mapping[str, Any],
    start: Space | None = None,
    as_they_are: Sequence[str] = (),
) -> tuple[list[Tower], dict[str, str]]:
    """A port without a head for each column, and why it got its encoder where it was not given, nor the start's.

    Args:
        as_they_are: columns of vectors that share a space, where units of their own would part them.
    """
    known = {} if start is None else {port.name: copied_if_trainable(port.encoder) for port in start.ports}
    known |= encoders
    notes: dict[str, str] = {}
    ports = []
    for name, modality in table.modalities.items():
        unscaled = name in as_they_are or Decoder.adapt(decoders.get(name)).has_range
        if name not in known and isinstance(modality, Vector) and unscaled:
            known[name], notes[name] = Identity(), Note("vectors")
        elif name not in known:
            known[name], notes[name] = default_encoder(name, modality, sample_of(table, name))
        ports.append(Tower(name, modality, known[name], None, decoder=decoders.get(name)))
    return ports, notes


def copied_if_trainable(encoder: Any) -> Any:
    """A copy of an encoder that may be trained; a frozen one itself, which may hold what cannot be copied."""
    return deepcopy(encoder) if is_trainable(encoder) else encoder


def sample_of(table: Table, name: str, most: int = 200) -> list[Any]:
    """Some of a text column's values, spread over its entries; of a category the different ones; of vectors and numbers
    all, in blocks (n, D). Nothing of other columns, which are dear to decode."""
    column = table.column(name)
    if isinstance(column.modality, Vector | Number):
        return list(numbers_of(table, name))
    if isinstance(column.modality, Category):
        return sorted({value for _, value in table.try_values(name) if not isinstance(value, CellError)})
    if not isinstance(column.modality, Text):
        return []
    entries = np.unique(np.linspace(0, len(column.row) - 1, min(most, len(column.row))).astype(int))
    return [value for _, value in table.try_values(name, entries) if not isinstance(value, CellError)]


def numbers_of(table: Table, name: str) -> Iterator[np.ndarray]:
    """A column's vectors, or its numbers, in blocks (n, D), without those that cannot be read."""
    column, every = table.column(name), np.arange(len(table.column(name).row))
    for start in range(0, len(every), BLOCK_ROWS):
        some = every[start : start + BLOCK_ROWS]
        together = column.vectors(some)
        if together is not None:
            yield together
            continue
        values = [np.atleast_1d(value) for _, value in table.try_values(name, some) if not isinstance(value, CellError)]
        if values:
            usual = Counter(value.shape for value in values).most_common(1)[0][0]
            yield np.stack([value for value in values if value.shape == usual])


def describe_encoder(port: Tower, cells: Packed, reason: str | None = None) -> Note:
    """One note about a port's encoder."""
    named = {"column": port.name, "encoder": type(port.encoder).__name__}
    known = port.name in cells
    note = Note("features", **named, count=cells[port.name][0].shape[1]) if known else Note("trained_here", **named)
    return Note("because", what=note, why=reason) if reason else note
