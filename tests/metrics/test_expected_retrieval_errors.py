"""Errors of the diagnosis of correlation name what was given and what was expected."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import kuamo as km
from kuamo.core.errors import KuamoError
from kuamo.metrics.dependence.align_or_predict import align_or_predict
from kuamo.metrics.dependence.cca_spectrum import spectrum
from kuamo.metrics.dependence.expected_retrieval import expected_retrieval

X = np.random.default_rng(0).normal(size=(20, 3))
BAD = np.where(np.arange(60).reshape(20, 3) == 31, np.nan, X)


@pytest.mark.parametrize(
    "call", [spectrum, align_or_predict, lambda x, y, **more: expected_retrieval(x, y, gallery=5, **more)]
)
@pytest.mark.parametrize(
    ("x", "y", "more", "words"),
    [
        (X, X[:19], {}, "20 and 19 rows; expected as many in both"),
        (X[:5], X[:5], {}, "5 paired rows in 5 groups; expected at least 8 rows in 4 groups"),
        (X, X, {"group": [0, 1] * 10}, "20 paired rows in 2 groups"),
        (X, X, {"group": [1, 2]}, r"group: given shape \(2,\); expected \(20,\)"),
        (X, BAD, {}, "view 'y', row 10, feature 1: given nan; expected finite numbers"),
        (X[0], X, {}, r"view 'x': given shape \(3,\); expected \(n, D\)"),
        (X, X, {"rows": 3}, "rows: given 3; expected at least 8"),
    ],
)
def test_bad_columns(call: Any, x: np.ndarray, y: np.ndarray, more: dict[str, Any], words: str) -> None:
    with pytest.raises(KuamoError, match=words):
        call(x, y, **more)


def test_bad_options() -> None:
    with pytest.raises(KuamoError, match="gallery, k: given 0 and 10; expected at least 1"):
        expected_retrieval(X, X, gallery=0)
    with pytest.raises(KuamoError, match=r"key: given shape \(2,\); expected \(20,\)"):
        expected_retrieval(X, X, gallery=5, key=[1, 2])
    with pytest.raises(KuamoError, match="axes: given 0; expected at least 1"):
        spectrum(X, X, axes=0)
    with pytest.raises(KuamoError, match="dim: given 0; expected at least 1"):
        align_or_predict(X, X, dim=0)
    with pytest.raises(KuamoError, match="label: given 2; expected one for each of 20 rows"):
        align_or_predict(X, X, label=["a", "b"])


def test_bad_toys() -> None:
    with pytest.raises(km.TableError, match="shared_nuisance=2"):
        km.datasets.toy(5, shared_nuisance=2)
    with pytest.raises(km.TableError, match="label_axes=30"):
        km.datasets.toy(5, label_axes=30)
