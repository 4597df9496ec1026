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
from kuamo.fitting.anchor_trial import compare_anchor
from kuamo.fitting.finetuning import FinetuneResult, finetune_heads, validate_finetuning
from kuamo.fitting.hubness import correct_hubness
from kuamo.fitting.known_alignment import KnownColumns, choose_blend, known_heads, with_learned
from kuamo.fitting.rare_columns import fit_rare_head, rare_columns
from kuamo.fitting.shared_spaces import SharedColumns
from kuamo.fitting.towers import codes_of_entries
from kuamo.metrics.coverage import coverage, coverage_facts
from kuamo.metrics.dependence.screening import LEVEL, Screening, screen
from kuamo.objectives import CCA, Objective
from kuamo.objectives.solution import Solution
from kuamo.space import Space
from kuamo.training.run import Prepared

__all__ = ["add_rare_columns", "finetune", "fit_closed_form", "solve_heads"]

FEWEST_COMMON = 24  # rows of two of three or more columns: four in each fold


def fit_closed_form(
    space: Space,
    prepared: Prepared,
    objective: Objective,
    seed: int,
    by_itself: bool,
    shared: SharedColumns | None = None,
) -> Mapping[str, Embedding]:
    """Heads in closed form, columns that join last, and contrast from there; the codes of the columns' entries.

    Where `fit` chooses by itself, it screens the columns: see `kuamo.metrics.dependence.screening`. Columns that share
    a space are solved by themselves, beside what is known of them, and all others join last.
    """
    cells, split_group = prepared.cells, prepared.split_group
    late = rare_columns(cells) if isinstance(objective, CCA) else []
    hopeless = False
    if by_itself and len(rows_with_pairs(cells)):
        with single_threaded_blas(), profiled_step("diagnosis"):
            found = screen(cells, split_group, seed)
        space.notes += found.notes
        space.info["diagnosis"] = coverage_facts(coverage(prepared.table)) | {"relations": found.relations}
        late = [name for name in cells if name in late or name in found.unrelated]
        hopeless = found.none_related
        if shared is not None and len(cells) > len(shared.names) and unrelated_among(shared.names, found):
            space.notes.append(Note("shared_unrelated", columns=", ".join(shared.names)))
            shared = None
    labels = prepared.match_keys.get("label")
    apart = [name for name in cells if shared is not None and name not in shared.names]
    if shared is not None and apart:
        with single_threaded_blas(), profiled_step("known alignment"):

            def solve(trial: Space, some: Packed, anchor: SharedColumns | None) -> None:
                last = late if anchor is None else apart
                solve_columns(trial, some, objective, last, anchor, split_group, seed, labels, refine=False)

            trial = compare_anchor(space, cells, shared, rows_with_pairs(cells), split_group, seed, solve)
        if trial is not None:
            values = {"columns": ", ".join(shared.names), "anchored": trial.anchored, "joint": trial.joint}
            space.notes.append(Note("anchor_taken" if trial.gains else "anchor_left", count=trial.rows, **values))
            shared = shared if trial.gains else None
    late = apart if shared is not None else late
    return solve_columns(space, cells, objective, late, shared, split_group, seed, labels, by_itself and not hopeless)


def solve_columns(
    space: Space,
    cells: Packed,
    objective: Objective,
    late: Sequence[str],
    shared: SharedColumns | None,
    split_group: np.ndarray,
    seed: int,
    labels: np.ndarray | None,
    refine: bool,
) -> Mapping[str, Embedding]:
    """Heads of all columns, of `late` ones last; with `refine`, what held-out rows gain by. Their codes."""
    core = {name: both for name, both in cells.items() if name not in late}
    if shared is not None and not can_learn(core, split_group):
        with single_threaded_blas(), profiled_step("closed form"):
            codes: Mapping[str, Embedding] = known_heads(space, known_columns(space, core), shared.why)
            return add_rare_columns(space, late, core, cells, codes, seed) if late else codes
    solved = solve_heads(space, core, objective, split_group, seed, late=late, labels=labels)
    space.notes.append(solved.note)
    with single_threaded_blas():
        codes = solved.codes
        if refine:
            with profiled_step("contrast"):
                codes = finetune(space, solved, seed)
        if shared is not None:
            with profiled_step("known alignment"):
                known = known_columns(space, core)
                blend = choose_blend(known, solved, labels_of(split_group))
                codes = with_learned(space, known, blend, codes, shared.why)
        elif refine:
            with profiled_step("hubness"):
                codes = codes_of_entries(space, core, codes)
                correct_hubness(space, solved, labels_of(split_group), codes)
        if late:
            with profiled_step("closed form"):
                codes = add_rare_columns(space, late, core, cells, codes, seed)
    return codes


def labels_of(split_group: np.ndarray) -> np.ndarray | None:
    """The groups (N,) of rows, if any row shares its own."""
    return split_group if len(np.unique(split_group)) < len(split_group) else None


def unrelated_among(names: Sequence[str], found: Screening) -> bool:
    """Does nothing look related among these columns, where enough rows were looked at? An anchor they are not then."""
    known = [one["p"] for one in found.relations if {one["a"], one["b"]} <= set(names) and one["p"] is not None]
    return bool(known) and min(known) > LEVEL


def known_columns(space: Space, cells: Packed) -> KnownColumns:
    """Columns that share a space, with the layers of their encoder, if it has any."""
    layers = {Encoder.adapt(space.port(name).encoder).blocks for name in cells}
    return KnownColumns(cells, layers.pop() if len(layers) == 1 else None)


def rows_with_pairs(cells: Packed) -> np.ndarray:
    """The rows that have at least two columns."""
    rows, count = np.unique(np.concatenate([np.unique(row) for _, row in cells.values()]), return_counts=True)
    return rows[count > 1]


def can_learn(cells: Packed, split_group: np.ndarray) -> bool:
    """Are there pairs enough to hold some out: four of two columns, of more so many that each fold has some, by which
    every column is joined to every other?"""
    rows = {name: np.unique(row) for name, (_, row) in cells.items()}
    least = 4 if len(rows) == 2 else FEWEST_COMMON
    joined = {next(iter(rows))}
    for _ in rows:
        near = (b for a in joined for b in rows if len(np.intersect1d(rows[a], rows[b])) >= least)
        joined = joined | set(near)
    return len(joined) == len(rows) and len(np.unique(split_group[rows_with_pairs(cells)])) >= 2


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
