"""95 % intervals hold what they should where hardly any query is right."""

from __future__ import annotations

import numpy as np
import pytest

import kuamo as km
from kuamo.metrics import bootstrap

TABLES = 200


def coverage(kind: str, p: float, reciprocal: bool, grouped: bool, n: int = 50) -> float:
    """The share of tables whose interval holds the true mean: n queries, right with probability p, else 0 or 1/r."""
    rng, group = np.random.default_rng(0), np.repeat(np.arange(n // 5), 5) if grouped else np.arange(n)
    true = p + (1 - p) * np.mean(1 / np.arange(2, 301)) * reciprocal
    held = 0
    for seed in range(TABLES):
        common, own = rng.random(n)[group] < p, rng.random(n) < p
        right = np.where(rng.random(n) < 0.5, common, own)
        x = np.where(right, 1.0, reciprocal / rng.integers(2, 301, n))
        found = bootstrap(x, kind, groups=group, draws=300, seed=seed)
        held += found.low <= true <= found.high
    return held / TABLES


@pytest.mark.parametrize("grouped", [False, True])
@pytest.mark.parametrize("reciprocal", [False, True])
@pytest.mark.parametrize("p", [0.02, 0.5, 0.95])
def test_intervals_of_scores_hold_the_true_mean(p: float, reciprocal: bool, grouped: bool) -> None:
    assert coverage("score", p, reciprocal, grouped) == pytest.approx(0.95, abs=0.05)


def test_what_resampling_alone_knows_is_not_enough() -> None:
    assert coverage("mean", 0.02, True, False) < 0.85


def test_a_score_lies_between_0_and_1() -> None:
    with pytest.raises(km.KuamoError, match=r"given 'x' from 0.5 to 2 as scores; expected numbers in \[0, 1\]"):
        bootstrap(np.array([0.5, 2.0]), "score")


def test_the_value_is_the_mean_of_the_queries_and_lies_within() -> None:
    for x in (np.full(3, 0.9), np.array([0.4]), np.array([0.0, 0.2, 1.0])):
        found = bootstrap(x, "score")
        assert found.value == pytest.approx(x.mean()) and found.low <= found.value <= found.high and found.n == len(x)
