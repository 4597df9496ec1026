"""Pictures: native RGB, as they are in the file."""

from __future__ import annotations

import io
import threading
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kuamo.core.errors import CellError, TableError, TruncationWarning, shorten
from kuamo.core.messages import Note
from kuamo.core.validation import check_level, is_int
from kuamo.data.modalities.base import Modality, as_array, describe_value, failed, read_bytes
from kuamo.data.modalities.levels import as_bytes, stated_range

__all__ = ["Image"]

SUFFIXES = {".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".ppm", ".pgm", ".avif"}
MOVING = {".gif", ".png", ".webp", ".tif", ".tiff", ".avif"}
# Pillow knows more, and some of it starts other programs (EPS starts Ghostscript).
FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "PPM", "AVIF")
ORIENTATION = 0x0112  # the EXIF tag
PREVIEW = 96  # pixels, the longer side
MAX_PIXELS = 100_000_000  # a picture beyond this is taken for a decompression bomb
_LOADING = threading.Lock()
_EXPECTED = "an image (PNG, JPEG, WebP, GIF, BMP, TIFF, AVIF, PPM)"
_FEWER = f"an image of at most {MAX_PIXELS:,} pixels"


@dataclass(frozen=True)
class Image(Modality):
    """A picture; canonical value: uint8 array (H, W, 3), upright, transparency on `background`.

    Reads a path, bytes, a PIL image, or an array of shape (H, W), (H, W, 1), (H, W, 3) or (H, W, 4), or a tensor with
    channels first. Levels are scaled by their type and by what the file states: uint8, uint16, truth values, floats in
    [0, 1]. What neither shows, such as 12 bits in a type of 16, or floats of another range, is refused unless `peak`
    says it. Of a picture that moves, or has several pages, the first is read, and a warning says so.

    Args:
        background: grey level, 0 to 255, behind what is transparent.
        peak: the level that is white, of pictures of more than 8 bits, of whole numbers or floats, such as 4095.

    Example:
        >>> Image().read(np.zeros((2, 3))).shape
        (2, 3, 3)
    """

    background: int = 255
    peak: float | None = None
    parallel = True

    def __post_init__(self) -> None:
        check_level(peak=self.peak)
        if not (is_int(self.background) and self.background <= 255):
            raise TableError(f"given background={shorten(self.background)}; expected a whole number from 0 to 255")

    def accepts(self, raw: Any) -> bool:
        """A picture file's name, bytes that open like a picture, a PIL image, or an array shaped like one."""
        if isinstance(raw, str | Path):
            return Path(raw).suffix.lower() in SUFFIXES
        if isinstance(raw, bytes):
            return _looks_like_picture(raw)
        raw = as_array(raw)
        if isinstance(raw, np.ndarray):
            return raw.ndim == 3 and raw.shape[2] in (1, 3, 4)
        return hasattr(raw, "getexif")

    def content(self, raw: Any) -> Any:
        """The undecoded file, or the pixels; those that are read of an open picture, whose palette and mode count."""
        if hasattr(raw, "getexif"):
            return self.read(raw)
        raw = as_array(raw)
        if isinstance(raw, np.ndarray):
            return raw
        return read_bytes(raw, _EXPECTED)

    def moves(self, raw: Any) -> bool:
        """Does a picture file move, or have several pages, so that only the first of them is read?"""
        named = isinstance(raw, str | Path) and Path(raw).suffix.lower() in MOVING
        if not named and not isinstance(raw, bytes):
            return False
        from PIL import Image as pil

        try:
            with pil.open(io.BytesIO(read_bytes(raw, _EXPECTED)), formats=_formats()) as picture:
                return _moves(picture)
        except Exception:  # Pillow's decoders raise whatever they like; reading it says what is wrong
            return False

    def read(self, raw: Any, enough: int | None = None) -> np.ndarray:
        """The picture's pixels, (H, W, 3) uint8.

        Args:
            raw: see the class.
            enough: pixels of the shorter side. A JPEG that is at least twice as large is decoded at a half, a quarter
                or an eighth of its size, which is several times as quick.

        Raises:
            CellError: no picture, or a damaged one.
        """
        raw = as_array(raw)
        if isinstance(raw, np.ndarray):
            return self._from_array(raw)
        name = describe_value(raw)
        picture = raw if hasattr(raw, "getexif") else _decode(read_bytes(raw, _EXPECTED), name, enough)
        try:
            return self._flatten(picture)
        except CellError:
            raise
        except Exception as error:  # odd modes and damaged EXIF
            raise CellError(failed(name, error), _EXPECTED) from None

    def write(self, value: np.ndarray, path: Path) -> None:
        from PIL import Image as pil

        pil.fromarray(self.read(value)).save(path)

    def show(self, value: np.ndarray) -> str:
        """Its size."""
        return f"picture {value.shape[1]} × {value.shape[0]}"

    def preview(self, value: np.ndarray) -> tuple[str, bytes]:
        """A PNG of at most 96 × 96 pixels."""
        from PIL import Image as pil

        picture, out = pil.fromarray(value), io.BytesIO()
        picture.thumbnail((PREVIEW, PREVIEW))
        picture.save(out, "PNG", optimize=True)
        return "image/png", out.getvalue()

    def _flatten(self, picture: Any) -> np.ndarray:
        from PIL import Image as pil
        from PIL import ImageOps

        if 0 in picture.size:
            raise CellError(Note("cell_array", shape=str(picture.size[::-1])), "an image with pixels")
        if picture.getexif().get(ORIENTATION, 1) != 1:  # else Pillow would copy it
            picture = ImageOps.exif_transpose(picture)
        if picture.mode in ("RGBA", "LA", "PA", "RGBa") or "transparency" in picture.info:
            picture = picture.convert("RGBA")
            ground = pil.new("RGBA", picture.size, (self.background,) * 3 + (255,))
            picture = pil.alpha_composite(ground, picture)
        elif picture.mode.startswith("I;16") or picture.mode in ("I", "F"):
            low, high = stated_range(picture)
            levels = np.asarray(picture)
            picture = pil.fromarray(as_bytes(levels, low, self.peak if self.peak is not None else high))
        return np.asarray(picture if picture.mode == "RGB" else picture.convert("RGB"))

    def _from_array(self, raw: np.ndarray) -> np.ndarray:
        from PIL import Image as pil

        if raw.ndim == 2:
            raw = raw[:, :, None]
        if raw.ndim != 3 or raw.shape[2] not in (1, 3, 4) or 0 in raw.shape:
            raise CellError(Note("cell_array", shape=str(raw.shape)), "(H, W), (H, W, 1), (H, W, 3) or (H, W, 4)")
        if raw.dtype != np.uint8 or self.peak is not None:
            raw = as_bytes(raw, 0.0, self.peak)
        mode = {1: "L", 3: "RGB", 4: "RGBA"}[raw.shape[2]]
        return self._flatten(pil.fromarray(raw[:, :, 0] if mode == "L" else raw, mode))


