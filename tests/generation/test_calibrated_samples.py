"""Draws are calibrated, whatever units y has: of Gaussians whose answer is known, and of what was learned."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import kuamo as km
from kuamo.generation.codecs.labels import ScalarCodec
from kuamo.generation.decoder_problem import energy_score, scale_of
from kuamo.generation.decoders.flow import NEAR, FlowDecoder
from kuamo.generation.decoders.ridge import solve_ridge

MEAN = torch.tensor([1.0, -2.0, 0.5, 0.0, 30.0])
SPREAD = torch.tensor([1.0, 0.5, 0.2, 0.05, 1.0])


class Exact(FlowDecoder):
    """A flow that knows its Gaussian: E[y − ε | x_t]."""

    def end(self, x: torch.Tensor, t: torch.Tensor, condition: torch.Tensor) -> torch.Tensor:
        left = t * SPREAD**2 - (1 - t)
        v = MEAN + left / ((t * SPREAD) ** 2 + (1 - t) ** 2) * (x - t * MEAN)
        return x + (1 - t).clamp(min=NEAR) * v


@pytest.mark.parametrize("steps", [12, 40])
def test_the_way_gives_a_gaussian_back(steps: int) -> None:
    with torch.inference_mode():
        rng = torch.Generator().manual_seed(0)
        y = Exact(2, 5, width=8).sample(torch.zeros(20_000, 2), rng, guidance=1.0, steps=steps)
    assert torch.allclose(y.mean(0), MEAN, atol=0.03)
    assert torch.allclose(y.std(0) / SPREAD, torch.ones(5), atol=0.02)
    inside = ((y - MEAN).abs() < 1.645 * SPREAD).float().mean(0)
    assert torch.allclose(inside, torch.full((5,), 0.9), atol=0.02)


def test_the_network_counts_up_to_the_end() -> None:
    """Where t is 1 it still says how to go on: what it adds to the linear guess does not fade out."""
    decoder, x = FlowDecoder(2, 3, width=8), torch.ones(4, 3)
    films = decoder.films(decoder.condition(torch.zeros(4, 2)))
    before = decoder.velocity(x, 1.0, films, 1.0)
    decoder.leave.bias.data += 1.0
    assert torch.allclose(decoder.velocity(x, 1.0, films, 1.0) - before, torch.ones(4, 3), atol=1e-4)


def world(scale: np.ndarray | float = 1.0, shift: np.ndarray | float = 0.0) -> tuple[km.Table, np.ndarray]:
    rng = np.random.default_rng(0)
    z = rng.normal(size=(200, 3))
    b = (z @ rng.normal(size=(3, 3)) + 0.5 * rng.normal(size=(200, 3))) * scale + shift
    kinds = {"a": km.Vector(), "b": km.Vector()}
    return km.Table({"a": list(z + 0.3 * rng.normal(size=z.shape)), "b": list(b)}, modalities=kinds), b


FEW = km.Training(steps=25, batch_size=64, lr=3e-3)
UNITS = (np.array([2.0**-12, 1.0, 2.0**12]), np.array([0.0, 4096.0, -(2.0**20)]))


def started(table: km.Table) -> km.Space:
    """A space whose codes do not depend on b's units: those of a alone, and of a column beside it."""
    a = np.stack(list(table.values("a")))
    cells = {"a": list(a), "c": list(a[:, ::-1] + 0.1), "b": list(table.values("b"))}
    paired = km.Table(cells, modalities=dict.fromkeys("acb", km.Vector()))
    return km.fit(paired.select("a", "c"), km.CCA(dim=3, kernels=("linear",)))


