r"""How a text file of rows is written: what separates its fields, and what its quotes mean.

RFC 4180 is supposed (a quote within quotes is doubled) and the separator that the file's name says. Where the first
lines fit another separator and not this one, it is that; where quotes are not paired, a quote that opens a field would
swallow the rows up to the next one: in a TSV quotes are letters then, in a CSV it is an error.
"""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass, field
from typing import Any

from kuamo.core.errors import TableError
from kuamo.core.messages import Note

__all__ = ["Dialect", "dialect_of"]

LOOK_BYTES = 1 << 16
LOOK_ROWS = 20
SEPARATORS = ",\t;|"
_NAMES = {",": "commas", "\t": "tabs", ";": "semicolons", "|": "bars"}
_SAID = re.compile(r'"?sep=(.)"?\r?\n')  # a first line that Excel reads
_QUOTE = re.compile(rb'"')
_QUOTED = re.compile(rb'"[^"]*(?:""[^"]*)*"')
_MEDIA = re.compile(r"\.(png|jpe?g|gif|webp|bmp|tiff?|wav|mp3|flac|ogg|npy|mp4|heic|svg)$", re.IGNORECASE)


@dataclass
class Dialect:
    """Separator, whether quotes enclose fields, where the header starts, and whether a backslash stands before quotes.

    Args:
        columns: in the header. notes: what is unusual.
    """

    separator: str
    quoted: bool = True
    start: int = 0
    slashed: bool = False
    columns: int = 1
    notes: list[Note] = field(default_factory=list)


def dialect_of(content: Any, usual: str, name: str) -> Dialect:
    """The dialect of a file's content (a buffer of UTF-8) whose name says the separator `usual`.

    Example:
        >>> dialect_of(b"id;text\\n1;a cat, black\\n", ",", "t.csv").separator
        ';'
    """
    whole = len(content) <= LOOK_BYTES
    head = bytes(content[:LOOK_BYTES]).decode("utf-8", "replace")
    said = _SAID.match(head)
    start = len(said[0].encode()) if said else 0
    separator = said[1] if said else _separator(head, usual, whole)
    found = Dialect(separator, start=start)
    header = next(iter(_rows(head[start:], separator, True)), [])
    found.columns = len(header)
    if separator != usual and not said:
        found.notes.append(Note("table_separator", file=name, given=_NAMES[separator], usual=_NAMES[usual]))
    if any(map(_like_data, header)):
        found.notes.append(Note("table_headless", file=name, line=" | ".join(header)[:60]))
    _read_quotes(content, found, name)
    return found


def _separator(head: str, usual: str, whole: bool) -> str:
    widths = {}
    for each in usual + SEPARATORS.replace(usual, ""):
        rows = _rows(head, each, whole)
        if len({len(row) for row in rows}) == 1 and len(rows[0]) > 1:
            widths[each] = len(rows[0])
    return usual if usual in widths or not widths else max(widths, key=lambda each: widths[each])


def _rows(head: str, separator: str, whole: bool) -> list[list[str]]:
    """The first rows that are not blank; the last one may be cut."""
    try:
        found = [row for row in csv.reader(io.StringIO(head, newline=""), delimiter=separator) if row]
    except csv.Error:
        return []
    return found[:LOOK_ROWS] if whole or len(found) > LOOK_ROWS else found[:-1]


def _like_data(name: str) -> bool:
    """Is it no name of a column: a number, a file, a sentence?"""
    return bool(re.fullmatch(r"\s*[+-]?\d*\.\d+(e[+-]?\d+)?\s*", name) or _MEDIA.search(name) or len(name.split()) > 6)


def _read_quotes(content: Any, found: Dialect, name: str) -> None:
    odd, rows_within = _odd_quote(content, found)
    if odd is not None and found.separator != "\t" and re.search(rb'\\"[^",;|\t\r\n]', content):
        found.slashed = True
        found.notes.append(Note("table_slashed", file=name))
        odd, rows_within = _odd_quote(bytes(content).replace(b'\\"', b'""'), found)
    if found.separator == "\t" and (odd is not None or rows_within is not None):
        found.quoted = False
        found.notes.append(Note("table_quotes", file=name))
    elif odd is not None:
        raise TableError(
            f"{name}, line {_line(content, odd)}: given a quote that opens a field and is not closed before the field "
            f'ends; expected quotes around a whole field, and "" for a quote within'
        )
    elif rows_within is not None:
        found.notes.append(Note("table_swallowed", file=name, line=_line(content, rows_within)))


def _odd_quote(content: Any, found: Dialect) -> tuple[int | None, int | None]:
    """Where a field opens with a quote that is not closed at its end; and where one holds lines like whole rows."""
    ends = found.separator.encode() + b"\r\n"
    within = None
    place = found.start
    while quote := _QUOTE.search(content, place):
        first = quote.start()
        place = first + 1
        if first > found.start and content[first - 1] not in ends:
            continue  # in the middle of a field it is a letter
        whole = _QUOTED.match(content, first)
        if whole is None or (whole.end() < len(content) and content[whole.end()] not in ends):
            return first, within
        place = whole.end()
        if within is None and _holds_rows(whole[0], found):
            within = first
    return None, within


def _holds_rows(quoted: bytes, found: Dialect) -> bool:
    lines = quoted.split(b"\n")
    inner = lines[1:-1]
    if found.separator == "\t":
        return len(lines) > 1 and b"\t" in quoted
    mark = found.separator.encode()
    return len(inner) > 1 and found.columns > 1 and all(line.count(mark) == found.columns - 1 for line in inner)


def _line(content: Any, place: int) -> int:
    return bytes(content[:place]).count(b"\n") + 1
