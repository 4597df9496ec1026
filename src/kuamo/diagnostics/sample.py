"""What a diagnosis looks at: the features of a table's cells, of some whole groups of rows where there are very many.

Vectors are features already, so all are looked at for quality; what an encoder has to read is read for the sample only.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kuamo.core.types import Progress
from kuamo.data.table import Table
from kuamo.embedding.space import Tower
from kuamo.encoders.base import Encoder
from kuamo.encoders.feature_cache import feature_blocks, features
from kuamo.metrics.data_quality import FeatureScan, Packed, Quality, cross_group_duplicates, quality_of
from kuamo.metrics.dependence.paired_sample import drawn_groups

__all__ = ["Progress", "sample", "sample_features"]


def sample(table: Table, rows: int, seed: int) -> np.ndarray:
    """Row numbers, ascending: all, or of a larger table whole groups drawn until there are about `rows`.

    Example:
        >>> sample(Table({"a": np.eye(12)}, group=list("aabbccddeeff")), 8, 0).size
        8
    """
    if len(table) <= rows:
        return np.arange(len(table))
    group = np.unique(np.asarray(table.groups), return_inverse=True)[1]
    return np.flatnonzero(np.isin(group, drawn_groups(np.bincount(group), rows, seed)))


def sample_features(
    table: Table, ports: Sequence[Tower], some: np.ndarray, progress: Progress | None = None
) -> tuple[Table, Packed, dict[str, Quality], int]:
    """The table of `some` rows with cells that cannot be read left out, its features, and the quality of each column.

    Returns:
        the rows; column → (features (n, D), row (n,)); column → quality; rows that repeat one of another group.
    """
    rows = table if len(some) == len(table) else table.take(some)
    free = all(not Encoder.adapt(port.encoder).cached for port in ports)
    of = table if free else rows
    cells: dict[str, tuple[np.ndarray, np.ndarray]] = {}
    watched: dict[str, FeatureScan] = {}
    for port in ports:
        name = port.name
        x = features(rows, name, port.encoder, progress=progress)
        cells[name] = x, rows.column(name).row
        watched[name] = FeatureScan(iter([x]) if of is rows else feature_blocks(of, name, port.encoder))
    broken = {name: len(of.column(name).skipped()) for name in watched}
    found = {name: quality_of(watch, broken[name]) for name, watch in watched.items()}
    keys = {name: (watch.keys, of.column(name).row) for name, watch in watched.items()}
    return rows, cells, found, cross_group_duplicates(len(of), keys, of.groups)
