"""The columns that `translate` shall make: codecs are fitted and y is made, codes are computed, decoders learn.

cells ── codec ──→ y        features ── head ──→ codes        both ── recipe ──→ decoder (`decoding.py`)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from kuamo.core.errors import TableError
from kuamo.core.messages import Note
from kuamo.core.threads import single_threaded_blas
from kuamo.core.types import Packed, Progress
from kuamo.data.table import Table
from kuamo.embedding.embedding import Embedding
from kuamo.embedding.space import Tower, run_head
from kuamo.generation.codecs import BPECodec, TextToSpeechCodec, TextVocabulary
from kuamo.generation.codecs.base import encode_cells, other_entries
from kuamo.generation.decoder_training import train_all_decoders
from kuamo.generation.recipes import Caption, Ridge, TextToSpeech
from kuamo.space import Space
from kuamo.training.config import Training
from kuamo.training.run_folder import Run

__all__ = ["fit_decoders"]


def fit_decoders(
    space: Space,
    table: Table,
    cells: Packed,
    known: Mapping[str, Embedding],
    recipes: Mapping[str, Any],
    codecs: Mapping[str, Any],
    training: Training | None,
    seed: int,
    out: Run | None,
    progress: Progress | None,
    look: Callable[[str, float, list[Any], list[list[Any]]], None] | None,
) -> None:
    """Codecs, their y, and decoders of columns that are to be made; see `decoding`.

    Raises:
        TableError: a column that no codec is known for.
    """
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
    codes = {
        name: (known[name] if name in known else run_head(space.port(name).head, x), row)
        for name, (x, row) in cells.items()
    }
    train_all_decoders(space, table, codes, targets, recipes, training, seed, out, progress, look)
    for name, recipe in spoken.items():
        texts = space.port(recipe.of)
        space.port(name).codec = TextToSpeechCodec(texts.codec, recipe.voice)
        space.port(name).decoder, space.port(name).memory = texts.decoder, texts.memory
        space.notes.append(Note("spoken", column=name, of=recipe.of))


def codec_targets(table: Table, port: Tower, recipe: Any) -> np.ndarray:
    """y (n, L) of a column's entries; equal cells are encoded once, where they have the same y.

    Raises:
        TableError: a codec that needs another column, and a recipe that does not know of it.
    """
    of = getattr(port.codec, "other", None)
    if of is None:
        first, which = table.column(port.name).distinct()
        return encode_cells(port.codec, table, port.name, first)[which]
    if of != getattr(recipe, "base", None):
        raise TableError(
            f"column {port.name!r}: given {type(port.codec).__name__} of {of!r} and {recipe}; "
            f"expected km.Bilinear(style=…, base={of!r})"
        )
    return encode_cells(port.codec, table, port.name, np.arange(len(table.column(port.name).row)))


def codec_note(table: Table, port: Tower) -> Note:
    """What a codec makes of a column, and how well some cells come back."""
    named = {"column": port.name, "codec": type(port.codec).__name__, "count": port.codec.out}
    if not hasattr(port.codec, "round_trip"):
        return Note("codec", **named)
    entries = np.unique(np.linspace(0, len(table.column(port.name).row) - 1, 64).astype(int))
    others = []
    if of := getattr(port.codec, "other", None):
        other = other_entries(table, port.name, of)[entries]
        entries, others = entries[other >= 0], [list(table.values(of, other[other >= 0]))]
    quality = port.codec.round_trip(list(table.values(port.name, entries)), *others)
    if "explained" not in quality:
        return Note("codec", **named)
    return Note("codec_measured", **named, share=100 * quality["explained"])
