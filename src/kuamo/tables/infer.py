"""What a column is, from some of its cells: a picture, a sound, a vector or a text; or nothing that is encoded.

Content decides before names: where a cell names a file that is there, the file's first bytes say what it is. A column
is what most of its cells are: one `N/A` among picture files is one bad cell, and does not make a column of texts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from kuamo.column import LazyCells, layout
from kuamo.errors import CellError
from kuamo.modalities import Audio, Image, Modality, Text, Vector
from kuamo.tables.places import Places

__all__ = ["infer", "is_category", "sampled"]

SAMPLE = 64
_FILES = (Image(), Audio())
_WORDS = ("text", "caption", "title", "description", "sentence", "name", "keywords", "transcript")


class _Whole:
    """Accepts any cell as one: for counting cells, whatever they are."""

    def accepts(self, raw: Any) -> bool:
        return True


def sampled(cells: Sequence[Any] | LazyCells) -> list[Any]:
    """Up to 64 cells that are there: the first ones, and, where that costs nothing, some from all over."""
    if isinstance(cells, LazyCells):
        there, _ = cells.layout(_Whole())  # type: ignore[arg-type]
    else:
        there, _ = layout(cells, _Whole())  # type: ignore[arg-type]
    half = SAMPLE // 2
    spread = there[half:][:: max(1, (len(there) - half) // half)][:half] if not _is_far(cells) else there[half:SAMPLE]
    return [cells[int(k)] for k in [*there[:half], *spread]]


def infer(cells: Sequence[Any] | LazyCells, places: Places | None = None) -> Modality | None:
    """The modality of a column, or `None` if its cells are nothing that is encoded.

    Args:
        cells: raw, with names of files as texts. places: where files are, for a look at their first bytes.

    Example:
        >>> infer(["a.png", "N/A", "b.png"]), infer(["a cat", "a dog"]), infer([3.5, 4.5])
        (Image(background=255), Text(), None)
    """
    seen = [part for cell in sampled(cells) for part in _parts(cell)]
    votes = [_kind(part, places) for part in seen]
    for kind in (Image(), Audio(), Vector(), Text()):
        if votes and 2 * sum(vote == kind for vote in votes) > len(votes):
            return kind
    named = [vote for vote in votes if vote is not None]
    return named[0] if named and len(set(map(type, named))) == 1 and 2 * len(named) == len(votes) else None


def is_category(name: str, cells: Sequence[Any] | LazyCells) -> bool:
    """Are these texts a few classes, each of many rows? Columns that are called like prose are not."""
    if any(word in name.lower() for word in _WORDS) or len(cells) < 40:
        return False
    if any(not isinstance(cell, str) for cell in sampled(cells)) or _is_far(cells):
        return False
    distinct: set[Any] = set()
    for k in range(len(cells)):
        distinct.add(cells[k])
        if 20 * len(distinct) > len(cells):
            return False
    return True


def _is_far(cells: Any) -> bool:
    """Do its cells come from a file, one block after another?"""
    return hasattr(cells, "shards")


def _parts(cell: Any) -> list[Any]:
    if isinstance(cell, list) and not Vector().accepts(cell):
        return [part for part in cell if part is not None][:4]
    return [cell]


def _kind(cell: Any, places: Places | None) -> Modality | None:
    if isinstance(cell, str | Path):
        return _kind_of_name(str(cell), places) or (Text() if isinstance(cell, str) else None)
    return next((kind for kind in (*_FILES, Vector()) if kind.accepts(cell)), None)


def _kind_of_name(name: str, places: Places | None) -> Modality | None:
    """What a file's first bytes say, else its name."""
    if len(name) > 1024 or "\n" in name:
        return None
    url = urlsplit(name) if "://" in name else None
    suffix = Path(url.path if url else name)
    by_name = next((kind for kind in (*_FILES, Vector()) if kind.accepts(suffix)), None)
    head = b"" if places is None or (by_name is None and url) else _head(name, places)
    return next((kind for kind in _FILES if head and kind.accepts(head)), by_name)


def _head(name: str, places: Places) -> bytes:
    try:
        path = replace(places, download=False).find(name)
        if not path.is_file():
            return b""
        with path.open("rb") as file:
            return file.read(64)
    except (OSError, ValueError, CellError):
        return b""
