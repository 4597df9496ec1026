"""Larger pictures, patch by patch: each p × p patch by the same few principal components, so y is a map.

    picture (H, W) ── patches x_ij (3p²,) ──→ y_ij = (x_ij − x̄) V / (g s^w)  (c,) ──→ y (H/p, W/p, c)

What is seen in one place is known in every other, so new pictures come back as well as known ones, at any size, and
the axes are learned in seconds. It is JPEG's transform with axes of the column's own; see `ImagePCA` for s, w and g.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from kuamo.core.contracts import Stored
from kuamo.core.errors import KuamoError
from kuamo.core.validation import check_int, is_int
from kuamo.data.table import Table
from kuamo.generation.codecs.base import ColumnMatrix, leading_components, sample_cells
from kuamo.generation.codecs.image_pca import ImageComponents, chosen_canvas, on_canvas

__all__ = ["ImagePatchPCA"]

LARGEST = 256  # pixels of the longer side that the default canvas has
SHARE = 0.995  # of the variance: of drawings with fewer components textures are missed
AT_ONCE = 1 << 24  # numbers of a block of patches at most, or those of one picture


@dataclass(frozen=True, eq=False)
class ImagePatchPCA(ImageComponents, Stored):
    """Pictures ↔ a map of the leading principal components of their patches.

    Args:
        mean: (3p²,) of pixels in [0, 1]. axes: (3p², c). scale: (c,), g s^w.
        height, width: of the canvas, multiples of p. patch: p. kept: the share of the variance that c components hold.

    References:
        The JPEG Still Picture Compression Standard, Wallace, 1991.

    Example:
        >>> import kuamo as km
        >>> table = km.datasets.shapes(rows=40, size=32)
        >>> codec = ImagePatchPCA.of(table, "image", components=12)
        >>> y = codec.encode(table.values("image"))
        >>> y.shape, codec.map, codec.decode(y)[0].shape
        ((40, 192), (4, 4, 12), (32, 32, 3))
    """

    guidance: ClassVar[float] = 2.0  # what a flow makes looks clearer by it
    mean: np.ndarray
    axes: np.ndarray
    scale: np.ndarray
    height: int
    width: int
    patch: int = 8
    kept: float = 1.0

    @classmethod
    def of(
        cls,
        table: Table,
        name: str,
        *,
        components: int | None = None,
        patch: int = 8,
        size: int | tuple[int, int] | None = None,
        whiten: float = 0.5,
        seed: int = 0,
    ) -> ImagePatchPCA:
        """The codec of a column's pictures; streamed, memory does not grow with their number.

        Args:
            table, name: whose. components: c of each patch; as many as hold 99.5 % of the variance, if not given.
            patch: p. size: of the canvas, of a square or (height, width), taken to multiples of p; the pictures' own,
                at most 256 pixels long, if not given. whiten: w.

        Raises:
            TableError: a column of fewer than two pictures, a patch or a size without pixels. KuamoError: more
            components than a patch has numbers.
        """
        check_int(1, patch=patch)
        most = 3 * patch**2
        if components is not None and not (is_int(components, 1) and components <= most):
            raise KuamoError(f"given components={components!r}; expected a whole number from 1 to {most}, or None")
        height, width = chosen_canvas(sample_cells(table, name), size, patch, LARGEST)

        def flat(value: np.ndarray) -> np.ndarray:
            return on_canvas(value, height, width).reshape(-1)

        blocks = PatchBlocks(ColumnMatrix(table, name, flat), height, width, patch)
        found = leading_components(blocks, components or most, None if components else SHARE, seed)
        scale = (found.scale(whiten) / 255).astype(np.float32)
        return cls(found.mean / 255, found.axes, scale, height, width, patch, found.kept)

    @property
    def map(self) -> tuple[int, int, int]:
        """(H/p, W/p, c), as which y is laid out."""
        return self.height // self.patch, self.width // self.patch, self.axes.shape[1]

    @property
    def out(self) -> int:
        return int(np.prod(self.map))

    def _components(self, value: np.ndarray) -> np.ndarray:
        x = patches(on_canvas(value, self.height, self.width)[None], self.patch).astype(np.float32) / 255
        return (((x - self.mean) @ self.axes) / self.scale).reshape(-1).astype(np.float32)

    def _picture(self, y: np.ndarray) -> np.ndarray:
        rows, columns, c = self.map
        x = self.mean + (y.reshape(-1, c) * self.scale) @ self.axes.T
        tiles = (x.clip(0, 1) * 255).round().astype(np.uint8).reshape(rows, columns, self.patch, self.patch, 3)
        return tiles.swapaxes(1, 2).reshape(self.height, self.width, 3)


def patches(pictures: np.ndarray, patch: int) -> np.ndarray:
    """(n H/p W/p, 3p²) of pictures (n, H, W, 3), row by row.

    Example:
        >>> patches(np.arange(12).reshape(1, 2, 2, 3), 1).tolist()
        [[0, 1, 2], [3, 4, 5], [6, 7, 8], [9, 10, 11]]
    """
    n, height, width, channels = pictures.shape
    tiles = pictures.reshape(n, height // patch, patch, width // patch, patch, channels).swapaxes(2, 3)
    return tiles.reshape(-1, patch * patch * channels)


class PatchBlocks:
    """Blocks of pictures as blocks of their patches; a few pictures at a time, since they are reckoned in float64."""

    def __init__(self, blocks: Iterable[np.ndarray], height: int, width: int, patch: int) -> None:
        self.blocks, self.shape, self.patch = blocks, (-1, height, width, 3), patch

    def __iter__(self) -> Iterator[np.ndarray]:
        for block in self.blocks:
            some = max(1, AT_ONCE // block.shape[1])
            for start in range(0, len(block), some):
                yield patches(block[start : start + some].reshape(self.shape), self.patch)
