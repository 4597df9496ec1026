"""The games' losses, penalties and moving averages against the formulas written out slowly."""

from __future__ import annotations

from math import exp, log1p

import pytest
import torch

import kuamo as km
from kuamo.objectives.gan_least_squares import least_squares
from kuamo.objectives.gan_relativistic import gradient_penalty, relativistic
from kuamo.objectives.supervised import label_triplet
from kuamo.training.ema import EMA


def test_relativistic_is_the_paper_s() -> None:
    real, fake = torch.tensor([2.0, -1.0]), torch.tensor([0.5, 1.0])
    wanted = [log1p(exp(-(r - f))) for r, f in zip(real.tolist(), fake.tolist(), strict=True)]
    assert relativistic(real, fake).tolist() == pytest.approx(wanted)


def test_least_squares_are_the_paper_s() -> None:
    """Mao et al., equation 9: a = 0 and b = c = 1."""
    real, made = [0.5, 2.0], [0.25]
    ours = least_squares(torch.tensor(real), torch.tensor(made))
    assert ours[0].tolist() == pytest.approx([(d - 1) ** 2 / 2 for d in real])
    assert ours[1].tolist() == pytest.approx([d**2 / 2 for d in made])


def test_the_loss_of_the_cycle_by_hand() -> None:
    """Two rows of which the second lacks b: pairs see one, the game and the cycle both."""
    from kuamo.embedding.space import Tower
    from kuamo.encoders import Identity
    from kuamo.generation.decoders.generator import Generator
    from kuamo.space import Space
    from kuamo.training.batch import Batch, ColumnBatch
    from kuamo.training.step import Step

    torch.manual_seed(0)
    a, b = torch.randn(2, 3), torch.randn(1, 4)
    turn = torch.linalg.qr(torch.randn(4, 3))[0]
    generator, critic = Generator(3, 4, noise=0), torch.nn.Linear(4, 1)
    generator.standardize(torch.ones(4), torch.full((4,), 0.5))
    generator.standardize_codes(torch.zeros(3), torch.tensor([1.0, 0.5, 0.25]))
    head = type("ColumnMonitor", (), {"gaussian": False, "__call__": lambda self, y: km.Embedding(y @ turn)})()
    flat = type("Flat", (), {"gaussian": False, "__call__": lambda self, x: km.Embedding(x)})()
    space = Space(
        [Tower("a", km.Vector(), Identity(), flat), Tower("b", km.Vector(), Identity(), head, decoder=generator)]
    )
    rows = torch.arange(2)
    batch = Batch(2, rows, {"a": ColumnBatch(a, rows), "b": ColumnBatch(b, rows[:1])})
    game = km.LSGAN("a", "b", cycle=3.0, paired=5.0, adversary=2.0, critic=lambda: critic)
    own = {"generator": generator, "critic": lambda y: critic(y)[:, 0]}
    step = Step(space, batch, (0, 0), {"b": b}, {"a": True, "b": True}, own)
    made = generator.generate(a, torch.zeros(2, 0)).detach()
    critic.requires_grad_(False)
    d = [float(critic((y - 1) * 0.5)) for y in made]
    cycle = [float((y @ turn - z).square().sum()) / (1 + 4 + 16) for y, z in zip(made, a, strict=True)]
    wanted = sum((x - 1) ** 2 for x in d) / 2 + 3 * sum(cycle) / 2 + 5 * float(((made[0] - b[0]) * 0.5).square().mean())
    assert float(game(step, "generator").detach()) == pytest.approx(wanted, rel=1e-5)
    real = float(critic((b - 1) * 0.5))
    assert float(game(step, "critic").detach()) == pytest.approx(
        (real - 1) ** 2 / 2 + sum(x**2 for x in d) / 4, rel=1e-5
    )


def test_the_penalty_is_the_squared_slope_and_trains_the_critic() -> None:
    torch.manual_seed(0)
    critic = torch.nn.Sequential(torch.nn.Linear(3, 8), torch.nn.Tanh(), torch.nn.Linear(8, 1)).double()
    y, h = torch.randn(4, 3, dtype=torch.float64), 1e-6
    _, slope = gradient_penalty(lambda y, z: critic(y)[:, 0], y, None)
    for i in range(4):
        each = [(critic(y[i] + h * e) - critic(y[i] - h * e)) / (2 * h) for e in torch.eye(3, dtype=torch.float64)]
        assert float(slope[i].detach()) == pytest.approx(sum(float(d.detach()) ** 2 for d in each), rel=1e-6)
    assert torch.autograd.grad(slope.sum(), critic[0].weight)[0].any()


def test_a_moving_average_is_the_slow_one() -> None:
    module, seen = torch.nn.Linear(1, 1, bias=False), []
    module.weight.data.fill_(4.0)
    average, slow = EMA(module, 0.5), 4.0
    for step in range(8):
        module.weight.data.fill_(float(step))
        average.update(step)
        decay = min(0.5, (1 + step) / (10 + step))
        slow = decay * slow + (1 - decay) * step
        seen.append(float(average.weights["weight"][0, 0]))
    average.take_place()
    assert seen[-1] == pytest.approx(slow) and float(module.weight.detach()) == pytest.approx(slow)


def test_the_triplet_term_by_hand() -> None:
    torch.manual_seed(0)
    u, v = (torch.nn.functional.normalize(torch.randn(n, 3), dim=1) for n in (2, 4))
    same, known = torch.tensor([[1, 0, 1, 0], [0, 0, 0, 0]]).bool(), torch.tensor([[1, 1, 1, 0], [1, 1, 1, 0]]).bool()
    losses = label_triplet(u @ v.T, same, known, margin=3.0, push=0.5).tolist()
    d = torch.cdist(u, v).square().tolist()
    assert losses[0] == pytest.approx((d[0][0] + d[0][2]) / 2 + 0.5 * max(0, 3 - d[0][1]), rel=1e-5)
    assert losses[1] == pytest.approx(0.5 * sum(max(0, 3 - d[1][j]) for j in range(3)) / 3, rel=1e-5)


def test_a_generator_that_is_claimed_is_moved_by_its_player_alone_and_becomes_its_average(tmp_path) -> None:
    from kuamo.generation.decoders.generator import Generator

    table = km.datasets.toy(80, dims=(30, 24), correlations=(0.9,) * 8)
    frozen = Generator(8, 24)
    before = [p.clone() for p in frozen.parameters()]
    still = km.R3("a", "b", lr=1e-12, ema=0.0)
    space = km.fit(table, still, dim=8, decoders={"b": frozen}, training=km.Training(steps=3, batch_size=40, lr=0.1))
    after = list(space.port("b").decoder.parameters())
    assert all(torch.allclose(a, b, atol=1e-6) for a, b in zip(before, after, strict=True))
