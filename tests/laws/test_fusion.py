"""Laws of fusion: absence is exact, weights sum to one, special cases are known methods."""

from __future__ import annotations

import pytest
import torch

from kuamo.codes import Code
from kuamo.fusion import Additive, Attention, InverseVariance, Mean, Mixture, Product, Subsets, affinity

FUSIONS = [Mean(), Product(), InverseVariance(), Mixture(), Subsets()]
FUSIONS += [Attention(score) for score in ("dot", "scaled_dot", "cosine")]
EVERY = pytest.mark.parametrize("fusion", FUSIONS, ids=str)


def sample() -> tuple[Code, torch.Tensor]:
    torch.manual_seed(0)
    present = torch.tensor([[True, True, True], [True, False, True], [False, True, False], [False, False, False]])
    return Code(torch.randn(4, 3, 5), torch.randn(4, 3, 5)), present


@EVERY
def test_what_stands_in_an_absent_cell_changes_no_output_and_no_gradient(fusion: object) -> None:
    code, present = sample()
    results = []
    for filler in (0.0, 7.0, float("nan"), float("inf")):
        mean = torch.where(present[..., None], code.mean, filler).requires_grad_()
        logvar = torch.where(present[..., None], code.logvar, filler).requires_grad_()
        joint, weights = fusion(Code(mean, logvar), present)  # type: ignore[operator]
        joint.mean[:3].square().sum().backward()
        assert mean.grad is not None
        grad = mean.grad[present]
        results.append((joint.mean.detach(), weights.detach(), grad))
        assert torch.isfinite(joint.mean).all() and torch.isfinite(weights).all()
    for other in results[1:]:
        assert all(torch.equal(a, b) for a, b in zip(results[0], other, strict=True))


@EVERY
def test_weights_sum_to_one_over_what_is_present(fusion: object) -> None:
    code, present = sample()
    _, weights = fusion(code, present)  # type: ignore[operator]
    assert torch.allclose(weights.sum(-1)[:3], torch.ones(3)) and not weights[~present].any()


@EVERY
def test_order_does_not_matter(fusion: object) -> None:
    code, present = sample()
    turn = torch.tensor([2, 0, 1])
    joint, weights = fusion(code, present)  # type: ignore[operator]
    other, turned = fusion(Code(code.mean[:, turn], code.logvar[:, turn]), present[:, turn])  # type: ignore[operator]
    assert torch.allclose(joint.mean, other.mean, atol=1e-6) and torch.allclose(weights[:, turn], turned, atol=1e-6)


def test_special_cases_are_known_methods() -> None:
    code, present = sample()
    one = torch.tensor([[True, False, False]] * 4)
    alone, _ = InverseVariance()(code, one)
    assert torch.allclose(alone.mean, code.mean[:, 0]) and torch.allclose(alone.logvar, code.logvar[:, 0], atol=1e-5)
    same = Code(code.mean[:, :1].expand(-1, 3, -1))
    _, equal = Attention()(same, present)
    assert torch.allclose(equal, Mean()(same, present)[1])
    both, _ = Product()(Code(torch.ones(1, 1, 2), torch.zeros(1, 1, 2)), torch.tensor([[True]]))
    assert torch.allclose(both.mean, torch.full((1, 2), 0.5))  # one unit expert against the unit prior


def test_subsets_are_uniform_and_singletons_are_a_mixture() -> None:
    present = torch.tensor([[True, True, False]]).expand(6000, 3)
    chosen = Subsets().choose(present, torch.rand(6000, 3, 16, generator=torch.Generator().manual_seed(0)))
    kinds, count = torch.unique(chosen.long() @ torch.tensor([1, 2, 4]), return_counts=True)
    assert kinds.tolist() == [1, 2, 3] and (count / 6000 - 1 / 3).abs().max() < 0.03
    single = Mixture().choose(present, torch.rand(6000, 3, 16, generator=torch.Generator().manual_seed(0)))
    assert (single.sum(-1) == 1).all() and abs(float(single[:, 0].float().mean()) - 0.5) < 0.03
    assert not Subsets().choose(torch.zeros(2, 3, dtype=torch.bool), torch.rand(2, 3, 16)).any()


def test_affinity_formula_and_additive_score() -> None:
    code, present = sample()
    query = torch.randn(4, 5)
    weights = affinity(query, code.mean, present, score="dot", temperature=0.7)
    row = torch.softmax((code.mean[0] @ query[0]) / 0.7, 0)
    assert torch.allclose(weights[0], row, atol=1e-6)
    additive = affinity(query, code.mean, present, score=Additive(5))
    assert torch.allclose(additive.sum(-1)[:3], torch.ones(3))
    with pytest.raises(ValueError, match="expected one of"):
        affinity(query, code.mean, present, score="zzz")
