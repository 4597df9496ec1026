"""Corruption: one cell of a row mixed with noise, so that what a bad cell looks like is known.

    x′ = (1 − λ) x + λ n,   λ ~ U(0, 1)
    n one of three: white noise about any level; extremes; x's own numbers in disorder
    audio: (1 − λ)^κ and λ^κ in place of the two shares, κ = 5/3: n is about a share λ of what is heard
    text: a share λ of its words (or characters, where these are not separated) are of other rows instead

Cells of a trained encoder, and features, are mixed in each batch anew (`corrupt_batch`). Of columns with a frozen
encoder some cells are mixed before it sees them, once (`corrupt`): a network's features of a noisy image lie elsewhere
than noisy features.

References:
    On the Psychophysical Law, Stevens, 1957 (loudness grows with power to the .3).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from kuamo.data.modalities import Audio, Category, Image, Number, Text
from kuamo.data.modalities.audio import Waveform
from kuamo.data.table import Table
from kuamo.embedding.space import EmbeddingSpace
from kuamo.encoders import Identity
from kuamo.encoders.feature_cache import features
from kuamo.encoders.standardize import Standardize
from kuamo.training.batch import ColumnBatch
from kuamo.training.distributed import gather_rows
from kuamo.training.step import Step

__all__ = ["Corrupted", "corrupt", "corrupt_batch", "corrupt_values", "targets_by_row"]

MOST = 200  # rows of which a cell is corrupted before its encoder; 1,000 gave no more (emoji: .868, .853)
END = 3.0  # noise stays within so many standard deviations
GRAINS = 6  # noise is of squares of 1, 2, …, 32 pixels, or of as many samples
LOUDNESS = 5 / 3  # κ
AT_ONCE = 16  # cells are decoded, corrupted and encoded
LOOKED_AT, NUMBERS = 64, 4096  # cells, and numbers of each, from which a column's mean and spread are taken
Float64Array = NDArray[np.float64]


# ── in a batch ───────────────────────────────────────────────────────────────────────────────────────────────────


def targets_by_row(step: Step, name: str) -> Any:
    """y (R, L) of a column's entries by row; zero where the row has none."""
    y, place = step.target(name), step.place(name)
    if place is None:
        return y
    return y.new_zeros(len(step.batch.row), y.shape[1]).index_copy(0, place, y)


def corrupt_batch(step: Step, to: str, share: float) -> Any:
    """The batch with one cell, not of `to`, corrupted in that share of the rows; how far, λ (R, M)."""
    names, row = step.names, step.batch.row
    u = step.uniform("noised", row, 1 + len(names))
    others = step.present() & torch.tensor([name != to for name in names])
    one = torch.where(others, u[:, 1:], -1.0).argmax(1)
    hit = (u[:, :1] < share) & others & (torch.arange(len(names)) == one[:, None])
    cells, level = dict(step.cells), torch.zeros(hit.shape)
    for number, name in enumerate(names):
        if name != to and share:
            x, far = mix_noise(step, name, step.at_entries(name, hit[:, number]))
            pieces = step.cells[name].pieces  # of what is corrupted nothing is left but the code
            pieces = pieces and (pieces[0], pieces[1] & (far == 0)[:, None])
            cells[name] = ColumnBatch(x, step.cells[name].row, step.cells[name].y, pieces)
            place = step.place(name)
            level[slice(None) if place is None else place, number] = far
    return replace(step.batch, cells=cells), level


