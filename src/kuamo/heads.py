"""The trainable head: features → Code.

h' = (h − s) · g,   z = W h' + b [+ MLP(h')];   Gaussian: logvar = V h' + c

point codes: unit norm, then · scale, or · scale, then unit norm, as in `codes.SolvedHead`
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from kuamo.closed_form import LinearMap
from kuamo.codes import Code, SolvedHead

__all__ = ["TrainableHead"]


class TrainableHead(nn.Module):
    """A linear head, with an optional residual perceptron and an optional variance.

    Args:
        dim_in: D. dim: d. hidden: width of the perceptron, 0 for none; its last layer starts at zero.
        gaussian: codes with a variance, without unit norm.
        norm: of point codes, unit norm "before" the weights or "after" them.

    Example:
        >>> head = TrainableHead(8, 4, gaussian=True)
        >>> code = head(torch.zeros(3, 8))
        >>> code.shape, code.gaussian
        ((3, 4), True)
    """

    def __init__(self, dim_in: int, dim: int, *, hidden: int = 0, gaussian: bool = False, norm: str = "before") -> None:
        super().__init__()
        self.dim_in, self.dim, self.hidden, self.gaussian, self.norm = dim_in, dim, hidden, gaussian, norm
        self.shift: Tensor
        self.gain: Tensor
        self.register_buffer("shift", torch.zeros(dim_in))
        self.register_buffer("gain", torch.ones(dim_in))
        self.linear = nn.Linear(dim_in, dim)
        self.mlp: nn.Module | None = None
        if hidden:
            last = nn.Linear(hidden, dim)
            nn.init.zeros_(last.weight)
            nn.init.zeros_(last.bias)
            self.mlp = nn.Sequential(nn.Linear(dim_in, hidden), nn.GELU(), last)
        self.spread = nn.Linear(dim_in, dim) if gaussian else None
        if self.spread is not None:
            nn.init.zeros_(self.spread.weight)
            nn.init.constant_(self.spread.bias, -2.0)
        self.scale = None if gaussian else nn.Parameter(torch.ones(dim))

    def forward(self, features: Tensor) -> Code:
        """Code (n, d) of features (n, D)."""
        h = (features - self.shift) * self.gain
        z = self.linear(h)
        if self.mlp is not None:
            z = z + self.mlp(h)
        if self.spread is not None:
            return Code(z, self.spread(h).clamp(-8, 4))
        assert self.scale is not None
        if self.norm == "after":
            return Code(nn.functional.normalize(z * self.scale, dim=-1))
        return Code(nn.functional.normalize(z, dim=-1) * self.scale)

    def standardise(self, features: np.ndarray) -> None:
        """Take shift and gain from features (n, D): zero mean, unit variance."""
        std = features.std(axis=0)
        floor = 1e-3 * float(np.sqrt((std**2).mean())) or 1.0
        self.shift.copy_(torch.from_numpy(features.mean(axis=0)))
        self.gain.copy_(torch.from_numpy(1 / np.maximum(std, floor)))

    def start_from(self, head: SolvedHead) -> None:
        """Begin at a linear closed form: the same codes, then training goes on from there."""
        assert isinstance(head.map, LinearMap)
        self.norm = head.norm
        gain = self.gain.double().numpy()
        shift = self.shift.double().numpy()
        weight = head.map.weight / gain[:, None]
        offset = head.map.offset + (shift - head.map.shift) @ head.map.weight
        size = float(np.abs(weight).mean()) or 1.0
        wanted = float(
            self.linear.weight.detach().abs().mean()
        )  # unit norm forgets the size, and the step size likes this one
        factor = wanted / size if self.scale is not None else 1.0
        with torch.no_grad():
            self.linear.weight.copy_(torch.from_numpy(weight.T * factor))
            self.linear.bias.copy_(torch.from_numpy(offset * factor))
            if self.scale is not None and head.scale is not None:
                self.scale.copy_(torch.from_numpy(np.asarray(head.scale)))

    def config(self) -> dict[str, Any]:
        """What the constructor takes."""
        return {
            "dim_in": self.dim_in,
            "dim": self.dim,
            "hidden": self.hidden,
            "gaussian": self.gaussian,
            "norm": self.norm,
        }
