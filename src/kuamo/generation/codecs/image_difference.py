"""What changes from one picture to another: the principal components of their difference, pixel by pixel.

    y = (x − x_of − δ̄) V / g,     x̂ = x_of + δ̄ + y g Vᵀ        x_of: the picture in another column of the row

All that does not change comes from the row's other picture, as sharp as that is.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from kuamo.closed_form.streaming_pca import principal_axes
from kuamo.core.errors import KuamoError, TableError
from kuamo.data.modalities import Image
from kuamo.data.table import Table
from kuamo.generation.codecs.base import CellBlocks, other_entries
from kuamo.generation.codecs.image_pca import SEEN, canvas_of, on_canvas

__all__ = ["ImageDifferencePCA"]

MOST, SHARE = 768, 0.995  # components, and of the variance


@dataclass(frozen=True, eq=False)
class ImageDifferencePCA:
    """Pairs of pictures ↔ the leading components of their difference.

    Args:
        other: the column of the picture that is changed. mean: (D,), δ̄. axes: (D, L). scale: g.
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
    other: str
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
        for column in (name, of):
            if not isinstance(table.column(column).modality, Image):
                kind = type(table.column(column).modality).__name__
                raise TableError(f"column {column!r}: given {kind}; expected images, to find what changes in them")
        entries = np.flatnonzero(other_entries(table, name, of) >= 0)
        if len(entries) < 2:
            raise TableError(f"given {len(entries)} rows that have both {name!r} and {of!r}; expected at least two")
        some = entries[np.unique(np.linspace(0, len(entries) - 1, min(len(entries), SEEN)).astype(int))]
        height, width = canvas_of(list(table.values(name, some)))
        draft = cls(of, np.zeros(1), np.zeros((1, 1)), 1.0, height, width)
        other = other_entries(table, name, of)

        def read(part: np.ndarray) -> np.ndarray:
            return draft.changes(table.values(name, part), table.values(of, other[part]))

        blocks = CellBlocks(entries, read)
        most = min(components or MOST, height * width * 3)
        mean, axes, variance, total = principal_axes(blocks, most, seed)
        if components is None:
            most = min(most, int(np.searchsorted(np.cumsum(variance), SHARE * total) + 1))
        kept = float(variance[:most].sum() / total) if total > 0 else 1.0
        scale = float(np.sqrt(max(variance[:most].mean(), 1e-12)))
        return cls(of, mean, np.ascontiguousarray(axes[:, :most]), scale, height, width, kept)

    @property
    def out(self) -> int:
        """L."""
        return self.axes.shape[1]

    def changes(self, values: Iterable[np.ndarray], beside: Iterable[np.ndarray]) -> np.ndarray:
        """x − x_of (n, D), of pixels in [0, 1], on the canvas."""
        found = [self._pixels(value) - self._pixels(other) for value, other in zip(values, beside, strict=True)]
        return np.stack(found) if found else np.zeros((0, self.height * self.width * 3), np.float32)

    def encode(self, values: Iterable[np.ndarray], beside: Iterable[np.ndarray]) -> np.ndarray:
        """y (n, L) float32 of pictures and those that they were."""
        return ((self.changes(values, beside) - self.mean) @ self.axes / self.scale).astype(np.float32)

    def decode(self, y: np.ndarray, beside: Iterable[np.ndarray]) -> list[np.ndarray]:
        """Pictures (height, width, 3) uint8: those beside, changed.

        Raises:
            KuamoError: another L.
        """
        y = np.asarray(y, dtype=np.float32)
        if y.ndim != 2 or y.shape[1] != self.out:
            raise KuamoError(f"given components of shape {y.shape}; expected (n, {self.out})")
        return [self._picture(one, other) for one, other in zip(y, beside, strict=True)]

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

    def config(self) -> dict[str, Any]:
        """The plain part of its stored form."""
        return {name: getattr(self, name) for name in ("other", "scale", "height", "width", "kept")}

    def arrays(self) -> dict[str, np.ndarray]:
        """The rest of it."""
        return {"mean": self.mean, "axes": self.axes}

    @classmethod
    def from_arrays(cls, config: dict[str, Any], arrays: dict[str, np.ndarray]) -> ImageDifferencePCA:
        """The stored codec."""
        parts: dict[str, Any] = {**arrays, **config}
        return cls(**parts)
