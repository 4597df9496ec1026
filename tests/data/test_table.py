"""A table is the same wherever its rows come from, wherever its cells stay, and in whatever order they are read."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as pq
import pytest
import soundfile

import kuamo as km
from kuamo.core.threads import ordered_map
from kuamo.data.readers import parquet

CAPTIONS = [["a cat", "a pet"], None, ["a dog"], ["an owl", None, "a bird"]]
POSES = [[1.0, 2.0], [3.0, 4.0], None, [5.0, 6.0]]


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder with three pictures and a hole."""
    rows = km.datasets.emoji()
    for k in (0, 1, 3):
        (tmp_path / f"{k}.png").write_bytes(rows[k]["image"])
    return tmp_path


def plain_rows() -> dict[str, list[Any]]:
    return {
        "id": ["007", "b", "c", "d"],
        "group": ["x", "x", None, "y"],
        "caption": CAPTIONS,
        "photo": ["0.png", "1.png", None, "3.png"],
        "pose": POSES,
        "price": [1, 2, 3, 4],
        "split": ["train", "train", "test", "test"],
    }


def as_csv(folder: Path, mark: str = ",", suffix: str = "csv") -> Path:
    def field(cell: Any) -> str:
        text = (
            json.dumps([each for each in cell if each]) if isinstance(cell, list) else "" if cell is None else str(cell)
        )
        return '"' + text.replace('"', '""') + '"'

    rows = plain_rows()
    lines = [mark.join(rows), *(mark.join(field(cell) for cell in row) for row in zip(*rows.values()))]
    (folder / f"t.{suffix}").write_text("\n".join(lines), encoding="utf-8")
    return folder / f"t.{suffix}"


def as_jsonl(folder: Path) -> Path:
    rows = plain_rows()
    lines = [json.dumps(dict(zip(rows, row))) for row in zip(*rows.values())]
    (folder / "t.jsonl").write_text("\n".join(lines))
    return folder / "t.jsonl"


def as_parquet(folder: Path) -> Path:
    pq.write_table(pa.table(plain_rows()), folder / "t.parquet", row_group_size=2)
    return folder / "t.parquet"


def as_shards(folder: Path) -> Path:
    (folder / "data").mkdir()
    rows = pa.table(plain_rows())
    pq.write_table(rows.slice(0, 3), folder / "data" / "part-0.parquet")
    pq.write_table(rows.slice(3), folder / "data" / "part-1.parquet")
    return folder / "data"


def as_arrow(folder: Path) -> Path:
    feather.write_feather(pa.table(plain_rows()), folder / "t.arrow")
    return folder / "t.arrow"


def as_metadata(folder: Path) -> Path:
    rows = pa.table(plain_rows())
    pq.write_table(
        rows.rename_columns(["photo_file_name" if n == "photo" else n for n in rows.column_names]),
        folder / "metadata.parquet",
    )
    return folder


def as_frame(folder: Path) -> Any:
    return pytest.importorskip("pandas").DataFrame(plain_rows())


def as_dataset(folder: Path) -> Any:
    """What a Hugging Face `Dataset` shows of itself, with its rows stored in another order."""
    stored = pa.table(plain_rows()).take([3, 2, 1, 0])
    return SimpleNamespace(
        data=SimpleNamespace(table=stored),
        _indices=pa.table({"indices": [3, 2, 1, 0]}),
        features={},
        column_names=stored.column_names,
        with_format=lambda kind: None,
    )


SOURCES: list[Callable[[Path], Any]] = [
    as_csv,
    lambda folder: as_csv(folder, "\t", "tsv"),
    as_jsonl,
    as_parquet,
    as_shards,
    as_arrow,
    as_metadata,
    lambda folder: pa.table(plain_rows()),
    as_frame,
    as_dataset,
]


