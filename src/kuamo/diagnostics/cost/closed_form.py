"""The closed form, searched on all rows where that is quick, else tried on few.

    all rows    the fit's own search, which is kept for the fit: measured is what is left to do
    few rows    its search with fewer folds, on features as wide as the fit's
                seconds = c₀ + c₁ · Σ operations        c₀, c₁ ≥ 0 from two tries; operations of all rows by `work`

How long it takes hardly depends on what the rows say. What is stored does: a kernel's head has an anchor for each row,
a linear one has none. Where few rows do not tell which of them all rows will choose (`undecided`), both are told.
They are tried with every ridge: with one alone the kernel won whose own best ridge was nearer to it (a toy of 5,000
rows: with .3 the kernel, with the best of .1, .3 and 1, as with all rows, the linear one).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from kuamo.closed_form import SearchSpace, search_cca
from kuamo.closed_form.gcca_search import VIEWS, search_gcca
from kuamo.closed_form.kernel_pca import Kernel
from kuamo.core.arrays import factorize, row_means
from kuamo.core.memo import memo_disabled
from kuamo.core.messages import Note
from kuamo.core.profiling import measure_cost
from kuamo.core.threads import single_threaded_blas
from kuamo.core.types import Packed
from kuamo.data.table import Table
from kuamo.diagnostics.cost import operation_counts as work
from kuamo.diagnostics.cost.encoder_timing import EncoderTiming, synthetic_features
from kuamo.diagnostics.cost.result import Step
from kuamo.embedding.space import Tower
from kuamo.fitting.rare_columns import rare_columns
from kuamo.generation.recipes import Recipe
from kuamo.objectives import CCA, Objective
from kuamo.objectives.cca import standardise

__all__ = ["ClosedFormCost", "Solution"]

SIZES = (640, 480, 320, 240, 160, 96)  # rows on which a closed form is tried at most
SPENT = 0.8  # CPU seconds of such a try, about
SIZED, GALLERY = 1.6, 700  # CPU seconds of a search of the linear kernel at most, by its law; rows ranked in a fold
QUICK = 5.0  # CPU seconds of a search of all rows at most, by its law
KNOWN_DIM = 64  # of trained objectives without a closed form: `warm.DIM`, which would load torch
Rows = dict[str, np.ndarray]


@dataclass
class Solution:
    """What trying the closed form told.

    Args:
        kernel, dim: what is chosen; where the rows were no real ones, the dearest kernel and a likely size.
        rows: tried at most. kernels: that all rows may choose. sizes: that they may choose. searched: were all rows?
    """

    kernel: str
    dim: int
    rows: int = 0
    kernels: Sequence[str] = ()
    sizes: Sequence[int] = ()
    searched: bool = False


@dataclass(eq=False)
class ClosedFormCost:
    """A table, and what a fit will do with it.

    Args:
        table, objective, recipes, codecs, training, dim, seed: as `fit` has them. sampled: of every column.
        ports: as `fit` opens them; heads only where it goes on from a space.
    """

    table: Table
    ports: list[Tower]
    sampled: dict[str, EncoderTiming]
    objective: Objective | None
    recipes: dict[str, Recipe]
    codecs: dict[str, Any]
    training: Any
    dim: int | None
    seed: int
    solution: Solution | None = None
    trained: Any = None
    made: Any = None
    aside: list[str] = field(default_factory=list)

    # ── the closed form ──────────────────────────────────────────────────────────────────────────────────────────

    @cached_property
    def rows(self) -> Rows:
        """Column → the rows that it has, of columns with an encoder that is not trained."""
        return {name: np.unique(self.table.column(name).row) for name, found in self.sampled.items() if not found.raw}

    @cached_property
    def core(self) -> Rows:
        """The same of columns that do not join late."""
        late = rare_columns({name: (np.zeros((0, 0)), row) for name, row in self.rows.items()})
        return {name: row for name, row in self.rows.items() if name not in (*late, *self.aside)}

    @cached_property
    def numbers(self) -> np.ndarray:
        """The number of each row's group (N,)."""
        return np.unique(np.asarray(self.table.groups), return_inverse=True)[1]

    @cached_property
    def groups(self) -> np.ndarray | None:
        """The same, where some rows share one."""
        return self.numbers if self.numbers.max(initial=0) + 1 < len(self.numbers) else None

    @cached_property
    def whole(self) -> Packed | None:
        """Features of all rows, packed as `fit` does it, where they are at hand and quickly searched."""
        if not isinstance(self.objective, CCA) or len(self.rows) < len(self.sampled):
            return None
        widths = {name: found.width for name, found in self.sampled.items()}
        ranks = {name: found.rank for name, found in self.sampled.items()}
        tally = work.closed_work(self.rows, widths, self.search(self.objective, self.rows), self.groups, self.seed,
                                 ranks=ranks)  # fmt: skip
        if work.seconds(tally) > QUICK or not all(found.at_hand for found in self.sampled.values()):
            return None
        every = np.arange(len(self.table))
        cells = {name: synthetic_features(self.table, found, every, self.seed) for name, found in self.sampled.items()}
        return (
            {name: (x, row) for name, (x, row, _) in cells.items()} if all(one[2] for one in cells.values()) else None
        )

    def search(self, objective: CCA, rows: Rows) -> SearchSpace:
        """The search of a `CCA`, as it would search these rows."""
        groups = np.arange(len(self.table)) if self.groups is None else self.groups
        if len(rows) == 2:
            one, other = rows.values()
            common = np.intersect1d(one, other)
            most = min(self.sampled[name].width for name in rows)
            folds = max(2, min(objective.folds, len(np.unique(groups[common])), len(common) // 2))
            sizes = {} if objective.dim is None else {"dims": (min(objective.dim, most),)}
            return SearchSpace(kernels=objective.kernels, folds=folds, **sizes)  # type: ignore[arg-type]
        folds = max(2, min(objective.folds, len(np.unique(groups))))
        dims = VIEWS.dims if objective.dim is None else (objective.dim,)
        return replace(VIEWS, kernels=objective.kernels, folds=folds, dims=dims)

    def closed(self, objective: Objective) -> Step:
        """Of the closed form: its search on all rows, or on few with fewer folds, then all of it by its law."""
        if not isinstance(objective, CCA):
            return self.other_closed(objective)
        if objective is self.objective and self.whole is not None:
            return self.searched(objective, self.whole)
        rows = self.core
        widths = {name: self.sampled[name].width for name in rows}
        ranks = {name: self.sampled[name].rank for name in rows}
        search = self.search(objective, rows)
        thin = replace(search, widen=False, methods=(), ranked=1)
        works, costs, megabytes, peaks = [], [], [], []
        for count in self.few_rows(rows, widths, thin):
            some, groups, cells, real = self.drawn(rows, count)
            with single_threaded_blas(), measure_cost() as cost:
                kernel, dim, open_kernels = self.tried(cells, thin, groups)
            works.append(work.seconds(work.closed_work(some, widths, thin, groups, self.seed, kernel, ranks)))
            costs.append(cost)
            megabytes.append(work.closed_bytes(some, widths, thin)[0])
            peaks.append(max(cost.memory or 0.0, 1.0))
        if not real:
            kernel, dim = search.kernels[-1], self.likely(rows, widths, search)
            open_kernels = list(search.kernels)
        if real and len(search.dims) > 1:
            dim = self.sized(rows, widths, search, count) or dim
        sizes = work.sizes_of(search, self.axes(rows, widths, search)[-2])
        self.solution = Solution(kernel, dim, count, open_kernels, beside(dim, sizes) if real else sizes)
        tallies = [work.closed_work(rows, widths, search, self.groups, self.seed, one, ranks) for one in open_kernels]
        whole = [work.seconds(tally.add(self.joined(dim))) for tally in tallies]
        cpu, wall = (work.extrapolated(works, [getattr(one, kind) for one in costs], max(whole))
                     for kind in ("cpu", "wall"))  # fmt: skip
        least = work.extrapolated(works, [one.cpu for one in costs], min(whole))
        most, kept = work.closed_bytes(rows, widths, search)
        memory = most + max(0.0, float(np.mean(np.subtract(peaks, megabytes))))  # buffers that do not grow with rows
        how = Note("forecast_closed", few=count)
        return Step("closed form", cpu, wall, memory, stays=kept * memory / max(most, 1e-9), least=least, how=how)

    def searched(self, objective: CCA, cells: Packed) -> Step:
        """The fit's own search of all rows, which is kept; then once more, as the fit will do it with what is kept."""
        core = {name: cells[name] for name in self.core}
        blocks = {name: self.sampled[name].port.encoder.blocks for name in core
                  if getattr(self.sampled[name].port.encoder, "blocks", None)}  # fmt: skip
        with single_threaded_blas(), memo_disabled(False):
            objective.solve(core, self.numbers, self.seed, blocks)
            with measure_cost() as cost:
                solved = objective.solve(core, self.numbers, self.seed, blocks)
        kernel = solved.note.values["kernel"].key
        head = next(iter(solved.heads.values()))
        self.solution = Solution(kernel, head.dim, len(self.table), [kernel], [head.dim], searched=True)
        late = work.seconds(self.joined(head.dim))
        widths = {name: self.sampled[name].width for name in core}
        one = replace(self.search(objective, self.core), kernels=(kernel,))
        most, kept = work.closed_bytes(self.core, widths, one)
        memory = max(cost.memory or 0.0, 1.0)
        stays, how = kept * min(1.0, memory / max(most, 1e-9)), Note("forecast_searched")
        return Step("closed form", cost.cpu + late, cost.wall + late, memory, stays=stays, how=how)

    def sized(self, rows: Rows, widths: Mapping[str, int], search: SearchSpace, tried: int) -> int | None:
        """The size that the linear kernel chooses of as many more rows than were tried as are quick, if any are.

        Few rows tell a size badly: of scores that hardly differ, the best is anyone's. Of all rows it is the fit's,
        if the linear kernel is; but for folds of more than `GALLERY` rows, of which so many are ranked.
        """
        linear = replace(search, kernels=("linear",), gallery=GALLERY)
        every = len(self.shared(rows))
        counts = [every // part for part in (1, 2, 4, 8, 16) if every // part > tried]
        count = next((n for n in counts if self.quick(rows, widths, linear, n, SIZED)), None)
        if count is None or "linear" not in search.kernels:
            return None
        _, groups, cells, real = self.drawn(rows, count)
        with single_threaded_blas():
            return self.tried(cells, linear, groups)[1] if real else None

    def few_rows(self, rows: Rows, widths: Mapping[str, int], thin: SearchSpace) -> list[int]:
        """How many rows to try, the fewer first: at most half of all, and not for long."""
        every = len(self.shared(rows))
        half = max(12, every // 2)
        tries = [min(half, size) for size in SIZES]
        count = next((n for n in tries if self.quick(rows, widths, thin, n)), tries[-1])
        return [max(8, int(0.4 * count)), count]

    def quick(
        self, rows: Rows, widths: Mapping[str, int], thin: SearchSpace, count: int, spent: float | None = None
    ) -> bool:
        """Would so many rows be tried within the time that there is for it?"""
        some = {name: np.arange(count) for name in rows}
        return work.seconds(work.closed_work(some, widths, thin, None, self.seed)) <= (spent or SPENT)

    def shared(self, rows: Rows) -> np.ndarray:
        """Rows that two of these columns have at least."""
        found, count = np.unique(np.concatenate(list(rows.values())), return_counts=True)
        return found[count >= min(2, len(rows))]

    def drawn(self, rows: Rows, count: int) -> tuple[Rows, np.ndarray | None, dict[str, Any], bool]:
        """So many rows at random: the rows that each column has of them, groups, features, and are those all real?"""
        chosen = np.sort(np.random.default_rng(self.seed).permutation(self.shared(rows))[:count])
        cells, some, real = {}, {}, True
        for name in rows:
            x, row, true = synthetic_features(self.table, self.sampled[name], chosen, self.seed)
            there = np.unique(row)
            scaled = standardise(x, getattr(self.sampled[name].port.encoder, "blocks", None))(x)
            cells[name], some[name], real = (row_means(scaled, row, there), there), there, real and true
        groups = None
        if self.groups is not None:
            groups = np.unique(self.groups[chosen], return_inverse=True)[1]
            groups = groups if groups.max() + 1 >= self.folds_at_least(groups) else None
        return some, groups, cells, real

    def folds_at_least(self, groups: np.ndarray) -> int:
        """So many groups there must be, to be dealt into folds."""
        return min(6, len(groups))

    def tried(self, cells: Packed, thin: SearchSpace, groups: np.ndarray | None) -> tuple[Kernel, int, list[Kernel]]:
        """Choose among few rows; which kernel and size, and the kernels that all rows may choose."""
        if len(cells) > 2:
            found = search_gcca(cells, thin, seed=self.seed, groups=groups)
            return found.best.kernel, found.best.dim, undecided(found.kernels, found.gallery)
        (x, row_x), (y, row_y) = cells.values()
        both = np.intersect1d(row_x, row_y)
        x, y = x[np.searchsorted(row_x, both)], y[np.searchsorted(row_y, both)]
        folds = max(2, min(thin.folds, len(both) // 2))
        labels = None if groups is None else groups[both]
        chosen = search_cca(x, y, replace(thin, folds=folds), seed=self.seed, groups=labels)
        return chosen.best.kernel, chosen.best.dim, undecided(chosen.kernels, chosen.gallery)

    def likely(self, rows: Rows, widths: Mapping[str, int], search: SearchSpace) -> int:
        """A size that nothing real was there to choose: the largest but one, within a factor of two of both sides."""
        return work.sizes_of(search, self.axes(rows, widths, search)[-2])[-2:][0]

    def axes(self, rows: Rows, widths: Mapping[str, int], search: SearchSpace) -> list[int]:
        """How many axes each column has at most, ascending."""
        return sorted(
            min(self.sampled[name].rank, work.axes_of(len(rows[name]), width, search.kernels[-1], search.components))
            for name, width in widths.items()
        )

    def joined(self, dim: int) -> work.OperationCount:
        """Of the columns that join late."""
        tally = work.OperationCount()
        for name in self.rows:
            if name not in self.core:
                tally.add(self.late_work(name, self.core, dim))
        return tally

    def late_work(self, name: str, rows: Rows, dim: int) -> work.OperationCount:
        """Of a column that joins late: regression onto the others' codes."""
        own = self.rows[name]
        there = {name: own, "codes": np.intersect1d(own, np.concatenate(list(rows.values())))}
        search = SearchSpace(kernels=("linear",), folds=max(2, min(6, len(there["codes"]) // 2)))
        return work.closed_work(there, {name: self.sampled[name].width, "codes": dim}, search, None, self.seed)

    def other_closed(self, objective: Objective) -> Step:
        """Of a closed form whose law is not known here: anchors up to 2,500, each row against each of them."""
        every = len(self.table)
        widths = sum(self.sampled[name].width for name in self.rows)

        def law(n: int) -> float:
            anchors = min(n, 2500)
            return work.seconds(
                work.OperationCount(eigh=anchors**3, gemm32=n * anchors * (widths + anchors), kernel=n * anchors)
            )

        works, costs, peaks, dim = [], [], [], KNOWN_DIM
        for count in (max(8, every // 5), max(12, every // 2)):
            rows = np.sort(np.random.default_rng(self.seed).permutation(every)[: min(count, SIZES[0])])
            cells = {
                name: synthetic_features(self.table, self.sampled[name], rows, self.seed)[:2] for name in self.rows
            }
            labels = {"labels": factorize(self.table.labels or ())[rows]} if "labels" in objective.needs else {}
            groups = np.arange(len(rows))
            with single_threaded_blas(), measure_cost() as cost:
                solved = objective.solve(cells, groups, self.seed, {}, **labels)  # type: ignore[attr-defined]
            dim = next(iter(solved.heads.values())).dim
            works.append(law(len(rows)))
            costs.append(cost)
            peaks.append(max(cost.memory or 0.0, 1.0))
        self.solution = Solution("arc-cosine", dim, len(rows))
        cpu, wall = (
            work.extrapolated(works, [getattr(c, kind) for c in costs], law(every)) for kind in ("cpu", "wall")
        )
        memory = peaks[-1] * max(1.0, every * min(every, 2500) / (len(rows) * min(len(rows), 2500)))
        return Step("closed form", cpu, wall, memory, how=Note("forecast_closed", few=len(rows)))


def undecided(scores: Mapping[Kernel, float], ranked: float) -> list[Kernel]:
    """The kernels that more rows may choose: the best, and those less than two standard errors behind it.

    The error of a mean s of m reciprocal ranks is at most √(s (1 − s) / m), since they lie between 0 and 1.

    Args:
        scores: kernel → s. ranked: m.

    Example:
        >>> undecided({"linear": 0.98, "arc-cosine": 0.96}, 100), undecided({"linear": 0.98, "arc-cosine": 0.8}, 100)
        (['linear', 'arc-cosine'], ['linear'])
    """
    best = max(scores, key=lambda kernel: scores[kernel])

    def error(kernel: Kernel) -> float:
        spread = sum(scores[one] * (1 - scores[one]) for one in (best, kernel))
        return float(np.sqrt(max(spread, 0.0) / max(ranked, 1.0)))

    return [kernel for kernel in scores if scores[best] - scores[kernel] <= 2 * error(kernel)]


def beside(size: int, sizes: Sequence[int]) -> list[int]:
    """A size, and those of the sizes that are next to it: more rows may choose them instead.

    Example:
        >>> beside(32, [16, 32, 64, 128]), beside(10, [16, 32])
        ([16, 32, 64], [10, 16])
    """
    place = int(np.searchsorted(sizes, size))
    found = place < len(sizes) and sizes[place] == size
    return sorted({size, *sizes[max(0, place - 1) : place + 1 + found]})
