"""Data that do not come with kuamo: where they are looked for, and what is said where they are not."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import kuamo as km

LOADERS = [km.datasets.digits, km.datasets.esc10, km.datasets.wikipedia]


@pytest.mark.parametrize("load", LOADERS)
def test_an_absent_folder_says_what_to_set(load: Callable[..., km.Table], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUAMO_DATA", raising=False)
    with pytest.raises(km.TableError, match="KUAMO_DATA"):
        load()
    with pytest.raises(km.TableError, match="nowhere"):
        load("nowhere")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Small files of the same layout, sorted by digit as the real ones are."""
    import soundfile
    from PIL import Image

    picture, sound = io.BytesIO(), io.BytesIO()
    Image.fromarray(np.zeros((28, 28), np.uint8)).save(picture, "PNG")
    soundfile.write(sound, np.zeros(800), 8000, format="FLAC")
    shown = np.repeat(np.arange(10), 20)
    for split in ("train", "test"):
        columns = {"image": [picture.getvalue()] * 200, "digit": shown}
        pq.write_table(pa.table(columns), tmp_path / f"mnist-{split}.parquet")
    who = ["george", "lucas"] * 50
    spoken = {"audio": [sound.getvalue()] * 100, "digit": np.repeat(np.arange(10), 10), "speaker": who}
    takes = [(i % 10) // 2 for i in range(100)]
    pq.write_table(pa.table(spoken | {"take": takes}), tmp_path / "spoken-digits.parquet")
    monkeypatch.setenv("KUAMO_DATA", str(tmp_path))
    return tmp_path


def test_digits_are_paired_by_digit_and_speakers_can_be_kept_apart(folder: Path) -> None:
    table = km.datasets.digits(rows=150, seed=3)
    assert len(table) == 150 and len(set(table.groups)) == 100
    assert [km.datasets.digits.__globals__["WORDS"].index(row) for row in table.columns["text"]] == [
        int(label) for label in table.labels or []
    ]
    pictures = [name.rsplit("-", 1)[1] for name in table.ids]
    assert len(set(pictures)) == 150  # no picture comes twice
    assert [int(number) // 20 for number in pictures] == [int(label) for label in table.labels or []]
    assert [group.split("-")[1] for group in table.groups] == table.labels
    train, test = table.split(test=1, by="speaker")
    assert not set(train.meta["speaker"]) & set(test.meta["speaker"])
    assert table.ids == km.datasets.digits(rows=150, seed=3).ids != km.datasets.digits(rows=150, seed=4).ids
    assert len(set((table.labels or [])[:20])) > 3  # shuffled
    assert set(km.datasets.digits(speakers=("lucas",), split="test").meta["speaker"]) == {"lucas"}


def test_what_digits_cannot_give_is_refused(folder: Path) -> None:
    with pytest.raises(km.TableError, match="at most 20 pictures"):
        km.datasets.digits(rows=500)
    with pytest.raises(km.TableError, match="speakers"):
        km.datasets.digits(speakers=("nobody",))
    with pytest.raises(km.TableError, match="'train' or 'test'"):
        km.datasets.wikipedia(split="valid")
    pq.write_table(pa.table({"image": [b""]}), folder / "mnist-train.parquet")
    with pytest.raises(km.TableError, match="digit"):
        km.datasets.digits()
