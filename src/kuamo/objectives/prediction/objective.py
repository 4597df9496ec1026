"""Predict: a class or a number from any subset of the other columns; a label is one more modality.

    L = ℓ(y | f(z_S)) + ℓ(y | f(z_y)) + mean_m e_m + mean_{m, held} (e_m exp(−v_m) + v_m)
    told:  α_n f + β_n j,     (α_n, β_n) = argmin ℓ_held(y | α f + β j)  for n = 1, 2, … columns

f is the target's decoder, S a random subset of what the row has, z_S what `uncertainty_fusion.py` makes of it:
e_m the loss of column m by itself, v_m its doubt. Beside f, which is learned, stands j, a regression on all
frozen columns side by side (`regression.py`); α and β stack the two, and calibrate what comes out. In a share
of the rows a cell is mixed with noise, to any degree: what a bad cell looks like is learned, and that others
are to be trusted then. Of columns with a frozen encoder many of these cells were spoiled before it saw them
(`corruption.py`), the others are features with noise. Doubts are learned on groups of rows that are held out of
all the rest. When the last part of the training begins they are solved where a column is frozen
(`uncertainty.py`), then α and β, and all stay; from there the others teach too, but half, by which α and β are
solved once more in the end (`stacking.py`); then j is solved again, of all rows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from kuamo.core.errors import KuamoError, TableError
from kuamo.core.old_names import old_arguments
from kuamo.core.types import Packed
from kuamo.core.validation import is_number
from kuamo.data.modalities import Category, Number
from kuamo.objectives.prediction.noise import corrupt_batch, hash_uniform, targets_by_row
from kuamo.objectives.prediction.schedule import JUDGES, PredictSchedule
from kuamo.objectives.vae import row_uniforms
from kuamo.training.distributed import gather_rows
from kuamo.training.objective import Objective, Optimized

if TYPE_CHECKING:
    from kuamo.data.table import Table
    from kuamo.embedding.space import EmbeddingSpace, Tower
    from kuamo.training.step import Step

__all__ = ["Predict"]

WHOLE = 0.5  # of the rows are told by all that they have


@old_arguments(noise="corruption", held="calibration_share", last="final_share")
@dataclass(frozen=True)
class Predict(Objective):
    """Learn to tell a column of classes or numbers from whatever else a row has.

    Args:
        to: the column, `Category()` or `Number()`. corruption: share of the rows of which a cell is mixed with noise.
        calibration_share: of the groups, those by which doubts are learned.
        final_share: of the steps, those in which all rows teach.
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
    corruption: float = 0.7
    calibration_share: float = 0.2
    final_share: float = 0.3
    balanced: bool = False
    weights: Any = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        if self.weights is not None:
            weights = np.asarray(self.weights, np.float64)
            if weights.ndim != 1 or not (np.isfinite(weights) & (weights > 0)).all():
                raise KuamoError(f"given weights of shape {weights.shape}; expected (N,), finite and above 0")
            object.__setattr__(self, "weights", weights / weights.mean())
        if not all(
            is_number(share, 0) and share < 1 for share in (self.corruption, self.calibration_share, self.final_share)
        ):
            raise KuamoError(f"given {self}; expected shares in [0, 1)")
        if not isinstance(self.to, str) or not isinstance(self.balanced, bool | np.bool_):
            raise KuamoError(f"given {self}; expected the name of a column, and balanced=True or False")

    @property
    def predicts(self) -> tuple[str, ...]:
        """The target."""
        return (self.to,)

    def decodes(self, column: str) -> bool:
        """The target's decoder alone."""
        return column == self.to

    # ── what it makes ────────────────────────────────────────────────────────────────────────────────────────────

    def joint(self, space: EmbeddingSpace, cells: Packed, dim: int) -> int:
        """How many of d numbers are said to a regression: 2 (K − 1), as logits may be shifted, but at most 3 d/4."""
        if self.to not in cells or not any(port.name in cells for port in space.ports if port.name != self.to):
            return 0
        return 2 * min(max(cells[self.to][0].shape[1] - 1, 1), 3 * dim // 8)

    def decoder(self, space: EmbeddingSpace, port: Tower, cells: Packed) -> Any:
        """The target's.

        Raises:
            TableError: the target is no column of classes or numbers.
        """
        from kuamo.objectives.prediction.decoder import StackedDecoder

        if not isinstance(port.modality, Category | Number) or port.name not in cells:
            kind = type(port.modality).__name__
            raise TableError(f"column {self.to!r}: given {kind} to predict; expected Category() or Number()")
        family = "categorical" if isinstance(port.modality, Category) else "gaussian"
        return StackedDecoder(
            space.dim, cells[port.name][0].shape[1], family=family, joint=getattr(port.head, "joint", 0)
        )

    def fuses(self, space: EmbeddingSpace) -> Any:
        """The fusion that it learns.

        Raises:
            TableError: the target has a decoder of another kind.
        """
        from kuamo.objectives.prediction.decoder import StackedDecoder
        from kuamo.objectives.prediction.uncertainty_fusion import UncertaintyFusion

        decoder = space.port(self.to).decoder
        if not isinstance(decoder, StackedDecoder):
            kind = type(decoder).__name__
            raise TableError(f"column {self.to!r}: given a decoder {kind}; expected none: Predict makes its own")
        return UncertaintyFusion(space.dim, decoder.out, len(space.ports), decoder.family, decoder.joint)

    def build(self, space: EmbeddingSpace) -> dict[str, Optimized]:
        """Nobody: what it trains is the space's."""
        return {}

    def begin(
        self,
        space: EmbeddingSpace,
        table: Table,
        cells: Packed,
        marks: Mapping[str, np.ndarray],
        progress: Callable[[str, int, int], None] | None = None,
    ) -> PredictSchedule:
        """Give the space the joint regression of the rows that teach first, and go beside its training."""
        return PredictSchedule(self, space, table, cells, marks, progress)

    def regression(self, space: EmbeddingSpace, cells: Packed, marks: Mapping[str, np.ndarray], kind: Any) -> Any:
        """The rows that have the target and a frozen column, columns side by side; at most so many as fit."""
        from kuamo.objectives.prediction.regression import ROWS, concatenate

        ports = {port.name: port for port in space.ports if port.name in cells and port.name != self.to}
        y, row = cells[self.to]
        some = np.unique(np.concatenate([cells[name][1] for name in ports]))
        rows = np.intersect1d(row, some)
        if len(rows) > ROWS:
            rows = np.sort(rows[np.argsort(hash_uniform(rows))[:ROWS]])
        place = np.searchsorted(rows, row[np.isin(row, rows)])
        count = np.bincount(place, minlength=len(rows))[:, None]
        told = np.zeros((len(rows), y.shape[1]), np.float32)
        decoder: Any = space.port(self.to).decoder
        np.add.at(told, place, (y[np.isin(row, rows)] - decoder.shift.numpy()) * decoder.gain.numpy() / count[place])
        x, spans, there = concatenate(ports, cells, rows)
        weights = np.ones(len(rows))
        if self.balanced and told.shape[1] > 1:
            weights = (told / told.sum(0).clip(min=1)).sum(1)
        weights = weights * self.of_rows(rows)
        return kind(x, told, hash_uniform(marks["group"][rows]), weights, spans, there)

    # ── what it costs ────────────────────────────────────────────────────────────────────────────────────────────

    def __call__(self, step: Step, player: str) -> Any:
        """The loss per row."""
        if player != "space":
            return None
        batch, level = corrupt_batch(step, self.to, self.corruption)
        noisy = replace(step, batch=batch, _codes={}, _stacked=None)
        loss = self.loss(noisy, level)
        step.counted = noisy.counted  # else the batch would pass for one without a usable row
        return loss

    def loss(self, step: Step, level: Any) -> Any:
        """See the module; λ (R, M) is how far cells are mixed with noise."""
        import torch
        from torch import nn

        from kuamo.embedding.fusion import MixtureOfProducts
        from kuamo.objectives.prediction.decoder import losses

        code, present = step.stacked()
        trust, decoder, number = step.space.fusion, step.space.port(self.to).decoder, step.names.index(self.to)
        y, itself = targets_by_row(step, self.to), torch.arange(present.shape[1]) == number
        known, others = present[:, number], present & ~itself
        held, late = self.held_out(step), step.progress >= 1 - self.final_share
        teaches = known & (~held | (late & ~self.held_out(step, JUDGES)))
        some = MixtureOfProducts().choose(others, row_uniforms(step, "subset"))
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
        return hash_uniform(step.marks("group")[step.batch.row]) < part * self.calibration_share

    def shares(self, y: Any, known: Any) -> Any:
        """(R,) the weight of each row: 1, or the inverse of its class's share among the batch's rows."""
        if not self.balanced or y.shape[1] == 1:
            return y.new_ones(len(y))
        count = y[known].sum(0).clamp(min=1)
        return (y / count).sum(1) * known.sum() / (count > 0).sum()
