"""fit: a table becomes a space.

table → frozen features (cached) → closed form → [the one loop] → decoders → Space
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from kuamo.core.arguments import ArgumentError
from kuamo.core.errors import TableError, closest
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
from kuamo.data.modalities import Category, Number, Vector
from kuamo.data.table import Table, as_table
from kuamo.data.table_identity import of_table
from kuamo.data.targets import promote_target
from kuamo.embedding.embedding import Embedding
from kuamo.embedding.provenance import table_fingerprints
from kuamo.embedding.space import Tower
from kuamo.embedding.trained_fusion import FusionSpec
from kuamo.encoders import HubEncoder
from kuamo.encoders.feature_cache import features, moving_note, truncation_note
from kuamo.fitting.checks import check_features, check_table, check_usable_columns
from kuamo.fitting.closed_form import fit_closed_form
from kuamo.fitting.decoders import add_residuals, add_ridge_decoders, fit_decoders, needs_ridge
from kuamo.fitting.fusions import train_fusion
from kuamo.fitting.gradient import train_objective
from kuamo.fitting.shared_spaces import SharedColumns, check_shared, check_widths, shared_columns
from kuamo.fitting.text_encoders import with_one_text_encoder
from kuamo.fitting.towers import describe_encoder, initialize_from, open_ports
from kuamo.generation.codecs.labels import label_codec
from kuamo.generation.recipes import DecoderSpec
from kuamo.objectives import CCA, Objective
from kuamo.objectives.prediction.class_codes import metric_target, solve_class_codes
from kuamo.space import Space
from kuamo.training.config import Training
from kuamo.training.objective import is_trained, terms_of
from kuamo.training.run import Prepared, PreviewCallback, Run
from kuamo.training.run_folder import MOVED, RunFolder

__all__ = ["fit"]

RESIDUAL_ROWS = 500  # of a table show what draws lack


@old_arguments(start="init", out="run_dir", look="on_preview")
def fit(
    table: Table,
    objective: Objective | None = None,
    *,
    encoders: Mapping[str, Any] | None = None,
    decoders: Mapping[str, Any] | None = None,
    codecs: Mapping[str, Any] | None = None,
    init: Space | None = None,
    fusion: FusionSpec | None = None,
    shared: Sequence[Sequence[str]] | None = None,
    dim: int | None = None,
    training: Training | None = None,
    seed: int = 0,
    run_dir: str | Path | None = None,
    progress: Progress | None = None,
    on_preview: PreviewCallback | None = None,
) -> Space:
    """Learn one shared space for the columns of a table.

    Args:
        table: at least two columns, and rows that have two of them, without which only columns that share a space are
            aligned; or what `Table` takes: a file, a data frame.
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
        fusion: how codes of several cells become one: `km.Attention()`, `km.CrossAttention()`, `km.Gating()`,
            `km.TensorFusion()` or `km.LateFusion()`, trained with the space, or after it where it is solved; there and
            in `km.Predict` it is taken only if held-out rows gain by it, or by its `keep="always"`. Their mean, or what
            the objective makes, if not given.
        shared: groups of columns whose encoders share a space, `[("photo", "title")]`: their alignment is known, and
            pairs only add to it; the other columns are learned into their space. Found by itself where columns have
            one encoder, or are towers of one model; `()` for none. Without an objective only.
        dim: d, the size of the space; chosen if not given.
        training: steps, batch size and rate, for objectives that are trained; if none is, for the fusion and decoders.
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
        ArgumentError: `shared` columns that there are not, or of different widths.

    Example:
        >>> from kuamo.data.datasets import toy
        >>> fit(toy(rows=150), seed=0).score
        'dot'
    """
    parts = (encoders or {}, decoders or {}, codecs or {})
    given = Arguments(objective, *parts, init, dim, training, seed, run_dir, progress, on_preview, fusion, shared)
    return fit_from_features(as_table(table), {}, given)


def check_objective(objective: Any) -> None:
    """Refuse what is no objective, such as the name of one, with the one that it names."""
    if not isinstance(objective, Objective | None):
        from kuamo.objectives.registry import usable_names

        name = closest(getattr(objective, "__name__", objective), usable_names()) or "InfoNCE"
        check_type(Objective, f"an objective such as km.{name}(), or None", objective=objective)


def check_fusion(given: Arguments) -> None:
    """Refuse decoders that would be trained on fused codes without the parts that they are later fused from."""
    own = [getattr(term, "fusion", None) for _, term in terms_of(given.objective)]
    fusions = [given.fusion, *own, given.init.fusion if given.init else None]
    trained = [name for name, recipe in given.recipes.items() if recipe.is_trained]
    if trained and any(getattr(fusion, "reads_parts", False) for fusion in fusions):
        raise TableError(
            f"column {trained[0]!r}: given a decoder that is trained, and a fusion that reads parts of cells; expected "
            "a fusion of codes alone, such as km.Attention(), or km.Ridge()"
        )


@dataclass(frozen=True)
class Arguments:
    """What `fit` is asked for, beside the table; see there."""

    objective: Objective | None = None
    encoders: Mapping[str, Any] = field(default_factory=dict)
    decoders: Mapping[str, Any] = field(default_factory=dict)
    codecs: Mapping[str, Any] = field(default_factory=dict)
    init: Space | None = None
    dim: int | None = None
    training: Training | None = None
    seed: int = 0
    run_dir: str | Path | None = None
    progress: Progress | None = None
    on_preview: PreviewCallback | None = None
    fusion: FusionSpec | None = None
    shared: Any = None

    def __post_init__(self) -> None:
        check_objective(self.objective)
        check_type(Space | None, "a Space, or None", init=self.init)  # type: ignore[arg-type]
        check_type(Training | None, "a Training, or None", training=self.training)  # type: ignore[arg-type]
        check_type(FusionSpec | None, "a fusion, such as km.Attention(), or None", fusion=self.fusion)  # type: ignore[arg-type]
        check_int(seed=self.seed)
        if self.dim is not None:
            check_int(1, dim=self.dim)

    @property
    def recipes(self) -> dict[str, DecoderSpec]:
        """Column → recipe of the decoder that is trained after the space."""
        return {name: one for name, one in self.decoders.items() if isinstance(one, DecoderSpec)}


@dataclass(frozen=True)
class Opened:
    """The table with the columns to predict, ports without heads, reasons for default encoders, and the columns that
    share a space, where `fit` chooses by itself."""

    table: Table
    ports: list[Tower]
    reasons: dict[str, str]
    shared: SharedColumns | None


def open_table(table: Table, given: Arguments, by_itself: bool) -> Opened:
    """What a fit starts from, before any feature is computed."""
    for _, term in terms_of(given.objective):
        for target in term.predicts:  # where a reader kept it as the label or as `meta`
            table = promote_target(table, target)
    check_table(table, None)
    check_usable_columns(table, decoders=given.decoders, codecs=given.codecs, encoders=given.encoders)
    own = {name: one for name, one in given.decoders.items() if not isinstance(one, DecoderSpec)}
    declared = check_shared(given.shared, list(table.columns)) if by_itself else ()
    vectors = [name for group in declared or () for name in group]
    ports, reasons = open_ports(table, given.encoders, own, given.init, as_they_are=vectors)
    if by_itself and given.dim is None and declared is None:
        ports, reasons = with_one_text_encoder(table, ports, reasons, given.encoders, given.seed)
    shared = shared_columns(ports, declared) if by_itself and given.dim is None else None
    if shared is None:
        check_table(table, given.objective)
    return Opened(table, ports, reasons, shared)


def check_shared_alone(given: Arguments) -> None:
    """Refuse shared columns beside what decides the space by itself."""
    others = [name for name in ("objective", "init", "dim") if getattr(given, name) is not None]
    if given.shared and others:
        raise ArgumentError(
            f"given shared and {', '.join(others)}; expected shared columns alone: their space is known"
        )


def fit_from_features(table: Table, known: Packed, given: Arguments) -> Space:
    """See `fit`; columns whose features are known, with the row of each, are not encoded."""
    check_shared_alone(given)
    by_itself = given.objective is None and given.init is None
    if by_itself:
        given = replace(given, objective=CCA(dim=given.dim))
    objective, init = given.objective, given.init
    check_fusion(given)
    opened = open_table(table, given, by_itself)
    table, ports, reasons, shared = opened.table, opened.ports, opened.reasons, opened.shared
    prepared = Prepared(table, dict(known))
    given_fusion = given.fusion or any(getattr(term, "fusion", None) for _, term in terms_of(objective))
    metric = metric_target(objective, ports, table) if init is None and not given_fusion else None
    trained = [port.name for port in ports if is_trainable(port.encoder) or port.name == metric]
    encode_columns(prepared, [port for port in ports if port.name not in trained], given.progress)
    if table.on_error == "skip" and trained:  # training must know before it starts which cells it cannot read
        table.check(*trained)
    check_features(table, prepared.cells)
    if shared is None:
        check_table(table, objective)  # again: cells may have been skipped
    else:
        check_widths(shared.names, prepared.cells)
    space = untrained_space(prepared, ports, reasons, given)
    if init is not None:
        initialize_from(init, space, objective, given.dim, [*given.recipes, *given.codecs])
    run = Run(given.seed, given.training, folder_of(given, table, space), given.progress, given.on_preview)
    codes: Mapping[str, Embedding] = {}
    looped = metric is None and is_trained(objective)
    if metric is not None:
        with single_threaded_blas(), profiled_step("closed form"):
            solve_class_codes(space, table, prepared.cells, metric)
    elif objective is not None and looped:
        train_objective(space, prepared, objective, given.dim, run, given.fusion)
    elif objective is not None:
        codes = fit_closed_form(space, prepared, objective, given.seed, by_itself, shared)
    missing = [port for port in ports if port.name not in prepared.cells and port.name != metric]
    if given.fusion is not None and not looped:
        encode_columns(prepared, missing)
        train_fusion(space, prepared, codes, given.fusion, run, given.objective, by_itself)
    if looped:  # that was what the training and the run folder were for
        add_residuals_of_trained(space, prepared, missing, given)
        run = replace(run, training=None, folder=None)
    add_decoders_after(space, prepared, missing, codes, given, run)
    return space


def untrained_space(prepared: Prepared, ports: list[Tower], reasons: Mapping[str, str], given: Arguments) -> Space:
    """Ports without heads, and notes on the data and the encoders."""
    table, cells = prepared.table, prepared.cells
    reasons = {**reasons, **{port.name: port.encoder.name for port in ports if isinstance(port.encoder, HubEncoder)}}
    info: dict[str, Any] = {"source": table.source, "rows": len(table), "seed": given.seed}
    info["training_rows"] = table_fingerprints(table, given.init)
    space = Space(ports, notes=[describe_encoder(port, cells, reasons.get(port.name)) for port in ports], info=info)
    space.notes += (
        [note for note in table.notes if isinstance(note, Note)]
        + table.skipped()
        + [note for port in ports if (note := truncation_note(table, port.name, port.encoder))]
        + [note for port in ports if (note := moving_note(table, port.name))]
    )
    return space


def add_residuals_of_trained(space: Space, prepared: Prepared, missing: Sequence[Tower], given: Arguments) -> None:
    """What draws lack of decoders that an objective trained with the space, as some training rows show."""
    predicted = [target for _, term in terms_of(given.objective) for target in term.predicts]
    numbers = [port.name for port in space.ports if isinstance(port.modality, Vector | Number) and port.decoder]
    if wanted := [name for name in numbers if name in prepared.cells and name not in predicted]:
        with profiled_step("decoders"):
            few = prepared.some(RESIDUAL_ROWS)
            encode_columns(few, missing)
            add_residuals(space, few.cells, wanted, given.seed)


def add_decoders_after(
    space: Space,
    prepared: Prepared,
    missing: Sequence[Tower],
    codes: Mapping[str, Embedding],
    given: Arguments,
    run: Run,
) -> None:
    """The decoders that are asked for, and ridge for all others whose features are fixed."""
    chosen, ridge = bool(given.recipes or given.codecs), any(map(needs_ridge, space.ports))
    if chosen or ridge:  # then codes of every column are needed, also of those that were trained raw
        encode_columns(prepared, missing)
    if chosen:
        with profiled_step("decoders"):
            fit_decoders(space, prepared, codes, given.recipes, given.codecs, run)
    if any(map(needs_ridge, space.ports)):
        with single_threaded_blas(), profiled_step("ridge decoders"):
            add_ridge_decoders(space, prepared.cells, codes)
    for port in space.ports:  # a class or a number comes out as what it is: its codec's y is the encoder's features
        if isinstance(port.modality, Category | Number) and port.codec is None and port.name not in given.codecs:
            port.codec = label_codec(port.encoder)


def folder_of(given: Arguments, table: Table, space: Space) -> RunFolder | None:
    """The run folder of a fit, with all that its outcome depends on."""
    if not given.run_dir:
        return None
    folder, parts = (
        local_path(given.run_dir, "a run"),
        {f"encoder of {port.name}": port.encoder for port in space.ports},
    )
    parts |= {f"decoder of {name}": one for name, one in given.decoders.items()}
    nets = {name: one for name, one in parts.items() if is_module(one)}
    RunFolder(folder).check()
    start = given.init
    try:
        of: dict[str, str | None] = {"version of kuamo": identity(__version__), "table": of_table(table)}
        of |= {name: identity(getattr(given, name)) for name in ("objective", "codecs", "seed", "dim")}
        of |= {name: of_module(one, moving=True) if name in nets else identity(one) for name, one in parts.items()}
        of |= {} if given.fusion is None else {"fusion": identity(given.fusion)}
        of["start"] = identity(start and {"score": start.score, "fusion": start.fusion, "ports": start.ports})
        of[MOVED] = identity({name: of_module(net, moving=False) for name, net in nets.items()})
        return RunFolder(folder, of)
    except Unknown as error:
        return RunFolder(folder, {"": None}, str(error))


def encode_columns(prepared: Prepared, ports: Sequence[Tower], progress: Progress | None = None) -> None:
    """Features of these ports' columns, where they are not there."""
    table, cells = prepared.table, prepared.cells
    for port in ports:
        with profiled_step(f"features: {port.name}"):
            if port.name not in cells:
                found = features(table, port.name, port.encoder, progress=progress)
                cells[port.name] = (found, table.column(port.name).row)
