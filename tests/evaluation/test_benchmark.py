"""Laws of comparing methods: one split for all, chance is chance, a kill loses nothing, the page and the JSON hold."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import kuamo as km
from kuamo.core.profiling import Cost
from kuamo.evaluation import benchmark as comparing
from members import small_toy

FEW = km.Training(steps=15, batch_size=64)
METHODS = ["CCA", "InfoNCE", "Reconstruct"]


def contest(**options: Any) -> km.Benchmark:
    return km.compare(
        small_toy(110), options.pop("methods", METHODS), seeds=options.pop("seeds", [0]), training=FEW, **options
    )


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[km.Benchmark, Path]:
    """All methods at two seeds, and the folder of their trials, from which smaller comparisons are read."""
    folder = tmp_path_factory.mktemp("whole")
    return contest(seeds=[0, 1], out=folder), folder


def plain(result: km.Benchmark) -> dict[str, Any]:
    """All that does not depend on the clock."""
    return {key: value for key, value in result.as_dict().items() if key not in ("costs", "notes")}


def test_who_aligns_is_better_than_the_control_and_the_control_is_at_chance(whole: tuple[km.Benchmark, Path]) -> None:
    result = whole[0]
    assert set(result.outperforms("CCA")) >= {"Reconstruct"} and not result.outperforms("Reconstruct")
    assert result.methods[-1] == "Reconstruct"
    assert abs(result["Reconstruct: R@10"] - result.chance) < 0.15
    assert any("negative control" in note and "Reconstruct" in note for note in result.notes)
    assert all(cost.cpu > 0 and cost.wall > 0 for cost in result.costs.values())
    assert "random order" in str(result) and "CCA > " in str(result)


def test_numbers_are_those_of_the_reports(whole: tuple[km.Benchmark, Path]) -> None:
    result = whole[0]
    table = small_toy(110)
    each = []
    for seed in (0, 1):
        train, test = table.split(0.2, seed=seed)
        each.append(km.evaluate(km.fit(train, km.CCA(), seed=seed), test, examples=0))
    for task in ("a_to_b", "b_to_a"):
        assert np.isclose(result[f"CCA: {task}_R@10"], np.mean([report[f"{task}_R@10"] for report in each]))
    assert result.intervals["CCA: R@10"].n == sum(len(pair.query) for r in each for pair in r.pairs.values())


def test_the_same_method_twice_is_no_difference() -> None:
    result = contest(methods={"one": km.InfoNCE(), "two": km.InfoNCE()})
    one = result.difference("two", "one")
    assert (one.value, one.p, one.p_holm) == (0.0, 1.0, 1.0) and not result.significant("one", "two")
    with pytest.raises(km.KuamoError, match="given 'one' and 'three'"):
        result.difference("one", "three")


def test_order_of_methods_changes_nothing(whole: tuple[km.Benchmark, Path]) -> None:
    a, b = contest(out=whole[1]), contest(methods=METHODS[::-1])
    assert a.intervals == b.intervals and a.chance == b.chance
    assert all(a.difference(*pair).p_holm == b.difference(*pair).p_holm for pair in a.differences)
    assert a.difference("CCA", "InfoNCE").value == -b.difference("InfoNCE", "CCA").value


def test_a_stopped_comparison_goes_on(
    whole: tuple[km.Benchmark, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done, fit = 0, comparing.fit

    def dies(*args: Any, **options: Any) -> Any:
        nonlocal done
        done += 1
        if done == 2:
            raise KeyboardInterrupt
        return fit(*args, **options)

    monkeypatch.setattr(comparing, "fit", dies)
    with pytest.raises(KeyboardInterrupt):
        contest(out=tmp_path)
    assert len(list((tmp_path / "trials").iterdir())) == 1
    done = 10
    again = contest(out=tmp_path)
    assert done == 12 and plain(again) == plain(contest(out=whole[1]))
    contest(out=tmp_path, methods=[*METHODS, "SigLIP"])
    assert done == 13  # only what is new


def test_another_comparison_is_refused(tmp_path: Path) -> None:
    contest(out=tmp_path, methods=["Reconstruct"])
    with pytest.raises(km.StoreError, match=r"Reconstruct-0\.json: holds a trial of other data or settings"):
        contest(out=tmp_path, methods=["Reconstruct"], test=0.3)


def test_one_that_fails_loses_nobody_else() -> None:
    class Bad(km.InfoNCE):
        def __call__(self, step: Any, player: str) -> Any:
            return super().__call__(step, player) * float("nan")

    result = contest(methods={"good": km.Reconstruct(), "bad": Bad()})
    assert result.methods == ["good"] and "the loss of Bad" in result.left_out["bad"]
    assert "bad: left out" in str(result)


def test_what_cannot_run_is_said_before_anything_is_fitted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparing, "fit", lambda *_, **__: pytest.fail("nothing should be fitted"))
    with pytest.raises(km.TableError, match=r"method 'Sinkhorn': .*no two columns that each have cells without"):
        contest(methods=["CCA", "Sinkhorn"])
    with pytest.raises(km.TableError, match="given the objective 'Nonsense'"):
        contest(methods=["Nonsense"])
    with pytest.raises(km.TableError, match="each name once"):
        contest(methods=["CCA", "CCA"])
    with pytest.raises(km.TableError, match="no seed"):
        contest(seeds=[])
    with pytest.raises(km.TableError, match="expected a list of names"):
        contest(methods="CCA")


def test_a_metric_that_is_none_is_named() -> None:
    with pytest.raises(km.KuamoError, match=r"given metric='R@7' .*; expected one of"):
        contest(methods=["Reconstruct"], metric="R@7")


def test_of_ranks_the_lower_is_better(whole: tuple[km.Benchmark, Path]) -> None:
    result = contest(metric="median_rank", out=whole[1])
    assert result.methods[-1] == "Reconstruct" and "Reconstruct" in result.outperforms("CCA")
    assert result.chance is None and "random order" not in str(result)


def test_json_and_pages_hold_what_was_found(tmp_path: Path) -> None:
    result = contest(methods={"<b>one</b>": km.InfoNCE(), "Reconstruct": km.Reconstruct()})
    result.costs["<b>one</b>"] = Cost(1.0, 2.0, None)
    for name, lang in (("c.json", None), ("en.html", None), ("zh.html", "zh")):
        result.save(tmp_path / name, lang=lang)
    data = json.loads((tmp_path / "c.json").read_text(encoding="utf-8"))
    assert data["kind"] == "contest" and data["measures"]["Reconstruct: R@10"]["n"] > 0
    english, chinese = ((tmp_path / f"{lang}.html").read_text(encoding="utf-8") for lang in ("en", "zh"))
    assert "&lt;b&gt;one&lt;/b&gt;" in english and "<b>one" not in english
    assert "Significant differences" in english and "显著差异" in chinese
    assert "阴性对照" in chinese and "negative control" not in chinese and "held out" not in chinese
    assert "<script" not in english and "http://" not in english
    with pytest.raises(km.StoreError, match="ends in"):
        result.save(tmp_path / "c.txt")
