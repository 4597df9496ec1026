"""Whatever a kept result depends on is in its name, and nothing else is."""

from __future__ import annotations

import io
import threading
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image as pil
from torch import nn

import kuamo as km
from kuamo.data.identity import Unknown, identity
from kuamo.data.modalities import content_key
from kuamo.data.table_identity import of_table
from kuamo.encoders.feature_cache import features

rng = np.random.default_rng(0)
PIXELS = rng.integers(0, 4, (8, 8)).astype(np.uint8)
WIDE = rng.integers(0, 255, (8, 8, 4)).astype(np.uint8)
COLOURS = [255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 255, 0]


def palette(colours: list[int], **info: Any) -> pil.Image:
    picture = pil.fromarray(PIXELS, "L").convert("P")
    picture.frombytes(PIXELS.tobytes())
    picture.putpalette(colours)
    picture.info |= info
    return picture


def turned(how: int) -> pil.Image:
    exif, file = pil.Exif(), io.BytesIO()
    exif[0x0112] = how
    pil.fromarray(WIDE[:, :, :3]).save(file, "PNG", exif=exif)
    return pil.open(io.BytesIO(file.getvalue()))


PICTURES = {
    "palette": palette(COLOURS),
    "another palette": palette(COLOURS[::-1]),
    "clear": palette(COLOURS, transparency=0),
    "grey": pil.fromarray(PIXELS),
    "CMYK": pil.frombytes("CMYK", (8, 8), WIDE.tobytes()),
    "RGBA": pil.frombytes("RGBA", (8, 8), WIDE.tobytes()),
    "RGB": pil.frombytes("RGB", (8, 8), WIDE[:, :, :3].tobytes()),
    "HSV": pil.frombytes("HSV", (8, 8), WIDE[:, :, :3].tobytes()),
    "turned": turned(3),
    "mirrored": turned(2),
}


@pytest.mark.parametrize("background", [255, 0])
def test_pictures_of_equal_keys_are_equal(background: int) -> None:
    kind = km.Image(background=background)
    for one in PICTURES.values():
        for other in PICTURES.values():
            same = np.array_equal(kind.read(one.copy()), kind.read(other.copy()))
            assert same == (content_key(kind, one.copy()) == content_key(kind, other.copy()))


def test_how_a_cell_is_read_is_in_its_key() -> None:
    file = io.BytesIO()
    PICTURES["RGBA"].save(file, "PNG")
    keys = {content_key(km.Image(background=ground), file.getvalue()) for ground in (0, 100, 255)}
    assert len(keys) == 3

    class Times:
        def __init__(self, factor: float) -> None:
            self.factor = factor

        def accepts(self, raw: Any) -> bool:
            return True

        def content(self, raw: Any) -> Any:
            return np.asarray(raw)

        def read(self, raw: Any) -> Any:
            return self.factor * np.asarray(raw)

        def write(self, value: Any, path: Path) -> None: ...

        def show(self, value: Any) -> str:
            return ""

    assert content_key(Times(1), [1.0]) != content_key(Times(2), [1.0]) == content_key(Times(2), [1.0])
    told = Times(1)
    told.lock = threading.Lock()  # type: ignore[attr-defined]
    with pytest.raises(Unknown):
        of_table(km.Table({"v": [[1.0], [2.0]]}, modalities={"v": told}))

    class Sum:
        fingerprint = "sum/1"

        def __call__(self, batch: np.ndarray) -> np.ndarray:
            return np.asarray(batch, np.float32)

    for factor in (1.0, 2.0):
        told.factor = factor  # whatever cannot be told is not served
        table = km.Table({"v": [[1.0], [2.0]]}, modalities={"v": told})
        assert features(table, "v", Sum()).ravel().tolist() == [factor, 2 * factor]


@dataclass(frozen=True)
class Setting:
    rate: float = 1.0
    names: tuple[str, ...] = ("a",)


