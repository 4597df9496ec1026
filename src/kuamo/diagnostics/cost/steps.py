"""The steps of a fit, from a fit of few rows: each carried over to all n of them by how it grows.

    features        once + cells · each                 of cells that have to be encoded
    closed form     1 + min(n, G)² / T² + max(n − G, 0) / R     G = 4096 rows, above which there are no Gram matrices
    diagnosis       1                                   it looks at few rows
    loops           loading + n · what is around them + iterations · each
    all others      n;  memory n^0.8

Two trials: one of very few rows, which pays for what is loaded, then one of as many as is quick. Where features are at
hand and rows few, all rows are searched, and then fitted: what the search found is kept, and the fit need not search
again. T and R were chosen by fits of 640 to 10,000 rows: powers of n fitted to two trials of a few hundred rows were
further off, since there the part that grows with n² is less than the noise (benchmarks/RESULTS.md).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from kuamo.closed_form.kernel_pca import ANCHORS, GRAM_ROWS
from kuamo.core.messages import Note
from kuamo.core.profiling import Cost, LoopCost
from kuamo.data.modalities import Text
from kuamo.data.table import Table
from kuamo.diagnostics.cost.encoder_timing import MEGABYTE, EncoderTiming
from kuamo.diagnostics.cost.result import StepCost
from kuamo.diagnostics.cost.trial import TrialRun
from kuamo.embedding.embedding import ClosedFormHead
from kuamo.embedding.storage import _arrays
from kuamo.fitting.finetuning import training_for
from kuamo.fitting.pipeline import Arguments
from kuamo.generation.decoders.ridge import RidgeDecoder
from kuamo.index.rows import TEXT_LENGTH, padded_codes
from kuamo.objectives import CCA, Objective

__all__ = ["CostModel", "closed_form_growth"]

TURN = (2000, 1400)  # T of two columns, and of more: rows at which what grows with n² takes as long as the rest
ROWS = (410, 1960)  # R of the same: rows above G that take as long as the rest
MEMORY = 0.8  # the power of n that memory grows with: of its peak a part is of fixed size
STAYS = 0.5  # share of a closed form's memory that contrast goes on from
LOOPS = ("contrast", "training", "decoders")
DIMS = (16, 32, 64, 128, 256, 512)
WRITTEN = 200.0  # MB a second, written and hashed, about


def closed_form_growth(rows: int, columns: int = 2) -> float:
    """How the seconds of a closed form grow: with squared rows up to those of a Gram matrix, then linearly.

    Example:
        >>> [round(closed_form_growth(n), 1) for n in (100, 2000, 10_000)]
        [1.0, 2.0, 19.6]
    """
    several = columns > 2
    return 1 + (min(rows, GRAM_ROWS) / TURN[several]) ** 2 + max(0, rows - GRAM_ROWS) / ROWS[several]


@dataclass(eq=False)
class CostModel:
    """A table, and fits of some of its rows.

    Args:
        table, given: as `fit` has them. timed: column → what encoding takes, of those that a fit encodes.
        widths: column → D, of those whose encoder is not trained.
        first, last: trials. searched: was the last one of all rows, after their search was kept?
    """

    table: Table
    given: Arguments
    timed: Mapping[str, EncoderTiming]
    widths: Mapping[str, int]
    first: TrialRun
    last: TrialRun
    searched: bool = False

    @cached_property
    def rows(self) -> int:
        """n."""
        return len(self.table)

    @property
    def growth(self) -> float:
        """How many times as many rows there are than were tried."""
        return self.rows / self.last.rows

    @property
    def objective(self) -> Objective | None:
        """What is aligned by; what `fit` takes where none is given."""
        return CCA() if self.given.objective is None and self.given.init is None else self.given.objective

    def closed_form(self, rows: int) -> float:
        """How the seconds of the closed form of so many rows compare with those of others."""
        return closed_form_growth(rows, len(self.table.columns))

    def steps(self) -> list[StepCost]:
        """In the order in which `fit` does them, and what may be kept afterwards."""
        return [*map(self.step, self.last.steps), self.kept(), self.listed()]

    def step(self, name: str) -> StepCost:
        """One step of the fit."""
        column = name.removeprefix("features: ")
        if column != name and column in self.timed:
            return self.encoded(name, self.timed[column])
        if name in LOOPS and name in self.last.loops:
            return self.looped(name)
        cost, left = self.last.steps[name], self.last.loops.get(name, LoopCost()).left
        seconds, memory, stays = self.growth, self.growth**MEMORY * (cost.memory or 0.0), 0.0
        how = Note("forecast_trial", few=self.last.rows)
        if name == "closed form":
            seconds = self.closed_form(self.rows) / self.closed_form(self.last.rows)
            stays = STAYS * memory
            how = Note("forecast_searched") if self.searched and isinstance(self.objective, CCA) else how
        if name == "diagnosis":
            seconds, memory = 1.0, cost.memory or 0.0
        if column in self.widths and column != name:
            stays = 4 * self.widths[column] * len(self.table.column(column).row) / MEGABYTE
            memory = (cost.memory or 0.0) + 2 * stays
        return StepCost(
            name, seconds * (cost.cpu + left.cpu), seconds * (cost.wall + left.wall), memory, stays=stays, how=how
        )

    def encoded(self, name: str, found: EncoderTiming) -> StepCost:
        """Features that a fit encodes."""
        cost = found.cost
        how = Note("forecast_cells", count=found.missing, each=1000 * found.each.cpu, once=found.once.cpu)
        stays = found.working + found.features
        return StepCost(name, cost.cpu, cost.wall, cost.memory or 0.0, found.disk, stays, how=how)

    def looped(self, name: str) -> StepCost:
        """A step whose seconds are those of a loop: what was loaded for it, what is around it, and its iterations."""
        around, before, loop = self.last.outside(name), self.first.outside(name), self.last.loops[name]
        trial, more, wider = self.iterations(name, loop)
        once = Cost(*(self.growth * getattr(around, kind) + max(0.0, getattr(before, kind) - getattr(around, kind))
                      for kind in ("cpu", "wall")))  # fmt: skip
        each = Cost(wider * loop.each.cpu, wider * loop.each.wall)
        least = once.cpu + trial * each.cpu
        memory = max(self.growth**MEMORY * (around.memory or 0.0), before.memory or 0.0)
        if more:
            how = Note("forecast_contrast", least=trial, more=more, each=1000 * each.cpu, cpu=least)
        else:
            key = "forecast_steps" if name == "training" else "forecast_made"
            how = Note(key, steps=trial, each=1000 * each.cpu)
        cpu, wall = least + more * each.cpu, once.wall + (trial + more) * each.wall
        return StepCost(name, cpu, wall, memory, least=least if more else None, how=how)

    def iterations(self, name: str, loop: LoopCost) -> tuple[int, int, float]:
        """How many iterations there are in any case, how many more where held-out rows gain, and by how much longer
        each takes than in the trial."""
        if name != "contrast":
            return self.given.training.steps if self.given.training else loop.steps, 0, 1.0
        full, few = training_for(self.rows), training_for(self.last.rows)
        return training_for(self.rows * 5 // 6).steps, full.steps, full.batch_size / few.batch_size

    @property
    def each(self) -> Cost:
        """A step of the training."""
        return self.last.loops["training"].each

    # ── what may be kept ─────────────────────────────────────────────────────────────────────────────────────────

    @property
    def size(self) -> int:
        """d."""
        return self.last.space.dim

    @cached_property
    def choices(self) -> tuple[Sequence[str], Sequence[int]]:
        """Kernels and sizes that more rows may choose."""
        solved = [port.head for port in self.last.space.ports if isinstance(port.head, ClosedFormHead)]
        if not solved or not isinstance(self.objective, CCA) or self.searched:
            return [""], [self.size]
        place = int(np.searchsorted(DIMS, self.size))
        sizes = {self.size, *DIMS[max(0, place - 1) : place + 2]}
        return list(self.objective.kernels), [self.size] if self.objective.dim or self.given.dim else sorted(sizes)

    def kept(self) -> StepCost:
        """The space on disk; of two kernels that it may have, so many bytes that the total is as near to both."""
        kernels, sizes = self.choices
        branches = [self.stored(kernel, size) for kernel in kernels for size in sizes]
        rest = sum(found.disk for found in self.timed.values()) * MEGABYTE + self.indexed(self.size)
        ends = [rest + self.stored(kernel, self.size) for kernel in kernels]
        return self.after("space", float(np.sqrt(min(ends) * max(ends))) - rest, branches)

    def listed(self) -> StepCost:
        """An index of the same table."""
        return self.after("index", self.indexed(self.size), [self.indexed(size) for size in self.choices[1]])

    def after(self, name: str, total: float, branches: Sequence[float]) -> StepCost:
        """What may be kept after the fit: so many bytes; or of each branch."""
        (least, most), (kernels, sizes) = (min(branches) / MEGABYTE, max(branches) / MEGABYTE), self.choices
        how = Note("forecast_after")
        if most > least:
            how = Note("forecast_branches", kernels=[Note(one) for one in kernels], least=min(sizes), most=max(sizes))
        megabytes = total / MEGABYTE
        seconds = megabytes / WRITTEN
        return StepCost(name, seconds, seconds, 2 * megabytes, megabytes, disks=(least, most), how=how, after=True)

    def stored(self, kernel: str, size: int) -> float:
        """Bytes of a space with this kernel ("" as in the trial) and size: its arrays, those of heads and of ridge
        decoders by their law, memories as rows."""
        total = 0.0
        for port in self.last.space.ports:
            for role, part in port.parts().items():
                own = float(sum(array.nbytes for array in _arrays(part).values()))
                if role == "head" and kernel:
                    own = self.head_bytes(port.name, kernel, size)
                elif isinstance(part, RidgeDecoder):
                    own *= (size + 1) / (self.size + 1)
                elif role == "memory":
                    own *= self.growth
                elif role == "hubness":  # a megabyte or two, and only all folds say whether it is kept
                    own = 0.0
                total += own
        return total

    def head_bytes(self, name: str, kernel: str, size: int) -> float:
        """Of a closed form's head: of a kernel, its anchors and their weights."""
        rows = len(np.unique(self.table.column(name).row))
        width = self.widths[name]
        if kernel == "linear":
            return 8 * width * (size + 1)
        return (rows if rows <= GRAM_ROWS else ANCHORS) * (4 * width + 8 * size) + 16 * width

    def indexed(self, size: int) -> float:
        """Bytes of an index of codes of this size."""
        total = 4.0 * self.rows * padded_codes(size) * len(self.last.space.ports)
        for column in self.table.columns.values():
            if isinstance(column.modality, Text):
                some = [str(column.raw(entry))[:TEXT_LENGTH] for entry in range(min(32, len(column.row)))]
                total += self.rows * float(np.mean([len(text.encode()) for text in some] or [0]))
        return total + (self.rows * sum(len(str(value)) + 4 for value in self.marks()) if self.rows else 0)

    def marks(self) -> list[Any]:
        """What an index keeps of a row beside its codes and texts: of the first row, for its size."""
        table = self.table
        labels = [] if table.labels is None else [table.labels[0]]
        return [table.ids[0], table.groups[0], *labels, *(cells[0] for cells in table.meta.values())]
