"""Texts out: found ones, written ones, and which of them it shall be, on captions whose right words are known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import kuamo as km
from kuamo.core.messages import localize
from kuamo.data.modalities.audio import Waveform
from kuamo.data.speech_synthesis import programs
from kuamo.generation.codecs import BPECodec, TextVocabulary
from kuamo.generation.decoders.retrieval import Retrieval
from kuamo.generation.decoders.text_rnn import TextRNNDecoder
from kuamo.metrics.sample_quality import token_f1

COLOURS, THINGS = ["red", "blue", "green", "white"], ["cat", "dog", "bird", "fish", "horse"]
HAN = {
    "red": "红",
    "blue": "蓝",
    "green": "绿",
    "white": "白",
    "cat": "猫",
    "dog": "狗",
    "bird": "鸟",
    "fish": "鱼",
    "horse": "马",
}


def captions(rows: int = 200, language: str = "en", seed: int = 0, unseen: bool = False) -> km.Table:
    """A vector that says colour and thing, with noise, and a caption; `unseen`: a fifth of combinations."""
    rng = np.random.default_rng(seed)
    pairs = [(c, t) for i, c in enumerate(COLOURS) for j, t in enumerate(THINGS) if ((i + j) % 5 == 0) == unseen]
    chosen = [pairs[i] for i in rng.integers(0, len(pairs), rows)]
    vectors = np.stack([np.eye(9)[[COLOURS.index(c), 4 + THINGS.index(t)]].sum(0) for c, t in chosen])
    vectors = vectors @ np.random.default_rng(9).normal(size=(9, 24)) + 0.1 * rng.normal(size=(rows, 24))
    texts = [f"a {c} {t}" if language == "en" else f"一只{HAN[c]}色的{HAN[t]}" for c, t in chosen]
    said = np.stack([vectors[i] @ np.random.default_rng(8).normal(size=(24, 24)) for i in range(rows)])
    return km.Table(
        {"text": texts, "thing": list(vectors), "other": list(said)},
        modalities={"text": km.Text(), "thing": km.Vector(), "other": km.Vector()},
    )


class Letters:
    """A frozen text encoder that counts characters: captions of other words are other features."""

    fingerprint = "letters/1"

    def prepare(self, value: str) -> np.ndarray:
        counts = np.zeros(97, np.float32)
        for a, b in zip(value, value[1:] + " ", strict=True):
            counts[(ord(a) * 31 + ord(b)) % 97] += 1
        return counts

    def __call__(self, batch: np.ndarray) -> np.ndarray:
        return np.asarray(batch, dtype=np.float32)


def space_of(table: km.Table, recipe: km.Caption, steps: int = 200) -> km.Space:
    start = km.fit(table, km.CCA(dim=7, kernels=("linear",)), encoders={"text": Letters()})
    training = km.Training(steps=steps, batch_size=64, lr=5e-3)
    return km.fit(table, init=start, decoders={"text": recipe}, training=training)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_writer_says_combinations_that_nobody_has_said(language: str) -> None:
    space = space_of(captions(language=language), km.TextRNN(width=64))
    test = captions(40, language, seed=1, unseen=True)
    made = space.translate(test.select("thing"), to="text")
    overlap = token_f1(made, list(test.values("text")))
    found = space_of(captions(language=language), km.NearestText(), 1).translate(test.select("thing"), to="text")
    assert isinstance(space.port("text").decoder, TextRNNDecoder)
    assert overlap.mean() > 0.9 and overlap.mean() > token_f1(found, list(test.values("text"))).mean() + 0.1
    assert np.mean([a == b for a, b in zip(made, test.values("text"), strict=True)]) > 0.5


def test_caption_takes_what_is_better_and_says_so() -> None:
    table = captions()
    lazy = space_of(table, km.Caption(width=16), steps=2)
    assert isinstance(lazy.port("text").decoder, Retrieval) and isinstance(lazy.port("text").codec, TextVocabulary)
    assert "so texts are retrieved" in lazy.notes[-1] and "因此采用检索" in localize("zh", lazy.notes[-1])
    made = lazy.translate(table.select("thing"), to="text")
    assert np.mean([a == b for a, b in zip(made, table.values("text"), strict=True)]) > 0.9
    explicit = space_of(table, km.TextRNN(width=16), steps=2)
    assert isinstance(explicit.port("text").decoder, TextRNNDecoder)
    assert "km.NearestText()} instead" in explicit.notes[-1]


def test_several_texts_are_the_nearest_or_drawn() -> None:
    table = captions(120)
    row = table.select("thing").take([0])
    nearest = space_of(table, km.NearestText(), 1).translate(row, to="text", samples=4)[0]
    assert nearest[0] == table[0]["text"] and len(set(nearest)) == 4
    drawn = space_of(table, km.TextRNN(width=32), 60)
    texts = drawn.translate(row, to="text", samples=12, seed=3)[0]
    assert texts == drawn.translate(row, to="text", samples=12, seed=3)[0] and len(set(texts)) > 1


def test_stored_texts_come_back(tmp_path: Path) -> None:
    table = captions(100, "zh")
    for number, recipe in enumerate((km.TextRNN(width=16), km.NearestText())):
        space = space_of(table, recipe, 5)
        space.save(tmp_path / str(number))
        loaded = km.Space.load(tmp_path / str(number), custom={"text": (km.Text(), Letters())})
        row = table.select("thing").take([0, 1])
        assert space.translate(row, to="text", samples=2) == loaded.translate(row, to="text", samples=2)


@pytest.mark.parametrize("text", ["a cat", "Ünïcode — naïve", "一只小猫 🐈 sits", "naïve  two spaces", "猫"])
def test_tokens_spell_any_text(text: str) -> None:
    codec = BPECodec.of(km.Table({"text": ["a dog", "一只狗"] * 3}), "text")
    long = BPECodec(codec.tokenizer, 64)
    assert long.decode(long.encode([text])) == [text]
    assert len(codec.decode(codec.encode(["word " * 100]))[0]) < 100


def test_texts_by_pictures_recipes_and_the_other_way_round() -> None:
    with pytest.raises(km.TableError, match=r"column 'text': given texts; expected km\.Caption\(\)"):
        km.fit(captions(60), encoders={"text": Letters()}, decoders={"text": km.Flow()})
    with pytest.raises(
        km.TableError, match=r"column 'thing': given TextRNN\(\) for Vector; expected a column of texts"
    ):
        km.fit(captions(60), encoders={"text": Letters()}, decoders={"thing": km.TextRNN()})


def test_what_is_said_of_a_thing_can_be_heard(tmp_path: Path) -> None:
    """A spoken description: a thing's vector → words → speech, beside nothing else that makes sounds."""
    if not programs():
        pytest.skip("espeak-ng is not installed")
    table = captions(100, "zh")
    sounds: list = [(np.sin(np.arange(800) * 0.1 * (1 + i % 7)), 8000) for i in range(100)]
    cells = {"text": list(table.values("text")), "thing": list(table.values("thing")), "audio": sounds}
    kinds = {"text": km.Text(), "thing": km.Vector(), "audio": km.Audio()}
    whole = km.Table(cells, modalities=kinds)
    encoders = {"text": Letters(), "audio": Ears()}
    start = km.fit(whole, km.CCA(dim=5, kernels=("linear",)), encoders=encoders)
    space = km.fit(whole, init=start, decoders={"text": km.NearestText(), "audio": km.TextToSpeech()})
    row = whole.select("thing").take([0, 1])
    said, heard = space.translate(row, to="text"), space.translate(row, to="audio")
    assert [len(sound.samples) / sound.rate > 0.5 for sound in heard] == [True, True]
    again = space.port("audio").codec.decode(space.port("text").codec.encode(said))
    assert all(np.array_equal(a.samples, b.samples) for a, b in zip(heard, again, strict=True))
    space.save(tmp_path / "s")
    loaded = km.Space.load(tmp_path / "s", custom={"text": (km.Text(), Letters()), "audio": (km.Audio(), Ears())})
    assert np.array_equal(loaded.translate(row, to="audio")[0].samples, heard[0].samples)
    with pytest.raises(
        km.TableError, match=r"column 'thing': given TextToSpeech\(\) for Vector; expected a column of audio"
    ):
        km.fit(whole, init=start, decoders={"thing": km.TextToSpeech()})


class Ears:
    fingerprint = "ears/1"

    def prepare(self, value: Waveform) -> np.ndarray:
        return np.abs(np.fft.rfft(value.samples[:256]))[:40].astype(np.float32)

    def __call__(self, batch: np.ndarray) -> np.ndarray:
        return np.asarray(batch, dtype=np.float32)
