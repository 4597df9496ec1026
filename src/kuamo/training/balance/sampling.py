"""Sampling: rows that are like few others are drawn more often.

    w_i ∝ f_i^(−α),      f_i: how many rows have row i's subset of columns, its rarest column, or its class
    p_i = N w_i / Σ w,   at most one in each batch;   row i comes ⌊p_i⌋ or ⌈p_i⌉ times in an epoch of N draws

Which of the two follows from one number for each epoch, u_e = u_0 + e (√5 − 1)/2 mod 1: row i is drawn once for each
whole number in [c_{i−1} + u_e, c_i + u_e), c = Σ p (systematic sampling). The golden ratio spreads u_e so evenly that
nobody waits for long: a row with p_i is drawn at least once in every ⌈3/p_i⌉ epochs. α = 0 is no sampling, bit for bit.
Copies of a row stand far apart in their epoch, and a batch has none twice: a contrastive loss would take them for
negatives.

References:
    Monte Carlo Filter and Smoother for Non-Gaussian Nonlinear State Space Models, Kitagawa, 1996 (systematic sampling);
    Decoupling Representation and Classifier for Long-Tailed Recognition, Kang et al., 2020 (w ∝ f^(−α) over classes).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np

from kuamo.core.errors import KuamoError
from kuamo.core.validation import is_number
from kuamo.training.balance.learning_curves import held_rows
from kuamo.training.batch import batch_rows, epoch_order

__all__ = ["ClassBalanced", "CoverageBalanced", "class_shares", "drawing", "draws_of"]

GOLDEN = (5**0.5 - 1) / 2
Marks = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class CoverageBalanced:
    """Rows of rare subsets of the columns come more often; rows with nothing never.

    Args:
        power: α, 0 for as they are, 1 for every subset as often as any other.
        of: f_i counts the rows that have the same `"subset"` of the columns as row i, or the cells of its rarest
            `"column"`.

    Raises:
        KuamoError: a negative power, or another word.

    Example:
        >>> CoverageBalanced(1.0).frequency(np.array([[True, True], [True, False], [True, False]]))
        array([1., 2., 2.])
        >>> CoverageBalanced(1.0, of="column").frequency(np.array([[True, True], [True, False], [True, False]]))
        array([1., 3., 3.])
    """

    power: float = 0.5
    of: str = "subset"

    def __post_init__(self) -> None:
        check_power(self.power)
        if self.of not in ("subset", "column"):
            raise KuamoError(f"given of={self.of!r}; expected 'subset' or 'column'")

    def weights(self, sources: Mapping[str, Any], marks: Marks, rows: int) -> np.ndarray:
        """w (N,), not normalised. Args: see `drawing`."""
        present = np.zeros((rows, len(sources)), dtype=bool)
        for number, source in enumerate(sources.values()):
            present[source.row, number] = True
        return self.frequency(present) ** -self.power

    def frequency(self, present: np.ndarray) -> np.ndarray:
        """f (N,) of present (N, M); infinite where there is nothing."""
        if self.of == "subset":
            _, which, count = np.unique(present, axis=0, return_inverse=True, return_counts=True)
            frequency = count[which.ravel()].astype(float)
        else:
            frequency = np.where(present, present.sum(0), np.inf).min(axis=1, initial=np.inf)
        return np.where(present.any(axis=1), frequency, np.inf)


@dataclass(frozen=True)
class ClassBalanced:
    """Rows of rare classes come more often; rows without one count as a class of their own.

    Args:
        power: α, 0 for as they are, 1 for every class as often as any other.
        of: the name of a `Category()` column, or `"label"` or `"group"` of the table; if not given, the column that
            `Predict` predicts, where it is one, else the labels.

    Raises:
        KuamoError: a negative power; while training, no column of that name to take classes from, or none at all.

    Example:
        >>> ClassBalanced(1.0).weights({}, {"label": np.array([0, 0, 1])}, 3)
        array([0.5, 0.5, 1. ])
    """

    power: float = 0.5
    of: str | None = None

    def __post_init__(self) -> None:
        check_power(self.power)
        if self.of is not None and not isinstance(self.of, str):
            raise KuamoError(f"given of={self.of!r}; expected 'label', 'group', the name of a column, or None")

    def for_targets(self, predicted: Sequence[str]) -> ClassBalanced:
        """The same where `of` is not given, by the one column that is predicted, if it is one."""
        return replace(self, of=predicted[0]) if self.of is None and len(predicted) == 1 else self

    def weights(self, sources: Mapping[str, Any], marks: Marks, rows: int) -> np.ndarray:
        """w (N,), not normalised. Args: see `drawing`."""
        kind = self.classes(sources, marks, rows)
        _, which, count = np.unique(kind, return_inverse=True, return_counts=True)
        return count[which].astype(float) ** -self.power

    def classes(self, sources: Mapping[str, Any], marks: Marks, rows: int) -> np.ndarray:
        """(N,) a number for each row's class, −1 where there is none."""
        of = "label" if self.of is None else self.of
        classes = [name for name, one in sources.items() if one.frozen is not None and one_hot(one.frozen)]
        if of in classes:
            kind = np.full(rows, -1)
            kind[sources[of].row] = sources[of].frozen.argmax(axis=1)
            return kind
        if of in marks:
            return marks[of]
        missing = ", and no one column is predicted, nor are there labels" if self.of is None else ""
        raise KuamoError(f"given {self}" + missing + f"; expected of= one of {[*marks, *classes]}")


