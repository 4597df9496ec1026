"""The command line in English or Chinese: `--lang` of every verb, its help, and mistakes in options."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from kuamo.core.errors import KuamoError
from kuamo.core.old_names import current_word
from kuamo.core.text_table import width
from kuamo.core.translation import LANGUAGES, deferred, language, message, say, translate

__all__ = ["Verbs", "asked", "in_language"]

LINE = 78
WORKFLOW = (
    *("demo", "info", "diagnose", "fit", "pretrained", "evaluate", "compare", "search", "translate", "predict"),
    *("encode", "index", "cache"),
)
"""Verbs in the order of help."""
HELP_HELP = deferred("Show this message and exit.")  # as typer says it
LANG_HELP = deferred("Language of everything that is printed and of pages: en or zh. Default: KUAMO_LANG, else en.")
UsageError = typer.BadParameter.__bases__[0]  # what typer raises for a mistake in options
KINDS = {"str": "<text>", "int": "<integer>", "float": "<number>", "Path": "<path>"}
NAMED = {
    "to": "<column>",
    "source": "<column>",
    "beside": "<column=value>",
    "predict": "<column>",
    "decode": "<column>",
    "by": "<column>",
    "table": "<table>",
    "where": "<condition>",
    "positives": "<row|group|label>",
    "on_error": "<raise|skip>",
    "imports": "<module>",
}
"""What stands after an option in the help: by its type, or by its name."""
USAGE = (
    "{0!s} (Possible options: {1})",
    "Got unexpected extra argument(s) ({0})",
    "Input should be a valid integer, unable to parse string as an integer",
    "Input should be a valid number, unable to parse string as a number",
    "Input should be greater than or equal to {0:g}",
    "Invalid value for {0}: {1!s}",
    "Missing argument {0}.",
    "Missing command.",
    "Missing option {0}.",
    "No such command {0!r}.",
    "No such command {0!r}. Did you mean {1!r}?",
    "No such option: {0}",
    "Option {0!r} does not take a value.",
    "Option {0!r} requires an argument.",
)
"""Sentences of typer about such mistakes, in the form of messages of errors."""


def asked(words: Sequence[str]) -> str | None:
    """The language that a command line asks for.

    Example:
        >>> asked(["search", "--lang", "zh"]), asked(["info", "--lang=zh"]), asked(["info"])
        ('zh', 'zh', None)
    """
    for word, following in zip(words, [*words[1:], ""]):
        if word == "--lang":
            return following
        if word.startswith("--lang="):
            return word.removeprefix("--lang=")
    return None


@contextmanager
def in_language(lang: str | None) -> Iterator[None]:
    """As if the variable KUAMO_LANG said so, where a language is given."""
    before = os.environ.get("KUAMO_LANG")
    if lang is not None:
        os.environ["KUAMO_LANG"] = lang
    try:
        yield
    finally:
        os.environ.pop("KUAMO_LANG", None)
        os.environ |= {} if before is None else {"KUAMO_LANG": before}


class Verbs(TyperGroup):
    """All verbs; each has --lang, and speaks the language that is asked for."""

    def main(self, args: Sequence[str] | None = None, **options: Any) -> Any:  # type: ignore[override]
        words = [current_word(word) for word in (sys.argv[1:] if args is None else args)]
        if (lang := asked(words)) is not None and lang not in LANGUAGES:
            raise KuamoError(f"given lang={lang!r}; expected one of {list(LANGUAGES)}")
        if (given := os.environ.get("KUAMO_LANG")) and not given.lower().startswith(LANGUAGES):
            raise KuamoError(f"given KUAMO_LANG={given!r}; expected one of {list(LANGUAGES)}")
        for command in (self, *self.commands.values()):
            command.params.append(_lang_option())
            for one in command.params:
                one.display_type = partial(_kind, one)  # type: ignore[attr-defined]  # typer would say <list[str]>
            command.short_help = _joined(command.help or "")  # typer would cut it
        with in_language(lang):
            if language() == "en":
                return super().main(args=words, **options)
            for command in (self, *self.commands.values()):
                command.get_help = partial(_chinese_help, command)  # type: ignore[method-assign]
            return self._in_chinese(words, options)

    def list_commands(self, ctx: Any) -> list[str]:
        """As one uses them."""
        return sorted(self.commands, key=WORKFLOW.index)

    def _in_chinese(self, words: list[str], options: dict[str, Any]) -> Any:
        try:
            code = super().main(args=words, **options | {"standalone_mode": False})
        except Exception as error:
            if not isinstance(error, UsageError):
                raise
            said: str = error.format_message()  # type: ignore[attr-defined]  # help, where no word at all was given
            where = error.ctx.command_path if error.ctx else f"kuamo {words[0]}"  # type: ignore[attr-defined]
            usage = say("See '{command} --help'.", command=where)
            typer.echo(said if "\n" in said else say("Error: {what}", what=f"{translate(said)}\n{usage}"), err=True)
            sys.exit(2)
        return sys.exit(code if isinstance(code, int) else 0) if options.get("standalone_mode", True) else code


def _lang_option() -> Any:
    def verb(lang: Annotated[str | None, typer.Option(metavar="<en|zh>", help=LANG_HELP)] = None) -> None: ...

    alone = typer.Typer(add_completion=False)
    alone.command()(verb)
    option = typer.main.get_command(alone).params[0]
    option.expose_value = False
    return option


def _kind(param: Any, ctx: Any) -> str:
    """What an option takes; an argument says it in its name."""
    kind = re.sub(r"^list\[(.*)\]$", r"\1", param.bare_type())
    return "" if param.param_type_name == "argument" else NAMED.get(param.name) or KINDS[kind]


def _joined(text: str) -> str:
    return " ".join(text.split())


def _chinese_help(command: Any, ctx: Any) -> str:
    words = {"[OPTIONS]": "[选项]", "COMMAND": "命令", "[ARGS]...": "[参数]..."}
    pieces = [word for piece in command.collect_usage_pieces(ctx) for word in piece.split()]
    usage = " ".join([ctx.command_path, *(words.get(word, word) for word in pieces)])
    parts = [say("Usage: {usage}", usage=usage), "", *_wrapped(_chinese(command.help or ""), LINE, "  ")]
    params = command.get_params(ctx)
    for title, kind in ((say("Arguments:"), "argument"), (say("Options:"), "option")):
        records = [one.get_help_record(ctx) for one in params if one.param_type_name == kind]
        parts += _listed(title, [(name, _chinese(words)) for name, words in filter(None, records)])
    verbs = command.list_commands(ctx) if isinstance(command, TyperGroup) else []
    records = [(name, _chinese(command.commands[name].help or "")) for name in verbs]
    return "\n".join([*parts, *_listed(say("Commands:"), records)])


def _chinese(text: str) -> str:
    """A sentence of help, and what typer adds to it in brackets."""
    words, _, extra = _joined(text).partition(" [") if re.search(r" \[[^\]]*\]$", text) else (_joined(text), "", "")
    added = re.sub("default: ", "默认：", extra.removesuffix("]").replace("required", "必填")).replace("; ", "；")
    try:
        return message("terminal", "zh", words.strip()) + (f"［{added}］" if extra else "")
    except KeyError:
        return text


def _listed(title: str, records: list[tuple[str, str]]) -> list[str]:
    """Names at the left, what they mean at the right."""
    left = min(max((width(name) for name, _ in records), default=0), 28) + 4
    lines = ["", title] if records else []
    for name, text in records:
        first, *rest = _wrapped(text, LINE - left, "")
        head = f"  {name}"
        fits = width(head) <= left - 2
        lines += [head + " " * (left - width(head)) + first] if fits else [head, " " * left + first]
        lines += [" " * left + line for line in rest]
    return lines


def _wrapped(text: str, most: int, indent: str) -> list[str]:
    """Lines of at most so many columns; a Chinese text may be broken between any two characters but before a mark."""
    lines = [""]
    for piece in re.findall(r"［[^］]*］|[^\s\u2e80-\uffef“”…]+ ?|.[、，。；：）”］…]*", text):
        if width((lines[-1] + piece).rstrip()) > most - width(indent) and lines[-1]:
            lines.append("")
        lines[-1] += piece
    return [indent + line.strip() for line in lines]
