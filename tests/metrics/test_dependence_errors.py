"""The measures of relation say what was given, where, and what they expect."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from kuamo.core.errors import KuamoError
from kuamo.metrics.dependence.cka import similarity
from kuamo.metrics.dependence.modality_gap import modality_gap
from kuamo.metrics.dependence.mutual_information import infonce_bound
from kuamo.metrics.dependence.permutation_test import dependence_test

X, Y = np.random.default_rng(0).normal(size=(2, 60, 3))
EVERY = pytest.mark.parametrize("measure", [dependence_test, similarity, infonce_bound, modality_gap])


def refused(call: Callable[[], Any], *words: str) -> None:
    with pytest.raises(KuamoError) as error:
        call()
    for word in words:
        assert word in str(error.value), str(error.value)


@EVERY
def test_a_number_that_is_not_finite_is_named_by_column_and_row(measure: Callable) -> None:
    for value in (np.nan, np.inf):
        bad = Y.copy()
        bad[41, 2] = value
        refused(lambda bad=bad: measure(X, bad), "column 'y'", "row 41", str(value), "position 2", "finite")


@EVERY
def test_equal_rows_are_refused(measure: Callable) -> None:
    refused(lambda: measure(np.full_like(X, 0.1), Y), "column 'x'", "60 equal rows", "differ")


@EVERY
def test_too_few_rows_or_groups_are_refused(measure: Callable) -> None:
    refused(lambda: measure(X[:4], Y[:4]), "given 4 rows", "at least 5")
    refused(lambda: measure(X, Y, np.arange(60) % 3), "given 3 groups", "at least")


@EVERY
def test_columns_and_groups_of_other_lengths_are_refused(measure: Callable) -> None:
    refused(lambda: measure(X, Y[:50]), "60 and 50 rows")
    refused(lambda: measure(X, Y, np.arange(50)), "group", "(50,)", "(60,)")
    refused(lambda: measure(X[:, 0], Y), "'x'", "(60,)", "(n, D)")


def test_options_out_of_range_are_refused() -> None:
    refused(lambda: dependence_test(X, Y, draws=10), "draws", "10", "19")
    refused(lambda: modality_gap(X, Y, draws=10), "draws", "10", "19")
    refused(lambda: similarity(X, Y, k=0), "k=0", "1 neighbour")
    refused(lambda: similarity(X, Y, k=60), "k", "60", "59")
    refused(lambda: infonce_bound(X, Y, batch=1), "batch=1", "at least 2")


def test_a_gap_is_between_codes_of_one_space() -> None:
    refused(lambda: modality_gap(X, Y[:, :2]), "sizes 3 and 2", "one space")
