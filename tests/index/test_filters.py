"""`where=` is one dialect: in memory, on disk, and by hand it finds the same rows, whatever is asked of what data."""

from __future__ import annotations

import datetime
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import kuamo as km

ROWS = 80
HOLE = None
NAN = float("nan")
WORDS = ["it's", 'say "x"', "日本", "a%b", "a_b", "A_B", "NULL", "", "new\nline", "\\", "TRUE", HOLE]
Row = dict[str, Any]
Truth = bool | None


def values(rng: np.random.Generator) -> dict[str, list[Any]]:
    """Columns of every kind that a filter knows, with holes, NaN and the ends of what they can hold."""
    ends = [2**63 - 1, -(2**63), 2**53, 2**53 + 1]

    def some(choices: list[Any]) -> list[Any]:
        return [choices[i] for i in rng.integers(0, len(choices), ROWS)]

    return {
        "word": some(WORDS),
        "whole": some([*range(-3, 6), *ends, HOLE]),
        "Fraction": some([NAN, HOLE, -1.5, 0.0, 2.5, 3.0, 1e300, math.inf, -math.inf]),
        "single": [*np.array(some([NAN, 0.5, 0.1, 3.0]), np.float32)],
        "flag": some([True, False, HOLE]),
        "when it was": some([HOLE, *(datetime.datetime(2020, 1, day, 12) for day in range(1, 6))]),
        "day": some([HOLE, *(datetime.date(2020, 1, day) for day in range(1, 6))]),
        "类别": some(["动物", "植物", HOLE]),
    }


@pytest.fixture(scope="module", params=range(2))
def both(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[list[km.Index], list[Row]]:
    rng = np.random.default_rng(request.param)
    meta, toy = values(rng), km.datasets.toy(rows=ROWS, seed=0)
    columns = {name: [toy[i][name] for i in range(ROWS)] for name in ("a", "b")}
    label = [["cat", "dog", None][i % 3] for i in range(ROWS)]
    table = km.Table(columns, id=[f"r'{i}" for i in range(ROWS)], label=label, meta=meta)
    space = km.fit(table, km.CCA(dim=2))
    forms = [space.index(table)]
    pytest.importorskip("lance")
    forms.append(space.index(table, tmp_path_factory.mktemp("index") / "x.lance"))
    rows = [{name: cells[i] for name, cells in meta.items()} | {"id": f"r'{i}", "label": label[i]} for i in range(ROWS)]
    return forms, rows


def found(index: km.Index, where: str) -> list[str] | str:
    try:
        query = km.Embedding(np.ones((1, 2), np.float32))
        return sorted(hit.id for hit in index.search(query, to="b", k=ROWS, where=where)[0])
    except km.TableError as error:
        return str(error)


def by_hand(rows: list[Row], says: Callable[[Row], Truth]) -> list[str]:
    return sorted(row["id"] for row in rows if says(row) is True)


def absent(cell: Any) -> bool:
    return cell is None or cell != cell


# ── random filters ───────────────────────────────────────────────────────────────────────────────────────────────

COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": lambda a, b: a == b, "==": lambda a, b: a == b, "!=": lambda a, b: a != b, "<>": lambda a, b: a != b,
    "<": lambda a, b: a < b, "<=": lambda a, b: a <= b, ">": lambda a, b: a > b, ">=": lambda a, b: a >= b,
}  # fmt: skip
NUMBERS = [
    "-3", "0", "3", "2.5", "3.0", "-1.5", "1e0", ".5", "9007199254740993", "9007199254740992.0", "9223372036854775807",
    "9223372036854775808", "-9223372036854775808", "-9223372036854775809", "1e300", "9" * 30, "-" + "9" * 60, "1e999",
]  # fmt: skip
TEXTS = [word for word in WORDS if word is not None] + ["zzz", "--", ";"]
TIMES = {"2020-01-03": 3, "2020-01-05": 5, "2019-12-31": -9, "2021-01-01": 400}


def quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def number(word: str) -> Any:
    return float(word) if set(word) & set(".eE") else int(word)


def exact(word: str) -> Any:
    from fractions import Fraction

    value = number(word)
    return value if isinstance(value, int) or math.isinf(value) else Fraction(value)


