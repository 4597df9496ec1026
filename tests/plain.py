"""Shared by tests: spaces that need no fit."""

from __future__ import annotations

import numpy as np

import kuamo as km
from kuamo.closed_form.linear_map import LinearMap
from kuamo.embedding.embedding import ClosedFormHead
from kuamo.embedding.space import Tower
from kuamo.encoders import Identity


def plain_space(*names: str, dim: int = 8) -> km.Space:
    """A space whose codes are the values themselves, compared by cosine."""
    head = ClosedFormHead(LinearMap(np.zeros(dim), np.eye(dim)))
    return km.Space([Tower(name, km.Vector(), Identity(), head) for name in names], score="cosine")
