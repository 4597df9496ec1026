"""Semantic matching: chi-squared features, left-out scores, and a space of classes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import kuamo as km
from kuamo.closed_form import LinearMap, chi_squared_map
from kuamo.closed_form.chi2_kernel import TILE, ChiSquaredMap, chi_squared
from kuamo.closed_form.indicator_ridge import indicators


def histograms(rows: int = 240, classes: int = 3, seed: int = 0, names: tuple[str, ...] = ("a", "b")) -> km.Table:
    """Shares of 12 and 8 bins, whose few telling bins depend on the class; every ninth row has no label."""
    rng = np.random.default_rng(seed)
    label = rng.integers(0, classes, rows)
    columns = {}
    for name, bins in zip(("a", "b"), (12, 8), strict=True):
        likes = np.random.default_rng(bins).dirichlet(np.full(bins, 0.5), classes)
        columns[name] = np.stack([rng.multinomial(40, likes[c]) / 40 for c in label]).astype(np.float32)
    cells = {name: list(columns[name]) for name in names}
    labels = [None if i % 9 == 0 else f"class {c}" for i, c in enumerate(label)]
    return km.Table(cells, modalities=dict.fromkeys(names, km.Vector()), label=labels)


def test_chi_squared_is_the_formula_whatever_the_tile(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    x, a = rng.random((7, 5)).astype(np.float32), rng.random((4, 5)).astype(np.float32)
    x[0, 0] = a[:, 0] = 0
    slow = [[sum((p - q) ** 2 / (p + q) for p, q in zip(u, v, strict=True) if p + q) for v in a] for u in x]
    assert np.allclose(chi_squared(x, a), slow, atol=1e-5)
    whole = chi_squared(x, a)
    monkeypatch.setattr("kuamo.closed_form.chi2_kernel.TILE", 30)
    assert TILE > 30 and np.allclose(chi_squared(x, a), whole, atol=1e-6)


def test_a_chi_squared_map_is_its_kernel_and_goes_on_linearly() -> None:
    rows = np.random.default_rng(0).random((6, 4)).astype(np.float32)
    features = chi_squared_map(rows, 0.7)
    distance = chi_squared(rows, rows)
    kernel = np.exp(-0.7 * distance / distance.mean())
    assert np.allclose(features(rows) @ features(rows).T, kernel, atol=1e-4)
    last = LinearMap(np.zeros(features.dim_out), np.ones((features.dim_out, 2)), np.array([1.0, -1.0]))
    assert np.allclose(features.then(last)(rows), last(features(rows)), atol=1e-4)
    with pytest.raises(km.KuamoError, match="not negative"):
        chi_squared_map(-rows)
    with pytest.raises(km.KuamoError, match=r"features: given shape \(2, 3\)"):
        features(np.ones((2, 3), np.float32))


def test_left_out_scores_are_those_of_a_fit_without_the_row() -> None:
    rng = np.random.default_rng(1)
    x, target = rng.normal(size=(15, 4)), np.eye(3)[rng.integers(0, 3, 15)]
    mean, found = target.mean(0), indicators(x).left_out(target, 0.7)
    for row in range(15):
        rest = np.arange(15) != row
        w = np.linalg.solve(x[rest].T @ x[rest] + 0.7 * np.eye(4), x[rest].T @ (target[rest] - mean))
        assert np.allclose(found[row], mean + x[row] @ w, atol=1e-8)
    w = np.linalg.solve(x.T @ x + 0.7 * np.eye(4), x.T @ (target - mean))
    assert np.allclose(indicators(x).weight(target, 0.7), w, atol=1e-8)


def test_columns_meet_in_their_classes(tmp_path: Path) -> None:
    train, test = histograms(260).split(100, by="id", seed=0)
    space = km.fit(train, km.SemanticMatching(), seed=0)
    report = km.evaluate(space, test, positives="label", examples=0)
    assert space.dim == 3 and min(report["a_to_b_mAP"], report["b_to_a_mAP"]) > 0.8
    assert "semantic matching of 3 classes" in space.notes[-1]
    space.save(tmp_path / "s")
    again = km.Space.load(tmp_path / "s")
    assert np.array_equal(np.asarray(space.encode(test)), np.asarray(again.encode(test)))
    assert np.array_equal(
        np.asarray(space.encode(test)), np.asarray(km.fit(train, km.SemanticMatching(), seed=0).encode(test))
    )


def test_a_chi_squared_head_is_saved_too(tmp_path: Path) -> None:
    table = histograms(120)
    space = km.fit(table, km.SemanticMatching(kernels=("chi-squared",)), seed=0)
    assert all(isinstance(port.head.map, ChiSquaredMap) for port in space.ports)
    space.save(tmp_path / "s")
    assert np.array_equal(np.asarray(space.encode(table)), np.asarray(km.Space.load(tmp_path / "s").encode(table)))


def test_shuffled_labels_say_nothing() -> None:
    """The negative control."""
    train, test = histograms(260).split(100, by="id", seed=0)
    train.labels = list(np.random.default_rng(0).permutation([str(label) for label in train.labels]))
    report = km.evaluate(km.fit(train, km.SemanticMatching(), seed=0), test, positives="label", examples=0)
    assert report["a_to_b_mAP"] < 0.6


def test_labels_are_enough_partners_are_not_needed() -> None:
    table = histograms(240)
    cells = {name: [row[name] if i % 2 == k else None for i, row in enumerate(table)] for k, name in enumerate("ab")}
    apart = km.Table(cells, modalities=table.modalities, label=table.labels)
    space = km.fit(apart, km.SemanticMatching(), seed=0)
    assert km.evaluate(space, histograms(100, seed=3), positives="label", examples=0)["a_to_b_mAP"] > 0.7


def test_what_it_cannot_do_is_said() -> None:
    table = histograms(60)
    with pytest.raises(km.TableError, match="given kernel 'cubic'"):
        km.fit(table, km.SemanticMatching(kernels=("cubic",)))
    table.labels = None
    with pytest.raises(km.TableError, match="labels are missing"):
        km.fit(table, km.SemanticMatching())
