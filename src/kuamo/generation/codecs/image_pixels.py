"""Pictures as they are: y is every pixel of the canvas, in [−1, 1], for decoders that are convolutional themselves."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from kuamo.core.contracts import Configured
from kuamo.core.errors import KuamoError
from kuamo.data.table import Table
from kuamo.generation.codecs.base import Codec, checked_components, sample_cells
from kuamo.generation.codecs.image_pca import are_grey, chosen_canvas, on_canvas, round_trip

__all__ = ["ImagePixels"]

MULTIPLE = 4


@dataclass(frozen=True)
class ImagePixels(Codec, Configured):
    """Pictures ↔ their pixels x / 127.5 − 1, channel after channel; L = channels · H W.

    Args:
        height, width: of the canvas, multiples of 4. channels: 3, or 1 where all pictures are grey.

    Raises:
        KuamoError: a canvas of another size.

    Example:
        >>> codec = ImagePixels(8, 8)
        >>> picture = np.full((8, 8, 3), 51, np.uint8)
        >>> codec.encode([picture])[0, 0].round(1), bool((codec.decode(codec.encode([picture]))[0] == picture).all())
        (np.float32(-0.6), True)
    """

    height: int
    width: int
    channels: int = 3

    def __post_init__(self) -> None:
        if self.height % MULTIPLE or self.width % MULTIPLE or min(self.height, self.width) < MULTIPLE:
            raise KuamoError(f"given a canvas of {self.height} × {self.width}; expected multiples of {MULTIPLE}")

    @classmethod
    def of(cls, table: Table, name: str, *, size: int | tuple[int, int] | None = None, seed: int = 0) -> ImagePixels:
        """The codec of a column's pictures; nothing is learned.

        Args:
            table, name: whose. size: of the canvas, as of `ImagePCA`, taken to multiples of 4. seed: of nothing.
        """
        some = sample_cells(table, name)
        return cls(*chosen_canvas(some, size, MULTIPLE), channels=1 if are_grey(some) else 3)

    @property
    def out(self) -> int:
        return self.channels * self.height * self.width

    def encode(self, values: Iterable[np.ndarray]) -> np.ndarray:
        rows = [self._pixels(value) for value in values]
        return np.stack(rows) / 127.5 - 1 if rows else np.zeros((0, self.out), np.float32)

    def decode(self, y: np.ndarray) -> list[np.ndarray]:
        """Pictures (height, width, 3) uint8."""
        pixels = ((checked_components(y, self.out) + 1) * 127.5).clip(0, 255).round().astype(np.uint8)
        pixels = pixels.reshape(-1, self.channels, self.height, self.width).transpose(0, 2, 3, 1)
        return list(np.repeat(pixels, 3 // self.channels, axis=3))

    def _pixels(self, value: np.ndarray) -> np.ndarray:
        x = on_canvas(value, self.height, self.width).astype(np.float32)
        x = x.mean(-1, keepdims=True) if self.channels == 1 else x
        return x.transpose(2, 0, 1).reshape(-1)

    def round_trip(self, values: Sequence[np.ndarray]) -> dict[str, float]:
        return round_trip(self, values)
