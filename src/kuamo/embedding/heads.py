"""The trainable head: features → Embedding; and closed forms' heads in torch, where a gradient must pass.

h' = (h − s) · g,   z = W h' + b [+ MLP(h')];   Gaussian: logvar = V h' + c

point codes: unit norm, then · scale, or · scale, then unit norm, as in `codes.ClosedFormHead`
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from kuamo.closed_form import KernelMap, LinearMap
from kuamo.closed_form.scaling import running_spread
from kuamo.core.errors import KuamoError
from kuamo.embedding.embedding import ClosedFormHead, Embedding

__all__ = ["LinearHead", "SplitHead", "differentiable"]

FAINT = 0.01  # of usual first weights


class LinearHead(nn.Module):
    """A linear head, with an optional residual perceptron and an optional variance.

    Args:
        dim_in: D. dim: d. hidden: width of the perceptron, 0 for none; its last layer starts at zero.
        gaussian: codes with a variance, without unit norm.
        norm: of point codes, unit norm "before" the weights or "after" them.

    Example:
        >>> head = LinearHead(8, 4, gaussian=True)
        >>> code = head(torch.zeros(3, 8))
        >>> code.shape, code.gaussian
        ((3, 4), True)
    """

    def __init__(self, dim_in: int, dim: int, *, hidden: int = 0, gaussian: bool = False, norm: str = "before") -> None:
        super().__init__()
        self.dim_in, self.dim, self.hidden, self.gaussian, self.norm = dim_in, dim, hidden, gaussian, norm
        self.shift = nn.Buffer(torch.zeros(dim_in))
        self.gain = nn.Buffer(torch.ones(dim_in))
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

    def forward(self, features: Tensor) -> Embedding:
        """Embedding (n, d) of features (n, D)."""
        return self.code((features - self.shift) * self.gain)

    def code(self, h: Tensor) -> Embedding:
        """Embedding (n, d) of standardised features (n, D)."""
        z = self.linear(h)
        if self.mlp is not None:
            z = z + self.mlp(h)
        if self.spread is not None:
            return Embedding(z, self.spread(h).clamp(-8, 4))
        assert self.scale is not None
        if self.norm == "after":
            return Embedding(nn.functional.normalize(z * self.scale, dim=-1))
        return Embedding(nn.functional.normalize(z, dim=-1) * self.scale)

    def standardize(self, features: np.ndarray) -> None:
        """Take shift and gain from features (n, D): zero mean, unit variance."""
        found = running_spread(features)
        self.shift.copy_(torch.from_numpy(found.mean))
        self.gain.copy_(torch.from_numpy(found.gain(1.0)))

    def start_from(self, head: ClosedFormHead) -> None:
        """Begin at a linear closed form: the same codes, then training goes on from there.

        Where that found fewer axes than d, the others begin near 0: at 0 itself no gradient would move them.
        """
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
            self.linear.weight.mul_(FAINT)
            self.linear.bias.zero_()
            self.linear.weight[: head.dim] = torch.from_numpy(weight.T * factor)
            self.linear.bias[: head.dim] = torch.from_numpy(offset * factor)
            if self.scale is not None and head.scale is not None:
                self.scale.fill_(float(np.asarray(head.scale)[-1]))
                self.scale[: head.dim] = torch.from_numpy(np.asarray(head.scale))


class SplitHead(nn.Module):
    """A code of two parts: one that is learned, and what the column adds to a sum that all columns share.

    z = [c, l],   c of a `LinearHead` (d − r),   l = h' A + b  (r), by a closed form: see prediction/regression.py

    Args:
        dim_in: D. dim: d. joint: r, below d.

    Example:
        >>> SplitHead(8, 6, joint=2)(torch.zeros(3, 8)).mean[:, 4:].tolist()
        [[0.0, 0.0], [0.0, 0.0], [0.0, 0.0]]
    """

    gaussian = False

    def __init__(self, dim_in: int, dim: int, *, joint: int) -> None:
        super().__init__()
        if not 0 < joint < dim:
            raise KuamoError(f"given joint={joint} of dim={dim}; expected less than all")
        self.dim_in, self.dim, self.joint = dim_in, dim, joint
        self.learned = LinearHead(dim_in, dim - joint)
        self.weight = nn.Buffer(torch.zeros(dim_in, joint))
        self.offset = nn.Buffer(torch.zeros(joint))

    @property
    def shift(self) -> Tensor:
        """(D,), subtracted from features."""
        return self.learned.shift

    @property
    def gain(self) -> Tensor:
        """(D,), by which they are multiplied then."""
        return self.learned.gain

    def forward(self, features: Tensor) -> Embedding:
        """Embedding (n, d) of features (n, D)."""
        h = (features - self.shift) * self.gain
        return Embedding(torch.cat([self.learned.code(h).mean, h @ self.weight + self.offset], -1))

    def standardize(self, features: np.ndarray) -> None:
        """See `LinearHead.standardize`."""
        self.learned.standardize(features)


def differentiable(head: Any) -> Callable[[Tensor], Embedding]:
    """A head that a gradient passes: itself if it is a module, else what a closed form's does, in torch.

    Example:
        >>> head = differentiable(ClosedFormHead(LinearMap(np.zeros(2), np.eye(2)), np.array([1.0, 0.5])))
        >>> head(torch.tensor([[3.0, 4.0]])).mean
        tensor([[0.6000, 0.4000]])
    """
    if not isinstance(head, ClosedFormHead):
        return head
    if not isinstance(head.map, LinearMap | KernelMap):
        raise KuamoError(f"given a head of {type(head.map).__name__}; expected one that is linear or arc-cosine")
    parts = {name: torch.from_numpy(np.asarray(array)).float() for name, array in head.arrays().items()}
    scale, last = parts.get("scale"), head.norm == "after"

    def code(y: Tensor) -> Embedding:
        z = (arc_cosines(y, parts) if "anchors" in parts else y - parts["shift"]) @ parts["weight"] + parts["offset"]
        if scale is None:
            return Embedding(z)
        unit = nn.functional.normalize
        return Embedding(unit(z * scale, dim=-1) if last else unit(z, dim=-1) * scale)

    return code


def arc_cosines(y: Tensor, parts: dict[str, Tensor]) -> Tensor:
    """k(u, A) (n, m) of `KernelMap`; its slope (π − θ)/π is finite, but not those of its parts where θ is 0 or π."""
    u = nn.functional.normalize((y - parts["shift"]) * parts["gain"], dim=-1)
    cosine = (u @ parts["anchors"].T).clamp(-1 + 1e-6, 1 - 1e-6)
    return ((1 - cosine * cosine).sqrt() + (torch.pi - cosine.arccos()) * cosine) / torch.pi
