"""Where the data lie that do not come with kuamo: a folder that the user names, or `KUAMO_DATA`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from kuamo.core.errors import TableError
from kuamo.data.readers.arrow import parsing

__all__ = ["check_choice", "rows_of_folder"]


def check_choice(name: str, given: Sequence[str], known: Sequence[str]) -> None:
    """Refuse other names than those that are known, and none.

    Example:
        >>> check_choice("columns", ["text"], ("text", "image"))
    """
    if not given or set(given) - set(known):
        raise TableError(f"given {name}={tuple(given)}; expected some of {tuple(known)}")


def rows_of_folder(path: str | Path | None, name: str, columns: Sequence[str]) -> dict[str, Any]:
    """Columns of one Parquet file of the data folder, as lists; vectors as one array (n, D).

    Args:
        path: the folder; `None` for what `KUAMO_DATA` says. name: of the file. columns: those that it must have.
    """
    import pyarrow.parquet as pq

    given = path if path is not None else os.environ.get("KUAMO_DATA")
    if not given:
        raise TableError(
            f"{name}: its folder is missing; expected it as the argument `path`, or in the environment variable "
            "KUAMO_DATA"
        )
    file = Path(given) / name
    if not file.exists():
        raise TableError(
            f"{file}: does not exist; expected it in the folder that `path`, or the variable KUAMO_DATA, names"
        )
    with parsing(file):
        table = pq.read_table(file)
    missing = [column for column in columns if column not in table.column_names]
    if missing:
        raise TableError(f"{file}: given the columns {table.column_names}; expected also {missing}")
    return {column: _plain(table.column(column)) for column in columns}


def _plain(column: Any) -> Any:
    """A list of values, or one array (n, D) of a column of vectors."""
    import pyarrow as pa

    kind = column.type
    if (pa.types.is_list(kind) or pa.types.is_fixed_size_list(kind)) and not pa.types.is_string(kind.value_type):
        return np.stack([np.asarray(cell) for cell in column.to_pylist()])
    return column.to_pylist()
