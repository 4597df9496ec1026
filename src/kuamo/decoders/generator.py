"""The generator decoder y = G(z, noise) and its critic D(y, z), as perceptrons.

A decoder for a GAN has `out` (L), `noise` (its size), `generate(z, noise)` and `sample(z, rng)`; a user's own network
with these, convolutional for instance, fits in its place.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

__all__ = ["Critic", "Generator"]


class Generator(nn.Module):
    """y = G(z, noise), in standardised units.

    Args:
        dim: d of the code. out: L. noise: size of the noise. hidden: width.

    Example:
        >>> Generator(4, 10).sample(torch.zeros(2, 4), torch.Generator()).shape
        torch.Size([2, 10])
    """

    def __init__(self, dim: int, out: int, *, noise: int = 8, hidden: int = 128) -> None:
        super().__init__()
        self.dim, self.out, self.noise, self.hidden = dim, out, noise, hidden
        self.net = nn.Sequential(nn.Linear(dim + noise, hidden), nn.LeakyReLU(0.2), nn.Linear(hidden, out))
        self.shift: Tensor
        self.gain: Tensor
        self.register_buffer("shift", torch.zeros(out))
        self.register_buffer("gain", torch.ones(out))

    def standardise(self, shift: Tensor, gain: Tensor) -> None:
        """Make y = net / gain + shift."""
        self.shift.copy_(shift)
        self.gain.copy_(gain)

    def generate(self, z: Tensor, noise: Tensor) -> Tensor:
        """(n, L) for codes (n, d) and noise (n, k)."""
        return self.net(torch.cat([z, noise], -1)) / self.gain + self.shift

    def sample(self, z: Tensor, rng: Any = None) -> Tensor:
        """One draw for each code."""
        return self.generate(z, torch.randn((len(z), self.noise), generator=rng))

    def config(self) -> dict[str, Any]:
        """What the constructor takes."""
        return {"dim": self.dim, "out": self.out, "noise": self.noise, "hidden": self.hidden}


class Critic(nn.Module):
    """Logits of D(y, z).

    Example:
        >>> Critic(10, 4)(torch.zeros(2, 10), torch.zeros(2, 4)).shape
        torch.Size([2])
    """

    def __init__(self, out: int, dim: int, hidden: int = 128) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Linear(out + dim, hidden), nn.LeakyReLU(0.2), nn.Linear(hidden, 1))

    def forward(self, y: Tensor, z: Tensor) -> Tensor:
        """(n,) logits for y (n, L) and z (n, d)."""
        return self.net(torch.cat([y, z], -1))[:, 0]
