"""Contrast: partners are more alike than strangers.

    InfoNCE   L = −½ mean_i [ mean_{j ∈ P(i)} log softmax_j(s_ij/τ) ] − ½ (the other way round),   s_ij = u_i · v_j
    SigLIP    L = −mean_i Σ_j log σ(y_ij (s_ij/τ + b)),   y_ij = 1 for j ∈ P(i), −1 for the others

P(i): the entries of i's own row (several captions are several positives), or also those of all rows with its label or
group. A cell without a partner is only a negative. τ (log-scale clipped at log 100) and b are learned.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from itertools import permutations
from math import log
from typing import TYPE_CHECKING, Any, Literal

from kuamo.errors import KuamoError
from kuamo.objectives.base import Objective, Player

if TYPE_CHECKING:
    from kuamo.space import Space
    from kuamo.step import Step

__all__ = ["InfoNCE", "Positives", "SigLIP", "info_nce", "sig_lip"]

Positives = Literal["row", "label", "group"]
NEEDS = {"row": "pairs", "label": "labels", "group": "groups"}


def info_nce(scores: Any, positive: Any) -> Any:
    """−mean over positives of log softmax, for each row that has a positive.

    Args:
        scores: (n, m), already divided by τ. positive: (n, m) bool.

    Returns:
        (k,) losses of the k ≤ n rows with a positive.

    References:
        Representation Learning with Contrastive Predictive Coding, van den Oord et al., 2018; Learning Transferable
        Visual Models From Natural Language Supervision, Radford et al., 2021.

    Example:
        >>> import torch
        >>> info_nce(torch.zeros(2, 4), torch.eye(2, 4).bool()).exp()
        tensor([4., 4.])
    """
    import torch

    has = positive.any(-1)
    scores, positive = scores[has], positive[has]
    log_p = scores - torch.logsumexp(scores, dim=-1, keepdim=True)
    return -torch.where(positive, log_p, 0.0).sum(-1) / positive.sum(-1)


def sig_lip(scores: Any, positive: Any) -> Any:
    """−Σ_j log σ(± score): + where j is a partner, − where it is not, for each row.

    Args:
        scores: (n, m), already divided by τ, bias added. positive: (n, m) bool.

    Returns:
        (n,) losses.

    References:
        Sigmoid Loss for Language Image Pre-Training, Zhai, Mustafa, Kolesnikov and Beyer, 2023.

    Example:
        >>> import torch
        >>> sig_lip(torch.zeros(2, 4), torch.eye(2, 4).bool()).exp()
        tensor([16., 16.])
    """
    from torch.nn.functional import softplus

    return softplus(scores.where(~positive, -scores)).sum(-1)


@dataclass(frozen=True)
class Contrast(Objective, ABC):
    """What InfoNCE and SigLIP share: every ordered pair of columns, each process's own rows against all rows."""

    positives: Positives = "row"
    temperature: float = 0.07
    learn_temperature: bool = True

    def __post_init__(self) -> None:
        if self.positives not in NEEDS:
            raise KuamoError(f"positives: given {self.positives!r}; expected one of {list(NEEDS)}")

    @property
    def needs(self) -> frozenset[str]:  # type: ignore[override]
        """Pairs, or labels, or groups: rows that share one need no other pair."""
        return frozenset({NEEDS[self.positives]})

    def build(self, space: Space) -> dict[str, Player]:
        """The log-scale, trained with the space."""
        import torch
        from torch import nn

        module = nn.Module()
        scale = torch.tensor(-log(self.temperature))
        module.register_parameter("log_scale", nn.Parameter(scale, requires_grad=self.learn_temperature))
        return {"space": Player(module)}

    def __call__(self, step: Step, player: str) -> Any:
        """Mean over ordered pairs of columns."""
        if player != "space":
            return None
        import torch

        own = step.own["space"]
        scale = own.log_scale.clamp(max=log(100.0)).exp()
        gathered = step.gather()
        losses = []
        for a, b in permutations(step.names, 2):
            (codes, rows), row = gathered[b], step.cells[a].row
            scores = scale * step.code(a).mean @ codes.T
            losses.append(step.mean(self.losses(scores, step.positive(row, rows, self.positives), own)))
        return torch.stack(losses).mean()

    @abstractmethod
    def losses(self, scores: Any, positive: Any, own: Any) -> Any:
        """(k,) one for each of this process's rows that has one."""


@dataclass(frozen=True)
class InfoNCE(Contrast):
    """Symmetric InfoNCE over every pair of columns.

    Args:
        positives: partners are entries of one `"row"`, or also of all rows with the same `"label"` or `"group"`. A row
            without a label is a partner to itself alone.
        temperature: where τ starts. learn_temperature: does it move?

    Raises:
        KuamoError: unknown positives.

    References:
        Learning Transferable Visual Models From Natural Language Supervision, Radford et al., 2021; Supervised
        Contrastive Learning, Khosla et al., 2020 (several positives).
    """

    def losses(self, scores: Any, positive: Any, own: Any) -> Any:
        """See `info_nce`."""
        return info_nce(scores, positive)


@dataclass(frozen=True)
class SigLIP(Contrast):
    """The sigmoid loss over every pair of columns: each pair of entries is judged by itself.

    Args:
        positives, temperature, learn_temperature: as for `InfoNCE`; τ starts at 1/10.
        bias: where b starts; so low that at first nothing is thought to be a partner, as most are not.

    References:
        Sigmoid Loss for Language Image Pre-Training, Zhai, Mustafa, Kolesnikov and Beyer, 2023.
    """

    temperature: float = 0.1
    bias: float = -10.0

    def build(self, space: Space) -> dict[str, Player]:
        """The log-scale and the bias, trained with the space."""
        import torch
        from torch import nn

        players = super().build(space)
        players["space"].module.register_parameter("bias", nn.Parameter(torch.tensor(self.bias)))
        return players

    def losses(self, scores: Any, positive: Any, own: Any) -> Any:
        """See `sig_lip`."""
        return sig_lip(scores + own.bias, positive)
