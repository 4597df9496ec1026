"""What fusions share, and those that are trained: a description that users give, and the module that a fit makes of it.

    z = fuse(h_m, m present; t),     a row with one cell is that cell's code

t is the column that the code is to find or to be decoded into, where one is named. Modules know columns by name: their
parameters are drawn in the order of names, so that the order of columns changes nothing.
"""

from __future__ import annotations

import importlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from kuamo.core.errors import KuamoError
from kuamo.embedding.embedding import Embedding
from kuamo.embedding.parts import part_dims

__all__ = ["FusionSpec", "TrainedFusion", "bind_to", "fusion_from_config"]

TRAINED = {
    "TrainedAttention": "kuamo.embedding.attention",
    "TrainedCrossAttention": "kuamo.embedding.cross_attention",
    "TrainedGating": "kuamo.embedding.gating",
    "TrainedLateFusion": "kuamo.embedding.late_fusion",
    "TrainedTensorFusion": "kuamo.embedding.tensor_fusion",
}
"""Name of a module → where it is."""


class FusionSpec(ABC):
    """How codes of several cells become one, in words: what `fit(fusion=)` takes."""

    reads_parts: ClassVar[bool] = False
    """Are the parts of cells looked at? `bind` then takes their sizes too."""

    keep: str = "better"
    """`"better"`: where rows that are held out do not gain by it, the mean is taken; `"always"`: it is kept."""

    def check_keep(self) -> None:
        """Refuse another word.

        Raises:
            KuamoError: `keep` is none of the two.
        """
        if self.keep not in ("better", "always"):
            raise KuamoError(f"given keep={self.keep!r}; expected 'better' or 'always'")

    @abstractmethod
    def bind(self, names: Sequence[str], dim: int) -> TrainedFusion:
        """The module of a space with these columns, whose codes have d numbers."""


class TrainedFusion(nn.Module):
    """A fusion with parameters, of a space's columns.

    Args:
        names: M columns, in the space's order. dim: d. targets: is it trained to know which column is asked for?
    """

    reads_target: ClassVar[bool] = False
    """Does a target's own cell ask, where it is present?"""

    reads_parts: ClassVar[bool] = False
    """Are the parts of cells looked at?"""

    has_experts: ClassVar[bool] = False
    """Are there experts, whose load is balanced?"""

    def __init__(self, names: Sequence[str], dim: int, targets: bool = False) -> None:
        super().__init__()
        self.names, self.dim, self.targets = list(names), dim, targets

    def place(self, name: str) -> int:
        """m of a column."""
        return self.names.index(name)

    def forward(self, code: Embedding, present: Tensor, target: Tensor | None = None) -> tuple[Embedding, Tensor]:
        """Codes (B, M, d), present (B, M), target (B,), −1 for none → Embedding (B, d), weights (B, M)."""
        raise NotImplementedError

    def joint(self, code: Embedding, present: Tensor) -> Embedding:
        """Codes (B, M, d), present (B, M) → Embedding (B, d)."""
        return self(code, present)[0]

    def choose(self, present: Tensor, uniform: Tensor) -> Tensor:
        """Which modalities (B, M) a training row is encoded from: a random subset; see `random_subset`."""
        return random_subset(present, uniform)

    def gates(self, code: Embedding, present: Tensor) -> Tensor | None:
        """Probabilities (B, K) of experts, whose load is balanced; `None` where there are none."""
        return None

    def config(self) -> dict[str, Any]:
        """What the constructor takes."""
        return {"names": self.names, "dim": self.dim, "targets": self.targets}


def fusion_from_config(item: Mapping[str, Any]) -> TrainedFusion:
    """A module without its weights, of `{"type": …, "config": …}`."""
    module = importlib.import_module(TRAINED[item["type"]])
    return getattr(module, item["type"])(**item["config"])


def bind_to(spec: FusionSpec, ports: Sequence[Any], dim: int) -> TrainedFusion:
    """The module of a space with these ports."""
    sizes = {"part_dims": part_dims(ports)} if spec.reads_parts else {}
    return spec.bind([port.name for port in ports], dim, **sizes)


def for_each(names: Sequence[str], make: Callable[[], nn.Module]) -> nn.ModuleList:
    """A module for each column, drawn in the order of their names."""
    made = {name: make() for name in sorted(names)}
    return nn.ModuleList([made[name] for name in names])


def random_subset(present: Tensor, uniform: Tensor) -> Tensor:
    """A non-empty subset (B, M) of what is present (B, M), each with equal probability; uniform: (B, M, K) in [0, 1).

    Example:
        >>> random_subset(torch.tensor([[True, True]]), torch.tensor([[[0.9], [0.1]]]))
        tensor([[False,  True]])
    """
    # Fair coins until one falls for someone: order of columns does not matter, every subset is as likely.
    coins = (uniform < 0.5) & present[..., None]
    round_ = coins.any(1).long().argmax(-1)
    chosen = torch.gather(coins, 2, round_[:, None, None].expand(-1, present.shape[1], 1))[..., 0]
    return torch.where(chosen.any(-1, keepdim=True), chosen, present)


def equal_weights(present: Tensor) -> Tensor:
    """1/n (B, M) of n that are present, 0 of the rest."""
    return present / present.sum(-1, keepdim=True).clamp(min=1)


def weighted(code: Embedding, present: Tensor, weights: Tensor) -> Embedding:
    """Σ a_m h_m (B, d), means and log-variances, of codes (B, M, d); what is absent meets no arithmetic."""

    def combine(values: Any) -> Any:
        return None if values is None else (weights[..., None] * torch.where(present[..., None], values, 0.0)).sum(1)

    return Embedding(combine(code.mean), combine(code.logvar))
