"""Per-modality uncertainty, fitted on held-out rows by L-BFGS when the training ends.

    τ_m = argmin  E_{λ = 0} ℓ(y, τ p) n + ½ (log τ)²,      e = min(ℓ(y, τ_m p), log K)
    θ_m = argmin  E[e exp(−v) + v] + E[BCE(λ̂, λ)] + ‖θ‖² N/2n²,       v̄_m = mean of v where λ = 0

p are the logits of a column's probe of K classes, which τ calibrates; e is its own loss, but no more than a guess has:
else a hard cell would be more uncertain than noise (of a number, the squared error). v and λ̂ are what its network
predicts, λ how far the cell was mixed with noise (`uncertainty_fusion.py`); of n held-out rows, each several times with
noise of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import log
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from kuamo.core.modules import without_compiler
from kuamo.embedding.space import EmbeddingSpace
from kuamo.objectives.prediction.corruption import corrupt_batch, targets_by_row
from kuamo.objectives.prediction.stacking import FEWEST, ROWS, ExpertOutputs, evaluation_mode, fit_scales
from kuamo.objectives.prediction.uncertainty_fusion import UncertaintyFusion
from kuamo.training.batch import FeatureSource, Source, batch_of
from kuamo.training.step import Step, decoder_targets

__all__ = ["Samples", "fit_uncertainty"]

SAMPLES = 4000  # rows with noise, about
MOST = 20  # times the same row
AT_ONCE = 256
ITERATIONS = 100
PRIOR_ROWS = 640  # N: fewer rows, which are seen more often, hold a network back more


class Samples(NamedTuple):
    """Of rows: the probes' outputs (n, M, K), codes (n, M, d), targets (n, L), λ and presence (n, M)."""

    outputs: Tensor
    codes: Tensor
    y: Tensor
    level: Tensor
    present: Tensor


def fit_uncertainty(
    space: EmbeddingSpace,
    sources: Mapping[str, Source | FeatureSource],
    to: str,
    corruption: float,
    held: NDArray[np.int64],
    marks: Mapping[str, np.ndarray],
) -> None:
    """Fit the uncertainties of a space's fusion; too few rows leave them as they are.

    Args:
        to: the target. corruption: share of the rows of which a cell is mixed with noise. held: the table rows by
            which. sources, marks: as in training.
    """
    rows = held[np.isin(held, sources[to].row)][:ROWS]
    if len(rows) < FEWEST:
        return
    times = int(np.clip(SAMPLES // len(rows), 1, MOST))
    with evaluation_mode(space):
        with torch.no_grad():
            seen = [
                collect(step_of(space, sources, rows[start : start + AT_ONCE], (start, number), marks), to, corruption)
                for number in range(times)
                for start in range(0, len(rows), AT_ONCE)
            ]
        samples = Samples(*(torch.cat(part) for part in zip(*seen, strict=True)))
        for column, port in enumerate(space.ports):
            if port.name != to and samples.present[:, column].sum() >= FEWEST:
                fit_column(space.fusion, column, samples, len(rows))


def step_of(
    space: EmbeddingSpace,
    sources: Mapping[str, Source | FeatureSource],
    rows: NDArray[np.int64],
    key: tuple[int, int],
    marks: Mapping[str, np.ndarray],
) -> Step:
    """These rows, all of them in every process."""
    batch = batch_of(sources, rows, marks=marks, shared=False)
    frozen = {name: source.frozen is not None for name, source in sources.items()}
    return Step(space, batch, key, decoder_targets(space, batch, frozen), frozen, learning=False)


def collect(step: Step, to: str, corruption: float) -> Samples:
    """A batch, some of its cells mixed with noise."""
    batch, level = corrupt_batch(step, to, corruption)
    code, present = replace(step, batch=batch, _codes={}, _stacked=None).stacked()
    fusion: Any = step.space.fusion
    decoder: Any = step.space.port(to).decoder
    codes = torch.where(present[..., None], code.mean, 0.0)
    return Samples(fusion.probe(codes), codes, decoder.units(targets_by_row(step, to)), level, present)


def fit_column(fusion: UncertaintyFusion, column: int, samples: Samples, rows: int) -> None:
    """One column's temperature and network, the latter by L-BFGS."""
    present = samples.present[:, column]
    outputs, codes, level = (part[present, column].detach() for part in (samples.outputs, samples.codes, samples.level))
    y, clean = samples.y[present], level == 0
    if fusion.family == "categorical" and clean.sum() >= FEWEST:
        outputs = outputs * calibrate(fusion.probes[column], outputs[clean], y[clean], rows / len(samples.y))
    e = fusion.losses(outputs[:, None], y)[:, 0]
    e = e.clamp(max=log(fusion.out)) if fusion.family == "categorical" else e
    fit_net(fusion, column, fusion.features(outputs, fusion.learned(codes)), e, level, PRIOR_ROWS / (2 * rows**2))
    if clean.sum() >= FEWEST:
        with torch.no_grad():
            features = fusion.features(outputs, fusion.learned(codes))
            fusion.usual[column] = fusion.predicted(features[clean], column)[0].mean()


def calibrate(probe: Any, outputs: Tensor, y: Tensor, share: float) -> float:
    """τ, by which a probe's weights are multiplied."""
    seen = ExpertOutputs(outputs.double().numpy()[None], y.double().numpy(), np.full(len(y), share))
    tau = float(np.exp(fit_scales(seen, np.zeros(1), 1.0))[0])
    with torch.no_grad():
        for weight in probe.parameters():
            weight.mul_(tau)
    return tau


def fit_net(fusion: UncertaintyFusion, column: int, features: Tensor, e: Tensor, level: Tensor, penalty: float) -> None:
    """θ_m, from where it is; a result that is no number is not taken."""
    weights = list(fusion.uncertainty_nets[column].parameters())
    before = [weight.detach().clone() for weight in weights]
    method = without_compiler(torch.optim.LBFGS)(weights, max_iter=ITERATIONS, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        method.zero_grad()
        v, noise = fusion.predicted(features, column)
        value = (e * (-v).exp() + v).mean() + penalty * torch.stack([w.square().sum() for w in weights]).sum()
        if fusion.joint:
            value = value + nn.functional.binary_cross_entropy_with_logits(noise, level)
        torch.autograd.backward(value, inputs=weights)
        return value

    first = float(loss().detach())
    method.step(loss)
    better = float(loss().detach()) <= first
    method.zero_grad()
    with torch.no_grad():
        for weight, old in zip(weights, before, strict=True):
            weight.copy_(weight if better else old)
