"""Contrastive losses against the formulas written out slowly."""

from __future__ import annotations

from collections.abc import Callable
from math import exp, log, log1p
from typing import Any

import pytest
import torch

import kuamo as km
from kuamo.embedding.space import Tower
from kuamo.objectives import tiled_sums as tiles
from kuamo.objectives.contrastive import dcl, info_nce, sig_lip
from kuamo.objectives.triplet import triplet
from kuamo.training.batch import Batch, ColumnBatch
from kuamo.training.step import Step


def example(sharp: float = 3.0) -> tuple[torch.Tensor, ...]:
    """Codes u (5, 4) and v (7, 4), and keys: entries of u with no, one and several partners."""
    torch.manual_seed(0)
    return (
        sharp * torch.randn(5, 4),
        torch.randn(7, 4),
        torch.tensor([0, 1, 2, 2, 9]),
        torch.tensor([2, 1, 0, 2, 1, 5, 7]),
    )


def written_out(u: torch.Tensor, v: torch.Tensor, key_u: torch.Tensor, key_v: torch.Tensor) -> list[tuple]:
    """For each i: scores with partners, and with strangers."""
    found = []
    for x, k in zip(u, key_u, strict=True):
        scores = [(float(x @ y), bool(k == other)) for y, other in zip(v, key_v, strict=True)]
        found.append(([s for s, partner in scores if partner], [s for s, partner in scores if not partner]))
    return found


def both_ways(loss: Callable, of: Callable, *options: Any) -> None:
    """A loss in both directions against a formula of (scores of partners, scores of strangers) or None."""
    for sharp in (0.5, 3.0, 60.0):  # the last beyond what one exponential can hold
        u, v, key_u, key_v = example(sharp)
        for got, rows in zip(
            loss(u, v, key_u, key_v, *options),
            (written_out(u, v, key_u, key_v), written_out(v, u, key_v, key_u)),
            strict=True,
        ):
            wanted = [value for near, far in rows if (value := of(near, far)) is not None]
            assert got.tolist() == pytest.approx(wanted, rel=2e-5, abs=2e-4)


def lse(scores: list[float]) -> float:
    most = max(scores)
    return most + log(sum(exp(score - most) for score in scores))


def softplus(x: float) -> float:
    return max(x, 0.0) + log1p(exp(-abs(x)))


def test_info_nce_averages_over_positives() -> None:
    both_ways(info_nce, lambda near, far: lse(near + far) - sum(near) / len(near) if near else None)


def test_dcl_leaves_the_partners_out_of_the_sum() -> None:
    both_ways(dcl, lambda near, far: lse(far) - sum(near) / len(near) if near and far else None)


def test_sig_lip_is_the_paper_s() -> None:
    bias = torch.tensor(-1.5)
    both_ways(
        sig_lip, lambda near, far: sum(softplus(1.5 - s) for s in near) + sum(softplus(s - 1.5) for s in far), bias
    )


