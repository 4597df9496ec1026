"""The one loop. For each step: a batch; then for each player in turn its loss, gradients of its own parameters, a step.

    rows = permutation(seed, epoch)[step]        the same in every process; each takes its share
    for player in the game: its turn (`kuamo.training.players`)

There is no branch on the kind of objective. Everything random is a function of (seed, step), so a run that was killed
and resumed is the run that was not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch

from kuamo.core.profiling import shortened
from kuamo.core.types import Progress
from kuamo.embedding.space import EmbeddingSpace
from kuamo.training.balance.sampling import draws_of
from kuamo.training.batch import FeatureSource, Source, batch_of
from kuamo.training.config import Training
from kuamo.training.distributed import rank_and_size
from kuamo.training.gradient_cache import check_chunk
from kuamo.training.objective import Objective, terms_of
from kuamo.training.players import Optimization
from kuamo.training.randomness import forked_rng
from kuamo.training.run_folder import Run

__all__ = ["train"]

StepWatcher = Callable[[int, Callable[[], Any]], None]


def train(
    space: EmbeddingSpace,
    sources: Mapping[str, Source | FeatureSource],
    objective: Objective,
    training: Training,
    *,
    seed: int,
    out: Run | None = None,
    progress: Progress | None = None,
    marks: Mapping[str, np.ndarray] | None = None,
    watch: StepWatcher | None = None,
) -> dict[str, float]:
    """Move a space's parameters in place.

    Args:
        space: with trainable heads. sources: column → where its cells come from. seed: of everything random.
        marks: "label" and "group" → (N,) whole numbers, −1 where a row has none.
        out: a run folder; a state that is found there is resumed.
        watch: called after each step with how many are done and a context in which moving averages stand in for the
            weights. With it, Ctrl-C ends the training and not the program: what is learned is kept.

    Returns:
        What the steps logged, averaged over the last tenth; `skipped`, how many had no usable row, if any had none;
        `stopped`, how many were done, if Ctrl-C came.

    Raises:
        KuamoError: a loss that is not finite; the last good state stays in `out`.
    """
    with forked_rng(seed):
        game = Optimization(space, objective, training)
        first = game.resume(out, training, seed) if out else 0
        draw, held = draws_of(sources, training, seed, marks, predicted(objective))
        logged: list[dict[str, float]] = []
        for module in space.modules():
            module.train()
        for port in space.ports:
            if sources[port.name].frozen is None:
                check_chunk(training.grad_cache_chunk, port.encoder, port.name)
        done = first
        try:
            for step in shortened(range(first, training.steps)):
                torch.manual_seed(seed * 1_000_003 + step)
                log: dict[str, float] = {}
                batch = batch_of(sources, draw(step), training.fusemix_alpha, (seed, step), marks)
                for player in game.players:
                    game.play(player, batch, sources, (seed, step), log)
                for average in game.averages:
                    average.update(step)
                logged.append(log)
                done = step + 1
                game.write(done, sources, held, (seed, step), marks)
                if progress:
                    progress("training", done, training.steps)
                if watch:
                    watch(done, game.averaged)
                if out and rank_and_size()[0] == 0 and (done == training.steps or done % training.save_every == 0):
                    game.save(out, done, training, seed)
        except KeyboardInterrupt:
            if watch is None or done == 0:
                raise
        for average in game.averages:
            average.take_place()
        for module in space.modules():
            module.eval()
        if training.learning_curves is not None and game.turn is not None:
            space.info["learning"] = game.turn.plain()
    tail = logged[-max(1, len(logged) // 10) :]
    means = {name: float(np.mean([log[name] for log in tail if name in log])) for log in tail[-1:] for name in log}
    means |= {"skipped": game.skipped} if game.skipped else {}
    return means | ({"stopped": done} if done < training.steps else {})


def predicted(objective: Objective) -> list[str]:
    """The columns that an objective's terms predict."""
    terms = [getattr(term, "term", term) for _, term in terms_of(objective)]
    return [name for term in terms for name in term.predicts]
