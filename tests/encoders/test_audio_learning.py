"""Raw sounds are learned: tones named by captions, and spoken digits of an unseen speaker where they are at hand."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import torch

import kuamo as km
from kuamo.encoders.token_mean import TokenMean, train_tokenizer

pytest.importorskip("librosa", reason="mel filters need librosa")
from kuamo.encoders.audio_cnn import AudioCNN

PITCHES = {"low": 200, "middle": 500, "high": 1400}
KINDS = {"flute": (1,), "reed": (1, 0, 0.6, 0, 0.5), "buzz": (1, 0.8, 0.7, 0.6, 0.5, 0.5, 0.4)}


def tones(rows: int, shuffled: bool = False) -> km.Table:
    """A tone of one of nine pitches and timbres, with noise, of random length and loudness; and its name."""
    rng = np.random.default_rng(0)
    names, sounds = [], []
    for _ in range(rows):
        pitch, kind = rng.choice(list(PITCHES)), rng.choice(list(KINDS))
        time = np.arange(int(rng.integers(1500, 3500))) / 8000
        frequency = PITCHES[pitch] * rng.uniform(0.9, 1.1)
        wave = sum(a * np.sin(2 * np.pi * (i + 1) * frequency * time) for i, a in enumerate(KINDS[kind]))
        sounds.append(((wave + 0.3 * rng.normal(size=len(time))).astype(np.float32) * rng.uniform(0.05, 0.3), 8000))
        names.append(f"a {pitch} {kind}")
    if shuffled:
        names = [names[i] for i in rng.permutation(rows)]
    return km.Table({"text": names, "audio": sounds}, label=names)


def recall(table: km.Table, steps: int = 80) -> float:
    train, test = table.split(test=60, by="id", seed=0)
    texts = [train[i]["text"] for i in range(len(train))]
    encoders = {
        "text": TokenMean(train_tokenizer(texts), dim=32),
        "audio": AudioCNN(dim=32, width=8, rate=8000, mels=32, n_fft=256, hop=128),
    }
    training = km.Training(steps=steps, batch_size=48, lr=3e-3)
    space = km.fit(train, km.InfoNCE(), encoders=encoders, dim=16, training=training, seed=0)
    return float(km.evaluate(space, test, positives="label")["audio_to_text_R@1"])


def test_tones_find_their_names() -> None:
    assert recall(tones(300), steps=60) > 0.6  # nine names: chance is about .11


def test_shuffled_names_are_chance() -> None:
    assert recall(tones(300, shuffled=True), steps=40) < 0.35


@pytest.mark.slow
def test_spoken_digits_of_an_unseen_speaker() -> None:
    path = Path(os.environ.get("KUAMO_DATA", "../shared/data")) / "spoken-digits.parquet"
    if not path.exists():
        pytest.skip("needs spoken-digits.parquet under KUAMO_DATA")
    import pyarrow.parquet as pq

    names = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
    rows = pq.read_table(path).to_pylist()
    rows = [row for row in rows if row["take"] % 5 == 0]
    speakers = sorted({row["speaker"] for row in rows})
    table = km.Table(
        {"text": [names[row["digit"]] for row in rows], "audio": [row["audio"] for row in rows]},
        modalities={"text": km.Text(), "audio": km.Audio()},
        label=[str(row["digit"]) for row in rows],
    )
    unseen = np.array([row["speaker"] == speakers[-1] for row in rows])
    train, test = table.take(np.flatnonzero(~unseen)), table.take(np.flatnonzero(unseen))
    torch.manual_seed(0)  # an encoder's first weights are drawn where it is made, not by the fit's seed
    encoders = {
        "text": TokenMean(train_tokenizer(names), dim=32),
        "audio": AudioCNN(dim=64, width=16, rate=8000, mels=40, n_fft=256, hop=80),
    }
    training = km.Training(steps=120, batch_size=64, lr=3e-3)
    space = km.fit(train, km.InfoNCE(), encoders=encoders, dim=16, training=training, seed=0)
    assert km.evaluate(space, test, positives="label")["audio_to_text_R@1"] > 0.4  # chance .1; .68 to .72 by seed
