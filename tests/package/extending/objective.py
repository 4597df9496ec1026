"""Alignment and uniformity."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch.nn.functional import normalize

from kuamo.objectives import Objective

__all__ = ["Uniform"]


@dataclass(frozen=True)
class Uniform(Objective):
    """‖x − y‖² + weight · log mean exp(−2 ‖x_i − x_j‖²) over pairs of the first two columns, codes of length 1.

    References:
        Understanding Contrastive Representation Learning through Alignment and Uniformity, Wang and Isola, 2020.
    """

    needs = frozenset({"pairs"})
    weight: float = 1.0

    def __call__(self, step: Any, player: str) -> torch.Tensor:
        codes, present = step.stacked()
        both = present[:, :2].all(1)
        x, y = normalize(codes.mean[both, 0], dim=-1), normalize(codes.mean[both, 1], dim=-1)
        apart = torch.log(torch.exp(-2 * (x[:, None] - x[None]).square().sum(-1)).mean())
        return step.mean((x - y).square().sum(-1)) + self.weight * apart
