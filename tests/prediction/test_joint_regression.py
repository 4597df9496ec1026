"""The joint expert is a regression on columns side by side, kept as a sum; two experts are stacked by unseen rows."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import kuamo as km
from kuamo.closed_form.logistic import cross_entropy, logistic
from kuamo.embedding.embedding import Embedding
from kuamo.objectives.prediction.regression import AXES, Chosen, JointRegression, feature_axes, hash_uniform
from kuamo.objectives.prediction.stacking import ExpertOutputs, fit_scales


def classes(rows: int = 300, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, 8)).astype(np.float32)
    return x, np.eye(3)[(x[:, :3] + rng.gumbel(size=(rows, 3))).argmax(1)]


@pytest.mark.parametrize("penalty", [1e-5, 1e-2, 1.0])
def test_logistic_regression_ends_where_the_gradient_is_zero(penalty: float) -> None:
    x, y = classes()
    s = np.random.default_rng(1).random(300)
    w, b = logistic(x, y, penalty, weights=s)
    p = np.exp(x @ w + b)
    error = (s / s.sum())[:, None] * (p / p.sum(1, keepdims=True) - y)
    assert np.abs(x.T @ error + penalty * w).max() < 2e-4 and np.abs(error.sum(0)).max() < 2e-4
    assert np.allclose(w.sum(1), 0, atol=1e-5)  # what all classes share is not needed
    assert cross_entropy(x @ w + b, y, s) + 0.5 * penalty * np.square(w).sum() <= np.log(3) + 1e-9


def test_what_cannot_be_regressed_is_refused() -> None:
    with pytest.raises(km.KuamoError, match=r"given x \(2, 1\), y \(3, 2\)"):
        logistic(np.zeros((2, 1)), np.ones((3, 2)), 0.1)


@pytest.mark.parametrize("shape", [(50, 8), (30, 90), (1200, AXES + 60)])
def test_principal_axes_hold_what_rows_have(shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    x = (rng.normal(size=(shape[0], 6)) @ rng.normal(size=(6, shape[1]))).astype(np.float32)
    axes = feature_axes(x)
    assert np.allclose(x @ axes @ axes.T, x, atol=1e-2)
    assert np.allclose(axes.T @ axes, np.eye(axes.shape[1]), atol=1e-3)


def test_a_number_is_told_as_by_ridge() -> None:
    x, _ = classes()
    y = (x[:, :1] * 2 + 1 + 0.1 * np.random.default_rng(2).normal(size=(300, 1))).astype(np.float32)
    joint = JointRegression(x, y, np.arange(300) / 300, np.ones(300), {"a": (slice(0, 8), 1.0)})
    w, b = joint.solve(Chosen(0.1, []))
    inside, mean = x - x.mean(0), y.mean()
    slow = np.linalg.solve(inside.T @ inside / 300 + 0.1 * np.eye(8), inside.T @ (y - mean) / 300)
    assert np.allclose(w, slow, atol=1e-4) and np.allclose(b, mean - x.mean(0) @ slow, atol=1e-4)
    assert joint.choose().penalty <= 1e-2


def test_the_sum_of_what_columns_add_is_the_regression() -> None:
    x, y = classes()
    cells = {"left": list(x[:, :5]), "right": list(x[:, 5:]), "kind": [f"k{one}" for one in y.argmax(1)]}
    kinds = {"left": km.Vector(), "right": km.Vector(), "kind": km.Category()}
    table = km.Table(cells, modalities=kinds)
    space = km.fit(table, km.Predict("kind"), dim=8, training=km.Training(steps=20))
    mean, _, present = space.encode_columns(table.select("left", "right"))
    trust, decoder = space.fusion, space.port("kind").decoder
    for port in space.ports:  # as if nothing were strange
        assert port.head.joint == 4  # twice K − 1
    trust.usual.fill_(1e6)
    pooled = trust.pool(Embedding(torch.from_numpy(mean)), torch.from_numpy(present))
    told = (pooled.l[:, :2] @ decoder.directions[2:]).numpy()
    assert torch.equal(pooled.n, torch.full_like(pooled.n, 2.0))
    scale = np.concatenate([np.full(5, 1 / np.sqrt(5)), np.full(3, 1 / np.sqrt(3))])
    side = ((x - x.mean(0)) / x.std(0) * scale).astype(np.float32)
    penalty = next(note.values["penalty"] for note in space.notes if getattr(note, "key", "") == "joint")
    w, b = logistic(side, y, penalty)
    assert np.allclose(told, side @ w + b, atol=0.02)
    alone = trust.pool(Embedding(torch.from_numpy(mean)), torch.from_numpy(present & [True, False, False]))
    own = JointRegression(side[:, :5], y.astype(np.float32), hash_uniform(np.arange(300)), np.ones(300))
    w, b = own.solve(own.choose())
    assert np.allclose(decoder.solved(alone.l).numpy(), side[:, :5] @ w + b, atol=0.02)


def test_experts_are_stacked_as_rows_say() -> None:
    rng = np.random.default_rng(0)
    truth = rng.normal(size=(4000, 3)) * 2
    y = np.eye(3)[(truth + rng.gumbel(size=truth.shape)).argmax(1)]
    sure, noise = 3 * truth, rng.normal(size=truth.shape)  # one is three times too sure, one knows nothing
    usual, told = np.log([0.25, 0.75]), np.stack([sure, noise])
    alpha, beta = np.exp(fit_scales(ExpertOutputs(told, y, np.ones(4000)), usual, 1.0))
    assert abs(alpha - 1 / 3) < 0.03 and beta < 0.1
    few = ExpertOutputs(told[:, :4], y[:4], np.ones(4))
    assert np.abs(fit_scales(few, usual, 16.0) - usual).max() < 1  # four rows decide little
    assert np.abs(fit_scales(few, usual, 1e6) - usual).max() < 1e-3


def test_probabilities_are_calibrated() -> None:
    """Of rows that are sure to .6, .6 are right."""
    x, y = classes(rows=240)
    new, truth = classes(rows=3000, seed=5)
    known = km.fit(
        km.Table({"a": list(x), "kind": list(y.argmax(1))}, modalities={"a": km.Vector(), "kind": km.Category()}),
        km.Predict("kind"), dim=16, training=km.Training(steps=200, batch_size=64, lr=1e-2),
    )  # fmt: skip
    told = known.predict([{"a": row} for row in new], "kind")
    assert told.probability is not None
    sure, right = told.probability.max(1), told.probability.argmax(1) == truth.argmax(1)
    assert abs(sure.mean() - right.mean()) < 0.06 and right.mean() > 0.55


def test_a_closed_form_with_fewer_axes_than_asked_is_a_start_too() -> None:
    """Two classes have one direction; the rest of the code begins near nothing, and learns."""
    x, y = classes(rows=200)
    cells = {"a": list(x), "kind": [str(one) for one in y[:, 0] > 0]}
    table = km.Table(cells, modalities={"a": km.Vector(), "kind": km.Category()})
    start = km.fit(table, km.InfoNCE(), dim=4, training=km.Training(steps=0))
    solved = km.fit(table, km.CCA(kernels=("linear",)), dim=4)
    assert start.dim == 4 and solved.dim < 4
    code = start.encode(table.select("a")).mean
    assert np.median(np.abs(code[:, solved.dim :])) < 0.1 * np.median(np.abs(code[:, 0]))
    moved = km.fit(table, km.InfoNCE(), dim=4, training=km.Training(steps=30, lr=1e-2))
    after = moved.encode(table.select("a")).mean
    assert np.abs(after[:, solved.dim :]).mean() > 3 * np.abs(code[:, solved.dim :]).mean()
