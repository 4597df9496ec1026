"""InfoNCE: partners are more alike than strangers.

    L = −½ mean_i [ mean_{j ∈ P(i)} log softmax_j(s_ij/τ) ] − ½ (the other way round),   s_ij = u_i · v_j

P(i): the entries of i's own row; several captions are several positives; a cell without a partner is only a negative.
The temperature τ is learned, log-scale clipped at log 100.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations
from math import log
from typing import TYPE_CHECKING, Any, ClassVar

from kuamo.objectives.base import Objective, Player

if TYPE_CHECKING:
    from kuamo.space import Space
    from kuamo.step import Step

__all__ = ["InfoNCE", "info_nce"]


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


@dataclass(frozen=True)
class InfoNCE(Objective):
    """Symmetric InfoNCE over every pair of columns.

    Args:
        temperature: where τ starts. learn_temperature: does it move?
    """

    needs: ClassVar[frozenset[str]] = frozenset({"pairs"})
    temperature: float = 0.07
    learn_temperature: bool = True

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

        scale = step.own["space"].log_scale.clamp(max=log(100.0)).exp()
        gathered = step.gather()
        losses = []
        for a, b in permutations(step.names, 2):
            (codes, rows), cells = gathered[b], step.cells[a]
            scores = scale * step.code(a).mean @ codes.T
            losses.append(step.mean(info_nce(scores, cells.row[:, None] == rows[None])))
        return torch.stack(losses).mean()
