"""fit: a table becomes a space.

table → frozen features (cached) → closed form → [the one loop] → decoders → Space
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from kuamo.core.files import local_path
from kuamo.core.messages import Note
from kuamo.core.modules import is_module, is_trainable
from kuamo.core.old_names import old_arguments
from kuamo.core.profiling import profiled_step
from kuamo.core.threads import single_threaded_blas
from kuamo.core.types import Packed, Progress
from kuamo.core.validation import check_int, check_type
from kuamo.core.version import __version__
from kuamo.data.identity import Unknown, identity, of_module
from kuamo.data.modalities import Category, Number
from kuamo.data.table import Table, as_table
from kuamo.data.table_identity import of_table
from kuamo.data.targets import promote_target
from kuamo.embedding.embedding import Embedding
from kuamo.embedding.provenance import table_fingerprints
from kuamo.embedding.space import Tower
from kuamo.encoders import HubEncoder
from kuamo.encoders.feature_cache import features, moving_note, truncation_note
from kuamo.fitting.checks import check_features, check_table, check_usable_columns
from kuamo.fitting.closed_form import fit_closed_form
from kuamo.fitting.ridge_decoders import add_ridge_decoders, needs_ridge
from kuamo.fitting.towers import describe_encoder, initialize_from, open_ports
from kuamo.generation.codecs.labels import label_codec
from kuamo.generation.recipes import Recipe
from kuamo.objectives import CCA, Objective
from kuamo.objectives.prediction.class_codes import metric_target, solve_class_codes
from kuamo.space import Space
from kuamo.training.config import Training
from kuamo.training.objective import terms_of
from kuamo.training.run_folder import MOVED, Run

__all__ = ["fit"]


@old_arguments(start="init", out="run_dir", look="on_preview")
def fit(
    table: Table,
    objective: Objective | None = None,
    *,
    encoders: Mapping[str, Any] | None = None,
    decoders: Mapping[str, Any] | None = None,
    codecs: Mapping[str, Any] | None = None,
    init: Space | None = None,
    dim: int | None = None,
    training: Training | None = None,
    seed: int = 0,
    run_dir: str | Path | None = None,
    progress: Progress | None = None,
    on_preview: Callable[[str, float, list[Any], list[list[Any]]], None] | None = None,
) -> Space:
    """Learn one shared space for the columns of a table.

    Args:
        table: at least two columns, and rows that have two of them; or what `Table` takes: a file, a data frame.
        objective: what "aligned" means; `None` is cross-validated CCA on frozen features, then contrast from there,
            kept where held-out rows gain by it.
        encoders: column → encoder, for columns that the default does not suit; a `torch.nn.Module` with trainable
            parameters is trained.
        decoders: column → a recipe (`km.Flow()`, `km.GAN()`, `km.Gaussian()`, `km.Ridge()`; of texts `km.Caption()`,
            `km.NearestText()`, `km.TextRNN()`) for what `translate` is to make of it: trained after the space, for
            its codec's y. Or column → a decoder of your own, for objectives that train it with the space (the default
            is a Gaussian likelihood). Ridge for all others.
        codecs: column → codec, for pictures and sounds to be made; what suits the column if only a recipe is given;
            `None` for its features, as its encoder gives them: then features are translated to features.
        init: a space to go on from: its encoders and heads are copied, and moved only if the objective is trained.
            Without an objective it stays as it is, with its decoders, but for those given here.
        dim: d, the size of the space; chosen if not given.
        training: steps, batch size and rate, for objectives that are trained, or for decoders if none is.
        seed: of everything random; same seed, table, threads and machine, same space.
        run_dir: a folder to save states of the training in, and to resume from.
        progress: called with (what, done, of).
        on_preview: called now and then while decoders are trained, with (column, share that is done, held-out cells,
            four that are made for each).

    Returns:
        Space; `space.notes` says what was chosen, and why.

    Raises:
        TableError: fewer than two columns, no row that has two, an unknown column in `encoders`, a seed below 0.
        CellError: naming column and row of a cell that cannot be read.

    Example:
        >>> from kuamo.data.datasets import toy
        >>> fit(toy(rows=300), seed=0).score
        'dot'
    """
    table = as_table(table)
    check_type(Objective | None, "an objective such as km.InfoNCE(), or None", objective=objective)  # type: ignore[arg-type]
    check_type(Space | None, "a Space, or None", init=init)  # type: ignore[arg-type]
    if training is not None:
        check_type(Training, "a Training, or None", training=training)
    check_int(seed=seed)
    if dim is not None:
        check_int(1, dim=dim)
    return fit_from_features(
        table, {}, objective, encoders or {}, decoders or {}, codecs or {}, init, dim, training, seed, run_dir,
        progress, on_preview,
    )  # fmt: skip


def fit_from_features(
    table: Table,
    given: Packed,
    objective: Objective | None,
    encoders: Mapping[str, Any],
    decoders: Mapping[str, Any],
    codecs: Mapping[str, Any],
    init: Space | None,
    dim: int | None,
    training: Training | None,
    seed: int,
    run_dir: str | Path | None = None,
    progress: Progress | None = None,
    on_preview: Callable[[str, float, list[Any], list[list[Any]]], None] | None = None,
) -> Space:
    """See `fit`; columns whose features are given, with the row of each, are not encoded."""
    by_itself = objective is None and init is None
    if by_itself:
        objective = CCA(dim=dim)
    table = with_targets(table, objective)
    check_table(table, objective)
    recipes = {name: one for name, one in decoders.items() if isinstance(one, Recipe)}
    check_usable_columns(table, decoders=decoders, codecs=codecs, encoders=encoders)
    own = {name: one for name, one in decoders.items() if name not in recipes}
    ports, reasons = open_ports(table, encoders, own, init)
    cells = dict(given)
    metric = metric_target(objective, ports, table) if init is None else None
    frozen = [port for port in ports if not is_trainable(port.encoder) and port.name != metric]
    encode_columns(table, frozen, cells, progress)
    raw = [port.name for port in ports if is_trainable(port.encoder) or port.name == metric]
    if table.on_error == "skip" and raw:  # training must know before it starts which cells it cannot read
        table.check(*raw)
    check_features(table, cells)
    check_table(table, objective)  # again: cells may have been skipped
    info: dict[str, Any] = {"source": table.source, "rows": len(table), "seed": seed}
    reasons |= {port.name: port.encoder.name for port in ports if isinstance(port.encoder, HubEncoder)}
    space = Space(ports, notes=[describe_encoder(port, cells, reasons.get(port.name)) for port in ports], info=info)
    info["training_rows"] = table_fingerprints(table, init)
    space.notes += (
        [note for note in table.notes if isinstance(note, Note)]
        + table.skipped()
        + [note for port in ports if (note := truncation_note(table, port.name, port.encoder))]
        + [note for port in ports if (note := moving_note(table, port.name))]
    )
    known: Mapping[str, Embedding] = {}
    if init is not None:
        initialize_from(init, space, objective, dim, [*recipes, *codecs])
    looped = metric is None and objective is not None and any(term.trained for _, term in terms_of(objective))
    run = run_of(run_dir, table, space, init, objective=objective, decoders=decoders or None,
                 codecs=codecs or None, seed=seed, dim=dim)  # fmt: skip
    if objective is not None and looped:
        from kuamo.fitting.gradient import train_objective

        train_objective(space, table, cells, objective, dim, training, seed, run, progress)
    elif metric is not None:
        with single_threaded_blas(), profiled_step("closed form"):
            solve_class_codes(space, table, cells, metric)
    elif objective is not None:
        known = fit_closed_form(space, table, cells, objective, seed, by_itself)
    made = dict.fromkeys([*recipes, *codecs])
    if made or any(
        map(needs_ridge, ports)
    ):  # then codes of every column are needed, also of those that were trained raw
        encode_columns(table, [port for port in ports if port.name not in cells and port.name != metric], cells)
    if made:
        from kuamo.fitting.decoders import fit_decoders

        alone = None if looped else training
        with profiled_step("decoders"):
            fit_decoders(
                space,
                table,
                cells,
                known,
                recipes,
                codecs,
                alone,
                seed,
                None if looped else run,
                progress,
                on_preview,
            )
    if any(map(needs_ridge, ports)):
        with single_threaded_blas(), profiled_step("ridge decoders"):
            add_ridge_decoders(space, cells, known)
    for port in space.ports:  # a class or a number comes out as what it is: its codec's y is the encoder's features
        if isinstance(port.modality, Category | Number) and port.codec is None and port.name not in codecs:
            port.codec = label_codec(port.encoder)
    return space


def run_of(out: str | Path | None, table: Table, space: Space, start: Space | None, **given: Any) -> Run | None:
    """The run folder of a fit, with all that its outcome depends on.

    Raises:
        StoreError: the place is somebody else's, or elsewhere than on this machine.
    """
    if not out:
        return None

    folder, parts = local_path(out, "a run"), {f"encoder of {port.name}": port.encoder for port in space.ports}
    parts |= {f"decoder of {name}": one for name, one in (given.pop("decoders") or {}).items()}
    nets = {name: one for name, one in parts.items() if is_module(one)}
    Run(folder).check()
    try:
        of: dict[str, str | None] = {"version of kuamo": identity(__version__), "table": of_table(table)}
        of |= {name: identity(one) for name, one in given.items()}
        of |= {name: of_module(one, moving=True) if name in nets else identity(one) for name, one in parts.items()}
        of["start"] = identity(start and {"score": start.score, "fusion": start.fusion, "ports": start.ports})
        of[MOVED] = identity({name: of_module(net, moving=False) for name, net in nets.items()})
        return Run(folder, of)
    except Unknown as error:
        return Run(folder, {"": None}, str(error))


def encode_columns(
    table: Table,
    ports: Sequence[Tower],
    cells: dict[str, tuple[np.ndarray, np.ndarray]],
    progress: Progress | None = None,
) -> None:
    """Features of these ports' columns into `cells`, where they are not there."""
    for port in ports:
        with profiled_step(f"features: {port.name}"):
            if port.name not in cells:
                found = features(table, port.name, port.encoder, progress=progress)
                cells[port.name] = (found, table.column(port.name).row)


def with_targets(table: Table, objective: Objective | None) -> Table:
    """The table, with columns that are to be predicted put in where a reader kept them as the label or as `meta`."""
    if objective is None or not any(term.trained for _, term in terms_of(objective)):
        return table
    from kuamo.objectives.prediction.objective import Predict

    for _, term in terms_of(objective):
        if isinstance(term, Predict):
            table = promote_target(table, term.to)
    return table
