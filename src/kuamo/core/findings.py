"""Finding: one sentence of a diagnosis, and whether it is well, worth a look, or wrong."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from kuamo.core.errors import visible
from kuamo.core.messages import Note, note_from_dict, note_to_dict
from kuamo.core.translation import localized

__all__ = ["LEVELS", "MARKS", "Finding", "finding"]

LEVELS = ("good", "look", "bad")
MARKS = {"good": "✓", "look": "•", "bad": "!"}


@dataclass(frozen=True)
class Finding:
    """A sentence with a level: `"good"`, `"look"` (something to know) or `"bad"` (something to mend).

    Example:
        >>> print(Finding("look", "half of the rows have no picture"))
        • half of the rows have no picture
    """

    level: str
    note: str

    def __str__(self) -> str:
        return visible(f"{MARKS[self.level]} {localized(self.note)}")

    def to_dict(self) -> dict[str, Any]:
        """As plain data, to be stored."""
        return {"level": self.level, "note": note_to_dict(self.note)}

    @classmethod
    def of(cls, plain: Any) -> Finding:
        """The finding that was stored."""
        if plain["level"] not in LEVELS:
            raise ValueError(f"given the level {plain['level']!r}; expected one of {LEVELS}")
        return cls(plain["level"], note_from_dict(plain["note"]))


def finding(level: str, key: str, **values: Any) -> Finding:
    """A finding whose sentence is in the catalogue `notes`."""
    return Finding(level, Note(key, **values))
