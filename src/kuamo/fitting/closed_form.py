"""The closed form of a fit, columns that few rows have, and contrast from there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from kuamo.core.errors import TableError
from kuamo.core.memo import load_choice, store_choice
from kuamo.core.messages import Note
from kuamo.core.profiling import loops_are_short, profiled_step
from kuamo.core.threads import single_threaded_blas
from kuamo.core.types import Packed
from kuamo.embedding.embedding import Embedding
from kuamo.encoders.base import Encoder
from kuamo.encoders.standardize import Standardize
from kuamo.fitting.finetuning import FinetuneResult, finetune_heads, validate_finetuning
from kuamo.fitting.rare_columns import fit_rare_head, rare_columns
from kuamo.fitting.towers import codes_of_entries
from kuamo.metrics.coverage import coverage, coverage_facts
from kuamo.metrics.dependence.screening import screen
from kuamo.objectives import CCA, Objective
from kuamo.objectives.solution import Solution
from kuamo.space import Space
from kuamo.training.run import Prepared

__all__ = ["add_rare_columns", "finetune", "fit_closed_form", "solve_heads"]


def fit_closed_form(
    space: Space, prepared: Prepared, objective: Objective, seed: int, by_itself: bool
) -> Mapping[str, Embedding]:
    """Heads in closed form, columns that join last, and contrast from there; the codes of the columns' entries.

    Where `fit` chooses by itself, it screens the columns: see `kuamo.metrics.dependence.screening`.
    """
    cells, split_group = prepared.cells, prepared.split_group
    late = rare_columns(cells) if isinstance(objective, CCA) else []
    hopeless = False
    if by_itself:
        with single_threaded_blas(), profiled_step("diagnosis"):
            found = screen(cells, split_group, seed)
        space.notes += found.notes
        space.info["diagnosis"] = coverage_facts(coverage(prepared.table)) | {"relations": found.relations}
        late = [name for name in cells if name in late or name in found.unrelated]
        hopeless = found.none_related
    core = {name: both for name, both in cells.items() if name not in late}
    labels = prepared.match_keys.get("label")
    solved = solve_heads(space, core, objective, split_group, seed, late=late, labels=labels)
    space.notes.append(solved.note)
    with single_threaded_blas():
        known: Mapping[str, Embedding] = solved.codes
        if by_itself and not hopeless:
            with profiled_step("contrast"):
                known = finetune(space, solved, seed)
        if late:
            with profiled_step("closed form"):
                known = add_rare_columns(space, late, core, cells, known, seed)
    return known


def solve_heads(
    space: Space,
    cells: Packed,
    objective: Objective,
    split_group: np.ndarray,
    seed: int,
    late: Sequence[str] = (),
    labels: np.ndarray | None = None,
) -> Solution:
    """Heads in closed form, but of `late` columns; `split_group` and `labels` (N,) of the rows that cells are of."""
    for port in space.ports:
        if port.name not in cells and port.name not in late:
            raise TableError(
                f"column {port.name!r}: given a trainable encoder; expected an objective that is trained, "
                f"such as InfoNCE()"
            )
    blocks = {p.name: blocks for p in space.ports if p.name in cells and (blocks := Encoder.adapt(p.encoder).blocks)}
    for name, (_, row) in cells.items():
        entries = np.unique(row, return_counts=True)[1]
        if (entries > 1).any():
            space.notes.append(Note("averaged", column=name, count=int((entries > 1).sum()), given=len(entries)))
    given: dict[str, Any] = {}
    if "labels" in objective.needs:
        units = {p.name: p.encoder for p in space.ports if p.name in cells and isinstance(p.encoder, Standardize)}
        given = {"labels": labels, "units": units}
    with single_threaded_blas(), profiled_step("closed form"):
        solved = objective.solve(cells, split_group, seed, blocks, **given)
    for name, head in solved.heads.items():
        space.port(name).head = head
    return solved


def add_rare_columns(
    space: Space, late: Sequence[str], core: Packed, cells: Packed, known: Mapping[str, Embedding], seed: int
) -> dict[str, Embedding]:
    """Heads of late columns, from the codes of the others; the codes of all columns' entries."""
    codes = codes_of_entries(space, core, known)
    joined = {
        name: fit_rare_head(space, name, cells, codes, seed, Encoder.adapt(space.port(name).encoder).blocks)
        for name in late
    }
    return codes | joined


def finetune(space: Space, solved: Solution, seed: int) -> Mapping[str, Embedding]:
    """Contrast from the closed form on, where held-out rows gain by it; the codes of the columns' entries."""
    onward = solved.onward
    assert onward is not None
    key = onward.key + "-refined by error"
    found = load_choice(key)
    result = FinetuneResult(**found) if found else validate_finetuning(onward.rehearse, seed)
    if not loops_are_short():
        store_choice(key, asdict(result))
    gain = {"steps": result.steps, "after": result.after, "before": result.before, "error": result.error}
    space.notes.append(Note("contrast_taken" if result.gains else "contrast_stays", **gain))
    if not result.gains:
        return solved.codes
    codes = {}
    for name, head in finetune_heads(onward.start, seed).items():
        space.port(name).head = onward.head(name, head)
        if onward.once[name]:
            codes[name] = Embedding(np.asarray(head(onward.start.coordinates[name][0])).astype(np.float32))
    return codes
