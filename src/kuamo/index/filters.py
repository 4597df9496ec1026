"""`where=`: a small part of SQL, read by recursive descent and asked of Arrow columns, the same in memory and on disk.

    either   := both (OR both)*            both := one (AND one)*
    one      := NOT one | "(" either ")" | name | name test | value compare name
    test     := compare value | [NOT] IN (value, …) | [NOT] BETWEEN value AND value | [NOT] LIKE 'a%' | [NOT] ILIKE 'A%'
                | IS [NOT] NULL
    compare  := = | == | != | <> | < | <= | > | >=
    name     := word | `any name` | "any name"
    value    := 'text' | number | TRUE | FALSE | DATE 'text' | TIMESTAMP 'text'

A row whose field is empty, or NaN, fulfils only IS NULL, as in SQL; a name may be written in other letters' case where
that is unambiguous. Whole numbers are compared exactly, also with fractions and beyond what the column can hold.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial, reduce
from typing import TYPE_CHECKING, Any

import numpy as np

from kuamo.core.errors import TableError, did_you_mean, is_unicode, shorten

if TYPE_CHECKING:
    import pyarrow as pa

    from kuamo.index.rows import RowSchema

__all__ = ["GIVEN", "Filter", "parse_filter"]

_OWN = ("id", "group", "label")
LONGEST = 1_000_000  # letters
DEEPEST = 50  # parentheses and NOTs in one another
MOST = 1_000  # tests; values of one column that are joined by OR are one
_TOKEN = re.compile(
    r"""\s*(?:(?P<text>'(?:[^']|'')*')|(?P<number>[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)"""
    r"""|(?P<quoted>`[^`]+`|"(?:[^"]|"")+")|(?P<word>[^\W\d]\w*)|(?P<sign><=|>=|!=|<>|==|[=<>(),]))""",
)
_COMPARE = {
    "=": "equal",
    "==": "equal",
    "!=": "not_equal",
    "<>": "not_equal",
    "<": "less",
    "<=": "less_equal",
    ">": "greater",
    ">=": "greater_equal",
}
_TURNED = {"less": "greater", "less_equal": "greater_equal", "greater": "less", "greater_equal": "less_equal"}
_WORDS = frozenset({"AND", "OR", "NOT", "IN", "IS", "NULL", "LIKE", "ILIKE", "BETWEEN", "TRUE", "FALSE"})
_GRAMMAR = (
    "comparisons of a column with a value, IN, BETWEEN, LIKE and IS NULL, joined by AND, OR and NOT; texts in 'single "
    "quotes', names with blanks in `these`"
)
_VALUE = "a value: a text in 'single quotes', a number, TRUE or FALSE"
Mask = Callable[["pa.Table"], Any]  # rows → true, false or, where a field is empty, null


@dataclass(frozen=True)
class Filter:
    """A predicate that has been read.

    Args:
        fields: the columns that it looks at. mask: what it says of rows.
    """

    fields: tuple[str, ...]
    mask: Mask

    def __call__(self, rows: pa.Table) -> np.ndarray:
        """(N,) bool: which rows fulfil it."""
        import pyarrow.compute as pc

        return np.asarray(pc.fill_null(self.mask(rows), False), dtype=bool)


def _has_group(rows: pa.Table) -> Any:
    import pyarrow.compute as pc

    return pc.not_equal(rows["group"], rows["id"])


def _has_label(rows: pa.Table) -> Any:
    import pyarrow.compute as pc

    return pc.is_valid(rows["label"])


GIVEN = {"group": Filter(("group", "id"), _has_group), "label": Filter(("label",), _has_label)}
"""The rows that were given a group, or a label."""


def parse_filter(where: str, layout: RowSchema, own: Callable[[], Sequence[str]] = lambda: _OWN) -> Filter:
    """Read a predicate over id, group, label and meta columns; `own` says which of the first three the rows have."""
    if not isinstance(where, str) or not where.strip() or not is_unicode(where):
        raise TableError(f"given where={shorten(where, 200)}; expected {_GRAMMAR}")
    if len(where) > LONGEST:
        raise TableError(f"given where= of {len(where):,} letters; expected at most {LONGEST:,}")
    reader = _Reader(where, layout, own)
    mask = reader.read()
    return Filter(tuple(dict.fromkeys(reader.used)), mask)


