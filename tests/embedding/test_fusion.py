"""Laws of fusion: absence is exact, weights sum to one, special cases are known methods."""

from __future__ import annotations

import warnings
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import kuamo as km
from kuamo.core.errors import FusionWarning, KuamoError
from kuamo.embedding.embedding import Embedding
from kuamo.embedding.fusion import (
    AdditiveScore,
    Attention,
    Mean,
    MixtureOfExperts,
    MixtureOfProducts,
    PrecisionWeighted,
    ProductOfExperts,
    attention,
)
from kuamo.embedding.trained_fusion import TrainedFusion
from members import small_toy

FUSIONS = [Mean(), ProductOfExperts(), PrecisionWeighted(), MixtureOfExperts(), MixtureOfProducts()]
FUSIONS += [Attention(score) for score in ("dot", "scaled_dot", "cosine")]
SPECS = [Attention(score, query=query, keep="always") for score, query in zip(
    ("dot", "scaled_dot", "cosine", "additive"), ("mean", "learned", "b", "c"), strict=True
)]  # fmt: skip
SPECS += [km.Gating(experts=3, keep="always"), km.LateFusion(keep="always"), km.TensorFusion(rank=4, keep="always")]
SPECS += [km.CrossAttention(query, 2, 8, keep="always") for query in ("all", "b", "learned")]
NAMES = ["a", "b", "c"]


def trained(spec: Any, names: list[str] = NAMES) -> Any:
    """A fusion that moved: weights are drawn by the names of columns, then all of them are made larger."""
    torch.manual_seed(1)
    fusion = spec.bind(names, 5)
    with torch.no_grad():
        for parameter in fusion.parameters():
            parameter.mul_(3.0)
    return fusion


FUSIONS += [trained(spec) for spec in SPECS]
EVERY = pytest.mark.parametrize("fusion", FUSIONS, ids=str)


def sample() -> tuple[Embedding, torch.Tensor]:
    torch.manual_seed(0)
    present = torch.tensor([[True, True, True], [True, False, True], [False, True, False], [False, False, False]])
    return Embedding(torch.randn(4, 3, 5), torch.randn(4, 3, 5)), present


@EVERY
def test_what_stands_in_an_absent_cell_changes_no_output_and_no_gradient(fusion: object) -> None:
    code, present = sample()
    results = []
    for filler in (0.0, 7.0, float("nan"), float("inf")):
        mean = torch.where(present[..., None], code.mean, filler).requires_grad_()
        logvar = torch.where(present[..., None], code.logvar, filler).requires_grad_()
        joint, weights = fusion(Embedding(mean, logvar), present)  # type: ignore[operator]
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
def test_order_does_not_matter(fusion: Any) -> None:
    code, present = sample()
    turn = torch.tensor([2, 0, 1])
    joint, weights = fusion(code, present)
    if isinstance(fusion, TrainedFusion):  # which knows columns by their names
        fusion = trained(SPECS[FUSIONS.index(fusion) - len(FUSIONS)], [NAMES[m] for m in turn])
    other, turned = fusion(Embedding(code.mean[:, turn], code.logvar[:, turn]), present[:, turn])
    assert torch.allclose(joint.mean, other.mean, atol=1e-6) and torch.allclose(weights[:, turn], turned, atol=1e-6)


def test_special_cases_are_known_methods() -> None:
    code, present = sample()
    one = torch.tensor([[True, False, False]] * 4)
    alone, _ = PrecisionWeighted()(code, one)
    assert torch.allclose(alone.mean, code.mean[:, 0]) and torch.allclose(alone.logvar, code.logvar[:, 0], atol=1e-5)
    same = Embedding(code.mean[:, :1].expand(-1, 3, -1))
    _, equal = Attention()(same, present)
    assert torch.allclose(equal, Mean()(same, present)[1])
    both, _ = ProductOfExperts()(Embedding(torch.ones(1, 1, 2), torch.zeros(1, 1, 2)), torch.tensor([[True]]))
    assert torch.allclose(both.mean, torch.full((1, 2), 0.5))  # one unit expert against the unit prior


