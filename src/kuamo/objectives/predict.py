"""Predict: a class or a number from any subset of the other columns; a label is one more modality.

    L = ℓ(y | z_S) + ℓ(y | z_y) + mean_m e_m + mean_{m, held} (e_m exp(−v_m) + v_m),      z_S = Σ_{m ∈ S} a_m z_m

ℓ is the target's decoder, S a random subset of what the row has, e_m the loss of column m by itself, v_m its doubt,
a the weights that follow (`kuamo.trust`). In a share of the rows a cell is mixed with noise, to any degree: what a bad
cell looks like is learned, and that others are to be trusted then. Doubts are learned on groups of rows that are held
out of all the rest, until the last part of the training, when doubts stay and all rows teach.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

from kuamo.cells import Cells
from kuamo.distributed import gather_rows
from kuamo.errors import KuamoError, TableError
from kuamo.modalities import Category, Number
from kuamo.objectives.base import Objective, Player
from kuamo.objectives.elbo import drawn

if TYPE_CHECKING:
    from kuamo.space import Space
    from kuamo.step import Step

__all__ = ["Predict", "noised"]

WHOLE = 0.5  # of the rows are told by all that they have
GOLDEN = (
    2654435761  # a number's multiples by it lie all over 2³²: which groups are held out follows from the group alone
)


@dataclass(frozen=True)
class Predict(Objective):
    """Learn to tell a column of classes or numbers from whatever else a row has.

    In several processes noise is as wide as the numbers of a process's own rows, and so differs a little from one's.

    Args:
        to: the column, `Category()` or `Number()`. noise: share of the cells that are mixed with noise.
        held: share of the groups by which doubts are learned. last: share of the steps in which all rows teach.
        balanced: does every class count the same, however rare?

    Raises:
        KuamoError: shares outside [0, 1). TableError: a column of another kind.

    References:
        Missing modalities by random subsets: ModDrop, Neverova et al., 2016.

    Example:
        >>> Predict("species").to
        'species'
    """

    needs: ClassVar[frozenset[str]] = frozenset({"decoders"})
    to: str = "label"
    noise: float = 0.35
    held: float = 0.2
    last: float = 0.3
    balanced: bool = False

    def __post_init__(self) -> None:
        if not all(0 <= share < 1 for share in (self.noise, self.held, self.last)):
            raise KuamoError(f"given {self}; expected shares in [0, 1)")

    def decodes(self, column: str) -> bool:
        """The target's decoder alone."""
        return column == self.to

    def fuses(self, space: Space) -> Any:
        """The fusion that it learns.

        Raises:
            TableError: the target is no column of classes or numbers.
        """
        from kuamo.trust import Trust

        port = space.port(self.to)
        if not isinstance(port.modality, Category | Number):
            kind = type(port.modality).__name__
            raise TableError(f"column {self.to!r}: given {kind} to predict; expected Category() or Number()")
        family = "categorical" if isinstance(port.modality, Category) else "gaussian"
        return Trust(space.dim, port.decoder.out, len(space.ports), family)

    def build(self, space: Space) -> dict[str, Player]:
        """Nobody: what it trains is the space's."""
        return {}

    def __call__(self, step: Step, player: str) -> Any:
        """The loss per row."""
        if player != "space":
            return None
        batch, clean = noised(step, self)
        noisy = replace(step, batch=batch, _codes={}, _stacked=None)
        loss = self.loss(noisy, clean)
        step.counted = noisy.counted  # else the batch would pass for one without a usable row
        return loss

    def loss(self, step: Step, clean: Any) -> Any:
        """See the module; `clean` (R, M) bool says which cells are as they were."""
        import torch

        from kuamo.fusion import Subsets

        code, present = step.stacked()
        trust, decoder, number = step.space.fusion, step.space.port(self.to).decoder, step.names.index(self.to)
        y, itself = targets_by_row(step, self.to), torch.arange(present.shape[1]) == number
        known, others = present[:, number], present & ~itself
        held, late = self.held_out(step), step.progress >= 1 - self.last
        teaches = known & (~held | late)
        some = Subsets().choose(others, drawn(step, "subset"))
        whole = step.uniform("whole", step.batch.row, 1) < WHOLE
        given = torch.where(whole, others, some)
        z, _ = trust(code, given)
        share = self.shares(y, known)
        total = step.mean(share * decoder.loss(y, z.mean), teaches & given.any(1))
        total = total + step.mean(share * decoder.loss(y, code.mean[:, number]), teaches)
        told = trust.told(torch.where(present[..., None], code.mean, 0.0))
        units = (y - decoder.shift) * decoder.gain if trust.family == "gaussian" else y
        alone = trust.losses(told, units)
        total = total + step.mean(alone, teaches[:, None] & present)
        for m, name in enumerate(step.names if step.told is not None else ()):
            if m != number:
                step.tell(name, alone[teaches & present[:, m], m])
        v = trust.doubt(told)
        if not late:
            usual = (known & held)[:, None] & present & clean
            trust.remember(gather_rows(v.detach()), gather_rows(usual.long()).bool())
        foretold = alone.detach() * (-v).exp() + v
        return total + step.mean(foretold, (known & held)[:, None] & present & (not late))

    def held_out(self, step: Step) -> Any:
        """(R,) bool: rows whose group is held out."""
        group = step.marks("group")[step.batch.row]
        return (group * GOLDEN) % 2**32 < self.held * 2**32

    def shares(self, y: Any, known: Any) -> Any:
        """(R,) the weight of each row: 1, or the inverse of its class's share among the batch's rows."""
        if not self.balanced or y.shape[1] == 1:
            return y.new_ones(len(y))
        count = y[known].sum(0).clamp(min=1)
        return (y / count).sum(1) * known.sum() / (count > 0).sum()


