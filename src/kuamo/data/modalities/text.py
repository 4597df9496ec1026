"""Text: a `str`, in any language."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kuamo.core.errors import CellError, is_unicode, shorten
from kuamo.core.messages import Note
from kuamo.data.modalities.base import Modality

__all__ = ["Text"]

PREVIEW = 240  # characters


@dataclass(frozen=True)
class Text(Modality):
    """A text; canonical value: a non-empty `str`.

    Example:
        >>> Text().read("  a sleeping cat ")
        'a sleeping cat'
    """

    def accepts(self, raw: Any) -> bool:
        """Any `str`."""
        return isinstance(raw, str)

    def read(self, raw: Any) -> str:
        """The text without the white space around it."""
        if not isinstance(raw, str):
            raise CellError(Note("cell_kind", kind=type(raw).__name__, value=shorten(raw)), "a text")
        if not raw.strip():
            raise CellError(Note("cell_empty_text"), "a text (None for an absent cell)")
        if not is_unicode(raw):
            raise CellError(Note("cell_half", value=shorten(raw)), "Unicode text")
        return raw.strip()

    def write(self, value: str, path: Path) -> None:
        text = value if value == "" else self.read(value)  # none is refused of a table, but may have been made
        Path(path).write_text(text + "\n", encoding="utf-8")

    def show(self, value: str) -> str:
        """The text, cut after 80 characters."""
        return value if len(value) <= 80 else value[:79] + "…"

    def preview(self, value: str) -> tuple[str, bytes]:
        """The text, cut after 240 characters."""
        cut = value if len(value) <= PREVIEW else value[: PREVIEW - 1] + "…"
        return "text/plain", cut.encode("utf-8", "replace")
