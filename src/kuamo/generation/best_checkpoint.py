"""The best state of a decoder: scored now and then in training on held-out rows, and kept."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from kuamo.generation.decoder_problem import DecoderProblem
from kuamo.training.callback import Callback, LoopState
from kuamo.training.run import Run

__all__ = ["BestCheckpoint"]

LOOKS = (1 / 16, 1 / 4, 1 / 2, 3 / 4, 1)  # shares of the training
SCORED = 200  # rows at most


class BestCheckpoint(Callback):
    """Keeps a decoder's weights where the energy score on held-out rows was least, and shows previews.

    Args:
        decoding, name, decoder: whose. rows: held out. run: the best weights lie in its folder, so that a run that goes
            on knows them; `on_preview` is called with samples of some rows.
    """

    keeps_when_stopped = True

    def __init__(self, decoding: DecoderProblem, name: str, decoder: Any, rows: np.ndarray, run: Run) -> None:
        self.decoding, self.name, self.decoder, self.run = decoding, name, decoder, run
        self.rows = rows[:: max(1, -(-len(rows) // SCORED))]  # a few are enough to see which state is better
        self.number = list(decoding.targets).index(name)
        self.weights = {} if run.folder is None else run.folder.load_best(self.number)
        self.score = float(self.weights.pop("score")[0]) if self.weights else None

    def on_step(self, loop: LoopState) -> None:
        """Score the decoder at these shares of the training."""
        done, of, seed = loop.done, loop.training.steps, self.run.seed
        if not any(done - 1 < share * of <= done for share in LOOKS):
            return
        with loop.averaged():
            score = self.decoding.score(self.name, self.decoder, self.rows, seed)
            if self.run.on_preview is not None and len(self.rows):
                shown = self.decoding.previews(self.name, self.decoder, self.rows, seed)
                self.run.on_preview(self.name, done / of, *shown)
            if score is not None and (self.score is None or score < self.score):
                self.score = score
                self.weights = {key: value.numpy().copy() for key, value in self.decoder.state_dict().items()}
                if self.run.folder is not None:
                    self.run.folder.save_best(self.number, {**self.weights, "score": np.array([score])})

    def on_end(self, loop: LoopState) -> None:
        """Give the decoder the best weights, where anything was scored."""
        if self.weights:
            self.decoder.load_state_dict({key: torch.from_numpy(value) for key, value in self.weights.items()})
