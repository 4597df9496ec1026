"""What a person hands over as a column, or as rows: whatever has an order is read by position, never by label.

A data frame's series keeps labels, and `series[3]` is the row *called* 3; an array's is the fourth. Here everything
becomes a list, an array, or lazy cells. Other libraries are known by what they can do, and never imported.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from kuamo.core.arrays import is_absent
from kuamo.core.errors import TableError, is_unicode, shorten
from kuamo.data.column import LazyColumn, RowView
from kuamo.data.modalities.base import as_array
from kuamo.data.readers.arrow import ArrowCells, checked_batch, plain_cell

__all__ = ["by_position", "check_words", "columns_of_rows", "own_names"]


def by_position(cells: Any, name: str) -> Any:
    """A column's cells as something that is asked for its k-th cell by k.

    Example:
        >>> by_position((n * n for n in range(3)), "x"), by_position(np.ma.masked_array([1, 2], [False, True]), "x")
        ([0, 1, 4], [1, None])
    """
    if isinstance(cells, list | tuple):
        return [as_array(cell) for cell in cells] if any(hasattr(cell, "detach") for cell in cells) else cells
    if isinstance(cells, LazyColumn | RowView | range) and not hasattr(cells, "detach"):  # a tensor has a `layout` too
        return cells
    if isinstance(cells, str | bytes | bytearray | Mapping | set | frozenset) and not hasattr(cells, "toarray"):
        kind, more = type(cells).__name__, " (of a dict: list(d.values()))" if isinstance(cells, Mapping) else ""
        raise TableError(f"column {name!r}: given a {kind}; expected a list or an array, a cell for each row{more}")
    found = _of_a_library(cells)
    if isinstance(found, np.ndarray):
        return _of_array(found, name)
    if not hasattr(found, "__getitem__") or not hasattr(found, "__len__"):
        if not hasattr(found, "__iter__"):
            raise TableError(
                f"column {name!r}: given {shorten(found)}; expected a list or an array, a cell for each row"
            )
        return by_position(list(found), name)
    return found


def _of_a_library(cells: Any) -> Any:
    """Tensors, sparse matrices, and columns of pandas, polars and Arrow, as an array, a list or lazy cells."""
    import pyarrow as pa

    if isinstance(cells, np.ndarray):
        return cells
    if hasattr(cells, "detach"):
        return as_array(cells)
    if hasattr(cells, "toarray"):  # of a sparse matrix; heads are dense, so its features will be
        return np.asarray(cells.toarray())
    if isinstance(cells, pa.Array | pa.ChunkedArray):
        return ArrowCells(checked_array(cells))
    if hasattr(cells, "isna"):
        return _of_pandas(cells)
    if hasattr(cells, "to_arrow") and hasattr(cells, "to_list"):
        return ArrowCells(checked_array(cells.to_arrow()))
    return np.asarray(cells) if hasattr(cells, "__array__") else cells


def checked_array(cells: Any) -> Any:
    """An Arrow array as a chunked one, if its data is sound."""
    import pyarrow as pa

    chunked = cells if isinstance(cells, pa.ChunkedArray) else pa.chunked_array([cells])
    return checked_batch(pa.table([chunked], names=["cells"])).column(0)


def _of_pandas(cells: Any) -> Any:
    gaps = np.asarray(cells.isna())
    if gaps.ndim == 2 or (getattr(cells.dtype, "kind", "O") in "iufb" and not gaps.any()):
        return np.asarray(cells.to_numpy())
    return [None if gap else plain_cell(cell) for cell, gap in zip(cells.tolist(), gaps.tolist())]


def _of_array(cells: np.ndarray, name: str) -> Any:
    if cells.ndim == 0:
        raise TableError(
            f"column {name!r}: given {shorten(cells[()])}; expected a list or an array, a cell for each row"
        )
    if isinstance(cells, np.ma.MaskedArray):
        gone = np.ma.getmaskarray(cells).reshape(len(cells), -1)
        half = np.flatnonzero(gone.any(1) & ~gone.all(1))
        if len(half):
            raise TableError(
                f"column {name!r}, row {half[0]}: given a cell of which a part is masked; expected all of it"
            )
        plainly = cells.data.tolist() if cells.ndim == 1 else list(cells.data)
        return [None if absent else cell for cell, absent in zip(plainly, np.all(gone, axis=1))]
    cells = np.asarray(cells)  # a matrix would give rows of two dimensions
    if cells.dtype.kind in "mM":  # of nanoseconds Python has none
        return cells.astype(f"{cells.dtype.kind}8[us]").tolist()
    return cells


def columns_of_rows(rows: Sequence[Any]) -> dict[str, list[Any]]:
    """Rows as dicts, as columns; what a row does not name is absent there.

    Example:
        >>> columns_of_rows([{"a": 1}, {"a": 2, "b": 3}])
        {'a': [1, 2], 'b': [None, 3]}
    """
    for number, row in enumerate(rows):
        if not isinstance(row, Mapping):
            raise TableError(
                f"row {number}: given {shorten(row)}; expected {{name: cells}}, or rows as a list of {{name: cell}}"
            )
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: [row.get(name) for row in rows] for name in names}


def check_words(kind: str, values: Sequence[Any]) -> None:
    """Refuse texts that no file can keep: a lone surrogate is half a character."""
    if isinstance(values, LazyColumn):  # Arrow's texts are whole
        return
    for row, value in enumerate(values):
        if isinstance(value, str) and not is_unicode(value):
            raise TableError(
                f"row {row}: given the {kind} {shorten(value)}, with a lone surrogate; expected Unicode text"
            )


def own_names(groups: Sequence[Any], ids: Sequence[str]) -> list[str]:
    """Names of groups; a row without one is a group of its own, whose name is nobody else's.

    Example:
        >>> own_names(["b", None, float("nan")], ["a", "b", "c"])
        ['b', 'b (alone)', 'c']
    """
    taken = {str(group) for group in groups if not is_absent(group)}
    names: list[str] = []
    for group, alone in zip(groups, ids, strict=True):
        if not is_absent(group):
            names.append(str(group))
            continue
        while alone in taken:
            alone += " (alone)"
        taken.add(alone)
        names.append(alone)
    return names
