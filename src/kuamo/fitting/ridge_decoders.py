"""Ridge decoders of numbers and classes."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from kuamo.core.modules import is_module, is_trainable
from kuamo.core.types import Packed
from kuamo.embedding.embedding import Embedding
from kuamo.embedding.space import Tower, run_head
from kuamo.generation.decoders.ridge import solve_ridge
from kuamo.space import Space

__all__ = ["add_ridge_decoders", "at", "common_entries", "needs_ridge"]


def needs_ridge(port: Tower) -> bool:
    """Is it without a decoder, and are its features fixed?"""
    return port.codec is None and port.decoder is None and not (is_module(port.encoder) and is_trainable(port.encoder))


def add_ridge_decoders(space: Space, cells: Packed, known: Mapping[str, Embedding], penalty: float = 0.1) -> None:
    """p(y | z) in closed form for every port that has no decoder, from the codes of every column of the row.

    Args:
        known: codes of columns that need not be computed again.
    """
    codes = {}
    for port in (port for port in space.ports if port.name in cells):
        x, row = cells[port.name]
        codes[port.name] = (np.asarray(known[port.name] if port.name in known else run_head(port.head, x)), row)
    for port in space.ports:
        if not needs_ridge(port):
            continue
        y, row_y = cells[port.name]
        pairs = ((z, *common_entries(row_z, row_y)) for z, row_z in codes.values())
        port.decoder = solve_ridge(((at(z, at_z), at(y, at_y)) for z, at_z, at_y in pairs), penalty)


def at(array: np.ndarray, entries: np.ndarray) -> np.ndarray:
    """array[entries], without a copy where that is all of it."""
    whole = len(entries) == len(array) and np.array_equal(entries, np.arange(len(array)))
    return array if whole else array[entries]


def common_entries(row_a: np.ndarray, row_b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Entries of a and b that belong to one row: for each entry of b, the first of a in its row."""
    place = np.searchsorted(row_a, row_b)
    place = np.minimum(place, max(len(row_a) - 1, 0))
    same = np.flatnonzero(row_a[place] == row_b) if len(row_a) else np.empty(0, dtype=np.int64)
    return place[same], same
