"""Arguments of a wrong kind end in words that say which, what was given and what was expected, not in a traceback."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import kuamo as km
from kuamo.index import Index

TABLE = km.datasets.toy(120)


@pytest.fixture(scope="module")
def space() -> km.Space:
    return km.fit(TABLE, km.CCA(dim=4))


@pytest.fixture(scope="module")
def index(space: km.Space) -> Index:
    return space.index(TABLE)


@pytest.mark.parametrize("k", [1.5, 0, "3", None, True])
def test_k_is_a_whole_number(k: Any, space: km.Space, index: Index) -> None:
    for to in ("b", None):
        with pytest.raises(km.TableError, match=rf"given k={k!r}; expected a whole number from 1"):
            index.search({"a": TABLE[0]["a"]}, to=to, k=k)
    with pytest.raises(km.TableError, match=rf"given k={k!r}; expected a whole number from 1"):
        km.diagnose(TABLE, cost=False, k=k)
    for cutoffs in ((k,), k):
        with pytest.raises(km.TableError, match=r"given cutoffs=.*expected whole numbers, cutoffs from 1"):
            km.evaluate(space, TABLE, cutoffs=cutoffs)


@pytest.mark.parametrize("seed", [1.5, -1, "a", None])
def test_a_seed_is_a_whole_number(seed: Any, space: km.Space) -> None:
    report = km.evaluate(space, TABLE, cutoffs=(1,), examples=0)
    asked: list[Callable[[], Any]] = [
        lambda: km.fit(TABLE, km.CCA(dim=4), seed=seed),
        lambda: km.evaluate(space, TABLE, seed=seed),
        lambda: km.diagnose(TABLE, cost=False, seed=seed),
        lambda: km.contributions(space, TABLE, "b", seed=seed),
        lambda: report.compare(report, seed=seed),
        lambda: TABLE.split(seed=seed),
    ]
    for one in asked:
        with pytest.raises(km.TableError, match=rf"given seed={seed!r}.* expected a"):
            one()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda space: km.fit(3), r"given table=3 \(int\); expected a Table"),
        (lambda space: km.fit(TABLE, "CCA"), r"given objective='CCA' \(str\); expected an objective such as"),
        (lambda space: km.fit(TABLE, km.InfoNCE), r"the class InfoNCE\); expected an objective"),
        (lambda space: km.fit(TABLE, km.InfoNCE(), training=3), r"given training=3 \(int\); expected a Training"),
        (lambda space: km.fit(TABLE, init=3), r"given init=3 \(int\); expected a Space"),
        (lambda space: km.fit(TABLE, dim=1.5), "given dim=1.5; expected a whole number from 1"),
        (lambda space: km.evaluate(3, TABLE), r"given space=3 \(int\); expected a Space"),
        (lambda space: km.evaluate(space, 3), r"given table=3 \(int\); expected a Table"),
        (lambda space: km.contributions(TABLE, TABLE, "b"), r"\(Table\); expected a Space"),
        (lambda space: km.contributions(space, TABLE, "b", most=1.5), "given most=1.5; expected a whole number from 1"),
        (lambda space: km.contributions(space, TABLE, "b", orders=0), "given orders=0; expected a whole number from 1"),
        (lambda space: km.contributions(space, TABLE, "b", measure=3), "given measure='3'; expected one of"),
        (lambda space: km.diagnose(TABLE, cost=False).against(3), r"given report=3 \(int\); expected a Report"),
        (lambda space: km.diagnose(TABLE, gallery="9"), "given gallery='9'; expected a whole number"),
        (lambda space: km.diagnose(TABLE, gallery={"c": 50}), r"given gallery= for \['c'\]; the columns are"),
        (lambda space: km.diagnose(TABLE, rows=0), "given rows=0; expected a whole number from 1"),
        (lambda space: km.evaluate(space, TABLE).compare(3), r"given other=3 \(int\); expected a Report"),
        (lambda space: space.impute(TABLE, draws="a"), "given draws='a'; expected at least 2"),
        (lambda space: TABLE.split(test="a"), "given test='a'; expected a share"),
    ],
)
def test_a_thing_of_another_kind_is_named(call: Callable[[km.Space], Any], message: str, space: km.Space) -> None:
    with pytest.raises(km.KuamoError, match=message):
        call(space)


@pytest.mark.parametrize(
    "given",
    [{"corruption": "x"}, {"calibration_share": None}, {"corruption": float("nan")}, {"to": 3}, {"balanced": "x"}],
)
def test_what_predict_cannot_be_told(given: dict[str, Any]) -> None:
    with pytest.raises(km.KuamoError, match=r"given Predict\(.*; expected"):
        km.Predict(**given)


@pytest.mark.parametrize(
    "given",
    [{"lr": "x"}, {"lr": None}, {"weight_decay": -1}, {"save_every": 0}, {"save_every": 1.5}, {"fusemix_alpha": "x"}],
)
def test_what_a_training_cannot_be_told(given: dict[str, Any]) -> None:
    with pytest.raises(km.KuamoError, match=rf"given .*{next(iter(given))}={next(iter(given.values()))!r}.*; expected"):
        km.Training(**given)
