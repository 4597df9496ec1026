"""A text that is given alone: the name of a file is a file, or refused; what looks like one is said."""

import warnings

import numpy as np
import pytest
from PIL import Image

import kuamo as km
from kuamo.core.errors import FeatureWarning, TextWarning


@pytest.fixture(scope="module")
def spaces():
    shapes = km.datasets.shapes(rows=40, size=16, seed=0)
    texts = [shapes[row]["text"] for row in range(len(shapes))]
    vectors = km.Table({"text": texts, "pose": np.random.default_rng(0).normal(size=(40, 3))})
    return km.fit(shapes, km.CCA(dim=4)), km.fit(vectors, km.CCA(dim=4))


def columns_of(space, query):
    (present,) = space.as_table([query]).present()
    return [port.name for port, here in zip(space.ports, present) if here]


def test_a_file_goes_to_the_column_of_its_kind_also_without_an_ending(spaces, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Image.new("RGB", (8, 8)).save("a.png")
    (tmp_path / "plain").write_bytes((tmp_path / "a.png").read_bytes())
    assert columns_of(spaces[0], "a.png") == columns_of(spaces[0], "plain") == ["image"]


def test_a_file_that_no_column_takes_is_refused(spaces, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.svg").write_text("<svg/>")
    for space, name in (
        (spaces[1], "there_is_none.jpg"),
        (spaces[1], "a.svg"),
        (spaces[0], "a.svg"),
        (spaces[0], "b.wav"),
    ):
        with pytest.raises(km.TableError, match=name):
            space.encode(name)
    assert columns_of(spaces[1], {"text": "there_is_none.jpg"}) == ["text"]


@pytest.mark.parametrize("query", ["photo.jepg", "./photo", "clip.mp4", "https://example.org/a", "0.5, 1.5"])
def test_what_looks_like_something_else_is_a_text_with_a_warning(spaces, query):
    with pytest.warns(TextWarning, match="is taken as a text") as said:
        assert columns_of(spaces[0], query) == ["text"]
    assert said[0].filename == __file__


@pytest.mark.parametrize(
    "query", ["a red circle", "node.js", "Dr. No", "and/or", "size 12.5", "J.S.Bach", "what? ever."]
)
def test_words_are_texts_without_a_word(spaces, query):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert columns_of(spaces[0], query) == ["text"]


def test_features_in_place_of_texts_are_said(spaces):
    for make in (
        lambda: spaces[1].translate({"pose": [0.0, 1.0, 2.0]}, to="text"),
        lambda: spaces[1].decode(np.zeros((1, spaces[1].dim)), to="text"),
    ):
        with pytest.warns(FeatureWarning, match="text: its decoder generates features"):
            make()
    with warnings.catch_warnings():
        warnings.simplefilter("error", FeatureWarning)
        spaces[1].translate("a red circle", to="pose")
