"""fit: a table becomes a space.

table → frozen features (cached) → closed form → [one training loop] → ridge decoders → Space
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from kuamo.decoders.ridge import solve_ridge
from kuamo.encoders import default_encoder
from kuamo.errors import TableError
from kuamo.features import features
from kuamo.objectives import CCA, Objective
from kuamo.space import Port, Space, run_head
from kuamo.table import Table
from kuamo.threads import one_thread

__all__ = ["fit"]

Progress = Callable[[str, int, int], None]
Packed = dict[str, tuple[np.ndarray, np.ndarray]]


def fit(
    table: Table,
    objective: Objective | None = None,
    *,
    encoders: Mapping[str, Any] | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> Space:
    """Learn one shared space for the columns of a table.

    Args:
        table: at least two columns, and rows that have two of them.
        objective: what "aligned" means; `None` is cross-validated CCA on frozen features.
        encoders: column → encoder, for columns that the default does not suit.
        seed: of everything random; same seed, table and machine, same space.
        progress: called with (column, done, of) while features are computed.

    Returns:
        Space; `space.notes` says what was chosen, and why.

    Raises:
        TableError: fewer than two columns, no row that has two, an unknown column in `encoders`.
        CellError: naming column and row of a cell that cannot be read.

    Example:
        >>> from kuamo.datasets import toy
        >>> fit(toy(rows=300), seed=0).score
        'dot'
    """
    objective = objective or CCA()
    check_table(table, objective)
    ports = open_ports(table, encoders or {})
    cells = {
        port.name: (features(table, port.name, port.encoder, progress=progress), table.column(port.name).row)
        for port in ports
    }
    groups = np.unique(np.asarray(table.groups), return_inverse=True)[1]
    blocks = {port.name: port.encoder.blocks for port in ports if getattr(port.encoder, "blocks", None)}
    with one_thread():
        solved = objective.solve(cells, groups, seed, blocks)  # type: ignore[attr-defined]
    for port in ports:
        port.head = solved.heads[port.name]
    notes = [f"{port.name}: {type(port.encoder).__name__}, {cells[port.name][0].shape[1]} features" for port in ports]
    space = Space(ports, notes=[*notes, solved.note], info={"source": table.source, "rows": len(table), "seed": seed})
    with one_thread():
        add_ridge_decoders(space, cells)
    return space


def check_table(table: Table, objective: Objective) -> None:
    """Refuse a table that no space can come of.

    Raises:
        TableError: in words.
    """
    if len(table.columns) < 2:
        raise TableError(f"given the columns {list(table.columns)}; expected at least two")
    paired = int((table.present().sum(axis=1) >= 2).sum())
    if "pairs" in objective.needs and paired == 0:
        raise TableError(f"given {len(table)} rows, none with two columns present; expected paired rows")


def open_ports(table: Table, encoders: Mapping[str, Any]) -> list[Port]:
    """A port without a head for each column."""
    unknown = set(encoders) - set(table.columns)
    if unknown:
        raise TableError(f"given encoders for {sorted(unknown)}; the table's columns are {list(table.columns)}")
    return [
        Port(name, modality, encoders[name] if name in encoders else default_encoder(name, modality), None)
        for name, modality in table.modalities.items()
    ]


def add_ridge_decoders(space: Space, cells: Packed, penalty: float = 0.1) -> None:
    """p(y | z) in closed form for every port that has no decoder, from the codes of every column of the row."""
    codes = {
        port.name: (np.asarray(run_head(port.head, cells[port.name][0])), cells[port.name][1]) for port in space.ports
    }
    for port in space.ports:
        if port.decoder is not None:
            continue
        y, row_y = cells[port.name]
        port.decoder = solve_ridge(
            ((z[at_z], y[at_y]) for z, row_z in codes.values() for at_z, at_y in [common_entries(row_z, row_y)]),
            penalty,
        )


def common_entries(row_a: np.ndarray, row_b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Entries of a and b that belong to one row: for each entry of b, the first of a in its row."""
    place = np.searchsorted(row_a, row_b)
    place = np.minimum(place, max(len(row_a) - 1, 0))
    same = np.flatnonzero(row_a[place] == row_b) if len(row_a) else np.empty(0, dtype=np.int64)
    return place[same], same
