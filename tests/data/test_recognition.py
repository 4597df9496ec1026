"""Laws of recognition: what looks like a file, a vector, a list or a URL is read as that, or it is said."""

from __future__ import annotations

import base64
import csv
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import kuamo as km

PICTURE = km.datasets.emoji()[0]["image"]
FOREIGN = {
    "svg": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
    "heic": b"\0\0\0\x18ftypheic",
    "m4a": b"\0\0\0\x20ftypM4A ",
    "MP4": b"\0\0\0\x18ftypisom",
    "webm": b"\x1aE\xdf\xa3",
    "npz": b"PK\3\4",
    "pdf": b"%PDF",
    "txt": b"words",
}


def as_csv(path: Path, rows: dict[str, list[Any]]) -> Path:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([list(rows), *zip(*rows.values(), strict=True)])
    return path


@pytest.mark.parametrize("there", [True, False])
@pytest.mark.parametrize("ending", FOREIGN)
def test_files_of_other_kinds_are_no_texts(ending: str, there: bool, tmp_path: Path) -> None:
    for k in range(4 * there):
        (tmp_path / f"{k} of them.{ending}").write_bytes(FOREIGN[ending])
    names = [f"{k} of them.{ending}" for k in range(4)]
    path = as_csv(tmp_path / "t.csv", {"text": [f"a thing {k}" for k in range(4)], "file": names})
    table = km.Table.read(path)
    assert list(table.columns) == ["text"] and any(
        "file: kept as metadata: names of files" in note for note in table.notes
    )
    assert km.Table.read(path, modalities={"file": km.Text()})[0]["file"] == names[0]
    with pytest.raises(km.TableError, match=r"column 'file': given cells like .*expected"):
        km.Table({"text": ["a", "b", "c", "d"], "file": names})
    content = km.Table.read(pa.table({"text": ["a"], "file": [FOREIGN[ending]]}))
    assert list(content.columns) == ["text"] and any("file: kept as metadata: bytes" in note for note in content.notes)
    with pytest.raises(km.TableError, match=r"none of text, images.*file: kept as meta"):
        km.Table.read(as_csv(path, {"id": list("abcd"), "file": names}))


def test_files_without_an_ending_are_what_their_content_is(tmp_path: Path) -> None:
    (tmp_path / "one").write_bytes(PICTURE)
    (tmp_path / "two").write_bytes(b"\0\1\2\3")
    table = km.Table.read(as_csv(tmp_path / "t.csv", {"text": ["a"], "one": ["one"], "two": ["two"]}))
    assert str(table) == "Table: 1 row; text: Text 1/1, one: Image 1/1" and list(table.meta) == ["two"]


@pytest.mark.parametrize(
    "name", ["images/0.png ", " images/0.png", "images\\0.png", "./images/0.png", "images\\0.png "]
)
def test_names_as_others_write_them(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "0.png").write_bytes(PICTURE)
    table = km.Table.read(as_csv(tmp_path / "t.csv", {"file": [name] * 3, "text": list("abc")}), root=tmp_path)
    assert str(table) == "Table: 3 rows; file: Image 3/3, text: Text 3/3" and table.check() == []
    monkeypatch.chdir(tmp_path)
    memory = km.Table({"file": [name] * 3})
    assert str(memory) == "Table: 3 rows; file: Image 3/3" and memory.check() == []


def test_a_way_out_of_the_root_has_no_other_spelling(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "0.png").write_bytes(PICTURE)
    for name in ("..\\0.png", " ../0.png "):
        path = as_csv(tmp_path / "in" / "t.csv", {"file": [name], "text": ["a"]})
        with pytest.raises(km.CellError, match="outside the root"):
            km.Table.read(path, root=tmp_path / "in").check()


@pytest.mark.parametrize("url", ["https://img.x/p0?w=1080", "http://img.x/p", "s3://bucket/p", "ftp://x/y"])
def test_urls_without_an_ending_are_no_texts(url: str, tmp_path: Path) -> None:
    table = km.Table.read(pa.table({"url": [url] * 4, "text": ["a", "b", "see https://x.y/z", "https://x.y/z"]}))
    assert list(table.columns) == ["text"] and "url: kept as metadata: URLs" in table.notes[0]
    with pytest.raises(km.TableError, match="column 'url'"):
        km.Table({"url": [url] * 4})
    asked = km.Table.read(pa.table({"url": [url] * 4}), modalities={"url": km.Image()})
    with pytest.raises(km.CellError, match=r"https?://|a path"):
        asked.check()


