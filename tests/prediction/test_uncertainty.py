"""Cells are corrupted before a frozen encoder sees them, and uncertainties are fitted on held-out rows."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

import kuamo as km
from kuamo.data.modalities.audio import Waveform
from kuamo.encoders.standardize import Standardize
from kuamo.objectives.prediction.corruption import (
    GRAINS,
    MOST,
    choose_rows,
    corrupt,
    corrupt_values,
    grained_noise,
    mean_and_spread,
    mix_noise,
)
from kuamo.objectives.prediction.uncertainty import Samples, fit_column
from kuamo.objectives.prediction.uncertainty_fusion import UncertaintyFusion
from kuamo.training.batch import Batch, ColumnBatch
from kuamo.training.step import Step


def generator() -> np.random.Generator:
    return np.random.default_rng(0)


def test_what_is_not_spoiled_is_as_it_was_and_what_is_is_noise() -> None:
    pictures = [generator().integers(0, 256, (12, 9, 3)).astype(np.uint8) for _ in range(4)]
    sounds = [Waveform(0.1 * generator().standard_normal(500).astype(np.float32), 8000) for _ in range(4)]
    numbers = [generator().normal(size=(5,)).astype(np.float32) for _ in range(4)]
    kinds: list[tuple[Any, list[Any]]] = [
        (km.Image(), pictures),
        (km.Audio(), sounds),
        (km.Vector(), numbers),
        (km.Text(), ["a b c", "你好世界", "d e", "f"]),
    ]
    for modality, values in kinds:
        same, other = (
            corrupt_values(modality, values, np.full(4, far), generator(), mean_and_spread(values))
            for far in (0.0, 1.0)
        )
        assert same is not None and other is not None
        for value, kept, made in zip(values, same, other, strict=True):
            if isinstance(value, str):
                assert kept == value and len(made) >= 1
                continue
            x, k, m = (one.samples if isinstance(one, Waveform) else one for one in (value, kept, made))
            assert k.dtype == m.dtype == x.dtype and k.shape == m.shape == x.shape
            assert np.allclose(k, x, atol=1e-6) and not np.allclose(m, x, atol=0.01)
    assert corrupt_values(km.Vector(), [{"an": "odd"}], np.ones(1), generator(), (0.0, 1.0)) is None


def test_a_grey_picture_stays_grey_and_sounds_stay_within_one() -> None:
    grey = np.repeat(generator().integers(0, 256, (10, 10, 1)).astype(np.uint8), 3, axis=2)
    for made in corrupt_values(km.Image(), [grey] * 20, np.linspace(0, 1, 20), generator(), (128.0, 70.0)) or []:
        assert (made == made[..., :1]).all()
    loud = Waveform(np.sign(generator().standard_normal(400)).astype(np.float32), 8000)
    assert (
        max(
            np.abs(one.samples).max()
            for one in corrupt_values(km.Audio(), [loud] * 9, np.ones(9), generator(), (0.0, 1.0)) or []
        )
        <= 1
    )


def test_noise_comes_in_grains_and_kinds() -> None:
    x = generator().normal(size=(64, 64, 1))
    made = [grained_noise(x, 0.0, 1.0, np.random.default_rng(seed), axes=2) for seed in range(60)]
    kinds = {"extreme": 0, "own": 0, "coarse": 0}
    for n in made:
        assert n.shape == x.shape
        kinds["extreme"] += bool((np.abs(np.abs(n) - 3) < 1e-9).all())
        kinds["own"] += bool(np.isin(n, x).all())
        kinds["coarse"] += bool(np.array_equal(n[0::2], n[1::2]))
    assert min(kinds.values()) > 8 and GRAINS > 1


def test_half_of_the_spoiled_rows_are_held_out_ones() -> None:
    rows = np.repeat(np.arange(5000), 2)
    some = choose_rows(rows, np.arange(1000), 3)
    assert len(some) == MOST == len(np.unique(some)) and (some < 1000).sum() == MOST / 2
    assert np.array_equal(some, choose_rows(rows, np.arange(1000), 3)) and not np.array_equal(
        some, choose_rows(rows, np.arange(1000), 4)
    )
    assert len(choose_rows(np.arange(9), np.arange(0), 0)) == 5


class Loud:
    """Features of a vector that are no vector of it: its mean square and its sign."""

    def __init__(self) -> None:
        self.seen = 0

    def __call__(self, batch: np.ndarray) -> np.ndarray:
        self.seen += len(batch)
        return np.stack([np.square(batch).mean(1), np.sign(batch).mean(1)], 1)


def test_a_frozen_encoder_sees_spoiled_cells_and_identity_does_not() -> None:
    rng = generator()
    kind = rng.integers(0, 2, 120)
    cells = {
        "a": list(rng.normal(size=(120, 6)) + 2 * kind[:, None]),
        "b": list(rng.normal(size=(120, 3))),
        "kind": [f"k{k}" for k in kind],
    }
    table = km.Table(cells, modalities={"a": km.Vector(), "b": km.Vector(), "kind": km.Category()})
    encoder = Loud()
    space = km.fit(table, km.Predict("kind"), encoders={"a": encoder}, dim=4, training=km.Training(steps=3))
    assert isinstance(space.port("b").encoder, Standardize)
    assert space.fusion.corrupted == {}  # nothing of it stays
    packed = {
        "a": (np.zeros((120, 2), np.float32), np.arange(120)),
        "b": (np.zeros((120, 3), np.float32), np.arange(120)),
    }
    found = corrupt(space, table, packed, "kind", np.arange(30))
    assert list(found) == ["a"]
    one = found["a"]
    assert len(one.x) == 60 == (one.place >= 0).sum() and one.level.min() >= 0 and one.level.max() <= 1
    quiet = Loud()
    km.fit(table, km.Predict("kind", corruption=0), encoders={"a": quiet}, dim=4, training=km.Training(steps=3))
    assert encoder.seen == quiet.seen + 2 * 60  # in the fit, and above


@pytest.mark.parametrize("classes", [2, 5])
def test_doubts_are_what_losses_are_expected_to_be(classes: int) -> None:
    """Codes tell the class, but where the cell is noise; then the loss is that of a guess."""
    rng = np.random.default_rng(classes)
    n, trust = 2000, UncertaintyFusion(6, classes, 2)
    y = torch.eye(classes)[torch.from_numpy(rng.integers(0, classes, n))]
    level = torch.from_numpy(np.where(rng.random(n) < 0.5, 0.0, rng.random(n))).float()
    bad = level > 0.5
    place = torch.from_numpy(rng.normal(size=(classes, 6))).float()
    codes = y @ place + 0.3 * torch.randn(n, 6, generator=torch.Generator().manual_seed(0))
    codes[bad] = 3 + torch.randn(int(bad.sum()), 6, generator=torch.Generator().manual_seed(1))
    told = codes @ place.T * 0.05  # far too unsure
    with torch.no_grad():
        trust.probes[0].weight.copy_(0.05 * place)
        trust.probes[0].bias.zero_()
    stack = lambda one: torch.stack([one, one], 1)  # noqa: E731
    fit_column(trust, 0, Samples(stack(told), stack(codes), y, stack(level), torch.ones(n, 2, dtype=torch.bool)), n)
    with torch.no_grad():
        v, _ = trust.uncertainty(stack(codes))
        e = trust.losses(trust.probe(stack(codes)), y)[:, 0].clamp(max=np.log(classes))
    assert float(trust.probes[0].weight.detach().norm()) > 2 * 0.05 * float(place.norm())  # sharpened
    assert v[bad, 0].mean() - v[level == 0, 0].mean() > 1.5
    assert abs(float(v[bad, 0].mean()) - np.log(float(e[bad].mean()))) < 0.3
    assert float(trust.usual[0]) == pytest.approx(float(v[level == 0, 0].mean()), abs=1e-4)
    assert torch.equal(v[:, 1], torch.zeros(n))  # of the other column nobody has asked


@pytest.mark.parametrize(("steps", "within"), [(100, 0.1), pytest.param(300, 0.1, marks=pytest.mark.slow)])
def test_weights_of_bad_cells_fall_whatever_the_number_of_steps(steps: int, within: float) -> None:
    rng, fixed = np.random.default_rng(0), np.random.default_rng(9)
    kind = rng.integers(0, 3, 600)
    cells: dict[str, list[Any]] = {
        name: list((fixed.normal(size=(3, size))[kind] + 0.4 * rng.normal(size=(600, size))).astype(np.float32))
        for name, size in (("a", 16), ("b", 12))
    }
    kinds = {"a": km.Vector(), "b": km.Vector(), "kind": km.Category()}
    table = km.Table(cells | {"kind": [f"k{k}" for k in kind]}, modalities=kinds)
    space = km.fit(table, km.Predict("kind"), dim=32, training=km.Training(steps=steps))
    bad = [{"a": cells["a"][i], "b": 2 * rng.normal(size=12).astype(np.float32)} for i in range(200)]
    good = [{"a": cells["a"][i], "b": cells["b"][i]} for i in range(200)]
    told = [space.predict(rows, "kind") for rows in (bad, good)]
    weight = [one.weights[:, list(one.columns).index("b")].mean() for one in told]
    assert weight[0] < 0.4 * weight[1]
    alone = space.predict([{"a": row["a"]} for row in bad], "kind").values
    right = [np.mean([v == f"k{k}" for v, k in zip(values, kind, strict=False)]) for values in (told[0].values, alone)]
    assert right[0] > right[1] - within


def test_every_cell_of_a_batch_has_noise_of_its_own() -> None:
    """Noise that several rows share is learned by heart; then noise that is not like it is believed."""
    x = torch.from_numpy(generator().normal(size=(64, 2000))).float()
    head = SimpleNamespace(shift=torch.zeros(2000), gain=torch.ones(2000))
    space: Any = SimpleNamespace(port=lambda name: SimpleNamespace(head=head), fusion=SimpleNamespace(corrupted={}))
    step = Step(space, Batch(64, torch.arange(64), {"a": ColumnBatch(x, torch.arange(64))}), (0, 0), {}, {"a": True})
    made, level = mix_noise(step, "a", torch.ones(64, dtype=torch.bool))
    far = level > 0.1
    n = (made - (1 - level[:, None]) * x)[far] / level[far, None]
    alike = torch.corrcoef(n).fill_diagonal_(0).nan_to_num()
    assert far.sum() > 40 and alike.abs().max() < 0.8
