"""Learning curves: losses and gradient norms of single columns, in the course of a training.

A term reports each column's own losses (`Step.log_column_loss`). Their sums, over all processes, are one small table
for each step, of which the lines of a record are means.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from kuamo.core.modules import is_module
from kuamo.embedding.space import EmbeddingSpace
from kuamo.training.callback import Callback, ColumnLosses, LoopState
from kuamo.training.config import LearningCurves
from kuamo.training.distributed import sum_of

__all__ = ["ColumnMonitor"]

SUMS = 3  # Σ ℓ, Σ exp(−ℓ), n


class ColumnMonitor(Callback):
    """What `ColumnCurves` reads, into `space.info["learning"]`.

    Args:
        record: when to write a line. terms: names of the objective's terms.
    """

    def __init__(self, record: LearningCurves, terms: Sequence[str]) -> None:
        self.record, self.terms = record, list(terms)
        self.lines: dict[str, list[Any]] = {"steps": [], "sums": [], "gradient": [], "held": []}

    def on_start(self, loop: LoopState) -> None:
        """Nothing is seen yet."""
        self.own = own_parameters(loop.space)
        self.columns = list(self.own)
        self.since = np.zeros((len(self.terms), len(self.columns), SUMS))
        self.norms = np.zeros((len(self.columns), 2))

    def on_step(self, loop: LoopState) -> None:
        """Add up losses and norms of gradients (those of all processes); write a line where it is due."""
        self.since += self.sums(loop.column_losses)
        for number, name in enumerate(self.columns):
            norms = [p.grad.square().sum() for p in self.own[name] if p.grad is not None]
            self.norms[number] += (float(torch.stack(norms).sum().sqrt()), 1) if norms else (0.0, 0)
        if loop.done % self.record.every == 0 or loop.done == loop.training.steps:
            self.write(loop.done, loop.held_losses())

    def on_end(self, loop: LoopState) -> None:
        """Keep the lines with the space."""
        loop.space.info["learning"] = self.to_dict()

    def sums(self, column_losses: ColumnLosses) -> np.ndarray:
        """(terms, M, 3), of all processes."""
        out = torch.zeros(len(self.terms), len(self.columns), SUMS, dtype=torch.float64)
        for term, those in column_losses.items():
            for name, losses in those:
                losses = losses.double()
                some = torch.stack(
                    [losses.sum(), (-losses).exp().sum(), torch.tensor(len(losses), dtype=torch.float64)]
                )
                out[term, self.columns.index(name)] += some
        return sum_of(out).numpy()

    def write(self, done: int, held: ColumnLosses | None) -> None:
        """Write a line, and begin the next."""
        self.lines["steps"].append(done)
        self.lines["sums"].append(self.since.tolist())
        self.lines["gradient"].append([None if n == 0 else total / n for total, n in self.norms.tolist()])
        if held is not None:
            self.lines["held"].append(self.sums(held).tolist())
        self.since[:], self.norms[:] = 0, 0

    def to_dict(self) -> dict[str, Any]:
        """What `ColumnCurves` reads; plain data."""
        out: dict[str, Any] = {
            "columns": self.columns,
            "steps": self.lines["steps"],
            "gradient": self.lines["gradient"],
        }
        for key, lines, which in (("loss", "sums", 0), ("score", "sums", 1), ("held", "held", 0)):
            sums = np.array(self.lines[lines]).reshape(-1, len(self.terms), len(self.columns), SUMS)
            column_losses = sums[..., 2].sum(axis=(0, 2)) > 0
            out[key] = {
                name: [[float(s[which] / s[2]) if s[2] else None for s in line[number]] for line in sums]
                for number, name in enumerate(self.terms)
                if column_losses[number]
            }
        return out

    def state(self) -> dict[str, Any]:
        """For the run folder, so that a run that was killed goes on with the same lines."""
        return {"lines": self.lines, "since": self.since.tolist(), "norms": self.norms.tolist()}

    def load_state(self, state: Mapping[str, Any]) -> None:
        self.lines = dict(state["lines"])
        self.since, self.norms = np.array(state["since"]).reshape(self.since.shape), np.array(state["norms"])


def own_parameters(space: EmbeddingSpace) -> dict[str, list[Tensor]]:
    """Column → trainable parameters of its encoder and head that no other column shares."""
    found = {
        port.name: [
            p for part in (port.encoder, port.head) if is_module(part) for p in part.parameters() if p.requires_grad
        ]
        for port in space.ports
    }
    times: dict[int, int] = {}
    for parameters in found.values():
        for one in {id(p) for p in parameters}:
            times[one] = times.get(one, 0) + 1
    return {name: [p for p in parameters if times[id(p)] == 1] for name, parameters in found.items()}
