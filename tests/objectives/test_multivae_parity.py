"""Bounds, gradients and likelihoods against MultiVae's (`record_multivae.py`): same weights, data and noise."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable
from math import log, pi
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import kuamo as km
from kuamo.embedding import fusion
from kuamo.embedding.fusion import MixtureOfProducts
from kuamo.embedding.heads import LinearHead
from kuamo.embedding.space import Tower
from kuamo.encoders import Identity
from kuamo.generation.decoders.likelihood import Likelihood
from kuamo.objectives import mmvae_plus
from kuamo.objectives.vae import Elbo
from kuamo.training.batch import Batch, ColumnBatch
from kuamo.training.step import Step

HERE = Path(__file__).parents[1]
spec = importlib.util.spec_from_file_location("record_multivae", Path(__file__).parent / "record_multivae.py")
record = importlib.util.module_from_spec(spec)
spec.loader.exec_module(record)
ALPHA, BETA, COLUMNS, WEIGHTS = record.ALPHA, record.BETA, record.COLUMNS, record.WEIGHTS
DIM, HIDDEN, PRIVATE, ROWS = record.DIM, record.HIDDEN, record.PRIVATE, record.ROWS
ARRAYS, PEER = record.fixture_arrays(), json.loads(record.FIXTURE.read_text())["models"]
FAMILIES = {"a": "gaussian", "b": "bernoulli", "c": "categorical"}
EVERY = torch.ones(ROWS, 3, dtype=torch.bool)
ALONE = [torch.eye(3, dtype=torch.bool)[m].expand(ROWS, 3) for m in range(3)]


class Recomputed(Step):
    """A step whose noise is the fixture's: purpose → its key there."""

    keys_of: dict[str, str]

    def noise(self, purpose: str, row: torch.Tensor, dim: int) -> torch.Tensor:
        return torch.from_numpy(ARRAYS["noise"][self.keys_of[purpose]])[row]


def step_of(keys: dict[str, str], private: bool = False) -> Recomputed:
    """All rows have all columns."""
    ports = []
    for name, size in COLUMNS.items():
        weights = {key: torch.from_numpy(value) for key, value in ARRAYS["columns"][name].items()}
        head = LinearHead(size, DIM, gaussian=True)
        options = {"family": FAMILIES[name], "layers": 0, "hidden": HIDDEN, "private": PRIVATE if private else 0}
        decoder = Likelihood(DIM, size, **options)
        with torch.no_grad():
            for key in ("linear", "spread"):
                for part in ("weight", "bias"):
                    getattr(getattr(head, key), part).copy_(weights[f"{key}.{part}"])
            for part in ("weight", "bias"):
                getattr(decoder.net[0], part).copy_(weights[f"{'private' if private else 'net'}.{part}"])
                if private:
                    for layer in (0, 2):
                        getattr(decoder.infer[layer], part).copy_(weights[f"infer.{layer}.{part}"])
            if private:
                decoder.prior_logvar.copy_(weights["prior_logvar"])
        ports.append(Tower(name, km.Vector(), None, head, decoder=decoder))
    row = torch.arange(ROWS)
    cells = {name: ColumnBatch(torch.from_numpy(ARRAYS["data"][name]), row) for name in COLUMNS}
    targets, frozen = {name: cell.x for name, cell in cells.items()}, dict.fromkeys(COLUMNS, True)
    step = Recomputed(km.Space(ports), Batch(ROWS, row, cells), (0, 0), targets, frozen)
    step.keys_of = keys
    return step


def mvae() -> tuple[Any, list[Step]]:
    step = step_of({"z": "z/joint"})
    return km.MVAE(BETA, weights=WEIGHTS)(step, "space"), [step]


def mvae_sub_sampled() -> tuple[Any, list[Step]]:
    step = step_of({"z": "z/joint", **{f"z/{name}": f"z/{name}" for name in COLUMNS}})
    return km.MVAE(BETA, subsample=0, weights=WEIGHTS)(step, "space"), [step]


def mmvae() -> tuple[Any, list[Step]]:
    """Each source in turn; a step of ours draws one of them."""
    objective, step = km.MMVAE(weights=WEIGHTS), step_of({name: f"z/{name}" for name in COLUMNS})
    each = [objective.bound(step, alone, EVERY, name) for alone, name in zip(ALONE, COLUMNS, strict=True)]
    return torch.stack(each).mean(), [step]


