"""The message catalogues of kuamo, `src/kuamo/core/locale/LANGUAGE/LC_MESSAGES/*.po`.

python scripts/messages.py compile     write each .mo
python scripts/messages.py check       list what is wrong, such as a sentence without a translation
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import polib

SOURCE = Path(__file__).parents[1] / "src" / "kuamo"
LOCALE = SOURCE / "core" / "locale"
LANGUAGES = ("en", "zh")
KEYED = ("notes", "pages")
"""Domains whose msgids are keys, with a catalogue for each language."""
FAMILIES = [
    "dx_kind",
    "dx_step",
    "dx_verdict",
    "kind",
    "means",
    "name",
    "no",
    "right",
    "signal",
    "start",
    "too_much",
    "verdict",
    "verdict_nothing",
]
"""First words of keys that the code composes, such as f"means_{metric}"."""
CHINESE = re.compile("[\u4e00-\u9fff]")
Words = Mapping[str, str]


def path_of(domain: str, lang: str, ending: str = "po") -> Path:
    return LOCALE / lang / "LC_MESSAGES" / f"{domain}.{ending}"


def read(domain: str, lang: str) -> dict[str, str]:
    """Msgid → msgstr of a catalogue."""
    return {entry.msgid: entry.msgstr for entry in polib.pofile(str(path_of(domain, lang)))}


def compiled(path: Path) -> dict[str, str]:
    """Msgid → msgstr of a .mo file."""
    return {entry.msgid: entry.msgstr for entry in polib.mofile(str(path))}


def sources() -> str:
    """All code and templates, in one text."""
    files = [*SOURCE.rglob("*.py"), *SOURCE.rglob("*.jinja")]
    return "".join(path.read_text("utf-8") for path in sorted(files))


def untranslated(en: Words, zh: Words) -> Iterator[str]:
    """Keys that one language lacks, or whose words are not of its language."""
    for key in sorted(set(en) | set(zh)):
        if not (en.get(key) and zh.get(key)):
            yield f"{key}: expected a sentence in both languages"
        elif CHINESE.search(en[key]) or (not re.search("[\u4e00-\u9fff（]", zh[key]) and key != "lang"):
            yield f"{key}: given {en[key]!r} and {zh[key]!r}; expected English and Chinese"


def other_fields(en: Words, zh: Words) -> Iterator[str]:
    """Keys whose languages have different fields, or fields in another form."""
    for key in en.keys() & zh.keys():
        fields = [sorted(re.findall(r"(?<!{){[^{].*?}", words[key])) for words in (en, zh)]
        if fields[0] != fields[1]:
            yield f"{key}: given the fields {fields[0]} and {fields[1]}; expected the same"


def unused(en: Words, code: str) -> Iterator[str]:
    """Keys that no file names, in whole or by the first words of a family."""
    for key in en:
        family = any(key.startswith(f"{stem}_") and re.search(rf'["\']{stem}_[{{"\']', code) for stem in FAMILIES)
        if not family and not re.search(rf'["\']{re.escape(key)}["\']', code):
            yield f"{key}: no file uses it"


def not_compiled() -> Iterator[str]:
    """Catalogues whose .mo says something else than their .po."""
    for po in LOCALE.rglob("*.po"):
        entries, mo = {one.msgid: one.msgstr for one in polib.pofile(str(po))}, po.with_suffix(".mo")
        if not mo.exists() or compiled(mo) != entries:
            yield f"{mo.relative_to(LOCALE)}: expected what {po.name} says; run `python scripts/messages.py compile`"


def problems() -> list[str]:
    """Whatever is wrong, a line each."""
    code, found = sources(), [*not_compiled()]
    for domain in KEYED:
        en, zh = (read(domain, lang) for lang in LANGUAGES)
        found += [*untranslated(en, zh), *other_fields(en, zh), *unused(en, code)]
    return found


def compile_all() -> None:
    for po in LOCALE.rglob("*.po"):
        polib.pofile(str(po)).save_as_mofile(str(po.with_suffix(".mo")))


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["compile"]:
            compile_all()
        case ["check"]:
            sys.exit("\n".join(problems()) or None)
        case _:
            sys.exit(__doc__)
