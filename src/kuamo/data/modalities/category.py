"""Categories: one of a few classes. A label is one more modality: to classify is to translate to such a column."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kuamo.core.errors import CellError, TableError, is_unicode, shorten
from kuamo.core.messages import Note
from kuamo.data.modalities.base import Modality

__all__ = ["Category"]


@dataclass(frozen=True)
class Category(Modality):
    """One of a few classes; canonical value: its name, a non-empty `str`.

    Args:
        classes: their names, if others are to be refused; whatever the table holds, if not given.

    Example:
        >>> Category().read(3), Category(("cat", "dog")).read(" dog ")
        ('3', 'dog')
    """

    classes: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        if self.classes is None:
            return
        names = () if isinstance(self.classes, str) or not isinstance(self.classes, Iterable) else self.classes
        classes = tuple(str(name) for name in names)  # a list, as from a stored space, is welcome
        if not classes or not all(name.strip() for name in classes) or len({*classes}) < len(classes):
            raise TableError(f"given classes={shorten(self.classes)}; expected a list of different names, or None")
        object.__setattr__(self, "classes", classes)

    def accepts(self, raw: Any) -> bool:
        """A text, a whole number, or a truth value."""
        return isinstance(raw, str | int | np.integer | np.bool_)

    def read(self, raw: Any) -> str:
        """The class's name."""
        if not self.accepts(raw):
            raise CellError(Note("cell_kind", kind=type(raw).__name__, value=shorten(raw)), "the name of a class")
        name = str(raw).strip()
        if not name:
            raise CellError(Note("cell_empty_text"), "the name of a class (None for an absent cell)")
        if not is_unicode(name):
            raise CellError(Note("cell_half", value=shorten(name)), "Unicode text")
        if self.classes is not None and name not in self.classes:
            raise CellError(repr(name), f"one of {shorten(list(self.classes))}")
        return name

    def write(self, value: str, path: Path) -> None:
        Path(path).write_text(self.read(value) + "\n", encoding="utf-8")

    def show(self, value: str) -> str:
        """Its name."""
        return value if len(value) <= 80 else value[:79] + "…"
