"""Laws of spaces of pretrained models: what the towers say themselves, whole in a space, and classes by texts alone."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("transformers", reason="models by name need the extra [hub]")
if find_spec("sentence_transformers") is None:
    pytest.skip("models by name need the extra [hub]", allow_module_level=True)

import torch
import transformers as tf
from typer.testing import CliRunner

import kuamo as km
from kuamo.cli.app import app
from kuamo.core.arguments import ArgumentError
from kuamo.data.modalities.audio import Waveform
from tiny_models import WORDS, clap, clip, siglip

MAKERS = {"clip": clip, "siglip": siglip, "clap": clap}
CLASSES, TEMPLATES = ["cat", "dog", "bird"], ("a {}", "a {} on the mat")
rng = np.random.default_rng(0)
TEXTS = [" ".join(rng.choice(WORDS, int(n))) for n in rng.integers(1, 9, 60)]
PICTURES = [rng.integers(0, 256, (16, 16, 3), dtype=np.uint8) for _ in TEXTS]
SOUNDS = [Waveform(rng.normal(size=3200).astype(np.float32), 16000) for _ in TEXTS]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    made = {kind: tmp_path_factory.mktemp("towers") / kind for kind in MAKERS}
    for kind, make in MAKERS.items():
        make(made[kind])
    return made


def values_of(kind: str) -> tuple[str, list[Any]]:
    return ("audio", SOUNDS) if kind == "clap" else ("image", PICTURES)


@pytest.mark.parametrize("kind", MAKERS)
def test_a_model_is_a_space_that_is_loaded_once_searched_saved_and_predicts_by_texts(
    kind: str, folders: dict[str, Path], tmp_path: Path
) -> None:
    other, values = values_of(kind)
    values = values[:6]
    space = km.pretrained(str(folders[kind]), columns={"title": "text", "seen": other})
    models = {id(port.encoder._model) for port in space.ports}
    assert len(models) == 1
    codes = np.asarray(space.encode(values, modality="seen"))
    np.testing.assert_allclose(np.linalg.norm(codes, axis=1), 1, atol=1e-5)
    table = km.Table({"title": TEXTS[:6], "seen": values}, modalities=space.modalities)
    index = space.index(table)
    titles = np.asarray(space.encode(TEXTS[:6], modality="title"))
    hits = index.search({"title": TEXTS[0]}, to="seen", k=1)
    assert hits[0].id == str((codes @ titles[0]).argmax()) or hits[0].score == pytest.approx((codes @ titles[0]).max())
    named = space.with_classes("kind", CLASSES, by="title", templates=TEMPLATES)
    prompts = [[template.replace("{}", name) for template in TEMPLATES] for name in CLASSES]
    means = [np.asarray(space.encode(texts, modality="title")).mean(0) for texts in prompts]
    classes = np.stack([mean / np.linalg.norm(mean) for mean in means])
    tau = space.port("title").encoder.temperature
    scores = tau * codes @ classes.T
    expected = np.exp(scores - scores.max(1, keepdims=True))
    expected /= expected.sum(1, keepdims=True)
    found = named.predict([{"seen": value} for value in values], "kind")
    np.testing.assert_allclose(found.probability, expected, atol=1e-4)
    assert found.values == [CLASSES[k] for k in expected.argmax(1)]
    named.save(tmp_path / "s")
    again = km.Space.load(tmp_path / "s")
    assert len({id(port.encoder._model) for port in again.ports[:2]} | models) == 1
    loaded = again.predict([{"seen": value} for value in values], "kind")
    np.testing.assert_array_equal(found.probability, loaded.probability)


def test_the_scale_is_the_models_own(folders: dict[str, Path]) -> None:
    scale = tf.CLIPModel.from_pretrained(folders["clip"]).logit_scale.exp().item()
    assert km.encoders.hub(str(folders["clip"])).temperature == pytest.approx(scale)
    with torch.inference_mode():
        assert km.encoders.hub(str(folders["clip"]), modality="text", layers=[1]).temperature is None


@pytest.mark.parametrize("kind", MAKERS)
def test_towers_of_one_model_are_known_to_share_a_space_with_and_without_pairs(
    kind: str, folders: dict[str, Path], tmp_path: Path
) -> None:
    other, values = values_of(kind)
    encoders = {"title": km.encoders.hub(str(folders[kind])), "seen": km.encoders.hub(str(folders[kind]))}
    gap = [None] * 10
    apart = km.Table({"title": [*TEXTS[:10], *gap], "seen": [*gap, *values[:10]]})
    alone = km.fit(apart, encoders=encoders)
    assert "nothing was learned" in alone.notes[-1]
    raw = km.pretrained(encoders, columns={"seen": other})
    codes, features = (np.asarray(space.encode(values[:10], modality="seen")) for space in (alone, raw))
    assert codes.shape == features.shape
    paired = km.fit(km.Table({"title": TEXTS[:50], "seen": values[:50]}), encoders=encoders)
    assert any(str(folders[kind]) in note and "held-out pairs (50 pairs)" in note for note in paired.notes)
    paired.save(tmp_path / "s")
    again = km.Space.load(tmp_path / "s")
    hits = [space.index(apart).search({"title": TEXTS[0]}, to="seen", k=3) for space in (paired, again)]
    assert [hit.id for hit in hits[0]] == [hit.id for hit in hits[1]]
    assert again.with_classes("kind", CLASSES, by="title").predict([{"seen": values[0]}], "kind").values[0] in CLASSES


class Colour:
    """Texts and pictures → red, green and blue: a shared space with a known answer."""

    space, fingerprint = "colour", "colour/1"
    collate = staticmethod(list)

    def prepare(self, value: Any) -> Any:
        return value

    def __call__(self, batch: list[Any]) -> np.ndarray:
        names = ("red", "green", "blue")
        rows = [[name in x for name in names] if isinstance(x, str) else x.mean((0, 1)) / 255 for x in batch]
        return np.asarray(rows, np.float32)


def test_classes_by_texts_find_the_colour_of_a_picture() -> None:
    coloured = [np.zeros((8, 8, 3), np.uint8) + np.uint8(200 * np.eye(3)[k] + 20) for k in (2, 0, 1)]
    space = km.pretrained({"word": Colour(), "photo": Colour()}, columns={"photo": "image"})
    named = space.with_classes("colour", ["red", "green", "blue"], by="word", templates=("a {} wall", "{} paint"))
    assert named.predict([{"photo": picture} for picture in coloured], "colour").values == ["blue", "red", "green"]
    assert list(space.modalities) == ["word", "photo"]


def test_wrong_requests_are_refused(folders: dict[str, Path]) -> None:
    space = km.pretrained({"word": Colour(), "photo": Colour()}, columns={"photo": "image"})
    with pytest.raises(ArgumentError, match="given 'word', which the space has"):
        space.with_classes("word", CLASSES, by="word")
    with pytest.raises(ArgumentError, match="given 'cat'; expected names of classes"):
        space.with_classes("kind", "cat", by="word")
    with pytest.raises(ArgumentError, match="templates: given"):
        space.with_classes("kind", CLASSES, by="word", templates=("a photo",))
    with pytest.raises(km.KuamoError, match="at least two"):
        space.with_classes("kind", ["cat"], by="word")
    with pytest.raises(ArgumentError, match="temperature: given 0"):
        space.with_classes("kind", CLASSES, by="word", temperature=0)
    with pytest.raises(ArgumentError, match="the kind 'audio'"):
        km.pretrained(str(folders["clip"]), columns={"a": "audio", "b": "text"})
    with pytest.raises(ArgumentError, match="two spaces"):
        km.pretrained({"a": Colour(), "b": km.encoders.BagOfWords(["a", "b"])})
    with pytest.raises(ArgumentError, match="at least two"):
        km.pretrained({"a": Colour()})


def test_the_command_makes_a_space_that_predicts(folders: dict[str, Path], tmp_path: Path) -> None:
    out = str(tmp_path / "clip.space")
    words = ["--column", "photo=image", "--column", "title=text", "--classes", "kind=cat,dog", "--template", "a {}"]
    done = CliRunner().invoke(app, ["pretrained", str(folders["clip"]), "--out", out, *words])
    assert done.exit_code == 0, done.output
    from PIL import Image

    Image.fromarray(PICTURES[0]).save(tmp_path / "0.png")
    (tmp_path / "photos.csv").write_text("id,photo\nx,0.png\n")
    predicted = CliRunner().invoke(app, ["predict", out, str(tmp_path / "photos.csv"), "--to", "kind", "--json"])
    assert predicted.exit_code == 0, predicted.output
    assert '"kind"' in predicted.output
