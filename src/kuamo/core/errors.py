"""Errors that say where: every one names the column and the row, what was given and what was expected."""

from __future__ import annotations

import re
import sys
import warnings
from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from kuamo.core.old_names import former_names
from kuamo.core.translation import localized, translate

__all__ = [
    "CacheWarning",
    "CellError",
    "KuamoError",
    "KuamoWarning",
    "StoreError",
    "TableError",
    "TruncationWarning",
    "closest",
    "did_you_mean",
    "is_unicode",
    "shorten",
    "visible",
    "warn_user",
]

__getattr__ = former_names(__name__)

_PACKAGE = str(Path(__file__).parents[1])
# What steers a terminal (C0 but tab and new line, DEL, C1), turns the direction of writing, or is half a character.
_STEERING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


class KuamoError(ValueError):
    """Anything that kuamo refuses, in words for the person who gave it; in Chinese if KUAMO_LANG is zh."""

    def __str__(self) -> str:
        return visible(translate(super().__str__()))  # a file's names may be in them


class TableError(KuamoError):
    """A table, a column or an option that cannot be used as it is."""


class StoreError(KuamoError):
    """A stored space or index that cannot be read: tampered with, incomplete or from a newer version."""


class KuamoWarning(UserWarning):
    """Something that works, and that its user should know."""

    def __str__(self) -> str:
        return visible(translate(localized(self.args[0])))


class LeakWarning(KuamoWarning):
    """Rows that are held out share cells with training rows."""


class FusionWarning(KuamoWarning):
    """A fusion that gives every column the same weight, whatever its cells say."""


class PlanWarning(KuamoWarning):
    """A transport plan that has not come near its marginals."""


class ForeignWarning(KuamoWarning):
    """Texts in another language than an encoder reads."""


class TextWarning(KuamoWarning):
    """A text was taken as one though it looks like the name of a file, an address or numbers."""


class FeatureWarning(KuamoWarning):
    """A decoder makes the features of a column's encoder, not what the column holds."""


class TruncationWarning(KuamoWarning):
    """Values of a column are longer than its encoder reads at once, and their ends are cut."""


class CacheWarning(KuamoWarning):
    """The cache cannot be written: work goes on, and is not kept for the next time."""


def warn_user(said: Any, kind: type[Warning]) -> None:
    """Warn at the line of the user's that led here: the innermost one that is not kuamo's."""
    frame, depth = sys._getframe(1), 2
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_PACKAGE):
        frame, depth = frame.f_back, depth + 1
    warnings.warn(said, kind, stacklevel=depth)


class CellError(TableError):
    """One cell that cannot be read.

    Args:
        given: what stood in the cell, in words; a `Note`, so that a page has them in the reader's language.
        expected: what the column's modality reads.
        column: the column's name, once known.
        row: the row, as `"3 (id 'cat')"`, once known.

    Example:
        >>> print(CellError("nan at position 2", "finite numbers", column="pose", row="7"))
        column 'pose', row 7: given nan at position 2; expected finite numbers
    """

    def __init__(self, given: str, expected: str, *, column: str | None = None, row: str | None = None) -> None:
        self.given, self.expected, self.column, self.row = given, expected, column, row
        super().__init__(self._text(given))

    def __str__(self) -> str:
        return visible(translate(self._text(localized(self.given))))

    def _text(self, given: str) -> str:
        place = f"column {self.column!r}: " if self.column else ""
        if self.row is not None:
            place = f"column {self.column!r}, row {self.row}: " if self.column else f"row {self.row}: "
        return f"{place}given {given}; expected {self.expected}"

    def at(self, column: str, row: str) -> CellError:
        """The same error with its place."""
        return CellError(self.given, self.expected, column=column, row=row)


def did_you_mean(name: object, known: Iterable[str]) -> str:
    """The name that a misspelt one was meant to be, in brackets; nothing if none is close.

    Example:
        >>> did_you_mean("infonc", ["CCA", "InfoNCE"]), did_you_mean("x", ["CCA"])
        (" (did you mean 'InfoNCE'?)", '')
    """
    meant = closest(name, known)
    return "" if meant is None else f" (did you mean {meant!r}?)"


def closest(name: object, known: Iterable[str]) -> str | None:
    """The known name that is spelt most like a given one, if any is much like it."""
    folded = {one.casefold(): one for one in known}
    found = get_close_matches(str(name).casefold(), folded, n=1)
    return folded[found[0]] if found else None


def shorten(thing: object, length: int = 60) -> str:
    """A short `repr` for an error message.

    Example:
        >>> shorten("a" * 100, 10)
        "'aaaaa..."
    """
    text = repr(thing)
    return text if len(text) <= length else text[: length - 4] + "..."


def visible(text: str) -> str:
    r"""A text that a terminal shows and does not obey; JSON stays JSON.

    Example:
        >>> visible("a \x1b[2J cat") == "a \\u001b[2J cat"
        True
    """
    return _STEERING.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def is_unicode(text: str) -> bool:
    r"""Can it be written as UTF-8? A lone surrogate, half a character, cannot.

    Example:
        >>> is_unicode("一只猫"), is_unicode("\ud800")
        (True, False)
    """
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
