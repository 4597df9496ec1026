"""The encoder of categories: an indicator for each class."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from kuamo.core.contracts import Configured
from kuamo.core.errors import CellError, KuamoError, shorten
from kuamo.encoders.base import Encoder

__all__ = ["OneHot"]


class OneHot(Encoder, Configured):
    """Class → its indicator (K,): 1 at its place, 0 elsewhere.

    Args:
        names: of the classes, distinct.

    Example:
        >>> encoder = OneHot(["cat", "dog"])
        >>> encoder(np.stack([encoder.prepare("dog")]))
        array([[0., 1.]], dtype=float32)
    """

    cached = False  # nothing is saved by keeping a copy

    def __init__(self, names: Sequence[str]) -> None:
        self.names = [str(name) for name in names]
        if len(self.names) < 2 or len(set(self.names)) < len(self.names):
            raise KuamoError(f"given the classes {shorten(self.names)}; expected at least two, each once")
        self._number = {name: number for number, name in enumerate(self.names)}

    @classmethod
    def of(cls, values: Iterable[str]) -> OneHot:
        """Of the classes that these values are, in alphabetical order."""
        return cls(sorted(set(values)))

    @property
    def fingerprint(self) -> str:
        return f"classes/1:{self.names!r}"

    def number(self, value: str) -> int:
        """The place of a class."""
        if value not in self._number:
            raise CellError(repr(value), f"one of {shorten(self.names)}")
        return self._number[value]

    def prepare(self, value: str) -> np.ndarray:
        """Its indicator (K,)."""
        indicator = np.zeros(len(self.names), np.float32)
        indicator[self.number(value)] = 1
        return indicator

    def __call__(self, batch: np.ndarray) -> np.ndarray:
        return np.asarray(batch, dtype=np.float32)
