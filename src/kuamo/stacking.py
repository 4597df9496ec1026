"""Stacking: how far each of two experts is to be believed, by rows that neither has learned.

    (α_n, β_n) = argmin  Σ_held ℓ(y, α f_S + β j_S) + ½ ‖log(α, β) − log(½, ½)‖²,       S at random, n = |S|

for each number n of columns. α and β are positive, and few rows move them little. For classes this is temperature too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kuamo.closed_form.logistic import log_softmax, minimise

if TYPE_CHECKING:
    from kuamo.space import Space
    from kuamo.table import Table

__all__ = ["believe", "stack"]

ROWS = 2000  # held-out rows are looked at, at most
FEWEST = 4
Matrix = NDArray[np.float64]


def stack(
    space: Space,
    table: Table,
    cells: Mapping[str, tuple[np.ndarray, np.ndarray]],
    to: str,
    held: NDArray[np.int64],
    balanced: bool = False,
) -> None:
    """Set α and β of the target's decoder, and of the fusion for more than one column; too few rows leave them.

    Args:
        space: as it is by now. table, cells: what it is trained by. to: the target. held: rows that did not teach.
    """
    import torch

    from kuamo.codes import Code

    y, row = cells[to]
    entry = np.flatnonzero(np.isin(row, held))
    entry = entry[np.unique(row[entry], return_index=True)[1]][:ROWS]
    if len(entry) < FEWEST:
        return
    decoder: Any = space.port(to).decoder
    rows = table.take(row[entry]).select(*(name for name in table.columns if name != to))
    with at_rest(space), torch.inference_mode():
        mean, _, present = space.stacked(rows)
        units = decoder.units(torch.from_numpy(y[entry])).numpy().astype(np.float64)
        weights = (units / units.sum(0).clip(min=1)).sum(1) if balanced and units.shape[1] > 1 else np.ones(len(units))
        rng, found = np.random.default_rng(0), []
        for n in range(1, present.shape[1] + 1):
            able = present.sum(1) >= n
            if able.sum() < FEWEST:
                break
            order = np.argsort(np.where(present[able], rng.random(present[able].shape), 2.0), axis=1)
            given = np.zeros_like(present[able])
            np.put_along_axis(given, order[:, :n], True, axis=1)
            pooled = space.fusion.pool(Code(torch.from_numpy(mean[able])), torch.from_numpy(given))
            experts = [decoder.told(pooled.c)] + ([decoder.added(pooled.l)] if decoder.joint else [])
            told = np.stack([one.numpy().astype(np.float64) for one in experts])
            found.append(believe(told, units[able], weights[able]))
    if found:
        logs = np.stack(found + [found[-1]] * (space.fusion.columns - len(found)))[: space.fusion.columns]
        decoder.sure.copy_(torch.from_numpy(logs[0]))
        space.fusion.belief.copy_(torch.from_numpy(logs - logs[0]))


def believe(told: Matrix, y: Matrix, weights: Matrix) -> Matrix:
    """log α of each expert (E,), see the module.

    Args:
        told: (E, n, K) logits, or a number in standard units. y: (n, K). weights: (n,).

    Example:
        >>> y = np.random.default_rng(0).normal(size=(500, 1))
        >>> alpha, beta = np.exp(believe(np.stack([0 * y, 0.5 * y]), y, np.ones(500)))
        >>> bool(abs(beta - 2) < 0.02)
        True
    """
    usual = np.full((len(told), 1), np.log(1 / len(told)))
    weights = weights / weights.mean()

    def loss(theta: Matrix) -> tuple[float, Matrix]:
        share = np.exp(np.clip(theta, -10, 10))[:, :, None]
        o = (share * told).sum(0)
        if y.shape[1] > 1:
            logp = log_softmax(o)
            value, error = -(y * logp).sum(1), np.exp(logp) - y
        else:
            value, error = 0.5 * np.square(o - y)[:, 0], o - y
        slope = ((weights[:, None] * error * told).sum((1, 2)) * share[:, 0, 0])[:, None] + theta - usual
        return float(weights @ value) + 0.5 * float(np.square(theta - usual).sum()), slope

    return minimise(loss, usual, np.full((len(told), 1), 1 / (1 + len(y))), 100)[:, 0]


@contextmanager
def at_rest(space: Space) -> Iterator[None]:
    """Inside, modules are not in training mode."""
    moving = [module for module in space.modules() if module.training]
    for module in moving:
        module.eval()
    yield
    for module in moving:
        module.train()
