"""Stacking: the weights of two experts, fitted on rows that neither has learned.

    (α_n, β_n) = argmin  Σ_held ℓ(y, α f_S + β j_S) + τ/2 ‖log(α, β) − log(α_0, β_0)‖²,       S at random, n = |S|

for each number n of columns. (α_0, β_0) is fitted to all n together, in the same way, around (¼, ¾): few rows move them
little, and j, which is convex and whose ridge was chosen, then counts for more than f. For classes this is temperature
scaling too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from kuamo.closed_form.logistic import log_softmax, minimize
from kuamo.core.types import Matrix
from kuamo.data.table import Table
from kuamo.embedding.space import EmbeddingSpace, torch_codes
from kuamo.objectives.prediction.decoder import PRIOR
from kuamo.objectives.prediction.intervals import fit_width

__all__ = ["ExpertOutputs", "evaluation_mode", "fit_scales", "fit_stacking"]

ROWS = 2000  # held-out rows are looked at, at most
FEWEST = 4
PRIOR_STRENGTH = 4.0  # τ


class ExpertOutputs(NamedTuple):
    """What experts give, (E, n, K) logits or a number in standard units, for y (n, K); weights (n,) of the rows; from
    which codes (n, M, d), and what of them was given (n, M); which of the rows they are (n,)."""

    outputs: Matrix
    y: Matrix
    weights: Matrix
    codes: np.ndarray = np.zeros((0, 0, 0), np.float32)
    given: np.ndarray = np.zeros((0, 0), bool)
    rows: np.ndarray = np.zeros(0, np.int64)


def fit_stacking(
    space: EmbeddingSpace,
    table: Table,
    cells: Mapping[str, tuple[np.ndarray, np.ndarray]],
    to: str,
    held: NDArray[np.int64],
    row_weights: Callable[[np.ndarray, np.ndarray], np.ndarray],
) -> tuple[np.ndarray, np.ndarray]:
    """Set α and β of the target's decoder, and of the fusion for more than one column; too few rows leave them.

    Args:
        space: trained. table, cells: what it was trained by. to: the target. held: rows that were not learned from.
        row_weights: (rows (n,), y (n, K)) → (n,).

    Returns:
        (k,) ℓ of held-out rows then, from two columns and from each further number of them, and which rows (k,); both
        empty where no row has two.
    """
    nothing = np.zeros(0), np.zeros(0, np.int64)
    y, row = cells[to]
    entry = np.flatnonzero(np.isin(row, held))
    entry = entry[np.unique(row[entry], return_index=True)[1]][:ROWS]
    if len(entry) < FEWEST:
        return nothing
    decoder: Any = space.port(to).decoder
    rows = table.take(row[entry]).select(*(name for name in table.columns if name != to))
    with evaluation_mode(space), torch.inference_mode():
        units = decoder.units(torch.from_numpy(y[entry])).numpy().astype(np.float64)
        found = expert_outputs(space, decoder, rows, units, row_weights(row[entry], units))
    if not found:
        return nothing
    common = fit_scales(combined_outputs(found), np.log(PRIOR if decoder.joint else (1.0,)), PRIOR_STRENGTH)
    each = [fit_scales(one, common, PRIOR_STRENGTH) for one in found]
    logs = np.stack(each + [each[-1]] * (space.fusion.columns - len(each)))[: space.fusion.columns]
    decoder.sure.copy_(torch.from_numpy(logs[0]))
    space.fusion.log_scale.copy_(torch.from_numpy(logs - logs[0]))
    if decoder.family == "gaussian":
        predicted = [(np.exp(at)[:, None, None] * one.outputs).sum(0) for one, at in zip(found, each, strict=True)]
        errors = [np.square(mean - one.y)[:, 0] for mean, one in zip(predicted, found, strict=True)]
        fit_width(space, [(one.codes, one.given, error) for one, error in zip(found, errors, strict=True)])
    left = [losses_of(one, at) for one, at in zip(found[1:], each[1:], strict=True)]
    of = [row[entry][one.rows] for one in found[1:]]
    return np.concatenate([nothing[0], *left]), np.concatenate([nothing[1], *of])


def losses_of(seen: ExpertOutputs, log_scales: Matrix) -> Matrix:
    """ℓ (n,) of rows by experts of these log α (E,), as the weights have it."""
    o = (np.exp(log_scales)[:, None, None] * seen.outputs).sum(0)
    if seen.y.shape[1] == 1:
        return seen.weights * np.square(o - seen.y)[:, 0]
    return -seen.weights * (seen.y * log_softmax(o)).sum(1)


def expert_outputs(space: EmbeddingSpace, decoder: Any, rows: Table, y: Matrix, weights: Matrix) -> list[ExpertOutputs]:
    """What experts give from 1, 2, … columns at random of rows that have so many."""
    codes = space.encode_columns(rows)
    mean, _, present = codes
    rng, found = np.random.default_rng(0), []
    for n in range(1, present.shape[1] + 1):
        able = present.sum(1) >= n
        if able.sum() < FEWEST:
            break
        order = np.argsort(np.where(present[able], rng.random(present[able].shape), 2.0), axis=1)
        given = np.zeros_like(present[able])
        np.put_along_axis(given, order[:, :n], True, axis=1)
        pooled = space.fusion.pool(torch_codes(space.fusion, codes[able]), torch.from_numpy(given))
        experts = [decoder.trained(pooled.c)] + ([decoder.solved(pooled.l)] if decoder.joint else [])
        outputs = np.stack([one.numpy().astype(np.float64) for one in experts])
        found.append(
            ExpertOutputs(
                outputs, y[able], weights[able] / weights[able].mean(), mean[able], given, np.flatnonzero(able)
            )
        )
    return found


def combined_outputs(found: list[ExpertOutputs]) -> ExpertOutputs:
    """The outputs for all n; each row counts once."""
    outputs, y, weights = (np.concatenate(part, axis) for part, axis in zip(list(zip(*found))[:3], (1, 0, 0)))
    return ExpertOutputs(outputs, y, weights / len(found))


def fit_scales(seen: ExpertOutputs, prior: Matrix, strength: float) -> Matrix:
    """log α of each expert (E,), see the module.

    Args:
        seen: their outputs for rows. prior: (E,), log α without rows. strength: τ.

    Example:
        >>> y = np.random.default_rng(0).normal(size=(500, 1))
        >>> outputs = ExpertOutputs(np.stack([0 * y, 0.5 * y]), y, np.ones(500))
        >>> alpha, beta = np.exp(fit_scales(outputs, np.log([0.5, 0.5]), 1.0))
        >>> bool(abs(beta - 2) < 0.02)
        True
    """
    (outputs, y, weights), center = seen[:3], prior[:, None]

    def loss(theta: Matrix) -> tuple[float, Matrix]:
        share = np.exp(np.clip(theta, -10, 10))[:, :, None]
        o = (share * outputs).sum(0)
        if y.shape[1] > 1:
            logp = log_softmax(o)
            value, error = -(y * logp).sum(1), np.exp(logp) - y
        else:
            value, error = 0.5 * np.square(o - y)[:, 0], o - y
        slope = ((weights[:, None] * error * outputs).sum((1, 2)) * share[:, 0, 0])[:, None]
        away = theta - center
        return float(weights @ value) + 0.5 * strength * float(np.square(away).sum()), slope + strength * away

    return minimize(loss, center.copy(), np.full((len(outputs), 1), 1 / (1 + len(y))), 100)[:, 0]


@contextmanager
def evaluation_mode(space: EmbeddingSpace) -> Iterator[None]:
    """Inside, modules are not in training mode."""
    moving = [module for module in space.modules() if module.training]
    for module in moving:
        module.eval()
    yield
    for module in moving:
        module.train()
