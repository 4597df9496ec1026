"""Categories and numbers ↔ y: the indicators of classes, of which the largest is meant; a number, standardised."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from kuamo.core.contracts import Configured
from kuamo.data.table import Table
from kuamo.encoders.one_hot import OneHot
from kuamo.encoders.standardize import Scalar
from kuamo.generation.codecs.base import Codec, checked_components

__all__ = ["OneHotCodec", "ScalarCodec", "label_codec"]


@dataclass(frozen=True, eq=False)
class OneHotCodec(Codec, Configured):
    """Which of some classes: y (n, K).

    Args:
        names: of the classes.

    Example:
        >>> codec = OneHotCodec(["cat", "dog"])
        >>> codec.decode(codec.encode(["dog", "cat"]) + 0.1)
        ['dog', 'cat']
    """

    names: list[str]

    @classmethod
    def of(cls, table: Table, name: str) -> OneHotCodec:
        """The classes of a column, in alphabetical order."""
        return cls(OneHot.of(table.values(name)).names)

    @property
    def out(self) -> int:
        return len(self.names)

    def encode(self, values: Iterable[str]) -> np.ndarray:
        """Indicators (n, K).

        Raises:
            CellError: a value that is none of the classes.
        """
        classes = OneHot(self.names)
        rows = [classes.prepare(value) for value in values]
        return np.stack(rows) if rows else np.zeros((0, self.out), np.float32)

    def decode(self, y: np.ndarray) -> list[str]:
        """The classes whose numbers are largest."""
        return [self.names[k] for k in checked_components(y, self.out, None).argmax(1)]


@dataclass(frozen=True, eq=False)
class ScalarCodec(Codec, Configured):
    """A number in its column's units: y (n, 1) = (value − shift) · gain.

    Args:
        shift, gain: as in the encoder `Scalar`.

    Example:
        >>> ScalarCodec(10.0, 0.5).decode(ScalarCodec(10.0, 0.5).encode([14.0]))
        [14.0]
    """

    shift: float = 0.0
    gain: float = 1.0
    out = 1

    @classmethod
    def of(cls, values: Iterable[float]) -> ScalarCodec:
        """Standardised by these."""
        encoder = Scalar.of([np.array(list(values), np.float64).reshape(-1, 1)])
        return cls(float(encoder.shift[0]), float(encoder.gain[0]))

    def encode(self, values: Iterable[float]) -> np.ndarray:
        return Scalar([self.shift], [self.gain])(np.array(list(values), np.float64).reshape(-1, 1))

    def decode(self, y: np.ndarray) -> list[float]:
        """The numbers."""
        return Scalar([self.shift], [self.gain]).inverse(checked_components(y, 1, None))[:, 0].tolist()


def label_codec(encoder: Any) -> OneHotCodec | ScalarCodec | None:
    """The codec whose y is an encoder's features; `None` of encoders of the user's own.

    Example:
        >>> label_codec(OneHot(["cat", "dog"])).out
        2
    """
    if isinstance(encoder, OneHot):
        return OneHotCodec(encoder.names)
    return ScalarCodec(float(encoder.shift[0]), float(encoder.gain[0])) if isinstance(encoder, Scalar) else None
