"""What changes from one picture to another: the principal components of their difference, pixel by pixel.

    y = (x − x_of − δ̄) V / g,     x̂ = x_of + δ̄ + y g Vᵀ        x_of: the picture in another column of the row

All that does not change comes from the row's other picture, as sharp as that is.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from kuamo.core.contracts import Stored
from kuamo.core.errors import TableError
from kuamo.data.modalities import Image
from kuamo.data.table import Table
from kuamo.generation.codecs.base import (
    CellBlocks,
    Codec,
    check_count,
    checked_components,
    leading_components,
    other_entries,
    sample_cells,
)
from kuamo.generation.codecs.image_pca import canvas_of, on_canvas

__all__ = ["ImageDifferencePCA"]

MOST, SHARE = 768, 0.995  # components, and of the variance


@dataclass(frozen=True, eq=False)
class ImageDifferencePCA(Codec, Stored):
    """Pairs of pictures ↔ the leading components of their difference.

    Args:
        reference_column: that of the picture that is changed. mean: (D,), δ̄. axes: (D, L). scale: g.
        height, width: of the canvas; D is height · width · 3. kept: the share of the variance that L components hold.

    Example:
        >>> import kuamo as km
        >>> table = km.datasets.emoji_tones().take(np.arange(60))
        >>> codec = ImageDifferencePCA.of_columns(table, "image", "base", components=20)
        >>> before, after = (list(table.values(name)) for name in ("base", "image"))
        >>> y = codec.encode(after, before)
        >>> y.shape, bool(np.abs(codec.decode(y, before)[0].astype(float) - after[0]).mean() < 3)
        ((60, 20), True)
    """

    guidance: ClassVar[float] = 2.0  # what a flow makes looks clearer by it
    reference_column: str = field()
    mean: np.ndarray
    axes: np.ndarray
    scale: float
    height: int
    width: int
    kept: float = 1.0

    @classmethod
    def of_columns(
        cls, table: Table, name: str, of: str, *, components: int | None = None, seed: int = 0
    ) -> ImageDifferencePCA:
        """The codec of a column whose pictures are those of another one, changed.

        Args:
            components: L; as many as hold 99.5 % of the variance, at most 768, if not given.

        Raises:
            TableError: columns of something else, or fewer than two rows that have both.
        """
        check_count(components)
        for column in (name, of):
            if not isinstance(table.column(column).modality, Image):
                kind = type(table.column(column).modality).__name__
                raise TableError(f"column {column!r}: given {kind}; expected images, to find what changes in them")
        other = other_entries(table, name, of)
        entries = np.flatnonzero(other >= 0)
        if len(entries) < 2:
            raise TableError(f"given {len(entries)} rows that have both {name!r} and {of!r}; expected at least two")
        height, width = canvas_of(sample_cells(table, name, entries))
        draft = cls(of, np.zeros(1), np.zeros((1, 1)), 1.0, height, width)

        def read(part: np.ndarray) -> np.ndarray:
            return draft.changes(table.values(name, part), table.values(of, other[part]))

        most = min(components or MOST, height * width * 3)
        found = leading_components(CellBlocks(entries, read), most, None if components else SHARE, seed)
        scale = float(np.sqrt(max(np.square(found.std).mean(), 1e-12)))
        return cls(of, found.mean, found.axes, scale, height, width, found.kept)

    @property
    def out(self) -> int:
        return self.axes.shape[1]

    def changes(self, values: Iterable[np.ndarray], beside: Iterable[np.ndarray]) -> np.ndarray:
        """x − x_of (n, D), of pixels in [0, 1], on the canvas."""
        found = [self._pixels(value) - self._pixels(other) for value, other in zip(values, beside, strict=True)]
        return np.stack(found) if found else np.zeros((0, self.height * self.width * 3), np.float32)

    def encode(self, values: Iterable[np.ndarray], beside: Iterable[np.ndarray]) -> np.ndarray:
        """y (n, L) float32 of pictures and those that they were."""
        return ((self.changes(values, beside) - self.mean) @ self.axes / self.scale).astype(np.float32)

    def decode(self, y: np.ndarray, beside: Iterable[np.ndarray]) -> list[np.ndarray]:
        """Pictures (height, width, 3) uint8: those beside, changed."""
        return [self._picture(*pair) for pair in zip(checked_components(y, self.out), beside, strict=True)]

    def round_trip(self, values: Sequence[np.ndarray], beside: Sequence[np.ndarray]) -> dict[str, float]:
        """Peak signal-to-noise ratio of pictures on the canvas, in dB, and the share of the change's variance left."""
        change = self.changes(values, beside)
        error = change - self.mean - (change - self.mean) @ self.axes @ self.axes.T
        spread = float(np.square(change - change.mean(0)).mean())
        mean = float(np.square(error).mean())
        return {
            "psnr": float(-10 * np.log10(max(mean, 1e-12))),
            "explained": 1 - mean / spread if spread > 0 else 1.0,
        }

    def _pixels(self, value: np.ndarray) -> np.ndarray:
        return on_canvas(value, self.height, self.width).reshape(-1).astype(np.float32) / 255

    def _picture(self, y: np.ndarray, beside: np.ndarray) -> np.ndarray:
        pixels = self._pixels(beside) + self.mean + self.axes @ (y * self.scale)
        return (pixels.clip(0, 1) * 255).round().astype(np.uint8).reshape(self.height, self.width, 3)
