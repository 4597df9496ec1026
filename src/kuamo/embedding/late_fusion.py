"""Late fusion: each column answers alone, and its answers count as much as the column has earned.

    s(z, h) = Σ_m a_m s(h_m, h),     a_m = softmax_m(b_m + c_{t, m}) over what is present

Scores are linear in a code, so the weighted sum of columns' scores is the score of z = Σ a_m h_m. Weights know which
column it is and which is wanted, t, and nothing of the cells: what attention adds is seen beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from kuamo.embedding.embedding import Embedding
from kuamo.embedding.trained_fusion import FusionSpec, TrainedFusion, weighted

__all__ = ["LateFusion", "TrainedLateFusion"]


@dataclass(frozen=True)
class LateFusion(FusionSpec):
    """A learned weight for each column, and for each column that is wanted, the same in every row.

    Args:
        keep: `"better"` takes the mean instead where held-out rows do not gain; `"always"` does not.

    Raises:
        KuamoError: another `keep`.

    References:
        Multimodal Machine Learning: A Survey and Taxonomy, Baltrušaitis, Ahuja and Morency, 2019.

    Example:
        >>> LateFusion().bind(["a", "b"], 4)(Embedding(torch.ones(1, 2, 4)), torch.tensor([[True, True]]))[1].detach()
        tensor([[0.5000, 0.5000]])
    """

    keep: str = field(default="better", kw_only=True)

    def __post_init__(self) -> None:
        self.check_keep()

    def bind(self, names: Sequence[str], dim: int) -> TrainedLateFusion:
        """See `FusionSpec.bind`."""
        return TrainedLateFusion(names, dim)


class TrainedLateFusion(TrainedFusion):
    """`LateFusion` of a space's columns."""

    def __init__(self, names: Sequence[str], dim: int, targets: bool = False) -> None:
        super().__init__(names, dim, targets)
        self.bias = nn.Parameter(torch.zeros(len(names)))
        self.wanted = nn.Parameter(torch.zeros(len(names), len(names)))

    def forward(self, code: Embedding, present: Tensor, target: Tensor | None = None) -> tuple[Embedding, Tensor]:
        """See `TrainedFusion`."""
        score = self.bias.expand(present.shape)
        if target is not None:
            score = score + torch.where((target >= 0)[:, None], self.wanted[target.clamp(min=0)], 0.0)
        score = torch.where(present, score, torch.finfo(score.dtype).min)
        weights = torch.where(present, torch.softmax(score, -1), 0.0)
        return weighted(code, present, weights), weights
