"""Numbers: one finite number a cell. To regress is to translate to such a column."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np

from kuamo.core.errors import CellError, shorten
from kuamo.core.messages import Note
from kuamo.core.validation import check_type
from kuamo.data.modalities.base import Modality
from kuamo.data.modalities.vector import LARGEST

__all__ = ["Number"]


@dataclass(frozen=True)
class Number(Modality):
    """A number; canonical value: a finite `float`.

    Args:
        unit: in which it is shown, such as "kg".

    Example:
        >>> Number().read("1.5"), Number("kg").show(1.5)
        (1.5, '1.5 kg')
    """

    unit: str = ""

    def __post_init__(self) -> None:
        check_type(str, "the name of a unit", unit=self.unit)

    def accepts(self, raw: Any) -> bool:
        """A number, or a text that spells one."""
        if isinstance(raw, str):
            try:
                float(raw)
            except ValueError:
                return False
            return True
        return isinstance(raw, int | float | np.integer | np.floating)

    def read(self, raw: Any) -> float:
        """The number."""
        if not self.accepts(raw):
            raise CellError(Note("cell_kind", kind=type(raw).__name__, value=shorten(raw)), "a number")
        try:
            value = float(raw)
        except OverflowError:  # a whole number beyond all floats
            value = float("inf")
        if not isfinite(value) or abs(value) > LARGEST:
            raise CellError(str(value), f"a finite number up to {LARGEST:g} (None for an absent cell)")
        return value

    def write(self, value: float, path: Path) -> None:
        Path(path).write_text(f"{self.read(value)!r}\n", encoding="utf-8")

    def show(self, value: float) -> str:
        """With its unit."""
        return f"{value:.6g} {self.unit}".strip()
