"""What a table is, as a hash: ids, groups, labels, further columns, and the content of every cell."""

from __future__ import annotations

import hashlib

import numpy as np

from kuamo.core.errors import CellError, visible
from kuamo.data.identity import identity
from kuamo.data.modalities import content_key
from kuamo.data.table import Table

__all__ = ["of_table"]


def of_table(table: Table) -> str:
    """sha256 of a table: ids, groups, labels, further columns, and the content of every cell, also that of its file."""
    digest = hashlib.sha256(identity([table.ids, list(table.groups), table.labels, dict(table.meta)]).encode())
    for name, column in sorted(table.columns.items()):
        digest.update(
            f"\n{name!r} {identity(column.modality)}".encode()
            + np.ascontiguousarray(column.row, dtype=np.int64).tobytes()
        )
        for entry in range(len(column.row)):
            try:
                digest.update(content_key(column.modality, column.raw(entry)))
            except CellError as error:
                digest.update(visible(error.args[0]).encode("utf-8", "surrogatepass"))
    return digest.hexdigest()