def test_subsets_are_uniform_and_singletons_are_a_mixture() -> None:
    present = torch.tensor([[True, True, False]]).expand(6000, 3)
    chosen = MixtureOfProducts().choose(present, torch.rand(6000, 3, 16, generator=torch.Generator().manual_seed(0)))
    kinds, count = torch.unique(chosen.long() @ torch.tensor([1, 2, 4]), return_counts=True)
    assert kinds.tolist() == [1, 2, 3] and (count / 6000 - 1 / 3).abs().max() < 0.03
    single = MixtureOfExperts().choose(present, torch.rand(6000, 3, 16, generator=torch.Generator().manual_seed(0)))
    assert (single.sum(-1) == 1).all() and abs(float(single[:, 0].float().mean()) - 0.5) < 0.03
    assert not MixtureOfProducts().choose(torch.zeros(2, 3, dtype=torch.bool), torch.rand(2, 3, 16)).any()


def test_affinity_formula_and_additive_score() -> None:
    code, present = sample()
    query = torch.randn(4, 5)
    weights = attention(query, code.mean, present, score="dot", temperature=0.7)
    row = torch.softmax((code.mean[0] @ query[0]) / 0.7, 0)
    assert torch.allclose(weights[0], row, atol=1e-6)
    additive = attention(query, code.mean, present, score=AdditiveScore(5))
    assert torch.allclose(additive.sum(-1)[:3], torch.ones(3))
    with pytest.raises(ValueError, match="expected one of"):
        attention(query, code.mean, present, score="zzz")


def test_attention_that_weighs_two_columns_alike_says_so() -> None:
    """The mean of two codes of one length is as near to the one as to the other; a column's own query is not."""
    torch.manual_seed(0)
    code = Embedding(torch.nn.functional.normalize(torch.randn(50, 2, 5), dim=-1))
    present = torch.ones(50, 2, dtype=torch.bool)
    for score in ("dot", "scaled_dot", "cosine"):
        with pytest.warns(FusionWarning, match=f"attention with score='{score}' and the mean of two codes"):
            assert torch.allclose(Attention(score)(code, present)[1], torch.full((50, 2), 0.5), atol=1e-6)
    for fusion in (Attention("cosine", query=1), Attention("additive", dim=5)):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert fusion(code, present)[1].std() > 1e-3
    longer = Embedding(code.mean * torch.tensor([1.0, 2.0])[:, None])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Attention("dot")(longer, present)
        Attention("cosine")(Embedding(torch.randn(4, 3, 5)), torch.ones(4, 3, dtype=torch.bool))


def test_a_columns_query_favours_what_agrees_with_it() -> None:
    asked = torch.nn.functional.normalize(torch.randn(40, 4), dim=-1)
    code = Embedding(torch.stack([asked, asked, torch.randn(40, 4)], 1))
    present = torch.ones(40, 3, dtype=torch.bool)
    present[:5, 0] = False
    _, weights = Attention("cosine", 0.2, query=0)(code, present)
    assert (weights[5:, 1] > weights[5:, 2]).float().mean() > 0.95 and not weights[:5, 0].any()
    with pytest.raises(KuamoError, match="given query=3; expected a place among 3 columns"):
        Attention("cosine", query=3)(code, present)


@pytest.mark.parametrize(
    "fusion", [Attention("additive", dim=4), Attention(AdditiveScore(4, 8), 0.5, 1), Attention("dot")]
)
def test_attention_is_saved_with_its_score(fusion: Attention, tmp_path: Path) -> None:
    table = small_toy(40)
    space = km.fit(table, km.CCA(dim=4))
    space.fusion = fusion
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FusionWarning)
        before = np.asarray(space.encode(table))
        space.save(tmp_path / "s")
        assert np.array_equal(np.asarray(km.Space.load(tmp_path / "s").encode(table)), before)


