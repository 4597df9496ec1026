"""Grids of words for a terminal: columns aligned, wide characters counted as two."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Sequence

__all__ = ["format_table", "width"]


def format_table(grid: Sequence[Sequence[str]], left: Collection[int] = (0,)) -> list[str]:
    """Lines of a grid: these columns to the left, by default the first, and the others to the right.

    Example:
        >>> format_table([["", "R@1"], ["猫", "0.5"]])
        ['    R@1', '猫  0.5']
    """
    widths = [max(width(line[i]) for line in grid) for i in range(len(grid[0]))]
    return [
        "  ".join(
            cell + " " * (w - width(cell)) if i in left else " " * (w - width(cell)) + cell
            for i, (cell, w) in enumerate(zip(line, widths, strict=True))
        )
        for line in grid
    ]


def width(text: str) -> int:
    """Columns that a text takes on a terminal.

    Example:
        >>> width("a"), width("猫"), width("é")
        (1, 2, 1)
    """
    shown = (letter for letter in text if not unicodedata.combining(letter))
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in shown)
