"""Decoders for a space that is there: codecs are fitted, y is made, and recipes are trained in the one loop.

    column's cells ── codec ──→ y (n, L)          every column's cells ── encoder, head ──→ codes (n, d), which stay
    ridge on both, in closed form;   a recipe's decoder from both, in the loop;   then both on rows held out of the loop

Trained or not, a decoder sees the codes of the other columns, since translation starts there. Of a trained one, and of
the closed form beside it, `DecoderProblem.score` says on held-out rows how near what is made comes to what was there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np

from kuamo.closed_form.scaling import running_spread
from kuamo.core.arrays import entries_in_rows
from kuamo.core.errors import KuamoError, TableError
from kuamo.core.messages import Note
from kuamo.data.modalities import Number, Vector
from kuamo.embedding.decoder import Decoder
from kuamo.embedding.embedding import Embedding
from kuamo.embedding.parts import RowCodes
from kuamo.embedding.space import EmbeddingSpace, Tower, fuse_codes
from kuamo.generation.codecs.base import decode_cells
from kuamo.generation.codecs.text import BPECodec, TextVocabulary
from kuamo.generation.decoders.bilinear import solve_bilinear
from kuamo.generation.decoders.retrieval import Retrieval
from kuamo.generation.decoders.ridge import solve_ridge
from kuamo.generation.hopfield import TEMPERATURES, Hopfield
from kuamo.generation.residual import ResidualNoise
from kuamo.generation.translation import decode, sample_posterior, unguided
from kuamo.metrics.sample_quality import token_f1

__all__ = ["DecoderProblem", "energy_score"]

ColumnCodes = Mapping[str, tuple[Embedding, np.ndarray]]
Targets = Mapping[str, np.ndarray]
SHOWN, DRAWS = 8, 4
RESIDUAL_DRAWS = 8
FEW = 10  # rows, by which nobody can say whether what is made is of use
STRANGE, LEAST_RIGHT = 1.5, 0.55  # beyond, and below, what is made is of no use
PROJECTION_ROWS = 100  # rows at most by which the temperature of projection is chosen
KNOWN = 500  # texts by which it is learned how sure a found one is


class DecoderProblem:
    """Codes and targets of a table's entries, and what is learned from them.

    Args:
        space: whose fusion fuses codes. codes, targets: see `train_all_decoders`.
    """

    def __init__(self, space: EmbeddingSpace, codes: ColumnCodes, targets: Targets) -> None:
        self.space, self.codes, self.targets = space, codes, targets
        self.codecs = {name: space.port(name).codec for name in targets}  # y's own, whatever a column is made by later

    def ridge(self, name: str, rows: np.ndarray, penalty: float = 0.1, rank: int | None = None) -> Any:
        """The closed form, from the codes of every column of these rows, one after the other."""
        y, row_y = self.targets[name], self.codes[name][1]

        def pairs() -> Any:
            for code, row in self.codes.values():
                entry, place = entries_in_rows(row_y, row)  # for each entry of a column, those of the target in its row
                wanted = np.isin(row[place], rows)
                yield np.asarray(code.mean)[place[wanted]], y[entry[wanted]]

        return solve_ridge(pairs(), penalty, rank)

    def bilinear(
        self, name: str, rows: np.ndarray, styles: Sequence[str], base: str | None, penalty: float | None
    ) -> Any:
        """The closed form of a content in a style; a note says its error on combinations left out."""
        y, row = self.targets[name], self.codes[name][1]
        names = [port.name for port in self.space.ports]
        content, style = (self._fused(some, rows, name) for some in (
            [one for one in names if one != name and one not in styles], list(styles)
        ))  # fmt: skip
        both, at, there = np.intersect1d(content[1], style[1], return_indices=True)
        entry, place = entries_in_rows(row, both)
        known = np.isfinite(y[entry]).all(1)
        entry, place = entry[known], place[known]
        if len(entry) < 2:
            needed = f"{', '.join(styles)} and what else it is made of"
            raise TableError(f"column {name!r}: given {len(entry)} rows with it, {needed}; expected at least two")
        z, t = np.asarray(content[0])[at[place]], np.asarray(style[0])[there[place]]
        decoder = solve_bilinear(z, t, y[entry], styles, base, penalty)
        left = 100 * decoder.error**2
        self.space.notes.append(Note("bilinear", column=name, by=", ".join(styles), left=left, rows=len(entry)))
        return decoder

    def hopfield(self, name: str, rows: np.ndarray, held: np.ndarray, seed: int) -> Hopfield | None:
        """Projection onto codes of these rows, with the τ of least loss on held-out rows.

        `None` of decoders that see more than one code.
        """
        port = self.space.port(name)
        codes, there = self.codes_without(name, rows)
        if len(there) == 0 or Decoder.adapt(port.decoder).style_columns:
            return None
        some = held[:: max(1, -(-len(held) // PROJECTION_ROWS))]
        known = {tau: Hopfield.of(codes, tau, seed) for tau in TEMPERATURES}
        costs = {tau: self.score(name, port.decoder, some, seed, project=one) for tau, one in known.items()}
        found = {tau: cost for tau, cost in costs.items() if cost is not None}
        return known[min(found, key=lambda tau: found[tau])] if found else Hopfield.of(codes, 0.05, seed)

    def codes_without(self, name: str, rows: np.ndarray, own: bool = False) -> tuple[np.ndarray, np.ndarray]:
        """Joint codes (n, d) of rows from all but the column `name`, and which rows (n,) they are of.

        Args:
            own: also the codes of the column itself, of the same rows, after them.
        """
        others = [port.name for port in self.space.ports if port.name != name]
        codes, there = self._fused(others, rows, name)
        if not own:
            return np.asarray(codes), there
        itself, mine = self._fused([name], rows, name)
        return np.concatenate([codes, itself]), np.concatenate([there, mine])

    def residual(self, name: str, decoder: Any, rows: np.ndarray, seed: int) -> ResidualNoise | None:
        """What draws from p(y | the other columns) lack on these rows; `None` but of a column of numbers, and where the
        energy score is not less with noise, which may blur two sharp modes."""
        if not isinstance(self.space.port(name).modality, Vector | Number) or not takes_noise(decoder):
            return None
        codes, there = self._fused([other.name for other in self.space.ports if other.name != name], rows, name)
        entry, place = entries_in_rows(self.codes[name][1], there)
        if len(entry) < FEW:
            return None
        drawn = posterior_draws(decoder, codes, place, seed)
        y, unit, together = self.targets[name][entry], scale_of(self.targets[name]), np.stack(drawn, 1)
        choices = (None, ResidualNoise.of(y, together, diagonal=True), ResidualNoise.of(y, together))
        return min(choices, key=lambda noise: energy_with_noise(noise, y, drawn, unit, seed))

    def retrieval(self, name: str, rows: np.ndarray) -> tuple[TextVocabulary, Retrieval]:
        """The distinct texts of these rows, and their codes: the means of those of the same text."""
        codes, row = self.codes[name]
        entry = np.flatnonzero(np.isin(row, rows))
        texts = self.codecs[name].decode(self.targets[name][entry])
        known = sorted(set(texts))
        place = {text: number for number, text in enumerate(known)}
        mean, count = np.zeros((len(known), self.space.dim)), np.zeros((len(known), 1))
        where = np.array([place[text] for text in texts], dtype=np.int64)
        np.add.at(mean, where, np.asarray(codes.mean)[entry])
        np.add.at(count, where, 1)
        decoder = Retrieval(self.space.normalized((mean / count).astype(np.float32)))
        some = np.unique(np.linspace(0, len(entry) - 1, min(len(entry), KNOWN)).astype(int))
        number = dict(zip(row[entry[some]].tolist(), where[some].tolist(), strict=True))
        z, there = self.codes_without(name, np.array(sorted(number), dtype=np.int64))
        if len(there):
            decoder = decoder.fitted(z, np.array([number[r] for r in there.tolist()]))
        return TextVocabulary(known), decoder

    def score(
        self,
        name: str,
        decoder: Any,
        rows: np.ndarray,
        seed: int,
        codec: Any = None,
        project: Callable[[np.ndarray], np.ndarray] | None = None,
    ) -> float | None:
        """How far what is made of these rows' other columns is from what is there, less is better: the energy score, or
        of texts 1 − their overlap in words; `None` if no row has both.

        Args:
            codec: of what this decoder makes; the column's, if not given. project: what codes become before.
        """
        codes, there = self.codes_without(name, rows)
        codes = codes if project is None or len(there) == 0 else project(codes)
        entry, place = entries_in_rows(self.codes[name][1], there)
        if len(entry) == 0:
            return None
        y, own = self.targets[name][entry], self.codecs[name]
        if not isinstance(own, TextVocabulary | BPECodec):
            unit = scale_of(self.targets[name]) if has_own_units(self.space.port(name)) else None
            return energy_score(decoder, codes[place], y, seed, unit)

        made = (codec or self.space.port(name).codec).decode(decode(decoder, codes[place], seed))
        return 1 - float(token_f1(made, own.decode(y)).mean())

    def quality_warning(self, name: str, decoder: Any, rows: np.ndarray, seed: int, what: str) -> Note | None:
        """That what is made as it comes is not what one would want to look at, if so: further from any real cell than
        real cells are from each other, or hardly nearer to the row's own than to another's. `None` of texts."""
        codes, there = self.codes_without(name, rows)
        entry, place = entries_in_rows(self.codes[name][1], there)
        if isinstance(self.codecs[name], TextVocabulary | BPECodec) or len(entry) < FEW:
            return None
        unit = scale_of(self.targets[name]) if has_own_units(self.space.port(name)) else 1.0
        real = self.targets[name][entry] / unit

        made = decode(decoder, codes[place], seed) / unit
        off, right = distance_to_real(made, real)
        if off <= STRANGE and right >= LEAST_RIGHT:
            return None
        return Note("made_unusable", column=name, what=what, off=off, right=100 * right, rows=len(entry))

    def previews(self, name: str, decoder: Any, rows: np.ndarray, seed: int) -> tuple[list[Any], list[list[Any]]]:
        """Some rows' own cells, as their codec has them, and four draws of each from the other columns."""
        codes, there = self.codes_without(name, rows)
        entry, place = entries_in_rows(self.codes[name][1], there)
        first = np.unique(place, return_index=True)[1][:SHOWN]
        y, z = self.targets[name][entry[first]], np.repeat(codes[place[first]], DRAWS, axis=0)
        port = self.space.port(name)
        real, drawn = (list(decode_cells(port, one)) for one in (y, decode(decoder, z, seed)))
        return real, [drawn[at : at + DRAWS] for at in range(0, len(drawn), DRAWS)]

    def _fused(self, names: list[str], rows: np.ndarray, target: str) -> tuple[Embedding, np.ndarray]:
        places = [port.name for port in self.space.ports]  # a fusion may know columns by their place
        mean = np.zeros((len(rows), len(places), self.space.dim), np.float32)
        logvar = np.zeros_like(mean) if any(self.codes[name][0].gaussian for name in names) else None
        present = np.zeros(mean.shape[:2], dtype=bool)
        for name in names:
            (code, row), number = self.codes[name], places.index(name)
            entry, place = entries_in_rows(row, rows)
            present[place, number] = True
            mean[place, number] = np.asarray(code.mean)[entry]
            if logvar is not None:
                logvar[place, number] = np.asarray(code.logvar)[entry]
        there = present.any(1)
        if not there.any():
            return Embedding(np.zeros((0, self.space.dim), np.float32)), rows[:0]
        spread = None if logvar is None else logvar[there]
        return fuse_codes(self.space.fusion, RowCodes(mean[there], spread, present[there]), target)[0], rows[there]


