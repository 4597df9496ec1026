"""fit: a table becomes a space.

table → frozen features (cached) → closed form → [the one loop] → decoders → Space
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import asdict
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kuamo.checks import check_kind, check_whole
from kuamo.class_codes import metric_target, solve_class_codes
from kuamo.codecs.labels import label_codec
from kuamo.codes import Code
from kuamo.column import numbered
from kuamo.cost import part
from kuamo.decoders.recipes import Recipe
from kuamo.decoders.ridge import solve_ridge
from kuamo.encoders import HubEncoder, default_encoder
from kuamo.encoders.base import Identity, is_module, is_trainable
from kuamo.encoders.standardize import Standardize
from kuamo.errors import CellError, TableError
from kuamo.features import features, length_note, moving_note
from kuamo.files import local
from kuamo.late import attach, late_columns
from kuamo.memory import recall, remember
from kuamo.modalities import Category, Number, Text, Vector, is_absent
from kuamo.modalities.vector import within
from kuamo.notes import Note
from kuamo.objectives import CCA, Objective
from kuamo.objectives.base import terms_of
from kuamo.objectives.correlation import Solved, mean_by_row
from kuamo.space import BLOCK_ROWS, Port, Space, run_head
from kuamo.table import Table, as_table
from kuamo.taught import sketches
from kuamo.threads import one_thread

if TYPE_CHECKING:
    from kuamo.runs import Run
    from kuamo.training import Training

__all__ = ["fit"]

Progress = Callable[[str, int, int], None]
Packed = dict[str, tuple[np.ndarray, np.ndarray]]


def fit(
    table: Table,
    objective: Objective | None = None,
    *,
    encoders: Mapping[str, Any] | None = None,
    decoders: Mapping[str, Any] | None = None,
    codecs: Mapping[str, Any] | None = None,
    start: Space | None = None,
    dim: int | None = None,
    training: Training | None = None,
    seed: int = 0,
    out: str | Path | None = None,
    progress: Progress | None = None,
    look: Callable[[str, float, list[Any], list[list[Any]]], None] | None = None,
) -> Space:
    """Learn one shared space for the columns of a table.

    Args:
        table: at least two columns, and rows that have two of them; or what `Table` takes: a file, a data frame.
        objective: what "aligned" means; `None` is cross-validated CCA on frozen features, then contrast from there,
            kept where held-out rows gain by it.
        encoders: column → encoder, for columns that the default does not suit; a `torch.nn.Module` with trainable
            parameters is trained.
        decoders: column → a recipe (`km.Flow()`, `km.GAN()`, `km.Gaussian()`, `km.Ridge()`; of texts `km.Caption()`,
            `km.Retrieve()`, `km.Writer()`) for what `translate` is to make of it: trained when the space is there, for
            its codec's y. Or column → a decoder of your own, for objectives that train it with the space (the default
            is a Gaussian likelihood). Ridge for all others.
        codecs: column → codec, for pictures and sounds to be made; what suits the column if only a recipe is given;
            `None` for its features, as its encoder gives them: then features are translated to features.
        start: a space to go on from: its encoders and heads are copied, and moved only if the objective is trained.
            Without an objective it stays as it is, with its decoders, but for those given here.
        dim: d, the size of the space; chosen if not given.
        training: steps, batch size and rate, for objectives that are trained, or for decoders if none is.
        seed: of everything random; same seed, table, threads and machine, same space.
        out: a run folder to save states of the training in, and to resume from.
        progress: called with (what, done, of).
        look: called now and then while decoders are trained, with (column, share that is done, some held-out cells,
            four that are made for each).

    Returns:
        Space; `space.notes` says what was chosen, and why.

    Raises:
        TableError: fewer than two columns, no row that has two, an unknown column in `encoders`, a seed below 0.
        CellError: naming column and row of a cell that cannot be read.

    Example:
        >>> from kuamo.datasets import toy
        >>> fit(toy(rows=300), seed=0).score
        'dot'
    """
    table = as_table(table)
    check_kind(Objective | None, "an objective such as km.InfoNCE(), or None", objective=objective)  # type: ignore[arg-type]
    check_kind(Space | None, "a Space, or None", start=start)  # type: ignore[arg-type]
    if training is not None:
        from kuamo.training import Training

        check_kind(Training, "a Training, or None", training=training)
    check_whole(seed=seed)
    if dim is not None:
        check_whole(1, dim=dim)
    by_itself = objective is None and start is None
    if by_itself:
        objective = CCA(dim=dim)
    table = with_targets(table, objective)
    check_table(table, objective)
    recipes = {name: one for name, one in (decoders or {}).items() if isinstance(one, Recipe)}
    check_columns(table, decoders=decoders or {}, codecs=codecs or {}, encoders=encoders or {})
    own = {name: one for name, one in (decoders or {}).items() if name not in recipes}
    ports, reasons = open_ports(table, encoders or {}, own, start)
    cells: Packed = {}
    metric = metric_target(objective, ports, table) if start is None else None
    frozen = [port for port in ports if not is_trainable(port.encoder) and port.name != metric]
    encode_columns(table, frozen, cells, progress)
    if table.on_error == "skip":  # training must know before it starts which cells it cannot read
        table.check(*(port.name for port in ports if is_trainable(port.encoder)))
    check_features(table, cells)
    check_table(table, objective)  # again: cells may have been skipped
    info: dict[str, Any] = {"source": table.source, "rows": len(table), "seed": seed}
    reasons |= {port.name: port.encoder.name for port in ports if isinstance(port.encoder, HubEncoder)}
    space = Space(ports, notes=[describe(port, cells, reasons.get(port.name)) for port in ports], info=info)
    info["taught"] = sketches(table, start)
    space.notes += (
        [note for note in table.notes if isinstance(note, Note)]
        + table.skipped()
        + [note for port in ports if (note := length_note(table, port.name, port.encoder))]
        + [note for port in ports if (note := moving_note(table, port.name))]
    )
    known: Mapping[str, Code] = {}
    if start is not None:
        go_on_from(start, space, objective, dim, [*recipes, *(codecs or {})])
    looped = metric is None and objective is not None and any(term.trained for _, term in terms_of(objective))
    run = run_of(out, table, space, start, objective=objective, decoders=decoders, codecs=codecs, seed=seed, dim=dim)
    if objective is not None and looped:
        from kuamo.warm import train_space

        train_space(space, table, cells, objective, dim, training, seed, run, progress)
    elif metric is not None:
        with one_thread(), part("closed form"):
            solve_class_codes(space, table, cells, metric)
    elif objective is not None:
        known = close(space, table, cells, objective, seed, by_itself)
    made = dict.fromkeys([*recipes, *(codecs or {})])
    if made or any(
        map(wants_ridge, ports)
    ):  # then codes of every column are needed, also of those that were trained raw
        encode_columns(table, [port for port in ports if port.name not in cells and port.name != metric], cells)
    if made:
        from kuamo.columns_to_make import make_columns

        given = None if looped else training
        with part("decoders"):
            make_columns(
                space, table, cells, known, recipes, codecs or {}, given, seed, None if looped else run, progress, look
            )
    if any(map(wants_ridge, ports)):
        with one_thread(), part("ridge decoders"):
            add_ridge_decoders(space, cells, known)
    for port in space.ports:  # a class or a number comes out as what it is: its codec's y is the encoder's features
        if isinstance(port.modality, Category | Number) and port.codec is None and port.name not in (codecs or {}):
            port.codec = label_codec(port.encoder)
    return space


def run_of(out: str | Path | None, table: Table, space: Space, start: Space | None, **given: Any) -> Run | None:
    """The run folder of a fit, with all that its outcome depends on.

    Raises:
        StoreError: the place is somebody else's, or elsewhere than on this machine.
    """
    if not out:
        return None
    from kuamo import __version__
    from kuamo.identity import Unknown, identity, of_module, of_table
    from kuamo.runs import MOVED, Run

    folder, parts = local(out, "a run"), {f"encoder of {port.name}": port.encoder for port in space.ports}
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


def encode_columns(table: Table, ports: Sequence[Port], cells: Packed, progress: Progress | None = None) -> None:
    """Features of these ports' columns into `cells`."""
    for port in ports:
        with part(f"features: {port.name}"):
            found = features(table, port.name, port.encoder, progress=progress)
        cells[port.name] = (found, table.column(port.name).row)