def simple(rng: np.random.Generator) -> tuple[str, Callable[[Row], Truth]]:
    """A test of one column: as text, and by hand."""
    name = str(rng.choice(["word", "whole", "Fraction", "flag", "day", "类别", "label", "id", "when it was"]))
    spelled = f"`{name}`" if " " in name else str(rng.choice([name, f"`{name}`", f'"{name}"', name.upper()]))
    if rng.random() < 0.15:
        turn = bool(rng.random() < 0.5)
        return f"{spelled} IS {'NOT ' * turn}NULL", lambda row: absent(row[name]) != turn
    sign, pick = str(rng.choice(list(COMPARE))), lambda many: many[int(rng.integers(len(many)))]
    if name == "flag":
        sign, value = pick(["=", "!=", "<>"]), bool(rng.random() < 0.5)
        written = [str(value).upper()]
        sides = [value]
    elif name in ("whole", "Fraction"):
        written = [pick(NUMBERS) for _ in range(3)]
        sides = [exact(word) if name == "whole" else float(number(word)) for word in written]
    elif name in ("day", "when it was"):
        days = [pick(list(TIMES)) for _ in range(3)]
        written = [quoted(day) for day in days]
        sides = [datetime.date.fromisoformat(day) for day in days]
        sides = [datetime.datetime(*day.timetuple()[:3]) for day in sides] if name != "day" else sides
    else:
        sides = [pick(TEXTS) for _ in range(3)]
        written = [quoted(text) for text in sides]
    kind = rng.random()
    if name == "flag" or kind < 0.6:
        if rng.random() < 0.2 and sign not in ("==",):
            turned = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}.get(sign, sign)
            text = f"{written[0]} {turned} {spelled}"
        else:
            text = f"{spelled} {sign} {written[0]}"
        return text, lambda row: None if absent(row[name]) else COMPARE[sign](row[name], sides[0])
    turn = bool(rng.random() < 0.4)
    if kind < 0.85:
        text = f"{spelled} {'not ' * turn}in ({', '.join(written)})"
        return text, lambda row: None if absent(row[name]) else (row[name] in sides) != turn
    text = f"{spelled} {'NOT ' * turn}BETWEEN {written[0]} AND {written[1]}"
    return text, lambda row: None if absent(row[name]) else (sides[0] <= row[name] <= sides[1]) != turn


def random_filter(rng: np.random.Generator, depth: int = 0) -> tuple[str, Callable[[Row], Truth]]:
    """Tests, joined at random: SQL's logic of three values."""
    kind = rng.random()
    if depth == 3 or kind < 0.4:
        return simple(rng)
    if kind < 0.55:
        text, says = random_filter(rng, depth + 1)
        return f"NOT ({text})", lambda row: None if says(row) is None else not says(row)
    parts = [random_filter(rng, depth + 1) for _ in range(int(rng.integers(2, 4)))]
    word, strong = ("OR", True) if kind < 0.8 else ("and", False)

    def says_all(row: Row) -> Truth:
        said = [says(row) for _, says in parts]
        return strong if strong in said else None if None in said else not strong

    return f" {word} ".join(f"({text})" for text, _ in parts), says_all


def test_random_filters_find_the_same_rows(both: tuple[list[km.Index], list[Row]]) -> None:
    forms, rows = both
    rng = np.random.default_rng(len(rows))
    some = 0
    for _ in range(150):
        text, says = random_filter(rng)
        wanted = by_hand(rows, says)
        assert [found(index, text) for index in forms] == [wanted, wanted], text
        some += 0 < len(wanted) < ROWS
    assert some > 60  # else nothing would be tried


ODD = [
    "", " ", "TRUE", "1 = 1", "whole", "NOT word", "word = NULL", "word IN (NULL)", "whole IN ()", "whole IN (1,)",
    "whole = '3'", "word = 3", "flag = 1", "flag < TRUE", "whole = TRUE", "day = 'soon'", "day = 3", "whole LIKE '3'",
    "word LIKE 3", "nothing = 1", "_code_0 IS NULL", "whole + 1 = 2", "lower(word) = 'x'", "whole = 1 -- x",
    "whole = 1;", "when it was IS NULL", "whole = 1 OR", "whole = (SELECT 1)", "whole IN (1, 'x')",
    "whole BETWEEN 1", "word = \"x\"",
    "(" * 3000 + "whole = 1" + ")" * 3000, "NOT " * 3000 + "whole = 1", "whole = 1 AND " * 5000 + "whole = 1",
    "x" * 2_000_000, "word = '\ud800'", "whole = 1\0", "word = 'open", "`whole = 1", "whole = 0x10", "whole = ²",
]  # fmt: skip


