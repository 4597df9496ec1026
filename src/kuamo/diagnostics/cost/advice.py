"""What to change in a fit that would cost too much: the step that costs most, and what makes it cheaper, by how much.

Factors are not guessed where a law is at hand: those of the closed form are its counted operations, with and without
what is proposed.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from kuamo.core.errors import KuamoError
from kuamo.core.files import cache_folder
from kuamo.core.messages import Note
from kuamo.diagnostics.cost import operation_counts as work
from kuamo.diagnostics.cost.result import CostForecast, Step
from kuamo.diagnostics.cost.steps import CostModel
from kuamo.encoders import EfficientNetLite0
from kuamo.objectives import CCA

__all__ = ["advise", "allowed", "available"]

TOO_MUCH = {"cpu": "too_much_cpu", "wall": "too_much_wall", "memory": "too_much_memory", "disk": "too_much_disk"}
KINDS = tuple(TOO_MUCH)
MEGABYTE = 2**20
MANY = 10.0  # CPU seconds of a step above which something is said of it without a budget


def allowed(budget: float | Mapping[str, float] | None) -> dict[str, float]:
    """Kind → how much of it there is; of memory and disk what is free, where nothing is given.

    Raises:
        KuamoError: an unknown kind, or not above 0.

    Example:
        >>> allowed({"cpu": 60, "memory": 500, "disk": 10})
        {'memory': 500, 'disk': 10, 'cpu': 60}
    """
    given = dict(budget) if isinstance(budget, Mapping) else {} if budget is None else {"cpu": budget}
    for kind, value in given.items():
        if kind not in KINDS or not value > 0:
            raise KuamoError(f"given the budget {{{kind!r}: {value!r}}}; expected some of {list(KINDS)}, each above 0")
    return available() | given


def available() -> dict[str, float]:
    """MB of memory and disk that are free, as far as the system says."""
    free: dict[str, float] = {}
    try:
        lines = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
        free["memory"] = int(lines["MemAvailable"].split()[0]) / 1024
    except (OSError, ValueError, KeyError):
        pass
    folder = cache_folder()
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    free["disk"] = shutil.disk_usage(folder).free / MEGABYTE
    return free


def advise(made: CostForecast, look: CostModel, limits: Mapping[str, float]) -> list[Note]:
    """What is too much and what to change; where nothing is, and it takes long, what most of it is."""
    needed = {"cpu": made.total.cpu, "wall": made.total.wall, "memory": made.total.memory or 0.0, "disk": made.disk}
    notes: list[Note] = []
    for kind in KINDS:
        if kind not in limits or needed[kind] <= limits[kind]:
            continue
        step = made.dearest(kind)
        share = 100 * (1.0 if kind == "memory" else getattr(step, kind) / max(needed[kind], 1e-9))
        factor = needed[kind] / limits[kind]
        said = {"needed": needed[kind], "given": limits[kind], "factor": factor, "step": step.name}
        notes.append(Note(TOO_MUCH[kind], **said, **({} if kind == "memory" else {"share": share})))
        notes += remedies(step, kind, look, limits[kind], factor)
    if not notes and made.total.cpu > MANY:
        step = made.dearest()
        notes = [Note("dearest", share=100 * step.cpu / made.total.cpu, step=step.name)]
        notes += remedies(step, "cpu", look, None, 1.0)
    return list({str(note): note for note in notes}.values())


def remedies(step: Step, kind: str, look: CostModel, limit: float | None, factor: float) -> list[Note]:
    """What makes this step cheaper in this kind."""
    if step.name.startswith("features: "):
        return of_features(step, kind, look, limit)
    if step.name == "closed form":
        return of_closed(look)
    if step.name == "contrast":
        return [Note("no_contrast", cpu=step.cpu)]
    if step.name == "training":
        return of_training(kind, look, factor)
    if step.name == "decoders":
        return of_decoders(kind, look, factor)
    if kind == "disk" and look.size > 32:
        return [Note("smaller_codes", dim=look.size // 4, factor=0.25)]
    return []


def of_features(step: Step, kind: str, look: CostModel, limit: float | None) -> list[Note]:
    """Encoding: once, smaller, or fewer cells."""
    name = step.name.removeprefix("features: ")
    found, encoder = look.sampled[name], look.sampled[name].port.encoder
    if kind == "memory":
        memory = 4 * found.width * found.entries / MEGABYTE
        return [Note("fewer_features", column=name, width=found.width, count=found.entries, memory=memory)]
    if kind == "disk":
        return [Note("cache_limit", limit=max(1, int(limit or 1)))]
    notes = [Note("encode_once", cpu=again(look))] if found.kept and found.missing else []
    if found.cells:
        how: str = ""
        if isinstance(encoder, EfficientNetLite0) and encoder.size > 96:
            how = Note("smaller_pictures", size=encoder.size // 2, factor=0.25)  # time goes as the pixels
        named = {"column": name, "encoder": type(encoder).__name__, "each": 1000 * found.each.cpu}
        notes += [Note("smaller_encoder", **named, how=how), Note("fewer_cells")]
    return notes


def again(look: CostModel) -> float:
    """CPU seconds of the features of a second fit."""
    kept = (found for found in look.sampled.values() if found.kept)
    return sum(found.entries * found.read.cpu for found in kept)


def of_closed(look: CostModel) -> list[Note]:
    """One kernel fewer, or fewer rows, by the law of the closed form's operations."""
    objective = look.objective
    if not isinstance(objective, CCA):
        return []
    widths = {name: look.sampled[name].width for name in look.rows}
    search = look.search(objective, look.rows)

    def cost(rows: dict[str, np.ndarray], kernels: tuple[str, ...]) -> tuple[float, float]:
        asked = replace(search, kernels=kernels)  # type: ignore[arg-type]
        took = work.seconds(work.closed_work(rows, widths, asked, None, look.seed))
        return took, work.closed_bytes(rows, widths, asked)[0]

    now, notes = cost(look.rows, tuple(search.kernels)), []
    if len(search.kernels) > 1:
        less = cost(look.rows, ("linear",))
        notes.append(Note("linear_only", factor=less[0] / now[0], memory=less[1] / now[1]))
    few = len(look.table) // 4
    if few >= 200:
        less = cost({name: row[row % 4 == 0] for name, row in look.rows.items()}, tuple(search.kernels))
        notes.append(Note("fewer_rows", rows=few, factor=less[0] / now[0], memory=less[1] / now[1]))
    return notes


def of_training(kind: str, look: CostModel, factor: float) -> list[Note]:
    """Fewer steps, smaller batches, chunks, frozen encoders."""
    from kuamo.training.config import Training

    training = look.training or Training()
    raw = [name for name, found in look.sampled.items() if found.raw]
    notes = []
    if kind == "memory":
        if raw and training.grad_cache_chunk is None:
            notes.append(Note("in_chunks", chunk=32))
        notes.append(Note("smaller_batch", size=max(16, training.batch_size // 4)))
    else:
        steps = max(1, int(training.steps / factor)) if factor > 1 else training.steps // 2
        notes.append(Note("fewer_steps", steps=steps, each=1000 * look.trained.each.cpu))
    return notes + [Note("frozen_instead", column=name) for name in raw]


def of_decoders(kind: str, look: CostModel, factor: float) -> list[Note]:
    """Solved instead of trained."""
    what = [f"{type(recipe).__name__}()" for recipe in look.recipes.values() if recipe.trains]
    return [Note("ridge_alone", what=", ".join(f"km.{name}" for name in what))] if what else []
