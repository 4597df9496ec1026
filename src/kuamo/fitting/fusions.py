"""A fusion that is trained: bound to a space's columns, and moved by the objective or after it.

An objective that looks at fused codes trains the fusion itself. Beside any other stands a term of its own
(`objectives/fused_retrieval.py`); after a closed form it is all that is trained, on codes that stay.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from kuamo.closed_form.cca_search import reciprocal_ranks
from kuamo.core.arrays import entries_in_rows
from kuamo.core.errors import TableError
from kuamo.core.messages import Note
from kuamo.embedding.embedding import Embedding
from kuamo.embedding.fusion import Mean
from kuamo.embedding.parts import part_dims
from kuamo.embedding.space import EmbeddingSpace, Tower
from kuamo.embedding.trained_fusion import FusionSpec, TrainedFusion, bind_to
from kuamo.encoders.base import Identity
from kuamo.encoders.parts import PartArrays, parts_of_column
from kuamo.fitting.closed_form import fit_closed_form
from kuamo.fitting.towers import codes_of_entries
from kuamo.generation.decoder_problem import PassThroughHead
from kuamo.generation.decoder_training import held_out
from kuamo.metrics.paired_tests import paired_gain
from kuamo.objectives import CCA, Objective, Predict, Sum
from kuamo.objectives.fused_retrieval import BALANCE, FusedRetrieval, LoadBalance
from kuamo.space import Space
from kuamo.training.balance.uncertainty_weighting import WeightedTerm
from kuamo.training.batch import FeatureSource, batch_of
from kuamo.training.config import Training
from kuamo.training.loop import train
from kuamo.training.objective import terms_of
from kuamo.training.randomness import forked_rng
from kuamo.training.run import Prepared, Run
from kuamo.training.step import Step

__all__ = ["bind_fusion", "fused_terms", "pieces_of", "train_fusion", "with_fusion"]

AFTER = Training(steps=600, batch_size=256, lr=3e-3)  # of a closed form, if none is given


def with_fusion(objective: Objective, spec: FusionSpec | None) -> Objective:
    """The objective, whose `Predict` gets the fusion, if it has none of its own."""

    def given(term: Objective) -> Objective:
        if isinstance(term, WeightedTerm):
            return replace(term, term=given(object.__getattribute__(term, "term")))
        return replace(term, fusion=spec) if isinstance(term, Predict) and term.fusion is None else term

    if spec is None:
        return objective
    if isinstance(objective, Sum):
        return Sum(tuple((weight, given(term)) for weight, term in objective.terms))
    return given(objective)


def bind_fusion(space: Space, spec: FusionSpec | None, seed: int) -> None:
    """Give a space its fusion; one that it starts with must know the same columns.

    Raises:
        TableError: it knows others.
    """
    names = [port.name for port in space.ports]
    if spec is not None:
        with forked_rng(seed):
            space.fusion = bind_to(spec, space.ports, space.dim)
    if isinstance(space.fusion, TrainedFusion) and space.fusion.names != names:
        raise TableError(
            f"given columns {names} and a start whose fusion has {space.fusion.names}; expected the same, or fusion="
        )


def pieces_of(space: EmbeddingSpace, prepared: Prepared) -> dict[str, PartArrays]:
    """Column → parts of its cells, of those whose features are known, if the space's fusion reads them."""
    if not getattr(space.fusion, "reads_parts", False):
        return {}
    known = [name for name in part_dims(space.ports) if name in prepared.cells]
    return {name: parts_of_column(prepared.table, name, space.port(name).encoder) for name in known}


def fused_terms(space: EmbeddingSpace, objective: Objective | None) -> Objective | None:
    """The terms that train a space's fusion beside an objective; `None` if there are none."""
    if not isinstance(space.fusion, TrainedFusion):
        return None
    terms = [term for _, term in terms_of(objective)]
    added: list[tuple[float, Objective]] = []
    if len(space.ports) > 2 and not any(term.trains_fusion for term in terms):
        known = [term.positives for term in terms if hasattr(term, "positives")]
        space.fusion.targets = True
        added.append((1.0, FusedRetrieval(known[0] if known else "row")))
    if space.fusion.has_experts and (added or terms):
        added.append((BALANCE, LoadBalance()))
    return Sum(tuple(added)) if added else None


def train_fusion(
    space: Space,
    prepared: Prepared,
    known: Mapping[str, Embedding],
    spec: FusionSpec,
    run: Run,
    objective: Objective | None = None,
    by_itself: bool = False,
) -> None:
    """Train the fusion of a space whose codes stay, if rows that are held out gain by it, or it is kept always.

    Args:
        known: codes of columns' entries, as far as they are there. objective, by_itself: what gave the space its heads,
            as in `fit_closed_form`; CCA stands for what is not known.
    """
    bind_fusion(space, spec, run.seed)
    if fused_terms(space, None) is None or len(space.ports) < 3:
        space.fusion.eval()
        space.notes.append(Note("fusion_untrained", fusion=str(spec)))
        return
    pieces = pieces_of(space, prepared)
    held = held_out(prepared.split_group, run.seed) if spec.keep == "better" else np.zeros(0, np.int64)
    if len(held) and not rehearse_fusion(space, prepared, pieces, held, spec, run, objective or CCA(), by_itself):
        space.fusion = None
        return
    steps = train_on_codes(space, prepared, known, pieces, run)[2]
    space.notes.append(Note("fusion_trained", fusion=str(spec), steps=steps))


