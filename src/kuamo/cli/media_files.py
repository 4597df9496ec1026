"""What was made, as files: pictures as PNG, sounds as WAV, vectors as NPY, texts as TXT; and several on one sheet.

out/{row}-{k}.png        k counts the draws of a row; a name that a file cannot have is made one
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from kuamo.core.errors import TableError
from kuamo.core.files import atomic_path, remove_leftovers, reporting_io_errors
from kuamo.data.modalities import Audio, Category, Image, Modality, Number, Text

__all__ = ["check_media_out", "contact_sheet", "save_sheet", "write_media"]

GAP = 2  # pixels between two pictures of a sheet
LARGE = 64  # pixels that a picture of a sheet has at least, by whole multiples
ENDINGS: tuple[tuple[type, str], ...] = (
    (Image, ".png"),
    (Audio, ".wav"),
    (Text, ".txt"),
    (Category, ".txt"),
    (Number, ".txt"),
)


def check_media_out(out: Path) -> None:
    """Refuse a place that is a file, before the long work."""
    with reporting_io_errors(out):
        wrong = out.exists() and not out.is_dir()
    if wrong:
        raise TableError(f"given {str(out)!r}, which is a file; expected a folder")


def write_media(out: Path, names: Sequence[str], made: Sequence[Sequence[Any]], modality: Modality) -> list[Path]:
    """Write each draw (n lists of values, or of arrays) into a file of its own; the files.

    Args:
        out: a folder, made if it is not there. names: of the rows. modality: of the values.

    Raises:
        TableError: `out` is a file.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as place:
        ...     made = write_media(Path(place), ["a/b"], [[np.zeros((2, 2, 3), np.uint8)]], Image())
        ...     print([path.name for path in made])
        ['a_b-0.png']
    """
    check_media_out(out)
    with reporting_io_errors(out):
        out.mkdir(parents=True, exist_ok=True)
        remove_leftovers(out)
    ending = next((end for kind, end in ENDINGS if isinstance(modality, kind)), ".npy")
    files, taken = [], set()
    for name, draws in zip(names, made, strict=True):
        stem = re.sub(r"[^\w.-]+", "_", name).strip("._")[:80] or "row"
        while stem in taken:
            stem += "_"
        taken.add(stem)
        for number, value in enumerate(draws):
            path = out / f"{stem}-{number}{ending}"
            with atomic_path(path) as part:
                if ending == ".npy":
                    np.save(part, np.asarray(value))
                else:
                    modality.write(value, part)
            files.append(path)
    return files


def contact_sheet(rows: Sequence[Sequence[np.ndarray]]) -> np.ndarray:
    """Pictures (H, W, 3) of one size, a list for each row, side by side on white.

    Example:
        >>> contact_sheet([[np.zeros((64, 64, 3), np.uint8)] * 2]).shape
        (68, 134, 3)
    """
    height, width = rows[0][0].shape[:2]
    times = max(1, -(-LARGE // max(height, width)))
    height, width, most = height * times + GAP, width * times + GAP, max(map(len, rows))
    page = np.full((len(rows) * height + GAP, most * width + GAP, 3), 255, np.uint8)
    for i, row in enumerate(rows):
        for j, picture in enumerate(row):
            large = picture.repeat(times, 0).repeat(times, 1)
            page[GAP + i * height : (i + 1) * height, GAP + j * width : (j + 1) * width] = large
    return page


def save_sheet(rows: Sequence[Sequence[np.ndarray]], path: Path) -> None:
    """Write a sheet as PNG, whole or not at all."""
    with atomic_path(path) as part:
        Image().write(contact_sheet(rows), part)
