"""What to change in a fit that would cost too much: the step that costs most, and what makes it cheaper."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from kuamo.core.errors import KuamoError
from kuamo.core.files import cache_folder
from kuamo.core.messages import Note
from kuamo.core.modules import is_trainable
from kuamo.diagnostics.cost.result import CostForecast, StepCost
from kuamo.diagnostics.cost.steps import CostModel
from kuamo.encoders import EfficientNetLite0
from kuamo.generation.recipes import DecoderSpec
from kuamo.objectives import CCA
from kuamo.training.config import Training

__all__ = ["advise", "allowed", "available"]

TOO_MUCH = {"cpu": "too_much_cpu", "wall": "too_much_wall", "memory": "too_much_memory", "disk": "too_much_disk"}
KINDS = tuple(TOO_MUCH)
MANY = 10.0  # CPU seconds of a step above which something is said of it without a budget


def allowed(budget: float | Mapping[str, float] | None) -> dict[str, float]:
    """Kind → how much of it there is; of memory and disk what is free, where nothing is given.

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
    free["disk"] = shutil.disk_usage(folder).free / 2**20
    return free


def advise(made: CostForecast, model: CostModel, limits: Mapping[str, float]) -> list[Note]:
    """What is too much and what to change; where nothing is, and it takes long, what most of it is."""
    needed = {"cpu": made.total.cpu, "wall": made.total.wall, "memory": made.total.memory or 0.0, "disk": made.disk}
    notes: list[Note] = []
    for kind in KINDS:
        if kind not in limits or needed[kind] <= limits[kind]:
            continue
        step = made.most_expensive(kind)
        share = 100 * (1.0 if kind == "memory" else getattr(step, kind) / max(needed[kind], 1e-9))
        factor = needed[kind] / limits[kind]
        said = {"needed": needed[kind], "given": limits[kind], "factor": factor, "step": step.name}
        notes.append(Note(TOO_MUCH[kind], **said, **({} if kind == "memory" else {"share": share})))
        notes += remedies(step, made, kind, model, limits[kind], factor)
    if not notes and made.total.cpu > MANY:
        step = made.most_expensive()
        notes = [Note("dearest", share=100 * step.cpu / made.total.cpu, step=step.name)]
        notes += remedies(step, made, "cpu", model, None, 1.0)
    return list({str(note): note for note in notes}.values())


def remedies(
    step: StepCost, made: CostForecast, kind: str, model: CostModel, limit: float | None, factor: float
) -> list[Note]:
    """What makes this step cheaper in this kind."""
    if step.name.startswith("features: "):
        return of_features(step, made, kind, model, limit)
    if step.name == "closed form":
        return of_closed(model)
    if step.name == "contrast":
        return [Note("no_contrast", cpu=step.cpu)]
    if step.name == "training":
        return of_training(kind, model, factor)
    if step.name == "decoders":
        return of_decoders(model)
    if kind == "disk" and model.size > 32:
        return [Note("smaller_codes", dim=model.size // 4, factor=0.25)]
    return []


def of_features(step: StepCost, made: CostForecast, kind: str, model: CostModel, limit: float | None) -> list[Note]:
    """Encoding: once, smaller, or fewer cells."""
    name = step.name.removeprefix("features: ")
    found = model.timed.get(name)
    if found is None:
        return []
    if kind == "memory":
        return [
            Note("fewer_features", column=name, width=found.width, count=found.entries, memory=found.features)
        ]  # fmt: skip
    if kind == "disk":
        return [Note("cache_limit", limit=max(1, int(limit or 1)))]
    again = made.total.cpu - sum(one.cost.cpu for one in model.timed.values() if one.kept)
    encoder = found.port.encoder
    how: str = ""
    if isinstance(encoder, EfficientNetLite0) and encoder.size > 96:
        how = Note("smaller_pictures", size=encoder.size // 2, factor=0.25)  # time goes as the pixels
    notes = [Note("encode_once", cpu=again)] if found.kept else []
    named = {"column": name, "encoder": type(encoder).__name__, "each": 1000 * found.each.cpu}
    return [*notes, Note("smaller_encoder", **named, how=how), Note("fewer_cells")]


def of_closed(model: CostModel) -> list[Note]:
    """One kernel fewer, or fewer rows."""
    several = isinstance(model.objective, CCA) and len(model.objective.kernels) > 1
    notes = [Note("linear_only")] if several else []
    few = model.rows // 4
    if few >= 200:
        factor = model.closed_form(few) / model.closed_form(model.rows)
        notes.append(Note("fewer_rows", rows=few, factor=factor, memory=few / model.rows))
    return notes


def of_training(kind: str, model: CostModel, factor: float) -> list[Note]:
    """Fewer steps, smaller batches, chunks, frozen encoders."""
    training = model.given.training or Training()
    raw = [name for name, encoder in model.given.encoders.items() if is_trainable(encoder)]
    notes = []
    if kind == "memory":
        if raw and training.grad_cache_chunk is None:
            notes.append(Note("in_chunks", chunk=32))
        notes.append(Note("smaller_batch", size=max(16, training.batch_size // 4)))
    else:
        steps = max(1, int(training.steps / factor)) if factor > 1 else training.steps // 2
        notes.append(Note("fewer_steps", steps=steps, each=1000 * model.each.cpu))
    return notes + [Note("frozen_instead", column=name) for name in raw]


def of_decoders(model: CostModel) -> list[Note]:
    """Solved instead of trained."""
    what = [
        f"{type(recipe).__name__}()"
        for recipe in model.given.decoders.values()
        if isinstance(recipe, DecoderSpec) and recipe.is_trained
    ]
    return [Note("ridge_alone", what=", ".join(f"km.{name}" for name in what))] if what else []
