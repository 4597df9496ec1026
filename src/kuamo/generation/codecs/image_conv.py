"""Pictures by a small convolutional autoencoder, learned from the column: y is a small map of a few channels.

    picture (H, W) ── 3 × [conv, stride 2, GELU] ──→ (H/8, W/8, c) = y ── 3 × [conv, GELU, ×2] ──→ picture

What it learns in one place it knows in every other. Components (`ImagePCA`) are the default: with as many numbers
they give new emoji back a little better and new shapes about as well, and are learned in a tenth of the time or less
(see `benchmarks/RESULTS.md`). This one is for those who want a map, with places of its own, rather than a list. It is
trained in the one loop, as a space of a single column that makes itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from kuamo.core.contracts import Configured
from kuamo.core.errors import KuamoError
from kuamo.core.modules import single_threaded_torch
from kuamo.data.table import Table
from kuamo.embedding.decoder import Decoder
from kuamo.embedding.embedding import Embedding
from kuamo.embedding.space import EmbeddingSpace, Tower
from kuamo.encoders.base import Encoder
from kuamo.generation.codecs.base import Codec, checked_components, sample_cells
from kuamo.generation.codecs.image_pca import chosen_canvas, on_canvas, round_trip
from kuamo.training.config import Training

__all__ = ["ImageConv"]

BATCH = 128


class ImageConv(nn.Module, Codec, Configured):
    """Pictures ↔ the map of a convolutional autoencoder.

    Args:
        height, width: of the canvas, multiples of 8. channels: c; L = c H W / 64. features: of the first layer.

    Example:
        >>> import kuamo as km
        >>> table = km.datasets.shapes(rows=40, size=16)
        >>> codec = ImageConv.of(table, "image", training=km.Training(steps=5, batch_size=16))
        >>> y = codec.encode(table.values("image"))
        >>> y.shape, codec.decode(y)[0].shape
        ((40, 32), (16, 16, 3))
    """

    guidance: ClassVar[float] = 2.0  # what a flow makes looks clearer by it

    def __init__(self, height: int, width: int, *, channels: int = 8, features: int = 32) -> None:
        super().__init__()
        if height % 8 or width % 8 or min(height, width) < 8:
            raise KuamoError(f"given a canvas of {height} × {width}; expected multiples of 8")
        self.height, self.width, self.channels, self.features = height, width, channels, features
        few, many = features, 2 * features
        self.down = nn.Sequential(
            nn.Conv2d(3, few, 3, 2, 1), nn.GELU(), nn.Conv2d(few, many, 3, 2, 1), nn.GroupNorm(8, many), nn.GELU(),
            nn.Conv2d(many, many, 3, 2, 1), nn.GroupNorm(8, many), nn.GELU(), nn.Conv2d(many, channels, 1),
        )  # fmt: skip
        self.up = nn.Sequential(
            nn.Conv2d(channels, many, 3, 1, 1), nn.GELU(), nn.Conv2d(many, 4 * many, 3, 1, 1), nn.PixelShuffle(2),
            nn.GroupNorm(8, many), nn.GELU(), nn.Conv2d(many, 4 * few, 3, 1, 1), nn.PixelShuffle(2), nn.GELU(),
            nn.Conv2d(few, 12, 3, 1, 1), nn.PixelShuffle(2),
        )  # fmt: skip
        self.shift: Tensor
        self.gain: Tensor
        self.register_buffer("shift", torch.zeros(self.out))
        self.register_buffer("gain", torch.ones(()))

    @classmethod
    def of(
        cls,
        table: Table,
        name: str,
        *,
        size: int | tuple[int, int] | None = None,
        channels: int = 8,
        features: int = 32,
        training: Training | None = None,
        seed: int = 0,
    ) -> ImageConv:
        """The codec of a column's pictures, trained on them: 1,000 steps of 64 by default.

        Args:
            table, name: whose. size: of the canvas, as of `ImagePCA`, taken to multiples of 8.

        Raises:
            TableError: a column of fewer than two pictures.
        """
        from kuamo.objectives import Reconstruct
        from kuamo.training.batch import Source
        from kuamo.training.loop import train
        from kuamo.training.randomness import forked_rng
        from kuamo.training.run import Run

        some = sample_cells(table, name)
        height, width = chosen_canvas(some, size, 8)
        with forked_rng(seed):
            codec = cls(height, width, channels=channels, features=features)
        port = Tower(name, table.column(name).modality, Down(codec), Passed(codec.out), decoder=Up(codec))
        sources = {name: Source(table, port, None)}
        training = training or Training(steps=1000, batch_size=64, lr=2e-3, weight_decay=0.0)
        with single_threaded_torch():
            train(EmbeddingSpace([port]), sources, Reconstruct(), training, Run(seed))
        codec.eval().requires_grad_(False)
        y = codec.encode(some)
        codec.shift.copy_(torch.from_numpy(y.mean(0)))
        codec.gain.copy_(torch.tensor(1 / max(float((y - y.mean(0)).std()), 1e-6)))
        return codec

    @property
    def out(self) -> int:
        return self.channels * self.height * self.width // 64

    def prepare(self, value: np.ndarray) -> np.ndarray:
        """(3, H, W) uint8 on the canvas."""
        return np.ascontiguousarray(on_canvas(value, self.height, self.width).transpose(2, 0, 1))

    def encode(self, values: Iterable[np.ndarray]) -> np.ndarray:
        items, parts = [self.prepare(value) for value in values], [np.zeros((0, self.out), np.float32)]
        with torch.inference_mode():
            for start in range(0, len(items), BATCH):
                maps = self.down(pixels(torch.from_numpy(np.stack(items[start : start + BATCH]))))
                parts.append(((maps.flatten(1) - self.shift) * self.gain).numpy())
        return np.concatenate(parts)

    def decode(self, y: np.ndarray) -> list[np.ndarray]:
        """Pictures (H, W, 3) uint8."""
        y = checked_components(y, self.out)
        found: list[np.ndarray] = []
        with torch.inference_mode():
            for start in range(0, len(y), BATCH):
                maps = torch.from_numpy(np.ascontiguousarray(y[start : start + BATCH])) / self.gain + self.shift
                made = self.up(maps.unflatten(1, (self.channels, self.height // 8, self.width // 8)))
                found += list(((made + 1) * 127.5).clamp(0, 255).round().byte().permute(0, 2, 3, 1).numpy())
        return found

    def round_trip(self, values: Sequence[np.ndarray]) -> dict[str, float]:
        return round_trip(self, values)


class Down(nn.Module, Encoder):
    """The first half, as an encoder."""

    def __init__(self, codec: ImageConv) -> None:
        super().__init__()
        self.codec = codec

    def prepare(self, value: np.ndarray) -> np.ndarray:
        return self.codec.prepare(value)

    def forward(self, batch: Tensor) -> Tensor:
        """y (n, L) of pictures (n, 3, H, W) uint8."""
        return self.codec.down(pixels(batch)).flatten(1)


class Up(nn.Module, Decoder):
    """The second half, as a decoder; the mean squared error of pixels is its loss."""

    def __init__(self, codec: ImageConv) -> None:
        super().__init__()
        self.codec, self.out = codec, 3 * codec.height * codec.width

    def target(self, batch: Tensor) -> Tensor:
        """Pixels (n, 3HW) in [−1, 1]."""
        return pixels(batch).flatten(1)

    def loss(self, y: Tensor, z: Tensor, rng: Any = None) -> Tensor:
        """(n,), summed over pixels."""
        codec = self.codec
        made = codec.up(z.unflatten(1, (codec.channels, codec.height // 8, codec.width // 8))).flatten(1)
        return (made - y).square().sum(1)


class Passed:
    """The head that passes y on as a code."""

    gaussian = False

    def __init__(self, dim: int) -> None:
        self.dim = dim

    def __call__(self, y: Tensor) -> Embedding:
        """Points (n, L)."""
        return Embedding(y)


def pixels(batch: Tensor) -> Tensor:
    """uint8 in [−1, 1]."""
    return batch.float() / 127.5 - 1
