"""VAEs from raw cells: pictures by their pixels, one-word texts by which they are, sounds by their spectra."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import kuamo as km
from kuamo.encoders.image_cnn import ImageCNN
from kuamo.encoders.token_mean import TokenMean, train_tokenizer


def shapes(rows: int) -> km.Table:
    table = km.datasets.shapes(rows=rows, size=16, seed=0)
    names = list(table.meta["shape"])
    return km.Table({"text": names, "image": [table[i]["image"] for i in range(rows)]}, label=names)


@pytest.mark.parametrize(
    "objective",
    [km.MoPoE(), pytest.param(km.MMVM(beta=2.0), marks=pytest.mark.slow), km.MMVAEPlus(beta=1.0, private=4)],
)
def test_pictures_and_words_are_learned_and_made_from_raw_cells(objective: km.Objective, tmp_path: Path) -> None:
    train, test = shapes(300).split(test=100, by="id", seed=0)
    texts = sorted(set(train.labels))
    torch.manual_seed(0)  # of the encoders' first weights
    encoders = {"text": TokenMean(train_tokenizer(texts), dim=16), "image": ImageCNN(size=16, dim=32, width=8)}
    training = km.Training(steps=120, batch_size=48, lr=5e-3)
    space = km.fit(train, objective, encoders=encoders, dim=8, training=training, seed=0)
    decoder = space.port("text").decoder
    found = decoder.words(space.translate(test.select("image"), to="text"))
    right = np.mean([a == b for a, b in zip(found, test.labels, strict=True)])
    assert right > 1.4 / len(texts), right
    made = space.port("image").decoder.pictures(space.translate([{"text": "circle"}], to="image"))
    assert made.shape == (1, 16, 16, 3) and made.dtype == np.uint8
    space.save(tmp_path / "s")
    again = km.Space.load(tmp_path / "s")
    assert again.port("text").decoder.texts == texts
    before, after = (s.translate([{"text": "circle"}], to="image") for s in (space, again))
    assert np.array_equal(before, after)


def test_sounds_are_made_from_their_spectra() -> None:
    pytest.importorskip("librosa")
    from kuamo.encoders.audio_cnn import AudioCNN

    rng = np.random.default_rng(0)
    pitch = rng.integers(0, 3, 60)
    sounds = [(np.sin(np.arange(1600) * (0.2 + 0.3 * p)).astype(np.float32), 8000) for p in pitch]
    vectors = np.eye(3, dtype=np.float32)[pitch] + 0.1 * rng.normal(size=(60, 3)).astype(np.float32)
    table = km.Table({"a": vectors, "sound": sounds}, modalities={"a": km.Vector(), "sound": km.Audio()})
    torch.manual_seed(0)  # an encoder's first weights are drawn where it is made, not by the fit's seed
    encoder = AudioCNN(dim=16, width=8, rate=8000, mels=16, n_fft=256, hop=80)
    training = km.Training(steps=80, batch_size=32, lr=3e-3)
    space = km.fit(table, km.MoPoE(beta=0.1), encoders={"sound": encoder}, dim=4, training=training, seed=0)
    decoder = space.port("sound").decoder
    made = decoder.energies(space.translate(table.select("a"), to="sound"))
    loudest = made.mean(2).argmax(1)
    assert made.shape == (60, 16, 48)
    assert len({int(np.median(loudest[pitch == p])) for p in range(3)}) == 3