def mix_noise(step: Step, name: str, hit: Any) -> Any:
    """x of a column's cells, those that are hit (n,) in part noise, and how far (n,); texts as tokens, and
    batches in chunks, stay as they are.
    """
    cells = step.cells[name]
    x = cells.x[0] if isinstance(cells.x, tuple) else cells.x
    able = isinstance(x, torch.Tensor) and (x.is_floating_point() or x.dtype == torch.uint8)
    grey = able and x.ndim == 4 and bool((x == x[:, :1]).all())  # else noise would be known by its colours
    flat = (x[:, :1] if grey else x).flatten(1).float() if able else torch.zeros(0, 1)
    head = step.space.port(name).head  # features have a unit each, cells of a trained encoder one for all
    units = (head.shift, 1 / head.gain, -torch.inf, torch.inf) if step.frozen[name] else spread_of(flat)
    if not able or not len(flat):
        return cells.x, torch.zeros(len(cells))
    shift, spread, low, high = units
    flat = flat.clone() if flat.data_ptr() == x.data_ptr() else flat
    u = step.uniform(f"noise/{name}", cells.row, 4)
    level, known = u[:, 0] * hit, torch.full(hit.shape, -1)
    before = step.space.fusion.corrupted.get(name) if step.frozen[name] else None
    if before is not None:
        known = torch.where(hit, before.place[torch.tensor(step.batch.table_rows)[cells.row]], -1)
        flat[known >= 0], level[known >= 0] = before.x[known[known >= 0]], before.level[known[known >= 0]]
    at = (hit & (known < 0)).nonzero()[:, 0]
    if len(at):
        epsilon = step.noise(f"noise/{name}", cells.row[at], flat.shape[1])
        order = step.permutation(f"noise/{name}", flat.shape[1])
        share, some = level[at, None], flat[at]
        n = shift + spread * noise((some - shift) / spread, epsilon, u[at, 1:], order)
        flat[at] = (1 - share) * some + share * n.clamp(low, high)  # no spectrum is below 0
    made = flat.reshape(len(x), -1, *x.shape[2:]).expand_as(x) if grey else flat.reshape(x.shape)
    made = made.round().to(x.dtype) if x.dtype == torch.uint8 else made
    return ((made, *cells.x[1:]) if isinstance(cells.x, tuple) else made), level


def spread_of(flat: Any) -> tuple[Any, Any, float, float]:
    """Mean, standard deviation, least and largest of all numbers of all processes' cells (n, D)."""
    flat = flat.double().reshape(-1)
    ends = (flat.min(), flat.max()) if len(flat) else (torch.inf, -torch.inf)
    own = torch.tensor([[len(flat), flat.sum(), flat.square().sum(), *ends]], dtype=torch.float64)
    count, total, square, low, high = gather_rows(own).T
    mean = total.sum() / count.sum().clamp(min=1)
    variance = square.sum() / count.sum().clamp(min=1) - mean.square()
    return mean.float(), variance.clamp(min=1e-12).sqrt().float(), float(low.min()), float(high.max())


def noise(x: Any, epsilon: Any, u: Any, order: Any) -> Any:
    """n (n, D) of cells x (n, D) in standard units: white about any level, ±3 at random, or x in disorder.

    Args:
        epsilon: (n, D), standard normal. u: (n, 3), uniform: which of the three, about where, and how wide.
        order: (D,), a permutation.
    """
    white = END * (2 * u[:, 1:2] - 1) + epsilon * 2 ** (3 * u[:, 2:] - 1.5)
    extreme = END * epsilon.sign()
    kind = (3 * u[:, :1]).floor()
    return torch.where(kind == 0, white.clamp(-END, END), torch.where(kind == 1, extreme, x[:, order]))


# ── before a frozen encoder ──────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, eq=False)
class Corrupted:
    """A column's corrupted cells: features x (k, D), how far they are noise λ (k,), and table row → place, or −1."""

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
    """Features of corrupted cells, of every column but `to` whose encoder is frozen and makes something of its cells.

    Args:
        cells: column → features and rows, of the frozen columns.
        held: rows that fit uncertainties: half of the corrupted ones are of these, if there are so many.
        progress: called with (what, done, of).
    """
    found: dict[str, Corrupted] = {}
    for number, port in enumerate(space.ports):
        able = not isinstance(port.encoder, Identity | Standardize) and not isinstance(port.modality, Category | Number)
        if port.name in cells and port.name != to and able:
            some = choose_rows(cells[port.name][1], held, number)
            one = corrupt_column(table, port.name, port.encoder, some, number, progress)
            found |= {port.name: one} if one else {}
    return found


