"""Low-rank tensor fusion: the outer product of a row's codes, never written out.

    z = mean_m h_m + [n ≥ 2] W_o Π_{m present} W_m [φ(h_m), 1]

W_m [φ, 1] has R numbers; their product over columns holds every product of one number of each column, and by the 1
every product of fewer. Absent columns are left out of the product.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from kuamo.core.validation import check_int
from kuamo.embedding.attention import code_features
from kuamo.embedding.embedding import Embedding
from kuamo.embedding.trained_fusion import FusionSpec, TrainedFusion, equal_weights, for_each, weighted

__all__ = ["TensorFusion", "TrainedTensorFusion"]


@dataclass(frozen=True)
class TensorFusion(FusionSpec):
    """Low-rank tensor fusion: products of numbers of different columns, beside the mean.

    Args:
        rank: R, how many products.
        keep: `"better"` takes the mean instead where held-out rows do not gain; `"always"` does not.

    Raises:
        KuamoError: a rank below 1.

    References:
        Tensor Fusion Network for Multimodal Sentiment Analysis, Zadeh et al., 2017; Efficient Low-rank Multimodal
        Fusion with Modality-Specific Factors, Liu et al., 2018.

    Example:
        >>> TensorFusion(8).bind(["a", "b"], 4)(Embedding(torch.ones(1, 2, 4)), torch.tensor([[True, True]]))[1]
        tensor([[0.5000, 0.5000]])
    """

    rank: int = 64
    keep: str = field(default="better", kw_only=True)

    def __post_init__(self) -> None:
        self.check_keep()
        check_int(1, rank=self.rank)

    def bind(self, names: Sequence[str], dim: int) -> TrainedTensorFusion:
        """See `FusionSpec.bind`."""
        return TrainedTensorFusion(names, dim, self.rank)


class TrainedTensorFusion(TrainedFusion):
    """`TensorFusion` of a space's columns."""

    def __init__(self, names: Sequence[str], dim: int, rank: int = 64, targets: bool = False) -> None:
        super().__init__(names, dim, targets)
        self.rank = rank
        self.factors = for_each(names, lambda: nn.Linear(dim + 1, rank))
        self.out = nn.Linear(rank, dim, bias=False)
        nn.init.normal_(self.out.weight, std=0.01 / rank**0.5)

    def forward(self, code: Embedding, present: Tensor, target: Tensor | None = None) -> tuple[Embedding, Tensor]:
        """See `TrainedFusion`; the weights are those of the mean."""
        weights = equal_weights(present)
        mean = weighted(code, present, weights)
        phi = code_features(torch.where(present[..., None], code.mean, 0.0))
        factors = torch.stack([net(phi[:, m]) for m, net in enumerate(self.factors)], 1)
        product = torch.where(present[..., None], factors, 1.0).prod(1)
        several = (present.sum(1) > 1)[:, None]
        return Embedding(mean.mean + torch.where(several, self.out(product), 0.0), mean.logvar), weights

    def config(self) -> dict[str, Any]:
        """What the constructor takes."""
        return {**super().config(), "rank": self.rank}
