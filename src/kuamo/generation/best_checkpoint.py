"""The best state of a decoder: looked at now and then in training, judged on held-out rows, and kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from kuamo.generation.decoder_problem import DecoderProblem
from kuamo.training.run_folder import Run

__all__ = ["BestCheckpoint", "PreviewCallback"]

PreviewCallback = Callable[[str, float, list[Any], list[list[Any]]], None]
LOOKS = (1 / 16, 1 / 4, 1 / 2, 3 / 4, 1)  # shares of the training
SCORED = 200  # rows at most


class BestCheckpoint:
    """Looks at a decoder in training, and keeps its weights where the energy score on held-out rows was least.

    Args:
        decoding, name, decoder: who. rows: held out. seed: of the draws. out: a run folder; the best weights lie there,
            so that a run that goes on knows them. look: see `learn_decoders`.
    """

    def __init__(
        self,
        decoding: DecoderProblem,
        name: str,
        decoder: Any,
        rows: np.ndarray,
        seed: int,
        out: Run | None,
        look: PreviewCallback | None,
    ) -> None:
        self.decoding, self.name, self.decoder, self.seed = decoding, name, decoder, seed
        self.rows = rows[:: max(1, -(-len(rows) // SCORED))]  # a few are enough to see which state is better
        self.look = look
        number = list(decoding.targets).index(name)
        self.out, self.number = out, number
        self.score: float | None = None
        self.weights: dict[str, np.ndarray] = {}
        self.weights = {} if out is None else out.load_best(number)
        if self.weights:
            self.score = float(self.weights.pop("score")[0])

    def __call__(self, done: int, of: int, averaged: Callable[[], Any]) -> None:
        """After each step; it looks at these shares of the training."""
        if not any(done - 1 < share * of <= done for share in LOOKS):
            return
        with averaged():
            score = self.decoding.score(self.name, self.decoder, self.rows, self.seed)
            if self.look is not None and len(self.rows):
                self.look(self.name, done / of, *self.decoding.shown(self.name, self.decoder, self.rows, self.seed))
            if score is not None and (self.score is None or score < self.score):
                self.score = score
                state = self.decoder.state_dict().items()
                self.weights = {key: value.detach().numpy().copy() for key, value in state}
                self._write()

    def keep(self) -> None:
        """Give the decoder the best weights, where anything was looked at."""
        import torch

        if self.weights:
            self.decoder.load_state_dict({key: torch.from_numpy(value) for key, value in self.weights.items()})

    def _write(self) -> None:
        if self.out is not None:
            self.out.save_best(self.number, {**self.weights, "score": np.array([self.score])})
