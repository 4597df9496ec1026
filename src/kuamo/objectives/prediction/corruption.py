"""Spoiling: cells mixed with noise before a frozen encoder sees them, so that what a bad cell looks like is known.

    x′ = (1 − λ) x + λ n,   λ ~ U(0, 1)
    n one of three: white noise about any level; extremes; x's own numbers in disorder
    sound: (1 − λ)^κ and λ^κ in place of the two shares, κ = 5/3: n is about a share λ of what is heard
    text: a share λ of its words (or characters, where these are not parted) are of other rows instead

Noise on features is no picture of this: a network's features of a noisy picture lie elsewhere than noisy features.

References:
    On the Psychophysical Law, Stevens, 1957 (loudness grows with power to the .3).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kuamo.data.modalities import Audio, Category, Image, Number, Text
from kuamo.data.modalities.audio import Waveform
from kuamo.data.table import Table
from kuamo.encoders import Identity
from kuamo.encoders.feature_cache import features
from kuamo.encoders.standardize import Standardize

if TYPE_CHECKING:
    from kuamo.embedding.space import EmbeddingSpace

__all__ = ["END", "Corrupted", "corrupt", "worse"]

MOST = 200  # rows of which a cell is spoiled, and at most half of all; 1,000 told no more (emoji: .868, .853)
END = 3.0  # noise stays within so many standard deviations
GRAINS = 6  # noise is of squares of 1, 2, …, 32 pixels, or of as many samples
LOUDNESS = 5 / 3  # κ
AT_ONCE = 16  # cells are decoded, spoiled and encoded
LOOKED_AT, NUMBERS = 64, 4096  # cells, and numbers of each, that tell the mean and spread of a column's numbers
Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Corrupted:
    """A column's spoiled cells: features x (k, D), how far they are noise λ (k,), and table row → place in x, or −1."""

    x: Any
    level: Any
    place: Any


def corrupt(
    space: EmbeddingSpace,
    table: Table,
    cells: Mapping[str, tuple[np.ndarray, np.ndarray]],
    to: str,
    held: NDArray[np.int64],
    progress: Callable[[str, int, int], None] | None = None,
) -> dict[str, Corrupted]:
    """Features of spoiled cells, of every column but `to` whose encoder is frozen and makes something of its cells.

    Args:
        cells: column → features and rows, of the frozen columns.
        held: rows that doubts are learned by: half of the spoiled ones are of these, if there are so many.
        progress: called with (what, done, of).
    """
    found: dict[str, Corrupted] = {}
    for number, port in enumerate(space.ports):
        able = not isinstance(port.encoder, Identity | Standardize) and not isinstance(port.modality, Category | Number)
        if port.name in cells and port.name != to and able:
            some = some_of(cells[port.name][1], held, number)
            one = corrupted_column(table, port.name, port.encoder, some, number, progress)
            found |= {port.name: one} if one else {}
    return found


