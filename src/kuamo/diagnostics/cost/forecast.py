"""Forecast: what a fit will cost, predicted by fits of few rows.

    kuamo.diagnostics.cost.forecast(table)  the time, memory and disk of each step, and what to change if it is too much

Nothing is looked up in a table of machines, and no algorithm is written a second time: a few cells of each column are
encoded, `fit` itself is run on few rows with its loops cut short, and each of its steps is carried over to all rows by
how it grows (`steps`). A forecast changes no result: not the table, not what is random, and features are not kept.
Where it searched all rows, what that found is kept, and the fit need not search again.
"""

from __future__ import annotations

import gc
import os
import random
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from kuamo.core.errors import TableError
from kuamo.core.messages import Note
from kuamo.core.modules import is_trainable
from kuamo.core.profiling import collect_steps, measure_cost
from kuamo.data.modalities import Category, Number
from kuamo.data.table import Table
from kuamo.diagnostics.cost.advice import advise, allowed
from kuamo.diagnostics.cost.encoder_timing import EncoderTiming, time_encoder
from kuamo.diagnostics.cost.result import CostForecast
from kuamo.diagnostics.cost.steps import CostModel
from kuamo.diagnostics.cost.trial import TrialRun, apart, rows_of_trial, try_fit
from kuamo.encoders.feature_cache import features
from kuamo.fitting.gradient import default_training
from kuamo.fitting.pipeline import Arguments, open_table
from kuamo.generation.decoder_training import training_steps
from kuamo.objectives import CCA, Objective
from kuamo.space import Space
from kuamo.training.config import Training
from kuamo.training.objective import is_trained

__all__ = ["forecast"]

SMALL = 5000  # cells of a table of which all rows are fitted, where their features are at hand
FEW, ROWS = 32, (640, 320)  # rows of the first trial; of the next, with two columns or more: as many as have all axes
ENOUGH, SHARE, MOST_SPENT = 3.0, 0.1, 8.0  # CPU seconds of a forecast, or this share of the fit's, up to so many


def forecast(
    table: Table,
    objective: Objective | None = None,
    *,
    encoders: Mapping[str, Any] | None = None,
    decoders: Mapping[str, Any] | None = None,
    codecs: Mapping[str, Any] | None = None,
    start: Space | None = None,
    dim: int | None = None,
    training: Training | None = None,
    seed: int = 0,
    budget: float | Mapping[str, float] | None = None,
) -> CostForecast:
    """What `fit` with the same arguments will cost, step by step.

    Seconds are as the machine is now: what else runs on it counts. What loading costs, of libraries and models, is
    counted where this process has paid it just now; a fit in the same process pays less. What is stored depends on the
    kernel and size that the closed form chooses; where only few rows were searched, disk is given as a range.

    Args:
        table, objective, encoders, decoders, codecs, start, dim, training, seed: as for `fit`.
        budget: CPU seconds; or some of "cpu" and "wall" (seconds), "memory" and "disk" (MB). What is not given of
            memory and disk is what is free.

    Returns:
        Forecast: prints as a table; `advice` says what costs most, and what to change where it is too much.

    Raises:
        TableError, CellError: as `fit`, where a few cells tell it already.
        KuamoError: an unknown kind of budget, or one that is not above 0.

    Example:
        >>> import kuamo as km
        >>> made = forecast(km.datasets.toy(100), km.CCA(dim=8))
        >>> [step.name for step in made.fit]
        ['features: a', 'features: b', 'closed form', 'ridge decoders']
    """
    limits = allowed(budget)
    with nothing_changed(), measure_cost() as took:
        given = Arguments(objective, encoders or {}, decoders or {}, codecs or {}, start, dim, training, seed)
        model = tried(table, given)
        steps = tuple(model.steps())
    title = Note("forecast", rows=len(table), source=table.source, spent=took.cpu)
    return CostForecast(steps, title, took, tuple(advise(CostForecast(steps), model, limits)), tuple(load_note()))


