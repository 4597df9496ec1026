"""Cells as people have them: odd pictures, sounds, vectors and texts are read right, or refused in words."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from PIL import Image as pil

import kuamo as km

GREY = np.tile(np.linspace(0, 255, 16).astype(np.uint8), (8, 1))


def saved(picture: pil.Image, form: str = "PNG", **how: Any) -> bytes:
    out = io.BytesIO()
    picture.save(out, form, **how)
    return out.getvalue()


def wave(samples: np.ndarray, rate: int = 8000, form: str = "WAV", **how: Any) -> bytes:
    out = io.BytesIO()
    soundfile.write(out, samples, rate, format=form, **how)
    return out.getvalue()


def turned() -> bytes:
    exif = pil.Exif()
    exif[0x0112] = 6  # to be turned a quarter to the right
    return saved(pil.fromarray(GREY), "JPEG", exif=exif, quality=95)


def palette(form: str) -> bytes:
    picture = pil.new("P", (4, 4), 1)
    picture.putpalette([0, 0, 0, 255, 0, 0])
    return saved(picture, form, transparency=1)


PICTURES: dict[str, tuple[bytes, list[int]]] = {
    "grey": (saved(pil.fromarray(GREY)), [0, 0, 0]),
    "16 bits": (saved(pil.fromarray(np.full((4, 4), 128 * 257, np.uint16))), [128] * 3),
    "16 bits, dark": (saved(pil.fromarray(np.full((4, 4), 200, np.uint16))), [1] * 3),
    "1 bit": (saved(pil.new("1", (4, 4), 1)), [255] * 3),
    "float": (saved(pil.fromarray(np.full((4, 4), 0.5, np.float32)), "TIFF"), [128] * 3),
    "CMYK": (saved(pil.new("CMYK", (4, 4), (0, 255, 255, 0)), "JPEG"), [255, 0, 0]),
    "alpha": (saved(pil.new("RGBA", (4, 4), (255, 0, 0, 0))), [255] * 3),
    "half alpha": (saved(pil.new("RGBA", (4, 4), (255, 0, 0, 128)), "TIFF"), [255, 127, 127]),
    "grey alpha": (saved(pil.new("LA", (4, 4), (0, 0))), [255] * 3),
    "grey, one clear": (saved(pil.new("L", (4, 4), 7), transparency=7), [255] * 3),
    "palette, one clear, PNG": (palette("PNG"), [255] * 3),
    "palette, one clear, GIF": (palette("GIF"), [255] * 3),
    "palette": (saved(pil.new("RGB", (4, 4), (0, 0, 255)).convert("P")), [0, 0, 255]),
}


@pytest.mark.parametrize("name", PICTURES)
def test_pictures_of_every_mode(name: str) -> None:
    content, colour = PICTURES[name]
    assert km.Image().accepts(content)
    pixels = km.Image().read(content)
    assert pixels.dtype == np.uint8 and pixels.shape[2] == 3
    assert np.abs(pixels[0, 0].astype(int) - colour).max() <= 1


def test_turned_pictures_stand_upright() -> None:
    pixels = km.Image().read(turned())
    assert pixels.shape == (16, 8, 3) and pixels[0].mean() < 20 < 235 < pixels[-1].mean()


@pytest.mark.parametrize("form", ["PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF"])
def test_half_a_picture(form: str) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (40, 40, 3), dtype=np.uint8)
    whole = saved(pil.fromarray(noise), form)
    assert km.Image().read(whole).shape == (40, 40, 3)
    for size in (0, 5, len(whole) // 2):
        with pytest.raises(km.CellError, match="expected an image"):
            km.Image().read(whole[:size])


@pytest.mark.parametrize("size", [10_001, 20_000])
def test_bombs(size: int) -> None:
    with pytest.raises(km.CellError, match="at most 100,000,000 pixels"):
        km.Image().read(saved(pil.new("1", (size, size))))


def test_no_other_program_is_started(monkeypatch: pytest.MonkeyPatch) -> None:
    def started(*_: Any, **__: Any) -> None:
        raise AssertionError

    monkeypatch.setattr("subprocess.Popen.__init__", started)
    eps = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\nshowpage\n"
    with pytest.raises(km.CellError, match="which begins with"):
        km.Image().read(eps)


def test_content_decides_before_the_name(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(PICTURES["CMYK"][0])
    (tmp_path / "b.jpg").write_bytes(PICTURES["alpha"][0])
    (tmp_path / "c.jpg").write_bytes(wave(np.zeros(80)))
    assert km.Image().read(tmp_path / "a.jpg").shape == km.Image().read(tmp_path / "b.jpg").shape == (4, 4, 3)
    with pytest.raises(km.CellError, match=r"c\.jpg.*begins with b'RIFF"):
        km.Image().read(tmp_path / "c.jpg")
    assert km.Audio().read(tmp_path / "c.jpg").rate == 8000


@pytest.mark.parametrize("form", ["PCM_U8", "PCM_16", "PCM_24", "FLOAT", "FLAC", "OGG", "MP3", "AIFF", "AU"])
def test_sounds_of_every_kind(form: str) -> None:
    tone = 0.5 * np.sin(np.arange(48_000) / 20)
    both = np.stack([tone, np.zeros(48_000)], axis=1)
    kind = {"subtype": form} if form[0] == "P" or form == "FLOAT" else {"form": form}
    content = wave(both, 48_000, **kind)
    sound = km.Audio().read(content)
    assert km.Audio().accepts(content) and not km.Image().accepts(content)
    assert sound.rate == 48_000 and sound.samples.dtype == np.float32 and sound.samples.shape == (48_000,)
    assert np.abs(sound.samples[100:-100] - tone[100:-100] / 2).max() < 0.05  # channels are averaged


def test_whole_numbers_are_scaled() -> None:
    for kind, most in ((np.int16, 32767), (np.int32, 2**31 - 1), (np.uint8, 255)):
        sound = km.Audio().read((np.array([most], kind), 8000))
        assert 0.99 < sound.samples[0] <= 1
    assert km.Audio().read((np.array([128], np.uint8), 8000)).samples[0] == 0


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (wave(np.zeros(0)), r"samples of shape \(0,\)"),
        (wave(np.zeros(8000))[:9000], "cut off after 9,000 of 16,044 bytes"),
        (wave(np.random.default_rng(0).uniform(-1, 1, 8000), form="FLAC")[:9000], "expected"),
        (b"RIFF", "expected audio"),
        ((np.array([0.0, np.nan]), 8000), "NaN or infinity"),
        ((np.zeros(5), 0), "a rate of 0 Hz"),
        ((np.zeros(5), 10**9), "a rate of 1000000000 Hz"),
        ((np.zeros((2, 2, 2)), 8000), "shape"),
        ((np.array(["a"]), 8000), "a pair"),
    ],
)
def test_sounds_that_are_none(raw: Any, words: str) -> None:
    with pytest.raises(km.CellError, match=words):
        km.Audio().read(raw)


@pytest.mark.parametrize("raw", [[1.0, np.nan], [np.inf], [1e300], [], [[1.0]], ["a"], {"a": 1}])
def test_vectors_that_are_none(raw: Any) -> None:
    with pytest.raises(km.CellError, match="expected"):
        km.Vector().read(raw)


def test_vectors_in_files(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.arange(3))
    assert km.Vector().accepts("a.npy") and km.Vector().read(tmp_path / "a.npy").tolist() == [0, 1, 2]
    np.save(tmp_path / "evil.npy", np.array([{}], dtype=object), allow_pickle=True)
    (tmp_path / "cut.npy").write_bytes((tmp_path / "a.npy").read_bytes()[:-3])
    for name in ("evil.npy", "cut.npy", "none.npy"):
        with pytest.raises(km.CellError, match=name):
            km.Vector().read(tmp_path / name)


@pytest.mark.parametrize("path", ["/dev/zero", "/", "a\x00b", "x" * 5000])
def test_paths_that_are_no_files(path: str) -> None:
    with pytest.raises(km.CellError, match="expected a"):
        km.Image().read(path)


@pytest.mark.parametrize(
    "kind", [km.Text(), km.Image(), km.Audio(), km.Vector(), km.Number(), km.Category()], ids=lambda k: type(k).__name__
)
def test_what_is_not_of_its_kind_is_not_written(kind: km.Modality, tmp_path: Path) -> None:
    with pytest.raises(km.CellError, match="expected"):
        kind.write(["several", "draws"], tmp_path / "made.bin")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("whole", [False, True])
def test_what_a_vector_cannot_hold_is_refused(whole: bool) -> None:
    """A masked number is not one, and a complex one is not real: also where the column is one array."""
    masked = np.ma.masked_array(np.ones((6, 3)), np.arange(18).reshape(6, 3) == 4)
    said = "row 1: given a cell of which a part is masked" if whole else "row 1: given nan at position 1"
    for given, wrong in ((masked, said), (np.ones((6, 3), complex), "a vector of numbers")):
        cells = {"v": given if whole else list(given), "t": list("abcdef")}
        with pytest.raises((km.TableError, km.CellError), match=wrong):
            km.Table(cells, modalities={"v": km.Vector(), "t": km.Text()}).check()
