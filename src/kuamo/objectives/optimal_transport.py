"""Transport: unpaired cells of two columns are matched as a whole, and what is matched is drawn together.

    P = argmax_P ⟨P, s⟩ + ε H(P)   over plans with P 1 = a, Pᵀ 1 = b;      P_ij = exp((s_ij + f_i + g_j)/ε)

    Sinkhorn   L = −½ mean_i Σ_j (P_ij/a_i) log softmax_j(s_ij/τ) − ½ (the other way round),   P from s itself
    KLOT       L = KL(P* ‖ P),  P* from the scores of a teacher;   ∂L/∂s = (P − P*)/ε, as ∂(⟨f, a⟩ + ⟨g, b⟩)/∂s = −P

For columns a and b a cell is unpaired if its row has the one and not the other. Both need a start that pairs gave: a
plan between spaces that have nothing to do with each other is a plan all the same.
"""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from copy import deepcopy
from dataclasses import dataclass
from itertools import combinations
from typing import Any, ClassVar

import torch
from torch import nn

from kuamo.core.errors import KuamoError, PlanWarning
from kuamo.core.messages import Note
from kuamo.core.modules import is_trainable
from kuamo.embedding.space import EmbeddingSpace
from kuamo.training.distributed import gather_rows
from kuamo.training.objective import Objective, Optimized
from kuamo.training.step import Step

__all__ = ["KLOT", "Sinkhorn", "Transport", "plan_cross_entropy", "plan_kl", "sinkhorn"]

BLOCK = 20
LOOSE = 0.05  # of a marginal: a plan that is further off is another one than was asked for
FLOOR = -80.0  # exp of less is subnormal in float32, and thirty times as slow


def sinkhorn(
    scores: Any, *, eps: float, iterations: int = 100, a: Any = None, b: Any = None, tolerance: float = 1e-6
) -> Any:
    """The logarithm of the entropic transport plan, by Sinkhorn's iterations.

    Potentials are kept in the log domain; between two looks at them, `BLOCK` iterations run as products with the plan
    so far. Its columns sum to b up to rounding; its rows sum to a within `tolerance` (relative), or as near as
    `iterations` have come.

    Args:
        scores: (n, m), the more the better. eps: ε. iterations: at most, of both sides.
        a, b: (n,) and (m,) marginals, both of sum 1; `None` is uniform.

    Returns:
        (n, m) log P.

    References:
        Sinkhorn Distances: Lightspeed Computation of Optimal Transport, Cuturi, 2013; Stabilized Sparse Scaling
        Algorithms for Entropy Regularized Transport Problems, Schmitzer, 2019.

    Example:
        >>> import torch
        >>> sinkhorn(torch.eye(2), eps=0.1).exp().round(decimals=3)
        tensor([[0.5000, 0.0000],
                [0.0000, 0.5000]])
    """
    if not eps > 0:
        raise KuamoError(f"given eps={eps}; expected a positive number")
    s, (n, m) = scores / eps, scores.shape
    if n == 0 or m == 0:
        return s
    a = torch.full_like(s[:, 0], 1 / n) if a is None else a
    b = torch.full_like(s[0], 1 / m) if b is None else b
    f, g = torch.zeros_like(a), torch.zeros_like(b)
    for done in range(0, iterations, BLOCK):
        f = a.log() - stable_log_sum_exp(s + g, 1)
        g = b.log() - stable_log_sum_exp(s + f[:, None], 0)
        plan, u, v = (s + f[:, None] + g).clamp(min=FLOOR).exp(), torch.ones_like(a), torch.ones_like(b)
        for _ in range(min(BLOCK, iterations - done) - 1):
            u = a / (plan @ v)
            v = b / (u @ plan)
        f, g = f + u.log(), g + v.log()
        off = (u * (plan @ v) / a - 1).abs().max()
        if off <= tolerance:
            break
    else:
        if off > LOOSE:
            warnings.warn(Note("plan_unfinished", off=100 * float(off), count=iterations, eps=eps), PlanWarning, 2)
    return s + f[:, None] + g