def targets_by_row(step: Step, name: str) -> Any:
    """y (R, L) of a column's entries by row; zero where the row has none."""
    y, place = step.target(name), step.place(name)
    if place is None:
        return y
    return y.new_zeros(len(step.batch.row), y.shape[1]).index_copy(0, place, y)


def noised(step: Step, of: Predict) -> Any:
    """The batch with some cells of the other columns mixed with noise, to any degree.

    x′ = (1 − λ) x + λ n,   λ ~ U(0, 1) in that share of the cells, else 0;   n one of three, drawn for each cell:

    white noise about any level, of a spread that varies eightfold; the column's least and largest numbers at random;
    another row's cell with its numbers in disorder
    """
    import torch

    cells, clean = {}, torch.ones(len(step.batch.row), len(step.names), dtype=torch.bool)
    for number, (name, one) in enumerate(step.cells.items()):
        cells[name] = one
        if name != of.to and len(one):
            x, level = mixed(step, name, one, of.noise)
            cells[name] = Cells(x, one.row, one.y)
            place = step.place(name)
            clean[slice(None) if place is None else place, number] = level[:, 0] == 0
    return replace(step.batch, cells=cells), clean


def mixed(step: Step, name: str, cells: Cells, share: float) -> Any:
    """x of some cells, in part noise; texts as tokens, and batches in chunks, as they are."""
    import torch

    x = cells.x[0] if isinstance(cells.x, tuple) else cells.x
    if not isinstance(x, torch.Tensor) or not (x.is_floating_point() or x.dtype == torch.uint8):
        return cells.x, torch.zeros(len(cells), 1)
    grey = x.ndim == 4 and bool((x == x[:, :1]).all())  # else noise would be told by its colours
    flat = (x[:, :1] if grey else x).flatten(1).float()
    u = step.uniform(f"noise/{name}", cells.row, 5)
    epsilon = step.noise(f"noise/{name}", cells.row, flat.shape[1])
    shift, spread = flat.mean(), flat.std().clamp(min=1e-6)
    if step.frozen[name]:  # features, each of its own size
        head = step.space.port(name).head
        shift, spread = head.shift, 1 / head.gain
    level = u[:, :1] * (u[:, 1:2] < share)
    flat = (1 - level) * flat + level * (shift + spread * noise((flat - shift) / spread, epsilon, u[:, 2:]))
    made = flat.reshape(len(x), -1, *x.shape[2:]).expand_as(x) if grey else flat.reshape(x.shape)
    made = made.round().to(x.dtype) if x.dtype == torch.uint8 else made
    return ((made, *cells.x[1:]) if isinstance(cells.x, tuple) else made), level


def noise(x: Any, epsilon: Any, u: Any) -> Any:
    """n (n, D) of cells x (n, D) in standard units; see `noised`.

    Args:
        epsilon: (n, D), standard normal. u: (n, 3), uniform: which of the three, about where, and how wide.
    """
    import torch

    low, high = x.aminmax()
    white = low + u[:, 1:2] * (high - low) + epsilon * 2 ** (3 * u[:, 2:] - 1.5)
    extreme = torch.where(epsilon > 0, high, low)
    strange = x.roll(1, 0)[:, torch.argsort(epsilon[0])]
    kind = (3 * u[:, :1]).floor()
    return torch.where(kind == 0, white, torch.where(kind == 1, extreme, strange)).clamp(low, high)