class Net(nn.Module):
    def __init__(self, seed: int = 0, scale: float = 1.0) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.scale, self.layer = scale, nn.Linear(256, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.scale * self.layer(x)


def adds(number: int) -> Any:
    return lambda x: x + number


UNLIKE: list[Any] = [
    None, 0, 0.0, False, "0", b"0", [0], (0,), {0: 0}, {0}, [1, 2], [2, 1], [[1], 2], np.zeros(1), np.zeros(1, int),
    np.zeros((1, 1)), np.array(["0"], object), float("nan"), Setting(), Setting(2.0), Setting(names=("a", "b")),
    Net(), Net(1), Net(scale=2.0), nn.Linear(2, 2, bias=False).requires_grad_(False), adds(1), adds(2), len, max,
    lambda x: x + 1, lambda x: x * 1, lambda x, y=2: x + 1, Setting, Net,
    torch.zeros(2), torch.zeros(2, dtype=torch.int8),
    km.InfoNCE(), km.SigLIP(), km.InfoNCE() + km.SigLIP(), km.InfoNCE() + 0.5 * km.SigLIP(), km.Training(), km.Image(),
    km.Training(steps=5), km.Flow(), "InfoNCE()",
]  # fmt: skip


def test_what_differs_has_another_identity() -> None:
    found = [identity(thing) for thing in UNLIKE]
    assert len(set(found)) == len(found)
    assert [identity(thing) for thing in (Net(), adds(1), {1: 2, 3: 4}, Setting())] == [
        identity(thing) for thing in (Net(), adds(1), {3: 4, 1: 2}, replace(Setting(2.0), rate=1.0))
    ]


def test_what_nobody_can_tell_has_none() -> None:
    round_and_round: list[Any] = []
    round_and_round.append(round_and_round)
    for thing in (threading.Lock(), io.StringIO(), (i for i in range(3)), round_and_round, np.random.default_rng()):
        with pytest.raises(Unknown):
            identity({"setting": thing})


# ── runs and comparisons ─────────────────────────────────────────────────────────────────────────────────────────


def table(change: str = "", folder: Path | None = None) -> km.Table:
    toy = km.datasets.toy(rows=60, seed=0)
    a, b = ([toy[i][name] for i in range(60)] for name in "ab")
    marks: dict[str, Any] = {"id": [f"r{i}" for i in range(60)], "group": [str(i // 2) for i in range(60)]}
    marks |= {"label": ["x", "y"] * 30, "meta": {"year": list(range(60))}}
    if change == "cell":
        a[59] = a[59] + 1e-3
    elif change == "order":
        a[3], a[4], b[3], b[4] = a[4], a[3], b[4], b[3]
    elif change == "hole":
        b[7] = None
    elif change == "meta":
        marks["meta"] = {"year": [*range(59), 0]}
    elif change:
        marks[change] = list(reversed(marks[change]))
    return km.Table({"a": a, "b": b}, **marks)


CHANGES = ["cell", "order", "hole", "id", "group", "label", "meta"]


def test_a_tables_identity_is_its_content(tmp_path: Path) -> None:
    found = [of_table(table(change)) for change in ["", *CHANGES]]
    assert len(set(found)) == len(found) and found[0] == of_table(table())
    names = []
    for pixel in (0, 1):
        pil.fromarray(np.full((4, 4), pixel, np.uint8)).save(tmp_path / "x.png")
        names.append(of_table(km.Table({"x": [str(tmp_path / "x.png")]}, modalities={"x": km.Image()})))
    assert names[0] != names[1]


SHORT = km.Training(steps=3, batch_size=16)
GIVEN: dict[str, Any] = {"objective": km.InfoNCE(), "dim": 4, "training": SHORT, "seed": 1}


@pytest.fixture(scope="module")
def starts() -> list[km.Space]:
    return [km.fit(km.datasets.toy(rows=80, seed=seed), km.CCA(dim=4, kernels=("linear",))) for seed in (0, 5)]


def test_a_run_is_taken_up_by_its_own_fit_alone(starts: list[km.Space], tmp_path: Path) -> None:
    one = np.asarray(km.fit(table(), **GIVEN, run_dir=tmp_path).encode(table()))
    assert np.array_equal(np.asarray(km.fit(table(), **GIVEN, run_dir=tmp_path).encode(table())), one)
    others: list[dict[str, Any]] = [
        {"objective": km.SigLIP()}, {"objective": km.InfoNCE(temperature=0.2)}, {"objective": 2 * km.InfoNCE()},
        {"dim": 5}, {"seed": 2}, {"training": replace(SHORT, steps=4)}, {"encoders": {"a": Net()}},
        {"init": starts[0], "dim": None}, {"init": starts[1], "dim": None}, {"codecs": {"a": None}},
    ]  # fmt: skip
    for other in others:
        with pytest.raises(km.StoreError, match=r"holds a run with .*expected the same, or another folder"):
            km.fit(table(), **(GIVEN | other), run_dir=tmp_path)
    for change in CHANGES:
        with pytest.raises(km.StoreError, match="holds a run with other table"):
            km.fit(table(change), **GIVEN, run_dir=tmp_path)


def test_one_start_is_not_another(starts: list[km.Space], tmp_path: Path) -> None:
    given = GIVEN | {"dim": None}
    km.fit(table(), **given, init=starts[0], run_dir=tmp_path)
    with pytest.raises(km.StoreError, match=r"holds a run with other .*start"):
        km.fit(table(), **given, init=starts[1], run_dir=tmp_path)


def test_other_weights_of_a_trained_encoder_are_said(tmp_path: Path) -> None:
    one = np.asarray(km.fit(table(), **GIVEN, encoders={"a": Net(0)}, run_dir=tmp_path).encode(table()))
    with pytest.warns(UserWarning, match="the run had other weights before training"):
        again = km.fit(table(), **GIVEN, encoders={"a": Net(7)}, run_dir=tmp_path)
    assert np.array_equal(np.asarray(again.encode(table())), one)
    with pytest.raises(km.StoreError, match="other encoder of a"):
        km.fit(table(), **GIVEN, encoders={"a": Net(0, scale=3.0)}, run_dir=tmp_path)


def test_what_cannot_be_told_is_not_resumed(tmp_path: Path) -> None:
    class Odd:
        lock = None

        def __init__(self) -> None:
            self.lock = threading.Lock()

        def __call__(self, batch: np.ndarray) -> np.ndarray:
            return np.asarray(batch, np.float32)

    km.fit(table(), **GIVEN, encoders={"a": Odd()}, run_dir=tmp_path)
    with pytest.raises(km.StoreError, match="it is unknown whether of this fit"):
        km.fit(table(), **GIVEN, encoders={"a": Odd()}, run_dir=tmp_path)


def test_a_comparison_gives_back_its_own_trials_alone(tmp_path: Path) -> None:
    quick = {"CCA": km.CCA(dim=2, kernels=("linear",))}
    given: dict[str, Any] = {"methods": quick, "seeds": [0], "training": SHORT, "out": tmp_path}
    km.compare(table(), **given)
    others: list[dict[str, Any]] = [
        {"test": 0.5}, {"by": "id"}, {"positives": "label"}, {"training": replace(SHORT, lr=0.5)},
        {"encoders": {"a": Net(0).requires_grad_(False)}}, {"methods": {"CCA": km.CCA(dim=3)}},
    ]  # fmt: skip
    for other in others:
        with pytest.raises(km.StoreError, match="a trial of other data or settings"):
            km.compare(table(), **(given | other))
    for change in CHANGES:
        with pytest.raises(km.StoreError, match="a trial of other data or settings"):
            km.compare(table(change), **given)


def test_pictures_that_changed_are_another_comparison(tmp_path: Path) -> None:
    def files(seed: int) -> km.Table:
        draw = np.random.default_rng(seed)
        for i in range(40):
            pil.fromarray(draw.integers(0, 255, (4, 4, 3), dtype=np.uint8)).save(tmp_path / f"{i}.png")
        names = [str(tmp_path / f"{i}.png") for i in range(40)]
        return km.Table({"x": names, "v": np.arange(40.0)[:, None]}, modalities={"x": km.Image(), "v": km.Vector()})

    class Flat:
        fingerprint = "test flat/1"

        def __call__(self, batch: np.ndarray) -> np.ndarray:
            return np.asarray(batch, np.float32).reshape(len(batch), -1)

    quick = {"CCA": km.CCA(dim=1, kernels=("linear",))}
    given: dict[str, Any] = {"methods": quick, "seeds": [0], "encoders": {"x": Flat()}, "out": tmp_path / "out"}
    km.compare(files(0), **given)
    km.compare(files(0), **given)
    with pytest.raises(km.StoreError, match="a trial of other data or settings"):
        km.compare(files(1), **given)