def stable_log_sum_exp(x: Any, dim: int) -> Any:
    """log Σ exp x along one axis, without subnormal numbers."""
    top = x.amax(dim, keepdim=True)
    return (x - top).clamp(min=FLOOR).exp().sum(dim).log() + top.squeeze(dim)


def plan_cross_entropy(scores: Any, log_plan: Any, temperature: float) -> Any:
    """−Σ_j (P_ij/Σ_k P_ik) log softmax_j(s_ij/τ): InfoNCE whose positives are a plan's, for each row.

    Args:
        scores, log_plan: (n, m). temperature: τ.

    Returns:
        (n,) losses.

    Example:
        >>> import torch
        >>> plan_cross_entropy(torch.zeros(2, 4), torch.zeros(2, 4), 0.1).exp()
        tensor([4., 4.])
    """
    return -(log_plan.softmax(-1) * (scores / temperature).log_softmax(-1)).sum(-1)


def plan_kl(scores: Any, log_target: Any, *, eps: float, iterations: int = 100) -> Any:
    """KL(P* ‖ P) of a given plan and that of the scores, with the gradient (P − P*)/ε: nothing is unrolled.

    Args:
        scores, log_target: (n, m), s and log P*, of uniform marginals. eps: ε of P, not of P*.

    Returns:
        (n, m) the share of each pair in the sum.

    References:
        SOTAlign: Semi-Supervised Alignment of Unimodal Vision and Language Models via Optimal Transport, Roschmann,
        Krzakala, Mazelet, Bouniot and Akata, 2026.

    Example:
        >>> import torch
        >>> plan_kl(torch.eye(2), sinkhorn(torch.eye(2), eps=0.1), eps=0.1).sum().abs() < 1e-6
        tensor(True)
    """
    log_plan, target = sinkhorn(scores.detach(), eps=eps, iterations=iterations), log_target.exp()
    pull = (log_plan.exp() - target) / eps
    return target * (log_target - log_plan) + pull * (scores - scores.detach())


@dataclass(frozen=True)
class Transport(Objective, ABC):
    """What Sinkhorn and KLOT share: the unpaired codes of every two columns, of all processes at once."""

    needs: ClassVar[frozenset[str]] = frozenset({"pairs", "unpaired"})
    eps: float = 0.05
    iterations: int = 100

    def __post_init__(self) -> None:
        if not self.eps > 0 or self.iterations < 1:
            raise KuamoError(f"given eps={self.eps}, iterations={self.iterations}; expected positive numbers")

    def __call__(self, step: Step, player: str) -> Any:
        """Mean over pairs of columns; each process answers for its own rows."""
        codes, known, losses = step.gather(), self.known(step), []
        for a, b in combinations(sorted(step.names), 2):
            (u, row_a), (v, row_b) = codes[a], codes[b]
            at_a, at_b = ~torch.isin(row_a, row_b), ~torch.isin(row_b, row_a)
            teacher = known[a][at_a] @ known[b][at_b].T if known else None
            by_a, by_b = self.losses(u[at_a] @ v[at_b].T, teacher)
            ours_a, ours_b = (torch.isin(row, step.batch.row) for row in (row_a[at_a], row_b[at_b]))
            losses.append(step.mean(by_a[ours_a]) + step.mean(by_b[ours_b]))
        return torch.stack(losses).mean()

    def known(self, step: Step) -> dict[str, Any]:
        """Column → the teacher's codes of the entries of all processes; nothing if there is no teacher."""
        return {}

    @abstractmethod
    def losses(self, scores: Any, teacher: Any) -> tuple[Any, Any]:
        """(n,) and (m,) whose means add up to the loss, given (n, m) scores and the teacher's."""


