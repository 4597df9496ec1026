"""What goes beside a training: it starts before the first step, sees each step, and ends after the last.

Predict's regressions and calibration, learning curves, the best checkpoint, previews, progress and saved states are
callbacks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any

from kuamo.core.types import Progress
from kuamo.embedding.space import EmbeddingSpace
from kuamo.training.config import Training

__all__ = ["Callback", "ColumnLosses", "LoopState", "ReportProgress"]

ColumnLosses = Mapping[int, Sequence[tuple[str, Any]]]
"""Number of a term → the columns whose own losses (n,) it reports, with these."""


@dataclass
class LoopState:
    """Where a training stands.

    Args:
        space: being trained. sources: column → where its cells come from. training: how long and how.
        done: how many steps are done. column_losses: what terms reported in the last of them.
        held_losses: () → the same of rows that training does not see, if there are any.
        averaged: () → a context in which moving averages stand in for the weights.
    """

    space: EmbeddingSpace
    sources: Mapping[str, Any]
    training: Training
    done: int = 0
    column_losses: ColumnLosses = field(default_factory=dict)
    held_losses: Callable[[], ColumnLosses | None] = lambda: None
    averaged: Callable[[], AbstractContextManager[None]] = nullcontext


class Callback:
    """What a training calls; each method may be left as it is."""

    enough: bool | None = None
    """Is what it solves all there is to learn? Then `Training(at_most=True)` ends early; `None` has no say."""

    keeps_when_stopped: bool = False
    """Does Ctrl-C end the training and not the program, so that what is learned is kept?"""

    def on_start(self, loop: LoopState) -> None:
        """Before modules and optimizers are collected."""

    def on_step(self, loop: LoopState) -> None:
        """After each step, of which `loop.done` are done."""

    def on_end(self, loop: LoopState) -> None:
        """When moving averages have taken the place of weights."""

    def state(self) -> dict[str, Any]:
        """Plain data for the run folder, so that a run that was killed goes on the same."""
        return {}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """The inverse of `state`."""


class ReportProgress(Callback):
    """Calls (what, done, of) after each step."""

    def __init__(self, progress: Progress) -> None:
        self.progress = progress

    def on_step(self, loop: LoopState) -> None:
        self.progress("training", loop.done, loop.training.steps)
