"""Results as text, pages and files: each kind of result says how, and registers it here.

@to_html.register
def render(report: Report, lang: str = "en") -> str: ...
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import singledispatch
from pathlib import Path
from typing import Any

from kuamo.core.errors import StoreError
from kuamo.core.files import atomic_path, remove_leftovers
from kuamo.core.translation import LANGUAGES, language

__all__ = ["check_target", "check_targets", "save_result", "to_html", "to_json", "to_text", "write_text"]


@singledispatch
def to_html(result: Any, lang: str = "en") -> str:
    """One self-contained page, in English (`"en"`) or Chinese (`"zh"`)."""
    raise TypeError(f"no page of a {type(result).__name__} is known")


@singledispatch
def to_json(result: Any) -> str:
    """JSON text, from which the result can be read again."""
    raise TypeError(f"no JSON of a {type(result).__name__} is known")


@singledispatch
def to_text(result: Any, lang: str = "en", rows: int | None = None) -> str:
    """Words and tables for a terminal, so many rows of each table at most."""
    raise TypeError(f"no text of a {type(result).__name__} is known")


def save_result(result: Any, path: Path, lang: str | None = None) -> None:
    """Write a result as JSON (`x.json`) or as a page (`x.html`), whole or not at all."""
    write_text(path, to_html(result, lang or language()) if check_target(path, lang) == "html" else to_json(result))


def check_target(path: Path, lang: str | None) -> str:
    """`"json"` or `"html"`: what a report saved there would be.

    Example:
        >>> check_target(Path("report.html"), "zh")
        'html'
    """
    form = path.suffix.lower().removeprefix(".")
    if form not in ("json", "html"):
        raise StoreError(f"given {str(path)!r}; expected a name that ends in .json or .html")
    if lang is not None and (form != "html" or lang not in LANGUAGES):
        raise StoreError(f"given lang={lang!r} for {path.name!r}; expected one of {list(LANGUAGES)}, and an .html page")
    if not path.parent.is_dir():
        raise StoreError(f"given {str(path)!r}; expected a folder that exists")
    return form


def check_targets(paths: Sequence[Path], lang: str | None) -> None:
    """Refuse, before any work is done, places where a report cannot be saved, and a language that no page would use.

    Example:
        >>> check_targets([Path("report.html"), Path("report.json")], "zh")
    """
    pages = [path for path in paths if path.suffix.lower() == ".html"]
    if lang is not None and not pages:
        raise StoreError(
            f"given lang={lang!r} without an .html page, the only result with a language; expected the name of one"
        )
    for path in paths:
        check_target(path, lang if path in pages else None)


def write_text(path: Path, text: str) -> None:
    """Write a file beside its place, then rename it.

    Raises:
        StoreError: the file cannot be written.
    """
    remove_leftovers(path.parent)
    with atomic_path(path) as part:
        part.write_bytes(text.encode("utf-8", "backslashreplace"))  # half a character of a broken file name
