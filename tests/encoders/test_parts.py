"""Parts of cells: as many numbers as an encoder says, the same alone as among others, and never too many."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import kuamo as km
from kuamo import encoders
from kuamo.data.modalities.audio import Waveform
from kuamo.encoders import parts
from kuamo.encoders.base import Encoder, collate
from kuamo.encoders.parts import MOST, parts_of_column, pooled_parts
from kuamo.encoders.token_mean import train_tokenizer

TEXTS = ["a red one", "the blue one on the left"]
CELLS: dict[str, list[Any]] = {
    "picture": [np.full((9, 9, 3), level, np.uint8) for level in (0, 200)],
    "sound": [Waveform(np.sin(np.arange(n) / 4).astype(np.float32), 8000) for n in (4000, 8000)],
    "text": TEXTS,
}
MADE = {
    "MiniLM": ("text", {}),
    "MultilingualE5": ("text", {}),
    "EfficientNetLite0": ("picture", {"size": 64}),
    "SpectralFeatures": ("sound", {}),
    "TokenMean": ("text", {"tokenizer": train_tokenizer(TEXTS), "dim": 8}),
    "ImageCNN": ("picture", {"size": 16}),
    "AudioCNN": ("sound", {"dim": 8}),
}


@pytest.mark.parametrize("made", MADE)
def test_parts_of_our_encoders(made: str) -> None:
    kind, (cell, options) = getattr(encoders, made), MADE[made]
    if hasattr(kind, "installed") and not kind.installed():
        pytest.skip(f"{made} is not installed")
    encoder = kind(**options)
    items = [encoder.prepare(value) for value in CELLS[cell]]
    x, mask = map(torch.as_tensor, encoder.parts(collate(encoder, items, "x")))
    assert x.shape == (2, mask.shape[1], encoder.part_dim) and mask.dtype == torch.bool and mask.any(1).all()
    alone, there = map(torch.as_tensor, encoder.parts(collate(encoder, items[:1], "x")))
    near = 0.1 if made in ("MiniLM", "MultilingualE5") else 1e-4  # these round activations by what is beside them
    assert torch.allclose(x[0][mask[0]], alone[0][there[0]], atol=near * float(x.detach().std()))


def test_a_cell_is_one_part_where_nothing_else_is_said() -> None:
    class Doubled(Encoder):
        def __call__(self, batch: Any) -> np.ndarray:
            return 2 * np.asarray(batch)

    x, mask = Doubled().parts(np.ones((3, 2)))
    assert x.shape == (3, 1, 2) and (x == 2).all() and mask.all() and Doubled.part_dim is None


def test_of_many_parts_neighbours_are_averaged() -> None:
    count = torch.tensor([100, 5, 0])
    mask = torch.arange(100)[None] < count[:, None]
    x, known = pooled_parts(torch.arange(100.0).expand(3, 100)[..., None], mask)
    assert x.shape == (3, MOST, 1) and known.sum(1).tolist() == [MOST, 5, 0]
    assert (x[0, :, 0].diff() > 0).all() and float(x[0].mean()) == pytest.approx(49.5, abs=1)
    assert x[1, :5, 0].tolist() == [0, 1, 2, 3, 4] and not x[2].any()


class Halves:
    """A vector in two halves."""

    part_dim = 2

    def __call__(self, batch: Any) -> np.ndarray:
        return np.asarray(batch, np.float32)

    def parts(self, batch: Any) -> Any:
        return np.asarray(batch, np.float32).reshape(len(batch), 2, 2), np.ones((len(batch), 2), bool)


def test_many_parts_lie_in_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    table = km.Table({"x": list(np.arange(2400.0).reshape(600, 4))})
    held = parts_of_column(table, "x", Halves())
    monkeypatch.setattr(parts, "HELD_BYTES", 0)
    filed = parts_of_column(table, "x", Halves())
    assert isinstance(filed.x.base, np.memmap) and not isinstance(held.x.base, np.memmap)
    assert np.array_equal(filed.x, held.x) and np.array_equal(filed.mask, held.mask)
    assert filed.take(np.array([5, 599])).at(np.array([1]))[0][0, 1].tolist() == [2398, 2399]


def test_parts_of_another_size_are_refused() -> None:
    class Wrong(Halves):
        part_dim = 3

    with pytest.raises(km.KuamoError, match=r"column 'x': given parts of shape \(2, 2, 2\) .* expected \(n, T, 3\)"):
        parts_of_column(km.Table({"x": list(np.ones((2, 4)))}), "x", Wrong())
