"""Transport plans against POT's, and the gradient of KLOT against one that is unrolled."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest
import torch

import kuamo as km
from kuamo.objectives.optimal_transport import plan_cross_entropy, plan_kl, sinkhorn

HERE = Path(__file__).parents[1]
spec = importlib.util.spec_from_file_location("record_pot", Path(__file__).parent / "record_pot.py")
record = importlib.util.module_from_spec(spec)
spec.loader.exec_module(record)
RECORDED = json.loads((HERE / "fixtures" / "parity" / "pot.json").read_text())["plans"]


@pytest.mark.parametrize("case", record.CASES)
def test_plans_are_pot_s(case: str) -> None:
    plan = torch.tensor(RECORDED[case], dtype=torch.float64)
    scores, a, b = map(torch.from_numpy, record.fixture_scores(case))
    ours = sinkhorn(scores, eps=record.CASES[case][2], iterations=20_000, a=a, b=b, tolerance=1e-12).exp()
    assert torch.allclose(ours, plan, atol=1e-9)


@pytest.mark.parametrize("eps", [1.0, 0.05, 0.01])
def test_marginals_are_exact(eps: float) -> None:
    torch.manual_seed(0)
    a = torch.rand(40).softmax(0)
    plan = sinkhorn(torch.rand(40, 30), eps=eps, iterations=5000, a=a, tolerance=1e-5).exp()
    assert torch.allclose(plan.sum(0), torch.full((30,), 1 / 30), rtol=1e-5)
    assert torch.allclose(plan.sum(1), a, rtol=2e-5)


def test_scores_that_lie_far_apart_stay_finite() -> None:
    torch.manual_seed(0)
    scores = 100 * torch.randn(30, 20)
    log_plan = sinkhorn(scores, eps=0.01)
    assert torch.isfinite(log_plan).all() and torch.allclose(log_plan.exp().sum(0), torch.tensor(1 / 20), rtol=1e-2)
    assert sinkhorn(torch.zeros(0, 4), eps=0.1).shape == (0, 4)


def test_turned_scores_give_the_turned_plan() -> None:
    torch.manual_seed(0)
    scores = torch.rand(12, 9, dtype=torch.float64)
    plan, turned = (sinkhorn(s, eps=0.1, iterations=2000, tolerance=1e-12) for s in (scores, scores.T))
    assert torch.allclose(plan, turned.T, atol=1e-9)


def test_klot_is_the_divergence_and_its_gradient_needs_no_unrolling() -> None:
    torch.manual_seed(0)
    scores = torch.rand(8, 6, dtype=torch.float64, requires_grad=True)
    log_target = sinkhorn(torch.rand(8, 6, dtype=torch.float64), eps=0.05, iterations=5000, tolerance=1e-13)
    f, g = torch.zeros(8, 1, dtype=torch.float64), torch.zeros(6, dtype=torch.float64)
    for _ in range(3000):
        f = -torch.tensor(8.0).log() - torch.logsumexp(scores / 0.2 + g, 1, keepdim=True)
        g = -torch.tensor(6.0).log() - torch.logsumexp(scores / 0.2 + f, 0)
    slow = (log_target.exp() * (log_target - scores / 0.2 - f - g)).sum()
    fast = plan_kl(scores, log_target, eps=0.2, iterations=5000).sum()
    assert float(fast.detach()) == pytest.approx(float(slow.detach()), rel=1e-5)
    (wanted,), (ours,) = (torch.autograd.grad(loss, scores) for loss in (slow, fast))
    assert torch.allclose(ours, wanted, atol=1e-6)


def test_following_a_sure_plan_is_info_nce() -> None:
    from kuamo.objectives.contrastive import info_nce

    torch.manual_seed(0)
    u, v, key = torch.randn(6, 3), torch.randn(6, 3), torch.arange(6)
    plan = torch.where(torch.eye(6).bool(), 0.0, -torch.inf)
    assert torch.allclose(plan_cross_entropy(u @ v.T, plan, 0.5), info_nce(u / 0.5, v, key, key)[0], atol=1e-5)


def test_numbers_that_make_no_sense_are_refused() -> None:
    with pytest.raises(km.KuamoError, match="eps=0"):
        sinkhorn(torch.zeros(2, 2), eps=0.0)
    for wrong in (lambda: km.Sinkhorn(eps=-1.0), lambda: km.KLOT(sharp=0.0), lambda: km.Sinkhorn(temperature=0.0)):
        with pytest.raises(km.KuamoError, match="expected"):
            wrong()