def check_power(power: float) -> None:
    """Refuse what is no α from 0."""
    if not is_number(power, 0):
        raise KuamoError(f"given power={power!r}; expected a number from 0")


def one_hot(features: np.ndarray) -> bool:
    """Are these indicators of classes?"""
    first = features[:1000]
    return bool(((first == 0) | (first == 1)).all() and (first.sum(axis=1) == 1).all())


# ── from weights to batches ──────────────────────────────────────────────────────────────────────────────────────


def class_shares(weights: np.ndarray, most: float) -> np.ndarray:
    """p (N,), Σ p = N, in proportion to the weights, but nowhere more than `most`.

    Example:
        >>> class_shares(np.array([1.0, 1.0, 6.0]), 2.0).tolist()
        [0.5, 0.5, 2.0]
    """
    count = len(weights)
    full = np.zeros(count, dtype=bool)
    while True:  # each turn fills at least one row more, or ends
        rest = weights[~full].sum()
        left = count - most * full.sum()
        p = np.where(full, most, weights * (left / rest if rest > 0 else 0.0))
        over = (p > most * (1 + 1e-12)) & ~full
        if not over.any():
            return p
        full |= over


def draws_of(
    sources: Mapping[str, Any],
    training: Any,
    seed: int,
    marks: Marks | None,
    predicted: Sequence[str] = (),
) -> tuple[Callable[[int], np.ndarray], np.ndarray | None]:
    """Step → the table rows of its batch; and rows, at most a batch, of what training does not see.

    Args:
        sources, seed, marks: see `drawing`. training: with `sampling` and `record`. predicted: columns that are.
    """
    rows, marks = next(iter(sources.values())).rows, marks or {}
    kept = held = None
    if training.learning_curves is not None and training.learning_curves.held:
        out = held_rows(rows, training.learning_curves.held, seed, marks.get("group"))
        kept, left = np.flatnonzero(~out), np.flatnonzero(out)
        if len(kept) == 0 or len(left) == 0:
            raise KuamoError(
                f"given {training.learning_curves} and {rows} rows; expected more groups to hold some out of"
            )
        held = np.sort(np.random.default_rng([seed, 12]).permutation(left)[: training.batch_size])
    sampling = (
        training.sampling.for_targets(predicted) if isinstance(training.sampling, ClassBalanced) else training.sampling
    )
    return drawing(sampling, sources, marks, rows, training.batch_size, seed, kept), held


def drawing(
    sampling: Any,
    sources: Mapping[str, Any],
    marks: Marks,
    rows: int,
    batch_size: int,
    seed: int,
    kept: np.ndarray | None = None,
) -> Callable[[int], np.ndarray]:
    """Step → the table rows of its batch (≤ B,): a pure function of (seed, step), the same in every process.

    Args:
        sampling: `CoverageBalanced`, `ClassBalanced`, or what has `weights(sources, marks, rows)`; `None`: each once.
        sources: column → what has `row` (n,), and `frozen` features or `None`. marks: see `kuamo.training.loop.train`.
        rows: N. kept: (K,) the rows to draw from, ascending; all if not given.
    """
    if sampling is None:
        if kept is None:
            return lambda step: batch_rows(rows, batch_size, seed, step)
        return lambda step: kept[batch_rows(len(kept), batch_size, seed, step)]
    weights = np.asarray(sampling.weights(sources, marks, rows), dtype=np.float64)
    if weights.shape != (rows,) or not np.isfinite(weights).all() or (weights < 0).any() or not weights.any():
        raise KuamoError(f"given weights {weights.shape} by {sampling}; expected {rows} numbers from 0, not all 0")
    some = np.arange(rows) if kept is None else kept
    weights = weights[some]
    per_epoch = -(-len(some) // batch_size)
    ceiling = max(float(per_epoch), len(some) / max(int((weights > 0).sum()), 1))
    share = class_shares(weights, ceiling)

    @lru_cache(maxsize=2)
    def order(epoch: int) -> np.ndarray:
        return order_of_shares(share, seed, epoch)

    def draw(step: int) -> np.ndarray:
        epoch, part = divmod(step, per_epoch)
        batch = order(epoch)[part * batch_size : (part + 1) * batch_size]
        first = np.sort(np.unique(batch, return_index=True)[1])
        return some[batch[first]]

    return draw


def order_of_shares(share: np.ndarray, seed: int, epoch: int) -> np.ndarray:
    """An epoch's rows (N,), row i ⌊p_i⌋ or ⌈p_i⌉ times, copies far apart.

    Example:
        >>> sorted(order_of_shares(np.array([0.5, 1.5, 1.0]), 0, 0).tolist()) in ([0, 1, 2], [1, 1, 2])
        True
    """
    start = np.random.default_rng([seed, 0]).random()
    up_to = np.concatenate([[0.0], np.cumsum(share)])
    up_to *= len(share) / up_to[-1]  # the sum of rounded numbers, else the last row may come once too often
    times = np.diff(np.ceil(up_to - (start + epoch * GOLDEN) % 1.0 - 1e-9)).astype(np.int64)
    permutation = epoch_order(len(share), seed, epoch)
    row = np.repeat(permutation, times[permutation])  # in the permutation's order, so that one of each is just that
    copies = times[row]
    first = np.concatenate([[0], np.cumsum(times[permutation])[:-1]])
    number = np.arange(len(row)) - np.repeat(first, times[permutation])
    place = np.repeat(np.arange(len(share)), times[permutation]) / len(share)
    return row[np.argsort((number + place) / copies, kind="stable")]
