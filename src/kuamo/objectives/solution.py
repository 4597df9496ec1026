"""What a closed form found: heads, what each column was solved to, and whether to go on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from kuamo.closed_form import LinearMap
from kuamo.closed_form.cca_search import HeldCodes
from kuamo.closed_form.kernel_pca import Map
from kuamo.closed_form.warm_start import ValidationFold, WarmStart
from kuamo.core.messages import Note
from kuamo.embedding.embedding import ClosedFormHead, Embedding

__all__ = ["Continuation", "Solution"]


@dataclass(frozen=True)
class Solution:
    """Heads by column, and what was chosen, in words; `codes` of the columns' entries, where they are known already."""

    heads: dict[str, ClosedFormHead]
    note: Note
    score: float
    codes: dict[str, Embedding] = field(default_factory=dict)
    onward: Continuation | None = None


@dataclass(frozen=True)
class Continuation:
    """What training may go on from.

    Args:
        key: of the data and the search. start: the model on coordinates. rehearse: () → the same outside one fold.
        before: column → map of its features to coordinates. once: column → has each of its rows one entry?
        held: () → codes of the rows of each fold, by the closed form on the rows outside it.
    """

    key: str
    start: WarmStart
    rehearse: Callable[[], ValidationFold]
    before: dict[str, Map]
    once: dict[str, bool]
    held: Callable[[], list[HeldCodes]]

    def head(self, name: str, own: ClosedFormHead) -> ClosedFormHead:
        """The head of a column's features, from its head on coordinates."""
        assert isinstance(own.map, LinearMap)
        shifted = LinearMap(self.start.shift[name], own.map.weight, own.map.offset)
        return ClosedFormHead(self.before[name].then(shifted), own.scale, own.norm)