def rehearse_fusion(
    space: Space,
    prepared: Prepared,
    pieces: Mapping[str, PartArrays],
    held: np.ndarray,
    spec: FusionSpec,
    run: Run,
    objective: Objective,
    by_itself: bool,
) -> bool:
    """Do held-out rows gain by the fusion? Closed form and fusion are fitted to the others alone: to rows that a closed
    form has seen, their mean does better than to any that it has not."""
    trial = Space([replace(port, head=None) for port in space.ports], space.score)
    rest, rest_pieces = prepared_rows(prepared, pieces, np.setdiff1d(np.arange(len(prepared.table)), held))
    codes = fit_closed_form(trial, rest, objective, run.seed, by_itself)
    bind_fusion(trial, spec, run.seed)
    fused_terms(trial, None)
    train_on_codes(trial, rest, codes, rest_pieces, run)
    unseen, unseen_pieces = prepared_rows(prepared, pieces, held)
    beside, sources = code_space(trial, unseen, {}, unseen_pieces)
    ours, theirs = unseen_ranks(beside, sources, len(held))
    gain, error = paired_gain(ours, theirs, prepared.split_group[held])
    if not np.isfinite(ours).any():
        return True  # nobody can say
    said = {"fusion": str(spec), "ours": np.nanmean(ours), "theirs": np.nanmean(theirs), "error": error}
    kept = gain > error
    space.notes.append(Note("fusion_kept" if kept else "fusion_stays", **said, rows=int(np.isfinite(ours).sum())))
    return kept


def train_on_codes(
    space: Space, prepared: Prepared, known: Mapping[str, Embedding], pieces: Mapping[str, PartArrays], run: Run
) -> tuple[EmbeddingSpace, dict[str, FeatureSource], int]:
    """Train a space's fusion on codes that stay: the space of codes, where they come from, and the steps."""
    beside, sources = code_space(space, prepared, known, pieces)
    terms, training = fused_terms(beside, None), run.training or AFTER
    assert terms is not None
    train(beside, sources, terms, training, replace(run, folder=None), marks=prepared.match_keys)
    return beside, sources, training.steps


def code_space(
    space: Space, prepared: Prepared, known: Mapping[str, Embedding], pieces: Mapping[str, PartArrays]
) -> tuple[EmbeddingSpace, dict[str, FeatureSource]]:
    """A space whose cells are codes, with the same fusion, and where its cells come from."""
    rows, ports, sources = len(prepared.table), [], {}
    for port in space.ports:
        code = codes_of_entries(space, {port.name: prepared.cells[port.name]}, known)[port.name]
        parts = [np.asarray(part) for part in (code.mean, code.logvar) if part is not None]
        row = prepared.cells[port.name][1]
        sources[port.name] = FeatureSource(np.concatenate(parts, 1), row, rows, pieces=pieces.get(port.name))
        head: Any = PassThroughHead(space.dim, code.gaussian, port)
        ports.append(Tower(port.name, port.modality, Identity(), head))
    return EmbeddingSpace(ports, space.score, space.fusion), sources


def prepared_rows(
    prepared: Prepared, pieces: Mapping[str, PartArrays], rows: np.ndarray
) -> tuple[Prepared, dict[str, PartArrays]]:
    """Some rows (r,) of a table, with features and parts of their cells."""
    cells, found = {}, {}
    for name, (x, row) in prepared.cells.items():
        entry, place = entries_in_rows(row, rows)
        cells[name] = x[entry], place
        if name in pieces:
            found[name] = pieces[name].take(entry)
    return Prepared(prepared.table.take(rows), cells), found


def unseen_ranks(
    space: EmbeddingSpace, sources: Mapping[str, FeatureSource], rows: int
) -> tuple[np.ndarray, np.ndarray]:
    """Reciprocal rank of each row's cells among those of all of them, found by its fused others and by their mean (h,);
    NaN of rows with fewer than three cells."""
    batch, frozen = batch_of(sources, np.arange(rows), shared=False), dict.fromkeys(sources, True)
    code, present = Step(space, batch, (0, 0), {}, frozen, learning=False).stacked()
    found: list[list[np.ndarray]] = [[], []]
    for number in range(len(space.ports)):
        others = present & (torch.arange(present.shape[1]) != number)
        asks = (present[:, number] & (others.sum(1) > 1)).nonzero()[:, 0]
        if len(asks) < 2:
            continue
        answers, target = space.normalized(code.mean[asks, number]), torch.full((len(asks),), number)
        with torch.inference_mode():
            fused = (space.fusion(code[asks], others[asks], target)[0], Mean()(code[asks], others[asks])[0])
        for ranks, one in zip(found, fused, strict=True):
            ranks.append(np.full(rows, np.nan))
            ranks[-1][asks] = reciprocal_ranks(space.normalized(one.mean) @ answers.T)[0]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # rows without a rank
        ours, theirs = (np.nanmean(ranks, axis=0) if ranks else np.zeros(0) for ranks in found)
    return ours, theirs
