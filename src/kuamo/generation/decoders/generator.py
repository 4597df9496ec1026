"""The generator decoder y = G(z, noise) and its critic D(y, z), as perceptrons.

A decoder for a GAN has `out` (L), `noise` (its size), `generate(z, noise)` and `sample(z, rng)`; a user's own network
with these, convolutional for instance, fits in its place.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from kuamo.core.contracts import Configured
from kuamo.embedding.decoder import Decoder
from kuamo.objectives.networks import CodeInput, residual

__all__ = ["Generator"]


class Generator(nn.Module, Decoder, Configured):
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
        self.dim, self.out, self.noise, self.hidden, self.layers, self.linear = dim, out, noise, hidden, layers, linear
        self.net = residual(dim + noise, out, hidden, layers)
        self.mean = nn.Linear(dim, out) if linear else None
        self.codes = CodeInput(dim)
        self.shift: Tensor
        self.gain: Tensor
        self.register_buffer("shift", torch.zeros(out))
        self.register_buffer("gain", torch.ones(out))

    def standardize(self, shift: Tensor, gain: Tensor) -> None:
        self.shift.copy_(shift)
        self.gain.copy_(gain)

    def generate(self, z: Tensor, noise: Tensor) -> Tensor:
        """(n, L) for codes (n, d) and noise (n, k)."""
        y = self.net(torch.cat([self.codes(z), noise], -1))
        return (y if self.mean is None else y + self.mean(z)) / self.gain + self.shift

    def standardize_codes(self, shift: Tensor, gain: Tensor) -> None:
        self.codes.standardize(shift, gain)

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
