"""What a codec is: values of one modality ↔ y (n, L), the numbers that a decoder makes.

    value ── encode ──→ y (L,) ── decode ──→ value′        L small; y of mean 0, its mean square 1 over the column

What is lost on the way there and back is the bound of everything that is made: `round_trip` says it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, ClassVar, NamedTuple

import numpy as np

from kuamo.closed_form.streaming_pca import principal_axes
from kuamo.core.contracts import Contract
from kuamo.core.errors import KuamoError, TableError
from kuamo.core.validation import check_int
from kuamo.data.table import Table
from kuamo.embedding.space import Tower
from kuamo.encoders.base import Encoder

__all__ = ["CellBlocks", "Codec", "ColumnMatrix", "decode_cells", "encode_cells", "other_entries", "reference_values"]

HELD_BYTES = 256 << 20
SEEN = 200  # values that decide on sizes
BLOCK = 256


class Codec(Contract):
    """It has `out` (L), `encode(values)` → y (n, L) float32, and `decode(y)` → values. All else is optional.

    Example:
        >>> Codec.adapt(object()).reference_column is None
        True
    """

    RENAMED: ClassVar[Mapping[str, str]] = MappingProxyType({"reference_column": "other"})
    out: Any = 0
    """L."""
    reference_column: Any = None
    """The column whose values of the same rows `encode` and `decode` take as a second argument."""
    guidance: ClassVar[float] = 1.0
    """Of a flow, if none is given."""
    vocabulary: Any = None
    """How many tokens there are, of a codec of texts."""
    round_trip: Any = None
    """`round_trip(values)` → figures of what is left of them: of the variance, `explained`."""


def check_count(components: int | None) -> None:
    """Refuse a number of components that is neither `None` nor a whole number from 1; 0 is not "as it comes"."""
    check_int(1, components=1 if components is None else components)


def checked_components(y: np.ndarray, out: int, dtype: Any = np.float32) -> np.ndarray:
    """y (n, L), if L is right."""
    y = np.asarray(y, dtype=dtype)
    if y.ndim != 2 or y.shape[1] != out:
        raise KuamoError(f"given components of shape {y.shape}; expected (n, {out})")
    return y


def sample_cells(table: Table, name: str, entries: Sequence[int] | np.ndarray | None = None) -> list[Any]:
    """Some values of a column, spread over its entries, that decide on sizes."""
    entries = np.arange(len(table.column(name).row)) if entries is None else np.asarray(entries)
    if len(entries) < 2:
        kind = type(table.column(name).modality).__name__
        raise TableError(
            f"column {name!r}: given {len(entries)} values of {kind}; expected at least two, to learn from"
        )
    some = np.unique(np.linspace(0, len(entries) - 1, min(len(entries), SEEN)).astype(int))
    return list(table.values(name, entries[some]))


class Components(NamedTuple):
    """Leading principal components: mean (D,), axes (D, K), their standard deviations (K,), the share of variance."""

    mean: np.ndarray
    axes: np.ndarray
    std: np.ndarray
    kept: float

    def scale(self, whiten: float) -> np.ndarray:
        """g s^w (K,), by which components are divided: their mean square is 1."""
        scale = self.std**whiten
        return scale * np.sqrt(np.mean((self.std / scale) ** 2))


def leading_components(
    blocks: Iterable[np.ndarray], most: int, share: float | None, seed: int, passes: int = 3
) -> Components:
    """Of rows (n, D) in blocks: at most so many components, and no more than hold this share of the variance."""
    mean, axes, variance, total = principal_axes(blocks, most, seed, passes=passes)
    if share is not None:
        most = min(most, int(np.searchsorted(np.cumsum(variance), share * total) + 1))
    std = np.sqrt(np.maximum(variance[:most], 1e-12 * variance[0] or 1.0))  # of values that are all the same, 1
    kept = float(variance[:most].sum() / total) if total > 0 else 1.0
    return Components(mean, np.ascontiguousarray(axes[:, :most]), std, kept)


def encode_cells(codec: Any, table: Table, name: str, entries: np.ndarray) -> np.ndarray:
    """y (n, L) of a column's entries; NaN where the codec needs another column's cell, and the row has none."""
    of = Codec.adapt(codec).reference_column
    if of is None:
        return codec.encode(table.values(name, entries))
    other = other_entries(table, name, of)[entries]
    known = other >= 0
    y = np.full((len(entries), codec.out), np.nan, np.float32)
    y[known] = codec.encode(table.values(name, entries[known]), table.values(of, other[known]))
    return y


def decode_cells(port: Tower, y: np.ndarray, others: Sequence[Any] | None = None) -> Any:
    """What y (n, L) stands for in a column: values; without a codec what its encoder's features come from, if the
    encoder has an `inverse`, and else the features y themselves.

    Args:
        others: of a codec that needs another column's, those (n,); see `reference_values`.
    """
    codec = port.codec
    if codec is None:
        inverse = Encoder.adapt(port.encoder).inverse
        return y if inverse is None else inverse(y)
    return codec.decode(y) if others is None else codec.decode(y, others)


def reference_values(codec: Any, table: Table, rows: Sequence[int] | np.ndarray | None = None) -> list[Any] | None:
    """The first values of the column that a codec needs, of these rows; `None` of all other codecs."""
    of = Codec.adapt(codec).reference_column
    if of is None:
        return None
    there, first = (
        np.unique(table.column(of).row, return_index=True) if of in table.columns else (np.zeros(0, int),) * 2
    )
    rows = np.arange(len(table)) if rows is None else np.asarray(rows)
    missing = np.setdiff1d(rows, there)
    if len(missing):
        raise TableError(
            f"row {table.where(int(missing[0]))}: no cell in column {of!r}; expected one, which is what is changed"
        )
    return list(table.values(of, first[np.searchsorted(there, rows)]))


def other_entries(table: Table, name: str, of: str) -> np.ndarray:
    """For each entry of a column (n,), the first entry of another column in its row; −1 where there is none."""
    rows, first = np.unique(table.column(of).row, return_index=True)
    row = table.column(name).row
    if len(rows) == 0:
        return np.full(len(row), -1)
    place = np.minimum(np.searchsorted(rows, row), len(rows) - 1)
    return np.where(rows[place] == row, first[place], -1)


class CellBlocks:
    """Entries as rows of numbers, block by block, as often as asked for.

    They are kept while they are few; beyond `HELD_BYTES` every pass reads the values again.

    Args:
        entries: numbers (n,). read: some of them (b,) → (b, D).
    """

    def __init__(self, entries: Sequence[int] | np.ndarray, read: Callable[[np.ndarray], np.ndarray]) -> None:
        self.entries, self.read = np.asarray(entries), read
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
            block = self.read(self.entries[start : start + BLOCK])
            self._bytes += block.nbytes
            if self._bytes > HELD_BYTES:
                kept = self._kept = None
            if kept is not None:
                kept.append(block)
            yield block
        if kept is not None:
            self._kept = kept


class ColumnMatrix(CellBlocks):
    """A column's values as rows of numbers.

    Args:
        table, name: whose. flat: a value → (D,), all of one kind and size.
        entries: which; the first of each content, if not given.
    """

    def __init__(
        self, table: Table, name: str, flat: Callable[[Any], np.ndarray], entries: Sequence[int] | None = None
    ) -> None:
        def read(part: np.ndarray) -> np.ndarray:
            return np.stack(list(table.values(name, part, then=flat)))

        super().__init__(table.column(name).distinct()[0] if entries is None else entries, read)
