"""Draws of numbers have the spread that cells have around what is predicted, whatever decodes them."""

from __future__ import annotations

from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import kuamo as km
from kuamo.generation.decoders.likelihood import Likelihood
from kuamo.generation.residual import ResidualNoise

DRAWS, ROWS, NEW = 19, 500, 300
SHORT = km.Training(steps=100, batch_size=64, lr=3e-3)


@cache
def world() -> tuple[km.Table, km.Table]:
    """b = W u + noise, seen through a = u + noise: a linear Gaussian answer, in other units on each axis."""
    rng = np.random.default_rng(0)
    u = rng.normal(size=(ROWS + NEW, 3))
    b = (u @ rng.normal(size=(3, 3)) + 0.5 * rng.normal(size=u.shape)) * [1.0, 1e3, 1e-3] + [0.0, 1e4, 5.0]
    cells = {"a": list(u + 0.5 * rng.normal(size=u.shape)), "b": list(b)}
    table = km.Table(cells, modalities=dict.fromkeys("ab", km.Vector()))
    return table.take(np.arange(ROWS)), table.take(np.arange(ROWS, ROWS + NEW))


def fitted(how: Any) -> km.Space:
    """A space that a test may change."""
    return deepcopy(learned(how))


@cache
def learned(how: Any) -> km.Space:
    train, _ = world()
    if not isinstance(how, km.Objective):
        space = km.fit(train, km.CCA(dim=3, kernels=("linear",)))
        return km.fit(train, init=space, decoders={"b": how}, training=SHORT)
    return km.fit(train, how, dim=3, training=SHORT)


def covered(space: km.Space) -> float:
    """The share of new cells between the least and the largest of 19 draws: .9, if they are of one distribution."""
    _, new = world()
    drawn = np.asarray(space.translate(new.select("a"), to="b", samples=DRAWS, sample_posterior=True))
    b = np.stack(list(new.values("b")))[:, None]
    return float(((b > drawn).any(1) & (b < drawn).any(1)).mean())


RECIPES = [km.Flow(width=48, layers=1), km.GAN(width=48, layers=1), km.Gaussian(width=48, layers=1)]


@pytest.mark.parametrize("how", [*RECIPES, km.MoPoE(), km.MVTCAE(), km.MMVAEPlus(private=2)], ids=repr)
def test_nine_tenths_of_new_cells_lie_within_nineteen_draws(how: Any) -> None:
    space = fitted(how)
    assert covered(space) == pytest.approx(0.9, abs=0.05)
    space.port("b").residual = None
    if not isinstance(how, km.Flow | km.MVTCAE):  # these draw nearly as they should by themselves
        assert covered(space) < 0.85


def test_it_is_stored_and_a_later_fit_from_the_space_keeps_it(tmp_path: Path) -> None:
    space, (train, new) = fitted(RECIPES[2]), world()
    space.save(tmp_path / "s.space")
    again = km.fit(train, init=km.Space.load(tmp_path / "s.space"), decoders={"a": km.Ridge()})
    drawn = [one.translate(new.select("a"), to="b", samples=2, sample_posterior=True, seed=4) for one in (space, again)]
    assert np.array_equal(*drawn) and not np.allclose(drawn[0][:, 0], drawn[0][:, 1])


def test_the_mean_is_asked_for_without_draws() -> None:
    space, (_, new) = fitted(RECIPES[2]), world()
    mean = space.translate(new.select("a"), to="b")
    assert np.array_equal(mean, space.translate(new.select("a"), to="b", seed=7))
    space.port("b").residual = None
    assert np.array_equal(mean, space.translate(new.select("a"), to="b"))


def test_noise_is_what_draws_lack_and_nothing_where_they_lack_nothing() -> None:
    rng = np.random.default_rng(0)
    y = rng.normal(size=(4000, 2))
    for spread, lacking in ((0.0, 1.0), (0.6, 0.8), (1.0, 0.0), (1.5, 0.0)):
        found = ResidualNoise.of(y, spread * rng.normal(size=(4000, 6, 2)))
        assert found.spread == pytest.approx(lacking, abs=0.15)


