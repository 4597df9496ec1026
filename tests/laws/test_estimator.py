"""The estimator is the same path as `Predict`, and behaves as scikit-learn expects of its own."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import kuamo as km
from kuamo.estimator import Classifier, Regressor

# What scikit-learn checks, and does not apply here.
EXPECTED = {
    "check_methods_subset_invariance": "numbers are float32: of another batch they differ in the seventh place",
    "check_methods_sample_order_invariance": "the same",
}


def blobs(rows: int = 120, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng, fixed = np.random.default_rng(seed), np.random.default_rng(9)
    y = rng.integers(0, 3, rows)
    return fixed.normal(size=(3, 6))[y] * 2 + rng.normal(size=(rows, 6)), np.array(["ant", "bee", "cat"])[y]


@pytest.mark.parametrize("estimator", [Classifier(steps=4), Regressor(steps=4)], ids=["classifier", "regressor"])
def test_it_passes_the_checks_of_scikit_learn(estimator: Any) -> None:
    checks = pytest.importorskip("sklearn.utils.estimator_checks")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it does not inherit, and that pandas is not there
        found = checks.check_estimator(estimator, expected_failed_checks=EXPECTED, on_fail=None, on_skip=None)
    failed = [f"{one['check_name']}: {one['exception']}" for one in found if one["status"] == "failed"]
    assert not failed and sum(one["status"] == "passed" for one in found) > 40


def test_columns_of_an_array_may_be_absent() -> None:
    (X, y), (new, truth) = blobs(), blobs(seed=1)
    known = Classifier(columns={"left": slice(0, 3), "right": [3, 4, 5]}, steps=60).fit(X, y)
    assert known.score(new, truth) > 0.8 and known.classes_.tolist() == ["ant", "bee", "cat"]
    gone = new.copy()
    gone[:, 3:] = np.nan
    told = known.weigh(gone)
    assert told.columns == ["left", "right"] and np.allclose(told.weights, [1, 0])
    p = known.predict_proba(gone)
    assert np.allclose(p.sum(1), 1) and (known.classes_[p.argmax(1)] == known.predict(gone)).all()
    gone[0, 0] = np.nan
    with pytest.raises(km.TableError, match="column 'left', row 0: Input X contains NaN"):
        known.predict(gone)


def test_a_dict_of_mixed_columns_is_a_table() -> None:
    X, y = blobs()
    cells = {"pose": list(X), "size": [float(row[0]) if k % 3 else None for k, row in enumerate(X)]}
    known = Classifier(columns={"pose": km.Vector(), "size": km.Number()}, steps=60).fit(cells, y)
    assert known.score(cells, y) > 0.8 and known.score({"pose": cells["pose"]}, y) > 0.8
    told = known.predict(km.Table(cells, modalities={"pose": km.Vector(), "size": km.Number()}))
    assert (told == known.predict(cells)).all()


def test_a_number_is_told() -> None:
    X, _ = blobs(rows=200)
    y = X @ np.arange(6.0) + 5
    assert Regressor(steps=60).fit(X[:150], y[:150]).score(X[150:], y[150:]) > 0.97


def test_it_can_be_searched_and_cross_validated() -> None:
    choice = pytest.importorskip("sklearn.model_selection")
    X, y = blobs(rows=90)
    grid = choice.GridSearchCV(Classifier(steps=4), {"noise": [0.0, 0.3]}, cv=2).fit(X, y)
    assert set(grid.best_params_) == {"noise"} and grid.score(X, y) > 0.7
    assert choice.cross_val_score(Regressor(steps=4), X, X[:, 0], cv=2).min() > 0.7


def test_what_cannot_be_learned_is_refused() -> None:
    X, y = blobs()
    with pytest.raises(km.KuamoError, match="expected at least 2 classes"):
        Classifier().fit(X, ["ant"] * len(X))
    with pytest.raises(km.KuamoError, match="given the parameters"):
        Classifier().set_params(colour="red")
    with pytest.raises(km.TableError, match=r"column 'a': given \['b'\]"):
        Classifier(columns={"a": "b"}).fit(X, y)
    with pytest.raises(ValueError, match="not fitted"):
        Classifier().predict(X)
    assert repr(Classifier(noise=0.1)) == "Classifier(noise=0.1)"
