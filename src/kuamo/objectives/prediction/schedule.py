"""The phases of a prediction's fit: what is solved before, held out, and solved at the end."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from kuamo.core.messages import Note
from kuamo.core.types import Packed
from kuamo.objectives.prediction.noise import hash_uniform
from kuamo.objectives.prediction.settings import PredictSettings

if TYPE_CHECKING:
    from kuamo.data.table import Table
    from kuamo.embedding.space import EmbeddingSpace

__all__ = ["JUDGES", "PredictSchedule"]


JUDGES = 0.7  # of the groups that are held out never teach f: by them it is solved in the end how sure it is


class PredictSchedule:
    """What is solved beside a training, not learned by it: j before and after, α and β when the last part begins."""

    def __init__(
        self,
        of: PredictSettings,
        space: EmbeddingSpace,
        table: Table,
        cells: Packed,
        marks: Mapping[str, np.ndarray],
        progress: Callable[[str, int, int], None] | None = None,
    ) -> None:
        from kuamo.objectives.prediction.corruption import corrupt
        from kuamo.objectives.prediction.regression import JointRegression
        from kuamo.objectives.prediction.subset_regression import Mix

        self.of, self.space, self.table, self.cells, self.marks = of, space, table, cells, marks
        self.held = np.flatnonzero(hash_uniform(marks["group"]) < of.calibration_share)
        trust: Any = space.fusion
        self.single = len(space.ports) == 2  # one column tells: no other is to be trusted in its place
        trust.spoiled = (
            corrupt(space, table, cells, of.to, self.held, progress) if of.corruption and not self.single else {}
        )
        self.joint: Any = of.regression(space, cells, marks, JointRegression) if space.fusion.joint else None
        if self.joint is not None:
            names = [port.name for port in space.ports]
            trust.mix = Mix([names.index(name) for name in self.joint.spans], trust.mix.size)
            self.columns = [self.joint.alone(name) for name in self.joint.spans]
            self.whole = self.joint.choose()
            self.alone = [self.whole] if len(self.columns) == 1 else [column.choose() for column in self.columns]
            taught = self.joint.held >= of.calibration_share
            self.solve(taught if taught.any() and not taught.all() else None)

    def solve(self, some: Any = None) -> None:
        """Give heads, fusion and decoder the regressions of the rows `some`, or of all."""
        import torch

        from kuamo.objectives.prediction.regression import principal_directions, write_heads
        from kuamo.objectives.prediction.subset_regression import fit_subsets

        whole = self.joint.solve(self.whole, some)
        alone = [whole] if len(self.columns) == 1 else []
        for number, (column, chosen) in enumerate(() if alone else zip(self.columns, self.alone, strict=True)):
            own = None if some is None else some[self.joint.there[:, number]]
            alone.append(column.solve(chosen, own if own is None or own.any() else None))
        trust: Any = self.space.fusion
        decoder: Any = self.space.port(self.of.to).decoder
        v = principal_directions([whole, *alone], trust.mix.size)
        write_heads(self.space, self.joint, whole, alone, v)
        decoder.directions[trust.mix.size :][: len(v)] = torch.from_numpy(v).float()
        fit_subsets(trust.mix, self.joint, self.whole, self.alone, v, some)

    @property
    def enough(self) -> bool:
        """Is the regression all that there is to learn: of one frozen column, whose residuals do not bend?"""
        return self.single and self.joint is not None and not self.joint.bends(self.whole)

    def after(self, done: int, steps: int, sources: Mapping[str, Any]) -> None:
        """Called after each step."""
        if done == max(1, int(np.ceil((1 - self.of.final_share) * steps - 1e-9))):
            from kuamo.objectives.prediction.stacking import fit_stacking
            from kuamo.objectives.prediction.uncertainty import fit_uncertainty

            if self.joint is not None and not self.single:  # beside trained encoders, doubts have time to be learned
                fit_uncertainty(self.space, sources, self.of, self.held, self.marks)
            fit_stacking(self.space, self.table, self.cells, self.of.to, self.held, self.of)
        if done == steps:
            from kuamo.objectives.prediction.stacking import fit_stacking

            judges = np.flatnonzero(hash_uniform(self.marks["group"]) < JUDGES * self.of.calibration_share)
            fit_stacking(self.space, self.table, self.cells, self.of.to, judges, self.of, again=True)

    def end(self) -> list[Note]:
        """Called in the end; what to say."""
        trust: Any = self.space.fusion
        trust.spoiled = {}
        if self.joint is None:
            return []
        self.solve()
        names, count = " + ".join(self.joint.spans), self.joint.x.shape[1]
        return [Note("joint", columns=names, count=count, penalty=self.whole.penalty)]
