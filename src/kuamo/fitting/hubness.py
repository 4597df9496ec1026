"""Choose for each asking column whether its queries are corrected for hubness, and how sharply, on held-out rows.

    β = f / (standard deviation of the scores of the bank),   f = ¼ … 2 in steps of √2

f is what gives the best mean reciprocal rank in the folds of the closed form, whose banks are rows outside the fold. A
column is corrected if its queries gain more than the standard error of their gain.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import Any

import numpy as np

from kuamo.closed_form.cca_search import HeldCodes, reciprocal_ranks, spread
from kuamo.closed_form.hubness import hubness
from kuamo.core.memo import load_choice, store_choice
from kuamo.core.messages import Note
from kuamo.core.profiling import loops_are_short
from kuamo.embedding.embedding import Embedding
from kuamo.embedding.hubness import HubnessCorrection
from kuamo.objectives.solution import Solution
from kuamo.space import Space

__all__ = ["FACTORS", "HubnessGain", "correct_hubness", "hubness_gains"]

FACTORS = tuple(2.0 ** (power / 2) for power in range(-4, 3))  # ¼ to 2
GALLERY = 1000  # held-out rows of a fold that are ranked
FEWEST = 20  # held-out queries, below which a standard error says little


@dataclass(frozen=True)
class HubnessGain:
    """What a column's queries gained on held-out rows.

    Args:
        factor: f of the best. before, after: mean reciprocal rank without and with it. error: standard error of the
            gain. queries: how many there were.
    """

    factor: float
    before: float
    after: float
    error: float
    queries: int

    @property
    def gains(self) -> bool:
        """Is the gain beyond its error?"""
        return self.queries >= FEWEST and self.after - self.before > self.error


def correct_hubness(space: Space, solved: Solution, labels: np.ndarray | None, codes: Mapping[str, Embedding]) -> None:
    """Give the columns that gain by it their correction, and say so.

    Args:
        solved: the closed form, whose folds show it. labels: (N,) rows of one are right answers for each other; `None`:
            each row its own. codes: of the columns' entries.
    """
    assert solved.onward is not None
    key = solved.onward.key + "-hubness"
    gains = known_gains(load_choice(key)) or hubness_gains(solved.onward.held(), labels)
    if not loops_are_short():
        store_choice(key, {name: vars(one) for name, one in gains.items()})
    kept = {name: one for name, one in gains.items() if one.gains}
    if not kept:
        return
    normalized = {name: space.normalized(np.asarray(code)) for name, code in codes.items()}
    for name, gain in kept.items():
        bank = normalized[name][spread(len(normalized[name]))]
        size = score_size(
            bank, [answers[spread(len(answers))] for other, answers in normalized.items() if other != name]
        )
        space.port(name).hubness = HubnessCorrection(gain.factor / size, bank.astype(np.float32))
    for name, gain in kept.items():
        space.notes.append(
            Note("hubness", column=name, before=gain.before, after=gain.after, error=gain.error, count=gain.queries)
        )


def known_gains(found: Any) -> dict[str, HubnessGain] | None:
    """What was found before on the same data, if it can be read."""
    try:
        return {name: HubnessGain(**one) for name, one in found.items()}
    except (AttributeError, TypeError):
        return None


def hubness_gains(held: Sequence[HeldCodes], labels: np.ndarray | None) -> dict[str, HubnessGain]:
    """What each column's queries gain in these folds, by the best factor."""
    ranks: dict[str, list[np.ndarray]] = {}
    for fold in held:
        sizes = {
            name: score_size(bank, [answers for other, (answers, _) in fold.codes.items() if other != name])
            for name, bank in fold.bank.items()
        }
        for a, b in permutations(fold.codes, 2):
            (u, row_u), (v, row_v) = fold.codes[a], fold.codes[b]
            rows = np.intersect1d(row_u, row_v)
            rows = rows[spread(len(rows), GALLERY)]
            if len(rows) < 2:
                continue
            u, v = u[np.searchsorted(row_u, rows)], v[np.searchsorted(row_v, rows)]
            same = None if labels is None else labels[rows][:, None] == labels[rows]
            scores, bank = u @ v.T, fold.bank[a] @ v.T
            hubs = [np.zeros(len(rows)), *(hubness(bank, factor / sizes[a]) for factor in FACTORS)]
            ranks.setdefault(a, []).append(np.stack([reciprocal_ranks(scores - hub, same)[0] for hub in hubs]))
    return {name: best_of(np.concatenate(found, axis=1)) for name, found in ranks.items()}


def best_of(ranks: np.ndarray) -> HubnessGain:
    """Of reciprocal ranks (1 + F, q), without and with each factor, the best factor's gain."""
    mean, count = ranks.mean(1), ranks.shape[1]
    best = 1 + int(mean[1:].argmax())
    error = (ranks[best] - ranks[0]).std(ddof=1) / np.sqrt(count)
    return HubnessGain(FACTORS[best - 1], float(mean[0]), float(mean[best]), float(error), count)


def score_size(bank: np.ndarray, answers: Sequence[np.ndarray]) -> float:
    """The standard deviation of the scores between a bank and answers of several columns, each weighing the same."""
    spreads = [float((bank @ one.T).var()) for one in answers if len(one)]
    return max(float(np.sqrt(np.mean(spreads))), 1e-12) if spreads else 1.0
