"""The one loop. For each step: a batch; then for each player in turn its loss, gradients of its own parameters, a step.

    rows = permutation(seed, epoch)[step]        the same in every process; each takes its share
    for each player: its turn (`kuamo.training.players`), then for each callback: `on_step`

There is no branch on the kind of objective. Everything random is a function of (seed, step), so a run that was killed
and resumed is the run that was not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace

import numpy as np

from kuamo.core.modules import single_threaded_torch
from kuamo.core.profiling import profiled_step, shortened
from kuamo.embedding.space import EmbeddingSpace
from kuamo.training.balance.monitor import ColumnMonitor
from kuamo.training.balance.sampling import draws_of
from kuamo.training.batch import FeatureSource, Source, batch_of
from kuamo.training.callback import Callback, ColumnLosses, LoopState, ReportProgress
from kuamo.training.checkpoint import SaveState
from kuamo.training.config import Training
from kuamo.training.gradient_cache import check_chunk
from kuamo.training.objective import Objective, terms_of
from kuamo.training.players import Optimization
from kuamo.training.randomness import forked_rng, seed_generators
from kuamo.training.run import Run

__all__ = ["TrainingResult", "train"]

FEW_STEPS = 30  # where callbacks solve all that there is to learn


@dataclass(frozen=True)
class TrainingResult:
    """What a training logged.

    Args:
        losses: name → mean over the last tenth of the steps. steps: how many were to be done. done: how many were, if
            Ctrl-C came. skipped: how many had no usable row.
    """

    losses: dict[str, float]
    steps: int
    done: int
    skipped: int


def train(
    space: EmbeddingSpace,
    sources: Mapping[str, Source | FeatureSource],
    objective: Objective,
    training: Training,
    run: Run,
    *,
    marks: Mapping[str, np.ndarray] | None = None,
    callbacks: Sequence[Callback] = (),
) -> TrainingResult:
    """Move a space's parameters in place.

    Args:
        space: with trainable heads. sources: column → where its cells come from.
        run: its seed, its progress, and its folder, from which a state that is found there is resumed.
        marks: "label" and "group" → (N,) whole numbers, −1 where a row has none.
        callbacks: what goes beside the training.

    Raises:
        KuamoError: a loss that is not finite; the last good state stays in the run folder.
    """
    loop, recorded = LoopState(space, sources, training), training.learning_curves
    callbacks = [
        *([ColumnMonitor(recorded, [term.name for _, term in terms_of(objective)])] if recorded else []),
        *([ReportProgress(run.progress)] if run.progress else []),
        *callbacks,
    ]
    with forked_rng(run.seed):
        for callback in callbacks:
            callback.on_start(loop)
    says = [callback.enough for callback in callbacks if callback.enough is not None]
    if training.at_most and says and all(says):
        loop.training = replace(training, steps=min(training.steps, FEW_STEPS))
    frozen = all(source.frozen is not None for source in sources.values())
    with (
        profiled_step("training"),
        single_threaded_torch() if frozen else nullcontext(),  # small steps lose more by waiting
        forked_rng(run.seed),
    ):
        result = run_steps(loop, objective, run, marks, callbacks)
    with forked_rng(run.seed):
        for callback in callbacks:
            callback.on_end(loop)
    return result


def run_steps(
    loop: LoopState,
    objective: Objective,
    run: Run,
    marks: Mapping[str, np.ndarray] | None,
    callbacks: Sequence[Callback],
) -> TrainingResult:
    """All steps, or those that a saved state leaves to do; then averages take the place of weights."""
    space, sources, training, seed = loop.space, loop.sources, loop.training, run.seed
    game = Optimization(space, objective, training)
    if run.folder:
        saves = SaveState(run.folder, game, callbacks, training, seed)
        loop.done = saves.resume()
        callbacks = [*callbacks, saves]
    predicted = [name for _, term in game.terms for name in term.predicts]
    draw, held = draws_of(sources, training, seed, marks, predicted)

    def held_losses() -> ColumnLosses | None:
        """Of the rows that are held out, if some are."""
        if held is None:
            return None
        return game.losses_of_columns(batch_of(sources, held, marks=marks), sources, (seed, loop.done - 1))

    loop.held_losses, loop.averaged = held_losses, game.averaged
    for module in space.modules():
        module.train()
    for port in space.ports:
        if sources[port.name].frozen is None:
            check_chunk(training.grad_cache_chunk, port.encoder, port.name)
    logged: list[dict[str, float]] = []
    try:
        for step in shortened(range(loop.done, training.steps)):
            seed_generators(seed * 1_000_003 + step)
            log: dict[str, float] = {}
            batch = batch_of(sources, draw(step), training.fusemix_alpha, (seed, step), marks)
            for player in game.players:
                game.play(player, batch, sources, (seed, step), log)
            for average in game.averages:
                average.update(step)
            logged.append(log)
            loop.done, loop.column_losses = step + 1, game.column_losses
            for callback in callbacks:
                callback.on_step(loop)
    except KeyboardInterrupt:
        if loop.done == 0 or not any(callback.keeps_when_stopped for callback in callbacks):
            raise
    for average in game.averages:
        average.take_place()
    for module in space.modules():
        module.eval()
    tail = logged[-max(1, len(logged) // 10) :]
    losses = {name: float(np.mean([log[name] for log in tail if name in log])) for log in tail[-1:] for name in log}
    return TrainingResult(losses, training.steps, loop.done, game.skipped)
