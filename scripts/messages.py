"""The message catalogues of kuamo, `src/kuamo/core/locale/LANGUAGE/LC_MESSAGES/*.po`.

python scripts/messages.py update      add messages that are new in the source, remove those that it lost
python scripts/messages.py missing     list messages without a translation
python scripts/messages.py compile     write each .mo
python scripts/messages.py check       list whatever is wrong
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from string import Formatter

import polib
import typer
from message_templates import said, templates

SOURCE = Path(__file__).parents[1] / "src" / "kuamo"
LOCALE = SOURCE / "core" / "locale"
PAGES = [SOURCE.parents[1] / name for name in ("README.zh.md", "docs/article.zh.md")]
LANGUAGES = ("en", "zh")
KEYED = ("notes", "pages")
"""Domains whose msgids are keys, with a catalogue for each language."""
WORDED = ("errors", "terminal")
"""Domains whose msgids are the sentences in the source, with a catalogue for each language but English."""
FAMILIES = "dx_kind dx_step dx_verdict kind means name no right signal start too_much verdict verdict_nothing".split()  # noqa: SIM905
"""First words of keys that the code composes, such as f"means_{metric}"."""
CHINESE = re.compile("[\u4e00-\u9fff（]")
HALF_WIDTH = re.compile("(?<=[\u4e00-\u9fff])[,;:()?!](?= ?[\u4e00-\u9fff])")
TERMS = {
    "转换": "翻译",
    "评测": "评估",
    "(?<!中心)核对齐": "CKA（中心核对齐）",
    "给定": "给出了",
    "附注": "备注",
    "不平衡": "不均衡",
    "检索库": "候选",
    "单元(?!格)": "单元格",
}
"""Chinese words that were used beside another one for the same concept → the one that is used."""
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


def help_texts() -> list[str]:
    """Sentences of `kuamo --help` and of each verb's."""
    from kuamo.cli.app import app

    group = typer.main.get_command(app)
    commands = [group, *group.commands.values()]
    found = [one.help for command in commands for one in (command, *command.params) if getattr(one, "help", None)]
    return [" ".join(text.split()) for text in dict.fromkeys(found)]


def in_source(domain: str) -> dict[str, list[str]]:
    """Message of a worded domain → places where it is used."""
    from kuamo.cli.language import USAGE
    from kuamo.core.arguments import BINDING
    from kuamo.core.translation import SYSTEM

    if domain == "errors":
        others = {"cli/language.py": USAGE, "core/arguments.py": BINDING, "core/translation.py": SYSTEM}
        return templates(SOURCE) | {text: [place] for place, texts in others.items() for text in texts}
    return {text: ["kuamo --help"] for text in help_texts()} | said(SOURCE)


def untranslated(en: Words, zh: Words) -> Iterator[str]:
    """Keys that one language lacks, or whose words are not of its language."""
    for key in sorted(set(en) | set(zh)):
        if not (en.get(key) and zh.get(key)):
            yield f"{key}: expected a sentence in both languages"
        elif CHINESE.search(en[key]) or not (CHINESE.search(zh[key]) or key == "lang" or zh[key] == en[key].upper()):
            yield f"{key}: given {en[key]!r} and {zh[key]!r}; expected English and Chinese"


def half_width(zh: Words) -> Iterator[str]:
    """Chinese with commas or brackets of half width between Chinese characters."""
    for key, words in zh.items():
        if found := HALF_WIDTH.search(re.sub("`[^`]*`|{{.*?}}", "", words)):
            yield f"{key!r}: given {found[0]!r} in {words!r}; expected punctuation of full width"


def other_terms(texts: Iterable[str]) -> Iterator[str]:
    """Chinese texts with another word than the one used for a concept."""
    for text in texts:
        plain = re.sub("`[^`]*`|```.*?```|{.*?}", "", text, flags=re.DOTALL)
        for word, term in TERMS.items():
            if found := re.search(word, plain):
                yield f"{text[:40]!r}: given {plain[max(found.start() - 9, 0) :][:20]!r}; expected {term!r}"


def two_conversions(texts: Iterable[str]) -> Iterator[str]:
    """Templates in which one field has two forms, so that one of its values would not be found."""
    for text in texts:
        fields = {(name, form, how) for _, name, form, how in Formatter().parse(text) if name is not None}
        names = [name for name, _, _ in fields]
        yield from (
            f"{text!r}: the field {name} has two forms; expected one"
            for name in sorted({*names})
            if names.count(name) > 1
        )


def fields_of(text: str) -> list[str]:
    """Name, format and conversion of each field."""
    return sorted({f"{name}:{form}!{how or ''}" for _, name, form, how in Formatter().parse(text) if name is not None})


def other_fields(en: Words, zh: Words) -> Iterator[str]:
    """Keys whose languages have different fields, or fields in another form."""
    for key in en.keys() & zh.keys():
        if fields_of(en[key]) != fields_of(zh[key]):
            yield f"{key}: given the fields {fields_of(en[key])} and {fields_of(zh[key])}; expected the same"


def unused(en: Words, code: str) -> Iterator[str]:
    """Keys that no file names, in whole or by the first words of a family."""
    for key in en:
        family = any(key.startswith(f"{stem}_") and re.search(rf'["\']{stem}_[{{"\']', code) for stem in FAMILIES)
        if not family and not any(f"{quote}{key}{quote}" in code for quote in "\"'"):
            yield f"{key}: no file uses it"


def missing(used: Iterable[str], zh: Words) -> Iterator[str]:
    """Messages in the source that the catalogue lacks, or has without a translation."""
    yield from (f"{text!r}: expected a translation" for text in used if not zh.get(text))


def wrong_words(used: Iterable[str], zh: Words) -> Iterator[str]:
    """Whatever is wrong with a catalogue whose msgids are sentences."""
    used = list(used)
    yield from missing(used, zh)
    yield from (f"{text!r}: no file uses it" for text in zh if text not in used)
    yield from two_conversions(used)
    yield from other_fields({text: text for text in zh}, {text: words for text, words in zh.items() if words})
    for text, words in zh.items():
        if words and not CHINESE.search(words) and words != text and not re.search("[、，；。：]", words):
            yield f"{text!r}: given {words!r}; expected Chinese"


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
        found += [*half_width(zh), *other_terms(zh.values())]
    for domain in WORDED:
        zh = read(domain, "zh")
        found += [*wrong_words(in_source(domain), zh), *half_width(zh), *other_terms(zh.values())]
    return [*found, *other_terms(page.read_text("utf-8") for page in PAGES)]


def update(domain: str) -> None:
    """Messages as they are in the source, in its order; translations are kept."""
    path = path_of(domain, "zh")
    old = polib.pofile(str(path))
    words = {entry.msgid: entry.msgstr for entry in old}
    used = in_source(domain)
    new = polib.POFile(wrapwidth=120)
    new.metadata = old.metadata
    for text in sorted(used, key=lambda text: (used[text][0].partition(":")[0], text)):
        new.append(polib.POEntry(msgid=text, msgstr=words.get(text, ""), comment=used[text][0].partition(":")[0]))
    new.save(str(path))


def compile_all() -> None:
    for po in LOCALE.rglob("*.po"):
        polib.pofile(str(po)).save_as_mofile(str(po.with_suffix(".mo")))


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["compile"]:
            compile_all()
        case ["update"]:
            for domain in WORDED:
                update(domain)
        case ["missing"]:
            print(*(line for domain in WORDED for line in missing(in_source(domain), read(domain, "zh"))), sep="\n")
        case ["check"]:
            sys.exit("\n".join(problems()) or None)
        case _:
            sys.exit(__doc__)
