"""Pictures by principal components: any size comes onto one canvas, whose pixels are a mean and L weighted pictures.

    y = (x − x̄) V / (g s^w),     x̂ = x̄ + (y g s^w) Vᵀ        V axes, s their deviations, w whitening, g: E y² = 1

w = 0 keeps the components' sizes, so that a decoder mostly cares for the first; w = 1 makes all the same, and noise as
dear as form; ½ is between.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from kuamo.core.contracts import Stored
from kuamo.core.validation import check_int
from kuamo.data.table import Table
from kuamo.generation.codecs.base import (
    Codec,
    ColumnMatrix,
    check_count,
    checked_components,
    leading_components,
    sample_cells,
)

__all__ = ["ImagePCA"]

MOST = 768  # components
LARGEST = 64  # pixels of the longer side that the default canvas has


class ImageComponents(Codec):
    """A codec that turns one picture at a time into components, and back.

    `_components` makes y (L,) of a picture, `_picture` a picture (height, width, 3) uint8 of y; `height` and `width`
    are those of the canvas.
    """

    def encode(self, values: Iterable[np.ndarray]) -> np.ndarray:
        rows = [self._components(value) for value in values]
        return np.stack(rows) if rows else np.zeros((0, self.out), np.float32)

    def decode(self, y: np.ndarray) -> list[np.ndarray]:
        """Pictures (height, width, 3) uint8."""
        return [self._picture(one) for one in checked_components(y, self.out)]

    def round_trip(self, values: Sequence[np.ndarray]) -> dict[str, float]:
        """Peak signal-to-noise ratio of pictures on the canvas, in dB, and the share of their variance that is left."""
        return round_trip(self, values)

    def _components(self, value: np.ndarray) -> np.ndarray:
        raise NotImplementedError

    def _picture(self, y: np.ndarray) -> np.ndarray:
        raise NotImplementedError


@dataclass(frozen=True, eq=False)
class ImagePCA(ImageComponents, Stored):
    """Pictures ↔ their leading principal components.

    Args:
        mean: (D,) of pixels in [0, 1]. axes: (D, L). scale: (L,), g s^w.
        height, width, channels: of the canvas; D is their product. channels is 1 where all pictures are grey.
        kept: the share of the variance that the L components hold.

    Example:
        >>> import kuamo as km
        >>> table = km.datasets.shapes(rows=60, size=16)
        >>> codec = ImagePCA.of(table, "image", components=40)
        >>> y = codec.encode(table.values("image"))
        >>> y.shape, codec.decode(y)[0].shape
        ((60, 40), (16, 16, 3))
    """

    guidance: ClassVar[float] = 2.0  # what a flow makes looks clearer by it
    mean: np.ndarray
    axes: np.ndarray
    scale: np.ndarray
    height: int
    width: int
    channels: int = 3
    kept: float = 1.0

    @classmethod
    def of(
        cls,
        table: Table,
        name: str,
        *,
        components: int | None = None,
        size: int | tuple[int, int] | None = None,
        whiten: float = 0.5,
        moved: bool | None = None,
        seed: int = 0,
    ) -> ImagePCA:
        """The codec of a column's pictures; streamed, memory does not grow with their number.

        Args:
            table, name: whose. components: L; as many as hold 98 % of the variance, at most 768, if not given.
            size: of the canvas, of a square or (height, width); the pictures' own if they are all the same and small,
                at most 64 pixels long otherwise. whiten: w.
            moved: are pictures also learned from a little to the left, right, up and down? What was seen in one place
                is then known beside it: new pictures come back better. If not given: where there are fewer than eight
                pictures for each component.

        Raises:
            TableError: a column of fewer than two pictures.
        """
        check_count(components)
        some = sample_cells(table, name)
        height, width = chosen_canvas(some, size)
        channels = 1 if are_grey(some) else 3

        def flat(value: np.ndarray) -> np.ndarray:
            return on_canvas(value, height, width)[..., :channels].reshape(-1)

        held = ColumnMatrix(table, name, flat)
        most = min(components or MOST, height * width * channels)
        moved = len(held) < 8 * most if moved is None else moved
        blocks = ShiftedImages(held, (height, width, channels)) if moved else held
        found = leading_components(blocks, most, None if components else 0.98, seed, passes=2 if moved else 3)
        scale = (found.scale(whiten) / 255).astype(np.float32)
        return cls(found.mean / 255, found.axes, scale, height, width, channels, found.kept)

    @property
    def out(self) -> int:
        return self.axes.shape[1]

    def _components(self, value: np.ndarray) -> np.ndarray:
        x = on_canvas(value, self.height, self.width)
        x = x.mean(-1, keepdims=True) if self.channels == 1 else x
        return ((x.reshape(-1).astype(np.float32) / 255 - self.mean) @ self.axes) / self.scale

    def _picture(self, y: np.ndarray) -> np.ndarray:
        x = (self.mean + self.axes @ (y * self.scale)).reshape(self.height, self.width, self.channels)
        pixels = (x.clip(0, 1) * 255).round().astype(np.uint8)
        return np.repeat(pixels, 3, axis=2) if self.channels == 1 else pixels


def round_trip(codec: Any, values: Sequence[np.ndarray]) -> dict[str, float]:
    """How well a codec with `height` and `width` gives pictures back; see `ImagePCA.round_trip`."""
    before = np.stack([on_canvas(value, codec.height, codec.width) for value in values]).astype(np.float64)
    after = np.stack(codec.decode(codec.encode(values))).astype(np.float64)
    error = float(np.square(before - after).mean())
    spread = float(np.square(before - before.mean(0)).mean())
    return {
        "psnr": float(10 * np.log10(255**2 / max(error, 1e-9))),
        "explained": 1 - error / spread if spread > 0 else 1.0,
    }


class ShiftedImages:
    """Blocks of pictures, and the same a thirty-second of their side to the left, to the right, up and down.

    Example:
        >>> [block.tolist() for block in ShiftedImages([np.arange(4)[None]], (2, 2, 1))]
        [[[0, 1, 2, 3]], [[0, 0, 2, 2]], [[1, 1, 3, 3]], [[0, 1, 0, 1]], [[2, 3, 2, 3]]]
    """

    def __init__(self, blocks: Iterable[np.ndarray], shape: tuple[int, int, int]) -> None:
        self.blocks, self.shape = blocks, shape

    def __iter__(self) -> Iterator[np.ndarray]:
        height, width, _ = self.shape
        by = [max(1, round(side / 32)) for side in (width, height)]
        for block in self.blocks:
            yield block
            pictures = block.reshape(-1, *self.shape)
            for axis, step in ((2, by[0]), (2, -by[0]), (1, by[1]), (1, -by[1])):
                place = np.clip(np.arange(pictures.shape[axis]) - step, 0, pictures.shape[axis] - 1)
                yield np.take(pictures, place, axis).reshape(block.shape)


def are_grey(pictures: Sequence[np.ndarray]) -> bool:
    """Do all pictures (H, W, 3) have three equal channels?"""
    return all(np.ptp(value.astype(np.int16), axis=-1).max() == 0 for value in pictures)


def canvas_of(pictures: Sequence[np.ndarray], largest: int = LARGEST) -> tuple[int, int]:
    """(height, width): the pictures' own size if all have the same and it is small, else of their usual shape.

    Example:
        >>> canvas_of([np.zeros((28, 28, 3))] * 2), canvas_of([np.zeros((300, 400, 3)), np.zeros((330, 440, 3))])
        ((28, 28), (48, 64))
    """
    sizes = {value.shape[:2] for value in pictures}
    if len(sizes) == 1 and max(next(iter(sizes))) <= largest:
        return sizes.pop()
    ratio = float(np.exp(np.median([np.log(value.shape[0] / value.shape[1]) for value in pictures])))
    largest = min(largest, max(max(value.shape[:2]) for value in pictures))
    sides = (largest, largest / ratio) if ratio >= 1 else (largest * ratio, largest)
    return max(1, round(sides[0])), max(1, round(sides[1]))


def chosen_canvas(
    pictures: Sequence[np.ndarray], size: Any, multiple: int = 1, largest: int = LARGEST
) -> tuple[int, int]:
    """(height, width) as asked for, of a square or of both sides, or as suits the pictures; to the nearest multiples.

    Raises:
        TableError: a size that is no whole number of pixels from 1, or two of them.

    Example:
        >>> chosen_canvas([], 30, 8), chosen_canvas([], (10, 20)), chosen_canvas([np.zeros((28, 28, 3))], None)
        ((32, 32), (10, 20), (28, 28))
    """
    sides: Any = canvas_of(pictures, largest) if size is None else size
    if not isinstance(sides, tuple | list) or len(sides) != 2:
        check_int(1, size=sides)
        sides = sides, sides
    check_int(1, height=sides[0], width=sides[1])
    height, width = (max(multiple, multiple * round(side / multiple)) for side in sides)
    return height, width


def on_canvas(value: np.ndarray, height: int, width: int) -> np.ndarray:
    """(height, width, 3) uint8: the whole picture, made to fit, on a ground of its border's usual colour.

    Example:
        >>> on_canvas(np.full((10, 20, 3), 7, np.uint8), 8, 8).shape
        (8, 8, 3)
    """
    if value.shape[:2] == (height, width):
        return value
    from PIL import Image as pil

    factor = min(height / value.shape[0], width / value.shape[1])
    inside = max(1, round(value.shape[0] * factor)), max(1, round(value.shape[1] * factor))
    kind = pil.Resampling.BOX if factor < 1 else pil.Resampling.BICUBIC
    small = np.asarray(pil.fromarray(value).resize(inside[::-1], kind))
    if inside == (height, width):
        return small
    border = np.concatenate([value[0], value[-1], value[:, 0], value[:, -1]])
    canvas = np.broadcast_to(np.median(border, axis=0).astype(np.uint8), (height, width, 3)).copy()
    top, left = (height - inside[0]) // 2, (width - inside[1]) // 2
    canvas[top : top + inside[0], left : left + inside[1]] = small
    return canvas