def close(
    space: Space, table: Table, cells: Packed, objective: Objective, seed: int, by_itself: bool
) -> Mapping[str, Code]:
    """Heads in closed form, columns that join last, and contrast from there; the codes of the columns' entries.

    Where `fit` chooses by itself, it heeds the diagnosis: see `kuamo.diagnosis.heed`.
    """
    late = late_columns(cells) if isinstance(objective, CCA) else []
    hopeless = False
    if by_itself:
        from kuamo.diagnosis.coverage import coverage, coverage_facts
        from kuamo.diagnosis.heed import heed

        with one_thread(), part("diagnosis"):
            found = heed(cells, np.unique(np.asarray(table.groups), return_inverse=True)[1], seed)
        space.notes += found.notes
        space.info["diagnosis"] = coverage_facts(coverage(table)) | {"relations": found.relations}
        late = [name for name in cells if name in late or name in found.aside]
        hopeless = found.hopeless
    core = {name: both for name, both in cells.items() if name not in late}
    solved = solve_heads(space, table, core, objective, seed, late=late)
    space.notes.append(solved.note)
    with one_thread():
        known = go_further(space, solved, seed) if by_itself and not hopeless else solved.codes
        if late:
            with part("closed form"):
                known = join_late(space, late, core, cells, known, seed)
    return known


