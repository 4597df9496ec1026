"""The estimator is the same path as `Predict`, and behaves as scikit-learn expects of its own."""

from __future__ import annotations

import contextlib
import copy
import unittest
import warnings
from functools import cache
from typing import Any

import numpy as np
import pytest

import kuamo as km
from kuamo.fitting.estimators import Classifier, Regressor

# What scikit-learn checks, and does not apply here.
EXPECTED = {
    "check_methods_subset_invariance": "numbers are float32: of another batch they differ in the seventh place",
    "check_methods_sample_order_invariance": "the same",
    "check_sample_weight_equivalence_on_dense_data": "rows are drawn in batches: a row of weight 2 is not two rows",
}

HALVES = {"left": slice(0, 3), "right": slice(3, 6)}


def blobs(rows: int = 120, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng, fixed = np.random.default_rng(seed), np.random.default_rng(9)
    y = rng.integers(0, 3, rows)
    return fixed.normal(size=(3, 6))[y] * 2 + rng.normal(size=(rows, 6)), np.array(["ant", "bee", "cat"])[y]


@pytest.mark.slow
@pytest.mark.parametrize("estimator", [Classifier(steps=4), Regressor(steps=4)], ids=["classifier", "regressor"])
def test_it_passes_the_checks_of_scikit_learn(estimator: Any) -> None:
    checks = pytest.importorskip("sklearn.utils.estimator_checks")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it does not inherit, and that pandas is not there
        found = checks.check_estimator(estimator, expected_failed_checks=EXPECTED, on_fail=None, on_skip=None)
    failed = [f"{one['check_name']}: {one['exception']}" for one in found if one["status"] == "failed"]
    assert not failed and sum(one["status"] == "passed" for one in found) > 40


@pytest.mark.parametrize("parity", [0, 1], ids=["classifier", "regressor"])
def test_it_passes_every_second_check_of_scikit_learn(parity: int) -> None:
    """What both are asked, one of them answers, in turn; what only one is asked, that one."""
    checks = pytest.importorskip("sklearn.utils.estimator_checks")

    def asked(estimator: Any) -> dict[str, Any]:
        made = checks.estimator_checks_generator(estimator, expected_failed_checks=EXPECTED, mark="skip")
        return {getattr(check, "func", check).__name__: (one, check) for one, check in made}

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        both = [asked(Classifier(steps=1)), asked(Regressor(steps=1))]
        shared = sorted(set(both[0]) & set(both[1]))
        mine = [name for name in both[parity] if name not in shared or shared.index(name) % 2 == parity]
        assert len(mine) > 20
        for name in mine:
            estimator, check = both[parity][name]
            with contextlib.suppress(unittest.SkipTest):
                check(estimator)


def test_columns_of_an_array_may_be_absent() -> None:
    (X, y), (new, truth) = blobs(), blobs(seed=1)
    known = Classifier(columns={"left": slice(0, 3), "right": [3, 4, 5]}, steps=30).fit(X, y)
    assert known.score(new, truth) > 0.8 and known.classes_.tolist() == ["ant", "bee", "cat"]
    gone = new.copy()
    gone[:, 3:] = np.nan
    told = known.weigh(gone)
    assert told.columns == ["left", "right"] and np.allclose(told.weights, [1, 0])
    p = known.predict_proba(gone)
    assert np.allclose(p.sum(1), 1) and (known.classes_[p.argmax(1)] == known.predict(gone)).all()
    gone[0, 0] = np.nan
    with pytest.raises(
        km.TableError, match=r"column 'left' \(slice\(0, 3, None\)\), row 0: Input X contains NaN .* 1 of 3"
    ):
        known.predict(gone)


@cache
def halves() -> Classifier:
    """One that knows `blobs()`."""
    return Classifier(columns=HALVES, steps=4).fit(*blobs())


@pytest.mark.parametrize("method", ["fit", "predict_proba", "score"])
def test_a_row_of_nothing_is_refused_everywhere(method: str) -> None:
    X, y = blobs()
    known = Classifier(columns=HALVES, steps=4) if method == "fit" else halves()
    X[7] = X[9] = np.nan
    with pytest.raises(km.TableError, match=r"columns \['left', 'right'\], row 7, and 1 more row: every cell"):
        getattr(known, method)(X, *([y] if method in ("fit", "score") else []))


@pytest.mark.parametrize("filled", [1.0, np.nan], ids=["all the same", "all absent"])
def test_a_column_that_is_constant_in_a_fold_is_set_aside(filled: float) -> None:
    X, y = blobs()
    flat = X.copy()
    flat[:, 3:] = filled
    known = Classifier(columns=HALVES, encoders={"right": km.encoders.Identity()}, steps=30).fit(flat, y)
    assert any(note.startswith("right: not used") for note in known.space_.notes)
    assert known.score(X, y) > 0.6 and known.weigh(X).columns == ["left"]  # other rows may have it all the same
    with pytest.raises(km.TableError, match="given the same cell in all 120 rows"):
        Classifier(columns=HALVES, steps=4).fit(np.ones((120, 6)), y)
    with pytest.raises(km.KuamoError, match="given y of 1 value, 2, in 120 sample"):
        Regressor(steps=4).fit(X, np.full(120, 2.0))


@pytest.mark.parametrize("left", [np.arange(3), np.arange(6) < 3], ids=["positions", "truths"])
def test_parts_of_an_array_are_positions_truths_or_slices(left: np.ndarray) -> None:
    X, _ = blobs()
    same = copy.copy(halves())
    same.columns = {"left": left, "right": slice(-3, None)}
    assert np.array_equal(same.predict_proba(X), halves().predict_proba(X))
    same.columns = {"left": [2, 1, 0], "right": slice(-3, None)}
    assert not np.array_equal(same.predict_proba(X), halves().predict_proba(X))


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"a": slice(0, 9)}, r"column 'a': given slice\(0, 9, None\); expected a slice .* within the 6 features"),
        ({"a": slice(2, 2)}, r"column 'a': given slice\(2, 2, None\), which is none of the 6 features"),
        ({"a": slice(0, 3), "b": slice(2, 6)}, r"column 'b': given slice\(2, 6, None\), and number 2 .* in 'a'"),
        ({"a": [0, 7]}, r"column 'a': given \[0, 7\]; expected a slice, or positions within the 6 features"),
        ({"a": [1, -5]}, r"column 'a': given \[1, -5\], and number 1 twice"),
        ({"a": 1.5}, r"column 'a': given 1.5; expected a slice"),
        ({}, r"given columns=\{\}; expected None, or column → which numbers"),
        ([0, 1], r"given columns=\[0, 1\]; expected None"),
    ],
)
def test_parts_that_are_not_there_or_shared_are_named(columns: Any, message: str) -> None:
    X, y = blobs()
    with pytest.raises(km.TableError, match=message):
        Classifier(columns=columns, steps=4).fit(X, y)


