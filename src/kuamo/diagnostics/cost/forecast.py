"""Forecast: what a fit will cost, told before it by a quick measurement.

    kuamo.diagnostics.cost.forecast(table)  the time, memory and disk of each step, and what to change if it is too much

Nothing is looked up in a table of machines: a few cells of each column are encoded, the closed form is tried on few
rows, a few steps are trained, all as the fit would do it; what that has cost is carried over to all rows by the law of
each step (`outlook`, `work`). A forecast changes no result: not the table, not what is random, and features are not
kept. Where the closed form is searched on all rows, what that finds is kept, and the fit need not search again.
"""

from __future__ import annotations

import os
import random
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from kuamo.core.errors import TableError
from kuamo.core.memo import memo_disabled
from kuamo.core.messages import Note
from kuamo.core.profiling import collect_steps, measure_cost
from kuamo.data.table import Table
from kuamo.diagnostics.cost.advice import advise, allowed
from kuamo.diagnostics.cost.dry_run import copied
from kuamo.diagnostics.cost.encoder_timing import sample_column
from kuamo.diagnostics.cost.result import CostForecast, Step
from kuamo.diagnostics.cost.steps import CostModel
from kuamo.fitting.checks import check_columns, check_table
from kuamo.fitting.ridge_decoders import needs_ridge
from kuamo.fitting.towers import initialize_from, open_ports
from kuamo.generation.recipes import Recipe
from kuamo.objectives import CCA, Objective
from kuamo.space import Space
from kuamo.training.objective import terms_of

if TYPE_CHECKING:
    from kuamo.training.config import Training

__all__ = ["forecast"]


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
    kernel and size that the closed form chooses; where only few rows were searched, disk is told from … to ….

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
        >>> made = forecast(km.datasets.toy(300), km.CCA(dim=8))
        >>> [step.name for step in made.fit]
        ['features: a', 'features: b', 'closed form', 'ridge decoders']
    """
    limits = allowed(budget)
    with nothing_changed(), measure_cost() as took:
        look, steps = foreseen(
            table, objective, encoders or {}, decoders or {}, codecs or {}, start, dim, training, seed
        )
    title = Note("forecast", rows=len(table), source=table.source, spent=took.cpu)
    advice = advise(CostForecast(tuple(steps)), look, limits)
    return CostForecast(tuple(steps), title, took, tuple(advice), tuple(busy()))


def foreseen(
    table: Table,
    objective: Objective | None,
    encoders: Mapping[str, Any],
    decoders: Mapping[str, Any],
    codecs: Mapping[str, Any],
    start: Space | None,
    dim: int | None,
    training: Training | None,
    seed: int,
) -> tuple[CostModel, list[Step]]:
    """The steps in the order of `fit`, which this follows line by line."""
    by_itself = objective is None and start is None
    if by_itself:
        objective = CCA(dim=dim)
    check_table(table, objective)
    recipes = {name: one for name, one in decoders.items() if isinstance(one, Recipe)}
    check_columns(table, decoders=decoders, codecs=codecs, encoders=encoders)
    own = {name: one for name, one in decoders.items() if name not in recipes}
    ports = [copied(port) for port in open_ports(table, encoders, own, start)[0]]
    if start is not None:
        initialize_from(start, Space(ports), objective, dim, [*recipes, *codecs])
    sampled = {port.name: sample_column(table, port, seed) for port in ports}
    for name, found in sampled.items():
        if not found.width:
            raise TableError(f"column {name!r}: given no cell that can be read; expected some")
    look = CostModel(table, ports, sampled, objective, recipes, dict(codecs), training, dim, seed)
    steps = [look.features(name) for name, found in sampled.items() if not found.raw]
    looped = objective is not None and any(term.trained for _, term in terms_of(objective))
    if objective is not None and looped:
        if look.closes():
            steps.append(look.closed(CCA(dim=dim, kernels=("linear",))))
        steps.append(look.learned(objective))
    elif objective is not None:
        if by_itself:
            steps.append(look.heeded())
        steps.append(look.closed(objective))
        if by_itself:
            steps.append(look.contrast())
    made = bool(recipes or codecs)
    taken = {*recipes, *codecs} | ({port.name for port in ports if decoded(objective, port.name)} if looped else set())
    ridge = any(needs_ridge(port) for port in ports if port.name not in taken)
    if made or ridge:
        steps += [look.features(name) for name, found in sampled.items() if found.raw]
    if made:
        steps.append(look.decoders(looped))
    if ridge:
        steps.append(look.ridge())
    return look, [*steps, look.kept(), look.index()]


def decoded(objective: Objective | None, name: str) -> bool:
    """Does an objective train a decoder of this column?"""
    terms = [] if objective is None else [term for _, term in terms_of(objective)]
    return any("decoders" in term.needs and term.decodes(name) for term in terms)


@contextmanager
def nothing_changed() -> Iterator[None]:
    """What is random outside stays as it is, no trial is remembered, and no step is counted as a fit's."""
    plain, arrays, torch = random.getstate(), np.random.get_state(), sys.modules.get("torch")
    drawn = torch.get_rng_state() if torch is not None else None
    try:
        with memo_disabled(), collect_steps():
            yield
    finally:
        random.setstate(plain)
        np.random.set_state(arrays)
        if torch is not None:
            torch.set_rng_state(drawn)


def busy() -> list[Note]:
    """A line on the load of the machine, where there is more to do than processors."""
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    cores = os.cpu_count() or 1
    return [Note("forecast_load", load=load, cores=cores)] if load > cores else []
