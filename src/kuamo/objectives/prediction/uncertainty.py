"""Doubting: doubts are solved, not only learned on the way, so that they are no matter of how many steps there were.

    τ_m = argmin  Σ_{λ = 0} ℓ(y, τ p),      e = min(ℓ(y, τ_m p), log K)
    θ_m = argmin  E[e exp(−v) + v] + E[BCE(λ̂, λ)] + ‖θ‖² N/2n²,       v̄_m = mean of v where λ = 0

p are the logits of a column's probe of K classes, which τ calibrates; e is its own loss, but no more than a
guess has: else a hard cell would be in more doubt than noise is (of a number, the squared error). v and λ̂ are
what its net foretells, λ how far the cell was mixed with noise (`uncertainty_fusion.py`); of n held-out rows,
each several times with noise of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from kuamo.objectives.prediction.stacking import FEWEST, ROWS, ExpertOutputs, at_rest, fit_scales
from kuamo.objectives.prediction.uncertainty_fusion import UncertaintyFusion
from kuamo.training.batch import Batch, FeatureSource, Source
from kuamo.training.step import Step

if TYPE_CHECKING:
    from kuamo.embedding.space import EmbeddingSpace
    from kuamo.objectives.prediction.settings import PredictSettings

__all__ = ["fit_uncertainty"]

SIGHTS = 4000  # rows with noise are looked at, about
MOST = 20  # times the same row
AT_ONCE = 256
ITERATIONS = 100
ENOUGH = 640  # N rows: with fewer, which are looked at more often, a net is held back more


class Samples(NamedTuple):
    """What is seen of rows: what probes tell (n, M, K), codes (n, M, d − r), targets (n, L), λ and presence (n, M)."""

    told: Tensor
    codes: Tensor
    y: Tensor
    level: Tensor
    present: Tensor


def fit_uncertainty(
    space: EmbeddingSpace,
    sources: Mapping[str, Source | FeatureSource],
    of: PredictSettings,
    held: NDArray[np.int64],
    marks: Mapping[str, np.ndarray],
) -> None:
    """Solve the doubts of a space's fusion; too few rows leave them as they are.

    Args:
        held: the table rows by which. sources, marks: as in training.
    """
    target = sources[of.to]
    rows = held[np.isin(held, target.row)][:ROWS]
    if len(rows) < FEWEST:
        return
    times = int(np.clip(SIGHTS // len(rows), 1, MOST))
    with at_rest(space):
        with torch.no_grad():
            seen = [
                collect(step_of(space, sources, rows[start : start + AT_ONCE], (start, number), marks), of)
                for number in range(times)
                for start in range(0, len(rows), AT_ONCE)
            ]
        all_of = Samples(*(torch.cat(part) for part in zip(*seen, strict=True)))
        for column, port in enumerate(space.ports):
            if port.name != of.to and all_of.present[:, column].sum() >= FEWEST:
                solve(space.fusion, column, all_of, len(rows))


def step_of(
    space: EmbeddingSpace,
    sources: Mapping[str, Source | FeatureSource],
    rows: NDArray[np.int64],
    key: tuple[int, int],
    marks: Mapping[str, np.ndarray],
) -> Step:
    """These rows, all of them in every process."""
    from kuamo.training.targets import targets_of

    place = np.arange(len(rows))
    cells = {name: source.cells(rows, place) for name, source in sources.items()}
    tensors = {name: torch.from_numpy(mark[rows]) for name, mark in marks.items()}
    batch = Batch(len(rows), torch.from_numpy(place), cells, tensors, rows)
    frozen = {name: source.frozen is not None for name, source in sources.items()}
    return Step(space, batch, key, targets_of(space, batch, frozen), frozen, learning=False)


def collect(step: Step, of: PredictSettings) -> Samples:
    """What is seen of a batch, some of its cells mixed with noise."""
    from kuamo.objectives.prediction.noise import corrupt_batch, targets_by_row

    batch, level = corrupt_batch(step, of.to, of.corruption)
    noisy = replace(step, batch=batch, _codes={}, _stacked=None)
    code, present = noisy.stacked()
    trust: Any = step.space.fusion
    decoder: Any = step.space.port(of.to).decoder
    codes = trust.learned(torch.where(present[..., None], code.mean, 0.0))
    y = decoder.units(targets_by_row(step, of.to))
    return Samples(trust.told(codes), codes, y, level, present)


def sharpen(probe: Any, told: Tensor, y: Tensor) -> float:
    """τ, by which a probe's weights are multiplied."""
    heard = ExpertOutputs(told.double().numpy()[None], y.double().numpy(), np.ones(len(y)))
    tau = float(np.exp(fit_scales(heard, np.zeros(1), 1.0))[0])
    with torch.no_grad():
        for weight in probe.parameters():
            weight.mul_(tau)
    return tau


def solve(trust: UncertaintyFusion, column: int, seen: Samples, rows: int) -> None:
    """One column's temperature and net, the latter by L-BFGS."""
    present = seen.present[:, column]
    told, codes, level = (part[present, column].detach() for part in (seen.told, seen.codes, seen.level))
    y = seen.y[present]
    if trust.family == "categorical" and (level == 0).sum() >= FEWEST:
        told = told * sharpen(trust.probes[column], told[level == 0], y[level == 0])
    signs, e = trust.signs(told, codes), trust.bounded(trust.losses(told[:, None], y)[:, 0])
    weights = list(trust.doubts[column].parameters())
    before = [weight.detach().clone() for weight in weights]
    method = torch.optim.LBFGS(weights, max_iter=ITERATIONS, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        method.zero_grad()
        v, noise = trust.doubted(signs, column)
        value = (e * (-v).exp() + v).mean() + sum(weight.square().sum() for weight in weights) * ENOUGH / (2 * rows**2)
        if trust.joint:
            value = value + nn.functional.binary_cross_entropy_with_logits(noise, level)
        torch.autograd.backward(value, inputs=weights)
        return value

    first = float(loss().detach())
    method.step(loss)
    better = float(loss().detach()) <= first  # a number, for one thing
    method.zero_grad()
    with torch.no_grad():
        for weight, old in zip(weights, before, strict=True):
            weight.copy_(weight if better else old)
        usual = trust.doubted(signs, column)[0][level == 0]
        if len(usual) >= FEWEST:
            trust.usual[column] = usual.mean()
