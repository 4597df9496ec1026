"""A few real steps of what is trained: through the one loop, on a few rows, with modules of their own.

    seconds = once + steps · each        once: building, the first step, and what is loaded for it;   each: the median

A batch has as many rows as the fit's have on average, since a step's time grows between B and B². Whatever is trained
here is a copy.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from kuamo.closed_form import LinearMap
from kuamo.core.profiling import Cost, measure_cost
from kuamo.core.types import Packed
from kuamo.data.table import Table
from kuamo.embedding.embedding import ClosedFormHead
from kuamo.embedding.space import Tower
from kuamo.objectives import Objective
from kuamo.space import Space

if TYPE_CHECKING:
    from kuamo.training.config import Training

__all__ = ["StepTiming", "copied", "dry_run_contrast", "dry_run_decoders", "dry_run_training", "rows_in_batch"]

SPENT = 0.8  # CPU seconds of steps, about


class StepTiming:
    """What a few steps have cost.

    Args:
        once: all but the steady steps. each: a steady step. parameters: how many numbers are trained.
    """

    def __init__(self, whole: Cost, ticks: list[tuple[float, float]], parameters: int = 0) -> None:
        gaps = np.diff(np.array(ticks), axis=0) if len(ticks) > 1 else np.array([[whole.cpu, whole.wall]])
        each = np.median(gaps, axis=0)
        steady = (len(ticks) - 1) * gaps.mean(0) if len(ticks) > 1 else np.zeros(2)
        self.each = Cost(float(each[0]), float(each[1]), 0.0)
        self.once = Cost(max(0.0, whole.cpu - float(steady[0])), max(0.0, whole.wall - float(steady[1])), whole.memory)
        self.parameters = parameters

    def of(self, steps: float) -> Cost:
        """So many steps."""
        return Cost(self.once.cpu + steps * self.each.cpu, self.once.wall + steps * self.each.wall, self.once.memory)


def dry_run(run: Callable[[int, Callable[[str, int, int], None]], Any], most: int = 10) -> StepTiming:
    """Run two steps, to load and to see; then as many as are worth it."""
    ticks: list[tuple[float, float]] = []

    def tick(what: str, done: int, of: int) -> None:
        if what == "training":
            ticks.append((time.process_time(), time.perf_counter()))

    with measure_cost() as first:
        run(2, tick)
    begun = StepTiming(first, ticks)
    more = int(np.clip(SPENT / max(begun.each.cpu, 1e-6), 0, most))
    if more < 2:
        return begun
    ticks.clear()
    run(more + 1, tick)
    steady = StepTiming(Cost(), ticks)
    begun.once.cpu += begun.each.cpu - steady.each.cpu  # what was slow about the second step is loading too
    begun.once.wall += begun.each.wall - steady.each.wall
    begun.once.cpu, begun.once.wall = max(0.0, begun.once.cpu), max(0.0, begun.once.wall)
    begun.each = steady.each
    return begun


def rows_in_batch(rows: int, batch_size: int) -> int:
    """B on average: an epoch's last batch is smaller.

    Example:
        >>> rows_in_batch(1000, 512), rows_in_batch(100, 512)
        (500, 100)
    """
    return max(1, round(rows / -(-rows // batch_size)))


def dry_run_contrast(
    axes: Mapping[str, int], shares: Mapping[str, float], dim: int, rows: int, seed: int
) -> StepTiming:
    """Steps of contrast from a closed form: on coordinates drawn at random, as many and as wide as the fit's.

    Args:
        axes: column → p. shares: column → share of the rows that have it. dim: k. rows: B.
    """
    from kuamo.closed_form.warm_start import WarmStart
    from kuamo.fitting.finetuning import trained, training_for

    rng = np.random.default_rng(seed)
    there = {name: np.sort(rng.permutation(rows)[: max(2, round(share * rows))]) for name, share in shares.items()}
    cells = {name: (rng.standard_normal((len(there[name]), p)), there[name]) for name, p in axes.items()}
    weights = {name: rng.standard_normal((p, dim)) / np.sqrt(p) for name, p in axes.items()}
    start = WarmStart(cells, {name: np.zeros(p) for name, p in axes.items()}, weights, np.ones(dim), "after")

    def run(steps: int, tick: Callable[[str, int, int], None]) -> None:
        trained(start, rows, replace(training_for(rows), steps=steps, batch_size=rows), seed, tick)

    return dry_run(run)


def dry_run_training(
    ports: list[Tower], table: Table, cells: Packed, objective: Objective, dim: int, training: Training, seed: int
) -> StepTiming:
    """Steps of an objective's training, on a table of as many rows as a batch has.

    Args:
        ports: without heads, with encoders and decoders of their own. cells: features of the frozen columns. dim: d.
    """
    from kuamo.embedding.heads import LinearHead
    from kuamo.fitting.gradient import feature_size, train_objective
    from kuamo.training.objective import terms_of
    from kuamo.training.randomness import forked_rng

    gaussian = any("gaussian" in term.needs for _, term in terms_of(objective))
    known: list[Space] = []

    def run(steps: int, tick: Callable[[str, int, int], None]) -> None:
        space = Space([copied(port) for port in ports], score="cosine" if gaussian else "dot")
        with forked_rng(seed):
            for port in space.ports:
                frozen = port.name in cells
                width = cells[port.name][0].shape[1] if frozen else feature_size(table, port)
                if port.head is None or not hasattr(port.head, "parameters"):
                    port.head = LinearHead(width, dim, gaussian=gaussian, hidden=128 if gaussian else 0)
                if frozen:
                    port.head.standardise(cells[port.name][0])
        short = replace(training, steps=steps)
        train_objective(space, table, dict(cells), objective, dim, short, seed, None, tick)
        known.append(space)

    found = dry_run(run)
    found.parameters = sum(p.numel() for module in known[-1].modules() for p in module.parameters())
    return found


def copied(port: Tower) -> Tower:
    """A port whose trainable parts are its own; a frozen encoder may hold what cannot be copied, and stays."""
    from kuamo.fitting.towers import copied_if_trainable

    head, decoder = deepcopy(port.head), deepcopy(port.decoder)
    return Tower(port.name, port.modality, copied_if_trainable(port.encoder), head, port.codec, decoder, port.memory)


def dry_run_decoders(
    ports: list[Tower],
    table: Table,
    cells: Packed,
    recipes: Mapping[str, Any],
    codecs: Mapping[str, Any],
    dim: int,
    training: Training | None,
    seed: int,
) -> tuple[StepTiming, Space]:
    """Codecs and decoders of a few rows, with twelve steps of their training; the space that they are in.

    Heads that are not there are random: what is made of codes takes the same time.
    """
    from kuamo.fitting.decoders import fit_decoders
    from kuamo.training.config import Training

    rng = np.random.default_rng(seed)
    space = Space([copied(port) for port in ports])
    for port in space.ports:
        x = cells[port.name][0]
        if port.head is None:
            weight = rng.standard_normal((x.shape[1], dim)) / np.sqrt(x.shape[1])
            port.head = ClosedFormHead(LinearMap(x.mean(0).astype(np.float64), weight), np.ones(dim))
    short = replace(training or Training(), steps=12)  # five of them are looked at; the median is a plain one
    ticks: list[tuple[float, float]] = []

    def tick(what: str, done: int, of: int) -> None:
        if what == "training":
            ticks.append((time.process_time(), time.perf_counter()))

    with measure_cost() as whole:
        fit_decoders(space, table, dict(cells), {}, recipes, deepcopy(dict(codecs)), short, seed, None, tick, None)
    found = StepTiming(whole, ticks)
    if len(ticks) > 1:  # looks belong to what is done once
        plain = (len(ticks) - 1) * found.each.cpu, (len(ticks) - 1) * found.each.wall
        found.once = Cost(max(0.0, whole.cpu - plain[0]), max(0.0, whole.wall - plain[1]), whole.memory)
    else:
        found.each, found.once = Cost(), whole
    return found, space
