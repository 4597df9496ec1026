"""Decoders for a space that is there: codecs are fitted, y is made, and recipes are trained in the one loop.

    column's cells ── codec ──→ y (n, L)          every column's cells ── encoder, head ──→ codes (n, d), which stay
    ridge on both, in closed form;   a recipe's decoder from both, in the loop;   then both on rows held out of the loop

Trained or not, a decoder sees the codes of the other columns, since translation starts there. Of a trained one, and of
the closed form beside it, `Decoding.score` says on held-out rows how near what is made comes to what was there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from kuamo.best import Best, Look
from kuamo.cells import FeatureSource
from kuamo.closed_form.scaling import spread_of
from kuamo.codecs.base import decode_cells
from kuamo.codecs.texts import TextList, TextTokens
from kuamo.codes import Code
from kuamo.column import entries_of
from kuamo.decoders.bilinear import solve_bilinear
from kuamo.decoders.recipes import Bilinear, Recipe, Ridge
from kuamo.decoders.retrieval import Retrieval
from kuamo.decoders.ridge import solve_ridge
from kuamo.encoders import Identity
from kuamo.errors import KuamoError, TableError
from kuamo.metrics.making import text_overlap
from kuamo.modalities import Number, Vector
from kuamo.notes import Note
from kuamo.runs import Run
from kuamo.settling import TEMPERATURES, Hopfield
from kuamo.space import Port, Space, fuse_present
from kuamo.table import Table

__all__ = ["Decoding", "energy", "learn_decoders"]

Progress = Callable[[str, int, int], None]
Codes = Mapping[str, tuple[Code, np.ndarray]]
Targets = Mapping[str, np.ndarray]
HELD_OUT, MOST_HELD_OUT = 0.1, 500
SHOWN, DRAWS = 8, 4
FEW = 10  # rows, by which nobody can say whether what is made is of use
STRANGE, TOLD = 1.5, 0.55  # beyond, and below, what is made is of no use
SETTLED = 100  # rows at most by which it is chosen how codes settle
KNOWN = 500  # texts by which it is learned how sure a found one is


def learn_decoders(
    space: Space,
    table: Table,
    codes: Codes,
    targets: Targets,
    recipes: Mapping[str, Recipe],
    training: Any = None,
    seed: int = 0,
    out: Run | None = None,
    progress: Progress | None = None,
    look: Look | None = None,
) -> None:
    """Give columns their decoders, in place.

    Args:
        space: with its heads; nothing of them moves.
        codes: column → the codes (n, d) of its entries, and their rows, of every column.
        targets: column → y (n, L) of its entries, of every column that is to have a decoder here.
        recipes: column → recipe; the others, and those whose recipe is ridge, are solved.
        training: of the loop; what suits the rows if not given. seed: of everything random.
        out: a run folder, to resume from.
        look: called now and then in training with a column, the share that is done, and what is made of some rows.
    """
    groups = np.unique(np.asarray(table.groups), return_inverse=True)[1]
    held = held_out(groups, seed)
    kept = np.setdiff1d(np.arange(len(table)), held)
    decoding = Decoding(space, codes, targets)
    trained = built(space, recipes, targets, seed)
    for name in targets:
        if name not in trained:
            port, every = space.port(name), np.arange(len(table))
            port.codec, port.decoder = recipes.get(name, Ridge()).solve(decoding, name, every)
    if trained:
        learn(decoding, trained, recipes, kept, held, training, seed, out, progress, look)
    for name in targets:
        space.port(name).memory = decoding.memory(name, kept, held, seed)


def learn(
    decoding: Decoding,
    trained: Mapping[str, Any],
    recipes: Mapping[str, Recipe],
    kept: np.ndarray,
    held: np.ndarray,
    training: Any,
    seed: int,
    out: Run | None,
    progress: Progress | None,
    look: Look | None,
) -> None:
    """Train decoders on the rows that are kept, and hold each against the closed form on those that are held out."""
    space = decoding.space
    scores = {name: Best(decoding, name, decoder, held, seed, out, look) for name, decoder in trained.items()}
    decoding.train(trained, recipes, kept, training, seed, out, progress, list(scores.values()))
    for name, decoder in trained.items():
        port, recipe = space.port(name), recipes[name]
        scores[name].keep()
        port.decoder, ours = decoder, decoding.score(name, decoder, held, seed)
        codec, closed = recipe.solve(decoding, name, kept)
        if closed is None or len(held) == 0:
            continue
        theirs = decoding.score(name, closed, held, seed, codec)
        if ours is None or theirs is None:
            continue
        space.notes.append(verdict(name, recipe, ours, theirs, len(held), isinstance(codec, TextList)))
        if note := decoding.unusable(name, decoder, held, seed, type(recipe).__name__):
            space.notes.append(note)
        if recipe.yields and theirs < ours:
            port.codec, port.decoder = recipe.solve(decoding, name, np.sort(np.concatenate([kept, held])))


def verdict(name: str, recipe: Recipe, ours: float, theirs: float, rows: int, texts: bool) -> Note:
    """Whether a trained decoder beats the closed form on held-out rows; both scores are less for the better."""
    key = "decoder_better" if ours < theirs else "decoder_worse"
    given = {"column": name, "what": type(recipe).__name__, "rival": recipe.rival, "rows": rows}
    if texts:
        key = "writer_better" if ours < theirs else "writer_yields" if recipe.yields else "writer_worse"
        return Note(key, **given, ours=1 - ours, theirs=1 - theirs)
    return Note(key, **given, ours=ours, theirs=theirs)


def built(space: Space, recipes: Mapping[str, Recipe], targets: Targets, seed: int) -> dict[str, Any]:
    """Column → its untrained decoder, of the recipes that train one; the start weights follow the seed."""
    if not any(recipe.trains for recipe in recipes.values()):
        return {}  # and torch is not loaded
    from kuamo.training import own_randomness

    with own_randomness(seed):
        made = {
            name: recipe.build(space.dim, space.port(name).codec, targets[name].shape[1])
            for name, recipe in recipes.items()
        }
    return {name: decoder for name, decoder in made.items() if decoder is not None}


class Decoding:
    """Codes and targets of a table's entries, and what is learned from them.

    Args:
        space: whose fusion fuses codes. codes, targets: see `learn_decoders`.
    """

    def __init__(self, space: Space, codes: Codes, targets: Targets) -> None:
        self.space, self.codes, self.targets = space, codes, targets
        self.codecs = {name: space.port(name).codec for name in targets}  # y's own, whatever a column is made by later

    def ridge(self, name: str, rows: np.ndarray, penalty: float = 0.1, rank: int | None = None) -> Any:
        """The closed form, from the codes of every column of these rows, one after the other."""
        y, row_y = self.targets[name], self.codes[name][1]

        def pairs() -> Any:
            for code, row in self.codes.values():
                entry, place = entries_of(row_y, row)  # for each entry of a column, those of the target in its row
                wanted = np.isin(row[place], rows)
                yield np.asarray(code.mean)[place[wanted]], y[entry[wanted]]

        return solve_ridge(pairs(), penalty, rank)

    def bilinear(self, name: str, rows: np.ndarray, recipe: Bilinear) -> Any:
        """The closed form of a content in a style; a note says its error on combinations left out.

        Raises:
            TableError: no row that has what it takes.
        """
        y, row = self.targets[name], self.codes[name][1]
        names = [port.name for port in self.space.ports]
        contents, styles = (self._fused(some, rows) for some in (
            [one for one in names if one != name and one not in recipe.styles], list(recipe.styles)
        ))  # fmt: skip
        both, at, there = np.intersect1d(contents[1], styles[1], return_indices=True)
        entry, place = entries_of(row, both)
        known = np.isfinite(y[entry]).all(1)
        entry, place = entry[known], place[known]
        if len(entry) < 2:
            needed = f"{', '.join(recipe.styles)} and what else it is made of"
            raise TableError(f"column {name!r}: given {len(entry)} rows with it, {needed}; expected at least two")
        z, t = contents[0][at[place]], styles[0][there[place]]
        decoder = solve_bilinear(z, t, y[entry], recipe.styles, recipe.of, recipe.penalty)
        left = 100 * decoder.error**2
        self.space.notes.append(Note("bilinear", column=name, by=", ".join(recipe.styles), left=left, rows=len(entry)))
        return decoder

    def memory(self, name: str, rows: np.ndarray, held: np.ndarray, seed: int) -> Hopfield | None:
        """Where codes that a column is made of settle: at those of these rows, by the τ that costs held-out rows least.

        `None` of decoders that see more than one code.
        """
        port = self.space.port(name)
        codes, there = self.cross(name, rows)
        if len(there) == 0 or hasattr(port.decoder, "by"):
            return None
        some = held[:: max(1, -(-len(held) // SETTLED))]
        known = {tau: Hopfield.of(codes, tau, seed) for tau in TEMPERATURES}
        costs = {tau: self.score(name, port.decoder, some, seed, settle=one) for tau, one in known.items()}
        found = {tau: cost for tau, cost in costs.items() if cost is not None}
        return known[min(found, key=lambda tau: found[tau])] if found else Hopfield.of(codes, 0.05, seed)

    def train(
        self,
        decoders: Mapping[str, Any],
        recipes: Mapping[str, Recipe],
        rows: np.ndarray,
        training: Any,
        seed: int,
        out: Run | None,
        progress: Progress | None,
        watchers: Sequence[Best] = (),
    ) -> None:
        """Move the decoders, by the rows alone."""
        from kuamo.threads import one_torch_thread
        from kuamo.training import Training, train

        ports, sources = [], {}
        gaussian = any(code.gaussian for code, _ in self.codes.values())
        for port in self.space.ports:
            code, row = self.codes[port.name]
            entry, place = entries_of(row, rows)
            x = np.concatenate([np.asarray(part)[entry] for part in (code.mean, code.logvar) if part is not None], 1)
            y = self.targets[port.name][entry] if port.name in decoders else None
            sources[port.name] = FeatureSource(x, place, len(rows), y)
            head = Known(self.space.dim, gaussian, port)
            ports.append(Port(port.name, port.modality, Identity(), head, decoder=decoders.get(port.name)))
            if y is not None:
                codes = self.cross(port.name, rows, own=True)[0]
                standardise(decoders[port.name], y, codes, own_units=has_own_units(port))
                if hasattr(decoders[port.name], "start_from"):
                    decoders[port.name].start_from(self.ridge(port.name, rows))
        beside = Space(ports, self.space.score, self.space.fusion)
        objective: Any = None
        for name in decoders:
            term = recipes[name].objective(name)
            objective = term if objective is None else objective + term
            if term.aligns == "distributions":
                self.space.notes.append(Note("made_unpaired", column=name, what=type(recipes[name]).__name__))
        training = training or Training(steps=training_steps(len(rows)))

        def watch(done: int, averaged: Callable[[], Any]) -> None:
            for watcher in watchers:
                watcher(done, training.steps, averaged)

        with one_torch_thread():
            log = train(beside, sources, objective, training, seed=seed, out=out, progress=progress, watch=watch)
        done = int(log.get("stopped", training.steps))
        key = "decoders_trained" if done == training.steps else "decoders_stopped"
        self.space.notes.append(Note(key, columns=", ".join(decoders), steps=done, given=training.steps))

    def cross(self, name: str, rows: np.ndarray, own: bool = False) -> tuple[np.ndarray, np.ndarray]:
        """Joint codes (n, d) of rows from all but the column `name`, and which rows (n,) they are of.

        Args:
            own: also the codes of the column itself, of the same rows, after them.
        """
        others = [port.name for port in self.space.ports if port.name != name]
        codes, there = self._fused(others, rows)
        if not own:
            return codes, there
        itself, mine = self._fused([name], rows)
        return np.concatenate([codes, itself]), np.concatenate([there, mine])

    def retrieval(self, name: str, rows: np.ndarray) -> tuple[TextList, Retrieval]:
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
        decoder = Retrieval(self.space.comparable((mean / count).astype(np.float32)))
        some = np.unique(np.linspace(0, len(entry) - 1, min(len(entry), KNOWN)).astype(int))
        number = dict(zip(row[entry[some]].tolist(), where[some].tolist(), strict=True))
        z, there = self.cross(name, np.array(sorted(number), dtype=np.int64))
        if len(there):
            decoder = decoder.fitted(z, np.array([number[r] for r in there.tolist()]))
        return TextList(known), decoder

    def score(
        self,
        name: str,
        decoder: Any,
        rows: np.ndarray,
        seed: int,
        codec: Any = None,
        settle: Callable[[np.ndarray], np.ndarray] | None = None,
    ) -> float | None:
        """How far what is made of these rows' other columns is from what is there, less is better: the energy score, or
        of texts 1 − their overlap in words; `None` if no row has both.

        Args:
            codec: of what this decoder makes; the column's, if not given. settle: what codes become before.
        """
        codes, there = self.cross(name, rows)
        codes = codes if settle is None or len(there) == 0 else settle(codes)
        entry, place = entries_of(self.codes[name][1], there)
        if len(entry) == 0:
            return None
        y, own = self.targets[name][entry], self.codecs[name]
        if not isinstance(own, TextList | TextTokens):
            unit = scale_of(self.targets[name]) if has_own_units(self.space.port(name)) else None
            return energy(decoder, codes[place], y, seed, unit)
        from kuamo.generation import decode

        made = (codec or self.space.port(name).codec).decode(decode(decoder, codes[place], seed))
        return 1 - float(text_overlap(made, own.decode(y)).mean())

    def unusable(self, name: str, decoder: Any, rows: np.ndarray, seed: int, what: str) -> Note | None:
        """That what is made as it comes is not what one would want to look at, if so: further from any real cell than
        real cells are from each other, or hardly nearer to the row's own than to another's. `None` of texts."""
        codes, there = self.cross(name, rows)
        entry, place = entries_of(self.codes[name][1], there)
        if isinstance(self.codecs[name], TextList | TextTokens) or len(entry) < FEW:
            return None
        unit = scale_of(self.targets[name]) if has_own_units(self.space.port(name)) else 1.0
        real = self.targets[name][entry] / unit
        from kuamo.generation import decode

        made = decode(decoder, codes[place], seed) / unit
        off, right = strangeness(made, real)
        if off <= STRANGE and right >= TOLD:
            return None
        return Note("made_unusable", column=name, what=what, off=off, right=100 * right, rows=len(entry))

    def shown(self, name: str, decoder: Any, rows: np.ndarray, seed: int) -> tuple[list[Any], list[list[Any]]]:
        """Some rows' own cells, as their codec has them, and four draws of each from the other columns."""
        from kuamo.generation import decode

        codes, there = self.cross(name, rows)
        entry, place = entries_of(self.codes[name][1], there)
        first = np.unique(place, return_index=True)[1][:SHOWN]
        y, z = self.targets[name][entry[first]], np.repeat(codes[place[first]], DRAWS, axis=0)
        port = self.space.port(name)
        real, drawn = (list(decode_cells(port, one)) for one in (y, decode(decoder, z, seed)))
        return real, [drawn[at : at + DRAWS] for at in range(0, len(drawn), DRAWS)]

    def _fused(self, names: list[str], rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        places = [port.name for port in self.space.ports]  # a fusion may know columns by their place
        mean = np.zeros((len(rows), len(places), self.space.dim), np.float32)
        logvar = np.zeros_like(mean) if any(self.codes[name][0].gaussian for name in names) else None
        present = np.zeros(mean.shape[:2], dtype=bool)
        for name in names:
            (code, row), number = self.codes[name], places.index(name)
            entry, place = entries_of(row, rows)
            present[place, number] = True
            mean[place, number] = np.asarray(code.mean)[entry]
            if logvar is not None:
                logvar[place, number] = np.asarray(code.logvar)[entry]
        there = present.any(1)
        if not there.any():
            return np.zeros((0, self.space.dim), np.float32), rows[:0]
        spread = None if logvar is None else logvar[there]
        return np.asarray(fuse_present(self.space.fusion, mean[there], spread, present[there])[0]), rows[there]


class Known:
    """The head of cells that are codes already: x (n, d) or (n, 2d) → Code.

    Args:
        dim, gaussian: of the codes. port: whose codes they are; its head says which code something made would have.
    """

    def __init__(self, dim: int, gaussian: bool, port: Port) -> None:
        self.dim, self.gaussian, self.port = dim, gaussian, port

    def __call__(self, x: Any) -> Code:
        """Means, and log-variances behind them."""
        return Code(*x.split(self.dim, -1)) if self.gaussian else Code(x)

    @cached_property
    def again(self) -> Callable[[Any], Code]:
        """y (n, L) → Code, with a gradient: the way back of what is made.

        Raises:
            KuamoError: y is a codec's numbers, and values stand between them and the code; a head without a gradient.
        """
        from kuamo.heads import differentiable

        name, codec = self.port.name, self.port.codec
        if codec is not None:
            raise KuamoError(
                f"column {name!r}: given the codec {type(codec).__name__}, and no gradient passes from what it makes "
                f"to a code; expected codecs={{{name!r}: None}}, so that features are made, or cycle=0"
            )
        try:
            return differentiable(self.port.head)
        except KuamoError as error:
            raise KuamoError(f"column {name!r}: {error}, or cycle=0") from None


def energy(decoder: Any, z: np.ndarray, y: np.ndarray, seed: int = 0, unit: np.ndarray | None = None) -> float:
    """The energy score E‖ŷ − y‖ − ½ E‖ŷ − ŷ′‖, ŷ and ŷ′ two draws of p(y | z); less is better, and least if p is right.

    Of a decoder that gives one point it is the mean distance.

    Args:
        z: (n, d). y: (n, L). unit: (L,) in which distances are taken, where each axis has a unit of its own.

    References:
        Strictly Proper Scoring Rules, Prediction, and Estimation, Gneiting and Raftery, 2007.

    Example:
        >>> from kuamo.closed_form import LinearMap
        >>> from kuamo.decoders.ridge import Ridge
        >>> float(energy(Ridge(LinearMap(np.zeros(1), np.eye(1))), np.ones((2, 1)), np.array([[1.0], [3.0]])))
        1.0
    """
    from kuamo.generation import decode, unguided

    one = 1.0 if unit is None else unit
    first, second = (decode(decoder, z, seed + k, **unguided(decoder)) / one for k in (0, 1))
    y = y / one
    near = 0.5 * (np.linalg.norm(first - y, axis=1) + np.linalg.norm(second - y, axis=1))
    return float((near - 0.5 * np.linalg.norm(first - second, axis=1)).mean())


def held_out(groups: np.ndarray, seed: int) -> np.ndarray:
    """Rows (h,) of a tenth of the groups, at most 500 rows; none of fewer than 20 groups.

    Example:
        >>> held_out(np.repeat(np.arange(20), 2), 0).size
        4
    """
    names = np.random.default_rng([seed, 7]).permutation(groups.max() + 1)
    if len(names) < 20:
        return np.zeros(0, dtype=np.int64)
    chosen = names[: round(HELD_OUT * len(names))]
    rows = np.flatnonzero(np.isin(groups, chosen))
    return rows if len(rows) <= MOST_HELD_OUT else np.flatnonzero(np.isin(groups, fewer(groups, chosen)))


def fewer(groups: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """The first of the chosen groups, as many as have at most 500 rows together; one at least."""
    sizes = np.cumsum(np.bincount(groups, minlength=groups.max() + 1)[chosen])
    return chosen[: max(1, int(np.searchsorted(sizes, MOST_HELD_OUT, "right")))]


def strangeness(made: np.ndarray, real: np.ndarray) -> tuple[float, float]:
    """How far from the nearest real cell what is made lies, against how far real ones lie; and in which share of pairs
    (made, another real cell) it is nearer to its own (.5 by chance).

    Args:
        made, real: (n, L), of the same rows.

    Example:
        >>> real = np.random.default_rng(0).normal(size=(50, 20))
        >>> strangeness(real, real)
        (0.0, 1.0)
    """
    squares = np.square(real).sum(1)
    away, apart = (
        np.sqrt(np.maximum(np.square(x).sum(1)[:, None] + squares - 2 * x @ real.T, 0)) for x in (made, real)
    )
    same = np.isclose(apart, 0, atol=1e-5 * max(float(apart.max()), 1e-30))  # the cell itself, and equal ones
    nearest = np.median(np.where(same, np.inf, apart).min(1))
    own = np.diag(away)[:, None]
    right = (own < away)[~same].mean() if (~same).any() else 1.0
    return float(np.median(away.min(1)) / nearest) if np.isfinite(nearest) else 0.0, float(right)


def has_own_units(port: Port) -> bool:
    """Is y what a user brought, feature by feature, rather than what a codec or a network makes, which has one unit?"""
    return port.codec is None and isinstance(port.modality, Vector | Number)


def scale_of(y: np.ndarray) -> np.ndarray:
    """The spread (L,) of each axis of y (n, L), 1 of one that is the same everywhere; an offset plays no part.

    Example:
        >>> scale_of(np.array([[1e6, 3.0, 0.0], [1e6 + 2, 3.0, 1e-6]])).tolist()
        [1.0, 1.0, 5e-07]
    """
    return 1 / spread_of(y).gain(1.0)


def standardise(decoder: Any, y: np.ndarray, codes: np.ndarray, own_units: bool = False) -> None:
    """Tell a decoder the mean of y and of codes, and their spread: of y one number for all where its axes are weighed
    already, and of codes one for each axis.

    Args:
        own_units: each axis of y has a unit of its own; then it has a spread of its own, too.
    """
    import torch

    std, mean = y.std(0, dtype=np.float64), y.mean(0, dtype=np.float64)
    unit = scale_of(y) if own_units else np.full(y.shape[1], max(float(np.sqrt(np.square(std).mean())), 1e-30))
    if hasattr(decoder, "standardise"):
        decoder.standardise(torch.from_numpy(mean.astype(np.float32)), torch.from_numpy((1 / unit).astype(np.float32)))
    if hasattr(decoder, "standardise_axes"):
        decoder.standardise_axes(torch.from_numpy(np.maximum(std / unit, 1e-3).astype(np.float32)))
    if hasattr(decoder, "standardise_codes"):
        std = codes.std(0)
        floor = 0.03 * max(float(np.sqrt((std**2).mean())), 1e-6)
        gain = (1 / np.maximum(std, floor)).astype(np.float32)
        decoder.standardise_codes(torch.from_numpy(codes.mean(0).astype(np.float32)), torch.from_numpy(gain))


def training_steps(rows: int) -> int:
    """How long a decoder learns: 60 passes over the rows in batches of 256, at least 1,000 steps and at most 3,000.

    Example:
        >>> training_steps(1300), training_steps(6000), training_steps(100_000)
        (1000, 1406, 3000)
    """
    return int(np.clip(60 * rows / 256, 1000, 3000))
