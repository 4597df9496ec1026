"""Train/test leakage check: a space keeps fingerprints of a sample of its training rows.

    share of L rows seen in training  ≈  (hits / L) (N / K),      hits: those of them that are among the K kept, of N

K rows are drawn at random when a space is fitted, and 6 bytes of a hash of each of their cells are stored with it:
equal content, equal fingerprint, whatever the encoder, the machine or the version, and whether a vector comes in
float32 or in float64. A row is known by all the columns that it and the space have in common; rows that are not alone
with what they have, such as a class by itself, give no evidence.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from kuamo.core.errors import CellError
from kuamo.core.messages import Note
from kuamo.data.modalities import Modality, Vector
from kuamo.data.modalities.base import hash_of, hashes_of_rows
from kuamo.data.table import Table
from kuamo.embedding.space import EmbeddingSpace

__all__ = ["fingerprints_of_rows", "leakage_notes", "table_fingerprints", "training_overlap"]

KEPT = 128  # rows, K
ASKED = 2000  # rows, L
SPOKEN_OF = 0.05  # of the rows asked for
STARTS = 3  # spaces that a fit went on from, of which rows are known too
SIZE = 6  # bytes


def fingerprints_of_rows(table: Table) -> dict[str, Any]:
    """Plain data to know a table's rows by: how many there are, and column → fingerprints of some, in base 64.

    Example:
        >>> from kuamo.data.table import Table
        >>> found = fingerprints_of_rows(Table({"a": np.eye(3), "b": np.eye(3)}))
        >>> found["rows"], {name: len(keys) for name, keys in found["keys"].items()}
        (3, {'a': 24, 'b': 24})
    """
    rows = spread_rows(len(table), KEPT, 0)
    return {"rows": len(table), "keys": {name: packed(column_keys(table, name, rows)) for name in table.columns}}


def packed(keys: np.ndarray) -> str:
    """Fingerprints (n,) as text.

    Example:
        >>> packed(np.array([7, 2**48 - 1], dtype="<u8")), unpacked("BwAAAAAA////////").tolist()
        ('BwAAAAAA////////', [7, 281474976710655])
    """
    return b64encode(keys.astype("<u8").view(np.uint8).reshape(-1, 8)[:, :SIZE].tobytes()).decode()


def unpacked(text: str) -> np.ndarray:
    """The inverse of `packed`."""
    bare = np.frombuffer(b64decode(text), dtype=np.uint8).reshape(-1, SIZE)
    return np.pad(bare, ((0, 0), (0, 8 - SIZE))).view("<u8")[:, 0]


def table_fingerprints(table: Table, start: EmbeddingSpace | None) -> list[dict[str, Any]]:
    """Those of a fit's rows, and of the rows of the space that it goes on from, each once."""
    before = [] if start is None else start.info.get("training_rows", [])
    own = fingerprints_of_rows(table)
    return [own, *(one for one in before if one != own)][: 1 + STARTS]


def training_overlap(space: EmbeddingSpace, table: Table) -> float:
    """The estimated share of a table's rows that a space was trained on; 0 where that cannot be known."""
    rows = spread_rows(len(table), ASKED, 1)
    known = space.info.get("training_rows", [])
    names = sorted({name for one in known for name in one["keys"] if name in table.columns})
    given = {name: column_keys(table, name, rows) for name in names}
    return max((share_of(one, given, len(rows)) for one in known), default=0.0)


def share_of(kept: Mapping[str, Any], given: Mapping[str, np.ndarray], count: int) -> float:
    """The estimate of the module, of one sketch."""
    names = [name for name in given if name in kept["keys"]]
    if not names or not count:
        return 0.0
    stored = [unpacked(kept["keys"][name]) for name in names]
    keys, times = np.unique(together(stored), return_counts=True)
    alone = keys[(times == 1) & (keys != 0)]
    hits = int(np.isin(together([given[name] for name in names]), alone).sum())
    return min(1.0, hits / count * kept["rows"] / len(stored[0]))


def leakage_notes(space: EmbeddingSpace, table: Table) -> list[Note]:
    """A note that some of a table's rows were used for training, if they were."""
    share = training_overlap(space, table)
    return [Note("seen_in_training", share=100 * share)] if share > SPOKEN_OF else []


def together(keys: Sequence[np.ndarray]) -> np.ndarray:
    """(n,) one number for each row of several columns' fingerprints; 0 where all are absent."""
    return np.stack([key * np.uint64(2 * place + 3) for place, key in enumerate(keys)]).sum(0, dtype=np.uint64)


def spread_rows(count: int, most: int, seed: int) -> np.ndarray:
    """At most so many row numbers, ascending, at random."""
    return np.sort(np.random.default_rng([seed, 23]).permutation(count)[:most])


def column_keys(table: Table, name: str, rows: np.ndarray) -> np.ndarray:
    """(n,) the fingerprints of some rows' cells of a column; 0 where it is absent, or cannot be read."""
    column = table.column(name).take(rows)
    found = np.zeros(len(rows), dtype="<u8")
    vectors = column.vectors(np.arange(len(column.row)))
    if vectors is not None:
        keys = hashes_of_rows(Vector.__name__, in_float32(vectors))
        found[column.row] = [int.from_bytes(key[:SIZE], "little") for key in keys]
        return found
    for entry, row in enumerate(column.row.tolist()):
        try:
            key = row_fingerprint(column.modality, column.raw(entry))
        except CellError:
            continue
        found[row : row + 1] += np.frombuffer(key[:8], dtype="<u8")  # several values in any order; modulo 2⁶⁴
    return found & np.uint64(2 ** (8 * SIZE) - 1)


def row_fingerprint(modality: Modality, raw: Any) -> bytes:
    """The hash (32 bytes) of a cell's content, the same since 0.1: stored spaces know their rows by it.

    Example:
        >>> row_fingerprint(Vector(), [0.1]) == row_fingerprint(Vector(), np.array([0.1], np.float32))
        True
    """
    content = Modality.adapt(modality).content(raw)
    if isinstance(modality, Vector):
        content = in_float32(content)
    return hash_of(type(modality).__name__, content)


def in_float32(numbers: np.ndarray) -> np.ndarray:
    """As they are once read and rounded, whatever they come in."""
    with np.errstate(over="ignore"):
        return numbers.astype(np.float64).astype(np.float32)
