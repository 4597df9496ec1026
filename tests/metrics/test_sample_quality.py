"""Measures of what is made, against what is known of simple distributions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import kuamo as km
from kuamo.evaluation.generation import energies, retrieval_scores, unbiased_r2
from kuamo.metrics.sample_quality import (
    diversity_ratio,
    frechet_distance,
    mean_distance,
    memorization_ratio,
    nearest_rows,
    token_f1,
)


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
    centers = 10 * rng.normal(size=(5, 6))[of]
    real, half = centers + rng.normal(size=(200, 6)), centers + 0.5 * rng.normal(size=(200, 6))
    assert abs(diversity_ratio(half, real, of, of) - 0.5) < 0.05
    assert diversity_ratio(half, real, np.roll(of, 20), of) > 2  # of mixed conditions: as far apart as these are
    assert np.isclose(mean_distance(np.array([[0.0], [3.0], [3.0]])), 2.0)
    with pytest.raises(km.KuamoError, match="no condition has two generated cells"):
        diversity_ratio(half, real, of, of + 5)


def test_copies_are_nearer_than_new_cells() -> None:
    rng = np.random.default_rng(2)
    training, new, made = rng.normal(size=(3, 300, 4))
    assert 0.8 < memorization_ratio(made, training, new) < 1.25
    assert memorization_ratio(training + 0.01, training, new) < 0.1


def test_the_nearest_in_tiles_is_the_nearest(monkeypatch: pytest.MonkeyPatch) -> None:
    from kuamo.metrics import sample_quality as making

    x, among = np.random.default_rng(3).normal(size=(2, 50, 5))
    distance = np.linalg.norm(x[:, None] - among, axis=-1)
    monkeypatch.setattr(making, "TILE", 7)
    number, found = nearest_rows(x, among)
    assert np.array_equal(number, distance.argmin(1)) and np.allclose(found, distance.min(1))


def test_texts_overlap_by_words_and_by_characters() -> None:
    assert token_f1(["red cat", "", "一只红猫"], ["cat red", "a", "红猫"]).tolist() == [1.0, 0.0, 2 / 3]
    with pytest.raises(ValueError, match="zip"):
        token_f1(["a"], [])


def test_unequal_features_are_refused() -> None:
    with pytest.raises(km.KuamoError, match=r"given features of shapes \(3, 2\) and \(3, 4\)"):
        frechet_distance(np.zeros((3, 2)), np.zeros((3, 4)))


@pytest.fixture(scope="module")
def report() -> tuple[km.Space, km.Table, km.Report]:
    """Pictures of captions, made by a short flow, and a judge that knows red."""
    train, test = km.datasets.shapes(rows=200, size=12, seed=0), km.datasets.shapes(rows=80, size=12, seed=1)
    test.labels = ["red" if colour == "red" else "other" for colour in test.meta["colour"]]
    start = km.fit(train, km.CCA(dim=8, kernels=("linear",)), encoders={"image": PixelLikelihood(), "text": Letters()})
    training = km.Training(steps=200, batch_size=64, lr=5e-3)
    decoders = {"image": km.Flow(width=48, guidance=1.0), "text": km.NearestText()}
    space = km.fit(train, init=start, decoders=decoders, training=training)
    judges = {"image": lambda pictures: ["red" if red(picture) else "other" for picture in pictures]}
    return (
        space,
        test,
        km.evaluate(space, test, generated=["image", "text"], classifiers=judges, training=train, examples=3),
    )


class PixelLikelihood:
    fingerprint = "pixels/1"

    def prepare(self, value: np.ndarray) -> np.ndarray:
        return value.astype(np.float32).reshape(-1)[::2] / 255

    def __call__(self, batch: np.ndarray) -> np.ndarray:
        return np.asarray(batch, dtype=np.float32)


class Letters:
    fingerprint = "letters/2"

    def prepare(self, value: str) -> np.ndarray:
        words = [
            "small",
            "large",
            "red",
            "green",
            "blue",
            "yellow",
            "purple",
            "white",
            "circle",
            "square",
            "triangle",
            "cross",
            "top",
            "bottom",
            "left",
            "right",
        ]
        return np.array([word in value for word in words], dtype=np.float32) + 0.001 * len(value)

    def __call__(self, batch: np.ndarray) -> np.ndarray:
        return np.asarray(batch, dtype=np.float32)


def red(picture: np.ndarray) -> bool:
    r, g, b = (float(picture[..., k].astype(float).max()) for k in range(3))
    return r > 150 and r > 2 * max(g, b)


def test_what_is_made_is_measured(report: tuple[km.Space, km.Table, km.Report]) -> None:
    _, _, found = report
    assert found["text_to_image_gen_R2"] > 0.1 and found["text_to_image_gen_R@1"] > 3 / 80
    assert found["text_to_image_gen_energy"] < min(1, found["text_to_image_gen_energy_ridge"])
    assert 0.2 < found["text_to_image_gen_diversity"] < 1.3 and 0.5 < found["text_to_image_gen_memorization"] < 2
    assert found["text_to_image_gen_accuracy_real"] > 0.95
    assert found["text_to_image_gen_accuracy_codec"] > 0.9 and found["text_to_image_gen_accuracy"] > 0.8
    assert found["image_to_text_gen_token_F1"] > 0.6 and "image_to_text_gen_R2" not in found
    assert len(found.per_query("text_to_image_gen_R2")) == 80
    assert np.isclose(found.per_query("text_to_image_gen_R2").mean(), found["text_to_image_gen_R2"])
    assert "text → image, generated" in str(found) and "accuracy_real" in str(found)


def test_r2_and_energy_are_those_of_the_distribution_whatever_the_draws() -> None:
    """y = z + e: the best R² is ½, that of one noisy draw 0; guidance and the number of draws must not matter."""
    rng = np.random.default_rng(0)
    z, e, e2 = rng.normal(size=(3, 4000, 2))
    own, right = z + e, z[:, None] + rng.normal(size=(4000, 8, 2))
    for draws in (2, 8):
        assert abs(unbiased_r2(right[:, :draws], own).mean() - 0.5) < 0.03
    assert abs(unbiased_r2((z + e2)[:, None], own).mean()) < 0.05  # one point for each row is taken at its word
    scores = [energies(y, own).mean() for y in (right, z[:, None], z[:, None] + 3 * (right - z[:, None]))]
    assert scores[0] == min(scores)


def test_made_features_are_found_by_centred_cosine_both_ways() -> None:
    rng = np.random.default_rng(1)
    real, key = rng.normal(size=(40, 6)), np.arange(40)
    bent = retrieval_scores(real + 9, real, key)
    assert bent["gen_R@10"].mean() < 1  # its own mean is not taken away: a shift is a fault
    good = retrieval_scores(100 + 3 * (real - real.mean(0)), 100 + real - real.mean(0), key)
    assert all(hit.all() for hit in good.values())
    hub = real.copy()
    hub[:30] = real[0]  # thirty rows made alike find one real cell, and are not told apart by theirs
    found = retrieval_scores(hub, real, key)
    assert found["gen_R@1"].mean() == 11 / 40 and found["gen_reverse_R@1"].mean() <= 11 / 40


def test_a_report_of_made_cells_is_saved_and_shown(
    report: tuple[km.Space, km.Table, km.Report], tmp_path: Path
) -> None:
    _, _, found = report
    found.save(tmp_path / "r.json")
    again = km.Report.load(tmp_path / "r.json")
    assert dict(again) == dict(found) and str(again) == str(found)
    for lang, words in (("en", "Generated"), ("zh", "生成结果")):
        found.save(tmp_path / f"{lang}.html", lang=lang)
        again.save(tmp_path / "again.html", lang=lang)
        page = (tmp_path / f"{lang}.html").read_text("utf-8")
        assert words in page and page == (tmp_path / "again.html").read_text("utf-8")
        assert page.count("data:image/png") >= 3 * 5


def test_bad_requests_of_made_columns(report: tuple[km.Space, km.Table, km.Report]) -> None:
    space, test, _ = report
    with pytest.raises(km.KuamoError, match="given samples=1; expected at least 2"):
        km.evaluate(space, test, generated=["image"], samples=1)
    with pytest.raises(
        km.KuamoError, match="given a classifier of column 'image'; expected one of the columns that are generated"
    ):
        km.evaluate(space, test, classifiers={"image": list})
    with pytest.raises(km.KuamoError, match="its classifier gave 3 labels of 80 cells"):
        km.evaluate(space, test, generated=["image"], classifiers={"image": lambda values: ["red"] * 3})
