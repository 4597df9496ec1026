"""Contrastive losses against the formulas written out slowly."""

from __future__ import annotations

from math import exp, log, log1p

import pytest
import torch

import kuamo as km
from kuamo.cells import Batch, Cells
from kuamo.objectives.contrast import info_nce, sig_lip
from kuamo.step import Step


def example() -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    return 3 * torch.randn(5, 7), torch.rand(5, 7) < 0.3


def test_sig_lip_is_the_paper_s() -> None:
    scores, positive = example()
    for i, loss in enumerate(sig_lip(scores, positive).tolist()):
        signs = [1 if positive[i, j] else -1 for j in range(7)]
        assert loss == pytest.approx(sum(log1p(exp(-signs[j] * float(scores[i, j]))) for j in range(7)), rel=1e-5)


def test_info_nce_averages_over_positives() -> None:
    scores, positive = example()
    expected = []
    for row, right in zip(scores.tolist(), positive.tolist(), strict=True):
        total = log(sum(map(exp, row)))
        terms = [total - score for score, is_right in zip(row, right, strict=True) if is_right]
        expected += [sum(terms) / len(terms)] if terms else []
    assert info_nce(scores, positive).tolist() == pytest.approx(expected, rel=1e-5)


def step_of(marks: dict[str, torch.Tensor]) -> Step:
    row = torch.arange(4)
    cells = {"a": Cells(torch.zeros(4, 1), row), "b": Cells(torch.zeros(3, 1), torch.tensor([0, 1, 3]))}
    return Step(km.Space([]), Batch(4, row, cells, marks), (0, 0), {}, {})


def test_partners_by_label_are_right_in_both_directions() -> None:
    step = step_of({"label": torch.tensor([5, -1, 5, -1])})
    row_a, row_b = step.cells["a"].row, step.cells["b"].row
    one = step.positive(row_a, row_b, "label")
    # rows 0 and 2 share a label; 1 and 3 have none, and are partners to themselves alone
    assert one.tolist() == [[True, False, False], [False, True, False], [True, False, False], [False, False, True]]
    assert torch.equal(one.T, step.positive(row_b, row_a, "label"))
    assert step.labels.tolist() == [5, -1, 5, -1]


def test_a_whole_loss_is_the_formula_for_every_pair_of_columns() -> None:
    torch.manual_seed(1)
    codes = {name: torch.nn.functional.normalize(torch.randn(n, 3), dim=1) for name, n in {"a": 4, "b": 3}.items()}
    step = step_of({"label": torch.tensor([0, 1, 0, 1])})
    step._codes = {name: km.Code(code) for name, code in codes.items()}
    step.space = km.Space([km.space.Port(name, km.Vector(), None, None) for name in codes])
    objective = km.SigLIP(positives="label", temperature=0.5, bias=-1.0)
    step.own = {name: player.module for name, player in objective.build(step.space).items()}
    total = 0.0
    for a, b in (("a", "b"), ("b", "a")):
        for i, row in enumerate(step.cells[a].row.tolist()):
            for j, other in enumerate(step.cells[b].row.tolist()):
                sign = 1 if row % 2 == other % 2 else -1
                score = 2 * float(codes[a][i] @ codes[b][j]) - 1
                total += log1p(exp(-sign * score)) / len(codes[a]) / 2
    assert float(objective(step, "space").detach()) == pytest.approx(total, rel=1e-5)


def test_a_row_mixed_with_one_of_another_label_has_neither() -> None:
    import numpy as np

    from kuamo.cells import FeatureSource, Mix, mixed

    rows = np.arange(6)
    source = FeatureSource(np.eye(6, dtype=np.float32), rows, 6)
    cells, mark = {"a": source.cells(rows, rows)}, np.array([0, 0, 0, 1, 1, 1])
    mixed(cells, {"a": source}, rows, Mix(1.0, (0, 0)), {"label": mark})
    for x, label, before in zip(cells["a"].x.numpy(), mark, (0, 0, 0, 1, 1, 1), strict=True):
        alike = {int(i) // 3 for i in np.flatnonzero(x)} == {before}
        assert label == (before if alike else -1)
    assert -1 in mark


def test_unknown_positives_and_missing_labels_are_refused() -> None:
    with pytest.raises(km.KuamoError, match="'row', 'label', 'group'"):
        km.SigLIP(positives="class")  # type: ignore[arg-type]
    with pytest.raises(km.TableError, match="without a label"):
        km.fit(km.datasets.toy(50), km.InfoNCE(positives="label"))
