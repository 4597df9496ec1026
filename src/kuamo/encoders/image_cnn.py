"""A small convolutional picture encoder to train from raw pixels.

size × size × 3 → 3 × [conv 3 × 3, stride 2, group norm, GELU] → linear, of

    mean and maximum over places: things may stand anywhere
    `in_place`: what was seen at every place: things that fill the picture, such as written digits
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn

from kuamo.core.contracts import Configured
from kuamo.encoders.base import Encoder

__all__ = ["ImageCNN"]


class ImageCNN(nn.Module, Encoder, Configured):
    """Trainable picture encoder.

    Args:
        size: pictures are resized to (size, size). dim: of the features. width: channels of the first layer.
        in_place: is what was seen kept place by place?

    Example:
        >>> encoder = ImageCNN(size=16, dim=8)
        >>> encoder(torch.zeros(2, 3, 16, 16, dtype=torch.uint8)).shape
        torch.Size([2, 8])
    """

    def __init__(self, *, size: int = 32, dim: int = 128, width: int = 24, in_place: bool = False) -> None:
        super().__init__()
        self.size, self.dim, self.width, self.in_place = size, dim, width, in_place
        channels = [3, width, 2 * width, 4 * width]
        layers: list[nn.Module] = []
        for inside, out in pairwise(channels):
            layers += [nn.Conv2d(inside, out, 3, stride=2, padding=1), nn.GroupNorm(8, out), nn.GELU()]
        self.conv = nn.Sequential(*layers)
        self.part_dim = channels[-1]
        self.out = nn.Linear(((-(-size // 8)) ** 2 if in_place else 2) * channels[-1], dim)

    def prepare(self, value: np.ndarray) -> np.ndarray:
        """(3, size, size) uint8."""
        from PIL import Image as pil

        if value.shape[:2] != (self.size, self.size):
            value = np.asarray(pil.fromarray(value).resize((self.size, self.size), pil.Resampling.BICUBIC))
        return np.ascontiguousarray(value.transpose(2, 0, 1))

    def forward(self, batch: Tensor) -> Tensor:
        """Features (n, dim) of pictures (n, 3, size, size) uint8."""
        maps = self.conv(batch.float() / 127.5 - 1)
        return self.out(maps.flatten(1) if self.in_place else torch.cat([maps.mean((2, 3)), maps.amax((2, 3))], dim=1))

    def parts(self, batch: Tensor) -> tuple[Tensor, Tensor]:
        """What was seen at every place (n, places, 4 · width)."""
        tiles = self.conv(batch.float() / 127.5 - 1).flatten(2).mT
        return tiles, torch.ones(tiles.shape[:2], dtype=torch.bool)
