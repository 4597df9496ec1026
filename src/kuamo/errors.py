"""Errors that say where: every one names the column and the row, what was given and what was expected."""

from __future__ import annotations

__all__ = ["CellError", "CutWarning", "KuamoError", "StoreError", "TableError", "shorten"]


class KuamoError(ValueError):
    """Anything that kuamo refuses, in words for the person who gave it."""


class TableError(KuamoError):
    """A table, a column or an option that cannot be used as it is."""


class StoreError(KuamoError):
    """A stored space or index that cannot be read: tampered with, incomplete or from a newer version."""


class CutWarning(UserWarning):
    """Values of a column are longer than its encoder reads at once, and their ends are cut."""


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
        place = ", ".join(part for part in (column and f"column {column!r}", row is not None and f"row {row}") if part)
        super().__init__(f"{place + ': ' if place else ''}given {given}; expected {expected}")

    def at(self, column: str, row: str) -> CellError:
        """The same error with its place."""
        return CellError(self.given, self.expected, column=column, row=row)


def shorten(thing: object, length: int = 60) -> str:
    """A short `repr` for an error message.

    Example:
        >>> shorten("a" * 100, 10)
        "'aaaaa..."
    """
    text = repr(thing)
    return text if len(text) <= length else text[: length - 4] + "..."
