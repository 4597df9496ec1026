"""Parts of cells: tokens of a text, tiles of a picture, moments of a sound, as an encoder's `parts` gives them.

    value ── prepare ──→ item ── collate ──→ batch ── encoder.parts(batch) ──→ x (n, T, D), mask (n, T)

A cell keeps at most `MOST` parts: of more, neighbours are averaged. Parts of a frozen encoder are cached as its
features are. What is held for a training lies in memory, or beyond `HELD_BYTES` in a file without a name.
"""

from __future__ import annotations

import tempfile
from typing import Any, NamedTuple

import numpy as np

from kuamo.core.errors import KuamoError
from kuamo.core.modules import is_module
from kuamo.data.table import Table
from kuamo.encoders.base import Encoder, collate
from kuamo.encoders.feature_cache import feature_blocks

__all__ = ["MOST", "PartArrays", "parts_of_column", "pooled_parts"]

MOST = 36  # parts of a cell: 6 × 6 tiles
BLOCK = 256  # entries that are written at a time
HELD_BYTES = 256 << 20


class PartArrays(NamedTuple):
    """Parts of entries.

    Args:
        x: (N, T, D). mask: (N, T) bool. entry: (n,) which of the N are meant; all if not given.
    """

    x: np.ndarray
    mask: np.ndarray
    entry: np.ndarray | None = None

    def take(self, entry: np.ndarray) -> PartArrays:
        """These entries (k,) alone, of which nothing is copied yet."""
        return self._replace(entry=entry if self.entry is None else self.entry[entry])

    def at(self, entry: np.ndarray) -> tuple[Any, Any]:
        """x (k, T, D) and mask (k, T) of these entries, as tensors."""
        import torch

        some = self.take(entry)
        return torch.from_numpy(np.asarray(self.x[some.entry])), torch.from_numpy(self.mask[some.entry])


def pooled_parts(x: Any, mask: Any, most: int = MOST) -> tuple[Any, Any]:
    """At most so many parts of each cell, as tensors: of more, means of neighbours; those that are there come first.

    Example:
        >>> import torch
        >>> x, mask = pooled_parts(torch.arange(4.0).reshape(1, 4, 1), torch.ones(1, 4, dtype=torch.bool), 2)
        >>> x.flatten(), mask
        (tensor([0.5000, 2.5000]), tensor([[True, True]]))
    """
    import torch

    length, rank = mask.sum(1, keepdim=True), mask.cumsum(1) - 1
    slot = torch.where(length > most, rank * most // length.clamp(min=1), rank)
    slot = torch.where(mask, slot, most)  # what is not there is thrown away
    known = torch.where(mask[..., None], x, 0.0)
    total = x.new_zeros(len(x), most + 1, x.shape[2]).scatter_add(1, slot[..., None].expand_as(known), known)
    count = x.new_zeros(len(x), most + 1).scatter_add(1, slot, mask.to(x))
    return (total / count.clamp(min=1)[..., None])[:, :most], count[:, :most] > 0


class PartsReader(Encoder):
    """An encoder's parts as features: each part and whether it is there, side by side, so that they can be cached."""

    def __init__(self, encoder: Any, column: str) -> None:
        self.encoder, self.column, self.of = encoder, column, Encoder.adapt(encoder)
        self.batch_size, self.min_side, self.cached = self.of.batch_size, self.of.min_side, self.of.cached
        known = None if is_module(encoder) else self.of.fingerprint
        self.fingerprint = None if known is None else f"{known}/parts/1/{MOST}"

    def prepare(self, value: Any) -> Any:
        """As the encoder wants it."""
        return self.of.prepare(value)

    def collate(self, items: Any) -> Any:
        """As the encoder wants them."""
        return collate(self.encoder, items, self.column)

    def __call__(self, batch: Any) -> np.ndarray:
        import torch

        training = self.encoder.training if is_module(self.encoder) else False
        if is_module(self.encoder):
            self.encoder.eval()
        with torch.inference_mode():
            x, mask = (torch.as_tensor(part) for part in self.of.parts(batch))
        if training:
            self.encoder.train()
        if x.ndim != 3 or mask.shape != x.shape[:2] or x.shape[2] != self.of.part_dim:
            raise KuamoError(
                f"column {self.column!r}: given parts of shape {tuple(x.shape)} and a mask of shape "
                f"{tuple(mask.shape)}; expected (n, T, {self.of.part_dim}) and (n, T)"
            )
        with torch.inference_mode():
            x, mask = pooled_parts(x.float(), mask.bool())
            return torch.cat([x, mask[..., None]], -1).flatten(1).numpy()


def parts_of_column(table: Table, name: str, encoder: Any, cache: bool = True) -> PartArrays:
    """x (n, T, D) and mask (n, T) of a column's entries.

    Args:
        table, name: whose column. encoder: one with a `part_dim`. cache: keep those of a frozen encoder on disk.

    Example:
        >>> class Letters:
        ...     part_dim, collate = 1, staticmethod(list)
        ...     def prepare(self, value): return value
        ...     def parts(self, batch):
        ...         x = np.array([[ord(letter) for letter in text.ljust(3)] for text in batch])
        ...         return x[..., None], x != 32
        >>> x, mask, _ = parts_of_column(Table({"text": ["abc", "b"]}), "text", Letters())
        >>> x[1, :2, 0].tolist(), mask.sum(1).tolist()
        ([98.0, 0.0], [3, 1])
    """
    size = Encoder.adapt(encoder).part_dim + 1
    out, done = np.zeros((0, MOST, size), np.float32), 0
    for block in feature_blocks(table, name, PartsReader(encoder, name), cache=cache, size=BLOCK):
        if done == 0:
            out = empty_array((len(table.column(name).row), MOST, size))
        if len(block):
            out[done : done + len(block)] = block.reshape(-1, MOST, size)
            done += len(block)
    return PartArrays(out[:done, :, :-1], out[:done, :, -1] > 0.5)


def empty_array(shape: tuple[int, ...]) -> np.ndarray:
    """An array in memory, or if it is large, in a file that goes with it."""
    if int(np.prod(shape)) * 4 <= HELD_BYTES:
        return np.empty(shape, np.float32)
    with tempfile.TemporaryFile() as file:
        return np.memmap(file, np.float32, "w+", shape=shape)