class _Reader:
    def __init__(self, where: str, layout: RowSchema, own: Callable[[], Sequence[str]]) -> None:
        self.where, self.layout, self.own, self.place, self.depth, self.tests = where, layout, own, 0, 0, 0
        self.fields, self.used = [*_OWN, *layout.meta], list[str]()
        self.tokens = self._cut(where)

    def _cut(self, where: str) -> list[tuple[str, str]]:
        tokens, place, end = [], 0, len(where.rstrip())
        while place < end:
            match = _TOKEN.match(where, place)
            if match is None:
                word = where[place:].split()[0]
                raise self._wrong(word, "a closing quote" if word[0] in "'`\"" else _GRAMMAR)
            tokens.append((str(match.lastgroup), match.group(match.lastgroup or 0)))
            place = match.end()
        return tokens

    def _wrong(self, given: str, expected: str = _GRAMMAR) -> TableError:
        """What is wrong at a word; at the end of all, if the word is empty."""
        place = f"unclear at {shorten(given)}" if given else "unclear at its end"
        return TableError(f"given where={shorten(self.where, 200)}, {place}; expected {expected}")

    # ── sentences ────────────────────────────────────────────────────────────────────────────────────────────────

    def read(self) -> Mask:
        mask = self._either()
        if self.place < len(self.tokens):
            raise self._wrong(self.tokens[self.place][1])
        if self.tests > MOST:
            raise TableError(f"given where={shorten(self.where, 200)}; expected at most {MOST:,} tests, or IN (…)")
        return mask

    def _either(self) -> Mask:
        return self._joined("OR", "or_kleene", self._both)

    def _merged(self, masks: list[Mask]) -> list[Mask]:
        """The same, with what one column is equal to, again and again, as one list."""
        lists: dict[str, list[Any]] = {}
        others = []
        for mask in masks:
            if isinstance(mask, partial) and mask.func is _compare and mask.args[2] == "equal":
                lists.setdefault(mask.args[0], []).append(mask.args[3])
            else:
                others.append(mask)
        self.tests -= len(masks) - len(others) - len(lists)
        return others + [partial(_inside, name, self._type(name), values) for name, values in lists.items()]

    def _both(self) -> Mask:
        return self._joined("AND", "and_kleene", self._one)

    def _joined(self, word: str, how: str, part: Callable[[], Mask]) -> Mask:
        masks = [part()]
        while self._skip(word):
            masks.append(part())
        masks = self._merged(masks) if word == "OR" and len(masks) > 1 else masks
        return masks[0] if len(masks) == 1 else partial(_join, how, masks)

    def _one(self) -> Mask:
        self.depth += 1
        if self.depth > DEEPEST:
            raise TableError(
                f"given where={shorten(self.where, 200)}; expected at most {DEEPEST} NOTs and ( in one another"
            )
        if self._skip("NOT"):
            mask = _turned(self._one())
        elif self._skip("("):
            mask = self._either()
            self._want(")")
        else:
            mask = self._test()
        self.depth -= 1
        return mask

    def _test(self) -> Mask:
        self.tests += 1
        if self._kind() in ("text", "number") or self._peek() in ("TRUE", "FALSE"):
            value, how = self._value(), self._sign()
            name = self._name()
            return self._compared(name, _TURNED.get(how, how), value)
        name = self._name()
        if self._skip("IS"):
            absent = not self._skip("NOT")
            self._want("NULL")
            return partial(_absent, name) if absent else _turned(partial(_absent, name))
        if self._kind() == "sign" and self._peek() in _COMPARE:
            return self._compared(name, self._sign(), self._value())
        negated = self._skip("NOT")
        found = self._listed(name)
        if found is None:
            if negated or self._type(name) != "truth":
                raise self._wrong(self._peek())
            return self._compared(name, "equal", True)
        return _turned(found) if negated else found

    def _listed(self, name: str) -> Mask | None:
        """IN, BETWEEN, LIKE or ILIKE; `None` where none of them stands."""
        if self._skip("IN"):
            return partial(_inside, name, self._type(name), self._values(name))
        if self._skip("BETWEEN"):
            low = self._compared(name, "greater_equal", self._value())
            self._want("AND")
            return partial(_join, "and_kleene", [low, self._compared(name, "less_equal", self._value())])
        for word in ("LIKE", "ILIKE"):
            if self._skip(word):
                pattern = self._fitting(name, self._value())
                if self._type(name) != "text":
                    raise self._wrong(word, "LIKE of a column of texts")
                return partial(_like, name, pattern, word == "ILIKE")
        return None

    def _compared(self, name: str, how: str, value: Any) -> Mask:
        value = self._fitting(name, value)
        if self._type(name) == "truth" and how not in ("equal", "not_equal"):
            raise self._wrong(name, "= or != of a column of true and false")
        return partial(_compare, name, self._type(name), how, value)

    # ── words ────────────────────────────────────────────────────────────────────────────────────────────────────

    def _kind(self) -> str:
        return self.tokens[self.place][0] if self.place < len(self.tokens) else ""

    def _peek(self) -> str:
        return self.tokens[self.place][1].upper() if self.place < len(self.tokens) else ""

    def _next(self, *kinds: str, expected: str = _GRAMMAR) -> tuple[str, str]:
        if self._kind() not in kinds or self.place == len(self.tokens):
            raise self._wrong(self.tokens[self.place][1] if self.place < len(self.tokens) else "", expected)
        self.place += 1
        return self.tokens[self.place - 1]

    def _skip(self, word: str) -> bool:
        found = self._peek() == word and self._kind() in ("word", "sign")
        self.place += found
        return found

    def _want(self, word: str) -> None:
        if not self._skip(word):
            raise self._wrong(self._peek(), word)

    def _sign(self) -> str:
        sign = self._next("sign")[1]
        if sign not in _COMPARE:
            raise self._wrong(sign)
        return _COMPARE[sign]

    def _name(self) -> str:
        kind, word = self._next("word", "quoted")
        if kind == "word" and word.upper() in _WORDS:
            raise self._wrong(word)
        name = word if kind == "word" else word[1:-1].replace('""', '"') if word[0] == '"' else word[1:-1]
        alike = [name] if name in self.fields else [one for one in self.fields if one.casefold() == name.casefold()]
        if len(alike) != 1:
            raise self._not_filtered(name, alike)
        self.used.append(alike[0])
        return alike[0]

    def _not_filtered(self, name: str, alike: list[str]) -> TableError:
        """Why rows cannot be filtered by a name."""
        given = f"given where={shorten(self.where, 200)}"
        if alike:
            return TableError(f"{given}, in which {name!r} may mean any of {alike}; expected one of these")
        if name in self.layout.space.modalities:
            return TableError(f"{given}: {name!r} is a column to search; expected one to filter by: {self._offered()}")
        meant = did_you_mean(name, self.fields)
        return TableError(f"{given}: no column {name!r} to filter by{meant}; expected one of {self._offered()}")

    def _offered(self) -> list[str]:
        return [*self.layout.meta, *self.own()]

    def _values(self, name: str) -> list[Any]:
        self._want("(")
        values = [self._fitting(name, self._value())]
        while self._skip(","):
            values.append(self._fitting(name, self._value()))
        self._want(")")
        return values

    def _value(self) -> Any:
        if self._skip("NULL"):
            raise self._wrong("NULL", "IS NULL or IS NOT NULL, since nothing equals NULL")
        if self._peek() in ("DATE", "TIMESTAMP"):
            self.place += 1
            word = self._next("text")[1]
            return word[1:-1].replace("''", "'")
        kind, word = self._next("text", "number", "word", expected=_VALUE)
        if kind == "text":
            return word[1:-1].replace("''", "'")
        if kind == "number":
            return float(word) if re.search(r"[.eE]", word) else _whole(word)
        if word.upper() not in ("TRUE", "FALSE"):
            raise self._wrong(word, _VALUE)
        return word.upper() == "TRUE"

    # ── kinds ────────────────────────────────────────────────────────────────────────────────────────────────────

    def _type(self, name: str) -> str:
        return _type_of(self.layout.schema.field(name).type)

    def _fitting(self, name: str, value: Any) -> Any:
        """The value as the column's kind has it."""
        import pyarrow as pa

        kind, stored = self._type(name), self.layout.schema.field(name).type
        given = "truth" if isinstance(value, bool) else "text" if isinstance(value, str) else "number"
        if kind == "time" and given == "text":
            try:
                zone = getattr(stored, "tz", None)
                return pa.scalar(value).cast(pa.timestamp(stored.unit) if zone else stored).cast(stored)
            except pa.ArrowInvalid:
                raise self._wrong(value, f"a time such as '2020-01-31' or '2020-01-31T12:00:00' ({stored})") from None
        if kind != given and not (kind, given) == ("fraction", "number"):
            raise TableError(
                f"given where={shorten(self.where, 200)}, which compares column {name!r} ({stored}) with "
                f"{shorten(value)}; expected a value of the column's type; text stands in 'single quotes'"
            )
        return value