def mopoe() -> tuple[Any, list[Step]]:
    """MultiVae takes subset i for row i, and the mean of all divergences; the prior is an expert of the whole alone."""
    step, nothing = step_of({"z": "z/joint"}), torch.zeros_like(EVERY)
    subsets = torch.tensor([[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0], [1, 0, 1], [0, 1, 1], [1, 1, 1]]).bool()
    total = torch.zeros(())
    for row, subset in enumerate(subsets):
        only = nothing.clone()
        only[row] = True
        fusion = MixtureOfProducts(prior=bool(subset.all()))
        reconstruction = Elbo(fusion, 0.0, weights=WEIGHTS).bound(step, only & subset, only, "z")
        divergence = Elbo(fusion, BETA, weights=WEIGHTS).bound(step, EVERY & subset, nothing, "z")
        total = total + reconstruction + divergence / len(subsets)
    return total, [step]


def mvtcae() -> tuple[Any, list[Step]]:
    step = step_of({"z": "z/joint"})
    return km.MVTCAE(ALPHA, BETA, weights=WEIGHTS)(step, "space"), [step]


def mmvae_plus_(monkeypatch: pytest.MonkeyPatch) -> tuple[Any, list[Step]]:
    """Each source in turn. Our divergence of w is in closed form, theirs an estimate by one draw: here ours too."""
    total, steps, objective = torch.zeros(()), [], km.MMVAEPlus(BETA, PRIVATE, weights=WEIGHTS)
    for number, source in enumerate(COLUMNS):
        eps = torch.from_numpy(ARRAYS["noise"][f"w/{source}/{source}"])

        def estimated(mean: torch.Tensor, logvar: torch.Tensor, eps: torch.Tensor = eps) -> torch.Tensor:
            w = mean + (0.5 * logvar).exp() * eps
            return 0.5 * (w.square() - eps.square() - logvar).sum(-1)

        step = step_of({"z": f"z/{source}", **{f"w/{made}": f"w/{source}/{made}" for made in COLUMNS}}, private=True)
        monkeypatch.setattr(mmvae_plus, "kl_to_standard", estimated)
        monkeypatch.setattr(fusion.MixtureOfExperts, "choose", lambda *_, number=number: ALONE[number])
        total = total + objective(step, "space") / 3
        steps.append(step)
    return total, steps


MODELS: dict[str, Callable[..., tuple[Any, list[Step]]]] = {
    "MVAE": mvae,
    "MVAE sub-sampled": mvae_sub_sampled,
    "MMVAE": mmvae,
    "MoPoE": mopoe,
    "MVTCAE": mvtcae,
    "MMVAE+": mmvae_plus_,
}


@pytest.mark.parametrize("name", MODELS)
def test_bounds_and_gradients_are_those_of_multivae(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    loss, steps = MODELS[name](*([monkeypatch] if name == "MMVAE+" else []))
    constant = WEIGHTS["a"] * COLUMNS["a"] * 0.5 * log(2 * pi)  # ours leaves out what depends on nothing
    times = {"MVAE sub-sampled": 2.0, "MVTCAE": (3 - ALPHA) / 3}.get(name, 1.0)
    assert float(loss.detach()) + times * constant == pytest.approx(PEER[name]["loss"], rel=1e-4)
    sums: dict[str, np.ndarray] = {}
    loss.backward()
    for step in steps:
        for port in step.space.ports:
            layers = {"linear": port.head.linear, "spread": port.head.spread, "net": port.decoder.net[0]}
            for key, layer in layers.items():
                gradient = np.zeros(layer.weight.shape) if layer.weight.grad is None else layer.weight.grad.numpy()
                sums[f"{port.name}.{key}"] = sums.get(f"{port.name}.{key}", 0) + gradient
    largest = max(np.abs(gradient).max() for gradient in sums.values())
    for key, gradient in sums.items():
        assert np.allclose(gradient, PEER[name]["gradients"][key], atol=1e-4 * largest), key


@pytest.mark.parametrize("name", ["MVAE", "MVTCAE"])
def test_joint_log_likelihood_is_that_of_multivae(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    space = step_of({}).space
    space.fusion = {"MVAE": km.MVAE(), "MVTCAE": km.MVTCAE()}[name].make_fusion()
    for port in space.ports:
        port.encoder = Identity()
    table = km.Table(dict(ARRAYS["data"]), modalities=dict.fromkeys(COLUMNS, km.Vector()))
    monkeypatch.setattr(torch, "randn", lambda *_, **__: torch.from_numpy(ARRAYS["noise"]["samples"]))
    values, rows = km.joint_log_likelihood(space, table, samples=record.SAMPLES)
    assert rows.tolist() == list(range(ROWS))
    assert float(values.mean()) == pytest.approx(PEER[name]["log p"], rel=1e-5)