def solve_heads(
    space: Space,
    table: Table,
    cells: Packed,
    objective: Objective,
    seed: int,
    groups: np.ndarray | None = None,
    late: Sequence[str] = (),
) -> Solved:
    """Heads in closed form, but of `late` columns; `groups` of the rows that cells are of, if not the table's.

    Raises:
        TableError: a column with a trainable encoder, which no closed form can fit.
    """
    for port in space.ports:
        if port.name not in cells and port.name not in late:
            raise TableError(
                f"column {port.name!r}: given a trainable encoder; expected an objective that is trained, "
                f"such as InfoNCE()"
            )
    if groups is None:
        groups = np.unique(np.asarray(table.groups), return_inverse=True)[1]
    blocks = {p.name: p.encoder.blocks for p in space.ports if p.name in cells and getattr(p.encoder, "blocks", None)}
    for name, (_, row) in cells.items():
        entries = np.unique(row, return_counts=True)[1]
        if (entries > 1).any():
            space.notes.append(Note("averaged", column=name, count=int((entries > 1).sum()), given=len(entries)))
    given: dict[str, Any] = {}
    if "labels" in objective.needs:
        units = {p.name: p.encoder for p in space.ports if p.name in cells and isinstance(p.encoder, Standardize)}
        given = {"labels": numbered(table.labels or ()), "units": units}
    with one_thread(), part("closed form"):
        solved = objective.solve(cells, groups, seed, blocks, **given)  # type: ignore[attr-defined]
    for name, head in solved.heads.items():
        space.port(name).head = head
    return solved


def join_late(
    space: Space, late: Sequence[str], core: Packed, cells: Packed, known: Mapping[str, Code], seed: int
) -> dict[str, Code]:
    """Heads of late columns, from the codes of the others; the codes of all columns' entries."""
    codes = {
        name: known[name] if name in known else run_head(space.port(name).head, x) for name, (x, _) in core.items()
    }
    joined = {
        name: attach(space, name, cells, codes, seed, getattr(space.port(name).encoder, "blocks", None))
        for name in late
    }
    return codes | joined


def go_further(space: Space, solved: Solved, seed: int) -> Mapping[str, Code]:
    """Contrast from the closed form on, where held-out rows gain by it; the codes of the columns' entries."""
    with part("contrast"):
        return contrasted(space, solved, seed)


def contrasted(space: Space, solved: Solved, seed: int) -> Mapping[str, Code]:
    """See `go_further`."""
    from kuamo.refine import Refined, judge, refined

    onward = solved.onward
    assert onward is not None
    key = onward.key + "-refined by error"
    found = recall(key)
    result = Refined(**found) if found else judge(onward.rehearse, seed)
    remember(key, asdict(result))
    gain = {"steps": result.steps, "after": result.after, "before": result.before, "error": result.error}
    space.notes.append(Note("contrast_taken" if result.gains else "contrast_stays", **gain))
    if not result.gains:
        return solved.codes
    codes = {}
    for name, head in refined(onward.start, seed).items():
        space.port(name).head = onward.head(name, head)
        if onward.once[name]:
            codes[name] = Code(np.asarray(head(onward.start.coordinates[name][0])).astype(np.float32))
    return codes


def go_on_from(
    start: Space, space: Space, objective: Objective | None, dim: int | None, anew: Sequence[str] = ()
) -> None:
    """Give a new space the heads of another, where both have the column; where nothing is learned, decoders too, but
    those of columns `anew`.

    Raises:
        TableError: a column that the start does not know, when nothing is learned; another size than the start's.
    """
    if dim not in (None, start.dim):
        raise TableError(f"given dim={dim} and a start of {start.dim} dimensions; expected the same")
    for port in space.ports:
        if any(port.name == other.name for other in start.ports):
            other = start.port(port.name)
            port.head = deepcopy(other.head)
            if objective is None and port.name not in anew and port.decoder is None:
                port.codec, port.decoder, port.memory = map(deepcopy, (other.codec, other.decoder, other.memory))
        elif objective is None:
            raise TableError(f"column {port.name!r}: not in the start, and no objective to learn it by; expected one")
    space.score, space.fusion = start.score, deepcopy(start.fusion)
    space.notes += [Note("start", what=note) for note in start.notes]


