"""Reports refuse what they cannot do, in words, before the work is done, and leave nothing half-written."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import kuamo as km
from commands import kuamo
from kuamo.metrics import Interval, per_query, rank_queries, ranks
from kuamo.metrics.bootstrap import resample
from plain import plain_space


@pytest.fixture(scope="module")
def report() -> km.Report:
    return km.evaluate(plain_space("a", "b"), km.Table({"a": np.eye(8), "b": np.eye(8)}))


def test_places_and_languages(report: km.Report, tmp_path: Path) -> None:
    for name, lang, words in [
        ("r.txt", None, "ends in .json or .html"),
        ("r", None, "ends in .json or .html"),
        ("r.html", "fr", "lang='fr'"),
        ("r.json", "zh", "an .html page"),
        ("no/r.json", None, "folder that exists"),
    ]:
        with pytest.raises(km.StoreError, match=words):
            report.save(tmp_path / name, lang=lang)
    assert not list(tmp_path.iterdir())
    with pytest.raises(km.KuamoError, match=r"saved as \.json"):
        report.compare(report).save(tmp_path / "c.html")
    report.compare(report).save(tmp_path / "c.json")
    assert json.loads((tmp_path / "c.json").read_text())["differences"]["a_to_b_R@1"]["p"] == 1


def test_a_failed_save_keeps_the_old_one(report: km.Report, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    report.save(tmp_path / "r.html")
    before = (tmp_path / "r.html").read_bytes()
    monkeypatch.setattr("kuamo.core.files.os.replace", lambda a, b: (_ for _ in ()).throw(OSError(28, "No space left")))
    with pytest.raises(km.StoreError, match="No space left"):
        report.save(tmp_path / "r.html", lang="zh")
    assert (tmp_path / "r.html").read_bytes() == before and len(list(tmp_path.iterdir())) == 1


def test_files_that_are_no_report(report: km.Report, tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    with pytest.raises(km.StoreError, match="does not exist"):
        km.Report.load(path)
    report.save(path)
    data = json.loads(path.read_text())
    pair = data["pairs"]["a_to_b"]
    for text, words in [
        ("{", "cannot be read"),
        ("[]", "not a saved report"),
        (json.dumps(data | {"kind": "space"}), "not a saved report"),
        (json.dumps(data | {"format": 99}), "format 99"),
        (json.dumps({key: value for key, value in data.items() if key != "rows"}), "does not describe.*rows"),
        (json.dumps(data | {"pairs": {"a_to_b": pair | {"query": [0]}}}), "differ in number"),
        (json.dumps(data | {"pairs": {"a_to_b": pair | {"query": [99] * 8}}}), "does not describe"),
        (json.dumps(data | {"pairs": []}), "does not describe"),
    ]:
        path.write_text(text)
        with pytest.raises(km.StoreError, match=words):
            km.Report.load(path)


def test_options_of_evaluate() -> None:
    table, space = km.Table({"a": np.eye(8), "b": np.eye(8)}), plain_space("a", "b")
    for options in ({"cutoffs": (0,)}, {"cutoffs": ()}, {"cutoffs": (1.5,)}, {"examples": -1}, {"examples": True}):
        with pytest.raises(km.TableError, match="whole numbers"):
            km.evaluate(space, table, **options)
    for positives in ("label", "colour"):
        with pytest.raises(km.TableError, match=f"positives='{positives}'"):
            km.evaluate(space, table, positives=positives)


def test_codes_that_are_not_finite_name_column_and_row() -> None:
    space = plain_space("a", "b")
    space.ports[1].head = lambda x: km.Embedding(np.where(np.arange(len(x))[:, None] == 2, np.nan, x))
    table = km.Table({"a": np.eye(8), "b": np.eye(8)}, id=list("stuvwxyz"))
    with pytest.raises(km.TableError, match=r"column 'b', row 2 \(id 'u'\)"):
        km.evaluate(space, table)


def test_arrays_that_do_not_fit() -> None:
    codes, key = np.eye(4), np.arange(4)
    with pytest.raises(km.KuamoError, match=r"answer 2.*not finite"):
        ranks(codes, np.where(np.arange(4)[:, None] == 2, np.nan, codes), key, key)
    with pytest.raises(km.KuamoError, match="one for each code"):
        ranks(codes, codes, key[:2], key)
    with pytest.raises(km.KuamoError, match=r"\(n, d\)"):
        ranks(codes, np.eye(3), key, key[:3])
    with pytest.raises(km.KuamoError, match="gallery"):
        ranks(codes, codes[:0], key, key[:0])
    with pytest.raises(km.KuamoError, match="query 1: no relevant item"):
        rank_queries(codes[:2], codes, np.array([0, 9]), key)
    assert np.isnan(ranks(codes[:1], codes, np.array([9]), key)[0])
    with pytest.raises(km.KuamoError, match="mode"):
        resample(np.ones((3, 1)), ["mode"])
    with pytest.raises(km.KuamoError, match="1 group;"):
        resample(np.ones((3, 1)), ["mean"], groups=[1])
    with pytest.raises(km.KuamoError, match="metric 'F1'"):
        per_query("F1", {"rank": key + 1})


def test_measures_that_are_not_there(report: km.Report) -> None:
    with pytest.raises(km.KuamoError, match="expected one of"):
        report["a_to_b_R@7"]
    with pytest.raises(km.KuamoError, match="kept no queries"):
        km.Report("x", {"a_to_b_R@1": Interval(0.5, 0.4, 0.6, 3)}).per_query("a_to_b_R@1")


def test_command_line(
    toy_space: km.Space, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A wrong place ends before the work; a right one writes both files and compares with an earlier report."""
    toy_space.save(tmp_path / "s")
    rows = km.datasets.toy(rows=40, seed=5)
    lines = [json.dumps({name: [float(x) for x in rows[i][name]] for name in ("a", "b")}) for i in range(40)]
    (tmp_path / "t.jsonl").write_text("\n".join(lines))
    monkeypatch.chdir(tmp_path)

    def evaluate(*words: str) -> tuple[int, str, str]:
        return kuamo(monkeypatch, capsys, "evaluate", "s", *words)

    code, _, error = evaluate("missing.jsonl", "--save", "r.html", "--lang", "fr")
    assert code == 2 and error.startswith("kuamo: given --lang 'fr'")
    code, _, error = evaluate("missing.jsonl", "--lang", "zh")
    assert code == 2 and error == "kuamo: 'missing.jsonl' 不存在；应为表" + error.partition("应为表")[2]
    code, _, error = evaluate("t.jsonl", "--save", "r.json", "--save", "r.html", "--lang", "zh")
    assert code == 0, error
    assert "全部指标" in (tmp_path / "r.html").read_text("utf-8") and km.Report.load(tmp_path / "r.json")
    _, said, _ = evaluate("t.jsonl", "--against", "r.json", "--json")
    assert json.loads(said)["comparison"]["differences"]["a_to_b_R@1"]["p"] == 1