def test_another_number_of_targets_than_rows_is_no_score() -> None:
    X, y = blobs()
    with pytest.raises(km.TableError, match="given X of 120 rows and y of 119"):
        halves().score(X, y[1:])
    with pytest.raises(km.TableError, match="given X of 120 rows and y of 119"):
        Regressor(steps=4).fit(X, X[:, 0]).score(X, X[1:, 0])


def test_a_dict_of_mixed_columns_is_a_table() -> None:
    X, y = blobs()
    cells = {"pose": list(X), "size": [float(row[0]) if k % 3 else None for k, row in enumerate(X)]}
    known = Classifier(columns={"pose": km.Vector(), "size": km.Number()}, steps=30).fit(cells, y)
    assert known.score(cells, y) > 0.8 and known.score({"pose": cells["pose"]}, y) > 0.8
    told = known.predict(km.Table(cells, modalities={"pose": km.Vector(), "size": km.Number()}))
    assert (told == known.predict(cells)).all()


def test_a_number_is_told() -> None:
    X, _ = blobs(rows=200)
    y = X @ np.arange(6.0) + 5
    assert Regressor(steps=60).fit(X[:150], y[:150]).score(X[150:], y[150:]) > 0.97


def test_it_can_be_searched_and_cross_validated() -> None:
    choice = pytest.importorskip("sklearn.model_selection")
    X, y = blobs(rows=60)
    grid = choice.GridSearchCV(Classifier(steps=4), {"noise": [0.0, 0.3]}, cv=2).fit(X, y)
    assert set(grid.best_params_) == {"noise"} and grid.score(X, y) > 0.7
    assert choice.cross_val_score(Regressor(steps=4), X, X[:, 0], cv=2).min() > 0.7


def test_what_cannot_be_learned_is_refused() -> None:
    X, y = blobs()
    with pytest.raises(km.KuamoError, match="expected at least 2 classes"):
        Classifier().fit(X, ["ant"] * len(X))
    with pytest.raises(km.KuamoError, match="given the parameter 'colour'"):
        Classifier().set_params(colour="red")
    with pytest.raises(km.TableError, match=r"column 'a': given 'b', and X has not \['b'\]"):
        Classifier(columns={"a": "b"}).fit(X, y)
    with pytest.raises(ValueError, match="not fitted"):
        Classifier().predict(X)
    assert repr(Classifier(noise=0.1)) == "Classifier(noise=0.1)"


def test_rows_weigh_what_they_are_given() -> None:
    """Two worlds that disagree: whichever weighs more is learned; weight 0 is absence, and equal weights are none."""
    (X, y), (new, truth) = blobs(240), blobs(seed=1)
    other = np.roll(np.array(["ant", "bee", "cat"]), 1)[np.searchsorted(["ant", "bee", "cat"], y[120:])]
    given = np.concatenate([y[:120], other])
    for first, right in ((20.0, True), (0.05, False)):
        weight = np.repeat([first, 1.0], 120)
        score = Classifier(steps=40).fit(X, given, sample_weight=weight).score(new, truth)
        assert (score > 0.8) is right
    some = np.repeat([1.0, 0.0], 120)
    parted = Classifier(steps=5).fit(X, given, sample_weight=2 * some).predict_proba(new)
    assert np.array_equal(parted, Classifier(steps=5).fit(X[:120], y[:120]).predict_proba(new))
    z = np.concatenate([X[:120, 0], -X[120:, 0]])
    known = Regressor(steps=60).fit(X, z, sample_weight=np.repeat([30.0, 1.0], 120))
    assert known.score(new, new[:, 0]) > 0.7
    for wrong in (np.ones(3), -np.ones(240), np.zeros(240), np.full(240, np.nan)):
        with pytest.raises(km.KuamoError, match="given sample_weight"):
            Classifier(steps=4).fit(X, y, sample_weight=wrong)