def with_targets(table: Table, objective: Objective | None) -> Table:
    """The table, with columns that are to be predicted put in where a reader kept them as the label or as `meta`."""
    if objective is None or not any(term.trained for _, term in terms_of(objective)):
        return table
    from kuamo.foretelling import with_target
    from kuamo.objectives.predict import Predict

    for _, term in terms_of(objective):
        if isinstance(term, Predict):
            table = with_target(table, term.to)
    return table


def check_table(table: Table, objective: Objective | None) -> None:
    """Refuse a table that no space can come of.

    Raises:
        TableError: in words.
    """
    if len(table.columns) < 2:
        raise TableError(f"given the columns {list(table.columns)}; expected at least two")
    needs = (
        frozenset().union(*(term.needs for _, term in terms_of(objective))) if objective is not None else frozenset()
    )
    present = table.present()
    if "pairs" in needs and not (present.sum(axis=1) >= 2).any():
        raise TableError(f"given {len(table)} rows, none with two columns present; expected paired rows")
    if "unpaired" in needs and not any(
        (a & ~b).any() and (b & ~a).any() for a, b in combinations(present.T, 2)
    ):  # a plan has two sides
        raise TableError(
            f"given {len(table)} rows, and no two columns that each have cells without the other; expected unpaired "
            f"rows of both, or an objective of pairs alone"
        )
    if "labels" in needs:
        check_labels(table)


def check_labels(table: Table) -> None:
    """Refuse labels that tell nothing apart.

    Raises:
        TableError: no row has a label, or all have the same.
    """
    known = {str(label) for label in table.labels or () if not is_absent(label)}
    if not known:
        raise TableError(f"given {len(table)} rows without a label; expected labels, to tell partners by")
    if len(known) == 1:
        raise TableError(
            f"given {len(table)} rows that all have the label {known.pop()!r}; expected at least two labels"
        )


def check_features(table: Table, cells: Packed) -> None:
    """Refuse a column without a cell, and one whose cells are all the same: nothing can be aligned with it.

    Each feature is held against its own size, since they may have units of their own. Several entries of a row are one
    cell, their mean: where all rows hold the same list, all cells are the same.

    Raises:
        TableError: naming the column.
    """
    for name, (x, _) in cells.items():
        if len(x) == 0:
            skipped = "; ".join(table.skipped())
            raise TableError(f"column {name!r}: given no cell that can be read{': ' + skipped if skipped else ''}")
        for start in range(0, len(x), BLOCK_ROWS):
            block = x[start : start + BLOCK_ROWS]
            odd = np.flatnonzero(~np.isfinite(block).all(axis=1))
            if len(odd):
                where = table.where(int(table.column(name).row[start + odd[0]]))
                raise TableError(f"column {name!r}, row {where}: its encoder gave NaN or infinity; expected numbers")
        if len(x) > 1 and same_everywhere(x, table.column(name).row):
            raise TableError(
                f"column {name!r}: given {len(x)} cells that are all the same; expected cells that differ, "
                f"or the column left out: table.select(...)"
            )


def same_everywhere(x: np.ndarray, row: np.ndarray) -> bool:
    """Has every row the same features (n, D), up to what rounding in single precision makes of equal ones?"""
    rows = np.unique(row)
    first = mean_by_row(x, row, rows[:1])[0]
    largest = np.abs(x).max(axis=0)
    for start in range(0, len(rows), BLOCK_ROWS):
        own = mean_by_row(x, row, rows[start : start + BLOCK_ROWS])
        if (np.abs(own - first) > 8 * np.finfo(np.float32).eps * largest).any():
            return False
    return len(rows) > 1


def open_ports(
    table: Table, encoders: Mapping[str, Any], decoders: Mapping[str, Any], start: Space | None = None
) -> tuple[list[Port], dict[str, str]]:
    """A port without a head for each column, and why it got its encoder where it was not given, nor the start's."""
    known = {} if start is None else {port.name: its_own(port.encoder) for port in start.ports}
    known |= encoders
    notes: dict[str, str] = {}
    ports = []
    for name, modality in table.modalities.items():
        if name not in known and isinstance(modality, Vector) and getattr(decoders.get(name), "has_range", False):
            known[name], notes[name] = Identity(), Note("vectors")
        elif name not in known:
            known[name], notes[name] = default_encoder(name, modality, sample_of(table, name))
        ports.append(Port(name, modality, known[name], None, decoder=decoders.get(name)))
    return ports, notes