def _type_of(stored: pa.DataType) -> str:
    """What a column's cells are to a filter: "other" can only be there or absent."""
    import pyarrow as pa

    stored = stored.value_type if pa.types.is_dictionary(stored) else stored
    kinds = pa.types
    if kinds.is_string(stored) or kinds.is_large_string(stored):
        return "text"
    if kinds.is_boolean(stored):
        return "truth"
    if kinds.is_integer(stored):
        return "number"
    if kinds.is_floating(stored) or kinds.is_decimal(stored):
        return "fraction"
    return "time" if kinds.is_timestamp(stored) or kinds.is_date(stored) else "other"


def _whole(word: str) -> int | float:
    """A whole number; one of more digits than any column holds is as good as endless."""
    return int(word) if len(word) < 300 else math.copysign(math.inf, -1 if word[0] == "-" else 1)


# ── masks ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _cells(rows: pa.Table, name: str) -> Any:
    """A column, plain; a number that is none is absent."""
    import pyarrow as pa
    import pyarrow.compute as pc

    cells = rows[name]
    if pa.types.is_dictionary(cells.type):
        cells = cells.cast(cells.type.value_type)
    if pa.types.is_decimal(cells.type) or pa.types.is_float16(cells.type):
        cells = cells.cast(pa.float64())
    return pc.if_else(pc.is_nan(cells), None, cells) if pa.types.is_floating(cells.type) else cells


