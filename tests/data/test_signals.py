"""Laws of signals: however samples and levels are typed and laid out, the same sound or picture; or a refusal."""

from __future__ import annotations

import io
import struct
import warnings
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from PIL import Image as pil

import kuamo as km

TONE = 0.75 * np.sin(np.arange(4000) / 20)
BOTH = np.stack([TONE, TONE])


def samples(raw: Any, audio: km.Audio | None = None) -> np.ndarray:
    found = (audio or km.Audio()).read(raw)
    assert found.rate == 8000 and found.samples.dtype == np.float32 and np.abs(found.samples).max() <= 1
    return found.samples


LAYOUTS: dict[str, Any] = {
    "(T,)": (TONE, 8000),
    "(T, 1)": (TONE[:, None], 8000),
    "(T, 2)": (BOTH.T, 8000),
    "(2, T)": (BOTH, 8000),
    "(1, T)": (TONE[None], 8000),
    "(16, T)": (np.repeat(BOTH, 8, 0), 8000),
    "tensor": (torch.tensor(BOTH), 8000),
    "tensor that is trained": (torch.tensor(BOTH, requires_grad=True), torch.tensor(8000)),
    "record": {"array": BOTH, "sampling_rate": 8000, "path": None},
    "float16": (TONE.astype(np.float16), 8000.0),
    "opposite phase": (np.stack([TONE, -TONE]), 8000),
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_time_is_the_longer_side(name: str) -> None:
    assert km.Audio().accepts(LAYOUTS[name])
    assert np.abs(samples(LAYOUTS[name]) - TONE).max() < 1e-3
    table = km.Table({"sound": [LAYOUTS[name]] * 2})
    assert str(table) == "Table: 2 rows; sound: Audio 2/2" and table.check() == []


@pytest.mark.parametrize("kind", [np.int8, np.int16, np.int32, np.uint8, np.uint16, np.uint32])
def test_whole_numbers_are_scaled_by_their_type(kind: type) -> None:
    info = np.iinfo(kind)
    half = (int(info.max) - int(info.min) + 1) // 2
    raw = (TONE * (half - 1) + (half if info.min == 0 else 0)).round().astype(kind)
    assert np.abs(samples((raw, 8000)) - TONE).max() < 2 / half + 1e-6
    assert np.abs(samples((np.stack([raw, raw]), 8000)) - TONE).max() < 2 / half + 1e-6


@pytest.mark.parametrize(
    "raw, peak",
    [
        (TONE * 32767, 32767),
        ((TONE * 32767).astype(np.int32), 32767),
        ((TONE * 32767).astype(np.int64), 32767),
        ((TONE * 2047).astype(np.int64), 2047),
        (TONE * 50, 50),
        ((TONE * 2047).astype(np.int16), 2047),
    ],
)
def test_what_a_type_does_not_tell_is_refused_or_stated(raw: np.ndarray, peak: float) -> None:
    if raw.dtype != np.int16:  # 12 bits in 16 may be a quiet sound
        with pytest.raises(km.CellError, match=r"given samples of \w+ up to .*Audio\(peak"):
            km.Audio().read((raw, 8000))
    assert np.abs(samples((raw, 8000), km.Audio(peak=peak)) - TONE).max() < 1e-3


def test_somewhat_beyond_full_scale_is_made_less_loud() -> None:
    for factor in (2, 6):
        assert np.abs(samples((TONE * factor, 8000)) - TONE / np.abs(TONE).max()).max() < 1e-6
    out = io.BytesIO()
    soundfile.write(out, TONE * 30_000, 8000, format="WAV", subtype="FLOAT")
    with pytest.raises(km.CellError, match="up to 2"):
        km.Audio().read(out.getvalue())


@pytest.mark.parametrize(
    "raw",
    [
        (np.zeros((80, 100)), 8000),
        (np.zeros((9, 9)), 8000),
        (np.zeros((0, 2)), 8000),
        (TONE > 0, 8000),
        (TONE * 1j, 8000),
        (TONE, 22050.5),
        (TONE, "fast"),
        (np.array([0.0, np.inf]), 8000),
        {"array": ["a"], "sampling_rate": 8000},
        {"array": None, "sampling_rate": 8000},
    ],
)
def test_sounds_that_are_none(raw: Any) -> None:
    with pytest.raises(km.CellError, match=r"given .*expected"):
        km.Audio().read(raw)


# ── pictures ─────────────────────────────────────────────────────────────────────────────────────────────────────

GREY = np.tile(np.linspace(0, 255, 16).astype(np.uint8), (8, 1))
RGB = np.stack([GREY, GREY[:, ::-1], GREY], axis=2)
WIDE = GREY.astype(np.uint16)


def saved(picture: pil.Image, form: str, **how: Any) -> bytes:
    out = io.BytesIO()
    picture.save(out, form, **how)
    return out.getvalue()


def tiff(levels: np.ndarray, **tags: float) -> bytes:
    """With some of its tags: MaxSampleValue 281, SMinSampleValue 340, SMaxSampleValue 341."""
    from PIL.TiffImagePlugin import ImageFileDirectory_v2

    info = ImageFileDirectory_v2()
    for number, value in tags.items():
        info[int(number.removeprefix("t"))] = value
    return saved(pil.fromarray(levels), "TIFF", tiffinfo=info)


def packed_tiff(levels: np.ndarray) -> bytes:
    """Twelve bits a level, packed, as cameras write them."""
    high, width = levels.shape
    pairs = levels.reshape(-1, 2).astype(int)
    content = b"".join(bytes([a >> 4, (a & 15) << 4 | b >> 8, b & 255]) for a, b in pairs.tolist())
    tags = [
        (256, width),
        (257, high),
        (258, 12),
        (259, 1),
        (262, 1),
        (273, 8),
        (277, 1),
        (278, high),
        (279, len(content)),
    ]
    place = 8 + len(content) + len(content) % 2
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    head = b"II*\0" + struct.pack("<I", place) + content + b"\0" * (len(content) % 2)
    return head + struct.pack("<H", len(tags)) + entries + struct.pack("<I", 0)


PICTURES: dict[str, Any] = {
    "bytes": GREY,
    "16 bits": WIDE * 257,
    "truth": None,
    "floats": GREY / 255,
    "half floats": (GREY / 255).astype(np.float16),
    "16-bit PNG": saved(pil.fromarray(WIDE * 257), "PNG"),
    "16-bit TIFF": saved(pil.fromarray(WIDE * 257), "TIFF"),
    "float TIFF": saved(pil.fromarray((GREY / 255).astype(np.float32)), "TIFF"),
    "12 bits, stated": tiff(WIDE * 16, t281=4080),
    "floats, stated": tiff(GREY.astype(np.float32) * 4 + 1000, t340=1000.0, t341=2020.0),
    "12 bits, packed": packed_tiff(GREY.astype(int) * 4095 // 255),
    "tensor": torch.tensor(GREY)[None].repeat(3, 1, 1),
    "float tensor": torch.tensor(GREY / 255)[None].repeat(3, 1, 1),
}


@pytest.mark.parametrize("name", PICTURES)
def test_levels_are_scaled_by_type_or_statement(name: str) -> None:
    raw = GREY > 100 if name == "truth" else PICTURES[name]
    wanted = 255 * (GREY > 100) if name == "truth" else GREY
    pixels = km.Image().read(raw)
    assert pixels.shape == (8, 16, 3) and np.abs(pixels[:, :, 0].astype(int) - wanted).max() <= 1


def test_colours_of_tensors_stand_first() -> None:
    assert np.array_equal(km.Image().read(torch.tensor(np.moveaxis(RGB, 2, 0).copy())), RGB)
    stacked = torch.tensor(np.stack([np.moveaxis(RGB, 2, 0)] * 2))
    for cells in (stacked, list(stacked), np.stack([RGB, RGB])):
        table = km.Table({"image": cells})
        assert str(table) == "Table: 2 rows; image: Image 2/2" and np.array_equal(next(table.values("image")), RGB)


@pytest.mark.parametrize(
    "raw, peak",
    [
        (saved(pil.fromarray(WIDE * 16), "TIFF"), 4080),
        (saved(pil.fromarray(WIDE), "TIFF"), 255),
        (saved(pil.fromarray(GREY.astype(np.int32) * 16), "TIFF"), 4080),
        (saved(pil.fromarray(GREY.astype(np.float32)), "TIFF"), 255),
        (pil.fromarray(WIDE * 16), 4080),
        (pil.fromarray(GREY.astype(np.int32)), 255),
        (WIDE * 16, 4080),
        (GREY.astype(np.int64), 255),
        (GREY.astype(float), 255),
    ],
)
def test_what_nothing_states_is_refused_or_stated(raw: Any, peak: float) -> None:
    with pytest.raises(km.CellError, match=r"given levels of .*Image\(peak"):
        km.Image().read(raw)
    pixels = km.Image(peak=peak).read(raw)
    assert np.abs(pixels[:, :, 1].astype(int) - GREY).max() <= 1


@pytest.mark.parametrize(
    "raw",
    [
        GREY / 127.5 - 1,
        saved(pil.fromarray((GREY / 127.5 - 1).astype(np.float32)), "TIFF"),
        np.full((4, 4), np.nan),
        GREY * 1j,
        np.moveaxis(RGB, 2, 0)[:, :, :8],
        pil.new("RGB", (0, 5)),
        pil.new("L", (5, 0)),
        torch.zeros(3, 0, 4),
        np.zeros((0, 0, 3)),
    ],
)
def test_pictures_that_are_none(raw: Any) -> None:
    with pytest.raises(km.CellError, match=r"given .*expected"):
        km.Image().read(raw)


@pytest.mark.parametrize("form", ["GIF", "WEBP", "PNG", "TIFF"])
def test_the_first_of_moving_pictures_is_read_and_said(form: str) -> None:
    first, other = pil.new("RGB", (8, 8), (255, 0, 0)), pil.new("RGB", (8, 8), (0, 0, 255))
    with pytest.warns(km.TruncationWarning, match="only the first frame is read"):
        pixels = km.Image().read(saved(first, form, save_all=True, append_images=[other] * 3))
    assert np.abs(pixels.astype(int) - [255, 0, 0]).max() <= 3
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        km.Image().read(saved(first, form))


def test_a_fit_says_once_how_many_pictures_move() -> None:
    shades = [[pil.new("RGB", (16, 16), (4 * row, 20 * k, 0)) for k in range(3)] for row in range(40)]
    files = [
        saved(one[0], "GIF", save_all=True, append_images=one[1:] if row % 2 else []) for row, one in enumerate(shades)
    ]
    vectors = [[row / 40, np.sin(row)] for row in range(40)]
    table = km.Table({"image": files, "v": vectors}, modalities={"image": km.Image(), "v": km.Vector()})
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("default")
        space = km.fit(table, km.CCA(dim=2), encoders={"image": Shade()})
    assert [note for note in space.notes if "animated" in note] == [
        "image: 20 animated images; only the first frame of each is used"
    ]
    assert len([one for one in said if issubclass(one.category, km.TruncationWarning)]) == 1


class Shade:
    """The mean colour."""

    def prepare(self, value: np.ndarray) -> np.ndarray:
        return value.mean((0, 1))

    def __call__(self, batch: Any) -> np.ndarray:
        return np.asarray(batch, np.float32)
