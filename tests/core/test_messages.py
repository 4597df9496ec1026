"""The catalogues: all messages in both languages, with the same fields, each used, and compiled as they are."""

from __future__ import annotations

import importlib
import re
import shutil
import sys
from pathlib import Path
from random import Random
from string import Formatter

import pytest

import kuamo as km
from commands import kuamo
from kuamo.cli.language import WORKFLOW
from kuamo.core.errors import LeakWarning, TruncationWarning
from kuamo.core.text_table import width
from kuamo.core.translation import Note, say, singular, translate

sys.path.append(str(Path(__file__).parents[2] / "scripts"))
messages = importlib.import_module("messages")
templates = importlib.import_module("message_templates")


def test_the_catalogues_have_no_problems() -> None:
    assert messages.problems() == []


def test_a_key_of_one_language_only_is_a_problem() -> None:
    assert [*messages.untranslated({"a": "a cat"}, {})] and [*messages.untranslated({}, {"a": "猫"})]
    assert [*messages.untranslated({"a": "a cat"}, {"a": "a cat"})] and [
        *messages.untranslated({"a": "猫"}, {"a": "猫"})
    ]
    assert not [*messages.untranslated({"a": "a cat"}, {"a": "一只猫"})]


def test_other_fields_are_a_problem() -> None:
    assert [*messages.other_fields({"a": "{n:,} cats"}, {"a": "{n} 只猫"})]
    assert [*messages.other_fields({"a": "{n} cats"}, {"a": "猫"})]
    assert not [*messages.other_fields({"a": "{{'{n}': 1}} of {m}"}, {"a": "{m} 的 {{'{n}': 1}}"})]


def test_a_key_that_no_file_names_is_a_problem() -> None:
    code = """Note("more", count=3); label(lang, f"means_{metric}")"""
    assert [*messages.unused({"more": "", "means_R": "", "mor": "", "names_R": ""}, code)] == [
        "mor: no file uses it",
        "names_R: no file uses it",
    ]


def test_punctuation_of_half_width_between_chinese_characters_is_a_problem() -> None:
    assert [*messages.half_width({"a": "给出了猫,狗"})] and [*messages.half_width({"a": "给出了(猫)狗"})]
    assert not [*messages.half_width({"a": "给出了 (a, b)，猫（狗）", "b": "应写 `列名:类型`，{{列: 值}}"})]


def test_another_word_for_a_concept_is_a_problem() -> None:
    assert [*messages.other_terms(["把文本转换为图像"])] and [*messages.other_terms(["一个单元"])]
    assert not [*messages.other_terms(["把文本翻译成图像", "一个单元格", "`转换`"])]


def test_one_thing_is_one() -> None:
    assert str(km.KuamoError("given 1 rows; expected 2 rows")) == "given 1 row; expected 2 rows"
    assert say("{source}: {rows:,} rows", "en", source="x", rows=1) == "x: 1 row"
    for named in ("given '1 rows'; expected a path", "1 rows.csv does not exist", "11 rows", "1 of 1 rows", "R@1 rows"):
        assert singular(named) == named
    assert Note("codec", column="x", codec="ImagePCA", count=1) == "x: generated through ImagePCA, 1 component"


def test_a_field_of_two_forms_is_a_problem() -> None:
    assert [*messages.two_conversions(["given {0!r}; {0} is no cat"])]
    assert not [*messages.two_conversions(["given {0!r}; {0!r} is no {1}"])]