def some_of(rows: NDArray[np.int64], held: NDArray[np.int64], seed: int) -> NDArray[np.int64]:
    """Which rows are spoiled, ascending.

    Example:
        >>> some = some_of(np.arange(100), np.arange(20), 0)
        >>> len(some), int((some < 20).sum())
        (50, 20)
    """
    known = np.random.default_rng([seed, 7]).permutation(np.unique(rows))
    count, own = min(MOST, (len(known) + 1) // 2), np.isin(known, held)
    first = known[own][: (count + 1) // 2]
    return np.sort(np.concatenate([first, known[~own][: count - len(first)]]))


def corrupted_column(
    table: Table,
    name: str,
    encoder: Any,
    rows: NDArray[np.int64],
    seed: int,
    progress: Callable[[str, int, int], None] | None = None,
) -> Corrupted | None:
    """The cells of some rows, spoiled; `None` where nothing can be made of their kind."""
    import torch

    rng, column = np.random.default_rng([seed, 5]), table.column(name)
    entries = np.flatnonzero(np.isin(column.row, rows))
    entries = entries[np.unique(column.row[entries], return_index=True)[1]]
    level, parts = rng.random(len(entries)), []
    about = spread(table.values(name, entries[:LOOKED_AT]))
    size = len(entries) if isinstance(column.modality, Text) else AT_ONCE  # words are of any other row
    for start in range(0, len(entries), size):
        values = list(table.values(name, entries[start : start + size]))
        made = worse(column.modality, values, level[start : start + size], rng, about)
        if made is None:
            return None
        parts.append(features(Table({name: made}, modalities={name: column.modality}), name, encoder))
        if progress:
            progress(f"{name} with noise", start + len(values), len(entries))
    if not parts:
        return None
    place = np.full(len(table), -1, np.int64)
    place[column.row[entries]] = np.arange(len(entries))
    return Corrupted(
        torch.from_numpy(np.concatenate(parts).astype(np.float32)),
        torch.from_numpy(level).float(),
        torch.from_numpy(place),
    )


def spread(values: Iterable[Any]) -> tuple[float, float]:
    """Mean and standard deviation of arrays' numbers, of large ones of some; (0, 1) of other kinds.

    Example:
        >>> spread([np.array([1.0, 3.0]), np.array([[2.0]])])[0], spread(["a text"])
        (2.0, (0.0, 1.0))
    """
    arrays = (value.ravel() for value in values if isinstance(value, np.ndarray) and value.dtype.kind in "fui")
    seen = [np.asarray(x[:: max(1, len(x) // NUMBERS)], np.float64) for x in arrays]
    together = np.concatenate(seen) if seen else np.array([-1.0, 1.0])
    return float(together.mean()), float(together.std())


def worse(
    modality: Any, values: Sequence[Any], level: Array, rng: np.random.Generator, about: tuple[float, float]
) -> list[Any] | None:
    """Values of a column, each mixed with noise so far as `level` (n,) says; `None` for a kind that is not numbers.

    Args:
        about: mean and standard deviation of the column's numbers.

    Example:
        >>> worse(Text(), ["a red fox", "the sea"], np.zeros(2), np.random.default_rng(0), (0.0, 1.0))
        ['a red fox', 'the sea']
    """
    if isinstance(modality, Text):
        return worse_texts(values, level, rng)
    if isinstance(modality, Audio):
        return [worse_sound(value, far, rng) for value, far in zip(values, level, strict=True)]
    if not all(isinstance(value, np.ndarray) and value.dtype.kind in "fui" for value in values):
        return None
    picture = isinstance(modality, Image)
    return [worse_numbers(value, far, about, rng, picture) for value, far in zip(values, level, strict=True)]


def worse_numbers(value: Any, level: float, about: tuple[float, float], rng: Any, picture: bool) -> Any:
    """An array of the same shape and type; a grey picture stays grey, and within 0 and 255."""
    x = np.asarray(value, np.float64)
    grey = picture and x.ndim == 3 and bool((x == x[..., :1]).all())
    part = x[..., :1] if grey else x
    n = noise(part, *about, rng, axes=2 if picture else 0)
    mixed = np.broadcast_to((1 - level) * part + level * n, x.shape)
    if value.dtype.kind in "ui":
        ends = np.iinfo(value.dtype)
        mixed = mixed.clip(ends.min, ends.max).round()
    return mixed.astype(value.dtype)


def worse_sound(value: Any, level: float, rng: Any) -> Any:
    """A waveform as long; noise about the recording's own power."""
    x = np.asarray(value.samples, np.float64)
    n = noise(x, 0.0, float(x.std()), rng, axes=1)
    mixed = (1 - level) ** LOUDNESS * x + level**LOUDNESS * n
    return Waveform(mixed.clip(-1, 1).astype(np.float32), value.rate)


def noise(x: Array, mean: float, std: float, rng: Any, axes: int) -> Array:
    """n of the module, of x's shape; along the first axes in grains."""
    grain = 2 ** int(rng.integers(GRAINS)) if axes else 1
    n = x[(slice(None, None, grain),) * axes]
    kind, epsilon = rng.integers(3), rng.standard_normal(n.shape)
    if kind == 0:
        white = END * rng.uniform(-1, 1) + epsilon * 2 ** rng.uniform(-1.5, 1.5)
        n = mean + std * white.clip(-END, END)
    elif kind == 1:
        n = mean + std * END * np.sign(epsilon)
    else:
        n = rng.permutation(n.ravel()).reshape(n.shape)
    for axis in range(axes):
        n = np.repeat(n, grain, axis).take(range(x.shape[axis]), axis)
    return np.asarray(n)


def worse_texts(values: Sequence[str], level: Array, rng: Any) -> list[str]:
    """Texts of as many words, some of them of other rows."""
    parted = [(value.split(), " ") if " " in value.strip() else (list(value), "") for value in values]
    pools = {gap: [word for words, own in parted for word in words if own == gap] for gap in ("", " ")}
    made = []
    for (words, gap), far in zip(parted, level, strict=True):
        other = rng.random(len(words)) < far
        made.append(
            gap.join(str(rng.choice(pools[gap])) if new else word for word, new in zip(words, other, strict=True))
        )
    return made
