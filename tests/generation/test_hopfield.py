"""Settled codes are where codes are known to be: an input from beyond makes what a known one would."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import kuamo as km
from kuamo.generation.hopfield import TEMPERATURES, Hopfield

NAMES = ("dot", "ring", "bar", "cross")


def voices(shift: float = 0.0, rows: int = 400, seed: int = 0) -> km.Table:
    """Four words, each said by a vector that leans towards another word's by `shift`, and drawn as another vector."""
    rng, fixed = np.random.default_rng(seed), np.random.default_rng(9)
    said, drawn = fixed.normal(size=(2, 4, 12))
    word = rng.integers(0, 4, rows)
    other = (word + rng.integers(1, 4, rows)) % 4
    speech = (1 - shift) * said[word] + shift * said[other] + 0.1 * rng.normal(size=(rows, 12))
    picture = 3 * drawn[word] + 0.1 * rng.normal(size=(rows, 12))
    return km.Table(
        {"speech": list(speech), "picture": list(picture)},
        modalities={"speech": km.Vector(), "picture": km.Vector()},
        label=[NAMES[w] for w in word],
    )


@pytest.fixture(scope="module")
def space() -> km.Space:
    return km.fit(voices(), km.CCA(dim=3), decoders={"picture": km.Ridge()})


def error(space: km.Space, table: km.Table, **options: Any) -> float:
    made = space.translate(table.select("speech"), to="picture", **options)
    return float(np.square(made - np.stack(list(table.values("picture")))).sum(1).mean())


def test_an_input_from_beyond_settles(space: km.Space) -> None:
    new = voices(shift=0.2, seed=1)
    assert error(space, new, settle=True) < 0.5 * error(space, new)
    assert error(space, voices(seed=2), settle=True) < 1.2 * error(space, voices(seed=2))
    assert space.port("picture").memory.temperature in TEMPERATURES


def test_it_is_attention_over_known_codes() -> None:
    rng = np.random.default_rng(0)
    known, z = rng.normal(size=(2, 50, 4)).astype(np.float32)
    cosine = (z / np.linalg.norm(z, axis=1)[:, None]) @ (known / np.linalg.norm(known, axis=1)[:, None]).T
    weight = np.exp(cosine / 0.1)
    assert np.allclose(Hopfield(known, 0.1)(z), weight / weight.sum(1, keepdims=True) @ known, atol=1e-5)
    assert np.allclose(Hopfield(known, 1e-4)(known), known, atol=1e-4)
    assert Hopfield(known)(z[:0]).shape == (0, 4)
    assert len(Hopfield.of(np.tile(known, (30, 1)), 0.1, 0).codes) == 1024


def test_what_nobody_has_seen_is_lost(space: km.Space) -> None:
    """The price, shown: the mean of two known codes becomes one of them."""
    z = space.port("picture").memory.codes
    far = z[np.linalg.norm(z - z[0], axis=1).argmax()]
    between = (0.7 * z[:1] + 0.3 * far).astype(np.float32)
    settled = space.port("picture").memory(between)
    assert np.linalg.norm(settled - z[0]) < 0.5 * np.linalg.norm(between - z[0])


def test_stored_codes_settle_the_same(space: km.Space, tmp_path: Path) -> None:
    rows = voices(shift=0.35, rows=5, seed=1).select("speech")
    space.save(tmp_path / "s.space")
    loaded = km.Space.load(tmp_path / "s.space")
    made = [one.translate(rows, to="picture", project=True, samples=2) for one in (space, loaded)]
    assert np.array_equal(*made)
    again = km.fit(voices(), init=space, decoders={"speech": km.Ridge()})
    assert np.array_equal(again.translate(rows, to="picture", project=True, samples=2), made[0])


def test_nowhere_to_settle_is_an_error(space: km.Space) -> None:
    with pytest.raises(
        km.KuamoError, match=r"column 'speech': .*its decoder has stored no training codes; expected a space"
    ):
        space.translate({"picture": np.zeros(12)}, to="speech", project=True)