def test_what_cannot_be_read_is_refused_by_both_in_the_same_words(both: tuple[list[km.Index], list[Row]]) -> None:
    for where in ODD:
        said = [found(index, where) for index in both[0]]
        assert said[0] == said[1] and isinstance(said[0], str) and said[0].startswith("given where="), where[:80]
        assert len(said[0]) < 1000
    for where in (3, b"whole = 1", ["whole = 1"], True):
        with pytest.raises(km.TableError, match="given where="):
            both[0][0].search({"a": np.ones(256)}, where=where)  # type: ignore[arg-type]


def test_random_garbage_is_refused_or_read(both: tuple[list[km.Index], list[Row]]) -> None:
    """Pieces of the language in any order."""
    pieces = [
        "whole", "word", "flag", "day", "Fraction", "=", "<", ">=", "<>", "(", ")", ",", "IN", "NOT", "AND", "OR", "IS",
        "NULL", "LIKE", "BETWEEN", "'x'", "3", "-2.5", "TRUE", "`", '"', "'", "1e5", "DATE", "%", "\\", "é", "\n",
    ]  # fmt: skip
    rng = np.random.default_rng(0)
    for _ in range(300):
        where = " ".join(rng.choice(pieces, int(rng.integers(1, 9))))
        memory, disk = (found(index, where) for index in both[0])
        assert memory == disk, where


def test_many_values_are_one_list(both: tuple[list[km.Index], list[Row]]) -> None:
    forms, _ = both
    ids = [f"r'{i}" for i in range(0, ROWS, 3)]
    wanted = sorted(ids)
    for where in (
        " OR ".join("id = " + quoted(name) for name in ids * 500),
        f"id IN ({', '.join(quoted(name) for name in [*ids, *(f'x{i}' for i in range(20_000))])})",
    ):
        assert [found(index, where) for index in forms] == [wanted, wanted]


def like(pattern: str, flags: int) -> Callable[[Row], Truth]:
    pieces = re.findall(r"\\.|(?s:.)", pattern)
    plain = "".join({"%": "(?s:.*)", "_": "(?s:.)"}.get(piece, re.escape(piece[-1])) for piece in pieces)
    return lambda row: None if row["word"] is None else bool(re.fullmatch(plain, row["word"], flags))


@pytest.mark.parametrize("pattern", ["a%", "a\\%b", "a\\_b", "%\n%", "_", "", "日%", "%s%", "a__", "%", "it's"])
def test_like(pattern: str, both: tuple[list[km.Index], list[Row]]) -> None:
    forms, rows = both
    for word, flags in (("LIKE", 0), ("ILIKE", re.IGNORECASE)):
        wanted = by_hand(rows, like(pattern, flags))
        assert [found(index, f"word {word} {quoted(pattern)}") for index in forms] == [wanted, wanted]


def test_filters_with_a_finder_are_those_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Few rows are scanned; of many, more hits are asked for until there are enough of those that fulfil it."""
    pytest.importorskip("lance")
    toy = km.datasets.toy(rows=600, dims=(60, 52), seed=1)
    meta = {"year": [i % 40 for i in range(600)]}
    table = km.Table({name: [toy[i][name] for i in range(600)] for name in "ab"}, meta=meta)
    space = km.fit(table.take(range(200)), km.CCA(dim=8, kernels=("linear",)))
    index, memory = space.index(table, tmp_path / "x.lance"), space.index(table)
    index.optimize(kind="quantised")
    asked = [{"a": table[i]["a"]} for i in range(0, 600, 60)]
    for most in (20_000, 0):
        monkeypatch.setattr("kuamo.index.lance.EXACT_ROWS", most)
        for where in ("year < 20", "year = 7", "year = 7 AND id = '7'", "year > 99"):
            one, other = (form.search(asked, to="b", k=12, where=where) for form in (index, memory))
            for mine, right in zip(one, other, strict=True):
                assert len(mine) == len(right)
                assert len({hit.id for hit in mine} & {hit.id for hit in right}) >= 0.8 * len(right)
