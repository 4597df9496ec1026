"""What a column is, from some of its cells: a picture, a sound, a vector or a text; or nothing that is encoded.

Content decides before names: where a cell names a file that is there, the file's first bytes say what it is. A column
is what most of its cells are: one `N/A` among picture files is one bad cell, and does not make a column of texts. And
not every `str` is a text: names of files of other kinds, URLs, bytes written as letters are `Unread`.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from kuamo.data.column import LazyColumn, layout
from kuamo.data.modalities import Audio, Image, Modality, Text, Vector
from kuamo.data.modalities.base import first_bytes
from kuamo.data.readers.paths import FileResolver
from kuamo.data.readers.spelled import numbers_alone

__all__ = ["Unread", "is_category", "sampled_cells", "vote_of"]

SAMPLE = 64
_FILES = (Image(), Audio())
_WORDS = ("text", "caption", "title", "description", "sentence", "name", "keywords", "transcript")


_FOREIGN = re.compile(
    r"""
    svg|heic|heif|jp2|j2k|jxl|ico|tga|psd|raw|cr2|nef|dng|arw|exr|hdr|eps|ai|dcm|nii  # pictures
    |m4a|aac|wma|amr|midi?|caf|ac3|mka|ape|mp4|webm|mov|avi|mkv|m4v|wmv|mpe?g|flv|3gp|ts  # sounds, films
    |npz|pt|pth|pkl|pickle|h5|hdf5|mat|parquet|feather|arrow|tfrecord|safetensors|onnx|bin|dat  # arrays
    |obj|ply|stl|glb|gltf|fbx|las|pcd|zip|tar|gz|tgz|bz2|xz|7z|rar  # shapes, archives
    |pdf|docx?|pptx?|xlsx?|odt|epub|txt|md|rst|jsonl?|csv|tsv|xml|html?|ya?ml  # documents
    """,
    re.VERBOSE | re.IGNORECASE,
)
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://\S+")
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{64,}={0,2}")
_HEX = re.compile(r"(?:\\x|0x)?((?:[0-9A-Fa-f]{2}){32,})")


@dataclass(frozen=True)
class Unread:
    """Cells that look like something other than texts, and that kuamo does not read.

    Args:
        why: the sentence that says it, such as `"table_files"`. what: an example.
    """

    why: str
    what: str


class _Whole:
    """Accepts any cell as one: for counting cells, whatever they are."""

    def accepts(self, raw: Any) -> bool:
        return True


def sampled_cells(cells: Sequence[Any] | LazyColumn) -> list[Any]:
    """Up to 64 cells that are there: the first ones, and, where that costs nothing, some from all over."""
    there, _ = layout(cells, _Whole())  # type: ignore[arg-type]
    half = SAMPLE // 2
    spread = there[half:][:: max(1, (len(there) - half) // half)][:half] if not _is_far(cells) else there[half:SAMPLE]
    return [cells[int(k)] for k in [*there[:half], *spread]]


def vote_of(cells: Sequence[Any] | LazyColumn, places: FileResolver | None = None) -> Modality | Unread | None:
    """The modality of a column, `None` if its cells are nothing that is encoded, or why they are no texts.

    Args:
        cells: raw, with names of files as texts. places: where files are, for a look at their first bytes.

    Example:
        >>> vote_of(["a.png", "N/A", "b.png"]), vote_of(["a cat", "a dog"]), vote_of([3.5, 4.5]), vote_of(["a.mp4"])
        (Image(background=255, peak=None), Text(), None, Unread(why='table_files', what='.mp4'))
    """
    seen = [part for cell in sampled_cells(cells) for part in _parts(cell)]
    votes = [_kind(part, places or FileResolver(Path())) for part in seen]
    for kind in (Image(), Audio(), Vector(), Text()):
        if votes and 2 * sum(vote == kind for vote in votes) > len(votes):
            return kind
    uncertain = [vote for vote in votes if isinstance(vote, Unread)]
    if 2 * len(uncertain) > len(votes):
        return uncertain[0]
    named = [vote for vote in votes if vote is not None and not isinstance(vote, Unread)]
    return named[0] if named and len(set(map(type, named))) == 1 and 2 * len(named) == len(votes) else None


def is_category(name: str, cells: Sequence[Any] | LazyColumn) -> bool:
    """Are these texts a few classes, each of many rows? Columns that are called like prose are not."""
    if any(word in name.lower() for word in _WORDS) or len(cells) < 40:
        return False
    if any(not isinstance(cell, str) for cell in sampled_cells(cells)) or _is_far(cells):
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


def _kind(cell: Any, places: FileResolver) -> Modality | Unread | None:
    if isinstance(cell, str | Path):
        return _kind_of_name(str(cell).strip(), places) or (_kind_of_text(cell) if isinstance(cell, str) else None)
    if isinstance(cell, bytes | bytearray | memoryview):
        cell = bytes(cell)
        return next((kind for kind in _FILES if kind.accepts(cell)), None) or Unread("table_bytes", repr(cell[:8]))
    return next((kind for kind in (*_FILES, Vector()) if kind.accepts(cell)), None)


def _kind_of_text(text: str) -> Modality | Unread:
    bare = text.strip()
    if (numbers := numbers_alone(bare)) is not None and len(numbers) > 1:
        return Unread("table_numbers", bare[:30])
    if _is_coded(bare):
        return Unread("table_coded", bare[:12] + "…")
    return Text()


def _is_coded(text: str) -> bool:
    """Bytes of a picture or a sound as base64, hexadecimal or Python's repr; or a record {"name": …}."""
    if text.startswith(("data:", "b'", 'b"')) and " " not in text[:20]:
        return ";base64," in text[:80] or (text[0] == "b" and text[-1] == text[1] and "\\x" in text)
    if text.startswith("{") and text.endswith("}"):
        return bool(re.match(r"\{\s*['\"][^'\"]*['\"]\s*:", text))
    try:
        if (found := _HEX.fullmatch(text)) is not None:
            head = bytes.fromhex(found[1][:64])
        elif _BASE64.fullmatch(text):
            head = base64.b64decode(text[:64], altchars=b"-_" if set("-_") & set(text) else None)
        else:
            return False
    except (ValueError, binascii.Error):
        return False
    return any(kind.accepts(head) for kind in _FILES)


def _kind_of_name(name: str, places: FileResolver) -> Modality | Unread | None:
    """What a file's first bytes say, else its name."""
    if not name or len(name) > 1024 or "\n" in name:
        return None
    is_url = _URL.fullmatch(name) is not None
    suffix = Path(urlsplit(name).path if is_url else name)
    by_name = next((kind for kind in (*_FILES, Vector()) if kind.accepts(suffix)), None)
    if is_url and by_name is None and not places.download:
        return Unread("table_urls", name[:40])
    head = _head(name, places if is_url and by_name is None else replace(places, download=False))
    by_content = next((kind for kind in _FILES if head and kind.accepts(head)), by_name)
    foreign = _FOREIGN.fullmatch(suffix.suffix[1:]) is not None and len(name.split()) < 5
    if by_content is None and (foreign or head is not None):
        return Unread("table_urls" if is_url else "table_files", suffix.suffix or "without an ending")
    return by_content


def _head(name: str, places: FileResolver) -> bytes | None:
    """The first bytes of a file; `None` where there is none."""
    try:
        return first_bytes(places.find(name))
    except (OSError, ValueError):  # a CellError is one
        return None
