"""Out of the space: decoding, sampling, and importance-sampled likelihoods against what is known exactly."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import kuamo as km
from kuamo.generation.decoders.likelihood import FAMILIES, Likelihood
from kuamo.generation.gaussian_mixture import GaussianMixture
from members import small_toy

SHORT = km.Training(steps=30, batch_size=64)


@pytest.fixture(scope="module")
def space() -> km.Space:
    return km.fit(small_toy(holes=0.2), km.MoPoE(), dim=6, training=SHORT, seed=0)


def test_translate_is_decode_of_encode_for_any_subset(space: km.Space) -> None:
    table = small_toy()
    for given in (("a",), ("b",), ("a", "b")):
        part = table.select(*given)
        made = space.translate(part, to=["a", "b"])
        assert set(made) == {"a", "b"}
        for name, y in made.items():
            assert np.array_equal(y, space.decode(space.encode(part), to=name))
            assert np.array_equal(y, space.translate(part, to=name))


def test_a_draw_is_shared_by_all_targets_and_repeated_by_its_seed(space: km.Space) -> None:
    part = small_toy().select("a")
    both, other = (space.translate(part, to=["a", "b"], sample_posterior=True, seed=seed) for seed in (3, 4))
    assert np.array_equal(both["b"], space.translate(part, to="b", sample_posterior=True, seed=3))
    assert not np.array_equal(both["a"], other["a"])


def test_samples_come_from_the_prior_or_from_where_codes_are(space: km.Space) -> None:
    assert space.sample(5, to="a").shape == (5, 30)
    made = space.sample(4, to=["a", "b"], seed=1)
    assert np.array_equal(made["b"], space.sample(4, to="b", seed=1))
    density = space.fit_prior(small_toy(), components=5)
    assert np.array_equal(space.sample(4, to="b", prior=density), space.sample(4, to="b", prior=density))
    points = km.fit(small_toy(), km.CCA(dim=4))
    with pytest.raises(km.KuamoError, match="codes are points"):
        points.sample(3, to="a")
    assert points.sample(3, to="a", prior=points.fit_prior(small_toy())).shape == (3, 30)
    with pytest.raises(km.KuamoError, match=r"shape \(2, 3\); expected \(n, 6\)"):
        space.decode(np.zeros((2, 3)), to="a")


def test_a_mixture_finds_its_parts_and_integrates_to_one() -> None:
    rng = np.random.default_rng(0)
    parts = [rng.normal(size=(400, 2)) @ np.array([[1.0, 0.0], [0.8, 0.3]]) + center for center in ([0, 0], [6, 1])]
    mixture = GaussianMixture.fit(np.concatenate(parts), components=2)
    order = mixture.means[:, 0].argsort()
    assert np.allclose(mixture.means[order], [[0, 0], [6, 1]], atol=0.3)
    covariance = mixture.factors[order[0]] @ mixture.factors[order[0]].T
    assert np.allclose(covariance, np.cov(parts[0].T, bias=True), atol=0.1)
    grid = np.stack(np.meshgrid(np.linspace(-8, 14, 300), np.linspace(-8, 8, 300)), -1).reshape(-1, 2)
    assert np.exp(mixture.log_prob(grid)).sum() * (22 / 299) * (16 / 299) == pytest.approx(1, abs=0.02)
    drawn = mixture.sample(4000, np.random.default_rng(1))
    assert np.allclose(drawn.mean(0), np.concatenate(parts).mean(0), atol=0.25)
    same = GaussianMixture.fit(np.ones((40, 3)), components=4)  # all the same code: no density to speak of, but no NaN
    assert np.isfinite(same.sample(3, rng)).all()
    with pytest.raises(km.KuamoError, match="at least two finite rows"):
        GaussianMixture.fit(np.full((4, 2), np.nan))


def linear_space() -> tuple[km.Space, km.Table, dict[str, torch.Tensor]]:
    """A space whose decoders are linear, y = W z + e, so that p(y_A) is a Gaussian that can be written down."""
    table = small_toy(30, holes=0.3)
    space = km.fit(table, km.MVAE(), dim=3, training=km.Training(steps=1), seed=0)
    weights = {}
    for number, port in enumerate(space.ports):
        decoder = Likelihood(3, port.decoder.out)
        decoder.net = torch.nn.Linear(3, port.decoder.out, bias=False)
        generator = torch.Generator().manual_seed(number)
        decoder.net.weight.data = 0.4 * torch.randn(port.decoder.out, 3, generator=generator)
        port.decoder, weights[port.name] = decoder, decoder.net.weight.data
    return space, table, weights


@pytest.mark.parametrize("given", [None, ["a"]])
def test_the_likelihood_is_the_exact_one_where_that_is_known(given: list[str] | None) -> None:
    space, table, weights = linear_space()
    found, rows = km.joint_log_likelihood(space, table, given, samples=20000)
    present = table.present()
    wanted = present.any(1) if given is None else present[:, 0]
    assert np.array_equal(rows, np.flatnonzero(wanted))
    expected = []
    for row in rows:
        there = [name for name in ("a", "b") if table[int(row)][name] is not None]
        cells = {name: space.port(name).encoder(table[int(row)][name][None])[0] for name in there}
        y = torch.cat([torch.as_tensor(cells[name]) for name in there])
        w = torch.cat([weights[name] for name in there])
        covariance = w @ w.T + torch.eye(len(w))
        expected.append(torch.distributions.MultivariateNormal(torch.zeros(len(w)), covariance).log_prob(y).item())
        expected[-1] += sum(np.log(space.port(name).encoder.gain).sum() for name in there)  # in the columns' own units
    gap = found - np.array(expected)
    assert np.median(np.abs(gap)) < 0.3
    few, _ = km.joint_log_likelihood(space, table, given, samples=20)
    assert few.mean() < found.mean() + 0.1  # fewer samples, a lower bound


@pytest.mark.parametrize("family", FAMILIES)
def test_a_private_latent_is_integrated_out(family: str) -> None:
    """Σ or ∫ of p(y | z) over y is 1, whatever q(w | y) is."""
    torch.manual_seed(0)
    size = {"gaussian": 1, "laplace": 1, "bernoulli": 2, "categorical": 3}[family]
    decoder = Likelihood(2, size, family=family, private=2)
    grid = torch.linspace(-12, 12, 100)[:, None]
    every = {"bernoulli": torch.tensor([[0.0, 0], [0, 1], [1, 0], [1, 1]]), "categorical": torch.eye(3)}
    y = every.get(family, grid)
    with torch.inference_mode():
        many = y.repeat(2000, 1)
        p = decoder.log_prob(many, torch.zeros(len(many), 2), torch.Generator().manual_seed(1)).exp()
    total = p.reshape(2000, -1).mean(0).sum() * (1 if family in every else 24 / 99)
    assert float(total) == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize(
    "objective", [km.MVAE(subsample=1), km.MMVAE(), km.MoPoE(), km.MVTCAE(), km.MMVM(), km.MMVAEPlus(private=2)]
)
def test_three_columns_two_thirds_empty_and_a_subset_of_any_size(objective: km.Objective) -> None:
    """Some rows have nothing at all; training goes on, and every subset of the columns makes every column."""
    whole = km.datasets.toy(150, modalities=("a", "b", "c"), dims=(12, 9, 6), correlations=(0.9,) * 3, seed=1)
    there = np.random.default_rng(0).random((150, 3)) < 1 / 3
    cells = {n: [whole[i][n] if there[i, k] else None for i in range(150)] for k, n in enumerate("abc")}
    table = km.Table(cells, modalities=whole.modalities)
    assert (~table.present().any(1)).any()
    space = km.fit(table, objective, dim=4, training=SHORT, seed=0)
    for given in (["a"], ["b", "c"], ["a", "b", "c"]):
        made = space.translate(whole.select(*given), to=["a", "b", "c"], sample_posterior=True)
        assert all(np.isfinite(y).all() for y in made.values())
        values, rows = km.joint_log_likelihood(space, table, given, samples=5)
        assert np.isfinite(values).all() and len(rows) == int(table.select(*given).present().any(1).sum())
    assert np.isfinite(np.asarray(space.encode(table))).all()
