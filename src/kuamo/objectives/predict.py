"""Predict: a class or a number from any subset of the other columns; a label is one more modality.

    L = ℓ(y | f(z_S)) + ℓ(y | f(z_y)) + mean_m e_m + mean_{m, held} (e_m exp(−v_m) + v_m)
    told:  α_n f + β_n j,     (α_n, β_n) = argmin ℓ_held(y | α f + β j)  for n = 1, 2, … columns

f is the target's decoder, S a random subset of what the row has, z_S what `kuamo.trust` makes of it: e_m the loss of
column m by itself, v_m its doubt. Beside f, which is learned, stands j, a regression on all frozen columns side by side
(`kuamo.joint`); α and β stack the two, and calibrate what comes out.
In a share of the rows a cell is mixed with noise, to any degree: what a bad cell looks like is learned, and that others
are to be trusted then. Of columns with a frozen encoder many of these cells were spoiled before it saw them
(`kuamo.spoiling`), the others are features with noise. Doubts are learned on groups of rows that are held out of all
the rest. When the last part of the training begins they are solved where a column is frozen (`kuamo.doubting`), then α
and β, and all stay; from there the others teach too, but half, by which α and β are solved once more in the end
(`kuamo.stacking`); then j is solved again, of all rows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from kuamo.cells import Cells
from kuamo.checks import is_number
from kuamo.distributed import gather_rows
from kuamo.errors import KuamoError, TableError
from kuamo.modalities import Category, Number
from kuamo.notes import Note
from kuamo.objectives.base import Objective, Player
from kuamo.objectives.elbo import drawn

if TYPE_CHECKING:
    from kuamo.space import Port, Space
    from kuamo.step import Step
    from kuamo.table import Table

__all__ = ["Predict", "noised"]

Packed = Mapping[str, tuple[np.ndarray, np.ndarray]]
WHOLE = 0.5  # of the rows are told by all that they have
JUDGES = 0.7  # of the groups that are held out never teach f: by them it is solved in the end how sure it is
GOLDEN = (
    2654435761  # a number's multiples by it lie all over 2³²: which groups are held out follows from the group alone
)


@dataclass(frozen=True)
class Predict(Objective):
    """Learn to tell a column of classes or numbers from whatever else a row has.

    Args:
        to: the column, `Category()` or `Number()`. noise: share of the rows of which a cell is mixed with noise.
        held: share of the groups by which doubts are learned. last: share of the steps in which all rows teach.
        balanced: does every class count the same, however rare?
        weights: (N,) how much each row of the table counts, above 0; all the same if not given.

    Raises:
        KuamoError: shares outside [0, 1), or weights that are not above 0. TableError: a column of another kind.

    References:
        Missing modalities by random subsets: ModDrop, Neverova et al., 2016.

    Example:
        >>> Predict("species").to
        'species'
    """

    needs: ClassVar[frozenset[str]] = frozenset({"decoders"})
    to: str = "label"
    noise: float = 0.7
    held: float = 0.2
    last: float = 0.3
    balanced: bool = False
    weights: Any = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        if self.weights is not None:
            weights = np.asarray(self.weights, np.float64)
            if weights.ndim != 1 or not (np.isfinite(weights) & (weights > 0)).all():
                raise KuamoError(f"given weights of shape {weights.shape}; expected (N,), finite and above 0")
            object.__setattr__(self, "weights", weights / weights.mean())
        if not all(is_number(share, 0) and share < 1 for share in (self.noise, self.held, self.last)):
            raise KuamoError(f"given {self}; expected shares in [0, 1)")
        if not isinstance(self.to, str) or not isinstance(self.balanced, bool | np.bool_):
            raise KuamoError(f"given {self}; expected the name of a column, and balanced=True or False")

    def decodes(self, column: str) -> bool:
        """The target's decoder alone."""
        return column == self.to

    # ── what it makes ────────────────────────────────────────────────────────────────────────────────────────────

    def joint(self, space: Space, cells: Packed, dim: int) -> int:
        """How many of d numbers are said to a regression: 2 (K − 1), as logits may be shifted, but at most 3 d/4."""
        if self.to not in cells or not any(port.name in cells for port in space.ports if port.name != self.to):
            return 0
        return 2 * min(max(cells[self.to][0].shape[1] - 1, 1), 3 * dim // 8)

    def decoder(self, space: Space, port: Port, cells: Packed) -> Any:
        """The target's.

        Raises:
            TableError: the target is no column of classes or numbers.
        """
        from kuamo.decoders.answer import Answer

        if not isinstance(port.modality, Category | Number) or port.name not in cells:
            kind = type(port.modality).__name__
            raise TableError(f"column {self.to!r}: given {kind} to predict; expected Category() or Number()")
        family = "categorical" if isinstance(port.modality, Category) else "gaussian"
        return Answer(space.dim, cells[port.name][0].shape[1], family=family, joint=getattr(port.head, "joint", 0))

    def fuses(self, space: Space) -> Any:
        """The fusion that it learns.

        Raises:
            TableError: the target has a decoder of another kind.
        """
        from kuamo.decoders.answer import Answer
        from kuamo.trust import Trust

        decoder = space.port(self.to).decoder
        if not isinstance(decoder, Answer):
            kind = type(decoder).__name__
            raise TableError(f"column {self.to!r}: given a decoder {kind}; expected none: Predict makes its own")
        return Trust(space.dim, decoder.out, len(space.ports), decoder.family, decoder.joint)

    def build(self, space: Space) -> dict[str, Player]:
        """Nobody: what it trains is the space's."""
        return {}

    def begin(
        self,
        space: Space,
        table: Table,
        cells: Packed,
        marks: Mapping[str, np.ndarray],
        progress: Callable[[str, int, int], None] | None = None,
    ) -> Course:
        """Give the space the joint regression of the rows that teach first, and go beside its training."""
        return Course(self, space, table, cells, marks, progress)

    def regression(self, space: Space, cells: Packed, marks: Mapping[str, np.ndarray], kind: Any) -> Any:
        """The rows that have the target and a frozen column, columns side by side; at most so many as fit."""
        from kuamo.joint import ROWS, side_by_side

        ports = {port.name: port for port in space.ports if port.name in cells and port.name != self.to}
        y, row = cells[self.to]
        some = np.unique(np.concatenate([cells[name][1] for name in ports]))
        rows = np.intersect1d(row, some)
        if len(rows) > ROWS:
            rows = np.sort(rows[np.argsort(hashed(rows))[:ROWS]])
        place = np.searchsorted(rows, row[np.isin(row, rows)])
        count = np.bincount(place, minlength=len(rows))[:, None]
        told = np.zeros((len(rows), y.shape[1]), np.float32)
        decoder: Any = space.port(self.to).decoder
        np.add.at(told, place, (y[np.isin(row, rows)] - decoder.shift.numpy()) * decoder.gain.numpy() / count[place])
        x, spans, there = side_by_side(ports, cells, rows)
        weights = np.ones(len(rows))
        if self.balanced and told.shape[1] > 1:
            weights = (told / told.sum(0).clip(min=1)).sum(1)
        weights = weights * self.of_rows(rows)
        return kind(x, told, hashed(marks["group"][rows]), weights, spans, there)

    # ── what it costs ────────────────────────────────────────────────────────────────────────────────────────────

    def __call__(self, step: Step, player: str) -> Any:
        """The loss per row."""
        if player != "space":
            return None
        batch, level = noised(step, self)
        noisy = replace(step, batch=batch, _codes={}, _stacked=None)
        loss = self.loss(noisy, level)
        step.counted = noisy.counted  # else the batch would pass for one without a usable row
        return loss

    def loss(self, step: Step, level: Any) -> Any:
        """See the module; λ (R, M) is how far cells are mixed with noise."""
        import torch
        from torch import nn

        from kuamo.decoders.answer import losses
        from kuamo.fusion import Subsets

        code, present = step.stacked()
        trust, decoder, number = step.space.fusion, step.space.port(self.to).decoder, step.names.index(self.to)
        y, itself = targets_by_row(step, self.to), torch.arange(present.shape[1]) == number
        known, others = present[:, number], present & ~itself
        held, late = self.held_out(step), step.progress >= 1 - self.last
        teaches = known & (~held | (late & ~self.held_out(step, JUDGES)))
        some = Subsets().choose(others, drawn(step, "subset"))
        whole = step.uniform("whole", step.batch.row, 1) < WHOLE
        given = torch.where(whole, others, some)
        units, share = decoder.units(y), self.shares(y, known)
        if self.weights is not None:
            share = share * torch.from_numpy(self.of_rows(step.batch.table_rows[step.batch.row.numpy()])).to(share)
        told = decoder.told(trust.weigh(code, given)[0])
        total = step.mean(share * losses(units, told, decoder.family), teaches & given.any(1))
        itself_told = decoder.told(trust.learned(code.mean[:, number]))
        total = total + step.mean(share * losses(units, itself_told, decoder.family), teaches)
        cells = torch.where(present[..., None], code.mean, 0.0)
        probed = trust.told(cells)
        alone = trust.losses(probed, units)
        total = total + step.mean(alone, teaches[:, None] & present)
        for m, name in enumerate(step.names if step.told is not None else ()):
            if m != number:
                step.tell(name, alone[teaches & present[:, m], m])
        if late:  # doubts were solved by rows that now teach, and stay
            return total
        v, noise = trust.doubt(probed, trust.learned(cells))
        if trust.joint:  # else nobody asks, and doubts have their net to themselves
            suspected = nn.functional.binary_cross_entropy_with_logits(noise, level, reduction="none")
            total = total + step.mean(suspected, others)
        as_usual = (known & held)[:, None] & present & (level == 0)
        trust.remember(gather_rows(v.detach()), gather_rows(as_usual.long()).bool())
        foretold = alone.detach() * (-v).exp() + v
        return total + step.mean(foretold, (known & held)[:, None] & present)

    def of_rows(self, rows: np.ndarray) -> np.ndarray:
        """(n,) how much these rows of the table count; on average 1."""
        return np.ones(len(rows)) if self.weights is None else self.weights[rows]

    def held_out(self, step: Step, part: float = 1.0) -> Any:
        """(R,) bool: rows whose group is held out, or is among the first part of those."""
        return hashed(step.marks("group")[step.batch.row]) < part * self.held

    def shares(self, y: Any, known: Any) -> Any:
        """(R,) the weight of each row: 1, or the inverse of its class's share among the batch's rows."""
        if not self.balanced or y.shape[1] == 1:
            return y.new_ones(len(y))
        count = y[known].sum(0).clamp(min=1)
        return (y / count).sum(1) * known.sum() / (count > 0).sum()


class Course:
    """What is solved beside a training, not learned by it: j before and after, α and β when the last part begins."""

    def __init__(
        self,
        of: Predict,
        space: Space,
        table: Table,
        cells: Packed,
        marks: Mapping[str, np.ndarray],
        progress: Callable[[str, int, int], None] | None = None,
    ) -> None:
        from kuamo.joint import Joint
        from kuamo.mixing import Mix
        from kuamo.spoiling import spoil

        self.of, self.space, self.table, self.cells, self.marks = of, space, table, cells, marks
        self.held = np.flatnonzero(hashed(marks["group"]) < of.held)
        trust: Any = space.fusion
        self.single = len(space.ports) == 2  # one column tells: no other is to be trusted in its place
        trust.spoiled = spoil(space, table, cells, of.to, self.held, progress) if of.noise and not self.single else {}
        self.joint: Any = of.regression(space, cells, marks, Joint) if space.fusion.joint else None
        if self.joint is not None:
            names = [port.name for port in space.ports]
            trust.mix = Mix([names.index(name) for name in self.joint.spans], trust.mix.size)
            self.columns = [self.joint.alone(name) for name in self.joint.spans]
            self.whole = self.joint.choose()
            self.alone = [self.whole] if len(self.columns) == 1 else [column.choose() for column in self.columns]
            taught = self.joint.held >= of.held
            self.solve(taught if taught.any() and not taught.all() else None)

    def solve(self, some: Any = None) -> None:
        """Give heads, fusion and decoder the regressions of the rows `some`, or of all."""
        import torch

        from kuamo.joint import directions, place_in
        from kuamo.mixing import mix_in

        whole = self.joint.solve(self.whole, some)
        alone = [whole] if len(self.columns) == 1 else []
        for number, (column, chosen) in enumerate(() if alone else zip(self.columns, self.alone, strict=True)):
            own = None if some is None else some[self.joint.there[:, number]]
            alone.append(column.solve(chosen, own if own is None or own.any() else None))
        trust: Any = self.space.fusion
        decoder: Any = self.space.port(self.of.to).decoder
        v = directions([whole, *alone], trust.mix.size)
        place_in(self.space, self.joint, whole, alone, v)
        decoder.directions[trust.mix.size :][: len(v)] = torch.from_numpy(v).float()
        mix_in(trust.mix, self.joint, self.whole, self.alone, v, some)

    @property
    def enough(self) -> bool:
        """Is the regression all that there is to learn: of one frozen column, whose residuals do not bend?"""
        return self.single and self.joint is not None and not self.joint.bends(self.whole)

    def after(self, done: int, steps: int, sources: Mapping[str, Any]) -> None:
        """Called after each step."""
        if done == max(1, int(np.ceil((1 - self.of.last) * steps - 1e-9))):
            from kuamo.doubting import settle
            from kuamo.stacking import stack

            if self.joint is not None and not self.single:  # beside trained encoders, doubts have time to be learned
                settle(self.space, sources, self.of, self.held, self.marks)
            stack(self.space, self.table, self.cells, self.of.to, self.held, self.of)
        if done == steps:
            from kuamo.stacking import stack

            judges = np.flatnonzero(hashed(self.marks["group"]) < JUDGES * self.of.held)
            stack(self.space, self.table, self.cells, self.of.to, judges, self.of, again=True)

    def end(self) -> list[Note]:
        """Called in the end; what to say."""
        trust: Any = self.space.fusion
        trust.spoiled = {}
        if self.joint is None:
            return []
        self.solve()
        names, count = " + ".join(self.joint.spans), self.joint.x.shape[1]
        return [Note("joint", columns=names, count=count, penalty=self.whole.penalty)]


def hashed(group: Any) -> Any:
    """A number in [0, 1) for each group's number (n,), which follows from that alone.

    Example:
        >>> hashed(np.arange(4)).round(2).tolist()
        [0.0, 0.62, 0.24, 0.85]
    """
    return (group * GOLDEN) % 2**32 / 2**32


def targets_by_row(step: Step, name: str) -> Any:
    """y (R, L) of a column's entries by row; zero where the row has none."""
    y, place = step.target(name), step.place(name)
    if place is None:
        return y
    return y.new_zeros(len(step.batch.row), y.shape[1]).index_copy(0, place, y)


def noised(step: Step, of: Predict) -> Any:
    """The batch with some cells of the other columns mixed with noise, to any degree; how far, λ (R, M).

    x′ = (1 − λ) x + λ n,   λ ~ U(0, 1) in one cell of that share of the rows, else 0;   n one of three, for each cell:

    white noise about any level, of a spread that varies eightfold; ±3 standard deviations at random;
    its own numbers in a disorder that is the same for all cells
    """
    import torch

    names, row = step.names, step.batch.row
    u = step.uniform("noised", row, 1 + len(names))
    others = step.present() & torch.tensor([name != of.to for name in names])
    one = torch.where(others, u[:, 1:], -1.0).argmax(1)
    hit = (u[:, :1] < of.noise) & others & (torch.arange(len(names)) == one[:, None])
    cells, level = dict(step.cells), torch.zeros(hit.shape)
    for number, name in enumerate(names):
        if name != of.to and of.noise:
            x, far = mixed(step, name, step.at_entries(name, hit[:, number]))
            cells[name] = Cells(x, step.cells[name].row, step.cells[name].y)
            place = step.place(name)
            level[slice(None) if place is None else place, number] = far
    return replace(step.batch, cells=cells), level


def mixed(step: Step, name: str, hit: Any) -> Any:
    """x of a column's cells, those that are hit (n,) in part noise, and how far (n,); texts as tokens, and
    batches in chunks, stay as they are.
    """
    import torch

    cells = step.cells[name]
    x = cells.x[0] if isinstance(cells.x, tuple) else cells.x
    able = isinstance(x, torch.Tensor) and (x.is_floating_point() or x.dtype == torch.uint8)
    grey = able and x.ndim == 4 and bool((x == x[:, :1]).all())  # else noise would be told by its colours
    flat = (x[:, :1] if grey else x).flatten(1).float() if able else torch.zeros(0, 1)
    if step.frozen[name]:  # features, each of its own size
        head = step.space.port(name).head
        shift, spread, low, high = head.shift, 1 / head.gain, -torch.inf, torch.inf
    else:
        shift, spread, low, high = spread_of(flat)
    if not able or not len(flat):
        return cells.x, torch.zeros(len(cells))
    u = step.uniform(f"noise/{name}", cells.row, 4)
    level = u[:, 0] * hit
    spoiled = step.space.fusion.spoiled.get(name) if step.frozen[name] else None
    known = torch.full(hit.shape, -1)
    if spoiled is not None:
        known = spoiled.place[torch.tensor(step.batch.table_rows)[cells.row]]
    before = hit & (known >= 0)
    flat = flat.clone() if flat.data_ptr() == x.data_ptr() else flat
    at = (hit & ~before).nonzero()[:, 0]
    if len(at):
        epsilon = step.noise(f"noise/{name}", cells.row[at], flat.shape[1])
        order = step.disorder(f"noise/{name}", flat.shape[1])
        share, some = level[at, None], flat[at]
        n = shift + spread * noise((some - shift) / spread, epsilon, u[at, 1:], order)
        flat[at] = (1 - share) * some + share * n.clamp(low, high)  # a spectrum knows nothing below 0
    if spoiled is not None:
        flat[before], level[before] = spoiled.x[known[before]], spoiled.level[known[before]]
    made = flat.reshape(len(x), -1, *x.shape[2:]).expand_as(x) if grey else flat.reshape(x.shape)
    made = made.round().to(x.dtype) if x.dtype == torch.uint8 else made
    return ((made, *cells.x[1:]) if isinstance(cells.x, tuple) else made), level


def spread_of(flat: Any) -> tuple[Any, Any, float, float]:
    """Mean, standard deviation, least and largest of all numbers of all processes' cells (n, D)."""
    import torch

    flat = flat.double().reshape(-1)
    ends = (flat.min(), flat.max()) if len(flat) else (torch.inf, -torch.inf)
    own = torch.tensor([[len(flat), flat.sum(), flat.square().sum(), *ends]], dtype=torch.float64)
    count, total, square, low, high = gather_rows(own).T
    mean = total.sum() / count.sum().clamp(min=1)
    variance = square.sum() / count.sum().clamp(min=1) - mean.square()
    return mean.float(), variance.clamp(min=1e-12).sqrt().float(), float(low.min()), float(high.max())


def noise(x: Any, epsilon: Any, u: Any, order: Any) -> Any:
    """n (n, D) of cells x (n, D) in standard units; see `noised`.

    Args:
        epsilon: (n, D), standard normal. u: (n, 3), uniform: which of the three, about where, and how wide.
        order: (D,), a permutation.
    """
    import torch

    from kuamo.spoiling import END

    white = END * (2 * u[:, 1:2] - 1) + epsilon * 2 ** (3 * u[:, 2:] - 1.5)
    extreme = END * epsilon.sign()
    kind = (3 * u[:, :1]).floor()
    return torch.where(kind == 0, white.clamp(-END, END), torch.where(kind == 1, extreme, x[:, order]))
