"""The catalogues: all messages in both languages, with the same fields, each used, and compiled as they are."""

from __future__ import annotations

import importlib
import shutil
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[2] / "scripts"))
messages = importlib.import_module("messages")


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


def test_a_catalogue_that_was_not_compiled_is_a_problem(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(messages, "LOCALE", shutil.copytree(messages.LOCALE, tmp_path / "locale"))
    assert not [*messages.not_compiled()]
    path = messages.path_of("notes", "zh")
    path.write_text(path.read_text("utf-8").replace("另有", "还有"), "utf-8")
    assert [line.split(":")[0] for line in messages.not_compiled()] == ["zh/LC_MESSAGES/notes.mo"]
    messages.compile_all()
    assert not [*messages.not_compiled()]