def _join(how: str, masks: list[Mask], rows: pa.Table) -> Any:
    import pyarrow.compute as pc

    return reduce(getattr(pc, how), (mask(rows) for mask in masks))


def _turned(mask: Mask) -> Mask:
    def turned(rows: pa.Table) -> Any:
        import pyarrow.compute as pc

        return pc.invert(mask(rows))

    return turned


def _absent(name: str, rows: pa.Table) -> Any:
    import pyarrow.compute as pc

    return pc.is_null(_cells(rows, name))


def _compare(name: str, kind: str, how: str, value: Any, rows: pa.Table) -> Any:
    import pyarrow as pa
    import pyarrow.compute as pc

    cells = _cells(rows, name)
    if kind == "number":
        how, value = _among_whole(how, value, cells.type)
        if isinstance(value, bool):  # whatever the number
            return pc.if_else(pc.is_valid(cells), value, pa.scalar(None, pa.bool_()))
    elif kind == "fraction":
        cells, value = cells.cast(pa.float64()), pa.scalar(float(value), pa.float64())
    return getattr(pc, how)(cells, value)


def _among_whole(how: str, value: float, stored: pa.DataType) -> tuple[str, Any]:
    """A comparison of whole numbers that says the same; true or false where it says the same of all of them.

    Example:
        >>> import pyarrow as pa
        >>> _among_whole("greater", 2.5, pa.int64())[0], _among_whole("equal", 2.5, pa.int64())
        ('greater', ('equal', False))
    """
    import pyarrow as pa

    bits = stored.bit_width
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if pa.types.is_signed_integer(stored) else (0, 2**bits - 1)
    if how in ("equal", "not_equal"):
        there = low <= value <= high and value == int(value)
        return how, pa.scalar(int(value), stored) if there else how == "not_equal"
    if value < low or value > high:
        return how, (value > high) == how.startswith("less")
    whole = math.ceil(value) if how in ("less", "greater_equal") else math.floor(value)
    if not low <= whole <= high:
        return how, (whole > high) == how.startswith("less")
    return how, pa.scalar(whole, stored)


def _inside(name: str, kind: str, values: list[Any], rows: pa.Table) -> Any:
    import pyarrow as pa
    import pyarrow.compute as pc

    cells = _cells(rows, name)
    if kind == "number":
        values = [fit for value in values if not isinstance(fit := _among_whole("equal", value, cells.type)[1], bool)]
        wanted = pa.array([value.as_py() for value in values], cells.type)
    elif kind == "time":
        wanted = pa.array([value.as_py() if value.is_valid else None for value in values], cells.type)
    else:
        cells = cells.cast(pa.float64()) if kind == "fraction" else cells
        wanted = pa.array([float(value) for value in values] if kind == "fraction" else values, cells.type)
    unknown = pa.scalar(None, pa.bool_())
    return pc.if_else(pc.is_valid(cells), pc.is_in(cells, wanted), unknown)  # as in SQL, NOT leaves it unknown


def _like(name: str, pattern: str, any_case: bool, rows: pa.Table) -> Any:
    import pyarrow.compute as pc

    return pc.match_like(_cells(rows, name), pattern, ignore_case=any_case)