def tried(table: Table, given: Arguments) -> CostModel:
    """Encode a few cells of each column, then fit few rows."""
    begun = time.process_time()
    opened = open_table(table, given, given.objective is None and given.init is None)
    table, ports = opened.table, opened.ports
    timed = {port.name: found for port in ports if (found := time_encoder(table, port, given.seed))}
    for name, found in timed.items():
        if not found.width:
            raise TableError(f"column {name!r}: no cell can be read; expected some that can")
    training = given.training
    if is_trained(given.objective):
        training = training or default_training(given.objective, len(table))
    elif any(recipe.is_trained for recipe in given.recipes.values()):
        training = training or Training(steps=training_steps(int(0.9 * len(table))))
    tried_with = replace(given, encoders={port.name: port.encoder for port in ports}, training=training)
    trials = Trials(table, tried_with, timed)
    return trials.of_all() if trials.small else trials.of_few(begun)


@dataclass(frozen=True, eq=False)
class Trials:
    """Fits of few rows, or of all where that is quick; see `CostModel`."""

    table: Table
    given: Arguments
    timed: Mapping[str, EncoderTiming]

    @property
    def small(self) -> bool:
        """Are all features at hand, of few rows, and is nothing trained but contrast?"""
        trains = self.timed or self.given.decoders or is_trained(self.given.objective)
        return not trains and self.table.present().sum() <= SMALL

    @cached_property
    def widths(self) -> dict[str, int]:
        """Column → D, of those whose encoder is not trained."""
        known = {name: found.width for name, found in self.timed.items()}
        for name, encoder in self.given.encoders.items():
            if name not in known and not is_trainable(encoder):
                some = apart(self.table, np.unique(self.table.column(name).row)[:8])
                known[name] = features(some, name, encoder).shape[1]
        return known

    @property
    def stand_ins(self) -> dict[str, int]:
        """The columns to stand in for: all but targets, if any, so that all are related."""
        kinds = self.table.modalities
        targets = {name for name, kind in kinds.items() if isinstance(kind, Category | Number)} - set(self.timed)
        return {name: width for name, width in self.widths.items() if self.timed and name not in targets}

    def model(self, rows: int, given: Arguments, first: TrialRun | None = None, keep: bool = False) -> CostModel:
        """From a fit of so many rows, after the first one."""
        last = try_fit(self.table, rows_of_trial(self.table, rows, given.seed), self.stand_ins, given, keep)
        return CostModel(self.table, given, self.timed, self.widths, first or last, last, keep)

    def of_all(self) -> CostModel:
        """From all rows: their search first, which is kept, then the fit as it will be."""
        every, given = len(self.table), self.given
        by_itself = given.objective is None and given.init is None
        self.model(every, replace(given, objective=CCA(dim=given.dim)) if by_itself else given, keep=True)
        model = self.model(every, given, keep=True)
        unrelated = any(isinstance(note, Note) and note.key == "advice_followed" for note in model.last.space.notes)
        return self.model(every, given, keep=True) if unrelated else model  # then other columns were searched

    def of_few(self, begun: float) -> CostModel:
        """From few rows, and more of them while there is time; `begun`: CPU seconds of the process at the beginning."""
        every, given = len(self.table), self.given
        raw = any(is_trainable(encoder) for encoder in given.encoders.values())
        rows = ROWS[len(self.table.columns) > 2 or bool(given.decoders)]
        if is_trained(given.objective) and given.training is not None:
            rows = given.training.batch_size if raw else max(rows, given.training.batch_size)
        first, rows = self.model(min(every, FEW), given).last, min(every, rows)
        while True:
            started = time.process_time()
            model = self.model(rows, given, first)
            now, total = time.process_time(), CostForecast(tuple(model.steps())).total.cpu
            enough = max(ENOUGH, min(SHARE * total, MOST_SPENT))
            if raw or rows == every or now - begun + 2 * (now - started) > enough:
                return model
            rows = min(every, 2 * rows)


@contextmanager
def nothing_changed() -> Iterator[None]:
    """What is random outside stays as it is, and no step is counted as a fit's."""
    plain, arrays, torch = random.getstate(), np.random.get_state(), sys.modules.get("torch")
    drawn = torch.get_rng_state() if torch is not None else None
    gc.collect()
    gc.freeze()  # what there is need not be looked through again before each measurement
    try:
        with collect_steps():
            yield
    finally:
        gc.unfreeze()
        random.setstate(plain)
        np.random.set_state(arrays)
        if torch is not None:
            torch.set_rng_state(drawn)


def load_note() -> list[Note]:
    """A line on the load of the machine, where there is more to do than processors."""
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    cores = os.cpu_count() or 1
    return [Note("forecast_load", load=load, cores=cores)] if load > cores else []
