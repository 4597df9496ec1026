"""Laws of text files: however rows are written, the same table comes out; or it is said what is odd, with the line."""

from __future__ import annotations

import bz2
import gzip
import lzma
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

import kuamo as km

ROWS = [("7", "a cat, black", "x; y"), ("08", "a | dog", 'says "hi"'), ("9", "two\nlines", "z")]
HEADER = ("id", "text", "other")


def written(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def rows_by(separator: str, end: str = "\n") -> str:
    def field(cell: str) -> str:
        quoted = any(mark in cell for mark in (separator, '"', "\n"))
        return '"' + cell.replace('"', '""') + '"' if quoted else cell

    return "".join(separator.join(map(field, row)) + end for row in [HEADER, *ROWS])


def same(table: km.Table) -> bool:
    cells = [(name, row["text"], row["other"]) for name, row in zip(table.ids, table)]
    return list(table.columns) == ["text", "other"] and cells == ROWS


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("separator", [",", "\t", ";", "|"])
@pytest.mark.parametrize("name", ["t.csv", "t.tsv"])
def test_the_separator_is_found(name: str, separator: str, end: str, tmp_path: Path) -> None:
    table = km.Table.read(written(tmp_path / name, rows_by(separator, end)))
    assert same(table)
    usual = separator == ("," if name == "t.csv" else "\t")
    assert [note for note in table.notes if "separated by" in note] == [] if usual else "not by" in table.notes[0]


def test_the_separator_that_a_first_line_says(tmp_path: Path) -> None:
    for separator in (",", ";", "\t"):
        assert same(km.Table.read(written(tmp_path / "t.csv", f"sep={separator}\r\n" + rows_by(separator))))


def test_one_column_is_one_column(tmp_path: Path) -> None:
    table = km.Table.read(written(tmp_path / "t.csv", 'text\na cat\n"a; b, c"\nd | e\n'))
    assert [row["text"] for row in table] == ["a cat", "a; b, c", "d | e"] and table.notes == []


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
    ".zst": lambda content: pa.compress(content, "zstd", asbytes=True),
    "": gzip.compress,
}


