"""A convolutional generator of pictures: y = G(z, noise), pixels in [−1, 1].

c = [noise, code]  ── fully connected ──→ 4 × 4 ── × 2, each time normalised, (1 + γ(c)) h + β(c), leaky ReLU ──→
H/2 × W/2 ── bilinear × 2, 3 × 3 convolution, tanh ──→ H × W
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from kuamo.core.contracts import Configured
from kuamo.embedding.decoder import Decoder
from kuamo.objectives.conv_critic import ConvCritic, halvings
from kuamo.objectives.networks import CodeInput

__all__ = ["ConvGenerator"]


class ConditionalNorm(nn.Module):
    """Batch norm whose scale and offset are linear in c: (1 + γ(c)) h + β(c), then leaky ReLU.

    References:
        Modulating early visual processing by language, de Vries et al., 2017.
    """

    def __init__(self, channels: int, dim: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(channels, affine=False)
        self.modulate = nn.Linear(dim, 2 * channels)

    def forward(self, h: Tensor, c: Tensor) -> Tensor:
        """(n, channels, H, W) for c (n, dim)."""
        scale, offset = self.modulate(c)[:, :, None, None].chunk(2, 1)
        return nn.functional.leaky_relu((1 + scale) * self.norm(h) + offset, 0.2)


def twice(size: int) -> Tensor:
    """The matrix (2s, s) of linear interpolation onto twice as many pixels.

    Example:
        >>> twice(2).tolist()
        [[1.0, 0.0], [0.75, 0.25], [0.25, 0.75], [0.0, 1.0]]
    """
    return nn.functional.interpolate(torch.eye(size)[None], scale_factor=2, mode="linear", align_corners=False)[0].T


class ConvGenerator(nn.Module, Decoder, Configured):
    """Pictures (n, CHW) of codes (n, d) and noise (n, k).

    Args:
        dim: d. height, width: H, W. channels: C. noise: k.
        features: channels of the last layers, twice as many in each before.

    References:
        Unsupervised Representation Learning with Deep Convolutional Generative Adversarial Networks, Radford, Metz and
        Chintala, 2016; Deconvolution and Checkerboard Artifacts, Odena, Dumoulin and Olah, 2016 (the bilinear layer).

    Example:
        >>> ConvGenerator(4, 16, 16).sample(torch.zeros(2, 4), torch.Generator()).shape
        torch.Size([2, 768])
    """

    def __init__(
        self, dim: int, height: int, width: int, *, channels: int = 3, noise: int = 32, features: int = 24
    ) -> None:
        super().__init__()
        self.dim, self.height, self.width, self.channels = dim, height, width, channels
        self.noise, self.features = noise, features
        times = max(halvings(height, width), 1)
        sizes = [features * 2**level for level in range(times)][::-1]
        self.first = height // 2**times, width // 2**times
        self.start = nn.Linear(dim + noise, sizes[0] * self.first[0] * self.first[1])
        self.up = nn.ModuleList(nn.ConvTranspose2d(a, b, 4, 2, 1) for a, b in pairwise(sizes))
        self.norms = nn.ModuleList(ConditionalNorm(size, dim + noise) for size in sizes)
        self.last = nn.Conv2d(sizes[-1], channels, 3, padding=1)
        self.codes = CodeInput(dim)
        self.shift = nn.Buffer(torch.zeros(self.out))
        self.gain = nn.Buffer(torch.ones(self.out))
        self.rows = nn.Buffer(twice(height // 2), persistent=False)
        self.columns = nn.Buffer(twice(width // 2), persistent=False)

    @property
    def out(self) -> int:
        return self.channels * self.height * self.width

    def standardize(self, shift: Tensor, gain: Tensor) -> None:
        self.shift.copy_(shift)
        self.gain.copy_(gain)

    def standardize_codes(self, shift: Tensor, gain: Tensor) -> None:
        self.codes.standardize(shift, gain)

    def critic(self, dim: int) -> ConvCritic:
        """A discriminator of such pictures, which sees codes of `dim` numbers."""
        return ConvCritic(self.height, self.width, dim, channels=self.channels, features=self.features)

    def generate(self, z: Tensor, noise: Tensor) -> Tensor:
        """(n, CHW) in [−1, 1]."""
        c = torch.cat([noise, self.codes(z)], 1)
        h = self.norms[0](self.start(c).unflatten(1, (-1, *self.first)), c)
        for up, norm in zip(self.up, self.norms[1:], strict=True):
            h = norm(up(h), c)
        h = self.rows @ (h @ self.columns.T)  # torch's own `interpolate` takes twice the time to train
        return torch.tanh(self.last(h)).flatten(1)

    def sample(self, z: Tensor, rng: Any = None) -> Tensor:
        """One draw for each code."""
        return self.generate(z, torch.randn((len(z), self.noise), generator=rng, dtype=z.dtype))