@dataclass(frozen=True)
class Sinkhorn(Transport):
    """Self-training: the plan between unpaired codes is the soft answer of an InfoNCE.

    Args:
        eps: ε of the plan: the smaller, the surer. iterations: of Sinkhorn's.
        temperature: τ of the softmax that follows the plan.

    Raises:
        KuamoError: eps, temperature or iterations are not positive.

    References:
        Sinkhorn Distances: Lightspeed Computation of Optimal Transport, Cuturi, 2013; Self-labelling via simultaneous
        clustering and representation learning, Asano, Rupprecht and Vedaldi, 2020 (plans as answers).
    """

    temperature: float = 0.07

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.temperature > 0:
            raise KuamoError(f"given temperature={self.temperature}; expected a positive number")

    def losses(self, scores: Any, teacher: Any) -> tuple[Any, Any]:
        """See `plan_cross_entropy`: half for each direction."""
        plan = sinkhorn(scores.detach(), eps=self.eps, iterations=self.iterations)
        return 0.5 * plan_cross_entropy(scores, plan, self.temperature), 0.5 * plan_cross_entropy(
            scores.T, plan.T, self.temperature
        )


@dataclass(frozen=True)
class KLOT(Transport):
    """The plan of the codes is drawn to the plan that the codes of the start have, a sharper one.

    The teacher is the space as the fit found it: the closed form of the pairs, or `start=`. It never moves.

    Args:
        eps: ε of the student's plan, in the gradient too. sharp: ε of the teacher's plan. iterations: of Sinkhorn's.

    Raises:
        KuamoError: eps, sharp or iterations are not positive; Gaussian codes, which have no closed form to start at.

    References:
        SOTAlign: Semi-Supervised Alignment of Unimodal Vision and Language Models via Optimal Transport, Roschmann,
        Krzakala, Mazelet, Bouniot and Akata, 2026. They weigh it 1e-3 to 1e-5 beside SigLIP of the pairs.
    """

    sharp: float = 0.005

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.sharp > 0:
            raise KuamoError(f"given sharp={self.sharp}; expected a positive number")

    def build(self, space: EmbeddingSpace) -> dict[str, Optimized]:
        """The teacher: frozen copies of the heads as they start, saved and resumed with the run."""
        return {"space": Optimized(teacher_of(space))}

    def known(self, step: Step) -> dict[str, Any]:
        teacher, codes = step.own["space"], {}
        with torch.no_grad():
            for name in step.names:
                parts = [teacher(name, part) for part in step.cells[name].parts()]
                codes[name] = gather_rows(torch.cat([torch.zeros(0, step.space.dim), *parts]))
        return codes

    def losses(self, scores: Any, teacher: Any) -> tuple[Any, Any]:
        """See `plan_kl`: shares times their number, so that the means add up to the divergence."""
        target = sinkhorn(teacher, eps=self.sharp, iterations=self.iterations)
        share, (n, m) = plan_kl(scores, target, eps=self.eps, iterations=self.iterations), scores.shape
        return 0.5 * n * share.sum(1), 0.5 * m * share.sum(0)


def teacher_of(space: EmbeddingSpace) -> Any:
    """A module (column, cells' x) → codes (n, d), as the space gives them now."""
    for port in space.ports:
        if port.head.gaussian:
            raise KuamoError(f"column {port.name!r}: given Gaussian codes; expected points, for KLOT to have a teacher")
    names = [port.name for port in space.ports]

    class Teacher(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            learned = [port.encoder if is_trainable(port.encoder) else nn.Identity() for port in space.ports]
            self.encoders = nn.ModuleList(deepcopy(learned))
            self.heads = nn.ModuleList(deepcopy([port.head for port in space.ports]))
            self.requires_grad_(False)

        def forward(self, name: str, x: Any) -> Any:
            at = names.index(name)
            self.eval()
            return self.heads[at](self.encoders[at](x)).mean

    return Teacher()
