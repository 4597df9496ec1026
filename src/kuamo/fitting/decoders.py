"""The columns that `translate` shall make: codecs are fitted and y is made, codes are computed, decoders learn.

cells ── codec ──→ y        features ── head ──→ codes        both ── recipe ──→ decoder (`decoding.py`)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from kuamo.core.errors import TableError
from kuamo.core.messages import Note
from kuamo.core.modules import is_trainable
from kuamo.core.threads import single_threaded_blas
from kuamo.core.types import Packed
from kuamo.data.table import Table
from kuamo.embedding.embedding import Embedding
from kuamo.embedding.space import Tower
from kuamo.fitting.towers import codes_of_entries
from kuamo.generation.codecs import BPECodec, TextToSpeechCodec, TextVocabulary
from kuamo.generation.codecs.base import Codec, encode_cells, other_entries
from kuamo.generation.decoder_problem import DecoderProblem
from kuamo.generation.decoder_training import train_all_decoders
from kuamo.generation.decoders.ridge import solve_ridge
from kuamo.generation.recipes import Bilinear, Caption, Ridge, TextToSpeech
from kuamo.space import Space
from kuamo.training.run import Prepared, Run

__all__ = ["add_ridge_decoders", "fit_decoders", "needs_ridge"]


def fit_decoders(
    space: Space,
    prepared: Prepared,
    known: Mapping[str, Embedding],
    recipes: Mapping[str, Any],
    codecs: Mapping[str, Any],
    run: Run,
) -> None:
    """Codecs, their y, and decoders of columns that are to be generated; see `kuamo.generation.decoder_training`.

    Raises:
        TableError: a column that no codec is known for.
    """
    table, cells, seed = prepared.table, prepared.cells, run.seed
    spoken = {name: recipe for name, recipe in recipes.items() if isinstance(recipe, TextToSpeech)}
    for name, recipe in spoken.items():
        recipe.codec(table, name, seed)
        if recipe.of not in recipes and not isinstance(space.port(recipe.of).codec, TextVocabulary | BPECodec):
            recipes = {recipe.of: Caption(), **recipes}
    recipes = {name: recipe for name, recipe in recipes.items() if name not in spoken}
    targets = {}
    for name in dict.fromkeys([*recipes, *codecs]):
        port = space.port(name)
        with single_threaded_blas():
            port.codec = codecs[name] if name in codecs else recipes.get(name, Ridge()).codec(table, name, seed)
            if port.codec is None:
                targets[name] = np.ascontiguousarray(cells[name][0], dtype=np.float32)
            else:
                targets[name] = codec_targets(table, port, recipes.get(name))
                space.notes.append(codec_note(table, port))
    codes = {name: (code, cells[name][1]) for name, code in codes_of_entries(space, cells, known).items()}
    train_all_decoders(space, prepared.split_group, codes, targets, recipes, run)
    for name, recipe in spoken.items():
        texts = space.port(recipe.of)
        space.port(name).codec = TextToSpeechCodec(texts.codec, recipe.voice)
        space.port(name).decoder, space.port(name).memory = texts.decoder, texts.memory
        space.notes.append(Note("spoken", column=name, of=recipe.of))


def codec_targets(table: Table, port: Tower, recipe: Any) -> np.ndarray:
    """y (n, L) of a column's entries; equal cells are encoded once, where they have the same y."""
    of = Codec.adapt(port.codec).reference_column
    if of is None:
        first, which = table.column(port.name).distinct()
        return encode_cells(port.codec, table, port.name, first)[which]
    if of != (recipe.base if isinstance(recipe, Bilinear) else None):
        raise TableError(
            f"column {port.name!r}: given {type(port.codec).__name__} of {of!r} and {recipe}; "
            f"expected km.Bilinear(style=…, base={of!r})"
        )
    return encode_cells(port.codec, table, port.name, np.arange(len(table.column(port.name).row)))


def codec_note(table: Table, port: Tower) -> Note:
    """What a codec makes of a column, and how well some cells come back."""
    named = {"column": port.name, "codec": type(port.codec).__name__, "count": port.codec.out}
    if Codec.adapt(port.codec).round_trip is None:
        return Note("codec", **named)
    entries = np.unique(np.linspace(0, len(table.column(port.name).row) - 1, 64).astype(int))
    others = []
    if of := Codec.adapt(port.codec).reference_column:
        other = other_entries(table, port.name, of)[entries]
        entries, others = entries[other >= 0], [list(table.values(of, other[other >= 0]))]
    quality = port.codec.round_trip(list(table.values(port.name, entries)), *others)
    if "explained" not in quality:
        return Note("codec", **named)
    return Note("codec_measured", **named, share=100 * quality["explained"])


def add_residuals(space: Space, cells: Packed, names: Sequence[str], seed: int) -> None:
    """The noise that draws of these columns lack, on these cells; see `kuamo.generation.residual`."""
    codes = {name: (code, cells[name][1]) for name, code in codes_of_entries(space, cells, {}).items()}
    problem = DecoderProblem(space, codes, {name: cells[name][0] for name in names})
    rows = np.unique(np.concatenate([row for _, row in cells.values()]))
    for name in names:
        port = space.port(name)
        port.residual = problem.residual(name, port.decoder, rows, seed)


# ── ridge, for all others ────────────────────────────────────────────────────────────────────────────────────────


def needs_ridge(port: Tower) -> bool:
    """Is it without a decoder, and are its features fixed?"""
    return port.codec is None and port.decoder is None and not is_trainable(port.encoder)


def add_ridge_decoders(space: Space, cells: Packed, known: Mapping[str, Embedding]) -> None:
    """p(y | z) in closed form for every port that has no decoder, from the codes of every column of the row.

    Args:
        known: codes of columns that need not be computed again.
    """
    found = codes_of_entries(space, {port.name: cells[port.name] for port in space.ports if port.name in cells}, known)
    codes = {name: (np.asarray(code), cells[name][1]) for name, code in found.items()}
    for port in space.ports:
        if not needs_ridge(port):
            continue
        y, row_y = cells[port.name]
        pairs = ((z, *common_entries(row_z, row_y)) for z, row_z in codes.values())
        port.decoder = solve_ridge(((at(z, at_z), at(y, at_y)) for z, at_z, at_y in pairs))


def at(array: np.ndarray, entries: np.ndarray) -> np.ndarray:
    """array[entries], without a copy where that is all of it."""
    whole = len(entries) == len(array) and np.array_equal(entries, np.arange(len(array)))
    return array if whole else array[entries]


def common_entries(row_a: np.ndarray, row_b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Entries of a and b that belong to one row: for each entry of b, the first of a in its row."""
    place = np.searchsorted(row_a, row_b)
    place = np.minimum(place, max(len(row_a) - 1, 0))
    same = np.flatnonzero(row_a[place] == row_b) if len(row_a) else np.empty(0, dtype=np.int64)
    return place[same], same
