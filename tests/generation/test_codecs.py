"""Codecs: there and back, whatever the size of a picture or the rate of a sound; stored, they are the same."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import kuamo as km
from kuamo.closed_form.streaming_pca import principal_axes
from kuamo.encoders.mel import inverted, resized
from kuamo.generation.codecs import Codec
from kuamo.generation.codecs.base import ColumnMatrix
from kuamo.generation.codecs.default import default_codec
from kuamo.generation.codecs.image_pca import canvas_of, on_canvas
from kuamo.generation.codecs.image_pixels import ImagePixels
from plain import plain_space


def pictures(count: int = 40) -> km.Table:
    return km.datasets.shapes(rows=count, size=16)


def tones(count: int = 20, rate: int = 8000) -> km.Table:
    """Chirps that differ in pitch and length."""
    rng = np.random.default_rng(0)
    sounds = []
    for _ in range(count):
        t = np.arange(int(rate * rng.uniform(0.2, 0.4))) / rate
        sounds.append((np.sin(2 * np.pi * (rng.uniform(200, 900) + 800 * t) * t), rate))
    return km.Table({"audio": sounds}, modalities={"audio": km.Audio()})


MEMBERS: dict[str, Callable[[], tuple[Any, km.Table, str]]] = {
    "ImagePCA": lambda: (km.ImagePCA.of(pictures(), "image", components=30), pictures(), "image"),
    "ImageConv": lambda: (
        km.ImageConv.of(pictures(), "image", training=km.Training(300, 32, 3e-3, 0.0), features=16, channels=16),
        pictures(),
        "image",
    ),
    "ImagePatchPCA": lambda: (km.ImagePatchPCA.of(pictures(), "image", components=24), pictures(), "image"),
    "AudioPCA": lambda: (km.AudioPCA.of(tones(), "audio", components=15), tones(), "audio"),
    "AudioPCA in pieces": lambda: (km.AudioPCA.of(tones(), "audio", components=15, pieces=4), tones(), "audio"),
}


@pytest.fixture(params=MEMBERS, scope="module")
def member(request: pytest.FixtureRequest) -> tuple[Any, km.Table, str]:
    return MEMBERS[request.param]()


def test_y_is_standardised_and_rows_do_not_meet(member: tuple[Any, km.Table, str]) -> None:
    codec, table, name = member
    values = list(table.values(name))
    y = codec.encode(values)
    assert isinstance(codec, Codec)
    assert y.shape == (len(values), codec.out) and y.dtype == np.float32
    assert np.allclose(np.square(y).mean(), 1, atol=0.15)
    assert np.allclose(y[3:5], codec.encode(values[3:5]), atol=1e-4)
    assert codec.encode([]).shape == (0, codec.out)


def test_what_comes_back_is_nearly_what_went_in(member: tuple[Any, km.Table, str]) -> None:
    codec, table, name = member
    values = list(table.values(name))
    values = values[:5] if isinstance(codec, km.AudioPCA) else values
    assert codec.round_trip(values)["explained"] > (0.8 if isinstance(codec, km.ImageConv) else 0.9)
    if isinstance(codec, km.ImagePCA):  # a sound's phases, and what its window blurs, do not come back
        again = codec.encode(codec.decode(codec.encode(values)))
        assert np.corrcoef(again.ravel(), codec.encode(values).ravel())[0, 1] > 0.98


def test_a_stored_codec_is_the_same(member: tuple[Any, km.Table, str], tmp_path: Path) -> None:
    codec, table, name = member
    space = plain_space("a")
    space.port("a").codec = codec
    space.save(tmp_path / "s.space")
    other = km.Space.load(tmp_path / "s.space").port("a").codec
    values = list(table.values(name))[:4]
    y = codec.encode(values)
    assert np.array_equal(other.encode(values), y)
    for ours, theirs in zip(codec.decode(y), other.decode(y), strict=True):
        assert all(np.array_equal(a, b) for a, b in zip(ours, theirs, strict=True))


def test_another_length_of_y_is_refused(member: tuple[Any, km.Table, str]) -> None:
    codec, _, _ = member
    with pytest.raises(km.KuamoError, match=rf"shape \(2, 3\); expected \(n, {codec.out}\)"):
        codec.decode(np.zeros((2, 3)))


def test_pictures_of_any_size_come_whole_onto_one_canvas() -> None:
    rng = np.random.default_rng(0)
    mixed = [rng.integers(0, 255, (h, w, 3), dtype=np.uint8) for h, w in ((90, 120), (30, 40), (66, 88), (120, 30))]
    table = km.Table({"image": mixed}, modalities={"image": km.Image()})
    codec = km.ImagePCA.of(table, "image")
    assert (codec.height, codec.width) == (48, 64)
    assert {one.shape for one in codec.decode(codec.encode(mixed))} == {(48, 64, 3)}
    tall = np.full((80, 20, 3), 9, np.uint8)
    tall[2:-2, 2:-2] = 200
    shown = on_canvas(tall, 40, 40)
    assert (shown[:, :14] == 9).all() and (shown[:, 26:] == 9).all() and (shown[4:-4, 18:22] == 200).all()
    assert canvas_of([tall]) == (64, 16)


def test_patches_are_known_wherever_they_stand() -> None:
    """The principal components of all patches; what moved by whole patches is the same map, moved."""
    table = pictures()
    codec = km.ImagePatchPCA.of(table, "image", components=24, whiten=0.0)
    x = np.stack(list(table.values("image"))).reshape(40, 2, 8, 2, 8, 3).swapaxes(2, 3).reshape(-1, 192) / 255
    variance = np.sort(np.linalg.eigvalsh(np.cov(x.T, bias=True)))[::-1]
    assert codec.kept == pytest.approx(variance[:24].sum() / variance.sum(), rel=1e-4) and codec.map == (2, 2, 24)
    value = next(iter(table.values("image")))
    here, moved = (codec.encode([one]).reshape(codec.map) for one in (value, np.roll(value, 8, 1)))
    assert np.allclose(np.roll(here, 1, 1), moved, atol=1e-5)
    whole = km.ImagePatchPCA.of(table, "image")
    assert whole.kept == pytest.approx(0.995, abs=0.003) and codec.map[2] < whole.map[2] < 192
    larger = km.ImagePatchPCA.of(table, "image", size=(50, 30), patch=10, components=3)
    assert (larger.height, larger.width, larger.out) == (50, 30, 45)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"patch": 0}, "given patch=0; expected a whole number from 1"),
        ({"components": 0}, "given components=0; expected a whole number from 1 to 192, or None"),
        ({"components": 2.5}, "given components=2.5"),
        ({"patch": 2, "components": 13}, "given components=13; expected a whole number from 1 to 12"),
    ],
)
def test_patches_that_cannot_be_are_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(km.KuamoError, match=message):
        km.ImagePatchPCA.of(pictures(), "image", **given)


@pytest.mark.parametrize("count", [0, -1, 2.5, "3"])
def test_no_components_are_not_as_many_as_suit(count: Any) -> None:
    for codec, table, name in ((km.ImagePCA, pictures(), "image"), (km.AudioPCA, tones(), "audio")):
        with pytest.raises(km.KuamoError, match=r"given components=.*; expected a whole number from 1"):
            codec.of(table, name, components=count)
    with pytest.raises(km.KuamoError, match=r"given components=.*; expected a whole number from 1"):
        km.ImageDifferencePCA.of_columns(pictures(), "image", "image", components=count)


IMAGES = pytest.mark.parametrize("codec", [km.ImagePCA, km.ImagePatchPCA, km.ImageConv, ImagePixels])


@IMAGES
@pytest.mark.parametrize("size", [0, -5, 2.5, "128", (8, 8, 8), (0, 8), True])
def test_a_canvas_without_pixels_is_refused(codec: Any, size: Any) -> None:
    with pytest.raises(km.TableError, match=r"given (size|height)=.*; expected a whole number from 1"):
        codec.of(pictures(), "image", size=size)


@pytest.mark.parametrize("codec", [km.ImagePCA, km.ImagePatchPCA, ImagePixels])
def test_a_column_of_one_picture_over_and_over_comes_back(codec: Any) -> None:
    """Nothing varies: y is 0, not a number that is none."""
    value = next(iter(pictures().values("image")))
    for picture in (value, np.full_like(value, 7)):
        same = codec.of(km.Table({"image": [picture] * 5}, modalities={"image": km.Image()}), "image")
        y = same.encode([picture])
        assert np.isfinite(y).all() and np.abs(np.asarray(same.decode(y)[0], int) - picture).max() <= 1


def test_grey_pictures_need_a_third_of_the_numbers() -> None:
    grey = [np.repeat(value[..., :1], 3, axis=2) for value in pictures().values("image")]
    codec = km.ImagePCA.of(km.Table({"image": grey}, modalities={"image": km.Image()}), "image")
    made = codec.decode(codec.encode(grey))
    assert codec.channels == 1 and len(codec.mean) == 16 * 16
    assert all((one[..., 0] == one[..., 2]).all() for one in made)


def test_blocks_and_what_is_held_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    from kuamo.generation.codecs import base

    table = pictures(90)
    whole = km.ImagePCA.of(table, "image", components=20)
    monkeypatch.setattr(base, "BLOCK", 7)
    monkeypatch.setattr(base, "HELD_BYTES", 1000)
    held = ColumnMatrix(table, "image", lambda value: value.reshape(-1))
    assert len(list(held)) == len(list(held)) == 13 and not held._kept
    parted = km.ImagePCA.of(table, "image", components=20)
    values = list(table.values("image"))
    assert np.allclose(np.abs(whole.encode(values)), np.abs(parted.encode(values)), atol=0.05)


def test_axes_are_those_of_the_singular_value_decomposition() -> None:
    rng = np.random.default_rng(0)
    x = (rng.normal(size=(400, 60)) * 0.9 ** np.arange(60) @ np.linalg.qr(rng.normal(size=(60, 60)))[0]).astype("f4")
    mean, axes, variance, total = principal_axes(np.array_split(x + 3, 5), 10)
    _, s, vt = np.linalg.svd(x - x.mean(0), full_matrices=False)
    assert np.allclose(mean, x.mean(0) + 3, atol=1e-4)
    assert np.allclose(variance, s[:10] ** 2 / 400, rtol=1e-3)
    assert (np.abs((axes[:, :6] * vt[:6].T).sum(0)) > 0.999).all()
    assert np.isclose(total, (x - x.mean(0)).var(0).sum(), rtol=1e-4)


def test_sounds_keep_their_pitch_and_their_length() -> None:
    table = tones()
    codec = km.AudioPCA.of(table, "audio", components=19)
    values = list(table.values("audio"))[:4]
    for value, made in list(zip(values, codec.decode(codec.encode(values)), strict=True)):
        assert made.rate == 8000 and abs(len(made.samples) / len(value.samples) - 1) < 0.15
        before, after = codec.spectrum(value), codec.spectrum(made)
        after = resized(after, before.shape[1])
        assert np.abs(before.argmax(0) - after.argmax(0))[5:-5].mean() < 2  # mel bands


def test_long_sounds_are_cut_into_pieces_and_new_ones_come_back_better_for_it() -> None:
    rng = np.random.default_rng(0)

    def barks(count: int) -> km.Table:
        """Two seconds with a few short tones, anywhere."""
        t, sounds = np.arange(16000) / 8000, []
        for _ in range(count):
            sound = 0.01 * rng.normal(size=len(t))
            for start in rng.uniform(0.1, 1.8, 4):
                inside = (t > start) & (t < start + 0.1)
                sound[inside] += np.sin(2 * np.pi * rng.uniform(200, 2000) * t[inside])
            sounds.append((sound, 8000))
        return km.Table({"audio": sounds}, modalities={"audio": km.Audio()})

    train, test = barks(12), list(barks(3).values("audio"))
    cut, whole = km.AudioPCA.of(train, "audio"), km.AudioPCA.of(train, "audio", pieces=1)
    assert cut.pieces == 8 and whole.pieces == km.AudioPCA.of(tones(), "audio").pieces == 1
    assert cut.round_trip(test)["explained"] > whole.round_trip(test)["explained"] + 0.2


def test_mel_power_is_inverted_without_negative_numbers() -> None:
    filters = MEMBERS["AudioPCA"]()[0].filters
    power = np.random.default_rng(0).exponential(size=(filters.shape[1], 5))
    found = inverted(filters, filters @ power)
    assert (found >= 0).all()
    assert np.abs(filters @ found - filters @ power).max() < 0.05 * (filters @ power).max()


def test_vectors_need_no_codec_and_texts_have_none() -> None:
    assert default_codec(km.datasets.toy(rows=10), "a") is None
    with pytest.raises(km.TableError, match="column 'text': given texts; expected km"):
        default_codec(pictures(), "text")
    one = km.Table({"image": [np.zeros((4, 4, 3))]}, modalities={"image": km.Image()})
    with pytest.raises(km.TableError, match="column 'image': given 1 value of Image; expected at least two"):
        km.ImagePCA.of(one, "image")
