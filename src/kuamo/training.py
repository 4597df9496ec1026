"""The one loop. For each step: a batch; then for each player in turn its loss, gradients of its own parameters, a step.

    rows = permutation(seed, epoch)[step]        the same in every process; each takes its share
    for player in the game: its turn (`kuamo.game`)

There is no branch on the kind of objective. Everything random is a function of (seed, step), so a run that was killed
and resumed is the run that was not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, is_dataclass
from typing import Any

import numpy as np
import torch

from kuamo.balance.learning import Record
from kuamo.balance.sampling import draws_of
from kuamo.cells import FeatureSource, Source
from kuamo.checks import check_kind, is_number, is_whole
from kuamo.chunks import check_chunk
from kuamo.distributed import rank_and_size
from kuamo.errors import KuamoError
from kuamo.game import Game, batch_of
from kuamo.objectives.base import Objective, terms_of
from kuamo.runs import Run
from kuamo.space import Space

__all__ = ["Training", "train"]

Progress = Callable[[str, int, int], None]
Watch = Callable[[int, Callable[[], Any]], None]


@dataclass(frozen=True)
class Training:
    """How long and how fast.

    Args:
        steps: optimiser steps. batch_size: rows of the whole batch, over all processes.
        lr: of the space's optimiser, falling to 0 along a half cosine. weight_decay: of the same.
        optimiser: `"adamw"` or `"sgd"` (momentum .5). save_every: steps between two states in the run folder.
        mix: α of Beta(α, α) where frozen features are mixed with those of another row (FuseMix); 0 for not.
        chunk: how many cells pass through a trained encoder at a time, with the gradients of the whole batch all the
            same (GradCache): memory holds one chunk's activations, whatever the batch size, and one forward more is
            paid for it; `None` for all at once.
        sampling: who is drawn more often, `km.ByCoverage()` or `km.ByClass()`; `None` for each row once an epoch.
        modulate: who is held back, `km.OGMGE()`; `None` for nobody.
        record: `km.Record()`, to write down how fast each column learns; `None` for not.
        at_most: may the objective end sooner, where what it solves beside the training leaves nothing to learn?
    """

    steps: int = 600
    batch_size: int = 256
    lr: float = 1e-3
    weight_decay: float = 1e-4
    optimiser: str = "adamw"
    save_every: int = 200
    mix: float = 0.0
    chunk: int | None = None
    sampling: Any = None
    modulate: Any = None
    record: Record | None = None
    at_most: bool = False

    def __post_init__(self) -> None:
        if not is_whole(self.steps) or not is_whole(self.batch_size, 1) or not is_number(self.lr, 0):
            raise KuamoError(
                f"given steps={self.steps!r}, batch_size={self.batch_size!r}, lr={self.lr!r}; expected "
                f"whole numbers of steps from 0 and rows from 1, and a finite rate from 0"
            )

        if not is_number(self.weight_decay, 0) or not is_whole(self.save_every, 1) or not is_number(self.mix, 0):
            raise KuamoError(
                f"given weight_decay={self.weight_decay!r}, save_every={self.save_every!r}, mix={self.mix!r}; expected "
                f"finite numbers from 0, and whole numbers of steps from 1"
            )
        for name, method in (("sampling", "weights"), ("modulate", "around")):
            one = getattr(self, name)
            if one is not None and (isinstance(one, type) or not hasattr(one, method)):
                usual = "km.ByClass(1)" if name == "sampling" else "km.OGMGE()"
                raise KuamoError(f"given {name}={one!r}; expected None, or one such as {usual}")
        check_kind(Record | None, "a Record, or None", record=self.record)  # type: ignore[arg-type]

    def plain(self) -> dict[str, Any]:
        """Plain data; what is off is not in it."""
        given = asdict(self)
        for name in ("sampling", "modulate", "record"):
            one = getattr(self, name)
            if one is None:
                del given[name]
            else:
                given[name] = {type(one).__name__: given[name] if is_dataclass(one) else repr(one)}
        return given


def train(
    space: Space,
    sources: Mapping[str, Source | FeatureSource],
    objective: Objective,
    training: Training,
    *,
    seed: int,
    out: Run | None = None,
    progress: Progress | None = None,
    marks: Mapping[str, np.ndarray] | None = None,
    watch: Watch | None = None,
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
    with own_randomness(seed):
        game = Game(space, objective, training)
        first = game.resume(out, training, seed) if out else 0
        draw, held = draws_of(sources, training, seed, marks, predicted(objective))
        logged: list[dict[str, float]] = []
        for module in space.modules():
            module.train()
        for port in space.ports:
            if sources[port.name].frozen is None:
                check_chunk(training.chunk, port.encoder, port.name)
        done = first
        try:
            for step in range(first, training.steps):
                torch.manual_seed(seed * 1_000_003 + step)
                log: dict[str, float] = {}
                batch = batch_of(sources, draw(step), training.mix, (seed, step), marks)
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
        if training.record is not None and game.turn is not None:
            space.info["learning"] = game.turn.plain()
    tail = logged[-max(1, len(logged) // 10) :]
    means = {name: float(np.mean([log[name] for log in tail if name in log])) for log in tail[-1:] for name in log}
    means |= {"skipped": game.skipped} if game.skipped else {}
    return means | ({"stopped": done} if done < training.steps else {})


def predicted(objective: Objective) -> list[str]:
    """The columns that an objective's terms predict."""
    from kuamo.objectives.predict import Predict

    terms = [getattr(term, "term", term) for _, term in terms_of(objective)]
    return [term.to for term in terms if isinstance(term, Predict)]


@contextmanager
def own_randomness(seed: int) -> Iterator[None]:
    """Nothing random outside changes what happens inside, nor the other way round; nor do the caller's own switches:
    gradients that are off would leave everything as it began, and numbers of another size would not go together."""
    dtype = torch.get_default_dtype()
    with torch.random.fork_rng(devices=[]), torch.inference_mode(False), torch.enable_grad():
        torch.manual_seed(seed)
        torch.set_default_dtype(torch.float32)
        try:
            yield
        finally:
            torch.set_default_dtype(dtype)
