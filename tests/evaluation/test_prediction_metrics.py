"""A space that was fitted to predict is judged by what it tells: how often it is right, and how sure it is."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import kuamo as km
from kuamo.core.errors import LeakWarning
from kuamo.evaluation.prediction import numbers
from kuamo.evaluation.report import Report
from kuamo.metrics import bootstrap
from kuamo.metrics.bootstrap import wilson

SHORT = km.Training(steps=60, batch_size=64, lr=1e-2)
KINDS = {"a": km.Vector(), "b": km.Vector(), "kind": km.Category(), "weight": km.Number()}


def world(n: int = 500, names: str = "xy", first: int = 0) -> km.Table:
    rng = np.random.default_rng(first)
    a, b = rng.normal(size=(n, 3)), rng.normal(size=(n, 3))
    kind = [names[int(v > 0)] for v in a[:, 0]]
    weight = 100 + 3 * a[:, 0] + b[:, 0] + 0.3 * rng.normal(size=n)
    return km.Table({"a": list(a), "b": list(b), "kind": kind, "weight": list(weight)}, modalities=KINDS)


@pytest.fixture(scope="module")
def of_kind() -> km.Space:
    return km.fit(world().select("a", "b", "kind"), km.Predict("kind"), dim=8, training=SHORT)


@pytest.fixture(scope="module")
def of_weight() -> km.Space:
    return km.fit(world().select("a", "b", "weight"), km.Predict("weight"), dim=8, training=SHORT)


def test_classes_are_judged_as_told(of_kind: km.Space) -> None:
    test = world(first=1).select("a", "b", "kind")
    report = km.evaluate(of_kind, test, examples=0)
    told = of_kind.predict(test.select("a", "b"), "kind")
    assert told.classes is not None and told.probability is not None
    right = np.array([told.classes.index(one) for one in test.values("kind")])
    assert report["kind_pred_accuracy"] == np.mean(told.probability.argmax(1) == right) > 0.9
    loss = -np.log(told.probability[np.arange(500), right])
    assert report["kind_pred_log_loss"] == pytest.approx(loss.mean()) and report["kind_pred_log_loss"] < 0.3
    assert abs(report["kind_pred_confidence_gap"]) < 0.08
    assert not any("kind_to_" in name or "to_kind" in name for name in report) and "a_to_b_R@1" in report
    assert "accuracy" in str(report) and "confidence_gap" in str(report)


def test_it_is_saved_and_shown(of_kind: km.Space, tmp_path: object) -> None:
    report = km.evaluate(of_kind, world(60, first=1).select("a", "kind"), examples=0)
    report.save(f"{tmp_path}/r.json")
    assert dict(Report.load(f"{tmp_path}/r.json")) == dict(report)
    for lang, word in (("en", "log loss"), ("zh", "对数损失")):
        report.save(f"{tmp_path}/r.html", lang=lang)
        with open(f"{tmp_path}/r.html", encoding="utf-8") as page:
            assert word in page.read()


def test_classes_never_seen_are_counted_and_wrong(of_kind: km.Space) -> None:
    test, strange = (world(200, names=names, first=1).select("a", "b", "kind") for names in ("xy", "xz"))
    known, odd = (km.evaluate(of_kind, one, examples=0) for one in (test, strange))
    share = np.mean([one == "z" for one in strange.values("kind")])
    assert odd["kind_pred_accuracy"] <= known["kind_pred_accuracy"] - 0.9 * share
    assert odd.intervals["kind_pred_log_loss"].n == round(200 * (1 - share))
    assert any(
        f"{round(200 * share)} rows have a class that was not in the training data (['z'])" in n for n in odd.notes
    )
    searched = km.evaluate(km.fit(test, km.CCA(dim=2)), strange, examples=0)  # also where nothing is predicted
    assert any("not in the training data" in note for note in searched.notes) and "a_to_kind_R@1" in searched


def test_a_number_is_told_with_how_far_off_it_may_be(of_weight: km.Space) -> None:
    test = world(first=1)
    report = km.evaluate(of_weight, test.select("a", "b", "weight"), examples=0)
    assert report["weight_pred_R2"] > 0.9 and report["weight_pred_MAE"] < 1
    assert 0.82 < report["weight_pred_coverage_90"] < 0.97
    spreads = [of_weight.predict(test.select(*given), "weight").spread for given in (("a", "b"), ("a",), ("b",))]
    both, first, second = (float(one.mean()) for one in spreads if one is not None)
    assert both < first < second and second == pytest.approx(3, rel=0.25)
    assert spreads[0] is not None and spreads[0].std() > 0


def test_what_is_filled_in_is_as_unsure_as_its_row(of_kind: km.Space, of_weight: km.Space) -> None:
    test, n = world(first=1), 500
    for space, to in ((of_kind, "kind"), (of_weight, "weight")):
        kinds = {name: KINDS[name] for name in ("b", to)}
        holes = km.Table(
            {"a": list(test.values("a")), "b": list(test.values("b")), to: [None] * n},
            modalities=kinds | {"a": km.Vector()},
        )
        filled, unsure = space.impute(holes)
        u = unsure[to]
        assert np.isfinite(u).all() and len(np.unique(u)) > n // 4 and (u >= 0).all()
        if to == "kind":
            wrong = np.array(list(filled.values("kind"))) != np.array(list(test.values("kind")))
            assert u[wrong].mean() > 2 * u[~wrong].mean() and abs(u.mean() - wrong.mean()) < 0.08
        blind, less = space.impute(km.Table({"b": list(test.values("b")), to: [None] * n}, modalities=kinds))
        assert len(blind) == n and less[to].mean() > 1.5 * u.mean()


def test_a_space_keeps_how_far_off_it_is(of_weight: km.Space, tmp_path: object) -> None:
    test = world(20, first=1).select("a", "b")
    of_weight.save(f"{tmp_path}/s")
    again = km.Space.load(f"{tmp_path}/s").predict(test, "weight").spread
    assert np.array_equal(again, of_weight.predict(test, "weight").spread)


def test_numbers_with_known_spread_are_within() -> None:
    rng = np.random.default_rng(0)
    spread, groups = rng.uniform(0.5, 2, 4000), [str(i) for i in range(4000)]
    found = numbers(np.zeros(4000), spread * rng.normal(size=4000), spread, groups, 0)
    assert found["pred_coverage_90"].value == pytest.approx(0.9, abs=0.015)


def test_an_interval_of_no_hit_is_no_point_and_groups_widen_it() -> None:
    assert wilson(0.3, 100) == pytest.approx((0.2189, 0.3958), abs=1e-4)
    none = bootstrap(np.zeros(50))
    assert none.low == 0 and none.high == pytest.approx(0.0714, abs=1e-4)
    grouped = bootstrap(np.zeros(50), groups=np.repeat(np.arange(10), 5))
    assert grouped.high == pytest.approx(wilson(0.0, 10)[1])
    alike = np.repeat(np.random.default_rng(0).random(60) < 0.4, 5).astype(float)
    by_itself, together = bootstrap(alike), bootstrap(alike, groups=np.repeat(np.arange(60), 5))
    ratio = (together.high - together.low) / (by_itself.high - by_itself.low)
    assert ratio == pytest.approx(5**0.5, rel=0.05)


@pytest.mark.parametrize("p", [0.02, 0.5])
def test_intervals_hold_what_they_say(p: float) -> None:
    rng = np.random.default_rng(0)
    held = [(one := bootstrap((rng.random(50) < p).astype(float), draws=2)).low <= p <= one.high for _ in range(400)]
    assert 0.92 < np.mean(held) < 0.99


def test_a_skewed_mean_leans_where_the_truth_may_lie() -> None:
    x = np.random.default_rng(0).exponential(size=40)
    found = bootstrap(x)
    assert found.high - found.value > 1.15 * (found.value - found.low)


def test_confidence_where_columns_interact() -> None:
    """The sign of a product: neither column tells anything alone, and what is learned late is believed all the same."""
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(800, 2)), rng.normal(size=(800, 2))
    y = a[:, 0] * b[:, 0] > 0
    known = km.Classifier(columns={"a": slice(0, 2), "b": slice(2, 4)}, steps=200).fit(np.c_[a, b][:400], y[:400])
    p = known.predict_proba(np.c_[a, b][400:])
    right = np.mean(known.classes_[p.argmax(1)] == y[400:])
    assert right > 0.85 and abs(p.max(1).mean() - right) < 0.08


def test_leaks_through_equal_cells_are_said() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(300, 4)), np.repeat(rng.normal(size=(60, 4)), 5, axis=0)
    kinds = {"a": km.Vector(), "b": km.Vector()}
    with pytest.warns(LeakWarning, match=r"b: \d+ % of the test cells also occur in the training rows.*`group`"):
        train, test = km.Table({"a": list(a), "b": list(b)}, modalities=kinds).split(0.3)
    report = km.evaluate(km.fit(train, km.CCA(dim=2)), test, examples=0)
    assert any("equal another row's" in note and note.startswith("b:") for note in report.notes)
    groups = [str(i // 5) for i in range(300)]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        grouped = km.Table({"a": list(a), "b": list(b)}, modalities=kinds, group=groups)
        grouped.split(0.3)
        km.Table({"text": ["red", "green"] * 150, "a": list(a)}).split(0.3)  # names of kinds may well be shared
    by_group = km.evaluate(km.fit(train, km.CCA(dim=2)), grouped, positives="group", examples=0)
    assert not any("repeat another" in note for note in by_group.notes)
