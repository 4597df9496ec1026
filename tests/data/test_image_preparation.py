"""Laws of preparing pictures: quick ways give what the slow ones give."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image as pil

import kuamo as km
from kuamo.encoders import EfficientNetLite0
from kuamo.encoders.base import encode_items
from kuamo.encoders.feature_cache import features

needs_network = pytest.mark.skipif(not EfficientNetLite0.installed(), reason="its weights are not installed")


def photo(width: int, height: int, seed: int = 0) -> pil.Image:
    few = np.random.default_rng(seed).integers(0, 255, (12, 16, 3), dtype=np.uint8)
    return pil.fromarray(few).resize((width, height), pil.Resampling.BICUBIC)


def stored(picture: pil.Image, form: str = "JPEG", **how: object) -> bytes:
    out = io.BytesIO()
    picture.save(out, form, **how)  # type: ignore[arg-type]
    return out.getvalue()


@needs_network
@pytest.mark.parametrize("shape", [(64, 64), (224, 224), (300, 97), (1200, 900)])
def test_prepare_resizes_as_pillow_does(shape: tuple[int, int]) -> None:
    value, encoder = np.asarray(photo(*shape)), EfficientNetLite0()
    slow = np.asarray(pil.fromarray(value).resize((192, 192), pil.Resampling.BICUBIC))
    apart = np.abs(encoder.prepare(value).astype(int) - slow)
    assert apart.max() <= 2 and (apart > 0).mean() < 0.02


@pytest.mark.parametrize("width, height, scale", [(1600, 1200, 4), (800, 601, 2), (599, 900, 1), (90, 3000, 1)])
def test_a_jpeg_is_decoded_as_far_as_is_enough(width: int, height: int, scale: int) -> None:
    turned = pil.Exif()
    turned[0x0112] = 6  # a quarter to the right
    whole = stored(photo(width, height), quality=95)
    value = km.Image().read(whole, enough=300)
    assert value.shape == (-(-height // scale), -(-width // scale), 3) and min(value.shape[:2]) >= min(300, width)
    assert km.Image().read(stored(photo(width, height), exif=turned), enough=300).shape[:2] == value.shape[1::-1]
    reduced = np.asarray(pil.fromarray(km.Image().read(whole)).reduce(scale), dtype=int)
    assert np.abs(value - reduced).mean() < 2
    assert km.Image().read(stored(photo(width, height), "PNG"), enough=300).shape == (height, width, 3)


@needs_network
def test_features_of_large_jpegs_are_those_of_the_whole_picture() -> None:
    encoder = EfficientNetLite0()
    pictures = [stored(photo(1600, 1200, seed)) for seed in range(3)]
    quick = features(km.Table({"photo": pictures}), "photo", encoder, cache=False)
    slow = encode_items(encoder, [encoder.prepare(km.Image().read(one)) for one in pictures], "photo")
    norm = np.linalg.norm(quick, axis=1) * np.linalg.norm(slow, axis=1)
    assert ((quick * slow).sum(axis=1) / norm > 0.999).all()


def test_a_picture_that_somebody_holds_is_not_changed() -> None:
    exif = pil.Exif()
    exif[0x0112] = 6
    held = pil.open(io.BytesIO(stored(photo(1600, 1200), exif=exif)))
    assert km.Image().read(held, enough=300).shape == (1600, 1200, 3) and held.size == (1600, 1200)
    value = np.zeros((9, 9, 3), np.uint8)
    value.flags.writeable = False
    assert EfficientNetLite0.installed() is False or EfficientNetLite0(size=32).prepare(value).shape == (32, 32, 3)