def its_own(encoder: Any) -> Any:
    """A copy of an encoder that may be trained; a frozen one itself, which may hold what cannot be copied."""
    return deepcopy(encoder) if is_trainable(encoder) else encoder


def check_columns(table: Table, **given: Mapping[str, Any]) -> None:
    """Refuse parts for columns that are not there.

    Raises:
        TableError: naming them.
    """
    for role, parts in given.items():
        unknown = set(parts) - set(table.columns)
        if unknown:
            raise TableError(f"given {role} for {sorted(unknown)}; the table's columns are {list(table.columns)}")


def sample_of(table: Table, name: str, most: int = 200) -> list[Any]:
    """Some of a text column's values, spread over its entries; of a category the different ones; of vectors and numbers
    all, in blocks (n, D). Nothing of other columns, which are dear to decode."""
    column = table.column(name)
    if isinstance(column.modality, Vector | Number):
        return list(numbers_of(table, name))
    if isinstance(column.modality, Category):
        return sorted({value for _, value in table.attempts(name) if not isinstance(value, CellError)})
    if not isinstance(column.modality, Text):
        return []
    entries = np.unique(np.linspace(0, len(column.row) - 1, min(most, len(column.row))).astype(int))
    return [value for _, value in table.attempts(name, entries) if not isinstance(value, CellError)]


def numbers_of(table: Table, name: str) -> Iterator[np.ndarray]:
    """A column's vectors, or its numbers, in blocks (n, D), without those that cannot be read."""
    column, every = table.column(name), np.arange(len(table.column(name).row))
    for start in range(0, len(every), BLOCK_ROWS):
        some = every[start : start + BLOCK_ROWS]
        together = column.stacked(some) if isinstance(column.modality, Vector) else None
        if together is not None and together.ndim == 2 and within(together).all():
            yield together
            continue
        values = [np.atleast_1d(value) for _, value in table.attempts(name, some) if not isinstance(value, CellError)]
        if values:
            usual = Counter(value.shape for value in values).most_common(1)[0][0]
            yield np.stack([value for value in values if value.shape == usual])


def describe(port: Port, cells: Packed, reason: str | None = None) -> Note:
    """One note about a port's encoder."""
    named = {"column": port.name, "encoder": type(port.encoder).__name__}
    known = port.name in cells
    note = Note("features", **named, count=cells[port.name][0].shape[1]) if known else Note("trained_here", **named)
    return Note("because", what=note, why=reason) if reason else note


def wants_ridge(port: Port) -> bool:
    """Is it without a decoder, and are its features fixed?"""
    return port.codec is None and port.decoder is None and not (is_module(port.encoder) and is_trainable(port.encoder))


def add_ridge_decoders(space: Space, cells: Packed, known: Mapping[str, Code], penalty: float = 0.1) -> None:
    """p(y | z) in closed form for every port that has no decoder, from the codes of every column of the row.

    Args:
        known: codes of columns that need not be computed again.
    """
    codes = {}
    for port in (port for port in space.ports if port.name in cells):
        x, row = cells[port.name]
        codes[port.name] = (np.asarray(known[port.name] if port.name in known else run_head(port.head, x)), row)
    for port in space.ports:
        if not wants_ridge(port):
            continue
        y, row_y = cells[port.name]
        pairs = ((z, *common_entries(row_z, row_y)) for z, row_z in codes.values())
        port.decoder = solve_ridge(((at(z, at_z), at(y, at_y)) for z, at_z, at_y in pairs), penalty)


def at(array: np.ndarray, entries: np.ndarray) -> np.ndarray:
    """array[entries], without a copy where that is all of it."""
    whole = len(entries) == len(array) and np.array_equal(entries, np.arange(len(array)))
    return array if whole else array[entries]


def common_entries(row_a: np.ndarray, row_b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Entries of a and b that belong to one row: for each entry of b, the first of a in its row."""
    place = np.searchsorted(row_a, row_b)
    place = np.minimum(place, max(len(row_a) - 1, 0))
    same = np.flatnonzero(row_a[place] == row_b) if len(row_a) else np.empty(0, dtype=np.int64)
    return place[same], same
