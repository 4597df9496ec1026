"""Tables as people have them: read, or refused with a line, a row and a column; a bad cell may count as absent."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import kuamo as km
from kuamo.encoders.feature_cache import FeatureCache

ROOT = Path(__file__).parents[2]


def written(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


# ── text files ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_other_encodings(tmp_path: Path) -> None:
    rows = "id,text\n1,a cat\n2,一只狗\n"
    path = written(tmp_path / "t.csv", rows.encode("gb18030"))
    with pytest.raises(km.TableError, match=r"t\.csv, line 3: given byte .*expected UTF-8, or encoding="):
        km.Table.read(path)
    assert km.Table.read(path, encoding="gb18030")[1]["text"] == "一只狗"
    for marked in ("utf-8-sig", "utf-16"):  # what spreadsheets write
        table = km.Table.read(written(path, rows.encode(marked)))
        assert list(table.columns) == ["text"] and table.ids == ["1", "2"] and table[1]["text"] == "一只狗"
    for wrong, words in (("klingon", "that Python knows"), ("ascii", "line 3"), ("utf-32", "expected a file in")):
        with pytest.raises(km.TableError, match=words):
            km.Table.read(written(path, rows.encode("gb18030") + b"\n"), encoding=wrong)
    lines = '{"text": "a"}\n{"text": "b"}\n'
    assert len(km.Table.read(written(tmp_path / "t.jsonl", lines.encode("utf-16")), encoding="utf-16")) == 2
    with pytest.raises(km.TableError, match="line 2"):
        km.Table.read(written(tmp_path / "t.jsonl", lines.encode().replace(b"b", b"\xff")))


def test_lines_that_do_not_fit(tmp_path: Path) -> None:
    cases = {
        "a.csv": ("id,text\n1,a,b\n", "Expected 2 columns, got 3"),
        "b.csv": ("", "the file is empty"),
        "c.csv": ("id,text\n", "no row"),
        "d.csv": ("text,text\na,b\n", "several columns called 'text'"),
        "e.jsonl": ('{"text": "a"}\n{"text": 5}\n', "row 1"),
        "f.jsonl": ('{"text": "a"\n', "f.jsonl"),
        "g.jsonl": ("[" * 100_000, "g.jsonl"),
        "h.csv": ("id,price\n1,2\n", "none of text, images, audio or vectors"),
        "i.csv": ("id,text\n1,a\n1,b\n", "rows 0 and 1: given the id '1' more than once"),
        "j.csv": ("id,text\n1,a\n,b\n", "row 1: the id is missing"),
    }
    for name, (content, words) in cases.items():
        with pytest.raises(km.TableError, match=words):
            km.Table.read(written(tmp_path / name, content))


def test_cells_of_100_000_characters(tmp_path: Path) -> None:
    long = "a long story, " * 8000
    path = written(tmp_path / "t.csv", f'text,note\n"{long}",x\nshort,"{long * 20}"\n')
    table = km.Table.read(path)
    assert next(table.values("text")) == long.strip() and len(table[1]["note"]) == 20 * len(long)
    assert len(table.describe()) < 1000
    assert len(km.Table.read(written(tmp_path / "t.jsonl", f'{{"text": "{long * 20}"}}\n'))[0]["text"]) > 2_000_000


def test_mixed_types(tmp_path: Path) -> None:
    rows: dict[str, list[Any]] = {"text": ["a", 5, None, b"\x00", "b"]}
    with pytest.raises(km.CellError, match="column 'text', row 1: given int 5; expected a text"):
        km.Table(rows).check()
    table = km.Table(rows, on_error="skip")
    assert table.check()[0].startswith(
        "text: 2 of 4 cells cannot be read and are treated as missing: row 1: given int 5; row 3"
    )
    assert list(table.values("text")) == ["a", "b"]


def test_damaged_parquet(tmp_path: Path) -> None:
    rows = pa.table({"text": ["a cat", "a dog"]})
    pq.write_table(rows, tmp_path / "a.parquet")
    whole = (tmp_path / "a.parquet").read_bytes()
    (tmp_path / "b.parquet").write_bytes(whole[:-20])
    with pytest.raises(km.TableError, match=r"b\.parquet"):
        km.Table.read(tmp_path)
    pq.write_table(pa.table({"words": ["a"]}), tmp_path / "b.parquet")
    with pytest.raises(km.TableError, match=r"b\.parquet: given columns \['words'\]; expected \['text'\]"):
        km.Table.read(tmp_path)
    damaged = pa.Array.from_buffers(pa.string(), 1, [None, pa.py_buffer(np.int32([0, 2])), pa.py_buffer(b"\xff\xff")])
    with pytest.raises(km.TableError, match="UTF-8"):
        km.Table.read(pa.table({"text": damaged}))


def test_what_is_no_source(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for source in (tmp_path / "empty", {"text": ["a"]}, 5, None):
        with pytest.raises(km.TableError, match="expected"):
            km.Table.read(source)
    for option in ({"on_error": "ignore"}, {"modalities": {"zzz": km.Text()}}):
        with pytest.raises(km.TableError, match="given"):
            km.Table.read(pa.table({"text": ["a"]}), **option)  # type: ignore[arg-type]
    with pytest.raises(km.TableError, match="no column `split`"):
        km.Table({"text": ["a"]}).part("test")


# ── paths ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_nothing_outside_the_root_is_read(tmp_path: Path) -> None:
    picture, root = km.datasets.emoji()[0]["image"], tmp_path / "root"
    (root / "a").mkdir(parents=True)
    written(root / "in.png", picture)
    written(tmp_path / "out.png", picture)
    (root / "link.png").symlink_to(tmp_path / "out.png")
    (root / "fine.png").symlink_to(root / "in.png")
    ways = ["../out.png", str(tmp_path / "out.png"), "link.png", (tmp_path / "out.png").as_uri(), "a/../../out.png"]
    for name in ways:
        rows = pa.table({"photo": ["in.png", name, "fine.png"]})
        table = km.Table.read(rows, root=root)
        with pytest.raises(
            km.CellError, match=r"column 'photo', row 1: given .*outside the root; expected a path inside"
        ):
            table.check()
        pq.write_table(rows, root / "t.parquet")
        assert km.Table.read(root / "t.parquet").check() == []  # a table of one's own is trusted
    inside = km.Table.read(pa.table({"photo": ["in.png", str(root / "in.png")]}), root=root)
    assert inside.check() == []
    other = km.Table.read(pa.table({"photo": ["in.png", "s3://bucket/x.png"]}), root=root)
    with pytest.raises(km.CellError, match="s3://"):
        other.check()


# ── on_error="skip" ──────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def damaged_rows(tmp_path: Path) -> dict[str, list[Any]]:
    """80 emoji, whose pictures 3 (missing) and 5 (cut off), and text 7 (empty), cannot be read."""
    some = km.datasets.emoji().take(range(0, 1600, 20))
    pictures: list[Any] = [some[k]["image"] for k in range(len(some))]
    texts: list[Any] = [some[k]["text"] for k in range(len(some))]
    pictures[3], pictures[5], texts[7] = tmp_path / "gone.png", pictures[5][:100], "  "
    return {"image": pictures, "text": texts}


def test_skipped_cells_are_absent_and_counted(damaged_rows: dict[str, list[Any]]) -> None:
    with pytest.raises(km.CellError, match="row 3"):
        km.fit(km.Table(damaged_rows), seed=0)
    table = km.Table(damaged_rows, on_error="skip")
    holes = {name: list(cells) for name, cells in damaged_rows.items()}
    holes["image"][3] = holes["image"][5] = holes["text"][7] = None
    cca = km.CCA(dim=16, kernels=("linear",))
    space, clean = km.fit(table, cca, seed=0), km.fit(km.Table(holes), cca, seed=0)
    notes = [note for note in space.notes if "cannot be read" in note]
    assert notes[0].startswith("image: 2 of 80 cells cannot be read and are treated as missing: row 3: given")
    assert "gone.png" in notes[0] and "row 5" in notes[0] and notes[1].startswith("text: 1 of 80 cells")
    assert np.array_equal(np.asarray(space.encode(table)), np.asarray(clean.encode(km.Table(holes))))
    report = km.evaluate(space, km.Table(damaged_rows, on_error="skip"))
    assert [note for note in report.notes if "cannot be read" in note] == notes
    assert report.intervals["image_to_text_R@1"].n == 77
    again = km.Table(damaged_rows, on_error="skip")
    found = [hit.id for hit in space.index(again).search({"text": "a cat"}, to="image", k=100)]
    assert len(found) == 78 and not {"3", "5"} & set(found) and again.skipped() == notes
    part = table.take(range(4, 9))
    assert part.present().tolist() == [[True, True], [False, True], [True, True], [True, False], [True, True]]
    assert "row 1" in part.skipped()[0] and part.take([0]).skipped() == []


def test_skipping_with_trained_and_nameless_encoders(damaged_rows: dict[str, list[Any]]) -> None:
    from kuamo.encoders.image_cnn import ImageCNN

    damaged_rows["pose"] = [np.ones(3) * k for k in range(80)]
    damaged_rows["pose"][9], damaged_rows["pose"][11] = np.ones(2), np.full(3, np.nan)
    table = km.Table(damaged_rows, on_error="skip").select("image", "pose")
    training = km.Training(steps=3, batch_size=16)
    space = km.fit(table, km.InfoNCE(), encoders={"image": ImageCNN(size=8, dim=8, width=8)}, training=training)
    skipped = [note for note in space.notes if "cannot be read" in note]
    assert "image: 2 of 80" in skipped[0] and "pose: 2 of 80" in skipped[1] and "shape (2,)" in skipped[1]


def test_nothing_left(tmp_path: Path) -> None:
    table = km.Table({"image": ["a.png", "b.png"], "text": ["a", "b"]}, on_error="skip")
    with pytest.raises(km.TableError, match="column 'image': no cell can be read: image: 2 of 2"):
        km.fit(table)


def test_shapes_that_differ_name_the_row() -> None:
    table = km.Table({"text": list("abcd"), "x": [np.ones(3), np.ones(3), np.ones(2), np.ones(3)]})
    with pytest.raises(km.CellError, match=r"column 'x', row 2: given a value of shape \(2,\); expected shape \(3,\)"):
        km.fit(table)


# ── what a fit cannot use, and what an encoder does not read ─────────────────────────────────────────────────────


def test_a_constant_column() -> None:
    for cells in (["the same"] * 40, np.zeros((40, 3)), np.ones((40, 3))):
        table = km.Table({"x": cells, "pose": np.random.default_rng(0).standard_normal((40, 4))})
        with pytest.raises(km.TableError, match="column 'x': given 40 cells that are all the same"):
            km.fit(table)


def test_long_texts_are_said_to_be_cut() -> None:
    some, cca = km.datasets.emoji().take(range(0, 1600, 80)), km.CCA(dim=4, kernels=("linear",))
    texts = [some[k]["text"] for k in range(len(some))]
    texts[4] = "many words without a break " * 100
    table = km.Table({"text": texts, "image": [some[k]["image"] for k in range(len(some))]})
    space = km.fit(table, cca, seed=0)
    said = "text: 1 of 20 values are longer than the limit of MiniLM (256 tokens) and are truncated"
    assert said in space.notes and said in km.evaluate(space, table).notes
    assert not any("longer" in note for note in km.fit(some, cca, seed=0).notes)


# ── a full disk ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_full_disk(tmp_path: Path) -> None:
    """On a file system of 1 MB, which only root can make."""
    place = tmp_path / "small"
    place.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)], capture_output=True)
    if made.returncode:
        pytest.skip(f"no small disk: {made.stderr.decode().strip()}")
    try:
        full_disk(place)
    finally:
        subprocess.run(["umount", str(place)], check=True)


def full_disk(place: Path) -> None:
    cache = FeatureCache("full/1", root=place)
    rng = np.random.default_rng(0)
    kept = [bytes([k]) * 32 for k in range(100)]
    with pytest.raises(km.StoreError, match=r"cannot be written .*No space left.* expected a writable path"):
        _ = [cache.put([key], rng.standard_normal((1, 20_000), np.float32)) for key in kept]
    again = FeatureCache("full/1", root=place)
    assert 0 < again.contains(kept).sum() < 100 and not list(place.rglob("*.part"))
    assert np.isfinite(again.get([kept[0]])).all()
    toy = km.fit(km.datasets.toy(rows=200), seed=0)
    with pytest.raises(km.StoreError, match="No space left"):
        toy.save(place / "toy.space")
    assert not list(place.glob("*toy*")) and not list(place.glob(".*toy*"))


WRITE = """
import resource, signal, sys
import numpy as np
from pathlib import Path
from kuamo.core.errors import StoreError
from kuamo.encoders.feature_cache import FeatureCache
resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
cache = FeatureCache("large/1", root=Path(sys.argv[1]))
cache.put([b"a" * 32], np.ones((1, 100), np.float32))
try:
    cache.put([b"b" * 32], np.ones((1, 100_000), np.float32))
except StoreError as error:
    print(error)
"""


def test_a_disk_that_refuses(tmp_path: Path) -> None:
    """The same without root: a process that may write no file beyond 50 kB."""
    done = subprocess.run([sys.executable, "-c", WRITE, str(tmp_path)], capture_output=True, text=True, check=True)
    assert "cannot be written" in done.stdout and not list(tmp_path.rglob("*.part"))
    assert FeatureCache("large/1", root=tmp_path).contains([b"a" * 32, b"b" * 32]).tolist() == [True, False]
