"""Where the data lie that do not come with kuamo: a folder that the user names, or `KUAMO_DATA`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kuamo.errors import TableError

__all__ = ["rows_of"]


def rows_of(path: str | Path | None, name: str, columns: Sequence[str]) -> dict[str, Any]:
    """Columns of one Parquet file of the data folder, as lists; vectors as one array (n, D).

    Args:
        path: the folder; `None` for what `KUAMO_DATA` says. name: of the file. columns: those that it must have.

    Raises:
        TableError: no folder is named, the file is not there, or lacks a column.
    """
    from kuamo.tables import read_columns

    given = path if path is not None else os.environ.get("KUAMO_DATA")
    if not given:
        raise TableError(
            f"{name}: given no folder; expected the argument `path`, or the environment variable KUAMO_DATA, to name "
            f"the folder that holds it"
        )
    file = Path(given) / name
    if not file.exists():
        raise TableError(
            f"{file}: does not exist; expected it in the folder that `path`, or the variable KUAMO_DATA, names"
        )
    found = read_columns(file)
    missing = [column for column in columns if column not in found]
    if missing:
        raise TableError(f"{file}: given the columns {list(found)}; expected also {missing}")
    return found
