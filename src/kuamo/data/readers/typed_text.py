"""A text that is given alone, such as a query: the name of a file, or words that look like something else.

In a column the other cells say what one is; here a name that no modality of the space takes would become a text.
"""

from __future__ import annotations

import os
import re
from difflib import get_close_matches
from pathlib import Path

from kuamo.data.modalities import Modality
from kuamo.data.modalities.audio import SUFFIXES as SOUNDS
from kuamo.data.modalities.image import SUFFIXES as PICTURES
from kuamo.data.readers.schema import Unread, vote_of

__all__ = ["file_modality", "looks_unlike_text", "names_file"]

_PATH = re.compile(r"(?:\.{1,2}[/\\]|~[/\\]|/|[A-Za-z]:[/\\])\S+|\S+[/\\]\S*\.\w{1,5}")
_KNOWN = sorted({*PICTURES, *SOUNDS, ".npy"})


def names_file(text: str) -> bool:
    """Is there a file of this name?"""
    try:
        return len(text) <= 1024 and os.path.isfile(text)
    except ValueError:  # a zero byte
        return False


def file_modality(text: str) -> Modality | None:
    """The modality of the file that a text names, by its first bytes, else by its ending; `None` for other texts.

    Example:
        >>> file_modality("a.png"), file_modality("a cat")
        (Image(background=255, peak=None), None)
    """
    found = vote_of([text])
    return found if isinstance(found, Modality) and type(found).__name__ != "Text" else None


def looks_unlike_text(text: str) -> bool:
    """Does it look like a path, an address, numbers or encoded bytes?

    Example:
        >>> [looks_unlike_text(each) for each in ("cat.jepg", "./cat", "cat.svg", "0.5, 1.5", "a cat", "node.js")]
        [True, True, True, True, False, False]
    """
    if isinstance(vote_of([text]), Unread) or _PATH.fullmatch(text.strip()):
        return True
    ending = Path(text.strip()).suffix.lower()
    return len(text.split()) == 1 and len(ending) > 3 and bool(get_close_matches(ending, _KNOWN, 1, cutoff=0.8))
