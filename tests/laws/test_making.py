"""Measures of what is made, against what is known of simple distributions."""

from __future__ import annotations

import numpy as np
import pytest

import kuamo as km
from kuamo.metrics.making import diversity_ratio, frechet_distance, mean_distance, nearest, nearness_ratio, text_overlap


def test_the_frechet_distance_of_gaussians_is_their_formula() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 20_000, 3))
    wide = 2 * b + [1.0, 0.0, -2.0]
    assert abs(frechet_distance(a, wide) - (5 + 3)) < 0.3  # ‖μ‖² + Σ (2 − 1)²
    turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    assert np.isclose(frechet_distance(a @ turn, wide @ turn), frechet_distance(a, wide))
    assert np.isclose(frechet_distance(a, wide), frechet_distance(wide, a))
    assert frechet_distance(a, b) < 0.01


def test_diversity_is_a_ratio_of_spreads_within_conditions() -> None:
    rng = np.random.default_rng(1)
    of = np.repeat(np.arange(5), 40)
    centres = 10 * rng.normal(size=(5, 6))[of]
    real, half = centres + rng.normal(size=(200, 6)), centres + 0.5 * rng.normal(size=(200, 6))
    assert abs(diversity_ratio(half, real, of, of) - 0.5) < 0.05
    assert diversity_ratio(half, real, np.roll(of, 20), of) > 2  # of mixed conditions: as far apart as these are
    assert np.isclose(mean_distance(np.array([[0.0], [3.0], [3.0]])), 2.0)
    with pytest.raises(km.KuamoError, match="given no condition with two made cells"):
        diversity_ratio(half, real, of, of + 5)


def test_copies_are_nearer_than_new_cells() -> None:
    rng = np.random.default_rng(2)
    training, new, made = rng.normal(size=(3, 300, 4))
    assert 0.8 < nearness_ratio(made, training, new) < 1.25
    assert nearness_ratio(training + 0.01, training, new) < 0.1


def test_the_nearest_in_tiles_is_the_nearest(monkeypatch: pytest.MonkeyPatch) -> None:
    from kuamo.metrics import making

    x, among = np.random.default_rng(3).normal(size=(2, 50, 5))
    distance = np.linalg.norm(x[:, None] - among, axis=-1)
    monkeypatch.setattr(making, "TILE", 7)
    number, found = nearest(x, among)
    assert np.array_equal(number, distance.argmin(1)) and np.allclose(found, distance.min(1))


def test_texts_overlap_by_words_and_by_characters() -> None:
    assert text_overlap(["red cat", "", "一只红猫"], ["cat red", "a", "红猫"]).tolist() == [1.0, 0.0, 2 / 3]
    with pytest.raises(ValueError, match="zip"):
        text_overlap(["a"], [])


def test_unequal_features_are_refused() -> None:
    with pytest.raises(km.KuamoError, match=r"given features of shapes \(3, 2\) and \(3, 4\)"):
        frechet_distance(np.zeros((3, 2)), np.zeros((3, 4)))