@pytest.mark.parametrize("given", [{"score": "l2"}, {"temperature": 0.0}, {"query": 1.5}, {"query": -1}])
def test_attention_refuses_what_it_cannot_be(given: dict[str, Any]) -> None:
    with pytest.raises(KuamoError, match="expected one of"):
        Attention(**given)


@pytest.mark.parametrize("given", [{"score": "additive"}, {"query": "learned"}, {"query": "image"}])
def test_attention_that_must_be_trained_does_not_weigh_before(given: dict[str, Any]) -> None:
    code, present = sample()
    with pytest.raises(KuamoError, match=r"must be trained; expected it as fit\(\.\.\., fusion=\)"):
        Attention(**given)(code, present)
    with pytest.raises(km.TableError, match="expected 'mean', 'learned', or one of"):
        Attention(query="text").bind(["a", "b"], 4)


@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_a_row_with_one_cell_is_that_cells_code(spec: Any) -> None:
    code, _ = sample()
    alone = torch.eye(3, dtype=torch.bool)[[0, 1, 2, 0]]
    for target in (None, torch.tensor([-1, 0, 1, 2])):
        joint, weights = trained(spec)(code, alone, target)
        assert torch.allclose(joint.mean, code.mean[alone], atol=1e-6) and torch.equal(weights, alone.float())


@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_a_target_changes_what_is_asked_and_absence_stays_exact(spec: Any) -> None:
    code, present = sample()
    fusion, target = trained(spec), torch.tensor([1, -1, 0, 2])
    with torch.no_grad():
        for name, parameter in fusion.named_parameters():
            if name == "wanted" or name.startswith("own"):
                parameter.normal_()
    found = []
    for filler in (0.0, float("nan")):
        mean = torch.where(present[..., None], code.mean, filler).requires_grad_()
        joint, weights = fusion(Embedding(mean), present, target)
        joint.mean.square().sum().backward()
        found.append((joint.mean.detach(), weights.detach(), mean.grad[present]))  # type: ignore[index]
    assert all(torch.equal(a, b) for a, b in zip(*found, strict=True))
    asks = isinstance(spec, Attention | km.LateFusion | km.CrossAttention)
    assert torch.allclose(found[0][0], fusion(code, present)[0].mean) != asks


@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_a_trained_fusion_is_copied_and_saved(spec: Any, tmp_path: Path) -> None:
    names = ("a", "b", "c")
    table = small_toy(90, names=names)
    few = km.Training(steps=20, batch_size=64)
    space = km.fit(table, km.CCA(dim=5, kernels=("linear",)), fusion=spec, training=few)
    assert "trained for 20 steps" in str(space.notes[-1])
    before = space.encode(table.select("a", "b"), target="c")
    assert np.array_equal(deepcopy(space).encode(table.select("a", "b"), target="c").mean, before.mean)
    space.save(tmp_path / "s")
    loaded = km.Space.load(tmp_path / "s")
    assert np.array_equal(np.asarray(loaded.encode(table.select("a", "b"), target="c")), np.asarray(before))
    query = {name: table[3][name] for name in "ab"}
    scores = [hit.score for hit in loaded.index(table).search(query, to="c", k=3)]
    ours = loaded.similarity(loaded.encode([query], target="c"), loaded.encode_column(table, "c")[0])[0]
    assert np.allclose(scores, np.sort(ours)[::-1][:3], atol=1e-5)
    with pytest.raises(km.TableError, match="a start whose fusion has"):
        km.fit(small_toy(40), km.InfoNCE(), init=loaded, training=km.Training(steps=1))
    with pytest.raises(km.TableError, match="no column 'x'"):
        loaded.encode(table, target="x")