class PassThroughHead:
    """The head of cells that are codes already: x (n, d) or (n, 2d) → Embedding.

    Args:
        dim, gaussian: of the codes. port: whose codes they are; its head says which code something made would have.
    """

    def __init__(self, dim: int, gaussian: bool, port: Tower) -> None:
        self.dim, self.gaussian, self.port = dim, gaussian, port

    def __call__(self, x: Any) -> Embedding:
        """Means, and log-variances behind them."""
        return Embedding(*x.split(self.dim, -1)) if self.gaussian else Embedding(x)

    @cached_property
    def reencode(self) -> Callable[[Any], Embedding]:
        """y (n, L) → Embedding, with a gradient: the way back of what is made."""
        from kuamo.embedding.heads import differentiable

        name, codec = self.port.name, self.port.codec
        if codec is not None:
            raise KuamoError(
                f"column {name!r}: given the codec {type(codec).__name__}, and no gradient passes from what it makes "
                f"to a code; expected codecs={{{name!r}: None}}, so that features are generated, or cycle=0"
            )
        try:
            return differentiable(self.port.head)
        except KuamoError as error:
            raise KuamoError(f"column {name!r}: {error}, or cycle=0") from None


def energy_score(decoder: Any, z: np.ndarray, y: np.ndarray, seed: int = 0, unit: np.ndarray | None = None) -> float:
    """The energy score E‖ŷ − y‖ − ½ E‖ŷ − ŷ′‖, ŷ and ŷ′ two draws of p(y | z); less is better, and least if p is right.

    Of a decoder that gives one point it is the mean distance.

    Args:
        z: (n, d). y: (n, L). unit: (L,) in which distances are taken, where each axis has a unit of its own.

    References:
        Strictly Proper Scoring Rules, Prediction, and Estimation, Gneiting and Raftery, 2007.

    Example:
        >>> from kuamo.closed_form import LinearMap
        >>> from kuamo.generation.decoders.ridge import RidgeDecoder
        >>> decoder = RidgeDecoder(LinearMap(np.zeros(1), np.eye(1)))
        >>> float(energy_score(decoder, np.ones((2, 1)), np.array([[1.0], [3.0]])))
        1.0
    """
    one = 1.0 if unit is None else unit
    first, second = (decode(decoder, z, seed + k, **unguided(decoder)) / one for k in (0, 1))
    return energy_of_draws(y / one, first, second)


