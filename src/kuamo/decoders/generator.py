"""The generator decoder y = G(z, noise) and its critic D(y, z), as perceptrons.

A decoder for a GAN has `out` (L), `noise` (its size), `generate(z, noise)` and `sample(z, rng)`; a user's own network
with these, convolutional for instance, fits in its place.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

__all__ = ["Critic", "Generator"]


class Codes(nn.Module):
    """Sees codes as (z − shift) · gain, as they are unless told: beside the many numbers of y they must not be small.

    Example:
        >>> Codes(2)(torch.ones(1, 2))
        tensor([[1., 1.]])
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.shift: Tensor
        self.gain: Tensor
        self.register_buffer("shift", torch.zeros(dim))
        self.register_buffer("gain", torch.ones(dim))

    def standardise(self, shift: Tensor, gain: Tensor) -> None:
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


class Generator(nn.Module):
    """y = G(z, noise), in standardised units.

    Args:
        dim: d of the code. out: L. noise: size of the noise. hidden: width.
        linear: is a linear map of the code added, which may start at the closed form?
        layers: hidden ones; those beyond the first are residual, without normalisation, and start as nothing.

    Example:
        >>> Generator(4, 10).sample(torch.zeros(2, 4), torch.Generator()).shape
        torch.Size([2, 10])
    """

    def __init__(
        self, dim: int, out: int, *, noise: int = 8, hidden: int = 128, layers: int = 1, linear: bool = False
    ) -> None:
        super().__init__()
        self.dim, self.out, self.noise, self.hidden, self.layers = dim, out, noise, hidden, layers
        self.net = residual(dim + noise, out, hidden, layers)
        self.mean = nn.Linear(dim, out) if linear else None
        self.codes = Codes(dim)
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
        y = self.net(torch.cat([self.codes(z), noise], -1))
        return (y if self.mean is None else y + self.mean(z)) / self.gain + self.shift

    def standardise_codes(self, shift: Tensor, gain: Tensor) -> None:
        """See `Codes`."""
        self.codes.standardise(shift, gain)

    def start_from(self, ridge: Any) -> None:
        """Begin at the closed form of a `Ridge`: its mean, and little of the noise yet; without noise, nothing else."""
        if self.mean is None or ridge is None:
            return
        weight, offset = (torch.from_numpy(np.asarray(part)).float() for part in (ridge.map.weight, ridge.map.offset))
        shift = torch.from_numpy(np.asarray(ridge.map.shift)).float()
        last = self.net[-1]
        assert isinstance(last, nn.Linear)
        with torch.no_grad():
            self.mean.weight.copy_(weight.T * self.gain[:, None])
            self.mean.bias.copy_((offset - shift @ weight - self.shift) * self.gain)
            last.weight.mul_(0.1 if self.noise else 0.0)
            last.bias.zero_()

    def sample(self, z: Tensor, rng: Any = None) -> Tensor:
        """One draw for each code."""
        return self.generate(z, torch.randn((len(z), self.noise), generator=rng, dtype=z.dtype))

    def config(self) -> dict[str, Any]:
        """What the constructor takes."""
        return {name: getattr(self, name) for name in ("dim", "out", "noise", "hidden", "layers")} | {
            "linear": self.mean is not None
        }


class Critic(nn.Module):
    """Logits of D(y, z), or of D(y) alone if d is 0.

    Example:
        >>> Critic(10, 4)(torch.zeros(2, 10), torch.zeros(2, 4)).shape
        torch.Size([2])
    """

    def __init__(self, out: int, dim: int, hidden: int = 128, layers: int = 1) -> None:
        super().__init__()
        self.net = residual(out + dim, 1, hidden, layers)
        self.codes = Codes(dim)

    def see_as(self, generator: Any) -> None:
        """See codes as the generator does, if it has a way of its own."""
        if isinstance(getattr(generator, "codes", None), Codes):
            self.codes.standardise(generator.codes.shift, generator.codes.gain)

    def forward(self, y: Tensor, z: Tensor | None = None) -> Tensor:
        """(n,) logits for y (n, L) and z (n, d)."""
        return self.net(y if z is None else torch.cat([y, self.codes(z)], -1))[:, 0]