CODED = {
    "base64": base64.b64encode(PICTURE).decode(),
    "URL": "data:image/png;base64," + base64.b64encode(PICTURE).decode(),
    "hexadecimal": PICTURE.hex(),
    "PostgreSQL": "\\x" + PICTURE.hex(),
    "Python": repr(PICTURE),
    "record": str({"bytes": b"x", "path": "a.png"}),
    "JSON": json.dumps({"x": 1, "y": [2]}),
}


@pytest.mark.parametrize("name", CODED)
def test_bytes_in_letters_are_no_texts(name: str) -> None:
    table = km.Table.read(pa.table({"text": ["a", "b"], "x": [CODED[name]] * 2}))
    assert list(table.columns) == ["text"] and "x: kept as metadata: bytes or records" in table.notes[0]


@pytest.mark.parametrize(
    "text",
    ["CC(=O)OC1=CC=CC=C1C(=O)O", "ACGT" * 40, "(a cat)", "[sic]", "{a} b", "data: 3", "3 cats", "b'", "1984 (2)"],
)
def test_odd_texts_are_texts(text: str) -> None:
    assert isinstance(km.Table({"text": [text] * 3}).modalities["text"], km.Text)


# ── vectors and lists ────────────────────────────────────────────────────────────────────────────────────────────

VECTORS = [
    "[0.5, 0.25, 2.0]",
    "[0.5  0.25 2.  ]",
    "[0.5\n 0.25\n 2.]",
    "(0.5, 0.25, 2.0)",
    "array([0.5, 0.25, 2.  ])",
    "np.array([0.5, 0.25, 2])",
    "array([0.5, 0.25, 2.], dtype=float32)",
    "[np.float64(0.5), np.float64(0.25), np.float64(2.0)]",
    "[np.float32(0.5), 0.25, 2]",
    "tensor([0.5000, 0.2500, 2.0000])",
    "tensor([0.5, 0.25, 2.], device='cuda:0', dtype=torch.float16)",
    "tensor([0.5, 0.25, 2.], grad_fn=<MulBackward0>)",
    "c(0.5, 0.25, 2)",
    "{0.5,0.25,2}",
    "0.5 0.25 2.0",
    "0.5,0.25,2.0",
    "0.5;0.25;2.0",
    "0.5, 0.25, 2.0",
    " [5e-1, 2.5e-1, +2]",
]


@pytest.mark.parametrize("kind", [None, km.Vector()])
@pytest.mark.parametrize("text", VECTORS)
def test_vectors_that_went_through_text(text: str, kind: Any, tmp_path: Path) -> None:
    how = {} if kind is None else {"modalities": {"x": kind}}
    file = km.Table.read(as_csv(tmp_path / "t.csv", {"text": ["a", "b"], "x": [text, text]}), **how)
    for table in (file, km.Table({"text": ["a", "b"], "x": [text, text]}, **how)):
        assert str(table) == "Table: 2 rows; text: Text 2/2, x: Vector 2/2"
        assert np.array_equal(list(table.values("x")), [[0.5, 0.25, 2]] * 2)


def test_vectors_with_gaps_are_said(tmp_path: Path) -> None:
    table = km.Table.read(as_csv(tmp_path / "t.csv", {"x": ["[0.5, nan]", "", "[1, 2]"]}))
    assert table.column("x").row.tolist() == [0, 2]
    with pytest.raises(km.CellError, match="nan at position 1"):
        table.check()


@pytest.mark.parametrize(
    "text", ["[0.46 0.71 0.55 ... 0.36 -0.03 0.2]", "tensor([0.4, ..., 0.1])", "['a' 'b' ... 'z']", "[0.25, 0.5, 0.7"]
)
def test_lists_that_were_cut_are_refused(text: str, tmp_path: Path) -> None:
    path = as_csv(tmp_path / "t.csv", {"text": ["a", "b"], "x": [text] * 2})
    for read in (lambda: km.Table.read(path), lambda: km.Table({"x": [text] * 2})):
        with pytest.raises(km.TableError, match=r"column 'x': given .*a list that was cut"):
            read()
    assert km.Table.read(path, modalities={"x": km.Text()})[0]["x"] == text