def test_two_columns_say_that_there_is_nothing_to_learn_a_fusion_by() -> None:
    for objective in (km.CCA(dim=4), km.InfoNCE()):
        space = km.fit(small_toy(60), objective, fusion=km.LateFusion(), training=km.Training(steps=2))
        assert any("is as it began" in str(note) for note in space.notes)


# ── parts of cells ───────────────────────────────────────────────────────────────────────────────────────────────

CROSS = [km.CrossAttention(query, 2, 8) for query in ("all", "learned", "b")]
EVERY_CROSS = pytest.mark.parametrize("spec", CROSS, ids=str)


def with_parts(spec: Any, names: list[str] = NAMES) -> Any:
    """As `trained`, of columns a and c with parts of 3 and 2 numbers."""
    torch.manual_seed(1)
    fusion = spec.bind(names, 5, {"a": 3, "c": 2})
    with torch.no_grad():
        for parameter in fusion.parameters():
            parameter.mul_(3.0)
    return fusion


def parts_of_sample() -> dict[int, tuple[torch.Tensor, torch.Tensor]]:
    torch.manual_seed(2)
    there = torch.tensor([[True] * 4, [True, False, True, False], [True] * 4, [True] * 4])
    return {0: (torch.randn(4, 4, 3), there), 2: (torch.randn(4, 2, 2), there[:, :2])}


@EVERY_CROSS
def test_what_is_no_part_changes_nothing(spec: Any) -> None:
    """Neither what stands beyond a cell's last part, nor parts of a cell that is absent; gradients are finite."""
    code, present = sample()
    fusion, found = with_parts(spec), []
    for filler in (0.0, 7.0, float("nan"), float("inf")):
        parts = {}
        for m, (x, there) in parts_of_sample().items():
            known = there & present[:, m, None]
            parts[m] = torch.where(known[..., None], x, filler).requires_grad_(), there
        joint, weights = fusion(Embedding(code.mean, parts=parts), present)
        joint.mean.square().sum().backward()
        grads = [x.grad[there & present[:, m, None]] for m, (x, there) in parts.items()]  # type: ignore[index]
        found.append([joint.mean.detach(), weights.detach(), *grads])
        assert torch.allclose(weights.sum(-1)[:3], torch.ones(3)) and not weights[~present].any()
    for other in found[1:]:
        assert all(torch.equal(a, b) and torch.isfinite(a).all() for a, b in zip(found[0], other, strict=True))


@EVERY_CROSS
def test_order_of_columns_does_not_matter_to_their_parts(spec: Any) -> None:
    code, present = sample()
    turn = [2, 0, 1]
    joint, weights = with_parts(spec)(Embedding(code.mean, parts=parts_of_sample()), present)
    moved = {turn.index(m): both for m, both in parts_of_sample().items()}
    turned = Embedding(code.mean[:, turn], parts=moved)
    other, others = with_parts(spec, [NAMES[m] for m in turn])(turned, present[:, turn])
    assert torch.allclose(joint.mean, other.mean, atol=1e-5) and torch.allclose(weights[:, turn], others, atol=1e-5)
    alone = torch.eye(3, dtype=torch.bool)[[0, 1, 2, 0]]
    joint, weights = with_parts(spec)(Embedding(code.mean, parts=parts_of_sample()), alone)
    assert torch.allclose(joint.mean, code.mean[alone], atol=1e-6) and torch.equal(weights, alone.float())


def test_a_column_that_asks_has_no_weight_beside_others() -> None:
    code, present = sample()
    weights = with_parts(km.CrossAttention("a", 2, 8))(Embedding(code.mean, parts=parts_of_sample()), present)[1]
    assert not weights[:2, 0].any() and weights[2, 1] == 1
    with pytest.raises(km.TableError, match="expected 'all', 'learned', or one of"):
        km.CrossAttention("text").bind(["a", "b"], 4)
    with pytest.raises(KuamoError, match="a width that is a multiple of heads"):
        km.CrossAttention(heads=3, width=8)
