"""Parts of rows: what fusions that read parts of cells see, a block of rows at a time.

entries' parts x (n, T, D), mask (n, T), rows (n,) ──→ x (B, J T, D), mask (B, J T),    J the most cells of a row
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from kuamo.data.table import Table
from kuamo.encoders.base import Encoder
from kuamo.encoders.parts import parts_of_column

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["PartSource", "RowCodes", "part_dims", "parts_of_rows"]


def part_dims(ports: Sequence[Any]) -> dict[str, int]:
    """Column → D of its cells' parts, of those whose encoder has some."""
    found = {port.name: Encoder.adapt(port.encoder).part_dim for port in ports}
    return {name: int(size) for name, size in found.items() if size}


def parts_of_rows(x: Tensor, mask: Tensor, place: Tensor, rows: int) -> tuple[Tensor, Tensor]:
    """Parts (B, J T, D) and mask (B, J T) of rows, of those (n, T, D) of entries at ascending places (n,).

    Example:
        >>> import torch
        >>> x, mask = torch.arange(3.0).reshape(3, 1, 1), torch.ones(3, 1, dtype=torch.bool)
        >>> parts_of_rows(x, mask, torch.tensor([0, 2, 2]), 3)[0][..., 0].tolist()
        [[0.0, 0.0], [0.0, 0.0], [1.0, 2.0]]
    """
    import torch

    count = torch.bincount(place, minlength=rows)
    if len(place) == rows and bool((count == 1).all()):
        return x, mask
    nth = torch.arange(len(place)) - (count.cumsum(0) - count)[place]
    most = max(int(count.max()) if rows else 0, 1)
    out = x.new_zeros((rows, most, *x.shape[1:])).index_put((place, nth), x)
    known = mask.new_zeros((rows, most, mask.shape[1])).index_put((place, nth), mask)
    return out.flatten(1, 2), known.flatten(1)


@dataclass(frozen=True, eq=False)
class PartSource:
    """Where rows' parts come from: they are read when rows are fused, and not held.

    Args:
        table: with the cells. ports: of the space. rows: (B,) the table's rows. cache: keep parts of frozen encoders on
            disk. made: columns whose cells are not the table's: their code is all there is of them.
    """

    table: Table
    ports: Sequence[Any]
    rows: np.ndarray
    cache: bool = True
    made: frozenset[str] = frozenset()

    def __getitem__(self, rows: Any) -> PartSource:
        return replace(self, rows=self.rows[rows])

    def read(self) -> dict[int, tuple[Any, Any]]:
        """Number of a column → x (B, T, D), mask (B, T), as tensors."""
        import torch

        rows, place = np.unique(self.rows, return_inverse=True)
        some, found = self.table.take(rows), {}
        for number, port in enumerate(self.ports):
            there = port.name in self.table.columns and port.name not in self.made
            if there and port.name in part_dims([port]) and len(some.column(port.name).row):
                known = parts_of_column(some, port.name, port.encoder, self.cache)
                row = torch.from_numpy(np.ascontiguousarray(some.column(port.name).row))
                x, mask = parts_of_rows(*known.at(np.arange(len(row))), row, len(rows))
                found[number] = x[torch.from_numpy(place)], mask[torch.from_numpy(place)]
        return found


@dataclass(frozen=True, eq=False)
class RowCodes:
    """Codes of rows' cells; `mean, logvar, present = codes` takes them apart.

    Args:
        mean, logvar: (B, M, d), the latter `None` of points. present: (B, M) bool. parts: where their parts come from,
            of a space whose fusion reads parts.
    """

    mean: np.ndarray
    logvar: np.ndarray | None
    present: np.ndarray
    parts: PartSource | None = None

    def __iter__(self) -> Any:
        return iter((self.mean, self.logvar, self.present))

    def __len__(self) -> int:
        return len(self.mean)

    def __getitem__(self, rows: Any) -> RowCodes:
        logvar = None if self.logvar is None else self.logvar[rows]
        return RowCodes(self.mean[rows], logvar, self.present[rows], self.parts and self.parts[rows])

    def given(self, present: np.ndarray) -> RowCodes:
        """The same rows, of which this is known (B, M)."""
        return replace(self, present=present)

    def with_made(self, number: int, name: str, code: Any) -> RowCodes:
        """The same rows, and a column's cells that were made, by their codes (B, d)."""
        mean, present = self.mean.copy(), self.present.copy()
        mean[:, number], present[:, number] = np.asarray(code.mean), True
        logvar = self.logvar
        if logvar is not None and code.logvar is not None:
            logvar = logvar.copy()
            logvar[:, number] = code.logvar
        parts = self.parts and replace(self.parts, made=self.parts.made | {name})
        return RowCodes(mean, logvar, present, parts)