@pytest.mark.parametrize("recipe", [km.Flow(width=16, layers=1), km.Gaussian(width=16, layers=1), km.Ridge()], ids=repr)
def test_what_is_made_follows_the_units(recipe: Any) -> None:
    """Each feature that a user brings is judged by itself: scaled or shifted, it is made scaled or shifted."""
    from kuamo.generation.decoder_training import train_all_decoders
    from kuamo.training.run import Run

    made = []
    for scale, shift in ((1.0, 0.0), UNITS):
        table, b = world(scale, shift)
        space = started(table)
        spare = km.fit(table, km.CCA(dim=3, kernels=("linear",))).port("b")
        rows, y = np.arange(200), spare.encoder(b)
        codes = {p.name: (space.encode(space_table(table, p.name)), rows) for p in space.ports}
        space.ports.append(spare)
        spare.codec = spare.decoder = None
        codes["b"] = (codes["a"][0], rows)
        train_all_decoders(space, rows, codes, {"b": y}, {"b": recipe}, Run(training=FEW))
        draws = np.asarray(space.decode(np.asarray(codes["a"][0]), to="b", seed=3), np.float64)
        made.append((draws - shift) / scale)
    spread = made[0].std(0)
    assert np.abs(made[0] - made[1]).max(0) == pytest.approx(0, abs=0.05 * spread.min())


def space_table(table: km.Table, name: str) -> km.Table:
    a = np.stack(list(table.values("a")))
    return km.Table({name: list(a if name == "a" else a[:, ::-1] + 0.1)}, modalities={name: km.Vector()})


def test_a_scale_is_the_features_own_and_an_offset_is_none() -> None:
    y = np.random.default_rng(0).normal(size=(500, 3)) * [1.0, 1e-6, 1e6] + [1e4, 0.0, 1e9]
    assert np.allclose(scale_of(y), y.std(0)) and np.allclose(scale_of(y - y[0]), y.std(0))
    assert scale_of(np.full((5, 2), [3.0, 0.0])).tolist() == [1, 1]


def test_ridge_keeps_its_digits_beside_a_large_mean() -> None:
    rng = np.random.default_rng(0)
    z = rng.normal(size=(400, 3)).astype(np.float32)
    y = (z @ rng.normal(size=(3, 2)).astype(np.float32)).astype(np.float32)
    here, there = (solve_ridge([(z[:150], one[:150]), (z[150:], one[150:])]) for one in (y, y + np.float32(4096)))
    assert np.allclose(here.map.weight, there.map.weight, atol=1e-3) and abs(here.error - there.error) < 1e-3


def test_energy_in_units_of_each_axis_does_not_hang_on_the_largest() -> None:
    rng = np.random.default_rng(0)
    z = rng.normal(size=(300, 2))
    y = z * [1.0, 1e6]

    class Half:
        """Knows the first axis alone."""

        def sample(self, z: np.ndarray) -> np.ndarray:
            return z * [1.0, 0.0]

    assert energy_score(Half(), z, y) > 1e5 and energy_score(Half(), z, y, unit=scale_of(y)) < 1


def test_guidance_is_for_what_is_looked_at() -> None:
    """Numbers are drawn as they are distributed; and cells that are filled in are draws, whatever the recipe says."""
    assert km.Flow(width=8).build(3, None, 4).guidance == km.Flow(width=8).build(3, ScalarCodec(), 1).guidance == 1
    table = km.datasets.shapes(rows=12, size=16)
    codec = km.ImagePCA.of(table, "image", components=4)
    assert km.Flow(width=8).build(3, codec, 4).guidance == 2
    assert km.Flow(width=8, guidance=1.5).build(3, codec, 4).guidance == 1.5


def test_cells_are_filled_in_without_guidance() -> None:
    table, _ = world()
    holes = km.Table({"a": list(table.values("a")), "b": [None] * 200}, modalities=table.modalities)
    start, found = km.fit(table, km.CCA(dim=3, kernels=("linear",))), []
    for guidance in (1.0, 6.0):
        recipe = km.Flow(width=16, layers=1, guidance=guidance)
        space = km.fit(table, init=start, decoders={"b": recipe}, training=FEW)
        filled, unsure = space.impute(holes, draws=4)
        found.append((np.stack(list(filled.values("b"))), unsure["b"]))
    assert np.array_equal(found[0][0], found[1][0]) and np.array_equal(found[0][1], found[1][1])