def choose_rows(rows: NDArray[np.int64], held: NDArray[np.int64], seed: int) -> NDArray[np.int64]:
    """Which rows are corrupted, ascending; at most half of all.

    Example:
        >>> some = choose_rows(np.arange(100), np.arange(20), 0)
        >>> len(some), int((some < 20).sum())
        (50, 20)
    """
    known = np.random.default_rng([seed, 7]).permutation(np.unique(rows))
    count, own = min(MOST, (len(known) + 1) // 2), np.isin(known, held)
    first = known[own][: (count + 1) // 2]
    return np.sort(np.concatenate([first, known[~own][: count - len(first)]]))


def corrupt_column(
    table: Table,
    name: str,
    encoder: Any,
    rows: NDArray[np.int64],
    seed: int,
    progress: Callable[[str, int, int], None] | None = None,
) -> Corrupted | None:
    """The cells of some rows, corrupted; `None` where nothing can be made of their kind."""
    rng, column = np.random.default_rng([seed, 5]), table.column(name)
    entries = np.flatnonzero(np.isin(column.row, rows))
    entries = entries[np.unique(column.row[entries], return_index=True)[1]]
    level, parts = rng.random(len(entries)), []
    about = mean_and_spread(table.values(name, entries[:LOOKED_AT]))
    size = len(entries) if isinstance(column.modality, Text) else AT_ONCE  # words are of any other row
    for start in range(0, len(entries), size):
        values = list(table.values(name, entries[start : start + size]))
        made = corrupt_values(column.modality, values, level[start : start + size], rng, about)
        if made is None:
            return None
        parts.append(features(Table({name: made}, modalities={name: column.modality}), name, encoder))
        if progress:
            progress(f"{name} with noise", start + len(values), len(entries))
    if not parts:
        return None
    place = np.full(len(table), -1, np.int64)
    place[column.row[entries]] = np.arange(len(entries))
    x = np.concatenate(parts).astype(np.float32)
    return Corrupted(torch.from_numpy(x), torch.from_numpy(level).float(), torch.from_numpy(place))


def mean_and_spread(values: Iterable[Any]) -> tuple[float, float]:
    """Mean and standard deviation of arrays' numbers, of large ones of some; (0, 1) of other kinds.

    Example:
        >>> mean_and_spread([np.array([1.0, 3.0]), np.array([[2.0]])])[0], mean_and_spread(["a text"])
        (2.0, (0.0, 1.0))
    """
    arrays = (value.ravel() for value in values if isinstance(value, np.ndarray) and value.dtype.kind in "fui")
    seen = [np.asarray(x[:: max(1, len(x) // NUMBERS)], np.float64) for x in arrays]
    together = np.concatenate(seen) if seen else np.array([-1.0, 1.0])
    return float(together.mean()), float(together.std())


def corrupt_values(
    modality: Any, values: Sequence[Any], level: Float64Array, rng: np.random.Generator, about: tuple[float, float]
) -> list[Any] | None:
    """Values of a column, each mixed with noise so far as `level` (n,) says; `None` for a kind that is not numbers.

    Args:
        about: mean and standard deviation of the column's numbers.

    Example:
        >>> corrupt_values(Text(), ["a red fox", "the sea"], np.zeros(2), np.random.default_rng(0), (0.0, 1.0))
        ['a red fox', 'the sea']
    """
    if isinstance(modality, Text):
        return corrupt_texts(values, level, rng)
    if isinstance(modality, Audio):
        return [corrupt_audio(value, far, rng) for value, far in zip(values, level, strict=True)]
    if not all(isinstance(value, np.ndarray) and value.dtype.kind in "fui" for value in values):
        return None
    image = isinstance(modality, Image)
    return [corrupt_array(value, far, about, rng, image) for value, far in zip(values, level, strict=True)]


def corrupt_array(value: Any, level: float, about: tuple[float, float], rng: Any, image: bool) -> Any:
    """An array of the same shape and type; a grey image stays grey, and within 0 and 255."""
    x = np.asarray(value, np.float64)
    grey = image and x.ndim == 3 and bool((x == x[..., :1]).all())
    part = x[..., :1] if grey else x
    n = grained_noise(part, *about, rng, axes=2 if image else 0)
    mixed = np.broadcast_to((1 - level) * part + level * n, x.shape)
    if value.dtype.kind in "ui":
        ends = np.iinfo(value.dtype)
        mixed = mixed.clip(ends.min, ends.max).round()
    return mixed.astype(value.dtype)


def corrupt_audio(value: Any, level: float, rng: Any) -> Any:
    """A waveform as long; noise about the recording's own power."""
    x = np.asarray(value.samples, np.float64)
    n = grained_noise(x, 0.0, float(x.std()), rng, axes=1)
    mixed = (1 - level) ** LOUDNESS * x + level**LOUDNESS * n
    return Waveform(mixed.clip(-1, 1).astype(np.float32), value.rate)


def grained_noise(x: Float64Array, mean: float, std: float, rng: Any, axes: int) -> Float64Array:
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


def corrupt_texts(values: Sequence[str], level: Float64Array, rng: Any) -> list[str]:
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
