"""A critic of pictures: convolutions, a fully connected layer, and a projection onto what is asked for.

D(y, z) = w·f(y) + f(y)·E c / √k        f(y) = lrelu(W · convolutions of stride 2 of y),   c the code in its own units
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from torch import Tensor, nn

from kuamo.objectives.networks import CodeInput

__all__ = ["ConvCritic", "halvings"]

SMALLEST = 4  # pixels of the shorter side, after the last convolution


def halvings(height: int, width: int) -> int:
    """How often both sides can be halved until the shorter has 4 to 7 pixels.

    Example:
        >>> halvings(32, 32), halvings(28, 28), halvings(48, 64)
        (3, 2, 3)
    """
    times = 0
    while height % 2 == 0 and width % 2 == 0 and min(height, width) >= 2 * SMALLEST:
        height, width, times = height // 2, width // 2, times + 1
    return times


class ConvCritic(nn.Module):
    """Logits of D(y, z) for pictures y (n, CHW), or of D(y) alone if d is 0.

    Args:
        height, width: H, W. dim: d. channels: C. hidden: k.
        features: channels of the first convolution, twice as many in each further one.

    References:
        cGANs with Projection Discriminator, Miyato and Koyama, 2018.

    Example:
        >>> import torch
        >>> ConvCritic(8, 8, 4)(torch.zeros(2, 192), torch.zeros(2, 4)).shape
        torch.Size([2])
    """

    def __init__(
        self, height: int, width: int, dim: int, *, channels: int = 3, features: int = 24, hidden: int = 128
    ) -> None:
        super().__init__()
        self.shape = channels, height, width
        sizes = [channels, *(features * 2**level for level in range(halvings(height, width)))]
        layers: list[nn.Module] = []
        for inside, out in pairwise(sizes):
            layers += [nn.Conv2d(inside, out, 4, 2, 1), nn.LeakyReLU(0.2)]
        left = sizes[-1] * (height * width) // 4 ** (len(sizes) - 1)
        self.features = nn.Sequential(*layers, nn.Flatten(), nn.Linear(left, hidden), nn.LeakyReLU(0.2))
        self.real = nn.Linear(hidden, 1)
        self.asked = nn.Linear(dim, hidden, bias=False) if dim else None
        self.codes = CodeInput(dim)

    def see_as(self, generator: Any) -> None:
        """See codes as the generator does."""
        self.codes.standardize(generator.codes.shift, generator.codes.gain)

    def forward(self, y: Tensor, z: Tensor | None = None) -> Tensor:
        """(n,) logits for y (n, CHW) and z (n, d)."""
        return self.with_codes(y, [z])[0]

    def with_codes(self, y: Tensor, codes: list[Tensor | None]) -> list[Tensor]:
        """Logits of the same y with several codes each; its features are computed once."""
        found = self.features(y.unflatten(1, self.shape))
        real, size = self.real(found)[:, 0], found.shape[1] ** 0.5
        if self.asked is None:
            return [real] * len(codes)
        return [real if z is None else real + (found * self.asked(self.codes(z))).sum(1) / size for z in codes]
