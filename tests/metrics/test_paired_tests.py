"""Laws of paired tests: a system equals itself, a false alarm is as rare as the level says, a real gain is found."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import kuamo as km
from kuamo.evaluation.report import Report
from kuamo.evaluation.results import Direction
from kuamo.metrics import Interval, holm, paired_test, sign_flip


def report_of(rank: np.ndarray, query: list[str] | None = None, group: np.ndarray | None = None) -> Report:
    """A report of one pair with these ranks."""
    query = query or [f"q{i}" for i in range(len(rank))]
    pair = Direction("a", "b", query, group, 100, "same", {}, {"rank": rank})
    names = ("R@1", "R@10", "median_rank", "MRR")
    return Report("x", {f"a_to_b_{name}": Interval(0, 0, 0, len(rank)) for name in names}, pairs={"a_to_b": pair})


def test_a_report_equals_itself_in_any_order() -> None:
    rng = np.random.default_rng(0)
    rank, order = rng.integers(1, 100, 80), rng.permutation(80)
    one, turned = report_of(rank), report_of(rank[order], [f"q{i}" for i in order])
    for other in (one, turned):
        for difference in one.compare(other).differences.values():
            assert (difference.value, difference.low, difference.high) == (0, 0, 0)
            assert (difference.p, difference.p_bootstrap, difference.p_holm) == (1, 1, 1)


def test_turning_the_comparison_turns_the_signs() -> None:
    rng = np.random.default_rng(1)
    a, b = report_of(rng.integers(1, 20, 60)), report_of(rng.integers(1, 100, 60))
    there, back = a.compare(b).differences, b.compare(a).differences
    for name, one in there.items():
        assert (one.value, one.low, one.high) == pytest.approx((-back[name].value, -back[name].high, -back[name].low))
        assert one.p == back[name].p


def false_alarms(kinds: list[str], groups: np.ndarray | None, told: bool, seeds: int = 400) -> np.ndarray:
    """Share of seeds in which two equally random systems differ "at 5 %": [MRR, mean rank, rank], both tests."""
    found = []
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        shape = (60, 2)
        rank = rng.integers(1, 100, shape)
        if groups is not None:  # all queries of a group fare alike
            rank = rng.integers(1, 100, (groups.max() + 1, 2))[groups]
        both = [np.stack([1 / rank[:, s], rank[:, s] / 100, rank[:, s]], axis=1)[:, : len(kinds)] for s in (0, 1)]
        tested = paired_test(*both, kinds, groups=groups if told else None, draws=300, seed=seed)
        found.append([[one.p < 0.05, one.p_bootstrap < 0.05] for one in tested])
    return np.mean(found, axis=0)


def test_two_random_systems_differ_in_five_percent_of_seeds() -> None:
    (mrr, _), (mean_rank, drawn), (_, median_rank) = false_alarms(["mean", "mean", "median"], None, told=False)
    assert 0.025 < mrr < 0.085 and 0.025 < mean_rank < 0.085 and 0.025 < drawn < 0.085
    assert 0.005 < median_rank < 0.085  # many draws have the same median: cautious


def test_groups_must_be_told() -> None:
    groups = np.arange(60) // 3
    assert false_alarms(["mean", "mean"], groups, told=True, seeds=300)[:, 0].max() < 0.09
    assert false_alarms(["mean", "mean"], groups, told=False, seeds=300)[:, 0].min() > 0.12


def test_sign_flips_equal_the_whole_enumeration() -> None:
    """All 2¹⁰ sign patterns against 20,000 random ones."""
    difference = np.random.default_rng(2).standard_normal(10) + 0.5
    signs = 1 - 2 * ((np.arange(1024)[:, None] >> np.arange(10)) & 1)
    exact = (np.abs(signs @ difference) >= abs(difference.sum()) - 1e-12).mean()
    assert sign_flip(difference[:, None], draws=20_000)[0] == pytest.approx(exact, abs=0.012)


def test_holm_by_hand() -> None:
    assert holm(np.array([0.01, 0.04, 0.03, 0.005])) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm(np.array([0.9, 0.8])).tolist() == [1, 1]


def test_a_better_space_is_found_better() -> None:
    train, test = km.datasets.toy(rows=500, seed=0).split(test=200, seed=0)
    good, poor = (
        km.evaluate(km.fit(train.take(range(rows)), km.CCA(dim=24), seed=0), test, examples=0) for rows in (300, 60)
    )
    found = good.compare(poor, metrics=["R@1", "MRR"])
    assert all(one.low > 0 and one.p_holm < 0.01 for one in found.differences.values())
    printed = str(found)
    assert "a_to_b_R@1" in printed and "Holm" in printed and "corrected for these 4 tests" in printed
    assert found.as_dict()["differences"]["a_to_b_R@1"]["n"] == 200


def test_other_queries_galleries_and_groups_are_refused() -> None:
    rank, ids = np.arange(1, 6), list("abcde")
    one = report_of(rank, ids)
    with pytest.raises(km.KuamoError, match=r"'d', 'e'.*only in this.*'x', 'y'.*only in the other"):
        one.compare(report_of(rank, list("abcxy")))
    pair = one.pairs["a_to_b"]
    other = replace(one, pairs={"a_to_b": replace(pair, gallery=99, gallery_sha256="other")})
    with pytest.raises(km.KuamoError, match="galleries of 100 and 99"):
        one.compare(other)
    with pytest.raises(km.KuamoError, match="grouped differently"):
        one.compare(report_of(rank, ids, np.array([0, 0, 1, 1, 2])))
    renamed = report_of(rank, ids, np.array([2, 2, 0, 0, 1]))
    assert report_of(rank, ids, np.array([0, 0, 1, 1, 2])).compare(renamed)["a_to_b_MRR"] == 0
    with pytest.raises(km.KuamoError, match="queries in both"):
        one.compare(Report("y", {}))
    with pytest.raises(km.KuamoError, match="a_to_b_mAP"):
        one.compare(one, metrics=["mAP"])
    with pytest.raises(km.KuamoError, match="expected a list"):
        one.compare(one, metrics="mAP")  # type: ignore[arg-type]
