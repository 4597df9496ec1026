"""Stacking: how far each of two experts is to be believed, by rows that neither has learned.

    (α_n, β_n) = argmin  Σ_held ℓ(y, α f_S + β j_S) + τ/2 ‖log(α, β) − log(α_0, β_0)‖²,       S at random, n = |S|

for each number n of columns. (α_0, β_0) is what all n say together, in the same way, from (¼, ¾): few rows move them
little, and j, which is convex and whose ridge was chosen, then counts for more than f. For classes this is temperature
too.

What f tells goes on growing while the last part is learned, most where columns interact and it was late to see how. So
a part of these rows is kept back to the end, and by them α and β are solved once more, from where they are: of the sign
of a product, of 400 rows, confidence was else .17 below what was right.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kuamo.closed_form.logistic import log_softmax, minimise
from kuamo.core.types import Matrix
from kuamo.objectives.prediction.decoder import USUAL

if TYPE_CHECKING:
    from kuamo.data.table import Table
    from kuamo.embedding.space import EmbeddingSpace
    from kuamo.objectives.prediction.settings import PredictSettings

__all__ = ["ExpertOutputs", "fit_scales", "fit_stacking"]

ROWS = 2000  # held-out rows are looked at, at most
FEWEST = 4
FIRM, FIRMER = 4.0, 16.0  # τ of what all n say, and of each n
LIGHT, LIGHTER = 2.0, 4.0  # the same in the end, from where they are


class ExpertOutputs(NamedTuple):
    """What experts tell, (E, n, K) logits or a number in standard units, of y (n, K); weights (n,) of the rows; of
    which codes (n, M, d), and what of them was given (n, M)."""

    told: Matrix
    y: Matrix
    weights: Matrix
    codes: np.ndarray = np.zeros((0, 0, 0), np.float32)
    given: np.ndarray = np.zeros((0, 0), bool)


def fit_stacking(
    space: EmbeddingSpace,
    table: Table,
    cells: Mapping[str, tuple[np.ndarray, np.ndarray]],
    to: str,
    held: NDArray[np.int64],
    of: PredictSettings,
    again: bool = False,
) -> None:
    """Set α and β of the target's decoder, and of the fusion for more than one column; too few rows leave them.

    Args:
        of: whose classes may be balanced, and rows weighted. again: go on from what they are.
        space: as it is by now. table, cells: what it is trained by. to: the target. held: rows that did not teach.
    """
    import torch

    y, row = cells[to]
    entry = np.flatnonzero(np.isin(row, held))
    entry = entry[np.unique(row[entry], return_index=True)[1]][:ROWS]
    if len(entry) < FEWEST:
        return
    decoder: Any = space.port(to).decoder
    rows = table.take(row[entry]).select(*(name for name in table.columns if name != to))
    with at_rest(space), torch.inference_mode():
        units = decoder.units(torch.from_numpy(y[entry])).numpy().astype(np.float64)
        weights = of.of_rows(row[entry])
        if of.balanced and units.shape[1] > 1:
            weights = weights * (units / units.sum(0).clip(min=1)).sum(1)
        found = heard(space, decoder, rows, units, weights)
    if not found:
        return
    if again:
        now = (decoder.sure + space.fusion.belief).double().numpy()[: len(found)]
        scaled = [one._replace(told=np.exp(at)[:, None, None] * one.told) for one, at in zip(found, now, strict=True)]
        each = list(now + believed(scaled, np.zeros(now.shape[1]), LIGHT, LIGHTER))
    else:
        each = believed(found, np.log(USUAL if decoder.joint else (1.0,)), FIRM, FIRMER)
    logs = np.stack(each + [each[-1]] * (space.fusion.columns - len(each)))[: space.fusion.columns]
    decoder.sure.copy_(torch.from_numpy(logs[0]))
    space.fusion.belief.copy_(torch.from_numpy(logs - logs[0]))
    if again and decoder.family == "gaussian":
        from kuamo.objectives.prediction.intervals import solve_width

        errors = [
            np.square((np.exp(at)[:, None, None] * one.told).sum(0) - one.y)[:, 0] for one, at in zip(found, each)
        ]
        solve_width(space, [(one.codes, one.given, error) for one, error in zip(found, errors, strict=True)])


def believed(found: list[ExpertOutputs], usual: Matrix, firm: float, firmer: float) -> list[Matrix]:
    """log α of each expert (E,) for each n, around what all of them say together."""
    everything = ExpertOutputs(
        *(np.concatenate(part, axis) for part, axis in zip(zip(*(one[:3] for one in found), strict=True), (1, 0, 0)))
    )
    common = fit_scales(everything._replace(weights=everything.weights / len(found)), usual, firm)
    return [fit_scales(one, common, firmer) for one in found]


def heard(space: EmbeddingSpace, decoder: Any, rows: Table, y: Matrix, weights: Matrix) -> list[ExpertOutputs]:
    """What experts tell from 1, 2, … columns at random of rows that have so many."""
    import torch

    from kuamo.embedding.embedding import Embedding

    mean, _, present = space.stacked(rows)
    rng, found = np.random.default_rng(0), []
    for n in range(1, present.shape[1] + 1):
        able = present.sum(1) >= n
        if able.sum() < FEWEST:
            break
        order = np.argsort(np.where(present[able], rng.random(present[able].shape), 2.0), axis=1)
        given = np.zeros_like(present[able])
        np.put_along_axis(given, order[:, :n], True, axis=1)
        pooled = space.fusion.pool(Embedding(torch.from_numpy(mean[able])), torch.from_numpy(given))
        experts = [decoder.told(pooled.c)] + ([decoder.added(pooled.l)] if decoder.joint else [])
        told = np.stack([one.numpy().astype(np.float64) for one in experts])
        found.append(ExpertOutputs(told, y[able], weights[able] / weights[able].mean(), mean[able], given))
    return found


def fit_scales(heard: ExpertOutputs, usual: Matrix, firm: float) -> Matrix:
    """log α of each expert (E,), see the module.

    Args:
        heard: what they tell of rows. usual: (E,), log α if there were no row. firm: τ.

    Example:
        >>> y = np.random.default_rng(0).normal(size=(500, 1))
        >>> outputs = ExpertOutputs(np.stack([0 * y, 0.5 * y]), y, np.ones(500))
        >>> alpha, beta = np.exp(fit_scales(outputs, np.log([0.5, 0.5]), 1.0))
        >>> bool(abs(beta - 2) < 0.02)
        True
    """
    (told, y, weights), centre = heard[:3], usual[:, None]

    def loss(theta: Matrix) -> tuple[float, Matrix]:
        share = np.exp(np.clip(theta, -10, 10))[:, :, None]
        o = (share * told).sum(0)
        if y.shape[1] > 1:
            logp = log_softmax(o)
            value, error = -(y * logp).sum(1), np.exp(logp) - y
        else:
            value, error = 0.5 * np.square(o - y)[:, 0], o - y
        slope = ((weights[:, None] * error * told).sum((1, 2)) * share[:, 0, 0])[:, None] + firm * (theta - centre)
        return float(weights @ value) + 0.5 * firm * float(np.square(theta - centre).sum()), slope

    return minimise(loss, centre.copy(), np.full((len(told), 1), 1 / (1 + len(y))), 100)[:, 0]


@contextmanager
def at_rest(space: EmbeddingSpace) -> Iterator[None]:
    """Inside, modules are not in training mode."""
    moving = [module for module in space.modules() if module.training]
    for module in moving:
        module.eval()
    yield
    for module in moving:
        module.train()
