"""Networks that games are played with: critics of codes and of cells."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

__all__ = ["CodeInput", "Critic", "Residual", "residual"]


class CodeInput(nn.Module):
    """Sees codes as (z − shift) · gain, as they are by default: beside the many numbers of y they must not be small.

    Example:
        >>> CodeInput(2)(torch.ones(1, 2))
        tensor([[1., 1.]])
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.shift = nn.Buffer(torch.zeros(dim))
        self.gain = nn.Buffer(torch.ones(dim))

    def standardize(self, shift: Tensor, gain: Tensor) -> None:
        """Take mean and 1/deviation (d,)."""
        self.shift.copy_(shift)
        self.gain.copy_(gain)

    def forward(self, z: Tensor) -> Tensor:
        """(n, d)."""
        return (z - self.shift) * self.gain


class Residual(nn.Module):
    """h + W₂ lrelu(W₁ lrelu(h)), W₂ starts at zero."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.inner, self.outer = nn.Linear(width, width), nn.Linear(width, width)
        nn.init.zeros_(self.outer.weight)
        nn.init.zeros_(self.outer.bias)

    def forward(self, h: Tensor) -> Tensor:
        """(n, width)."""
        relu = nn.functional.leaky_relu
        return h + self.outer(relu(self.inner(relu(h, 0.2)), 0.2))


def residual(inside: int, out: int, width: int, layers: int) -> nn.Sequential:
    """Linear, so many residual layers less one, leaky ReLU, linear.

    References:
        The GAN is dead; long live the GAN! A Modern Baseline GAN, Huang, Gokaslan, Kuleshov and Tompkin, 2024.
    """
    between = [Residual(width) for _ in range(layers - 1)]
    return nn.Sequential(nn.Linear(inside, width), *between, nn.LeakyReLU(0.2), nn.Linear(width, out))


class Critic(nn.Module):
    """Logits of D(y, z), or of D(y) alone if d is 0.

    Example:
        >>> Critic(10, 4)(torch.zeros(2, 10), torch.zeros(2, 4)).shape
        torch.Size([2])
    """

    def __init__(self, out: int, dim: int, hidden: int = 128, layers: int = 1) -> None:
        super().__init__()
        self.net = residual(out + dim, 1, hidden, layers)
        self.codes = CodeInput(dim)

    def see_as(self, generator: Any) -> None:
        """See codes as the generator does, if it has a way of its own."""
        if isinstance(getattr(generator, "codes", None), CodeInput):
            self.codes.standardize(generator.codes.shift, generator.codes.gain)

    def forward(self, y: Tensor, z: Tensor | None = None) -> Tensor:
        """(n,) logits for y (n, L) and z (n, d)."""
        return self.net(y if z is None else torch.cat([y, self.codes(z)], -1))[:, 0]
