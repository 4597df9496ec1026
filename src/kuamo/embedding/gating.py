"""Gating: a mixture of experts over what a row has.

    z = mean_m h_m + [n ≥ 2] Σ_k g_k E_k x,     g = softmax(G(x)),     x = [φ(h_m) present_m, present_m]_m

Each expert is linear, and the gate chooses by what the cells say: an expert may follow one column where the gate has
seen another's sign. Experts begin at 0, so that z begins as the mean. The gate's load is balanced by K Σ_k f_k ḡ_k, f_k
the share of rows whose first choice is k.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from kuamo.core.validation import check_int
from kuamo.embedding.attention import code_features
from kuamo.embedding.embedding import Embedding
from kuamo.embedding.trained_fusion import FusionSpec, TrainedFusion, equal_weights, for_each, weighted

__all__ = ["Gating", "TrainedGating"]


@dataclass(frozen=True)
class Gating(FusionSpec):
    """A mixture of experts over the codes of a row, with a balanced load.

    Args:
        experts: K. hidden: width of the gate.
        keep: `"better"` takes the mean instead where held-out rows do not gain; `"always"` does not.

    Raises:
        KuamoError: fewer than two experts.

    References:
        Outrageously Large Neural Networks: The Sparsely-Gated Mixture-of-Experts Layer, Shazeer et al., 2017; Switch
        Transformers, Fedus, Zoph and Shazeer, 2022 (the balance).

    Example:
        >>> Gating(3).bind(["a", "b"], 4)(Embedding(torch.ones(1, 2, 4)), torch.tensor([[True, True]]))[1]
        tensor([[0.5000, 0.5000]])
    """

    experts: int = 4
    hidden: int = 64
    keep: str = field(default="better", kw_only=True)

    def __post_init__(self) -> None:
        self.check_keep()
        check_int(2, experts=self.experts)
        check_int(1, hidden=self.hidden)

    def bind(self, names: Sequence[str], dim: int) -> TrainedGating:
        """See `FusionSpec.bind`."""
        return TrainedGating(names, dim, self.experts, self.hidden)


class TrainedGating(TrainedFusion):
    """`Gating` of a space's columns."""

    has_experts: ClassVar[bool] = True

    def __init__(
        self, names: Sequence[str], dim: int, experts: int = 4, hidden: int = 64, targets: bool = False
    ) -> None:
        super().__init__(names, dim, targets)
        self.given = {"experts": experts, "hidden": hidden}
        self.enter = for_each(names, lambda: nn.Linear(dim + 2, hidden, bias=False))
        self.gate = nn.Sequential(nn.GELU(), nn.Linear(hidden, experts))
        self.mix = for_each(names, lambda: nn.Linear(dim + 2, experts * dim, bias=False))
        with torch.no_grad():
            for parameter in self.mix.parameters():
                parameter.mul_(0.02)

    def gates(self, code: Embedding, present: Tensor) -> Tensor:
        """g (B, K)."""
        return torch.softmax(self.gate(self.summed(self.enter, self.cells(code, present))), -1)

    def forward(self, code: Embedding, present: Tensor, target: Tensor | None = None) -> tuple[Embedding, Tensor]:
        """See `TrainedFusion`; the weights are those of the mean."""
        weights = equal_weights(present)
        mean = weighted(code, present, weights)
        said = self.summed(self.mix, self.cells(code, present)).unflatten(-1, (-1, self.dim))
        more = (self.gates(code, present)[..., None] * said).sum(1)
        several = (present.sum(1) > 1)[:, None]
        return Embedding(mean.mean + torch.where(several, more, 0.0), mean.logvar), weights

    def cells(self, code: Embedding, present: Tensor) -> Tensor:
        """[φ(h_m), 1] of what is present, and 0 (B, M, d + 2)."""
        h = torch.where(present[..., None], code.mean, 0.0)
        return torch.cat([code_features(h), torch.ones_like(h[..., :1])], -1) * present[..., None]

    def summed(self, nets: nn.ModuleList, cells: Tensor) -> Tensor:
        """Σ_m W_m x_m (B, k)."""
        return torch.stack([net(cells[:, m]) for m, net in enumerate(nets)], 0).sum(0)

    def config(self) -> dict[str, Any]:
        """What the constructor takes."""
        return {**super().config(), **self.given}