@pytest.mark.parametrize("make", SOURCES)
def test_every_source_gives_the_same_table(make: Callable[[Path], Any], photos: Path) -> None:
    table = km.Table.read(make(photos), root=photos)
    assert str(table) == "Table: 4 rows; caption: Text 3/4, photo: Image 3/4, pose: Vector 3/4"
    assert table.ids == ["007", "b", "c", "d"] and table.groups == ["x", "x", "c", "y"]
    assert list(table.values("caption")) == ["a cat", "a pet", "a dog", "an owl", "a bird"]
    assert table.column("caption").row.tolist() == [0, 0, 2, 3, 3]
    assert [picture.shape for picture in table.values("photo")] == 3 * [(64, 64, 3)]
    assert np.array_equal(list(table.values("pose")), [[1, 2], [3, 4], [5, 6]])
    assert table.meta["price"] == [1, 2, 3, 4] and "price" in table.notes[0]
    assert table.part("test").ids == ["c", "d"]
    for word in ("4 rows", "5 values", "3 of 4", "train 2, test 2", "007", "3 groups"):
        assert word in table.describe()


@pytest.mark.parametrize("make", SOURCES)
def test_rows_taken_are_the_rows_of_the_whole(make: Callable[[Path], Any], photos: Path) -> None:
    table = km.Table.read(make(photos), root=photos)
    some = table.take([3, 0, 3]).take([1, 2])
    assert some.ids == ["007", "d"] and some.meta["price"] == [1, 4]
    assert list(some.values("caption")) == ["a cat", "a pet", "an owl", "a bird"]
    assert some.column("photo").row.tolist() == [0, 1]
    assert np.array_equal(next(some.values("photo")), next(table.values("photo")))