@pytest.mark.parametrize("ending", PACKERS)
def test_packed_files_are_unpacked(ending: str, tmp_path: Path) -> None:
    packed = PACKERS[ending](rows_by(",").encode())
    assert same(km.Table.read(written(tmp_path / f"t.csv{ending}", packed)))
    with pytest.raises(km.TableError, match=r"t\.csv"):
        km.Table.read(written(tmp_path / f"t.csv{ending}", packed[: len(packed) // 2]))
    lines = PACKERS[ending](b'{"text": "a"}\n')
    assert len(km.Table.read(written(tmp_path / f"t.jsonl{ending}", lines))) == 1


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-16"])
def test_two_bytes_a_letter(encoding: str, tmp_path: Path) -> None:
    assert same(km.Table.read(written(tmp_path / "t.csv", rows_by(",").encode(encoding))))


@pytest.mark.parametrize(
    "cell", ['"Hello there', 'third "quoted" word', '"fifth" is', '5" pipe', '"', 'a "b', '"a" "b"']
)
def test_no_quote_in_a_tsv_swallows_rows(cell: str, tmp_path: Path) -> None:
    cells = ["first", cell, "second", 'he said "no"', cell, "last"]
    rows = "".join(f"{k}\t{each}\n" for k, each in enumerate(cells))
    table = km.Table.read(written(tmp_path / "t.tsv", "id\ttext\n" + rows))
    assert [row["text"] for row in table] == cells


@pytest.mark.parametrize("cell", ['"Hello there', '"fifth" is', '"a"b'])
def test_a_lone_quote_in_a_csv_is_an_error_with_its_line(cell: str, tmp_path: Path) -> None:
    with pytest.raises(km.TableError, match=r"t\.csv, line 3: given a quote that opens a field"):
        km.Table.read(written(tmp_path / "t.csv", f"id,text\n1,first\n2,{cell}\n3,third\n"))


def test_quotes_that_stand_in_a_field_are_letters(tmp_path: Path) -> None:
    table = km.Table.read(written(tmp_path / "t.csv", 'id,text\n1,5" pipe\n2,a "b" c\n'))
    assert [row["text"] for row in table] == ['5" pipe', 'a "b" c'] and table.notes == []


def test_quotes_after_back_slashes(tmp_path: Path) -> None:
    table = km.Table.read(written(tmp_path / "t.csv", 'id,text\n1,"he said \\"hi, you\\" to"\n2,"c:\\dir, x"\n'))
    assert [row["text"] for row in table] == ['he said "hi, you" to', "c:\\dir, x"] and "backslash" in table.notes[0]
    plain = km.Table.read(written(tmp_path / "t.csv", 'id,text\n1,"c:\\dir\\"\n2,"[""a \\""b\\"" c""]"\n'))
    assert plain[0]["text"] == "c:\\dir\\"


def test_rows_that_a_pair_of_lone_quotes_would_swallow_are_said(tmp_path: Path) -> None:
    lines = "".join(f"{k},word {k}\n" for k in range(5))
    table = km.Table.read(written(tmp_path / "t.csv", f'id,text\na,"first\n{lines}b,last"\nc,end\n'))
    assert "line 2: a quoted field contains lines that look like rows" in table.notes[0]


def test_names_of_columns_are_bare_and_data_is_no_header(tmp_path: Path) -> None:
    table = km.Table.read(written(tmp_path / "t.csv", "id , text, other \n1, a cat, x y\n"))
    assert list(table.columns) == ["text", "other"] and table.ids == ["1"]
    table = km.Table.read(written(tmp_path / "t.csv", "1.png,a cat\n2.png,a dog\n3.png,an owl\n"))
    assert "the first line looks like a row" in table.notes[0]


@pytest.mark.parametrize("first", ["", "Unnamed: 0", " "])
def test_an_index_without_a_name_is_left_out(first: str, tmp_path: Path) -> None:
    table = km.Table.read(written(tmp_path / "t.csv", f'"{first}",text,other\n5,a cat,x y\n3,a dog,u v\n'))
    assert list(table.columns) == ["text", "other"] and not table.meta and "row numbers" in table.notes[0]
    table = km.Table.read(written(tmp_path / "t.csv", f'"{first}",text\none word,a cat\nand another,a dog\n'))
    assert list(table.columns) == ["column_0", "text"] and "column_0" in table.notes[0]
    table = km.Table.read(written(tmp_path / "t.csv", f'text,"{first}"\na cat,\na dog,\n'))
    assert list(table.columns) == ["text"] and not table.meta


WORDS = ["NA", "nan", "NaN", "None", "null", "NULL", "N/A", "<NA>", "#N/A", "NaT", "", "  "]


@pytest.mark.parametrize("word", WORDS)
def test_words_that_mean_a_gap_are_gaps(word: str, tmp_path: Path) -> None:
    path = written(tmp_path / "t.csv", f"text,price,label\na cat,1.5,x\n{word},{word},{word}\na dog,2,y\n")
    table = km.Table.read(path)
    assert table.column("text").row.tolist() == [0, 2] and table.labels == ["x", None, "y"]
    assert list(table.meta["price"]) == [1.5, None, 2]
    said = [note for note in table.notes if "are treated as missing" in note]
    assert [note.split(":")[0] for note in said] == (["text", "price", "label"] if word.strip() else [])
    if word.strip():
        kept = km.Table.read(path, modalities={"text": km.Text()})
        assert kept[1]["text"] == word and list(kept.meta["price"])[1] is None


def test_words_that_look_like_gaps_elsewhere_are_said() -> None:
    for source in ({"text": ["a cat", "nan"]}, pa.table({"text": ["a cat", "None"]})):
        assert "and are read as text" in km.Table(source).notes[0]
    assert km.Table({"text": ["a nan", "None of these"]}).notes == []


def test_numbers_with_a_comma(tmp_path: Path) -> None:
    table = km.Table.read(written(tmp_path / "t.csv", "text;price;many\na;1,5;1,234\nb;2,25;5,678\n"))
    assert list(table.meta["price"]) == [1.5, 2.25] and list(table.meta["many"]) == ["1,234", "5,678"]


def test_lists_of_objects(tmp_path: Path) -> None:
    for name in ("t.json", "t.jsonl"):
        table = km.Table.read(written(tmp_path / name, '[{"id": "1", "text": "a"},\n {"id": "2"}]'))
        assert table.ids == ["1", "2"] and table.column("text").row.tolist() == [0]
    with pytest.raises(km.TableError, match=r"t\.json"):
        km.Table.read(written(tmp_path / "t.json", '[{"text": "a"}, 3]'))


@pytest.mark.parametrize("row", ['"x": ' + "[" * 1000 + "]" * 1000, '"x": ' + '{"a":' * 100 + "1" + "}" * 100])
def test_deep_json_is_refused_in_words(row: str, tmp_path: Path) -> None:
    with pytest.raises(km.TableError, match=r"t\.jsonl: .*(deep|nested)"):
        km.Table.read(written(tmp_path / "t.jsonl", f'{{"text": "a", {row}}}\n'))


def test_odd_cells_of_json(tmp_path: Path) -> None:
    path = written(tmp_path / "t.jsonl", '{"text": "a", "split": [1], "x": {"array": ["a"], "sampling_rate": 8000}}\n')
    assert "split" in km.Table.read(path).describe()
    with pytest.raises(km.TableError, match="does not exist"):
        km.Table.read("x" * 5000)


TIMES = {
    "nanoseconds": pa.array([1_600_000_000_123_456_789, None], pa.timestamp("ns")),
    "beyond the calendar": pa.array([2**62, None], pa.timestamp("us")),
    "before the calendar": pa.array([-(2**62), None], pa.timestamp("s")),
    "days beyond it": pa.array([2**30, None], pa.date32()),
    "durations": pa.array([1, None], pa.duration("ns")),
    "clock": pa.array([1, None], pa.time64("ns")),
    "an unknown zone": pa.array([1, None], pa.timestamp("s", "Mars/Base")),
    "nanoseconds in a zone": pa.array([1, None], pa.timestamp("ns", "+05:30")),
    "nothing": pa.array([None, None], pa.timestamp("ns")),
    "days": pa.array([86_400_000, None], pa.date64()),
}


@pytest.mark.parametrize("name", TIMES)
def test_times_of_every_kind_are_kept(name: str, toy_space: km.Space) -> None:
    table = km.Table.read(pa.table({"text": ["a", "b"], "when": TIMES[name]}))
    assert list(table.meta["when"])[1] is None and len(table.describe()) > 0
    assert (list(table.meta["when"])[0] is None) == (name == "nothing")