@pytest.mark.parametrize(
    "text",
    [
        """["a cat", "it's a pet"]""",
        """['a cat', "it's a pet"]""",
        """['a cat' "it's a pet"]""",
        """['a cat'\n "it's a pet"]""",
        """['a cat', 'it\\'s a pet', None]""",
        """('a cat', "it's a pet")""",
        """array(['a cat', "it's a pet"], dtype=object)""",
        """array(['a cat', "it's a pet"], dtype='<U10')""",
        """c("a cat", "it's a pet", NA)""",
        """[np.str_('a cat'), np.str_("it's a pet")]""",
    ],
)
def test_lists_of_texts_that_went_through_text(text: str, tmp_path: Path) -> None:
    table = km.Table.read(as_csv(tmp_path / "t.csv", {"x": [text, "alone", text]}))
    assert list(table.values("x")) == ["a cat", "it's a pet", "alone", "a cat", "it's a pet"]


def test_several_numbers_of_unlike_count_are_said() -> None:
    table = km.Table(pa.table({"text": ["a", "b"], "x": ["1 2 3", "4 5"]}))
    assert (
        list(table.columns) == ["text"]
        and "x: kept as metadata: cells with different counts of numbers" in table.notes[0]
    )


# ── folders ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", ["metadata.csv", "metadata.jsonl"])
def test_metadata_in_a_folder_below(name: str, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "0.png").write_bytes(PICTURE)
    row = "file_name,text\n0.png,a thing\n" if name.endswith("csv") else '{"file_name": "0.png", "text": "a thing"}\n'
    (tmp_path / "data" / name).write_text(row)
    table = km.Table.read(tmp_path, root=tmp_path)
    assert str(table) == "Table: 1 row; image: Image 1/1, text: Text 1/1" and table.check() == []
    assert table.labels is None and "split" not in table.meta


@pytest.mark.parametrize("texts", [True, False])
def test_pictures_that_were_fetched_win_over_their_urls(texts: bool, tmp_path: Path) -> None:
    (tmp_path / "00000").mkdir()
    for k in range(3):
        (tmp_path / "00000" / f"00000000{k}.jpg").write_bytes(PICTURE)
        if texts:
            (tmp_path / "00000" / f"00000000{k}.txt").write_text(f"thing {k}")
    urls = [f"http://x/{k}.jpg" for k in range(3)]
    pq.write_table(pa.table({"url": urls, "key": [f"00000000{k}" for k in range(3)]}), tmp_path / "00000.parquet")
    table = km.Table.read(tmp_path)
    assert "image: Image 3/3" in str(table) and table.check() == [] and table.labels is None
    assert ("text" in table.columns) == texts


def test_names_that_are_no_utf_8(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"caf\xe9.png")).write_bytes(PICTURE)
    table = km.Table.read(tmp_path)
    assert table.ids == ["caf\\udce9"] and table.check() == []


def test_links_of_a_folder_lead_nowhere_outside_the_root(tmp_path: Path) -> None:
    secret, root = tmp_path / "secret", tmp_path / "root"
    secret.mkdir()
    as_csv(secret / "t.csv", {"text": ["SECRET", "x"], "n": [1, 2]})
    pq.write_table(pa.table({"text": ["SECRET"]}), secret / "t.parquet")
    (secret / "t.txt").write_text("SECRET")
    ways = {"metadata.csv": "t.csv", "a.parquet": "t.parquet", "1.txt": "t.txt", "train": "", "t.csv": "t.csv"}
    for number, (name, target) in enumerate(ways.items()):
        inside = root / str(number)
        inside.mkdir(parents=True)
        (inside / name).symlink_to(secret / target if target else secret)
        (inside / "1.png").write_bytes(PICTURE)
        (secret / "metadata.csv").write_text("text\nSECRET\n")
        source = inside / name if name == "t.csv" else inside
        with pytest.raises(km.TableError, match="leads outside the root"):
            km.Table.read(source, root=inside)
        assert "SECRET" in str(list(km.Table.read(source)))  # a folder of one's own is trusted
    assert len(km.Table.read(secret / "t.csv", root=root)) == 2  # named by the user, outside: the root is for its cells
