"""Step: what an objective sees of one batch.

Codes are computed when they are first asked for, and once. `mean` is the only reducer: local sum over global count,
empty gives zero. Noise is drawn for the rows of the whole batch and then picked by row, so that neither the number of
processes nor an absent cell changes what a row gets.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from kuamo.core.errors import KuamoError
from kuamo.core.old_names import old_methods
from kuamo.embedding.decoder import Decoder
from kuamo.embedding.embedding import Embedding
from kuamo.embedding.parts import parts_of_rows
from kuamo.embedding.space import EmbeddingSpace
from kuamo.encoders.base import Encoder
from kuamo.encoders.parts import MOST, pooled_parts
from kuamo.training.batch import Batch, ColumnBatch
from kuamo.training.distributed import gather, gather_rows, rank_and_size, total
from kuamo.training.gradient_cache import Chunks, grad_cache_encode

__all__ = ["Step", "decoder_targets"]


@old_methods(tell="log_column_loss")
@dataclass
class Step:
    """One batch, for one player.

    Args:
        space: being trained. batch: this process's share. key: (seed, step), from which all noise follows.
        targets: column → y (n, L) of the batch's entries, what its decoder should give.
        own: the modules that the objective's `build` made for itself, by player.
        learning: does this player move the space? If not, codes come without a graph.
        frozen: column → does `cells.x` hold features already?
        progress: the share of the fit's steps that are done, in [0, 1): what is annealed follows it, so that a run
            which is resumed anneals as if it had not been stopped.
        counted: how many values `mean` has seen, in all processes.
        shared: do other terms look at the codes too? If not, a term may have only those encoded that it needs.
        column_losses: what a term reports of single columns; `None` where nothing records it.
    """

    space: EmbeddingSpace
    batch: Batch
    key: tuple[int, int]
    targets: Mapping[str, Tensor]
    frozen: Mapping[str, bool]
    own: Mapping[str, Any] = field(default_factory=dict)
    learning: bool = True
    log: dict[str, float] = field(default_factory=dict)
    _codes: dict[str, Embedding] = field(default_factory=dict)
    progress: float = 0.0
    counted: int = 0
    shared: bool = True
    _places: dict[str, Tensor | None] = field(default_factory=dict)
    column_losses: list[tuple[str, Tensor]] | None = None
    _stacked: tuple[Embedding, Tensor] | None = None
    _rows: int | None = None

    @property
    def names(self) -> list[str]:
        """The columns, in the space's order: the same in every process, whatever is absent."""
        return [port.name for port in self.space.ports]

    @property
    def cells(self) -> Mapping[str, ColumnBatch]:
        """Column → Cells."""
        return self.batch.cells

    @property
    def labels(self) -> Tensor:
        """(B,) the label, as a number, of every row of the whole batch; −1 where it has none."""
        return self.marks("label")

    def marks(self, kind: str) -> Tensor:
        """(B,) the `"label"` or `"group"`, as a number, of every row of the whole batch; −1 where it has none."""
        if kind not in self.batch.marks:
            raise KuamoError(f"rows have no {kind}; expected a table with a column `{kind}`")
        return self.batch.marks[kind]

    def keys(self, kind: str = "row") -> Tensor:
        """(B,) a number for every row of the whole batch, equal where entries are positives of each other.

        Entries of one row always are; by label or group, those of rows with the same one are too.
        """
        row = torch.arange(self.batch.size)
        if kind == "row":
            return row
        marks = self.marks(kind)
        return torch.where(marks >= 0, marks, marks.amax() + 1 + row)

    @property
    def alone(self) -> bool:
        """Is this the only process?"""
        return rank_and_size()[1] == 1

    def code(self, name: str) -> Embedding:
        """Codes (n, d) of a column's entries."""
        if name not in self._codes:
            with torch.set_grad_enabled(self.learning):
                self._codes[name] = self._encode(name)
        return self._codes[name]

    def present(self) -> Tensor:
        """(R, M) bool: which columns each of this process's rows has."""
        there = torch.zeros(len(self.batch.row), len(self.names), dtype=torch.bool)
        for number, name in enumerate(self.names):
            place = self.place(name)
            there[slice(None) if place is None else place, number] = True
        return there

    def stacked(self, needed: Tensor | None = None) -> tuple[Embedding, Tensor]:
        """Codes (R, M, d) of this process's rows, several captions averaged, and what is present (R, M).

        Args:
            needed: (R, M) bool, the only codes that will be looked at; where no other term looks at them either, the
                others are not encoded, and are zero.
        """
        present = self.present()
        if needed is not None and not self.shared and not self._codes:
            parts = {name: self._encode_part(name, needed[:, m]) for m, name in enumerate(self.names)}
            return self._stack(present, parts)
        if self._stacked is None:
            self._stacked = self._stack(present, {})
        return self._stacked

    def _stack(self, present: Tensor, parts: Mapping[str, Embedding]) -> tuple[Embedding, Tensor]:
        means, logvars = [], []
        for name in self.names:
            code = parts[name] if name in parts else self.code(name)
            place = self.place(name)
            means.append(code.mean if place is None else _mean_at(code.mean, place, len(present)))
            if code.logvar is not None:
                logvars.append(code.logvar if place is None else _mean_at(code.logvar, place, len(present)))
        pieces = self.pieces() if getattr(self.space.fusion, "reads_parts", False) else None
        return Embedding(torch.stack(means, 1), torch.stack(logvars, 1) if logvars else None, parts=pieces), present

    def pieces(self) -> dict[int, tuple[Tensor, Tensor]]:
        """Number of a column → parts of its cells in each of this process's rows (R, T, D) and which are there."""
        found = {}
        for number, name in enumerate(self.names):
            cells, encoder = self.cells[name], Encoder.adapt(self.space.port(name).encoder)
            if len(cells) == 0:
                continue
            known = cells.pieces
            if known is None and not self.frozen[name] and encoder.part_dim:
                if isinstance(cells.x, Chunks):
                    raise KuamoError(
                        f"column {name!r}: given grad_cache_chunk and a fusion that reads parts; expected one of them"
                    )
                with torch.set_grad_enabled(self.learning):
                    x, mask = encoder.parts(cells.x)
                    known = pooled_parts(x, mask, min(MOST, mask.shape[1]))
            if known is not None:
                place = self.place(name)
                found[number] = known if place is None else parts_of_rows(*known, place, len(self.batch.row))
        return found

    def place(self, name: str) -> Tensor | None:
        """Where the rows of a column's entries stand among this process's rows (n,); `None` if each row has one."""
        if name not in self._places:
            row = self.cells[name].row
            same = len(row) == len(self.batch.row) and torch.equal(row, self.batch.row)
            self._places[name] = None if same else torch.searchsorted(self.batch.row, row)
        return self._places[name]

    def at_entries(self, name: str, by_row: Tensor) -> Tensor:
        """Pick (n, …) for a column's entries from (R, …) for this process's rows."""
        place = self.place(name)
        return by_row if place is None else by_row[place]

    def by_row(self, name: str, values: Tensor) -> Tensor:
        """The inverse of `at_entries`: the mean (R,) of a column's values (n,) in each of this process's rows, or 0."""
        place = self.place(name)
        return values if place is None else _mean_at(values[:, None], place, len(self.batch.row))[:, 0]

    def target(self, name: str) -> Tensor:
        """y (n, L) of a column's entries."""
        return self.targets[name]

    def noise(self, purpose: str, row: Tensor, dim: int) -> Tensor:
        """Standard normal (len(row), dim): a function of (seed, step, purpose, row) alone."""
        return torch.randn((self.batch.size, dim), generator=self._generator(purpose))[row]

    def uniform(self, purpose: str, row: Tensor, dim: int) -> Tensor:
        """Uniform in [0, 1), otherwise as `noise`."""
        return torch.rand((self.batch.size, dim), generator=self._generator(purpose))[row]

    def permutation(self, purpose: str, dim: int) -> Tensor:
        """A permutation (dim,): a function of (seed, step, purpose) alone."""
        return torch.randperm(dim, generator=self._generator(purpose))

    def mean(self, values: Tensor, where: Tensor | None = None) -> Tensor:
        """Sum of this process's values over the count of all processes' values; nothing at all gives 0.

        Every process must call it equally often.

        Args:
            values: (n, …). where: (n,) bool, those that count; all if not given.
        """
        if where is not None and not where.all():  # an index and its gradient cost more than a look
            values = values[where]
        count = total(values.numel())
        self.counted += count
        return values.sum() / max(count, 1)

    def over_rows(self, values: Tensor, where: Tensor | None = None) -> Tensor:
        """Sum of this process's values over the number of all processes' rows that have anything; none at all gives 0.

        So a term that few rows have weighs as much as they are: the mean over rows of what each row has.

        Args:
            values: (R,), of this process's rows, or of some of them. where: (R,) bool, those that count.
        """
        if where is not None and not where.all():
            values = values[where]
        if self._rows is None:
            self._rows = total(int(self.present().any(-1).sum()))
        self.counted += self._rows
        return values.sum() / max(self._rows, 1)

    def log_column_loss(self, name: str, losses: Tensor) -> None:
        """Say how a column does: its own losses (n,), not negative, such as −log of the probability of what is right.

        For learning curves (`training/balance`); it changes no loss, and costs nothing where nobody does.
        """
        if self.column_losses is not None:
            self.column_losses.append((name, losses.detach()))

    def table_rows(self, row: Tensor, most: int = 5) -> str:
        """The table rows of rows (n,) of the whole batch, in words; the first few, if they are many."""
        known = self.batch.table_rows
        rows = sorted({int(i if known is None else known[i]) for i in row.tolist()})
        return ", ".join(map(str, rows[:most])) + (f" and {len(rows) - most} more" if len(rows) > most else "")

    def gather(self) -> dict[str, tuple[Tensor, Tensor]]:
        """Column → codes (n, d) and rows (n,) of its entries in all processes.

        All columns go in one exchange, tied to a parameter: its backward then runs in every process, in the same
        order, even in one where a column or everything is absent.
        """
        if self.alone:
            return {name: (self.code(name).mean, self.cells[name].row) for name in self.names}
        anchor = next(p for module in self.space.modules() for p in module.parameters() if p.requires_grad)
        local = torch.cat([self.code(name).mean for name in self.names]) + 0.0 * anchor.reshape(-1)[0]
        column = torch.cat([torch.full_like(self.cells[name].row, i) for i, name in enumerate(self.names)])
        row = torch.cat([self.cells[name].row for name in self.names])
        codes, columns, rows = gather(local), gather_rows(column), gather_rows(row)
        return {name: (codes[columns == i], rows[columns == i]) for i, name in enumerate(self.names)}

    def _generator(self, purpose: str) -> torch.Generator:
        seed, step = self.key
        return torch.Generator().manual_seed(zlib.crc32(f"{seed}/{step}/{purpose}".encode()))

    def _encode(self, name: str) -> Embedding:
        port, cells = self.space.port(name), self.cells[name]
        if len(cells) == 0:
            empty = torch.zeros(0, self.space.dim)
            return Embedding(empty, empty.clone() if port.head.gaussian else None)
        if isinstance(cells.x, Chunks):
            code = grad_cache_encode([port.encoder, port.head], cells.x)
        else:
            code = port.head(cells.x if self.frozen[name] else port.encoder(cells.x))
        # one sum is enough to see that all is well
        if not torch.isfinite(code.mean.detach().sum()) and not (finite := torch.isfinite(code.mean).all(-1)).all():
            rows = self.table_rows(cells.row[~finite])
            raise KuamoError(f"column {name!r}, rows {rows}: its codes are no longer finite at step {self.key[1]}")
        return code

    def _encode_part(self, name: str, needed: Tensor) -> Embedding:
        """Codes (n, d), of which only those of needed rows are computed, where a batch can be parted."""
        cells = self.cells[name]
        wanted = self.at_entries(name, needed)
        if wanted.all() or not isinstance(cells.x, Tensor):
            return self.code(name)
        at = wanted.nonzero()[:, 0]
        some = ColumnBatch(cells.x.index_select(0, at), cells.row[at])
        code = Step(self.space, replace(self.batch, cells={name: some}), self.key, {}, self.frozen)._encode(name)
        means, logvars = (
            None if part is None else part.new_zeros((len(wanted), self.space.dim)).index_copy(0, at, part)
            for part in (code.mean, code.logvar)
        )
        return Embedding(means, logvars)


def _mean_at(values: Tensor, place: Tensor, rows: int) -> Tensor:
    """(n, d) → (rows, d), the mean of the values at each place; rows without one are zero."""
    out = values.new_zeros((rows, values.shape[1])).index_add(0, place, values)
    count = torch.bincount(place, minlength=rows).clamp(min=1)
    return out / count[:, None]


def decoder_targets(space: EmbeddingSpace, batch: Batch, frozen: Mapping[str, bool]) -> dict[str, Tensor]:
    """What each decoder should give: features of a frozen column, or what its decoder takes of raw values."""
    targets = {}
    for port in space.ports:
        cells = batch.cells[port.name]
        decoder = port.decoder
        if decoder is None:
            continue
        if cells.y is not None:
            targets[port.name] = cells.y
        elif len(cells) == 0:
            targets[port.name] = torch.zeros(0, getattr(decoder, "out", 0))
        elif Decoder.adapt(decoder).target is not None:
            targets[port.name] = torch.cat([decoder.target(part) for part in cells.parts()])
        elif frozen[port.name]:
            targets[port.name] = cells.x
    return targets
