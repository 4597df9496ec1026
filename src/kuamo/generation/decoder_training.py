"""Decoders are trained in the one loop, and compared with the closed form on held-out rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from kuamo.core.arrays import entries_in_rows
from kuamo.core.messages import Note
from kuamo.embedding.decoder import Decoder
from kuamo.embedding.space import EmbeddingSpace, Tower
from kuamo.encoders import Identity
from kuamo.generation.best_checkpoint import BestCheckpoint
from kuamo.generation.codecs.text import TextVocabulary
from kuamo.generation.decoder_problem import (
    ColumnCodes,
    DecoderProblem,
    PassThroughHead,
    Targets,
    has_own_units,
    set_scales,
)
from kuamo.generation.recipes import DecoderSpec, Ridge
from kuamo.training.batch import FeatureSource
from kuamo.training.callback import Callback
from kuamo.training.config import Training
from kuamo.training.run import Run

__all__ = [
    "HELD_OUT",
    "MOST_HELD_OUT",
    "fewer",
    "held_out",
    "init_decoders",
    "learn",
    "quality_note",
    "train_all_decoders",
    "train_decoders",
    "training_steps",
]


HELD_OUT, MOST_HELD_OUT = 0.1, 500


def train_all_decoders(
    space: EmbeddingSpace,
    split_group: np.ndarray,
    codes: ColumnCodes,
    targets: Targets,
    recipes: Mapping[str, DecoderSpec],
    run: Run,
) -> None:
    """Give columns their decoders, in place.

    Args:
        space: with its heads; nothing of them moves. split_group: (N,) the number of each row's group.
        codes: column → the codes (n, d) of its entries, and their rows, of every column.
        targets: column → y (n, L) of its entries, of every column that is to have a decoder here.
        recipes: column → recipe; the others, and those whose recipe is ridge, are solved.
        run: its seed, its training (what suits the rows if not given), its folder, progress and previews.
    """
    every, held = np.arange(len(split_group)), held_out(split_group, run.seed)
    kept = np.setdiff1d(every, held)
    decoding = DecoderProblem(space, codes, targets)
    trained = init_decoders(space, recipes, targets, run.seed)
    for name in targets:
        port = space.port(name)
        if name not in trained:
            port.codec, port.decoder = recipes.get(name, Ridge()).solve(decoding, name, every)
    if trained:
        learn(decoding, trained, recipes, kept, held, run)
    for name in targets:
        port = space.port(name)
        port.memory = decoding.hopfield(name, kept, held, run.seed)
        port.residual = decoding.residual(name, port.decoder, held, run.seed)


def learn(
    decoding: DecoderProblem,
    trained: Mapping[str, Any],
    recipes: Mapping[str, DecoderSpec],
    kept: np.ndarray,
    held: np.ndarray,
    run: Run,
) -> None:
    """Train decoders on the rows that are kept, and hold each against the closed form on those that are held out."""
    space, seed = decoding.space, run.seed
    for turn, (training, some) in enumerate(by_training(trained, recipes, run, len(kept)).items()):
        best = [BestCheckpoint(decoding, name, decoder, held, run) for name, decoder in some.items()]
        train_decoders(decoding, some, recipes, kept, replace(of_turn(run, turn), training=training), best)
    for name, decoder in trained.items():
        port, recipe = space.port(name), recipes[name]
        port.decoder, ours = decoder, decoding.score(name, decoder, held, seed)
        codec, closed = recipe.solve(decoding, name, kept)
        if closed is None or len(held) == 0:
            continue
        theirs = decoding.score(name, closed, held, seed, codec)
        if ours is None or theirs is None:
            continue
        space.notes.append(quality_note(name, recipe, ours, theirs, len(held), isinstance(codec, TextVocabulary)))
        if note := decoding.quality_warning(name, decoder, held, seed, type(recipe).__name__):
            space.notes.append(note)
        if recipe.may_fall_back and theirs < ours:
            port.codec, port.decoder = recipe.solve(decoding, name, np.sort(np.concatenate([kept, held])))


def by_training(
    trained: Mapping[str, Any], recipes: Mapping[str, DecoderSpec], run: Run, rows: int
) -> dict[Training, dict[str, Any]]:
    """Training → the decoders that are trained by it, together: that of `fit`, or what suits each."""
    found: dict[Training, dict[str, Any]] = {}
    for name, decoder in trained.items():
        training = run.training or recipes[name].training(rows) or Training(steps=training_steps(rows))
        found.setdefault(training, {})[name] = decoder
    return found


def of_turn(run: Run, turn: int) -> Run:
    """The run of the second and further trainings: each keeps its states in a folder of its own."""
    if turn == 0 or run.folder is None:
        return run
    return replace(run, folder=replace(run.folder, folder=run.folder.folder / f"training-{turn + 1}"))


def train_decoders(
    problem: DecoderProblem,
    decoders: Mapping[str, Any],
    recipes: Mapping[str, DecoderSpec],
    rows: np.ndarray,
    run: Run,
    callbacks: Sequence[Callback] = (),
) -> None:
    """Move the decoders of a problem, by the rows alone."""
    from kuamo.training.loop import train

    ports, sources = [], {}
    gaussian = any(code.gaussian for code, _ in problem.codes.values())
    for port in problem.space.ports:
        code, row = problem.codes[port.name]
        entry, place = entries_in_rows(row, rows)
        x = np.concatenate([np.asarray(part)[entry] for part in (code.mean, code.logvar) if part is not None], 1)
        y = problem.targets[port.name][entry] if port.name in decoders else None
        sources[port.name] = FeatureSource(x, place, len(rows), y)
        head = PassThroughHead(problem.space.dim, gaussian, port)
        ports.append(Tower(port.name, port.modality, Identity(), head, decoder=decoders.get(port.name)))
        if y is not None:
            codes = problem.codes_without(port.name, rows, own=True)[0]
            set_scales(decoders[port.name], y, codes, own_units=has_own_units(port))
            if start_from := Decoder.adapt(decoders[port.name]).start_from:
                start_from(problem.ridge(port.name, rows))
    beside = EmbeddingSpace(ports, problem.space.score, problem.space.fusion)
    objective: Any = None
    for name in decoders:
        term = recipes[name].objective(name)
        objective = term if objective is None else objective + term
        if term.aligns == "distributions":
            problem.space.notes.append(Note("made_unpaired", column=name, what=type(recipes[name]).__name__))
    assert run.training is not None
    result = train(beside, sources, objective, run.training, run, callbacks=callbacks)
    key = "decoders_trained" if result.done == result.steps else "decoders_stopped"
    problem.space.notes.append(Note(key, columns=", ".join(decoders), steps=result.done, given=result.steps))


def quality_note(name: str, recipe: DecoderSpec, ours: float, theirs: float, rows: int, texts: bool) -> Note:
    """Whether a trained decoder beats the closed form on held-out rows; both scores are less for the better."""
    key = "decoder_better" if ours < theirs else "decoder_worse"
    given = {"column": name, "what": type(recipe).__name__, "rival": recipe.baseline, "rows": rows}
    if texts:
        key = "writer_better" if ours < theirs else "text_falls_back" if recipe.may_fall_back else "writer_worse"
        return Note(key, **given, ours=1 - ours, theirs=1 - theirs)
    return Note(key, **given, ours=ours, theirs=theirs)


def init_decoders(
    space: EmbeddingSpace, recipes: Mapping[str, DecoderSpec], targets: Targets, seed: int
) -> dict[str, Any]:
    """Column → its untrained decoder, of the recipes that train one; the start weights follow the seed."""
    if not any(recipe.is_trained for recipe in recipes.values()):
        return {}  # and torch is not loaded
    from kuamo.training.randomness import forked_rng

    with forked_rng(seed):
        made = {
            name: recipe.build(space.dim, space.port(name).codec, targets[name].shape[1])
            for name, recipe in recipes.items()
        }
    return {name: decoder for name, decoder in made.items() if decoder is not None}


def held_out(groups: np.ndarray, seed: int) -> np.ndarray:
    """Rows (h,) of a tenth of the groups, at most 500 rows; none of fewer than 20 groups.

    Example:
        >>> held_out(np.repeat(np.arange(20), 2), 0).size
        4
    """
    names = np.random.default_rng([seed, 7]).permutation(groups.max() + 1)
    if len(names) < 20:
        return np.zeros(0, dtype=np.int64)
    chosen = names[: round(HELD_OUT * len(names))]
    rows = np.flatnonzero(np.isin(groups, chosen))
    return rows if len(rows) <= MOST_HELD_OUT else np.flatnonzero(np.isin(groups, fewer(groups, chosen)))


def fewer(groups: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """The first of the chosen groups, as many as have at most 500 rows together; one at least."""
    sizes = np.cumsum(np.bincount(groups, minlength=groups.max() + 1)[chosen])
    return chosen[: max(1, int(np.searchsorted(sizes, MOST_HELD_OUT, "right")))]


def training_steps(rows: int) -> int:
    """How long a decoder learns: 60 passes over the rows in batches of 256, at least 1,000 steps and at most 3,000.

    Example:
        >>> training_steps(1300), training_steps(6000), training_steps(100_000)
        (1000, 1406, 3000)
    """
    return int(np.clip(60 * rows / 256, 1000, 3000))