def takes_noise(decoder: Any) -> bool:
    """Not one whose range noise would leave, that makes y of raw cells, or that sees two codes."""
    traits = Decoder.adapt(decoder)
    return not traits.style_columns and not traits.has_range and traits.target is None


def posterior_draws(decoder: Any, codes: Embedding, place: np.ndarray, seed: int) -> list[np.ndarray]:
    """Draws (n, L) of p(y | z) for these places of the codes, each from a draw of z; one where nothing is random."""
    varies = codes.gaussian or bool(Decoder.adapt(decoder).noise)
    return [
        decode(decoder, sample_posterior(codes, seed + k)[place], seed + k, **unguided(decoder))
        for k in range(RESIDUAL_DRAWS if varies else 1)
    ]


def energy_with_noise(
    noise: ResidualNoise | None, y: np.ndarray, drawn: Sequence[np.ndarray], unit: np.ndarray, seed: int
) -> float:
    """The energy score of draws with this noise, in these units: the mean over pairs of one and the next."""
    some = [drawn[k % len(drawn)] for k in range(RESIDUAL_DRAWS)]
    some = some if noise is None else [noise(one, seed + k) for k, one in enumerate(some)]
    pairs = pairwise([*some, some[0]])
    return float(np.mean([energy_of_draws(y / unit, one / unit, other / unit) for one, other in pairs]))


