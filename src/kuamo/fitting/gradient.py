"""Before and after the loop: heads that begin at the closed form, decoders where an objective needs them."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from kuamo.closed_form import ChiSquaredMap, KernelMap
from kuamo.closed_form.scaling import running_spread
from kuamo.core.errors import KuamoError, TableError
from kuamo.core.messages import Note
from kuamo.core.types import Packed
from kuamo.data.modalities import Category, Text
from kuamo.data.table import Table
from kuamo.embedding.blended_head import BlendedHead
from kuamo.embedding.decoder import Decoder
from kuamo.embedding.embedding import ClosedFormHead
from kuamo.embedding.heads import LinearHead, SplitHead
from kuamo.embedding.space import Tower
from kuamo.embedding.trained_fusion import FusionSpec, TrainedFusion
from kuamo.encoders.base import Encoder, collate, encode_items
from kuamo.fitting.closed_form import solve_heads
from kuamo.fitting.fusions import bind_fusion, fused_terms, pieces_of, with_fusion
from kuamo.generation.decoders.likelihood import Likelihood
from kuamo.generation.decoders.raw_likelihood import raw_decoder
from kuamo.objectives import CCA, Objective
from kuamo.space import Space
from kuamo.training.batch import Source
from kuamo.training.config import Training
from kuamo.training.loop import train
from kuamo.training.objective import needs_of, terms_of
from kuamo.training.randomness import forked_rng
from kuamo.training.run import Prepared, Run

__all__ = ["default_training", "steps_for", "train_objective"]

DIM = 64
LEAST, MOST = 200, 1500  # of `Predict`: of few rows what bends is not learned in fewer than 200


def train_objective(
    space: Space,
    prepared: Prepared,
    objective: Objective,
    dim: int | None,
    run: Run,
    fusion_spec: FusionSpec | None = None,
) -> None:
    """Give every port a head (and a decoder where one is needed), then train in place."""
    objective = with_fusion(objective, fusion_spec)
    table, cells, terms = prepared.table, prepared.cells, [term for _, term in terms_of(objective)]
    with forked_rng(run.seed):
        add_heads(space, prepared, needs_of(objective), dim, run.seed, objective)
        if "decoders" in needs_of(objective):
            add_decoders(space, prepared, objective)
    for term in terms:
        with forked_rng(run.seed):
            fusion = term.make_fusion(space)
        space.fusion = space.fusion if fusion is None else fusion
    if not any(term.predicts for term in terms):
        bind_fusion(space, fusion_spec, run.seed)
    if (added := fused_terms(space, objective)) is not None:
        objective = objective + added
    training = run.training or default_training(objective, len(table))
    chunk, pieces = training.grad_cache_chunk, pieces_of(space, prepared)
    sources = {
        port.name: Source(
            table, port, cells[port.name][0] if port.name in cells else None, chunk, pieces.get(port.name)
        )
        for port in space.ports
    }
    callbacks = [one for term in terms if (one := term.callback(space, prepared, run.progress)) is not None]
    result = train(space, sources, objective, training, run, marks=prepared.match_keys, callbacks=callbacks)
    names = " + ".join(term.name if weight == 1 else f"{weight:g} {term.name}" for weight, term in terms_of(objective))
    losses = ", ".join(f"{name} {value:.3g}" for name, value in result.losses.items())
    done = {"steps": result.steps, "rows": training.batch_size, "optimiser": training.optimizer, "rate": training.lr}
    space.notes.append(Note("trained", objective=names, **done, losses=losses))
    if training.sampling is not None:
        space.notes.append(Note("against_imbalance", what=str(training.sampling)))
    if result.skipped:
        space.notes.append(Note("batches_skipped", count=result.skipped, given=result.steps))
    if isinstance(space.fusion, TrainedFusion) and len(space.ports) == 2 and not any(t.trains_fusion for t in terms):
        space.notes.append(Note("fusion_untrained", fusion=str(fusion_spec or space.fusion)))
    if note := only_distributions(objective):
        space.notes.append(note)


def default_training(objective: Objective | None, rows: int) -> Training:
    """How long and how fast where nobody said: what suits `Predict` of features, or the usual."""
    predicts = any(term.predicts for _, term in terms_of(objective))
    return Training(steps_for(rows), 128, 3e-3, at_most=True) if predicts else Training()


def steps_for(rows: int) -> int:
    """Steps of `Predict`: one for each row, within bounds; more would learn a small table by heart.

    Example:
        >>> steps_for(10), steps_for(400), steps_for(10_000)
        (200, 400, 1500)
    """
    return min(max(rows, LEAST), MOST)


def only_distributions(objective: Objective) -> Note | None:
    """What to say of an objective that knows neither pairs nor labels, and makes codes alike all the same."""
    terms = [term for _, term in terms_of(objective)]
    blind = [term.name for term in terms if term.aligns == "distributions"]
    if not blind or any(term.needs & {"pairs", "labels", "groups"} for term in terms):
        return None
    return Note("unpaired_only", objectives=", ".join(blind))


def add_heads(
    space: Space,
    prepared: Prepared,
    needs: frozenset[str],
    dim: int | None,
    seed: int,
    objective: Objective | None = None,
) -> None:
    """Trainable heads; those of frozen columns start at the closed form where the codes are points.

    A head that is there already stays, or is where the new one starts.
    """
    cells = prepared.cells
    gaussian = "gaussian" in needs
    closed: dict[str, ClosedFormHead] = {}
    started = {port.name: port.head for port in space.ports if port.head is not None}
    for name, head in started.items():
        wrong = "without variances" if gaussian and not head.gaussian else None
        if isinstance(head, ClosedFormHead) and isinstance(head.map, KernelMap | ChiSquaredMap):
            wrong = "of a kernel"
        if isinstance(head, BlendedHead):
            wrong = "of several parts"
        if wrong:
            raise KuamoError(
                f"column {name!r}: given a start whose head is {wrong}; expected a space fitted with "
                f"CCA(kernels=('linear',)), or by an objective with codes of the same kind"
            )
    if started:
        dim = space.port(next(iter(started))).head.dim
        closed = {name: head for name, head in started.items() if isinstance(head, ClosedFormHead)}
    elif not gaussian and needs & {"pairs", "labels", "groups"} and len(cells) == len(space.ports):
        closed = closed_form_init(space, prepared, needs, dim, seed)
    size = dim or (next(iter(closed.values())).dim if closed else DIM)
    solved = objective.solved_dims(space, cells, size) if objective and not started else 0
    for port in space.ports:
        if port.name in started and port.name not in closed:
            continue
        width = cells[port.name][0].shape[1] if port.name in cells else feature_size(prepared.table, port)
        made: Any = (
            SplitHead(width, size, joint=solved)
            if solved
            else LinearHead(width, size, gaussian=gaussian, hidden=128 if gaussian else 0)
        )
        if port.name in cells:
            made.standardize(cells[port.name][0])
        if port.name in closed:
            made.start_from(closed[port.name])
        port.head = made
    if not started:
        space.score = "cosine" if gaussian else "dot"


def closed_form_init(
    space: Space, prepared: Prepared, needs: frozenset[str], dim: int | None, seed: int
) -> dict[str, ClosedFormHead]:
    """Linear CCA of paired rows, or where positives go by label or group, of entries that are paired by those.

    By label, relevant for held-out rows are still their own pairs alone: of several ridges that separate labels
    apart equally well, nothing is lost by it.
    """
    kind = next((kind for kind in ("label", "group") if f"{kind}s" in needs and "pairs" not in needs), None)
    cells: Packed = prepared.cells
    split_group = prepared.split_group
    if kind:
        cells, rows = pair_by_label(cells, prepared.match_keys[kind], seed)
        if rows < 4:
            return {}
        split_group = np.arange(rows)
    solved = solve_heads(space, cells, CCA(dim=dim, kernels=("linear",)), split_group, seed)
    space.notes.append(Note("start" if kind is None else f"start_{kind}", what=solved.note))
    return {port.name: port.head for port in space.ports}


def pair_by_label(cells: Packed, mark: np.ndarray, seed: int) -> tuple[Packed, int]:
    """Entries of each column paired at random with those of the others that have the same mark, each at most once.

    Example:
        >>> x, y = (np.eye(3), np.arange(3)), (np.eye(3)[:2], np.array([3, 4]))
        >>> pair_by_label({"x": x, "y": y}, np.array([0, 1, 1, 1, 0]), 0)[1]
        2
    """
    rng = np.random.default_rng(seed)
    shuffled = {name: rng.permutation(len(row)) for name, (_, row) in cells.items()}
    chosen: dict[str, list[np.ndarray]] = {name: [] for name in cells}
    for value in np.unique(mark[mark >= 0]):
        found = {name: order[mark[cells[name][1][order]] == value] for name, order in shuffled.items()}
        most = min(map(len, found.values()))
        for name, entries in found.items():
            chosen[name].append(entries[:most])
    rows = sum(map(len, next(iter(chosen.values()))))
    entries = {name: np.concatenate([*parts, np.zeros(0, np.int64)]) for name, parts in chosen.items()}
    return {name: (cells[name][0][entry], np.arange(rows)) for name, entry in entries.items()}, rows


def add_decoders(space: Space, prepared: Prepared, objective: Objective) -> None:
    """A likelihood for every column that has no decoder of its own: Gaussian of frozen features, standardised, and of
    a raw column what suits its encoder.
    """
    table, cells = prepared.table, prepared.cells
    terms = [term for _, term in terms_of(objective) if "decoders" in term.needs]
    private = max((term.private_dim for term in terms), default=0)
    for port in space.ports:
        if port.decoder is None and not any(term.decodes(port.name) for term in terms):
            continue  # a ridge decoder will do, once the codes are there
        for term in terms:
            if port.decoder is None and term.decodes(port.name):
                port.decoder = term.make_decoder(space, port, cells)
        if port.decoder is None and isinstance(port.modality, Category):
            port.decoder = Likelihood(space.dim, cells[port.name][0].shape[1], family="categorical")
        if port.decoder is None and port.name in cells:
            port.decoder = Likelihood(space.dim, cells[port.name][0].shape[1], private=private)
        if port.decoder is None:
            port.decoder = raw_decoder(space.dim, port.encoder, some_values(table, port), private)
        if port.decoder is None:
            raise TableError(
                f"column {port.name!r}: its encoder is trained, so its target is raw; "
                f"expected decoders={{{port.name!r}: a decoder with `target(batch)`}}"
            )
        check_decoder_targets(port, cells, table)
        if port.name in cells and Decoder.adapt(port.decoder).target is None:
            y = cells[port.name][0]
            found = running_spread(y)
            Decoder.adapt(port.decoder).standardize(
                *(torch.from_numpy(one.astype(np.float32)) for one in (found.mean, found.gain(1.0)))
            )


def some_values(table: Table, port: Tower, most: int = 2000) -> list[Any]:
    """A column's values: all texts, and so many of other kinds, spread over its entries."""
    count = len(table.column(port.name).row)
    if isinstance(port.modality, Text) or count <= most:
        return list(table.values(port.name))
    return list(table.values(port.name, np.linspace(0, count - 1, most).astype(int)))


def check_decoder_targets(port: Tower, cells: Packed, table: Table) -> None:
    """Let a likelihood look at its targets before training: all that are features, a few that are made of raw cells."""
    decoder = Decoder.adapt(port.decoder)
    if decoder.check is None:
        return
    try:
        if decoder.target is None:
            decoder.check(torch.from_numpy(cells[port.name][0]))
        elif port.name not in cells:
            entries = np.arange(min(64, len(table.column(port.name).row)))
            items = list(table.values(port.name, entries, Encoder.adapt(port.encoder).prepare))
            decoder.check(decoder.target(collate(port.encoder, items, port.name)))
    except KuamoError as error:
        raise TableError(f"column {port.name!r}: {error}") from None


def feature_size(table: Table, port: Tower) -> int:
    """D of a trainable encoder: what it gives for the first entry."""
    if len(table.column(port.name).row) == 0:
        raise KuamoError(f"column {port.name!r}: no cells; expected at least one")
    items: list[Any] = list(table.values(port.name, [0], Encoder.adapt(port.encoder).prepare))
    return int(encode_items(port.encoder, items, port.name).shape[1])
