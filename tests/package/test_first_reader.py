"""What a first reader types wrongly, and what then stands there: what is missing, what was meant, what to do."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import kuamo as km
from commands import kuamo
from kuamo.cli.language import WORKFLOW
from kuamo.cli.terminal import hit_lines
from kuamo.core.arguments import ArgumentError, checks_arguments
from kuamo.core.old_names import OLD_OPTIONS
from kuamo.index import Hit
from plain import plain_space

TABLE = km.Table({"a": np.eye(8), "b": np.eye(8)}, meta={"kind": ["cat", "dog"] * 4})


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: km.fit(TABLE, foo=1), "fit() has no argument 'foo'; expected some of"),
        (lambda: km.fit(), "fit(): missing a required argument: 'table'"),
        (lambda: km.fit(1, 2, 3, 4), "fit(): too many positional arguments"),
        (lambda: km.fit(TABLE, table=TABLE), "fit(): multiple values for argument 'table'"),
        (lambda: km.InfoNCE(temprature=1), "InfoNCE() has no argument 'temprature' (did you mean 'temperature'?)"),
        (lambda: km.Classifier(colums=1), "Classifier() has no argument 'colums' (did you mean 'columns'?)"),
        (lambda: TABLE.split(tset=0.5), "Table.split() has no argument 'tset' (did you mean 'test'?)"),
        (lambda: km.Table.read("x.csv", rot=1), "Table.read() has no argument 'rot' (did you mean 'root'?)"),
        (lambda: plain_space("a").encode(row=1), "encode() has no argument 'row'"),
    ],
)
def test_arguments_that_there_are_not(call: Callable[[], Any], words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ArgumentError, match=re.escape(words)) as found:
        call()
    assert isinstance(found.value, TypeError)
    monkeypatch.setenv("KUAMO_LANG", "zh")
    assert re.search("参数", str(found.value))


def test_a_type_error_of_what_is_called_stays_one() -> None:
    with pytest.raises(TypeError, match="unsupported operand") as found:
        checks_arguments(lambda a: a + "1")(1)
    assert not isinstance(found.value, ArgumentError)


def test_names_that_are_gone_or_misspelt(monkeypatch: pytest.MonkeyPatch) -> None:
    for language, gone, meant in (("en", "removed in 0.2", "did you mean"), ("zh", "在 0.2 中移除", "是否想写")):
        monkeypatch.setenv("KUAMO_LANG", language)
        for name, words in (("OGMGE", gone), ("Imge", f"{meant} 'Image'")):
            with pytest.raises(AttributeError, match=words):
                getattr(km, name)
        for objective, words in (("infonc", f"{meant} 'InfoNCE'"), ("OGMGE", gone), ("defalt", f"{meant} 'default'")):
            with pytest.raises(km.TableError, match=words):
                km.compare(TABLE, [objective])
    monkeypatch.setenv("KUAMO_LANG", "en")
    with pytest.raises(km.TableError, match=r"expected an objective such as km\.SigLIP\(\)"):
        km.fit(TABLE, "siglip")


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        (km.Image, {"peak": -1}),
        (km.Image, {"peak": math.nan}),
        (km.Image, {"background": 256}),
        (km.Audio, {"peak": 0}),
        (km.Audio, {"peak": math.inf}),
        (km.Audio, {"peak": "32768"}),
        (km.Vector, {"dim": 0}),
        (km.Vector, {"dim": 2.5}),
        (km.Category, {"classes": "cat"}),
        (km.Category, {"classes": []}),
        (km.Category, {"classes": ("a", "a")}),
        (km.Number, {"unit": 3}),
    ],
)
def test_a_modality_of_nonsense_is_refused(kind: Any, options: dict[str, Any]) -> None:
    with pytest.raises(km.TableError, match=rf"given {next(iter(options))}=.*; expected"):
        kind(**options)


def test_nothing_and_something_else_are_two_errors(tmp_path: Path) -> None:
    space = plain_space("a", "b")
    for load in (km.Space.load, km.Report.load, lambda path: km.Index.load(path, space)):
        with pytest.raises(km.StoreError, match=r"does not exist; expected a saved (space|report|index)"):
            load(tmp_path / "nowhere")
        with pytest.raises(km.StoreError, match=r"is not a saved (space|report|index); expected"):
            load(tmp_path)


@pytest.mark.parametrize(
    ("where", "words"),
    [
        ("kind =", "unclear at its end; expected a value"),
        ("kind = cat", "unclear at 'cat'; expected a value"),
        ("kind = 'cat", "expected a closing quote"),
        ("knd = 'cat'", r"no column 'knd' to filter by \(did you mean 'kind'\?\); expected one of \['kind', 'id'\]"),
        ("a = 1", r"'a' is a column to search; expected one to filter by: \['kind', 'id'\]"),
    ],
)
def test_filters_say_what_can_be_filtered_by(where: str, words: str) -> None:
    with pytest.raises(km.TableError, match=words):
        plain_space("a", "b").index(TABLE).search({"a": np.ones(8)}, where=where)


def test_groups_and_labels_are_offered_where_rows_have_them() -> None:
    table = km.Table({"a": np.eye(4), "b": np.eye(4)}, group=list("xxyy"), label=list("pqpq"))
    with pytest.raises(km.TableError, match=r"expected one of \['id', 'group', 'label'\]"):
        plain_space("a", "b", dim=4).index(table).search({"a": np.ones(4)}, where="kind = 1")


def test_hits_have_heads_on_a_terminal_only() -> None:
    hits = [Hit("7", "text", 0.5, 99.5, "a cat"), Hit("12", "photo", 0.25, None, "12")]
    bare, headed = (hit_lines(hits, True, heads).splitlines() for heads in (False, True))
    assert bare[0].split()[:3] == ["0.500", "text", "99.50"] and headed[0].split()[0] == "score" and len(headed) == 3
    assert hit_lines(hits, heads=True).splitlines()[0].split() == ["score", "id", "row"]
    assert hit_lines([], heads=False) == "" and hit_lines([], heads=True) == "no results"


def test_help_is_of_words_and_old_options_are_hidden(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for verb in WORKFLOW:
        said = kuamo(monkeypatch, capsys, verb, "--help")[1]
        assert not re.search(r"<(str|int|float)>|<list| range>", said)
        assert not any(f"{old} " in said or f"{old}\n" in said for old in OLD_OPTIONS)
    assert (
        "[required]" in kuamo(monkeypatch, capsys, "translate", "--help")[1].partition("--from")[0].partition("--to")[2]
    )
    for old, new in OLD_OPTIONS.items():
        error = kuamo(monkeypatch, capsys, "translate", "nowhere", "a", "--to", "b", old)[2]
        assert error.splitlines() == [
            f"kuamo: {old} is {new} since 0.2",
            "kuamo: nowhere does not exist; expected a saved space",
        ]


def test_a_place_and_what_is_wrong_there_are_both_chinese(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUAMO_LANG", "zh")
    (tmp_path / "a.csv").write_text("id,text\n1,a cat\n")
    with pytest.raises(km.TableError, match=r"a\.csv：给出了 encoding='utf9'；应为"):
        km.Table.read(tmp_path / "a.csv", encoding="utf9")
    with pytest.raises(km.StoreError, match=r"无法写入（文件已存在）"):
        plain_space("a").save(tmp_path / "a.csv" / "b")


def test_a_mistake_without_a_value_is_one_line_in_chinese(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, error = kuamo(monkeypatch, capsys, "fit", "a.csv", "--out", "x", "--lang", "zh", "--seed")
    assert code == 2 and error.splitlines() == ["错误：选项 '--seed' 需要一个值。", "用法见 'kuamo fit --help'。"]
