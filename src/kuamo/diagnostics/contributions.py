"""Contribution: what each column adds to predicting another, by Shapley values over the subsets of columns.

    φ_m = Σ_{S ∌ m} |S|! (M − |S| − 1)! / M!  (v(S ∪ m) − v(S)),        Σ_m φ_m = v(all) − v(∅)

v(S) is how well the target is predicted from the columns S of held-out rows: a class (accuracy, or the mean over
classes), a number (R²), or by search (mean reciprocal rank, R@k). It is a mean over rows of v_i(S ∩ A_i), A_i what row
i has, and v_i(∅) is chance: the commonest class, the mean, a random order. So φ is a mean of rows' own φ_i, in which a
column that is absent adds exactly nothing: φ_m = (share of rows that have it) · (its mean where it is there).

Each column is encoded once; a subset costs a fusion. Exact up to 8 columns; beyond that over random orders of the
columns, each with its reverse (Σ_m φ_m still holds), with standard errors.

References:
    A Value for n-Person Games, Shapley, 1953; Polynomial Calculation of the Shapley Value Based on Sampling, Castro,
    Gómez and Tejada, 2009; Sampling Permutations for Shapley Value Estimation, Mitchell et al., 2022 (antithetic).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from kuamo.core.errors import TableError, did_you_mean, visible
from kuamo.core.messages import note_to_dict
from kuamo.core.text_table import format_table
from kuamo.core.translation import localized, say
from kuamo.core.validation import check_int, check_type
from kuamo.data.modalities import Category, Number
from kuamo.data.table import Table, as_table
from kuamo.data.targets import as_model_input
from kuamo.embedding.parts import RowCodes
from kuamo.embedding.provenance import leakage_notes
from kuamo.embedding.space import BLOCK_ROWS, fuse_codes
from kuamo.evaluation.retrieval import relevance_keys
from kuamo.generation.codecs.base import decode_cells
from kuamo.generation.translation import decode, decoder_input, decoder_of
from kuamo.metrics import Interval, bootstrap, per_query, rank_queries
from kuamo.metrics.shapley import shapley
from kuamo.space import Space

__all__ = ["Contributions", "contributions"]


@dataclass(frozen=True, eq=False)
class Contributions:
    """What each of M columns adds to predicting a target.

    Args:
        to: the target. measure: what v is. columns: M names.
        phi: column → φ_m, with a 95 % interval by resampling groups. alone: column → v(m). without: column → v of all
            the others. error: column → standard error of φ_m by sampling orders; 0 where it is exact.
        present: column → the share of rows that have it. whole: v(all). chance: v(∅).
        notes: such as that the rows were used for training.
    """

    to: str
    measure: str
    columns: list[str]
    phi: dict[str, Interval]
    alone: dict[str, Interval]
    without: dict[str, Interval]
    error: dict[str, float]
    present: dict[str, float]
    whole: Interval
    chance: float
    notes: list[str] = field(default_factory=list)

    def where_present(self, column: str) -> float:
        """φ_m in the rows that have the column; 0 if none has."""
        share = self.present[column]
        return self.phi[column].value / share if share else 0.0

    def shares(self) -> dict[str, float]:
        """Column → φ_m / Σ φ: may be negative, or not a number where nothing is predicted at all."""
        total = sum(one.value for one in self.phi.values())
        return {name: one.value / total if total else float("nan") for name, one in self.phi.items()}

    def __str__(self) -> str:
        grid = [["", "φ", *map(say, ("of rows that have it", "rows", "alone", "all without it"))]]
        for name in self.columns:
            phi = self.phi[name]
            said = f"{phi.value:.3f} [{phi.low:.3f}–{phi.high:.3f}]"
            rest = (self.where_present(name), self.alone[name].value, self.without[name].value)
            there, alone, without = (f"{value:.3f}" for value in rest)
            grid.append([name, said, there, f"{self.present[name]:.0%}", alone, without])
        head = "{measure} of {to}: {value:.3f}, chance {chance:.3f}, {rows:,} rows"
        value, rows = self.whole.value, self.whole.n
        said = say(head, measure=self.measure, to=self.to, value=value, chance=self.chance, rows=rows)
        return visible("\n".join([said, *format_table(grid), *map(localized, self.notes)]))

    def as_dict(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self) | {"notes": note_to_dict(self.notes)}


def contributions(
    space: Space,
    table: Table,
    to: str,
    *,
    columns: Sequence[str] | None = None,
    measure: str | None = None,
    positives: str = "row",
    complete: bool = False,
    most: int | None = None,
    orders: int = 64,
    seed: int = 0,
    progress: Callable[[str, int, int], None] | None = None,
) -> Contributions:
    """Shapley values of the columns for predicting another.

    Args:
        space: fitted. table: rows that it has not seen; `notes` says so if some were used for training.
        to: the target: a `Category()` or `Number()` is predicted, any other column is searched for.
        columns: the inputs; all others if not given.
        measure: `"accuracy"` (of classes, the default) or `"balanced accuracy"`; `"R2"` of numbers; `"MRR"` (the
            default) or `"R@k"` of a search.
        positives: of a search, see `evaluate`. complete: only rows that have every column?
        most: so many rows at most, whole groups drawn at random: a search is among these alone; all if not given.
        orders: how many orders of more than 8 columns are drawn. seed: of these, of rows, and of the intervals.
        progress: called with (what, subsets done, of).

    Raises:
        TableError: an unknown column or measure, no column besides the target, or no row to ask for.

    Example:
        >>> import kuamo as km
        >>> train, test = km.datasets.toy(200, modalities=("a", "b", "c"), seed=0).split(test=50, seed=0)
        >>> found = contributions(km.fit(train, km.CCA(dim=8)), test, "c")
        >>> abs(sum(one.value for one in found.phi.values()) - found.whole.value + found.chance) < 1e-9
        True
    """
    check_type(Space, "a Space", space=space)
    table = as_table(table, space.modalities)
    check_int(seed=seed)
    check_int(1, orders=orders, most=len(table) if most is None else most)
    if to in space.modalities and to not in table.columns:  # a reader keeps it as the label, or as meta
        table = as_model_input(table, space.modalities)
    names = [port.name for port in space.ports if port.name in table.columns and port.name != to]
    unknown = [name for name in columns or () if name not in names]
    if unknown or not names or to not in table.columns:
        raise TableError(f"given to={to!r} and columns {columns}; the space and the table share {[*names, to]}")
    names = [name for name in names if columns is None or name in columns]
    table = table if most is None else sampled_groups(table, most, seed)
    game = ValueFunction.of(space, table, to, names, measure, positives, complete, seed)
    phi, error = shapley(game, len(names), len(game.chance), orders, seed, progress)

    def interval(values: np.ndarray) -> Interval:
        return bootstrap(values, groups=game.groups, seed=seed)

    def some(*which: int) -> np.ndarray:
        return np.isin(np.arange(len(names)), which)

    numbers = range(len(names))
    return Contributions(
        to,
        game.measure,
        names,
        {names[m]: interval(phi[:, m]) for m in numbers},
        {names[m]: interval(game(some(m))) for m in numbers},
        {names[m]: interval(game(~some(m))) for m in numbers},
        {names[m]: float(error[m]) for m in numbers},
        {names[m]: float(game.present[:, game.at[m]].mean()) for m in numbers},
        interval(game(some(*numbers))),
        float(game.chance.mean()),
        list(leakage_notes(space, table)),
    )


def sampled_groups(table: Table, most: int, seed: int) -> Table:
    """At most so many rows, whole groups of them; at least one group."""
    _, group, size = np.unique(np.asarray(table.groups), return_inverse=True, return_counts=True)
    if len(table) <= most:
        return table
    order = np.random.default_rng(seed).permutation(len(size))
    count = max(int(np.searchsorted(np.cumsum(size[order]), most, "right")), 1)
    return table.take(np.flatnonzero(np.isin(group, order[:count])))


# ── what a subset is worth ───────────────────────────────────────────────────────────────────────────────────────


@dataclass(eq=False)
class ValueFunction:
    """v_i(S): how well each row is predicted from some columns.

    Args:
        space, to, measure: as for `contributions`. codes: (N, M', d) of all of the space's
            columns. at: (M,) which of these are players. groups: (N,) of the rows. chance: (N,) v_i(∅).
        gain: what N rows' codes, and which of them have any, are worth (N,).
    """

    space: Space
    to: str
    measure: str
    codes: RowCodes
    at: np.ndarray
    groups: list[str]
    chance: np.ndarray
    gain: Callable[[np.ndarray, np.ndarray], np.ndarray]

    @classmethod
    def of(
        cls,
        space: Space,
        table: Table,
        to: str,
        names: Sequence[str],
        measure: str | None,
        positives: str,
        complete: bool,
        seed: int,
    ) -> ValueFunction:
        """The game of a table's rows that have the target."""
        at = np.array([number for number, port in enumerate(space.ports) if port.name in names])
        there = table.select(*names, to).present()
        rows = np.flatnonzero(there[:, -1] & (there[:, :-1].all(1) if complete else there[:, :-1].any(1)))
        kind = space.port(to).modality
        if len(rows) < 2:
            raise TableError(f"given {len(rows)} rows with {to!r} and {list(names)}; expected at least two")
        if isinstance(kind, Category | Number):
            name, chance, gain = prediction_scorer(space, table.take(rows), to, measure)
        else:
            rows, name, chance, gain = retrieval_scorer(space, table, to, rows, measure, positives)
        some = table.take(rows)
        codes = space.encode_columns(some.select(*names))
        return cls(space, to, name, codes, at, list(some.groups), chance, gain)

    @property
    def present(self) -> np.ndarray:
        """(N, M') what is there."""
        return self.codes.present

    def __call__(self, who: np.ndarray) -> np.ndarray:
        """v_i(S ∩ A_i) (N,) of the players (M,) bool."""
        present = np.zeros_like(self.present)
        present[:, self.at[who]] = self.present[:, self.at[who]]
        port, codes, there = self.space.port(self.to), [], []
        predicts = isinstance(port.modality, Category | Number)
        for start in range(0, len(present), BLOCK_ROWS):
            part = slice(start, start + BLOCK_ROWS)
            some = self.codes[part].given(present[part])
            if predicts:
                code = decoder_input(self.space, port, some)
            else:
                code = fuse_codes(self.space.fusion, some, self.to)[0]
            codes.append(np.asarray(code) if predicts else self.space.as_queries(code, code.columns))
            there.append(np.asarray(code.present))
        known = np.concatenate(there)
        out = self.chance.copy()
        if known.any():
            out[known] = self.gain(np.concatenate(codes)[known], known)
        return out


Scorer = tuple[str, np.ndarray, Callable[[np.ndarray, np.ndarray], np.ndarray]]


def prediction_scorer(space: Space, rows: Table, to: str, measure: str | None) -> Scorer:
    """The measure, chance (N,) and gain of predicting classes or numbers."""
    port, decoder = space.port(to), decoder_of(space, to)
    classes = isinstance(port.modality, Category)
    known = ("accuracy", "balanced accuracy") if classes else ("R2",)
    measure = check(measure, known)
    column = rows.column(to)
    values = list(rows.values(to, np.unique(column.row, return_index=True)[1]))
    truth = np.array([str(value) for value in values] if classes else [float(value) for value in values])

    def predicted(code: np.ndarray) -> np.ndarray:
        parts = [decode(decoder, code[i : i + BLOCK_ROWS]) for i in range(0, len(code), BLOCK_ROWS)]
        y = np.concatenate(parts)
        return np.array(port.codec.decode(y) if port.codec is not None else decode_cells(port, y)[:, 0])

    if not classes:
        spread = max(float(np.square(truth - truth.mean()).mean()), 1e-300)

        def near(values: np.ndarray, y: np.ndarray) -> np.ndarray:
            return 1 - np.square(y - values) / spread

        return measure, near(np.full(len(truth), truth.mean()), truth), lambda z, at: near(predicted(z), truth[at])
    names, which, count = np.unique(truth, return_inverse=True, return_counts=True)
    weight = np.ones(len(truth)) if measure == "accuracy" else len(truth) / (len(names) * count[which])
    chance = weight * (which == count.argmax())
    return measure, chance, lambda z, at: weight[at] * (predicted(z) == truth[at])


def retrieval_scorer(
    space: Space, table: Table, to: str, rows: np.ndarray, measure_name: str | None, positives: str
) -> tuple[np.ndarray, str, np.ndarray, Callable[[np.ndarray, np.ndarray], np.ndarray]]:
    """The rows that can be judged, the measure, chance (N,) and gain of a search among all cells of the target."""
    measure_name = "MRR" if measure_name is None else str(measure_name)
    name, _, k = measure_name.partition("@")
    if measure_name != "MRR" and not (name == "R" and k.isdigit() and int(k) > 0):
        check(measure_name, ("MRR", "R@1", "R@10"))
    key, judged = relevance_keys(table, positives)
    code, row = space.encode_column(table, to)
    gallery, answers = space.as_answers(code)[judged[row]], key[row[judged[row]]]
    rows = rows[judged[rows]]
    if len(rows) < 2:
        raise TableError(f"given {len(rows)} rows that can be judged by positives={positives!r}; expected at least two")
    wanted = key[rows]
    sizes, count = np.unique(answers, return_counts=True)
    right = count[np.searchsorted(sizes, wanted)]
    by_count = {p: chance_recall_of(measure_name, int(p), len(gallery)) for p in np.unique(right)}

    def gain(z: np.ndarray, at: np.ndarray) -> np.ndarray:
        values, _ = rank_queries(z, gallery, wanted[at], answers)
        return per_query(measure_name, values)

    return rows, measure_name, np.array([by_count[p] for p in right]), gain


def chance_recall_of(measure: str, right: int, answers: int) -> float:
    """The mean reciprocal rank, or R@k, of a random order of m answers of which p are right.

    P(r_1 > r) = C(m − p, r) / C(m, r),     R@k = 1 − P(r_1 > k),     MRR = Σ_r P(r_1 = r) / r

    Example:
        >>> chance_recall_of("MRR", 1, 2), chance_recall_of("R@1", 1, 4)
        (0.75, 0.25)
    """
    rank = np.arange(1, answers + 1)
    later = np.cumprod(np.maximum(answers - right - rank + 1, 0) / (answers - rank + 1))  # P(r_1 > r)
    if measure != "MRR":
        return float(1 - later[min(int(measure[2:]), answers) - 1])
    return float((-np.diff(np.concatenate([[1.0], later])) / rank).sum())


def check(measure: str | None, known: Sequence[str]) -> str:
    """The first, where none is given."""
    if measure is not None and measure not in known:
        raise TableError(f"given measure={measure!r}{did_you_mean(measure, known)}; expected one of {sorted(known)}")
    return measure or known[0]
