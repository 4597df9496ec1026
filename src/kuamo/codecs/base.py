"""What a codec is: values of one modality ↔ y (n, L), the numbers that a decoder makes.

    value ── encode ──→ y (L,) ── decode ──→ value′        L small; y of mean 0, its mean square 1 over the column

What is lost on the way there and back is the bound of everything that is made: `round_trip` says it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np

from kuamo.errors import TableError
from kuamo.modalities import Audio, Image, Modality, Text
from kuamo.table import Table

__all__ = ["Codec", "Held", "default_codec"]

HELD_BYTES = 256 << 20
BLOCK = 256


@runtime_checkable
class Codec(Protocol):
    """Values ↔ y. A user's own needs these three, and no base class."""

    @property
    def out(self) -> int:
        """L."""

    def encode(self, values: Iterable[Any]) -> np.ndarray:
        """y (n, L) float32 of canonical values."""

    def decode(self, y: np.ndarray) -> list[Any]:
        """The values that y (n, L) stands for."""


class Held:
    """A column's values as rows of numbers, block by block, as often as asked for.

    They are kept while they are few; beyond `HELD_BYTES` every pass reads the values again.

    Args:
        table, name: whose. flat: a value → (D,), all of one kind and size.
        entries: which; the first of each content, if not given.
    """

    def __init__(
        self, table: Table, name: str, flat: Callable[[Any], np.ndarray], entries: Sequence[int] | None = None
    ) -> None:
        self.table, self.name, self.flat = table, name, flat
        self.entries = table.column(name).distinct()[0] if entries is None else np.asarray(entries)
        self._kept: list[np.ndarray] | None = []
        self._bytes = 0

    def __len__(self) -> int:
        return len(self.entries)

    def __iter__(self) -> Iterator[np.ndarray]:
        if self._kept:
            yield from self._kept
            return
        kept: list[np.ndarray] | None = [] if self._kept is not None else None
        for start in range(0, len(self.entries), BLOCK):
            part = self.entries[start : start + BLOCK]
            block = np.stack(list(self.table.values(self.name, part, then=self.flat)))
            self._bytes += block.nbytes
            if self._bytes > HELD_BYTES:
                kept = self._kept = None
            if kept is not None:
                kept.append(block)
            yield block
        if kept is not None:
            self._kept = kept


def default_codec(table: Table, name: str, seed: int = 0) -> Any:
    """The codec that suits a column, fitted on its cells; `None` where y is the features, as of vectors.

    Raises:
        TableError: a column of texts, or of a kind of the user's own, which has no codec.

    Example:
        >>> import kuamo as km
        >>> default_codec(km.datasets.toy(rows=10), "a") is None
        True
    """
    from kuamo.codecs.pca import PicturePCA
    from kuamo.codecs.speech import SpeechPCA

    modality: Modality = table.column(name).modality
    if isinstance(modality, Image):
        return PicturePCA.of(table, name, seed=seed)
    if isinstance(modality, Audio):
        return SpeechPCA.of(table, name, seed=seed)
    if type(modality).__name__ == "Vector":
        return None
    if isinstance(modality, Text):
        raise TableError(f"column {name!r}: given texts; expected km.Caption(), km.Writer() or km.Retrieve() for them")
    raise TableError(
        f"column {name!r}: no codec is known for {type(modality).__name__}; expected codecs={{{name!r}: one of yours}}"
    )