def energy_of_draws(y: np.ndarray, first: np.ndarray, second: np.ndarray) -> float:
    """The energy score of two draws (n, L) for each y (n, L).

    Example:
        >>> energy_of_draws(np.zeros((1, 1)), np.ones((1, 1)), -np.ones((1, 1)))
        0.0
    """
    near = 0.5 * (np.linalg.norm(first - y, axis=1) + np.linalg.norm(second - y, axis=1))
    return float((near - 0.5 * np.linalg.norm(first - second, axis=1)).mean())


def distance_to_real(made: np.ndarray, real: np.ndarray) -> tuple[float, float]:
    """How far from the nearest real cell what is made lies, against how far real ones lie; and in which share of pairs
    (made, another real cell) it is nearer to its own (.5 by chance).

    Args:
        made, real: (n, L), of the same rows.

    Example:
        >>> real = np.random.default_rng(0).normal(size=(50, 20))
        >>> distance_to_real(real, real)
        (0.0, 1.0)
    """
    mean = real.mean(0, dtype=np.float64)  # in float32 the squares of dark pictures hide how far apart they are
    made, real = made - mean, real - mean
    squares = np.square(real).sum(1)
    away, apart = (
        np.sqrt(np.maximum(np.square(x).sum(1)[:, None] + squares - 2 * x @ real.T, 0)) for x in (made, real)
    )
    same = np.isclose(apart, 0, atol=1e-5 * max(float(apart.max()), 1e-30))  # the cell itself, and equal ones
    nearest = np.median(np.where(same, np.inf, apart).min(1))
    own = np.diag(away)[:, None]
    right = (own < away)[~same].mean() if (~same).any() else 1.0
    return float(np.median(away.min(1)) / nearest) if np.isfinite(nearest) else 0.0, float(right)


def has_own_units(port: Tower) -> bool:
    """Is y what a user brought, feature by feature, rather than what a codec or a network makes, which has one unit?"""
    return port.codec is None and isinstance(port.modality, Vector | Number)


def scale_of(y: np.ndarray) -> np.ndarray:
    """The spread (L,) of each axis of y (n, L), 1 of one that is the same everywhere; an offset plays no part.

    Example:
        >>> scale_of(np.array([[1e6, 3.0, 0.0], [1e6 + 2, 3.0, 1e-6]])).tolist()
        [1.0, 1.0, 5e-07]
    """
    return 1 / running_spread(y).gain(1.0)


def set_scales(decoder: Any, y: np.ndarray, codes: np.ndarray, own_units: bool = False) -> None:
    """Set a decoder's mean and scale of y and of codes: of y one number for all where its axes are weighed
    already, and of codes one for each axis.

    Args:
        own_units: each axis of y has a unit of its own; then it has a spread of its own, too.
    """
    import torch

    std, mean = y.std(0, dtype=np.float64), y.mean(0, dtype=np.float64)
    unit = scale_of(y) if own_units else np.full(y.shape[1], max(float(np.sqrt(np.square(std).mean())), 1e-30))
    decoder = Decoder.adapt(decoder)
    decoder.standardize(torch.from_numpy(mean.astype(np.float32)), torch.from_numpy((1 / unit).astype(np.float32)))
    decoder.standardize_axes(torch.from_numpy(np.maximum(std / unit, 1e-3).astype(np.float32)))
    std = codes.std(0)
    floor = 0.03 * max(float(np.sqrt((std**2).mean())), 1e-6)
    gain = (1 / np.maximum(std, floor)).astype(np.float32)
    decoder.standardize_codes(torch.from_numpy(codes.mean(0).astype(np.float32)), torch.from_numpy(gain))
