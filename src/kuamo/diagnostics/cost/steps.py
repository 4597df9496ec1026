"""The steps of a fit, each tried on a little, in the order in which `fit` will do them.

features    a few cells of each column                          once + cells · each
diagnosis   the same, of all rows where they are at hand, else of few: more are looked at where these are not sure
closed form its own search: of all rows where that is quick     what is left of it for the fit
            else of few rows, real widths                       c₀ + c₁ · Σ operations (`work`)
contrast    a few steps on coordinates as wide as the fit's     once + steps · each, at most
training    a few steps of its own loop                         once + steps · each, and raw cells prepared
decoders    codecs of few rows, a few steps                     linear in rows, + steps · each
ridge       the law of its operations
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from kuamo.closed_form.kernel_pca import ANCHORS, GRAM_ROWS
from kuamo.core.errors import CellError
from kuamo.core.messages import Note
from kuamo.core.profiling import Cost
from kuamo.core.threads import single_threaded_blas
from kuamo.data.table import Table
from kuamo.diagnostics.cost import operation_counts as work
from kuamo.diagnostics.cost.closed_form import KNOWN_DIM, ClosedFormCost, Rows
from kuamo.diagnostics.cost.encoder_timing import MEGABYTE, EncoderTiming, measured_quickly, synthetic_features
from kuamo.diagnostics.cost.result import Step
from kuamo.encoders.standardize import Standardize
from kuamo.metrics.dependence.screening import FEW, screen
from kuamo.objectives import CCA, Objective
from kuamo.training.batch import HELD_BYTES
from kuamo.training.objective import terms_of

__all__ = ["CostModel"]


class CostModel(ClosedFormCost):
    """Every step."""

    # ── features ─────────────────────────────────────────────────────────────────────────────────────────────────

    def features(self, name: str) -> Step:
        """Of one column."""
        found = self.sampled[name]
        cost = found.cost()
        how = Note("forecast_cells", count=found.cells, each=1000 * found.each.cpu, once=found.once.cpu)
        if found.kept and not found.missing:
            how = Note("forecast_known", count=found.entries)
        return Step(
            f"features: {name}", cost.cpu, cost.wall, found.peak(), found.disk, found.stays, how=how
        )  # fmt: skip

    def heeded(self) -> Step:
        """Whether every two columns look related: of all rows as `fit` has it, or of as many as it looks at first."""
        if self.whole is not None:
            with single_threaded_blas(), measured_quickly() as took:
                found = screen(self.whole, self.numbers, self.seed)
            self.aside = found.aside
            return self.looked(took, len(found.relations), min(FEW, len(self.table)))
        rng = np.random.default_rng([self.seed, 5])
        rows = np.sort(rng.permutation(len(self.table))[:FEW])
        cells = {
            name: synthetic_features(self.table, found, rows, self.seed)[:2] for name, found in self.sampled.items()
        }
        group = np.unique(np.asarray(self.table.groups)[rows], return_inverse=True)[1]
        with measured_quickly() as took:
            found = screen(cells, group, self.seed)
        return self.looked(took, len(found.relations), len(rows))

    def looked(self, took: Cost, pairs: int, rows: int) -> Step:
        """The step in which so many pairs were looked at, and kernels of so many rows made."""
        how = Note("forecast_heed", pairs=pairs)
        return Step("diagnosis", took.cpu, took.wall, 16 * 8 * rows**2 / MEGABYTE, how=how)

    # ── what is trained ──────────────────────────────────────────────────────────────────────────────────────────

    def contrast(self) -> Step:
        """From the closed form on: outside one fold in any case, on all rows where that gains."""
        from kuamo.diagnostics.cost.dry_run import dry_run_contrast, rows_in_batch
        from kuamo.fitting.finetuning import training_for

        assert self.solution is not None
        assert isinstance(self.objective, CCA)
        rows = self.core
        widths = {name: self.sampled[name].width for name in rows}
        search, kernel, dim = self.search(self.objective, rows), self.solution.kernel, self.solution.dim
        every = len(self.shared(rows)) if len(rows) == 2 else len(np.unique(np.concatenate(list(rows.values()))))
        seen = every - every // search.folds
        axes = {
            name: min(
                self.sampled[name].rank, work.axes_of(min(len(row), seen), widths[name], kernel, search.components)
            )
            for name, row in rows.items()
        }
        shares = {name: 1.0 if len(rows) == 2 else min(1.0, len(row) / every) for name, row in rows.items()}
        trial, full = training_for(seen), training_for(every)
        batch = rows_in_batch(seen, trial.batch_size)
        found = dry_run_contrast(axes, shares, min(dim, *sorted(axes.values())[-2:]), batch, self.seed)
        beside = self.judged(rows, axes, every // search.folds, dim)
        if self.solution.searched and len(rows) == 2:  # the search would have left the fold's axes
            ranks = {name: self.sampled[name].rank for name in rows}
            beside += work.seconds(
                work.fold_of_two(every, every - seen, widths, kernel, search, 0, ranks)
            )  # fmt: skip
        lines = sum(len(row) * axes[name] for name, row in rows.items()) * 8 / MEGABYTE
        once, more = found.of(trial.steps), found.of(full.steps)
        cpu, wall = beside + once.cpu, beside + once.wall
        extra = Cost(more.cpu - found.once.cpu, more.wall - found.once.wall)
        least, each = trial.steps, 1000 * found.each.cpu
        how = Note("forecast_contrast", least=least, more=full.steps, each=each, cpu=cpu)
        memory = (found.once.memory or 0.0) + 2 * lines
        return Step("contrast", cpu + extra.cpu, wall + extra.wall, memory, stays=lines, least=cpu, how=how)

    def judged(self, rows: Rows, axes: Mapping[str, int], held: int, dim: int) -> float:
        """CPU seconds of making the rehearsal's model and ranking its held-out rows, twice."""
        tally = work.OperationCount(gemm64=sum(len(row) * axes[name] * dim for name, row in rows.items()))
        pairs = len(rows) * (len(rows) - 1) // 2
        tally.add(rank=2 * 2 * pairs * held * held, gemm64=2 * pairs * held * held * dim)
        tally.add(eigh=min(axes.values()) ** 3 if len(rows) == 2 else sum(axes.values()) ** 3)
        return work.seconds(tally)

    def practice_table(self, count: int, needed: list[str]) -> tuple[Table, dict[str, Any]]:
        """So many rows, some of them with two columns, whose cells in the needed columns can be read; and features."""
        rng = np.random.default_rng([self.seed, 3])
        present = self.table.present()
        paired = rng.permutation(np.flatnonzero(present.sum(1) >= 2))[: max(2, count // 8)]
        others = np.setdiff1d(np.flatnonzero(present.any(1)), paired)
        rows = np.sort(np.concatenate([paired, rng.permutation(others)[: max(0, count - len(paired))]]))
        some = self.table.take(rows)
        if self.table.on_error == "skip":
            bad = [int(some.column(name).row[entry]) for name in needed
                   for entry, value in some.attempts(name) if isinstance(value, CellError)]  # fmt: skip
            rows = np.delete(rows, bad)
            some = self.table.take(rows)
        cells = {name: synthetic_features(self.table, found, rows, self.seed)[:2]
                 for name, found in self.sampled.items() if not found.raw}  # fmt: skip
        return some, cells

    def learned(self, objective: Objective) -> Step:
        """The loop of a trained objective."""
        from kuamo.diagnostics.cost.dry_run import dry_run_training, rows_in_batch
        from kuamo.fitting.gradient import usual_training

        training = self.training or usual_training(objective, len(self.table))
        batch = rows_in_batch(len(self.table), training.batch_size)
        raw = [found for found in self.sampled.values() if found.raw]
        some, cells = self.practice_table(batch, [found.port.name for found in raw])
        dim = self.dim or (self.solution.dim if self.solution else KNOWN_DIM)
        found = self.trained = dry_run_training(self.ports, some, cells, objective, dim, training, self.seed)
        cost = found.of(training.steps)
        held = 0.0
        for one in raw:  # each cell is prepared once, as far as all of them may be held
            whole = one.distinct * one.item * MEGABYTE
            share = min(1.0, HELD_BYTES / max(whole, 1.0))
            seen = min(one.distinct, batch * training.steps)
            again = (1 - share) * max(0.0, batch * training.steps * one.entries / max(len(self.table), 1) - seen)
            cost.cpu += (seen + again) * one.ready.cpu
            cost.wall += (seen + again) * one.ready.wall
            held += 2 * min(whole, HELD_BYTES) / MEGABYTE
        how = Note("forecast_steps", steps=training.steps, each=1000 * found.each.cpu)
        return Step("training", cost.cpu, cost.wall, (found.once.memory or 0.0) + held, stays=held, how=how)

    def decoders(self, looped: bool) -> Step:
        """Codecs, targets, and decoders."""
        from kuamo.diagnostics.cost.dry_run import dry_run_decoders, rows_in_batch
        from kuamo.generation.decoder_training import training_steps
        from kuamo.training.config import Training

        rows = len(self.table)
        given = None if looped else self.training
        trains = any(recipe.trains for recipe in self.recipes.values())
        training = given or Training(steps=training_steps(int(0.9 * rows)))
        batch = rows_in_batch(max(1, int(0.9 * rows)), training.batch_size)
        dim = self.dim or (self.solution.dim if self.solution else KNOWN_DIM)
        tries = []
        count = min(rows, max(40, int(batch / 0.9) + 1))
        for few in (min(30, count), count):
            some, cells = self.practice_table(few, [*self.recipes, *self.codecs])
            for name, one in self.sampled.items():
                if one.raw:
                    cells[name] = synthetic_features(self.table, one, self.rows_of(some), self.seed)[:2]
            made, space = dry_run_decoders(
                self.ports, some, cells, self.recipes, self.codecs, dim, training if trains else None, self.seed
            )
            tries.append((len(some), made))
        self.made = space
        steps = training.steps if trains else 0
        cost = tries[-1][1].of(0)
        cost.cpu, cost.wall = (
            work.extrapolated([n for n, _ in tries], [getattr(one.once, kind) for _, one in tries], rows)
            for kind in ("cpu", "wall")
        )
        memory = work.extrapolated([n for n, _ in tries], [max(one.once.memory or 0, 1.0) for _, one in tries], rows)
        each = tries[-1][1].each
        how = Note("forecast_made", steps=steps, each=1000 * each.cpu)
        return Step("decoders", cost.cpu + steps * each.cpu, cost.wall + steps * each.wall, memory, how=how)

    def rows_of(self, some: Table) -> np.ndarray:
        """The numbers that these rows have in the whole table."""
        place = {name: number for number, name in enumerate(self.table.ids)}
        return np.array([place[name] for name in some.ids])

    # ── the rest ─────────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def size(self) -> int:
        """d."""
        heads = [port.head.dim for port in self.ports if port.head is not None]
        return heads[0] if heads else self.dim or (self.solution.dim if self.solution else KNOWN_DIM)

    def ridge(self) -> Step:
        """Ridge decoders of the columns that have none."""
        entries = {name: found.entries for name, found in self.sampled.items()}
        widths = {name: found.width for name, found in self.sampled.items()}
        took = work.seconds(work.ridge_work(entries, widths, self.size).add(self.mapped()))
        memory = 5 * 8 * self.size * max(widths.values(), default=0) / MEGABYTE
        return Step("ridge decoders", took, took, memory, how=Note("forecast_ridge"))

    def mapped(self) -> work.OperationCount:
        """Codes of the columns whose codes the closed form has not given already."""
        tally = work.OperationCount()
        for name, found in self.sampled.items():
            once = len(np.unique(self.table.column(name).row)) == found.entries
            if self.solution is None or once:
                continue
            tally.add(self.coded(found))
        return tally

    def coded(self, found: EncoderTiming) -> work.OperationCount:
        """A head on all of a column's features."""
        if self.solution and self.solution.kernel == "arc-cosine":
            anchors = self.anchors(found)
            return work.OperationCount(
                gemm32=found.entries * anchors * (found.width + self.size), kernel=found.entries * anchors
            )
        return work.OperationCount(gemm32=found.entries * found.width * self.size)

    def anchors(self, found: EncoderTiming) -> int:
        """Of a kernel's head."""
        rows = len(np.unique(self.table.column(found.port.name).row))
        return rows if rows <= GRAM_ROWS else ANCHORS

    def kept(self) -> Step:
        """The space on disk: heads, encoders that were trained, and decoders; of two kernels that it may have, so many
        bytes that the total is √(a · b), as near to the one's as to the other's."""
        kernels, sizes = self.open
        branches = [self.stored(kernel, size) for kernel in kernels for size in sizes]
        rest = sum(found.disk for found in self.sampled.values()) * MEGABYTE + self.listed(self.size)
        ends = [rest + self.stored(kernel, self.size) for kernel in kernels]
        total = float(np.sqrt(min(ends) * max(ends))) - rest
        took = work.seconds(work.OperationCount(hash=2 * total))  # written, and read again for its hash
        return self.after("space", took, total, branches)

    @property
    def open(self) -> tuple[Sequence[str], Sequence[int]]:
        """The kernels and the sizes that the space may have."""
        found = self.solution
        if found is None or self.trained is not None or any(port.head is not None for port in self.ports):
            return [found.kernel if found else ""], [self.size]
        return found.kernels or [found.kernel], found.sizes or [self.size]

    def after(self, name: str, took: float, total: float, branches: Sequence[float]) -> Step:
        """What may be kept after the fit: so many bytes; or of each branch."""
        (least, most), (kernels, sizes) = (min(branches) / MEGABYTE, max(branches) / MEGABYTE), self.open
        how = Note("forecast_after")
        if most > least:
            how = Note("forecast_branches", kernels=[Note(one) for one in kernels], least=min(sizes), most=max(sizes))
        megabytes = total / MEGABYTE
        return Step(name, took, took, 2 * megabytes, megabytes, disks=(least, most), how=how, after=True)

    def stored(self, kernel: str, size: int) -> float:
        """Bytes of a space with this kernel and size."""
        total = 0.0
        for name, found in self.sampled.items():
            if isinstance(found.port.encoder, Standardize):
                total += 16 * found.width
            if self.trained is not None:
                continue
            if kernel == "arc-cosine" and name in self.core:
                total += self.anchors(found) * (4 * found.width + 8 * size) + 16 * found.width
            elif kernel:
                total += 8 * found.width * (size + 1)
            if name not in self.recipes and name not in self.codecs:
                total += 8 * (size + 1) * found.width
        if self.trained is not None:
            total += 4 * self.trained.parameters
            total += sum(8 * (size + 1) * found.width for found in self.sampled.values() if not found.raw)
        if self.made is not None:
            from kuamo.embedding.storage import _arrays

            ports = [self.made.port(name) for name in (*self.recipes, *self.codecs)]
            parts = [part for port in ports for part in (port.codec, port.decoder, port.memory) if part is not None]
            total += sum(array.nbytes for part in parts for array in _arrays(part).values())
        return total

    def index(self) -> Step:
        """An index of the same table."""
        tally = work.OperationCount()
        for found in self.sampled.values():
            tally.add(self.coded(found))
        total = self.listed(self.size)
        read = sum(found.entries * found.read.cpu for found in self.sampled.values())
        took = read + work.seconds(tally.add(hash=total))
        return self.after("index", took, total, [self.listed(size) for size in self.open[1]])

    def listed(self, size: int) -> float:
        """Bytes of an index of codes of this size."""
        from kuamo.data.modalities import Text
        from kuamo.index.rows import TEXT_LENGTH, padded

        rows, total = len(self.table), 0.0
        for name, found in self.sampled.items():
            total += 4 * rows * padded(size)
            if isinstance(found.port.modality, Text):
                some = [str(self.table.column(name).raw(int(entry)))[:TEXT_LENGTH] for entry in found.at[:32]]
                total += rows * float(np.mean([len(text.encode()) for text in some] or [0]))
        return total + (rows * sum(len(str(value)) + 4 for value in self.marks()) if rows else 0)

    def marks(self) -> list[Any]:
        """What an index keeps of a row beside its codes and texts: of the first row, for its size."""
        table = self.table
        labels = [] if table.labels is None else [table.labels[0]]
        return [table.ids[0], table.groups[0], *labels, *(cells[0] for cells in table.meta.values())]

    def closes(self) -> bool:
        """Does a trained objective begin at a closed form?"""
        assert self.objective is not None
        needs = frozenset().union(*(term.needs for _, term in terms_of(self.objective)))
        started = any(port.head is not None for port in self.ports)
        frozen = not any(found.raw for found in self.sampled.values())
        return not started and "gaussian" not in needs and bool(needs & {"pairs", "labels", "groups"}) and frozen
