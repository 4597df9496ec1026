"""Is what is made recognised? The right pictures are, as real ones are; noise, and pictures of other rows, are not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from test_decoders import Small, TextLikelihood

import kuamo as km
from kuamo.core.translation import localized
from kuamo.embedding.decoder import Decoder
from kuamo.generation.codecs.image_pca import ImagePCA
from kuamo.generation.decoder_problem import DecoderProblem
from kuamo.generation.recognition import share_found


class Known(Decoder):
    """Makes for each code the y that belongs to it, or to the row that stands so many further."""

    def __init__(self, z: np.ndarray, y: np.ndarray, shift: int = 0) -> None:
        self.z, self.y, self.out = z, np.roll(y, shift, 0), y.shape[1]

    def sample(self, z: np.ndarray, rng: Any = None) -> np.ndarray:
        return self.y[[int(np.abs(self.z - one).sum(1).argmin()) for one in np.asarray(z)]]


class Noise(Decoder):
    def __init__(self, out: int) -> None:
        self.out = out

    def sample(self, z: np.ndarray, rng: Any = None) -> np.ndarray:
        return np.random.default_rng(0).normal(size=(len(z), self.out)).astype(np.float32)


@pytest.fixture(scope="module")
def problem() -> DecoderProblem:
    table = km.datasets.shapes(rows=120, size=16, seed=0)
    space = km.fit(table, km.CCA(dim=8, kernels=("linear",)), encoders={"image": Small(), "text": TextLikelihood()})
    space.port("image").codec = codec = ImagePCA.of(table, "image", components=40)
    codes = {name: space.encode_column(table, name, cache=False) for name in ("text", "image")}
    return DecoderProblem(space, codes, {"image": codec.encode(table.values("image"))})


def test_real_pictures_are_recognised_and_noise_is_not(problem: DecoderProblem) -> None:
    z, y, rows = np.asarray(problem.codes["text"][0].mean), problem.targets["image"], np.arange(120)
    found = {}
    for name, decoder in {"own": Known(z, y), "others'": Known(z, y, 7), "noise": Noise(y.shape[1])}.items():
        note = problem.quality_warning("image", decoder, rows, 0, "Flow")
        assert note is not None
        found[name] = note
        assert ("not usable" in str(note)) == (name != "own") == ("不可用" in localized(note, "zh"))
    own, other, noise = (found[name].values for name in found)
    assert own["found"] > 0.9 * own["level"] > 45 and max(other["found"], noise["found"]) < 0.3 * own["level"]


def test_rows_of_one_caption_are_alike_and_chance_is_chance() -> None:
    rng = np.random.default_rng(0)
    wanted = np.repeat(np.linalg.qr(rng.normal(size=(10, 10)))[0], 20, 0)
    assert share_found(wanted + 0.01 * rng.normal(size=wanted.shape), wanted, np.inner) == 1.0
    assert abs(share_found(rng.normal(size=wanted.shape), wanted, np.inner) - 0.1) < 0.08