def _looks_like_picture(raw: bytes) -> bool:
    heads = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"BM", b"II*\x00", b"MM\x00*", b"P6", b"P5")
    return raw.startswith(heads) or (raw[:4] == b"RIFF" and raw[8:12] == b"WEBP") or raw[4:12] == b"ftypavif"


def _moves(picture: Any) -> bool:
    return picture.format != "MPO" and bool(getattr(picture, "is_animated", False))  # phones add a second view


def _formats() -> list[str]:
    """Those of `FORMATS` that this Pillow can open. Its plugins are loaded here: on two threads at once that fails."""
    from PIL import Image as pil

    with _LOADING:
        pil.init()
    return [name for name in FORMATS if name in pil.OPEN]


def _decode(content: bytes, name: str, enough: int | None = None) -> Any:
    from PIL import Image as pil

    try:
        picture = pil.open(io.BytesIO(content), formats=_formats())
        if picture.width * picture.height > MAX_PIXELS:
            size = Note("cell_many_pixels", name=name, width=picture.width, height=picture.height)
            raise CellError(size, _FEWER)
        if enough is not None:
            picture.draft(None, (enough, enough))
        moves = _moves(picture)
        picture.load()
        if moves:
            warnings.warn(
                "animated or multi-page images: only the first frame is read", TruncationWarning, stacklevel=2
            )
        return picture
    except CellError:
        raise
    except pil.DecompressionBombError as error:
        raise CellError(Note("cell_not_read", name=name, error=str(error)), _FEWER) from None
    except pil.UnidentifiedImageError:
        damaged = Note("cell_damaged_picture", name=name)
        foreign = Note("cell_begins_with", name=name, start=repr(content[:8]))
        raise CellError(damaged if _looks_like_picture(content) else foreign, _EXPECTED) from None
    except Exception as error:  # Pillow's decoders raise whatever they like on damaged files
        raise CellError(failed(name, error), _EXPECTED) from None
