"""Bounds and likelihoods against torch.distributions and the papers' formulas, written out slowly."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import distributions as D

import kuamo as km
from kuamo.embedding.embedding import Embedding
from kuamo.embedding.heads import LinearHead
from kuamo.embedding.space import Tower
from kuamo.generation.decoders.likelihood import FAMILIES, Likelihood
from kuamo.objectives.mmvm import pairwise_kl
from kuamo.objectives.mvtcae import conditional_kl
from kuamo.objectives.vae import kl_between, kl_of_mixture, kl_to_standard
from kuamo.training.batch import Batch, ColumnBatch
from kuamo.training.step import Step

MEAN, LOGVAR = torch.randn(2, 5, 3, 4, generator=torch.Generator().manual_seed(0))
PRESENT = torch.tensor([[1, 1, 1], [1, 0, 1], [0, 1, 0], [1, 1, 0], [0, 0, 1]]).bool()


def normal(mean: torch.Tensor, logvar: torch.Tensor) -> D.Independent:
    return D.Independent(D.Normal(mean, (0.5 * logvar).exp()), 1)


def test_divergences_are_those_of_torch() -> None:
    p, q = normal(MEAN[:, 0], LOGVAR[:, 0]), normal(MEAN[:, 1], LOGVAR[:, 1])
    expected = D.kl_divergence(p, q)
    assert torch.allclose(kl_between(MEAN[:, 0], LOGVAR[:, 0], MEAN[:, 1], LOGVAR[:, 1]), expected, atol=1e-4)
    standard = normal(torch.zeros(5, 4), torch.zeros(5, 4))
    assert torch.allclose(kl_to_standard(MEAN[:, 0], LOGVAR[:, 0]), D.kl_divergence(p, standard), atol=1e-4)


def test_sums_over_what_is_present_equal_the_slow_ones() -> None:
    joint = Embedding(torch.randn(5, 4), torch.randn(5, 4))
    mixture, pairs, conditional = [], [], []
    z = torch.randn(5, 4)
    for row in range(5):
        q = [normal(MEAN[row, m], LOGVAR[row, m]) for m in range(3) if PRESENT[row, m]]
        among = torch.stack([one.log_prob(z[row]) for one in q]).logsumexp(0) - np.log(len(q))
        mixture.append(among - normal(torch.zeros(4), torch.zeros(4)).log_prob(z[row]))
        pairs.append(sum(D.kl_divergence(a, b) for a in q for b in q) / len(q))
        whole = normal(joint.mean[row], joint.logvar[row])
        conditional.append(sum(D.kl_divergence(whole, one) for one in q) / len(q))
    nothing = torch.full((5, 3, 4), torch.nan)
    seen = [torch.where(PRESENT[..., None], values, nothing) for values in (MEAN, LOGVAR)]
    assert torch.allclose(kl_of_mixture(z, *seen, PRESENT), torch.stack(mixture), rtol=1e-4, atol=1e-4)
    assert torch.allclose(pairwise_kl(Embedding(*seen), PRESENT), torch.stack(pairs), rtol=1e-4, atol=1e-4)
    found = conditional_kl(joint, Embedding(*seen), PRESENT)
    assert torch.allclose(found, torch.stack(conditional), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("learned", [False, True])
def test_likelihoods_are_those_of_torch(family: str, learned: bool) -> None:
    scaled = family in ("gaussian", "laplace")
    if learned and not scaled:
        with pytest.raises(km.KuamoError, match="no scale"):
            Likelihood(4, 6, family=family, learned_scale=True)
        return
    decoder = Likelihood(4, 6, family=family, learned_scale=learned)
    decoder.standardize(torch.arange(6.0), torch.linspace(0.5, 2, 6))
    if decoder.log_scale is not None:
        torch.nn.init.constant_(decoder.log_scale, 0.3)
    z, y = torch.randn(5, 4), torch.randn(5, 6)
    if family == "bernoulli":
        y = torch.rand(5, 6).round()
    if family == "categorical":
        y = torch.eye(6)[torch.tensor([0, 3, 5, 5, 1])]
    location, scale = decoder.net(z), torch.exp(torch.tensor(0.3 if learned else 0.0))
    mean, spread = location / decoder.gain + decoder.shift, scale / decoder.gain
    expected = {
        "gaussian": lambda: D.Normal(mean, spread).log_prob(y).sum(-1),
        "laplace": lambda: D.Laplace(mean, spread).log_prob(y).sum(-1),
        "bernoulli": lambda: D.Bernoulli(logits=location).log_prob(y).sum(-1),
        "categorical": lambda: D.OneHotCategorical(logits=location).log_prob(y),
    }[family]()
    assert torch.allclose(decoder.log_prob(y, z), expected, atol=1e-4)
    gap = decoder.loss(y, z) + expected
    assert torch.allclose(gap, gap[:1].expand(5), atol=1e-4)  # they differ by a constant alone


def three_columns(progress: float = 0.0) -> Step:
    """Five rows, three columns of sizes 6, 3 and 2, present as in `PRESENT`."""
    torch.manual_seed(0)
    names, sizes = ("a", "b", "c"), (6, 3, 2)
    ports, cells = [], {}
    for number, (name, size) in enumerate(zip(names, sizes, strict=True)):
        ports.append(
            Tower(name, km.Vector(), None, LinearHead(size, 4, gaussian=True), decoder=Likelihood(4, size, private=2))
        )
        row = PRESENT[:, number].nonzero()[:, 0]
        cells[name] = ColumnBatch(torch.randn(len(row), size), row)
    targets = {name: cell.x for name, cell in cells.items()}
    frozen = dict.fromkeys(names, True)
    return Step(km.Space(ports), Batch(5, torch.arange(5), cells), (0, 3), targets, frozen, progress=progress)


def plain(step: Step) -> None:
    for port in step.space.ports:
        port.decoder = Likelihood(4, port.decoder.out)


def test_mvtcae_is_the_published_loss() -> None:
    """(M − α)/M Σ w_m nll_m + β ((1 − α) KL(q ‖ p) + α/M Σ KL(q ‖ q_m)), row by row."""
    step = three_columns()
    plain(step)
    alpha, beta, weight = 0.7, 1.5, {"a": 1.0, "b": 2.0, "c": 3.0}
    noise, code = step.noise("z", torch.arange(5), 4), step.stacked()[0]
    bottleneck, nll = [], {name: [] for name in weight}
    for row in range(5):
        there = [m for m in range(3) if PRESENT[row, m]]
        precision = torch.exp(-code.logvar[row, there])
        mean = (precision * code.mean[row, there]).sum(0) / precision.sum(0)
        q = normal(mean, -precision.sum(0).log())
        z = mean + noise[row] * precision.sum(0) ** -0.5
        each = sum(D.kl_divergence(q, normal(code.mean[row, m], code.logvar[row, m])) for m in there)
        prior = D.kl_divergence(q, normal(torch.zeros(4), torch.zeros(4)))
        bottleneck.append((1 - alpha) * prior + alpha / len(there) * each)
        for m in there:
            name = "abc"[m]
            y = step.target(name)[step.cells[name].row == row]
            loss = step.space.port(name).decoder.loss(y, z[None])[0]
            nll[name].append((len(there) - alpha) / len(there) * loss)
    expected = beta * torch.stack(bottleneck).mean() + sum(weight[n] * torch.stack(nll[n]).sum() / 5 for n in nll)
    assert torch.allclose(km.MVTCAE(alpha, beta)(step, "space"), expected, rtol=1e-4)


def test_mmvm_anneals_from_the_standard_normal() -> None:
    for progress, a in ((0.0, 1.0), (0.25, 0.525), (0.8, 0.05)):
        step = three_columns(progress)
        plain(step)
        code, present = step.stacked()
        alone = (kl_to_standard(code.mean, code.logvar) * present).sum(-1)
        change = km.MMVM(beta=2, anneal=0.5)(step, "space") - km.MMVM(beta=1, anneal=0.5)(step, "space")
        assert torch.allclose(change, (a * alone + (1 - a) * pairwise_kl(code, present)).mean(), rtol=1e-3)


def test_mmvae_plus_decodes_the_source_with_its_own_latent_and_the_others_with_the_prior() -> None:
    step = three_columns()
    for port in step.space.ports:  # a prior that is narrow, so that one sees whose w was taken
        torch.nn.init.constant_(port.decoder.prior_logvar, -7.0)
    code, present = step.stacked()
    uniform = torch.stack([step.uniform(f"source/{name}", torch.arange(5), 16) for name in "abc"], 1)
    source = torch.where(present, uniform[..., 0], -1.0).argmax(-1)
    row = torch.arange(5)
    z = Embedding(code.mean[row, source], code.logvar[row, source]).sample(step.noise("z", row, 4))
    shared = kl_of_mixture(z, code.mean, code.logvar, present).mean()
    own, expected = torch.zeros(5), shared
    for number, name in enumerate("abc"):
        decoder, at, y = step.space.port(name).decoder, step.cells[name].row, step.target(name)
        q, noise = decoder.posterior(y), step.noise(f"w/{name}", at, 2)
        w = torch.where((source[at] == number)[:, None], q.sample(noise), noise * np.exp(-3.5))
        own[at] += kl_to_standard(q.mean, q.logvar) * (source[at] == number)
        expected = expected + (6, 3, 2)[0] / (6, 3, 2)[number] * decoder.loss(y, z[at], private=w).sum() / 5
    assert torch.allclose(km.MMVAEPlus(beta=1)(step, "space"), expected + own.mean(), rtol=1e-4)


def test_what_only_some_rows_have_changes_no_other_row_and_nothing_is_nan() -> None:
    """A row with nothing present is skipped: the losses are those of the batch without it."""
    for objective in (km.MVAE(subsample=2), km.MMVAE(), km.MoPoE(), km.MVTCAE(), km.MMVM()):
        step = three_columns()
        plain(step)
        more = Step(step.space, Batch(5, torch.arange(5), step.cells), step.key, step.targets, step.frozen)
        last = {name: cell.row < 4 for name, cell in step.cells.items()}
        cells = {name: ColumnBatch(cell.x[last[name]], cell.row[last[name]]) for name, cell in step.cells.items()}
        targets = {name: step.targets[name][last[name]] for name in cells}
        empty = Step(step.space, Batch(5, torch.arange(5), cells), step.key, targets, step.frozen)
        without = Step(step.space, Batch(5, torch.arange(4), cells), step.key, targets, step.frozen)
        assert torch.isfinite(objective(more, "space"))
        assert torch.allclose(objective(empty, "space"), objective(without, "space"))