@pytest.mark.parametrize("held", [0, 1 << 20])
@pytest.mark.parametrize("block", [1, 1 << 20])
def test_large_parquet_columns_are_read_in_any_order(
    held: int, block: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Forwards, backwards, and from two threads; whole row groups or pieces of them; with holes, and over two files."""
    for name, size in (("SMALL_BYTES", 0), ("HELD_BYTES", held), ("BLOCK_BYTES", block)):
        monkeypatch.setattr(parquet, name, size)
    rng = np.random.default_rng(0)
    cells = [bytes(rng.integers(0, 9, 20, dtype=np.uint8)) if k % 7 else None for k in range(90)]
    words = [[f"{k}", None, "x"][: k % 4] for k in range(90)]
    rows = pa.table({"photo.png": cells, "words": words, "photo": [b"other"] * 90})
    for part in (0, 1):
        pq.write_table(rows.slice(45 * part, 45), tmp_path / f"{part}.parquet", row_group_size=10)
    table = km.Table.read(tmp_path, modalities={"photo.png": km.Image(), "photo": km.Image()})
    column = table.column("photo.png")
    assert type(column._cells.cells) is parquet.ParquetCells  # type: ignore[union-attr]
    assert column.row.tolist() == [k for k in range(90) if k % 7]
    entries = list(range(len(column.row)))
    for order in (entries, entries[::-1], rng.permutation(entries).tolist()):
        assert list(ordered_map(column.raw, order, ahead=8)) == [cells[column.row[k]] for k in order]
    assert list(table.values("words")) == [word for cell in words for word in cell if word]
    assert len(table.column("photo").row) == 90


def test_nothing_is_read_until_it_is_asked_for(photos: Path) -> None:
    (photos / "t.csv").write_text("photo,text\n0.png,a\nnowhere.png,b\n")
    table = km.Table.read(photos / "t.csv")
    assert len(table.take([1])) == 1 and table[1]["photo"] == photos / "nowhere.png"
    with pytest.raises(km.CellError, match=r"column 'photo', row 1.*nowhere\.png"):
        list(table.values("photo"))


def test_half_of_the_emoji_are_spoken_by_women() -> None:
    """By their names, and by their pitch: the lowest period at which a sound resembles itself."""
    table = km.datasets.emoji(columns=("audio",)).take(range(64))

    def pitch(sound: km.modalities.audio.Waveform) -> float:
        power = np.abs(np.fft.rfft(sound.samples, 2 * len(sound.samples))) ** 2
        echo = np.fft.irfft(power)[sound.rate // 400 : sound.rate // 60]
        return sound.rate / (int(echo.argmax()) + sound.rate // 400)

    found: dict[str, list[float]] = {}
    for voice, sound in zip(table.meta["voice"], table.values("audio"), strict=True):
        found.setdefault(voice, []).append(pitch(sound))
    assert list(found) == ["en-us", "en-us+f3", "en-gb", "gmw/en+f2"]
    men, other_women, other_men, women = (float(np.median(pitches)) for pitches in found.values())
    assert min(women, other_women) > 1.3 * max(men, other_men)


def test_files_alone_make_rows(tmp_path: Path) -> None:
    rows = km.datasets.emoji()
    for split in ("train", "val"):
        for kind in ("cat", "dog"):
            folder = tmp_path / split / kind
            folder.mkdir(parents=True)
            (folder / "1.png").write_bytes(rows[0]["image"])
            (folder / "1.txt").write_text(f"a {kind}\n")
    (tmp_path / "train" / "cat" / "1.jpg").write_bytes(rows[0]["image"])  # another picture, named alike
    soundfile.write(tmp_path / "train" / "dog" / "1.wav", np.zeros(80), 8000)
    (tmp_path / ".hidden.png").write_bytes(b"")
    table = km.Table.read(tmp_path)
    assert str(table) == "Table: 5 rows; image: Image 5/5, audio: Audio 1/5, text: Text 4/5"
    assert sorted(table.labels or []) == ["cat", "cat", "cat", "dog", "dog"]
    assert len(table.part("validation")) == 2 and "train/cat/1.png" in table.ids


def test_metadata_below_split_folders(photos: Path) -> None:
    for split in ("train", "test"):
        (photos / split).mkdir()
        shutil.copy(photos / "0.png", photos / split)
        (photos / split / "metadata.csv").write_text(f"file_name,caption\n0.png,in {split}\n")
    table = km.Table.read(photos)
    assert str(table) == "Table: 2 rows; image: Image 2/2, caption: Text 2/2"
    assert table.part("test").check() == [] and next(table.part("test").values("caption")) == "in test"


def test_classes_and_files_as_hugging_face_keeps_them(photos: Path) -> None:
    note = json.dumps({"info": {"features": {"label": {"names": ["cat", "dog"], "_type": "ClassLabel"}}}})
    sound = photos / "0.wav"
    soundfile.write(sound, np.zeros(80), 8000)
    rows = pa.table(
        {
            "image": [{"bytes": (photos / "0.png").read_bytes(), "path": None}, {"bytes": None, "path": None}],
            "audio": [{"bytes": None, "path": str(sound)}, None],
            "label": [1, -1],
        }
    ).replace_schema_metadata({"huggingface": note})
    pq.write_table(rows, photos / "hf.parquet")
    for source in (rows, photos / "hf.parquet"):
        table = km.Table.read(source)
        assert str(table) == "Table: 2 rows; image: Image 1/2, audio: Audio 1/2" and table.check() == []
        assert table.labels == ["dog", None]


def test_several_datasets_are_splits() -> None:
    class Part:
        features: ClassVar[dict[str, Any]] = {}
        column_names = ("text",)

        def __init__(self, words: list[str]) -> None:
            self.rows = pa.table({"text": words})

        def with_format(self, kind: str) -> Part:
            return self

        def __getitem__(self, everything: slice) -> pa.Table:
            return self.rows

    table = km.Table.read({"train": Part(["a cat", "a dog"]), "test": Part(["an owl"])})
    assert len(table.part("train")) == 2 and table.part("test")[0]["text"] == "an owl"


def test_kinds_follow_from_most_cells_and_from_content(photos: Path) -> None:
    (photos / "sound.png").write_bytes(b"RIFF\x24\x00\x00\x00WAVEfmt ")
    (photos / "0.png").rename(photos / "plain")
    breeds, prose = ["tabby", "siamese"] * 50, [f"a cat, number {k}" for k in range(100)]
    rows = {
        "picture": ["1.png"] * 70 + ["N/A"] * 30,
        "wrong": ["sound.png"] * 100,
        "bare": ["plain"] * 100,
        "prose": prose,
        "breed": breeds,
        "when": ["2024-01-31"] * 99 + [None],
        "price": ["3.5"] * 100,
        "flag": ["true", "FALSE"] * 50,
        "odd": ["1", "2", "three", "4"] * 25,
    }
    pq.write_table(pa.table(rows), photos / "t.parquet")
    table = km.Table.read(photos / "t.parquet")
    kinds = {name: type(kind).__name__ for name, kind in table.modalities.items()}
    assert kinds == {"picture": "Image", "wrong": "Audio", "bare": "Image", "prose": "Text"}
    assert list(table.meta) == ["breed", "when", "price", "flag", "odd"]
    assert table.meta["price"][0] == 3.5 and table.meta["when"][0].year == 2024 and table.meta["flag"][1] is False
    told = km.Table.read(photos / "t.parquet", modalities={"breed": km.Text(), "price": km.Text()})
    assert told[0]["breed"] == "tabby" and told[0]["price"] == "3.5"
    few = km.Table.read(pa.table({"picture": ["1.png"] * 100, "breed": breeds}), root=photos)
    assert str(few) == "Table: 100 rows; picture: Image 100/100, breed: Text 100/100"  # else nothing could be aligned


def test_a_modality_of_ones_own_gets_its_files_and_its_texts(photos: Path) -> None:
    class Own(km.Text):
        def accepts(self, raw: Any) -> bool:
            return True

        def read(self, raw: Any) -> Any:
            return raw

    (photos / "t.csv").write_text("x,text\n0.png,a\nCCO,b\n")
    table = km.Table.read(photos / "t.csv", modalities={"x": Own()})
    assert list(table.values("x")) == ["0.png", "CCO"]  # a kind of Text: never a path

    class Mine:
        accepts, read = Own.accepts, Own.read

    table = km.Table.read(photos / "t.csv", modalities={"x": Mine()})  # type: ignore[dict-item]
    assert list(table.values("x")) == [photos / "0.png", "CCO"]


def test_values_decode_ahead_in_order_but_not_far() -> None:
    running, most = set(), 0

    class Slow:
        parallel = True

        def accepts(self, raw: Any) -> bool:
            return True

        def read(self, raw: int) -> int:
            time.sleep(0.002 * (raw % 3))
            running.add(raw)
            return raw

    table = km.Table({"x": list(range(60))}, modalities={"x": Slow()})  # type: ignore[dict-item]
    for number, value in enumerate(table.values("x")):
        assert value == number
        most = max(most, len(running) - number)
    assert most <= 4 + 2


def test_files_of_urls_only_when_asked(photos: Path) -> None:
    asked = []

    class Server(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            body = (photos / "0.png").read_bytes()
            self.send_response(404 if "gone" in self.path else 200)
            self.send_header("Content-Length", str(len(body) + ("short" in self.path)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        root = f"http://127.0.0.1:{server.server_port}"
        names = [
            f"{root}/a.png?w=2",
            f"{root}/a.png?w=2",
            (photos / "1.png").as_uri(),
            f"{root}/gone.png",
            f"{root}/short.png",
        ]
        rows = pa.table({"photo": names})
        table = km.Table.read(rows)
        with pytest.raises(km.CellError, match=r"row 0.*download=True"):
            table.check()
        assert not asked
        table = km.Table.read(rows, download=True, on_error="skip")
        notes = table.check()
        assert len(table.column("photo").row) == 3 and "404" in notes[0] and "row 4" in notes[0]
        assert asked.count("/a.png?w=2") <= 2  # two threads may meet; afterwards it is there
        before = len(asked)
        assert km.Table.read(rows.slice(0, 3), download=True).check() == [] and len(asked) == before
    finally:
        server.shutdown()
        server.server_close()


def test_reading_imports_no_torch(photos: Path) -> None:
    code = "import sys, kuamo as km; km.Table.read(sys.argv[1]).describe(); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code, str(as_csv(photos))], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
