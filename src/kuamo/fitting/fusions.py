"""A fusion that is trained: bound to a space's columns, and moved by the objective or after it.

An objective that looks at fused codes trains the fusion itself. Beside any other stands a term of its own
(`objectives/fused_retrieval.py`); after a closed form it is all that is trained, on codes that stay.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from kuamo.core.errors import TableError
from kuamo.core.messages import Note
from kuamo.embedding.embedding import Embedding
from kuamo.embedding.parts import part_dims
from kuamo.embedding.space import EmbeddingSpace, Tower
from kuamo.embedding.trained_fusion import FusionSpec, TrainedFusion, bind_to
from kuamo.encoders.base import Identity
from kuamo.encoders.parts import PartArrays, parts_of_column
from kuamo.fitting.towers import codes_of_entries
from kuamo.generation.decoder_problem import PassThroughHead
from kuamo.objectives import Objective, Predict, Sum
from kuamo.objectives.fused_retrieval import BALANCE, FusedRetrieval, LoadBalance
from kuamo.space import Space
from kuamo.training.balance.uncertainty_weighting import WeightedTerm
from kuamo.training.batch import FeatureSource
from kuamo.training.config import Training
from kuamo.training.loop import train
from kuamo.training.objective import terms_of
from kuamo.training.randomness import forked_rng
from kuamo.training.run import Prepared, Run

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


def train_fusion(space: Space, prepared: Prepared, known: Mapping[str, Embedding], spec: FusionSpec, run: Run) -> None:
    """Train the fusion of a space whose codes stay."""
    bind_fusion(space, spec, run.seed)
    terms = fused_terms(space, None)
    if terms is None or len(space.ports) < 3:
        space.fusion.eval()
        space.notes.append(Note("fusion_untrained", fusion=str(spec)))
        return
    rows, ports, sources, pieces = len(prepared.table), [], {}, pieces_of(space, prepared)
    for port in space.ports:
        code = codes_of_entries(space, {port.name: prepared.cells[port.name]}, known)[port.name]
        parts = [np.asarray(part) for part in (code.mean, code.logvar) if part is not None]
        row = prepared.cells[port.name][1]
        sources[port.name] = FeatureSource(np.concatenate(parts, 1), row, rows, pieces=pieces.get(port.name))
        head: Any = PassThroughHead(space.dim, code.gaussian, port)
        ports.append(Tower(port.name, port.modality, Identity(), head))
    beside = EmbeddingSpace(ports, space.score, space.fusion)
    training = run.training or AFTER
    train(beside, sources, terms, training, replace(run, folder=None), marks=prepared.match_keys)
    space.notes.append(Note("fusion_trained", fusion=str(spec), steps=training.steps))
