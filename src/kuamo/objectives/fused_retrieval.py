"""What trains a fusion beside an objective that does not look at fused codes: a row's cells together find another cell.

    L = mean_i [ log Σ_j exp(z_i · v_j / τ) − mean_{j ∈ P(i)} z_i · v_j / τ ],     z_i = fuse(h_m, m ∈ S_i; t_i)

t_i is a random column of the row, v its cells in the whole batch, S_i two or more of the row's others: what a search
from several cells does. In half of the rows the fusion knows t_i. Where a target's own cell may ask, it is among S_i
in an eighth of them.

    balance = K Σ_k f_k mean_i g_ik,     f_k the share of rows whose first choice is expert k
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log
from typing import Any

import torch
from torch import nn

from kuamo.embedding.fusion import Mean
from kuamo.embedding.space import EmbeddingSpace
from kuamo.embedding.trained_fusion import TrainedFusion, random_subset
from kuamo.objectives.contrastive import info_nce
from kuamo.objectives.pairwise import Positives
from kuamo.objectives.vae import row_uniforms
from kuamo.training.distributed import sum_of
from kuamo.training.objective import Objective, Optimized
from kuamo.training.step import Step

__all__ = ["FusedRetrieval", "LoadBalance", "fused_for", "load_balance"]

WHOLE = 0.5  # of the rows are searched from all other cells
NAMED = 0.5  # of the rows name their target
OWN = 0.25  # of these have the target's own cell
BALANCE = 0.01  # weight of the load's balance, as in Switch Transformers


def fused_for(step: Step, code: Any, given: Any, target: Any) -> tuple[Any, Any]:
    """Codes (R, d) and weights (R, M) of what is given (R, M), for a target column (R,), −1 for none."""
    fusion = step.space.fusion
    if fusion is None:
        return Mean()(code, given)
    return fusion(code, given, target) if getattr(fusion, "targets", False) else fusion(code, given)


def load_balance(step: Step, fusion: TrainedFusion, code: Any, present: Any) -> Any:
    """K Σ_k f_k mean_i g_ik over rows with several cells; 0 of a fusion without experts. At least 1, if balanced."""
    g = fusion.gates(code, present)
    if g is None:
        return 0.0
    several = present.sum(1) > 1
    first = nn.functional.one_hot(g.detach().argmax(1), g.shape[1]) * several[:, None]
    share = sum_of(first.sum(0).to(g))
    return step.mean(g.shape[1] * (g * share / share.sum().clamp(min=1)).sum(1), several)


@dataclass(frozen=True)
class LoadBalance(Objective):
    """Experts of a fusion are chosen alike often; see the module."""

    def __call__(self, step: Step, player: str) -> Any:
        return load_balance(step, step.space.fusion, *step.stacked())


@dataclass(frozen=True)
class FusedRetrieval(Objective):
    """Several cells of a row, fused, find another of its cells; see the module.

    Args:
        positives: as for `InfoNCE`. temperature: where τ starts.
    """

    positives: Positives = "row"
    temperature: float = 0.07

    def build(self, space: EmbeddingSpace) -> dict[str, Optimized]:
        """The log-scale, trained with the space."""
        module = nn.Module()
        module.register_parameter("log_scale", nn.Parameter(torch.tensor(-log(self.temperature))))
        return {"space": Optimized(module)}

    def __call__(self, step: Step, player: str) -> Any:
        code, present = step.stacked()
        target, given, named = self.draw(step, present)
        fused = fused_for(step, code, given, torch.where(named, target, -1))[0].mean
        scale = step.own["space"].log_scale.clamp(max=log(100.0)).exp()
        key, everybody, losses = step.keys(self.positives), step.gather(), []
        for m, name in enumerate(step.names):
            codes, rows = everybody[name]
            asks = (target == m) & (given.sum(1) > 1)
            u, v = (self.comparable(step, one) for one in (fused[asks], codes))
            losses.append(info_nce(scale * u, v, key[step.batch.row[asks]], key[rows])[0])
        return step.mean(torch.cat(losses))

    def draw(self, step: Step, present: Any) -> tuple[Any, Any, Any]:
        """The target t (R,), the cells S (R, M), and whether t is named (R,), of each of this process's rows."""
        target = torch.where(present, row_uniforms(step, "fused target", 1)[..., 0], -1.0).argmax(1)
        itself = nn.functional.one_hot(target, present.shape[1]).bool() & present
        others = present & ~itself
        u = step.uniform("fused", step.batch.row, 3)
        some = random_subset(others, row_uniforms(step, "fused subset"))
        given = torch.where(u[:, :1] < WHOLE, others, some)
        named = u[:, 1] < NAMED
        own = named & (u[:, 2] < OWN) & step.space.fusion.reads_target
        return target, given | (itself & own[:, None]), named

    def comparable(self, step: Step, codes: Any) -> Any:
        """Codes whose dot product is the space's score."""
        return nn.functional.normalize(codes, dim=-1) if step.space.score == "cosine" else codes
