"""impute: the empty cells of a table, each made from what its row has, and how sure that is.

    z = encode(row);   K draws y_k ~ p(y | z);   the cell: the draw next to their mean;   u: their spread / the column's

u is 0 where all draws are the same, and about 1 where the row says nothing of the cell: the draws are then as far
apart as the column's cells are. Of numbers the noise that draws lack is counted in (`residual.py`); where codes are
Gaussian each draw has its own, and the cell is what their mean gives. Of a class u is 1 − p of it; of a number that the
space was fitted to predict, how far off it may be in this row (`intervals.py`). Of another decoder that gives one
point, u is its relative error, the same for all rows: of ridge the share of the standard deviation that it leaves on
the rows it was solved on. Of texts that are found u is 1 − p of the text, of written ones 1 − the words that draws have
in common.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from kuamo.core.errors import KuamoError
from kuamo.core.validation import is_int, names_of
from kuamo.data.table import Table
from kuamo.embedding.decoder import Decoder
from kuamo.embedding.embedding import Embedding
from kuamo.embedding.space import EmbeddingSpace, Tower
from kuamo.generation.codecs.base import Codec, decode_cells, reference_values
from kuamo.generation.codecs.labels import OneHotCodec
from kuamo.generation.prediction import class_probabilities
from kuamo.generation.residual import ResidualNoise
from kuamo.generation.translation import decode, decoder_input, decoder_of, sample_posterior, unguided
from kuamo.metrics.sample_quality import token_f1
from kuamo.objectives.prediction.intervals import widths

__all__ = ["Imputed", "impute"]

BLOCK = 256


class Imputed(NamedTuple):
    """A table without holes, where they could be filled, and for each column how uncertain its new cells are.

    Args:
        table: the given cells as they were, and new ones in canonical form.
        uncertainty: column → u (N,), NaN where the cell was there, or nothing could be made since the row is empty.
    """

    table: Table
    uncertainty: Mapping[str, np.ndarray]


def impute(
    space: EmbeddingSpace,
    table: Table,
    columns: Sequence[str] | None,
    draws: int,
    seed: int,
    progress: Callable[[str, int, int], None] | None,
) -> Imputed:
    """See `Space.impute`."""
    if not is_int(draws, 2):
        raise KuamoError(f"given draws={draws!r}; expected at least 2, to see how far apart they are")
    known = [port.name for port in space.ports if port.name in table.columns]
    able = [name for name in known if space.port(name).decoder is not None]
    asked = able if columns is None else names_of(columns, "columns")
    for name in asked:
        decoder_of(space, name)
        table.column(name)
    cells: dict[str, list[Any]] = {
        name: [column[row] for row in range(len(table))] for name, column in table.columns.items()
    }
    uncertainty = {name: np.full(len(table), np.nan, np.float32) for name in asked}
    present = {name: np.zeros(len(table), dtype=bool) for name in known}
    for name in known:
        present[name][table.column(name).row] = True
    for start in range(0, len(table), BLOCK):
        rows = np.arange(start, min(start + BLOCK, len(table)))
        wanted = rows[np.any([~present[name][rows] for name in asked], axis=0)] if asked else rows[:0]
        if len(wanted):
            part = table.take(wanted)
            stacked = space.encode_columns(part)
            for name in asked:
                port = space.port(name)
                code = decoder_input(space, port, stacked)
                empty = np.asarray(code.present) & ~present[name][wanted]
                if of := Codec.adapt(port.codec).reference_column:
                    empty &= present[of][wanted] if of in present else False
                if not empty.any():
                    continue
                others = reference_values(port.codec, part, np.flatnonzero(empty))
                values, unsure = sample_cell(port, code[empty], draws, seed + start, others)
                spread = widths(space, name, stacked.mean, stacked.present)
                if spread is not None:
                    unsure = spread[empty] / target_spread(port.decoder)
                uncertainty[name][wanted[empty]] = unsure
                for row, value in zip(wanted[empty], values, strict=True):
                    cells[name][row] = value
        if progress:
            progress("impute", int(rows[-1]) + 1, len(table))
    filled = Table(
        cells, modalities=table.modalities, id=table.ids, group=table.groups, label=table.labels,
        meta=table.meta, source=table.source, on_error=table.on_error,
    )  # fmt: skip
    return Imputed(filled, uncertainty)


def sample_cell(
    port: Tower, code: Embedding, draws: int, seed: int, others: list[Any] | None = None
) -> tuple[list[Any], np.ndarray]:
    """A value for each code (n, d), and its uncertainty (n,); `others` as in `decode_cells`."""
    z, decoder, traits = np.asarray(code), port.decoder, Decoder.adapt(port.decoder)
    if traits.nearest is not None:
        return port.codec.decode(decoder.sample(z)), decoder.uncertainty(z)
    if traits.vocabulary is not None:
        return sample_text(port, z, draws, seed)
    if isinstance(port.codec, OneHotCodec):
        y = decode(decoder, z, seed, **unguided(decoder))
        return port.codec.decode(y), 1 - class_probabilities(y).max(1)
    varies = bool(traits.noise) or (code.gaussian and port.residual is not None)
    codes = [sample_posterior(code, seed + k) if port.residual else z for k in range(draws if varies else 1)]
    y = np.stack([decode(decoder, one, seed + k, **unguided(decoder)) for k, one in enumerate(codes)], 1)
    distance = np.square(y - y.mean(1, keepdims=True)).sum(-1)
    chosen = y[np.arange(len(y)), distance.argmin(1)] if traits.noise else decode(decoder, z, seed)
    values = list(decode_cells(port, chosen, others))
    gain = getattr(decoder, "gain", None)  # a buffer of our modules, which a class attribute would shadow
    if gain is None or not (varies or np.isnan(traits.error)):
        return values, np.full(len(z), traits.error)
    return values, relative_spread(y, gain.detach().numpy(), port.residual)


def sample_text(port: Tower, z: np.ndarray, draws: int, seed: int) -> tuple[list[str], np.ndarray]:
    """The likeliest text of each code, and how few words drawn ones have in common with it."""
    best = port.codec.decode(decode(port.decoder, z, seed))
    others = [port.codec.decode(decode(port.decoder, z, seed + k, **port.decoder.varied)) for k in range(1, draws)]
    return best, 1 - np.mean([token_f1(one, best) for one in others], axis=0)


def relative_spread(y: np.ndarray, gain: np.ndarray, residual: ResidualNoise | None) -> np.ndarray:
    """How far apart draws (n, K, L) are (n,), with the noise that they lack, in units of 1/gain (L,); NaN of one draw
    of which nothing is known."""
    if y.shape[1] == 1 and residual is None:
        return np.full(len(y), np.nan)
    within = y.var(1, ddof=1) if y.shape[1] > 1 else np.zeros(y[:, 0].shape)
    lacking = 0.0 if residual is None else np.square(residual.spread)
    return np.sqrt(((within + lacking) * np.square(gain.astype(np.float64))).mean(1))


def target_spread(decoder: Any) -> float:
    """√E‖y − ȳ‖² of the column, as the decoder stored it in training."""
    gain = decoder.gain.detach().numpy()
    return float(np.sqrt((1 / gain.astype(np.float64) ** 2).sum()))
