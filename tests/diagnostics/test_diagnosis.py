"""Laws of a diagnosis: what it counts is what is there, it can be stored, and it says everything in both languages."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import kuamo as km
from kuamo.core.errors import StoreError
from kuamo.diagnostics.column_pairs import relation_findings
from kuamo.metrics.coverage import coverage, coverage_findings, skew
from kuamo.metrics.data_quality import (
    FeatureScan,
    cell_fingerprints,
    cross_group_duplicates,
    duplicate_rows,
    quality_of,
)
from kuamo.metrics.dependence.family_wise import family, tail_evidence
from kuamo.metrics.dependence.screening import screen, unrelated_columns


def keys_of(findings: list) -> set[str]:
    return {one.note.key for one in findings}


def test_coverage_counts_what_is_there() -> None:
    rng = np.random.default_rng(0)
    there = rng.random((200, 3)) < (0.9, 0.5, 0.1)
    columns = {
        name: [np.ones(2) * i if here else None for i, here in enumerate(column)]
        for name, column in zip("abc", there.T, strict=True)
    }
    found = coverage(
        km.Table(columns, modalities=dict.fromkeys("abc", km.Vector()), group=[i // 2 for i in range(200)])
    )
    assert [found.columns[name].rows for name in "abc"] == there.sum(0).tolist()
    assert {(a, b): n for a, b, n in found.pairs} == {
        (a, b): int((there[:, i] & there[:, j]).sum())
        for (i, a), (j, b) in [((0, "a"), (1, "b")), ((0, "a"), (2, "c")), ((1, "b"), (2, "c"))]
    }
    assert sum(count for _, count in found.patterns) == 200 and found.groups == 100
    assert {"diagnosis_groups", "diagnosis_rare", "diagnosis_few_pairs", "diagnosis_alone"} <= keys_of(
        coverage_findings(found)
    )


def test_what_is_missing_is_said() -> None:
    """Columns that never meet; those that meet through a third; empty rows; a full table."""
    v, n = np.ones(2), None
    apart = km.Table({"a": [v, v, n], "b": [n, n, v]}, modalities={"a": km.Vector(), "b": km.Vector()})
    assert "diagnosis_never" in keys_of(coverage_findings(coverage(apart)))
    kinds = dict.fromkeys("abc", km.Vector())
    linked = km.Table({"a": [v, n, n], "b": [n, v, n], "c": [v, v, n]}, modalities=kinds)
    found = keys_of(coverage_findings(coverage(linked)))
    assert {"diagnosis_through", "diagnosis_empty"} <= found and "diagnosis_never" not in found
    whole = km.datasets.toy(rows=120)
    assert keys_of(coverage_findings(coverage(whole))) == {"diagnosis_full"}
    rows = {"a": [v, v, v] * 80, "b": [v, v, v] * 80, "c": [v, v, n] * 80}
    (mostly,) = coverage_findings(coverage(km.Table(rows, modalities=kinds)))
    assert mostly.note == "160 of 240 rows have all 3 columns, the other rows at least two"


def repeating(seed: int, twice: int = 10, n: int = 120) -> km.Table:
    """Two unrelated columns of few values, and a third that depends on the first; some rows stand twice."""
    rng = np.random.default_rng(seed)
    row = np.r_[np.arange(n), np.arange(twice)]
    a, b = (rng.normal(size=(60, 32))[rng.integers(60, size=n)] for _ in range(2))
    c = a + rng.normal(size=(n, 32)) / 4
    return km.Table({"a": a[row], "b": b[row], "c": c[row]}, modalities=dict.fromkeys("abc", km.Vector()))


@pytest.fixture(scope="module")
def twice() -> list[km.Diagnosis]:
    return [km.diagnose(repeating(seed), cost=False) for seed in range(2)]


def test_rows_that_stand_twice_relate_nothing(twice: list[km.Diagnosis]) -> None:
    """Ten copies among 120 rows: without counting them once, a and b would look related in both tables."""
    alarms = 0
    for found in twice:
        alarms += found["a~b_p"] < 0.05
        assert found["a~c_p"] < 0.05 and "diagnosis_twice" in keys_of(found.findings["relation"])
    assert alarms <= 1
    table = repeating(0)
    cells = {name: (np.stack([table.column(name)[i] for i in range(len(table))]), np.arange(130)) for name in "abc"}
    assert screen(cells, np.arange(130), 0).unrelated == ["b"]


def test_what_repeats_by_chance_or_in_its_group_is_no_copy() -> None:
    rng = np.random.default_rng(0)
    row = np.arange(300)
    words = {name: (np.eye(6)[rng.integers(6, size=300)], row) for name in "ab"}
    assert not duplicate_rows(words, row).any()
    x = np.repeat(rng.normal(size=(150, 3)), 2, axis=0)
    assert not duplicate_rows({"a": (x, row), "b": (x, row)}, row // 2).any()
    assert np.flatnonzero(duplicate_rows({"a": (x, row), "b": (x, row)}, row)).tolist() == list(range(1, 300, 2))
    some = {"a": (x, row), "b": (x[::2], row[::2])}  # half of them lack a column: another pattern, no copy
    assert not duplicate_rows(some, row).any()


def test_the_strongest_axis_need_not_be_the_first() -> None:
    one = {"a": "x", "b": "y", "p": 0.01, "axes": 1, "linear": 0.01, "spectrum": [[0.01, 0.0, 0.3], [0.6, 0.4, 0.8]]}
    (said,) = relation_findings(one | {"information": {"saturated": False}, "copies": False})
    assert "largest held-out correlation 0.60" in said.note


def test_the_verdict_of_unrelated_columns_is_neither(twice: list[km.Diagnosis]) -> None:
    for found in twice:
        for one in found.facts["directions"]:
            unrelated = found[f"{min(one['a'], one['b'])}~{max(one['a'], one['b'])}_p"] > 0.05
            assert (one["verdict"] == "neither") >= unrelated
        assert found.verdict("a", "c") != "neither" and "translate" not in found.text()


def test_what_is_kept_as_meta_is_named_and_a_kind_is_told_in_chinese() -> None:
    table = km.datasets.toy(rows=60)
    rows = {name: list(table.column(name)) for name in table.columns} | {"price": list(np.arange(60.0))}
    kinds = {name: km.Vector() for name in table.columns} | {"price": km.Number()}
    found = km.diagnose(km.Table(rows, modalities=kinds, meta={"stars": [1, 2] * 30}), cost=False)
    assert "not analysed: stars" in found.text("en")
    assert "“price”是数值列" in found.text("zh") and "Number 列" not in found.text("zh")


def test_a_forecast_is_of_the_fit_that_is_advised() -> None:
    rows = {"x": np.random.default_rng(0).normal(size=(60, 3)), "kind": ["a", "b"] * 30}
    found = km.diagnose(km.Table(rows, modalities={"x": km.Vector(), "kind": km.Category()}))
    assert found.method == "Predict" and "training" in {step["name"] for step in found.facts["cost"]}


def test_skew() -> None:
    assert skew([]) is None
    even = skew(list("aabbcc"))
    assert even is not None and even.evenness == pytest.approx(1) and even.largest == even.smallest == 2
    uneven = skew(["x"] * 99 + ["y"])
    assert uneven is not None and 0.5 < uneven.evenness < 0.6 and uneven.smallest_name == "y"


def test_fingerprints_tell_rows_apart_whatever_the_blocks() -> None:
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.standard_normal((500, 7)), np.eye(7), -np.eye(7), np.zeros((1, 7)), -np.zeros((1, 7))])
    x = x[rng.permutation(len(x))].astype(np.float32)
    assert len(np.unique(cell_fingerprints(x))) == 515  # 0 and −0 are one
    assert np.array_equal(cell_fingerprints(x), FeatureScan(iter(np.array_split(x, 9))).keys)
    assert np.array_equal(cell_fingerprints(x)[::-1], cell_fingerprints(x[::-1]))


def test_quality_sees_repeated_cells_and_still_numbers() -> None:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((100, 5)).astype(np.float32)
    x[:, 2], x[:, 4] = 3, 1e-6 * x[:, 4]
    x[50:70] = x[:20]
    found = quality_of(FeatureScan(iter([x])))
    assert (found.cells, found.repeated, found.commonest, found.numbers, found.still) == (100, 20, 2, 5, 2)


def test_twins_are_rows_of_another_group_that_repeat_in_every_column() -> None:
    key = cell_fingerprints(np.array([[1.0], [2], [1], [1], [5]], np.float32))
    row = np.arange(5)
    whole = {"a": (key, row), "b": (key, row)}
    assert cross_group_duplicates(5, whole, list("vwxyz")) == 2
    assert cross_group_duplicates(5, whole, list("vwvvz")) == 0  # of one group: they are known to repeat
    assert cross_group_duplicates(5, {"a": (key, row)}, list("vwxyz")) == 0  # one column alone says nothing of rows
    assert (
        cross_group_duplicates(
            5, {"a": (key, row), "b": (cell_fingerprints(np.eye(5, dtype=np.float32)), row)}, list("vwxyz")
        )
        == 0
    )


def drawn(seed: int = 0, **first: float) -> dict[tuple[str, str], np.ndarray]:
    """Evidence of pairs, named by two letters, with that of the given pairing."""
    rng = np.random.default_rng(seed)
    return {(name[0], name[1]): np.concatenate([[value], rng.exponential(size=200)]) for name, value in first.items()}


def test_aside_needs_two_others_that_are_related() -> None:
    assert unrelated_columns(family(drawn(ab=20.0, ac=0.5, bc=0.2))) == ["c"]
    assert unrelated_columns(family(drawn(ab=20.0, ac=0.5, bc=20.0))) == []
    assert unrelated_columns(family(drawn(ab=1.0, ac=0.5, bc=0.2))) == []
    assert unrelated_columns(family(drawn(ab=20.0))) == []  # nobody could look at c


def columns_of_numbers(count: int, rho: float, seed: int, rows: int = 300) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """So many columns of 20 numbers, of which those of any two correlate by ρ."""
    rng = np.random.default_rng(seed)
    shared, at = rng.normal(size=(rows, 20)), np.arange(rows)
    own = rng.normal(size=(count, rows, 20))
    return {f"c{i}": (np.sqrt(rho) * shared + np.sqrt(1 - rho) * one, at) for i, one in enumerate(own)}


@pytest.mark.parametrize("count, rho", [(6, 0.5), (12, 0.9)])
def test_many_related_columns_look_related(count: int, rho: float) -> None:
    """Bonferroni over the pairs of six columns cannot reach .05 with 200 draws, whatever they share."""
    found = screen(columns_of_numbers(count, rho, 0), np.arange(300), 0)
    assert not found.none_related and found.unrelated == []


def test_of_many_columns_the_unrelated_one_is_told_apart() -> None:
    cells = columns_of_numbers(8, 0.6, 0)
    cells["other"] = np.random.default_rng(9).normal(size=(300, 20)), np.arange(300)
    assert screen(cells, np.arange(300), 0).unrelated == ["other"]


def test_many_unrelated_columns_look_unrelated() -> None:
    alarms = sum(not screen(columns_of_numbers(6, 0.0, seed, 100), np.arange(100), 0).none_related for seed in range(8))
    assert alarms <= 2  # .05 of them: 3 or more with p = .006


def test_the_tail_of_a_family_is_exact() -> None:
    """Under the null the family's p is uniform whatever the draws' distribution: heavy tails, light ones, both."""
    rng = np.random.default_rng(0)
    p = []
    for _ in range(200):
        heavy, light = rng.exponential(size=(6, 101)) ** 2, rng.uniform(size=(6, 101))
        p.append(family({(f"x{i}", f"y{i}"): tail_evidence(one) for i, one in enumerate([*heavy, *light])}).any)
    assert 0.02 < np.mean(np.array(p) <= 0.05) < 0.09


@pytest.fixture(scope="module")
def diagnosis() -> km.Diagnosis:
    table = km.datasets.toy(rows=80, modalities=("a", "b", "c"), correlations=(0.9,) * 6, dims=(20,), holes=0.2)
    return km.diagnose(table, cost=False)


def test_it_can_be_stored(diagnosis: km.Diagnosis, tmp_path: Path) -> None:
    diagnosis.save(tmp_path / "d.json")
    again = km.Diagnosis.load(tmp_path / "d.json")
    assert again.as_dict() == diagnosis.as_dict()
    assert [again.text(lang) for lang in ("en", "zh")] == [diagnosis.text(lang) for lang in ("en", "zh")]
    with pytest.raises(StoreError, match="ends in"):
        diagnosis.save(tmp_path / "d.txt")
    for broken in (
        "[]",
        "{",
        json.dumps({"kind": "diagnosis", "format": 9}),
        json.dumps({"kind": "diagnosis", "format": 1}),
    ):
        (tmp_path / "x.json").write_text(broken)
        with pytest.raises(StoreError):
            km.Diagnosis.load(tmp_path / "x.json")


def test_tables_are_cut_and_say_so_or_are_whole() -> None:
    facts = {"rows": 9, "columns": {f"c{i}": {"kind": "Vector", "rows": 9, "values": 9} for i in range(15)}}
    found = km.Diagnosis("toy", "default", {}, {}, facts)
    text, whole = found.text(), found.text("zh", rows=None)
    assert "\n  c11 " in text and "\n  c12 " not in text and "… and 3 more" in text
    assert all(whole.count(f"\n  c{i} ") == 2 for i in range(15)) and "另有" not in whole
    assert "另有 12 行" in found.text("zh", rows=3)
    for rows in (0, 1.5, "all"):
        with pytest.raises(km.KuamoError, match=f"given rows={rows!r}; expected a whole number from 1"):
            found.text(rows=rows)  # type: ignore[arg-type]


def test_same_table_same_diagnosis(diagnosis: km.Diagnosis) -> None:
    table = km.datasets.toy(rows=80, modalities=("a", "b", "c"), correlations=(0.9,) * 6, dims=(20,), holes=0.2)
    assert km.diagnose(table, cost=False).as_dict() == diagnosis.as_dict()
