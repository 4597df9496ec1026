"""Categories and numbers ↔ y: the indicators of classes, of which the largest is meant; a number as it is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from kuamo.encoders.labels import Classes, Numbers
from kuamo.errors import KuamoError
from kuamo.table import Table

__all__ = ["ClassList", "Plain", "label_codec"]


@dataclass(frozen=True, eq=False)
class ClassList:
    """Which of some classes: y (n, K).

    Args:
        names: of the classes.

    Example:
        >>> codec = ClassList(["cat", "dog"])
        >>> codec.decode(codec.encode(["dog", "cat"]) + 0.1)
        ['dog', 'cat']
    """

    names: list[str]

    @classmethod
    def of(cls, table: Table, name: str) -> ClassList:
        """The classes of a column, in alphabetical order."""
        return cls(Classes.of(table.values(name)).names)

    @property
    def out(self) -> int:
        """K."""
        return len(self.names)

    def encode(self, values: Iterable[str]) -> np.ndarray:
        """Indicators (n, K).

        Raises:
            CellError: a value that is none of the classes.
        """
        classes = Classes(self.names)
        rows = [classes.prepare(value) for value in values]
        return np.stack(rows) if rows else np.zeros((0, self.out), np.float32)

    def decode(self, y: np.ndarray) -> list[str]:
        """The classes whose numbers are largest.

        Raises:
            KuamoError: another K.
        """
        y = np.asarray(y)
        if y.ndim != 2 or y.shape[1] != self.out:
            raise KuamoError(f"given y of shape {y.shape}; expected (n, {self.out})")
        return [self.names[k] for k in y.argmax(1)]

    def config(self) -> dict[str, Any]:
        """What the constructor takes."""
        return {"names": list(self.names)}


@dataclass(frozen=True, eq=False)
class Plain:
    """A number as it is: y (n, 1).

    Example:
        >>> Plain().decode(Plain().encode([14.0]))
        [14.0]
    """

    out = 1

    def encode(self, values: Iterable[float]) -> np.ndarray:
        """(n, 1)."""
        return np.array(list(values), np.float32).reshape(-1, 1)

    def decode(self, y: np.ndarray) -> list[float]:
        """The numbers.

        Raises:
            KuamoError: more than one number each.
        """
        y = np.asarray(y)
        if y.ndim != 2 or y.shape[1] != 1:
            raise KuamoError(f"given y of shape {y.shape}; expected (n, 1)")
        return [float(number) for number in y[:, 0]]

    def config(self) -> dict[str, Any]:
        """Nothing."""
        return {}


def label_codec(encoder: Any) -> ClassList | Plain | None:
    """The codec whose y is an encoder's features; `None` of encoders of the user's own.

    Example:
        >>> label_codec(Classes(["cat", "dog"])).out
        2
    """
    if isinstance(encoder, Classes):
        return ClassList(encoder.names)
    return Plain() if isinstance(encoder, Numbers) else None
