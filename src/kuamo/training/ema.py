"""Moving averages of weights, which take the weights' place when a fit ends."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

__all__ = ["EMA"]


class EMA:
    """The moving average of a module's weights: a ← d a + (1 − d) w, d = min(decay, (1 + t)/(10 + t)) in step t.

    Torch's `AveragedModel` copies the whole module and cannot give back what stood there.

    Example:
        >>> average = EMA(nn.Linear(1, 1, bias=False), 0.5)
        >>> average.update(0)
        >>> average.take_place()
    """

    def __init__(self, module: nn.Module, decay: float) -> None:
        self.module, self.decay = module, decay
        self.weights = {name: p.detach().clone() for name, p in module.named_parameters()}

    def update(self, step: int) -> None:
        """After a step."""
        decay = min(self.decay, (1 + step) / (10 + step))
        for name, parameter in self.module.named_parameters():
            self.weights[name].lerp_(parameter.detach(), 1 - decay)

    def take_place(self) -> None:
        """The module's weights are from now on their averages."""
        self.put(self.weights)

    def swap(self) -> dict[str, Tensor]:
        """Put the averages in, and give back what stood there."""
        held = {name: p.detach().clone() for name, p in self.module.named_parameters()}
        self.take_place()
        return held

    def put(self, weights: Mapping[str, Tensor]) -> None:
        """Give the module these weights."""
        with torch.no_grad():
            for name, parameter in self.module.named_parameters():
                parameter.copy_(weights[name])
