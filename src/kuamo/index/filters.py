"""`where=` over the index in memory: a small part of SQL, read by recursive descent; on disk Lance reads all of it.

    either   := both (OR both)*            both := one (AND one)*
    one      := NOT one | "(" either ")" | field test
    test     := (= | != | <> | < | <= | > | >=) value | [NOT] IN "(" value, … ")" | [NOT] LIKE 'a%' | IS [NOT] NULL
    field    := name | `any name`          value := 'text' | number | TRUE | FALSE

A row whose field is empty fulfils only IS NULL, as in SQL.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from kuamo.errors import TableError, shorten

if TYPE_CHECKING:
    import pyarrow as pa

    from kuamo.index.rows import Layout

__all__ = ["parse_filter"]

_TOKEN = re.compile(
    r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<number>-?\d+(?:\.\d*)?(?:[eE][+-]?\d+)?)|(?P<quoted>`[^`]+`)"
    r"|(?P<word>[^\W\d]\w*)|(?P<sign><=|>=|!=|<>|[=<>(),]))",
)
_COMPARE = {
    "=": "equal",
    "!=": "not_equal",
    "<>": "not_equal",
    "<": "less",
    "<=": "less_equal",
    ">": "greater",
    ">=": "greater_equal",
}
_GRAMMAR = "comparisons, IN, LIKE and IS NULL joined by AND, OR and NOT (an index on disk takes all of Lance's SQL)"


def parse_filter(where: str, layout: Layout) -> Callable[[pa.Table], np.ndarray]:
    """A predicate as a function: rows → (N,) bool.

    Raises:
        TableError: it cannot be read, an unknown column, a value of another kind than its column.
    """
    import pyarrow as pa

    fields = ["id", "group", "label", *layout.meta]
    reader = _Reader(where, fields)
    expression = reader.read()
    try:
        layout.schema.empty_table().filter(expression)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowTypeError) as error:
        raise TableError(f"given where={where!r} ({error}); expected values of the columns' kinds") from None

    def apply(rows: pa.Table) -> np.ndarray:
        numbers = pa.table({name: rows[name] for name in fields}).append_column("_row", pa.array(np.arange(len(rows))))
        inside = np.zeros(len(rows), dtype=bool)
        inside[numbers.filter(expression)["_row"].to_numpy()] = True
        return inside

    return apply


class _Reader:
    def __init__(self, where: str, fields: list[str]) -> None:
        self.where, self.fields, self.place = where, fields, 0
        self.tokens = self._cut(where)

    def _cut(self, where: str) -> list[tuple[str, str]]:
        tokens, place, end = [], 0, len(where.rstrip())
        while place < end:
            match = _TOKEN.match(where, place)
            if match is None:
                raise self._wrong(where[place:].split()[0])
            tokens.append((str(match.lastgroup), match.group(match.lastgroup or 0)))
            place = match.end()
        return tokens

    def _wrong(self, given: str) -> TableError:
        return TableError(f"given where={shorten(self.where, 200)}, unclear at {given!r}; expected {_GRAMMAR}")

    def read(self) -> Any:
        expression = self._either()
        if self.place < len(self.tokens):
            raise self._wrong(self.tokens[self.place][1])
        return expression

    def _peek(self) -> str:
        return self.tokens[self.place][1].upper() if self.place < len(self.tokens) else ""

    def _next(self, *kinds: str) -> tuple[str, str]:
        if self.place == len(self.tokens) or self.tokens[self.place][0] not in kinds:
            raise self._wrong(self.tokens[self.place][1] if self.place < len(self.tokens) else "the end")
        self.place += 1
        return self.tokens[self.place - 1]

    def _skip(self, word: str) -> bool:
        found = self._peek() == word and self.tokens[self.place][0] in ("word", "sign")
        self.place += found
        return found

    def _want(self, word: str) -> None:
        if not self._skip(word):
            raise self._wrong(self._peek() or "the end")

    def _either(self) -> Any:
        left = self._both()
        while self._skip("OR"):
            left = left | self._both()
        return left

    def _both(self) -> Any:
        left = self._one()
        while self._skip("AND"):
            left = left & self._one()
        return left

    def _one(self) -> Any:
        if self._skip("NOT"):
            return ~self._one()
        if self._skip("("):
            inner = self._either()
            self._want(")")
            return inner
        return self._test()

    def _test(self) -> Any:
        import pyarrow.compute as pc

        kind, name = self._next("word", "quoted")
        name = name.strip("`") if kind == "quoted" else name
        if name not in self.fields:
            raise TableError(
                f"given where={shorten(self.where, 200)} with column {name!r}; the index has {self.fields}"
            )
        field = pc.field(name)
        if self._skip("IS"):
            absent = not self._skip("NOT")
            self._want("NULL")
            return field.is_null() if absent else field.is_valid()
        negated = self._skip("NOT")
        if self._skip("IN"):
            found = self._inside(field)
        elif self._skip("LIKE"):
            found = pc.match_like(field, self._value())
        elif negated:
            raise self._wrong(self._peek() or "the end")
        else:
            sign = self._next("sign")[1]
            if sign not in _COMPARE:
                raise self._wrong(sign)
            return getattr(pc, _COMPARE[sign])(field, self._value())
        return ~found if negated else found

    def _inside(self, field: Any) -> Any:
        import pyarrow as pa
        import pyarrow.compute as pc

        self._want("(")
        values = [self._value()]
        while self._skip(","):
            values.append(self._value())
        self._want(")")
        unknown = pc.scalar(pa.scalar(None, pa.bool_()))
        return pc.if_else(field.is_valid(), field.isin(values), unknown)  # as in SQL, NOT leaves it unknown

    def _value(self) -> Any:
        kind, word = self._next("text", "number", "word")
        if kind == "text":
            return word[1:-1].replace("''", "'")
        if kind == "number":
            return float(word) if re.search(r"[.eE]", word) else int(word)
        if word.upper() not in ("TRUE", "FALSE"):
            raise self._wrong(word)
        return word.upper() == "TRUE"
