"""What columns tell together is mixed from what each says, for every set of columns as if it were solved alone."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
import torch

from kuamo.closed_form.logistic import cross_entropy
from kuamo.objectives.prediction.regression import Chosen, JointRegression, principal_directions
from kuamo.objectives.prediction.subset_regression import MOST, SubsetRegression, fit_subsets, sets

SIZES = (6, 3, 5)


def told_by(rows: int, seed: int = 0, columns: int = 3, number: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Columns that see the same three scores, each with noise of its own; y (n, 3) or (n, 1)."""
    rng, fixed = np.random.default_rng(seed), np.random.default_rng(7)
    score = rng.normal(size=(rows, 3))
    x = [
        (score + (0.4 + 0.3 * m) * rng.normal(size=(rows, 3))) @ fixed.normal(size=(3, SIZES[m % 3]))
        for m in range(columns)
    ]
    y = score[:, :1] if number else np.eye(3)[(2 * score + rng.gumbel(size=(rows, 3))).argmax(1)]
    return np.concatenate(x, 1).astype(np.float32), y.astype(np.float32)


def spans(columns: int = 3) -> dict[str, tuple[slice, float]]:
    ends = np.cumsum([0] + [SIZES[m % 3] for m in range(columns)])
    return {f"c{m}": (slice(int(ends[m]), int(ends[m + 1])), 1.0) for m in range(columns)}


def mixed(
    columns: int = 3, rows: int = 400, holes: float = 0.0, number: bool = False, known: bool = True
) -> tuple[SubsetRegression, np.ndarray, list[tuple[np.ndarray, np.ndarray]], tuple[np.ndarray, np.ndarray]]:
    """A mix, V, the solutions of each column by itself, and that of all."""
    x, y = told_by(rows, columns=columns, number=number)
    there = np.random.default_rng(3).random((rows, columns)) >= holes
    for m, (where, _) in enumerate(spans(columns).values()):
        x[~there[:, m], where] = 0
    held = np.random.default_rng(4).random(rows)
    joint = JointRegression(x, y, held, np.ones(rows), spans(columns), there)
    whole, alone = joint.choose(), [joint.alone(name).choose() for name in joint.spans]
    solved = joint.solve(whole), [joint.alone(n).solve(c) for n, c in zip(joint.spans, alone, strict=True)]
    size = 1 if number else 2
    v = principal_directions([solved[0], *solved[1]], size)
    mix = SubsetRegression(range(columns), size)
    if not known:
        whole = Chosen(whole.penalty, [])
    fit_subsets(mix, joint, whole, alone, v)
    return mix, v, solved[1], solved[0]


def parts(x: np.ndarray, v: np.ndarray, alone: list, whole: tuple, columns: int) -> torch.Tensor:
    """l (n, M, 2r)."""
    said = []
    for m, (where, _) in enumerate(spans(columns).values()):
        w = x[:, where] @ whole[0][where] + whole[1] / columns
        said.append(np.concatenate([w @ v.T, (x[:, where] @ alone[m][0] + alone[m][1]) @ v.T], 1))
    return torch.from_numpy(np.stack(said, 1)).float()


@pytest.mark.parametrize("holes", [0.0, 0.3])
@pytest.mark.parametrize("number", [False, True])
def test_every_set_is_told_as_well_as_by_a_regression_of_its_columns(number: bool, holes: float) -> None:
    mix, v, alone, whole = mixed(holes=holes, number=number)
    x, y = told_by(3000, seed=1, number=number)
    l = parts(x, v, alone, whole, 3)
    train, target = told_by(400, number=number)
    for members in sets(3):
        inside = np.concatenate([np.arange(*list(spans().values())[m][0].indices(99)[:2]) for m in members])
        own = JointRegression(train[:, inside], target, np.random.default_rng(4).random(400), np.ones(400))
        w, b = own.solve(own.choose())
        let_in = torch.zeros(3000, 3)
        let_in[:, list(members)] = 1
        told, best = mix(l, let_in).numpy() @ v, x[:, inside] @ w + b
        loss = (lambda z: float(np.square(z - y).mean())) if number else (lambda z: cross_entropy(z, y))
        assert loss(told) < loss(best) * (1.04 if holes == 0 else 1.1), members
        added = sum(l[:, m, : mix.size].numpy() for m in members) @ v  # what is left of the sum, negative control
        if len(members) == 1:
            assert loss(told) < loss(added)


def test_sets_are_interpolated_between_their_corners() -> None:
    mix, v, alone, whole = mixed()
    l = parts(told_by(50, seed=2)[0], v, alone, whole, 3)
    corner = {
        members: mix(l, torch.tensor([[float(m in members) for m in range(3)]]).expand(50, 3)) for members in sets(3)
    }
    some = mix(l, torch.tensor([[0.3, 1.0, 0.6]]).expand(50, 3))
    expected = 0.4 * corner[(1,)] + 0.3 * corner[(1, 2)] + 0.3 * corner[(0, 1, 2)]
    assert torch.allclose(some, expected, atol=1e-5)
    assert torch.equal(mix(l, torch.zeros(50, 3)), torch.zeros(50, 2))
    plain = SubsetRegression(range(3), 2)  # nothing solved: several add up
    g = torch.tensor([[0.5, 1.0, 1.0]]).expand(50, 3)
    assert torch.allclose(plain(l, g)[:, 0], (0.5 * l[:, :, 0].sum(1) + 0.5 * l[:, 1:, 0].sum(1)), atol=1e-5)


def test_absent_parts_leave_no_trace() -> None:
    mix, v, alone, whole = mixed()
    l = parts(told_by(20, seed=2)[0], v, alone, whole, 3)
    strange = l.clone()
    strange[:, 1] = torch.nan
    let_in = torch.tensor([[1.0, 0.0, 1.0]]).expand(20, 3)
    assert torch.equal(mix(l, let_in), mix(strange, let_in))


def test_of_many_columns_the_whole_is_expected() -> None:
    columns = MOST + 2
    mix, v, alone, whole = mixed(columns, rows=1500)
    x, y = told_by(2000, seed=1, columns=columns)
    l = parts(x, v, alone, whole, columns)
    everything = mix(l, torch.ones(2000, columns)).numpy()
    assert np.allclose(everything, l[:, :, : mix.size].sum(1).numpy(), atol=0.1)
    one = mix(l, torch.eye(columns)[[2]].expand(2000, columns)).numpy()
    assert np.allclose(one, l[:, 2, mix.size :].numpy(), atol=1e-5)
    for members in list(combinations(range(columns), 4))[::20]:
        let_in = torch.zeros(2000, columns)
        let_in[:, list(members)] = 1
        left = l[:, list(members), : mix.size].sum(1).numpy() @ v
        assert cross_entropy(mix(l, let_in).numpy() @ v, y) < cross_entropy(left, y)


def test_without_rows_that_nothing_has_seen_parts_add_up() -> None:
    mix, v, alone, whole = mixed(known=False)
    l = parts(told_by(20, seed=2)[0], v, alone, whole, 3)
    assert torch.allclose(mix(l, torch.ones(20, 3)), l[:, :, :2].sum(1), atol=1e-5)
