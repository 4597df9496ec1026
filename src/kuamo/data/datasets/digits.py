"""Digits: a handwritten digit, a recording of it, and its word."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from kuamo.core.errors import TableError
from kuamo.data.datasets.folder import check_choice, rows_of_folder
from kuamo.data.modalities import Audio, Image, Modality, Text
from kuamo.data.speech_synthesis import draw_voices, programs, synthesize
from kuamo.data.table import Table

__all__ = ["SPEAKERS", "WORDS", "digits"]

WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
SPEAKERS = ("george", "jackson", "lucas", "nicolas", "yweweler")
COLUMNS = ("text", "image", "audio")


def digits(
    path: str | Path | None = None,
    *,
    rows: int | None = None,
    columns: Sequence[str] = COLUMNS,
    speakers: Sequence[str] = SPEAKERS,
    voices: int = 0,
    split: str = "train",
    seed: int = 0,
) -> Table:
    """MNIST pictures (28 px PNG) with recordings (8 kHz FLAC) and words, paired by digit.

    Columns `text`, `image` and `audio`. `label` is the digit, `group` the recording: rows of one recording are never
    parted. Meta `speaker`, `take` and `split`; `split(by="speaker")` keeps speakers apart. No picture comes twice.
    Pictures: MNIST, LeCun et al., 1998. Recordings: Free Spoken Digit Dataset, CC-BY-SA-4.0.

    Args:
        path: the folder of `mnist-train.parquet`, `mnist-test.parquet` and `spoken-digits.parquet`; `None` for what the
            environment variable KUAMO_DATA names.
        rows: N; as many as there are recordings if not given. Beyond that recordings come again, with other pictures.
        columns: some of "text", "image", "audio". speakers: whose recordings.
        voices: so many synthetic speakers more, who say each digit once, by eSpeak NG and Flite, in turn if both are
            installed.
        split: whose pictures, MNIST's "train" or "test".
        seed: of the pairing and the order: the files are sorted by digit.

    Raises:
        TableError: no data folder, an unknown column, speaker or split, more rows than pictures, nobody to speak.
    """
    check_choice("columns", columns, COLUMNS)
    check_choice("speakers", speakers, SPEAKERS)
    check_split(split)
    spoken = recordings(path, speakers, voices, seed)
    pictures = rows_of_folder(path, f"mnist-{split}.parquet", ("image", "digit"))
    rng = np.random.default_rng(seed)
    known = len(spoken["digit"])
    count = known if rows is None else rows
    if count < 1:
        raise TableError(f"given rows={rows}; expected at least 1")
    recording = np.concatenate([rng.permutation(known) for _ in range(-(-count // known))])[:count]
    digit = np.asarray(spoken["digit"])[recording]
    picture = pictures_of(digit, np.asarray(pictures["digit"]), rng)
    names = [f"{spoken['speaker'][i]}-{spoken['digit'][i]}-{spoken['take'][i]}" for i in recording]
    cells = {
        "text": [WORDS[number] for number in digit],
        "image": [pictures["image"][i] for i in picture],
        "audio": [spoken["audio"][i] for i in recording],
    }
    kinds: dict[str, Modality] = {"text": Text(), "image": Image(), "audio": Audio()}
    return Table(
        {name: cells[name] for name in columns},
        modalities={name: kinds[name] for name in columns},
        id=[f"{name}-{split}-{i}" for name, i in zip(names, picture, strict=True)],
        group=names,
        label=[str(number) for number in digit],
        meta={
            "speaker": [spoken["speaker"][i] for i in recording],
            "take": [spoken["take"][i] for i in recording],
            "split": [split] * count,
        },
        source="digits",
    )


def recordings(path: str | Path | None, speakers: Sequence[str], voices: int, seed: int) -> dict[str, list[Any]]:
    """`audio`, `digit`, `speaker` and `take` of these speakers, and of synthetic ones."""
    every = rows_of_folder(path, "spoken-digits.parquet", names := ("audio", "digit", "speaker", "take"))
    ours = [i for i, speaker in enumerate(every["speaker"]) if speaker in speakers]
    found = {name: [every[name][i] for i in ours] for name in names}
    if voices and not programs():
        raise TableError(
            f"voices={voices} need a program that speaks, which is not installed; expected espeak-ng or flite"
        )
    for voice in draw_voices(voices, seed, programs()):
        found["audio"] += synthesize(WORDS, voice)
        found["digit"] += range(10)
        found["speaker"] += [voice.name] * 10
        found["take"] += [0] * 10
    return found


def pictures_of(digit: np.ndarray, shown: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A picture (N,) of each digit (N,), none twice; `shown` says what is on every picture.

    Example:
        >>> int(pictures_of(np.array([1, 0, 1]), np.array([0, 1, 1]), np.random.default_rng(0))[1])
        0
    """
    chosen = np.zeros(len(digit), dtype=np.int64)
    for number in np.unique(digit):
        asked, there = np.flatnonzero(digit == number), np.flatnonzero(shown == number)
        if len(asked) > len(there):
            raise TableError(f"given {len(asked)} rows of the digit {number}; expected at most {len(there)} pictures")
        chosen[asked] = rng.permutation(there)[: len(asked)]
    return chosen


def check_split(split: str) -> None:
    """Only "train" and "test" are known."""
    if split not in ("train", "test"):
        raise TableError(f"given split={split!r}; expected 'train' or 'test'")