def test_noise_of_more_axes_than_rows_is_that_of_the_errors() -> None:
    rng = np.random.default_rng(0)
    errors = rng.normal(size=(40, 5)) @ rng.normal(size=(5, 3000))
    found = ResidualNoise.of(errors, np.zeros((40, 1, 3000)))
    assert found.factor.shape == (3000, 5)
    assert np.allclose(found.factor @ found.factor.T, errors.T @ errors / 40, rtol=0, atol=1e-3)
    assert ResidualNoise.of(errors, np.zeros((40, 1, 3000)), diagonal=True).factor.shape == (3000,)


def test_each_sample_has_its_own_code_and_each_column_its_own_noise() -> None:
    space, (_, new) = fitted(km.MoPoE()), world()
    some = new.select("a").take(np.arange(40))
    drawn = space.translate(some, to=["a", "b"], samples=5, sample_posterior=True)
    assert all(len(np.unique(drawn[name][0, :, 0])) == 5 for name in "ab")
    space.port("a").residual = space.port("b").residual = ResidualNoise(np.eye(3))
    space.port("a").decoder = space.port("b").decoder
    alike = space.translate(some, to=["a", "b"], samples=5, sample_posterior=True)
    noise = [(alike[name] - alike[name].mean((0, 1))) / alike[name].std((0, 1)) for name in "ab"]
    assert not np.allclose(*noise, atol=0.1)


def test_filled_in_cells_say_how_sure_they_are() -> None:
    """u is the spread of b around what a says of it, in deviations of b; a row that says less is less sure."""
    for how in (km.MoPoE(), km.GAN(width=48, layers=1)):
        space, (_, new) = fitted(how), world()
        b = np.stack(list(new.values("b")))
        holes = km.Table({"a": list(new.values("a")), "b": [None] * NEW}, modalities=new.modalities)
        filled, unsure = space.impute(holes, columns=["b"])
        error = (np.stack(list(filled.values("b"))) - b) / b.std(0)
        assert np.isfinite(unsure["b"]).all() and len(np.unique(unsure["b"])) > NEW // 2
        assert np.sqrt(np.square(unsure["b"]).mean()) == pytest.approx(np.sqrt(np.square(error).mean()), rel=0.25)


def test_two_columns_share_their_code_and_no_noise() -> None:
    """Of two columns with one and the same generator, draws given a code have nothing in common."""
    space, (_, new) = fitted(RECIPES[1]), world()
    space.port("a").decoder, space.port("a").residual = space.port("b").decoder, space.port("b").residual
    drawn = space.decode(np.repeat(space.encode(new.select("a").take([0])), 400, axis=0), to=["a", "b"])
    one, other = ((np.asarray(drawn[name]) - np.mean(drawn[name], 0)) / np.std(drawn[name], 0) for name in "ab")
    assert np.abs((one * other).mean(0)).max() < 0.25


def test_probabilities_stay_within_their_range_and_any_seed_is_one() -> None:
    """A Bernoulli likelihood of numbers in [0, 1] gets no Gaussian noise; a seed may be below 0, as for torch."""
    rng = np.random.default_rng(0)
    bits = (rng.random((80, 6)) < 0.5).astype(float)
    table = km.Table({"a": list(bits[:, ::-1]), "b": list(bits)}, modalities=dict.fromkeys("ab", km.Vector()))
    decoders = {name: Likelihood(3, 6, family="bernoulli") for name in "ab"}
    space = km.fit(table, km.MoPoE(), dim=3, decoders=decoders, training=km.Training(steps=5, batch_size=32))
    drawn = np.asarray(space.translate(table.select("a"), to="b", samples=3, sample_posterior=True))
    assert space.port("b").residual is None and 0 <= drawn.min() <= drawn.max() <= 1
    noise = ResidualNoise(np.ones(2))
    assert np.isfinite(noise(np.zeros((3, 2)), -1)).all() and not np.array_equal(
        noise(np.zeros((3, 2)), -1), noise(np.zeros((3, 2)), 1)
    )