def test_a_catalogue_that_was_not_compiled_is_a_problem(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(messages, "LOCALE", shutil.copytree(messages.LOCALE, tmp_path / "locale"))
    assert not [*messages.not_compiled()]
    path = messages.path_of("notes", "zh")
    path.write_text(path.read_text("utf-8").replace("另有", "还有"), "utf-8")
    assert [line.split(":")[0] for line in messages.not_compiled()] == ["zh/LC_MESSAGES/notes.mo"]
    messages.compile_all()
    assert not [*messages.not_compiled()]


# ── sentences of the source as messages ──────────────────────────────────────────────────────────────────────────────


def test_a_sentence_without_its_translation_is_a_problem() -> None:
    used, zh = ["given {0!r}; expected {1}"], {"given {0!r}; expected {1}": "给出了 {0!r}；应为 {1}"}
    assert not [*messages.wrong_words(used, zh)]
    assert [*messages.wrong_words(used, {})] and [*messages.wrong_words([], zh)]
    assert [*messages.wrong_words(used, dict.fromkeys(used, "给出了 {0}；应为 {1}"))]
    assert [*messages.wrong_words(used, dict.fromkeys(used, "given {0!r}; {1}"))]


SOURCE = """
class KuamoError(ValueError): ...
class Bad(KuamoError): ...

def size(n):
    return f"{n} rows" if n else "nothing at all"

def check(kind, error, n):
    what = f"{n:,} cells" if n > 3 else size(n)
    if n == 1:
        raise Bad(f"column {kind!r}: given {what}; expected {error}" + " or more")
    raise error(f"no {kind}, no {kind}")

def use():
    check("a", "some of them", 3)
    say("saved in {out}", out=3)
"""


def test_templates_follow_variables_helpers_and_callers(tmp_path: Path) -> None:
    (tmp_path / "it.py").write_text(SOURCE)
    assert list(templates.templates(tmp_path)) == [
        "column {0!r}: given {1!s}; expected {2!s} or more",
        "no {0}, no {0}",
        "nothing at all",
        "some of them",
        "{0:,} cells",
        "{0} rows",
    ]
    assert list(templates.said(tmp_path)) == ["saved in {out}"]


ERRORS = {text: zh for text, zh in messages.read("errors", "zh").items() if "{" in text}
WORDS = sorted({word for text in ERRORS for word in re.findall(r"\w{3,}", re.sub("{.*?}", " ", text))})


def hostile(how: str, random: Random, fixed: list[str]) -> str:
    """A value of a field as it is printed: braces, quotes, lines, words of other messages, but not this one's own."""
    if how in (":,", ":#04x"):
        return format(random.choice([3, 1234567]), how[1:])
    if how.startswith(":"):
        return format(random.choice([-0.25, 3e9, 12]), how[1:])
    text = " ".join(random.choices([*WORDS, "{0!r} {} }{", "a\nb'", "猫；应为", '"'], k=4))
    text = text.replace(" ", "_") if " " in fixed else text
    if how == "!r":
        return repr(text)
    return hostile(how, random, fixed) if any(part.strip() in text for part in fixed if part.strip()) else f"<{text}>"


def filled(text: str, values: dict[str, str]) -> str:
    return "".join(part + values.get(name or "", "") for part, name, *_ in Formatter().parse(text))


@pytest.mark.parametrize("seed", range(4))
def test_hostile_values_stay_what_they_are(seed: int) -> None:
    """A sentence is found again among all others, whatever its values; only one that repeats its own words may not."""
    random = Random(seed)
    for english, chinese in ERRORS.items():
        parts = [*Formatter().parse(english)]
        fields = {name: f":{form}" if form else f"!{how}" if how else "" for _, name, form, how in parts if name}
        fixed = [part for part, *_ in parts]
        values = {name: hostile(how, random, fixed) for name, how in fields.items()}
        assert translate(filled(english, values), "zh") == filled(chinese, values), english


def test_a_sentence_within_a_sentence_is_translated_and_a_value_is_not() -> None:
    said = "column 'at least one cell', row 3 (id 'none'): given 3 of shape 4; expected one of ['a text']"
    assert translate(said, "zh") == "列 'at least one cell'，行 3（编号 'none'）：形状为 4 的 3；应为 ['a text'] 之一"
    assert translate('given where=3; expected a text, such as "price > 5"', "zh").startswith("给出了 where=3；应为")
    assert translate("given columns=('x',); expected some of ('text',)", "zh").startswith("给出了 columns=('x',)；")
    assert translate("of another kuamo", "zh") == "of another kuamo" and translate(said, "en") == said


@pytest.fixture
def chinese(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUAMO_LANG", "zh_CN.UTF-8")


ENGLISH = re.compile(r"[a-z]{3,} [a-z]{2,}")


@pytest.mark.usefixtures("chinese")
def test_errors_and_warnings_are_chinese(tmp_path: Path) -> None:
    with pytest.raises(km.TableError, match="各列长度不等"):
        km.Table({"a": [1, 2], "b": [1]})
    with pytest.raises(km.CellError, match="第 1 位为 nan；应为不超过"):
        km.Vector(2).read([0, float("nan")])
    table = km.Table({"photo": [str(tmp_path / "gone.png")] * 2}, modalities={"photo": km.Image()})
    with pytest.raises(km.CellError, match=r"列 'photo'，行 0：.*gone.png'（文件不存在）；应为内容为图像"):
        table.check()
    with pytest.warns(DeprecationWarning, match=r"^自 0.2 起，km.Cross 改名为 km.CrossReconstruct$"):
        assert km.Cross is km.CrossReconstruct
    assert str(LeakWarning(Note("more", count=1200))) == "另有 1,200 个"
    assert str(TruncationWarning("an unknown sentence")) == "an unknown sentence"


@pytest.mark.usefixtures("chinese")
def test_what_is_printed_is_chinese() -> None:
    table = km.datasets.toy(rows=90, seed=0)
    space = km.fit(table, km.CCA(dim=4), seed=0)
    report = km.evaluate(space, table)
    said = [space, report, report.compare(report), km.diagnose(table, cost=False), table, table.describe()]
    said += [space.index(table), km.contributions(space, table, next(iter(table.columns)))]
    for one in map(str, said):
        words = re.sub(r"km\.\S+|space\.\S+|[\w.]+\([^)]*\)", "", one)
        assert re.search("[\u4e00-\u9fff]", words) and not ENGLISH.search(words), words


def test_every_verb_helps_in_both_languages(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for verb in ([], *([name] for name in WORKFLOW)):
        code, said, _ = kuamo(monkeypatch, capsys, *verb, "--help")
        assert code == 0 and "--lang" in said and not re.search("[\u4e00-\u9fff]", said.replace("跨模", ""))
        code, said, _ = kuamo(monkeypatch, capsys, *verb, "--lang", "zh", "--help")
        words = re.sub(r"`[^`]*`|'[^']*'|<[^>]*>|用法.*", "", said)
        assert code == 0 and said.startswith("用法：") and not ENGLISH.search(words), words
        assert max(map(width, said.splitlines())) <= 80


def test_mistakes_on_the_command_line_are_chinese(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for words, error in (
        (("serch", "x"), "错误：没有命令 'serch'。是否想写 'search'？"),
        (("search", "a", "b", "--foo"), "错误：没有选项 --foo（相近的选项：--from, --root, --to）"),
        (("fit", "a"), "错误：缺少选项 '--out' / '-o'。"),
        (("search", "nowhere", "b"), "kuamo: nowhere 不存在；应为已保存的空间"),
        (("translate", "a", "b"), "错误：缺少选项 '--to'。"),
    ):
        code, _, said = kuamo(monkeypatch, capsys, *words, "--lang", "zh")
        assert code == 2 and said.splitlines()[0] == error
    assert "given --lang 'fr'; expected one of ['en', 'zh']" in kuamo(monkeypatch, capsys, "info", "--lang", "fr")[2]
    monkeypatch.setenv("KUAMO_LANG", "fr")
    assert "KUAMO_LANG='fr'" in kuamo(monkeypatch, capsys, "info")[2]
