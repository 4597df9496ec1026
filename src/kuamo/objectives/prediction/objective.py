"""Predict: a class or a number from any subset of the other columns; a label is one more modality.

    L = ℓ(y | f(z_S)) + ℓ(y | f(z_y)) + mean_m e_m
    output:  α_n f + β_n j,     (α_n, β_n) = argmin ℓ_held(y | α f + β j)  for n = 1, 2, … columns

f is the target's decoder, S a random subset of the row's columns, z_S the mean of their codes by trained weights, e_m
the loss of column m's own probe. Beside f, which is trained, stands j, a regression on all frozen columns side by side
(`regression.py`). In a share of the rows one cell is mixed with noise, to any degree (`corruption.py`). A share of the
groups is held out of all this: when the training ends they fit, in turn, the uncertainties by which columns are
weighted (`uncertainty.py`), and α and β, which stack and calibrate (`stacking.py`). At last j is solved on all rows.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np
import torch

from kuamo.core.errors import KuamoError, TableError
from kuamo.core.messages import Note
from kuamo.core.old_names import old_arguments
from kuamo.core.types import Packed, Progress
from kuamo.core.validation import check_type, is_number
from kuamo.data.modalities import Category, Number
from kuamo.embedding.embedding import Embedding
from kuamo.embedding.fusion import MixtureOfProducts
from kuamo.embedding.heads import SplitHead
from kuamo.embedding.space import EmbeddingSpace, Tower
from kuamo.embedding.trained_fusion import FusionSpec, bind_to
from kuamo.metrics.paired_tests import paired_gain
from kuamo.objectives.fused_retrieval import BALANCE, load_balance
from kuamo.objectives.prediction.corruption import corrupt, corrupt_batch, targets_by_row
from kuamo.objectives.prediction.decoder import StackedDecoder, losses
from kuamo.objectives.prediction.regression import (
    JointRegression,
    hash_uniform,
    joint_regression,
    principal_directions,
    write_heads,
)
from kuamo.objectives.prediction.stacking import fit_stacking
from kuamo.objectives.prediction.subset_regression import fit_subsets
from kuamo.objectives.prediction.uncertainty import fit_uncertainty
from kuamo.objectives.prediction.uncertainty_fusion import UncertaintyFusion
from kuamo.objectives.vae import row_uniforms
from kuamo.training.callback import Callback, LoopState
from kuamo.training.objective import Objective
from kuamo.training.run import Prepared
from kuamo.training.step import Step

__all__ = ["Predict", "PredictPhases"]

WHOLE = 0.5  # of the rows are predicted from all columns that they have


@old_arguments(noise="corruption", held="calibration_share", last=None)
@dataclass(frozen=True)
class Predict(Objective):
    """Learn to predict a column of classes or numbers from whatever else a row has.

    Args:
        to: the column, `Category()` or `Number()`. corruption: share of the rows of which a cell is mixed with noise.
        calibration_share: of the groups, those that are held out to fit uncertainties and calibration.
        balanced: does every class count the same, however rare?
        weights: (N,) how much each row of the table counts, above 0; all the same if not given.
        fusion: of the trained codes, such as `km.TensorFusion()` where columns interact; weights that are learned for
            each column, and fall where a cell is uncertain, if not given.

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
    balanced: bool = False
    weights: Any = field(default=None, compare=False, repr=False)
    fusion: FusionSpec | None = None

    def __post_init__(self) -> None:
        check_type(FusionSpec | None, "a fusion, such as km.TensorFusion(), or None", fusion=self.fusion)  # type: ignore[arg-type]
        if self.weights is not None:
            weights = np.asarray(self.weights, np.float64)
            if weights.ndim != 1 or not (np.isfinite(weights) & (weights > 0)).all():
                raise KuamoError(f"given weights of shape {weights.shape}; expected (N,), finite and above 0")
            object.__setattr__(self, "weights", weights / weights.mean())
        if not all(is_number(share, 0) and share < 1 for share in (self.corruption, self.calibration_share)):
            raise KuamoError(f"given {self}; expected shares in [0, 1)")
        if not isinstance(self.to, str) or not isinstance(self.balanced, bool | np.bool_):
            raise KuamoError(f"given {self}; expected the name of a column, and balanced=True or False")

    @property
    def predicts(self) -> tuple[str, ...]:
        return (self.to,)

    def decodes(self, column: str) -> bool:
        return column == self.to

    # ── what it makes ────────────────────────────────────────────────────────────────────────────────────────────

    def solved_dims(self, space: EmbeddingSpace, cells: Packed, dim: int) -> int:
        """How many of d numbers belong to the regression: 2 (K − 1), as logits may be shifted, but at most 3 d/4."""
        if self.to not in cells or not any(port.name in cells for port in space.ports if port.name != self.to):
            return 0
        return 2 * min(max(cells[self.to][0].shape[1] - 1, 1), 3 * dim // 8)

    def make_decoder(self, space: EmbeddingSpace, port: Tower, cells: Packed) -> Any:
        """The target's.

        Raises:
            TableError: the target is no column of classes or numbers.
        """
        if not isinstance(port.modality, Category | Number) or port.name not in cells:
            kind = type(port.modality).__name__
            raise TableError(f"column {self.to!r}: given {kind} to predict; expected Category() or Number()")
        family = "categorical" if isinstance(port.modality, Category) else "gaussian"
        joint = port.head.joint if isinstance(port.head, SplitHead) else 0
        return StackedDecoder(space.dim, cells[port.name][0].shape[1], family=family, joint=joint)

    def make_fusion(self, space: EmbeddingSpace) -> Any:
        """The fusion that it learns.

        Raises:
            TableError: the target has a decoder of another kind.
        """
        decoder = space.port(self.to).decoder
        if not isinstance(decoder, StackedDecoder):
            kind = type(decoder).__name__
            raise TableError(f"column {self.to!r}: given a decoder {kind}; expected none: Predict makes its own")
        names = [port.name for port in space.ports]
        own = self.fusion and bind_to(self.fusion, space.ports, space.dim - decoder.joint)
        return UncertaintyFusion(space.dim, decoder.out, len(names), decoder.family, decoder.joint, inner=own)

    def callback(self, space: EmbeddingSpace, prepared: Prepared, progress: Progress | None = None) -> PredictPhases:
        """What is solved before and after the training."""
        return PredictPhases(self, space, prepared, progress)

    # ── what it costs ────────────────────────────────────────────────────────────────────────────────────────────

    def __call__(self, step: Step, player: str) -> Any:
        noisy = replace(step, batch=corrupt_batch(step, self.to, self.corruption)[0], _codes={}, _stacked=None)
        loss = self.loss(noisy)
        step.counted = noisy.counted  # else the batch would pass for one without a usable row
        return loss

    def loss(self, step: Step) -> Any:
        """See the module."""
        code, present = step.stacked()
        fusion, decoder, number = step.space.fusion, step.space.port(self.to).decoder, step.names.index(self.to)
        y = targets_by_row(step, self.to)
        others = present & (torch.arange(present.shape[1]) != number)
        learns = present[:, number] & (hash_uniform(step.marks("group")[step.batch.row]) >= self.calibration_share)
        some = MixtureOfProducts().choose(others, row_uniforms(step, "subset"))
        given = torch.where(step.uniform("whole", step.batch.row, 1) < WHOLE, others, some)
        units, share = decoder.units(y), self.shares(step, y, present[:, number])

        def loss(c: Any, where: Any) -> Any:
            return step.mean(share * losses(units, decoder.trained(c), decoder.family), where)

        cells = torch.where(present[..., None], code.mean, 0.0)
        if fusion.inner is None:
            weights = fusion.attend(fusion.prior.expand(given.shape), given)
            fused = loss((weights[..., None] * fusion.learned(cells)).sum(1), learns & given.any(1))
        else:
            learned = Embedding(fusion.learned(cells), parts=code.parts)
            fused = loss(fusion.inner(learned, given)[0].mean, learns & given.any(1))
            if self.fusion is not None and self.fusion.keep == "better":  # the decoder knows the other way too
                weights = fusion.attend(fusion.prior.expand(given.shape), given)
                fused = fused + loss((weights[..., None] * learned.mean).sum(1), learns & given.any(1))
            fused = fused + BALANCE * load_balance(step, fusion.inner, learned, given & learns[:, None])
        itself = loss(fusion.learned(code.mean[:, number]), learns)
        alone = fusion.losses(fusion.probe(cells), units)
        for m, name in enumerate(step.names if step.column_losses is not None else ()):
            if m != number:
                step.log_column_loss(name, alone[learns & present[:, m], m])
        return fused + itself + step.mean(alone, learns[:, None] & present)

    def row_weights(self, rows: np.ndarray, y: np.ndarray) -> np.ndarray:
        """(n,) how much these rows of the table count, of classes y (n, K)."""
        weights = np.ones(len(rows)) if self.weights is None else self.weights[rows]
        if not self.balanced or y.shape[1] == 1:
            return np.asarray(weights)
        return np.asarray(weights * (y / y.sum(0).clip(min=1)).sum(1))

    def shares(self, step: Step, y: Any, known: Any) -> Any:
        """(R,) the weight of each row of a batch; of balanced classes relative to their share among its rows."""
        share = y.new_ones(len(y))
        if self.balanced and y.shape[1] > 1:
            count = y[known].sum(0).clamp(min=1)
            share = (y / count).sum(1) * known.sum() / (count > 0).sum()
        if self.weights is None:
            return share
        return share * torch.from_numpy(self.weights[step.batch.table_rows[step.batch.row.numpy()]]).to(share)


class PredictPhases(Callback):
    """What is solved beside a training, not trained: j before and after, uncertainties, α and β when it ends."""

    enough = False

    def __init__(
        self, of: Predict, space: EmbeddingSpace, prepared: Prepared, progress: Progress | None = None
    ) -> None:
        self.of, self.space, self.prepared, self.progress = of, space, prepared, progress
        self.group = prepared.match_keys["group"]
        self.held = np.flatnonzero(hash_uniform(self.group) < of.calibration_share)
        self.single = len(space.ports) == 2  # one column predicts: no other can take its place
        self.joint: JointRegression | None = None

    def on_start(self, loop: LoopState) -> None:
        """Give the space a first regression, of the rows that are not held out."""
        of, cells, fusion = self.of, self.prepared.cells, self.fusion
        if of.corruption and not self.single:
            fusion.corrupted = corrupt(self.space, self.prepared.table, cells, of.to, self.held, self.progress)
        if not fusion.joint:
            return
        self.joint = joint_regression(self.space, of.to, cells, self.group, of.row_weights)
        names = [port.name for port in self.space.ports]
        fusion.mix = type(fusion.mix)([names.index(name) for name in self.joint.spans], fusion.mix.size)
        self.columns = [self.joint.alone(name) for name in self.joint.spans]
        self.whole = self.joint.choose()
        self.alone = [self.whole] if len(self.columns) == 1 else [column.choose() for column in self.columns]
        learns = self.joint.held >= of.calibration_share
        self.solve(learns if learns.any() and not learns.all() else None)
        # the regression of one frozen column, whose residuals are linear, is all that there is to learn
        self.enough = self.single and not self.joint.nonlinear(self.whole)

    @property
    def fusion(self) -> Any:
        """The space's."""
        return self.space.fusion

    def solve(self, some: Any = None) -> None:
        """Give heads, fusion and decoder the regressions of the rows `some`, or of all."""
        assert self.joint is not None
        whole = self.joint.solve(self.whole, some)
        alone = [whole] if len(self.columns) == 1 else []
        for name, column, chosen in () if alone else zip(self.joint.spans, self.columns, self.alone, strict=True):
            own = None if some is None else some[self.joint.rows_with(name)]
            alone.append(column.solve(chosen, own if own is None or own.any() else None))
        mix, decoder = self.fusion.mix, self.space.port(self.of.to).decoder
        v = principal_directions([whole, *alone], mix.size)
        write_heads(self.space, self.joint, whole, alone, v)
        decoder.directions[mix.size :][: len(v)] = torch.from_numpy(v).float()
        fit_subsets(mix, self.joint, self.whole, self.alone, v, some)

    def stack(self) -> None:
        """Fit α and β; where the held-out rows do not gain by the given fusion, those of weights without it."""
        of, inner = self.of, self.fusion.inner

        def fitted() -> tuple[np.ndarray, np.ndarray]:
            given = (self.prepared.table, self.prepared.cells, of.to, self.held, of.row_weights)
            return fit_stacking(self.space, *given)

        ours, rows = fitted()
        if of.fusion is None or of.fusion.keep == "always" or inner is None or len(ours) == 0:
            return
        self.fusion.inner = None
        theirs, _ = fitted()
        gain, error = paired_gain(-ours, -theirs, self.prepared.split_group[rows])
        said = {"fusion": str(of.fusion), "ours": ours.mean(), "theirs": theirs.mean(), "error": error}
        said["rows"] = len(np.unique(rows))
        self.space.notes.append(Note("fusion_predicts" if gain > error else "fusion_predicts_no_more", **said))
        if gain > error:
            self.fusion.inner = inner
            fitted()

    def on_end(self, loop: LoopState) -> None:
        """Held-out rows fit uncertainties, stacking and calibration; then j is solved on all rows."""
        of, prepared = self.of, self.prepared
        if not self.single or self.space.port(of.to).decoder.family == "gaussian":
            fit_uncertainty(self.space, loop.sources, of.to, of.corruption, self.held, prepared.match_keys)
        self.stack()
        self.fusion.corrupted = {}
        if self.joint is not None:
            self.solve()
            names, count = " + ".join(self.joint.spans), self.joint.x.shape[1]
            self.space.notes.append(Note("joint", columns=names, count=count, penalty=self.whole.penalty))
