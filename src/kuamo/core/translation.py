"""Messages by language: the catalogues in `locale/`, read by gettext, and which language is asked for.

    notes      sentences that spaces, reports and diagnoses say about themselves, by keys that stored files name
    pages      labels of pages and tables, and what metrics mean, by keys
    errors     errors and warnings; the sentence in the source is the message
    terminal   what the command line and `print` say; likewise

An error is raised with its English sentence, values filled in. `translate` finds the message that it was made from:
its fixed parts must occur in order, a field `{0!r}` matches a Python literal, `{0:,}` a number, `{0}` anything.
Messages with more fixed text are tried first. A field `{0!s}` is a sentence itself and is translated too.
`python scripts/messages.py` lists, compiles and checks all messages.
"""

from __future__ import annotations

import gettext
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property, reduce
from pathlib import Path
from string import Formatter
from typing import Any

__all__ = [
    "LANGUAGES",
    "LOCALE",
    "Note",
    "deferred",
    "language",
    "listing",
    "localized",
    "message",
    "say",
    "singular",
    "translate",
]

LANGUAGES = ("en", "zh")
LOCALE = Path(__file__).parent / "locale"
_LITERAL = r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|(?!['"]).*?|['"].*?\.\.\."""
_Part = tuple[str, str | None, str | None, str | None]  # fixed text, then a field: its name, format, conversion
_CHINESE_THEN_LATIN = re.compile("[\u4e00-\u9fff][a-zA-Z0-9'\"`.({\\[±]|[a-zA-Z0-9'\"`)}%\\]][\u4e00-\u9fff]")
_VERBS = {"are": "is", "have": "has", "were": "was", "belong": "belongs", "duplicate": "duplicates", "share": "shares"}
_IRREGULAR = {"axes": "axis", "classes": "class", "entries": "entry", "queries": "query"}
_COUNTED = """
    answers arrays axes candidates cells channels classes clips codes columns components dimensions directions draws
    duplicates entries features files folds groups images iterations keys labels letters methods numbers pairs pictures
    queries rows samples seconds seeds sequences sounds steps tests texts tokens values
""".split()  # noqa: SIM905
_ONE = re.compile(
    rf"(?<![\w.,/@'\"–-])(?<!of )1 ((?:(?!(?:of|in|and|or|to|by|from|is|at) )[a-z-]+ ){{0,2}}?)({'|'.join(_COUNTED)})\b"
    rf"(?!, but |[-./\\]\w|['\"])( (?:{'|'.join(_VERBS)})\b)?"  # ", but" is of a sentence that scikit-learn compares
)
SYSTEM = (
    "File exists",
    "File name too long",
    "Is a directory",
    "No space left on device",
    "No such file or directory",
    "Not a directory",
    "Permission denied",
    "Read-only file system",
)
"""What the operating system says of files, which errors of ours repeat."""
_NUMBER = r"[-+]?(?:[\d.,]+(?:e[-+]?\d+)?|0x[\da-f]+|inf|nan)%?"


def language() -> str:
    """`"zh"` if the variable KUAMO_LANG says so (zh, zh_CN …), else `"en"`; the system's locale is not asked."""
    return "zh" if os.environ.get("KUAMO_LANG", "").lower().startswith("zh") else "en"


class _NoMessage(gettext.NullTranslations):
    def gettext(self, message: str) -> str:
        raise KeyError(message)


@cache
def _catalogue(domain: str, lang: str) -> gettext.NullTranslations:
    found = gettext.translation(domain, LOCALE, [lang])
    found.add_fallback(_NoMessage())
    return found


def message(domain: str, lang: str, key: str) -> str:
    """A message of a catalogue, its fields not yet filled.

    Raises:
        KeyError: the catalogue has no such message.

    Example:
        >>> message("notes", "en", "more"), message("notes", "zh", "more")
        ('and {count:,} more', '另有 {count:,} 个')
    """
    return _catalogue(domain, lang).gettext(key or " ")  # "" is the catalogue's header


def deferred(text: str) -> str:
    """A message of the terminal that `say` gets later, as it is; here `scripts/messages.py` finds it."""
    return text


def say(text: str, lang: str | None = None, **values: Any) -> str:
    """A message of the terminal in a language, by default that of KUAMO_LANG; `text` is the English one.

    Example:
        >>> say("saved in {out}", "zh", out="x"), say("saved in {out}", out="x")
        ('已保存到 x', 'saved in x')
    """
    if (lang or language()) == "zh":
        return message("terminal", "zh", text).format(**values)
    return singular(text.format(**values))


def listing(words: Iterable[str]) -> str:
    """Words one after the other, in the language of KUAMO_LANG."""
    return ("，" if language() == "zh" else ", ").join(words)


def singular(text: str) -> str:
    """English in which one thing is one.

    Example:
        >>> singular("1 rows in 1 groups; 1 paired rows are left, 11 rows, 1 of 3 rows")
        '1 row in 1 group; 1 paired row is left, 11 rows, 1 of 3 rows'
    """
    return _ONE.sub(lambda found: f"1 {found[1]}{_IRREGULAR.get(found[2]) or found[2][:-1]}{_one_does(found[3])}", text)


def _one_does(verb: str | None) -> str:
    return "" if verb is None else f" {_VERBS[verb.strip()]}"


class Note(str):
    """One sentence of the catalogue with its values; as a string it is English.

    Args:
        key: of the catalogue `notes`. values: what its fields hold: plain values, notes, or a list of them.

    Example:
        >>> note = Note("trained_here", column="photo", encoder="ImageCNN")
        >>> note, localized(note, "zh")
        ('photo: ImageCNN, trained in this fit', 'photo：ImageCNN，在本次拟合中训练')
    """

    key: str
    values: dict[str, Any]

    def __new__(cls, key: str, **values: Any) -> Note:
        note = super().__new__(cls, _fill("en", key, values))
        note.key, note.values = key, values
        return note

    def __getnewargs_ex__(self) -> tuple[tuple[str], dict[str, Any]]:
        return (self.key,), self.values  # else a copy would take the English text for the key


def localized(text: str, lang: str | None = None) -> str:
    """A note in a language, by default that of KUAMO_LANG; a plain string as it is."""
    return _fill(lang or language(), text.key, text.values) if isinstance(text, Note) else str(text)


def _fill(lang: str, key: str, values: dict[str, Any]) -> str:
    words = {name: _words(lang, value) for name, value in values.items()}
    words |= {"how": translate(str(words["how"]), lang)} if "how" in words else {}
    found = message("notes", lang, key).format(**words)
    return singular(found) if lang == "en" else found


def _words(lang: str, value: Any) -> Any:
    if isinstance(value, list):
        return ("；" if lang == "zh" else "; ").join(_words(lang, one) for one in value)
    return localized(value, lang) if isinstance(value, Note) else value


@dataclass(frozen=True)
class _Template:
    """A message of errors, and its Chinese."""

    english: str
    chinese: str

    @cached_property
    def parts(self) -> list[_Part]:
        return list(Formatter().parse(self.english))  # type: ignore[arg-type]

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        seen: set[str] = set()
        return re.compile("".join(re.escape(text) + _field(part, seen) for text, *part in self.parts), re.DOTALL)

    def translated(self, text: str) -> str | None:
        """The Chinese sentence for a text that was made from this message."""
        if not text.startswith(self.parts[0][0]) or not all(fixed in text for fixed, *_ in self.parts):
            return None
        if (found := self.pattern.fullmatch(text)) is None:
            return None
        sentences = {name for _, name, _, conversion in self.parts if conversion == "s"}
        words = {key[1:]: value for key, value in found.groupdict().items()}
        words = {name: translate(value, "zh") if name in sentences else value for name, value in words.items()}
        pieces = (
            piece for fixed, name, *_ in Formatter().parse(self.chinese) for piece in (fixed, words.get(name or "", ""))
        )
        return reduce(_spaced, pieces)


def _spaced(text: str, more: str) -> str:
    """Two pieces of Chinese, with a blank between a Chinese and a Latin character."""
    blank = " " if _CHINESE_THEN_LATIN.fullmatch(text[-1:] + more[:1]) else ""
    return f"{text}{blank}{more}"


def _field(part: Sequence[str | None], seen: set[str]) -> str:
    """The pattern of a field's value; the same field has the same value everywhere."""
    name, form, conversion = part
    if name is None or name in seen:
        return "" if name is None else f"(?P=f{name})"
    seen.add(name)
    return f"(?P<f{name}>{_LITERAL if conversion == 'r' else _NUMBER if form else '.*?'})"


@cache
def _templates() -> list[_Template]:
    """Those with most fixed text first."""
    with (LOCALE / "zh" / "LC_MESSAGES" / "errors.mo").open("rb") as file:
        found = gettext.GNUTranslations(file)
    pairs = [_Template(english, chinese) for english, chinese in found._catalog.items() if english]  # type: ignore[attr-defined]
    return sorted(pairs, key=lambda one: -sum(len(fixed) for fixed, *_ in one.parts))


def translate(text: str, lang: str | None = None) -> str:
    """An error or a warning in a language, by default that of KUAMO_LANG; what has no translation stays as it is.

    Example:
        >>> translate("given --add and --update; expected one of them", "zh")
        '同时给出了 --add 和 --update；只能给出其中一个'
    """
    if (lang or language()) != "zh":
        return singular(text)
    found = (template.translated(text) for template in _templates())
    chinese = next((chinese for chinese in found if chinese is not None), None)
    if chinese is None and ": " in text:  # a place, and what is wrong there
        place, _, rest = text.partition(": ")
        chinese = None if (inner := translate(rest, lang)) == rest and rest.isascii() else f"{place}：{inner}"
    return text if chinese is None else chinese