@pytest.mark.parametrize("semi_hard", [False, True])
def test_triplet_looks_at_the_hardest_stranger(semi_hard: bool) -> None:
    def slow(near: list[float], far: list[float]) -> float | None:
        if not near:
            return None
        mean = sum(near) / len(near)
        far = [s for s in far if s < mean] if semi_hard else far
        return max(0.0, 0.2 - mean + max(far)) if far else None

    def loss(u: torch.Tensor, v: torch.Tensor, key_u: torch.Tensor, key_v: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return triplet(u, v, key_u, key_v, 0.2, semi_hard), triplet(v, u, key_v, key_u, 0.2, semi_hard)

    both_ways(loss, slow)


@pytest.mark.parametrize("tile", [2, 3, 2048])
@pytest.mark.parametrize("sharp", [1.0, 60.0])
@pytest.mark.parametrize("apart", [False, True])
def test_tiles_have_the_gradients_of_the_whole_matrix(
    tile: int, sharp: float, apart: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tiles, "TILE", tile)
    u, v, key_u, key_v = example(sharp)
    keys = (key_u, key_v) if apart else (None, None)
    weight = torch.randn(12)

    def gradients(make: Callable) -> tuple[torch.Tensor, ...]:
        x, y = u.double().requires_grad_(), v.double().requires_grad_()
        return torch.autograd.grad(torch.cat(make(x, y)) @ weight.double(), (x, y))

    def whole(x: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, ...]:
        s = x @ y.T
        s = s.masked_fill(key_u[:, None] == key_v, -torch.inf) if apart else s
        return s.logsumexp(1), s.logsumexp(0)

    for ours, theirs in zip(gradients(lambda x, y: tiles.log_sum_exp(x, y, *keys)), gradients(whole), strict=True):
        assert torch.allclose(ours, theirs, atol=1e-9)
    bias = torch.tensor(-0.7, dtype=torch.float64, requires_grad=True)
    x, y = u.double().requires_grad_(), v.double().requires_grad_()
    assert torch.autograd.gradcheck(tiles.softplus_sums, (x, y, bias))


def test_nothing_left_to_sum_moves_nothing() -> None:
    u, v = torch.randn(2, 3, requires_grad=True), torch.randn(2, 3, requires_grad=True)
    rows, columns = tiles.log_sum_exp(u, v, torch.tensor([0, 1]), torch.tensor([0, 0]))
    assert rows[0] == -torch.inf
    (rows[1] + columns.sum()).backward()
    assert torch.isfinite(u.grad).all()
    assert not u.grad[0].any()


def step_of(marks: dict[str, torch.Tensor]) -> Step:
    row = torch.arange(4)
    cells = {"a": ColumnBatch(torch.zeros(4, 1), row), "b": ColumnBatch(torch.zeros(3, 1), torch.tensor([0, 1, 3]))}
    return Step(km.Space([]), Batch(4, row, cells, marks), (0, 0), {}, {})


def test_partners_by_label_are_right_in_both_directions() -> None:
    step = step_of({"label": torch.tensor([5, -1, 5, -1])})
    row_a, row_b = step.cells["a"].row, step.cells["b"].row
    key = step.keys("label")
    # rows 0 and 2 share a label; 1 and 3 have none, and are partners to themselves alone
    one = key[row_a][:, None] == key[row_b]
    assert one.tolist() == [[True, False, False], [False, True, False], [True, False, False], [False, False, True]]
    assert step.labels.tolist() == [5, -1, 5, -1]
    assert step.keys().tolist() == [0, 1, 2, 3]


def test_a_whole_loss_is_the_formula_for_every_pair_of_columns() -> None:
    torch.manual_seed(1)
    codes = {name: torch.nn.functional.normalize(torch.randn(n, 3), dim=1) for name, n in {"a": 4, "b": 3}.items()}
    step = step_of({"label": torch.tensor([0, 1, 0, 1])})
    step._codes = {name: km.Embedding(code) for name, code in codes.items()}
    step.space = km.Space([Tower(name, km.Vector(), None, None) for name in codes])
    objective = km.SigLIP(positives="label", temperature=0.5, bias=-1.0)
    step.own = {name: player.module for name, player in objective.build(step.space).items()}
    total = 0.0
    for a, b in (("a", "b"), ("b", "a")):
        for i, row in enumerate(step.cells[a].row.tolist()):
            for j, other in enumerate(step.cells[b].row.tolist()):
                sign = 1 if row % 2 == other % 2 else -1
                score = 2 * float(codes[a][i] @ codes[b][j]) - 1
                total += log1p(exp(-sign * score)) / (len(codes[a]) + len(codes[b]))
    assert float(objective(step, "space").detach()) == pytest.approx(total, rel=1e-5)


def test_a_row_mixed_with_one_of_another_label_has_neither() -> None:
    import numpy as np

    from kuamo.training.batch import FeatureSource, MixKey, fusemix

    rows = np.arange(6)
    source = FeatureSource(np.eye(6, dtype=np.float32), rows, 6)
    cells, mark = {"a": source.cells(rows, rows)}, np.array([0, 0, 0, 1, 1, 1])
    fusemix(cells, {"a": source}, rows, MixKey(1.0, (0, 0)), {"label": mark})
    for x, label, before in zip(cells["a"].x.numpy(), mark, (0, 0, 0, 1, 1, 1), strict=True):
        alike = {int(i) // 3 for i in np.flatnonzero(x)} == {before}
        assert label == (before if alike else -1)
    assert -1 in mark


def test_unknown_positives_and_missing_labels_are_refused() -> None:
    with pytest.raises(km.KuamoError, match="'row', 'label', 'group'"):
        km.SigLIP(positives="class")  # type: ignore[arg-type]
    with pytest.raises(km.KuamoError, match="temperature: given 0"):
        km.InfoNCE(temperature=0)
    with pytest.raises(km.KuamoError, match="margin: given -1"):
        km.Triplet(margin=-1)
    with pytest.raises(km.TableError, match="labels are missing"):
        km.fit(km.datasets.toy(50), km.InfoNCE(positives="label"))
