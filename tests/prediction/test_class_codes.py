"""Prediction among many classes of few rows each, by codes of classes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import kuamo as km
from kuamo.objectives.prediction.class_codes import inverse_root

CLASSES, SIZE = 150, 24


def rows(each: int, seed: int, noise: float = 0.6) -> tuple[dict[str, list[np.ndarray]], list[str]]:
    """Two columns of the same classes; noise is ten times as wide along some axes as along others."""
    center = np.random.default_rng(0).normal(size=(2, CLASSES, SIZE))
    rng = np.random.default_rng([1, seed])
    spread = noise * np.geomspace(0.3, 3, SIZE)
    cells = {
        name: list(np.repeat(center[k], each, axis=0) + spread * rng.normal(size=(CLASSES * each, SIZE)))
        for k, name in enumerate("ab")
    }
    return cells, [f"class {k}" for k in np.repeat(np.arange(CLASSES), each)]


def table(each: int, seed: int) -> km.Table:
    cells, label = rows(each, seed)
    kinds = {"a": km.Vector(), "b": km.Vector(), "kind": km.Category()}
    return km.Table(cells | {"kind": label}, modalities=kinds)


@pytest.fixture(scope="module")
def space() -> km.Space:
    return km.fit(table(2, 0), km.Predict("kind"), seed=0)


def right(told: km.Table, space: km.Space, *columns: str) -> float:
    found = space.predict(told.select(*columns), "kind")
    assert np.allclose(np.asarray(found.probability).sum(1), 1, atol=1e-4)
    return float(np.mean(np.array(found.values) == np.array(list(told.values("kind")))))


def test_two_rows_of_each_class_are_enough(space: km.Space) -> None:
    """Nearest neighbours see the widest noise, which is what the whitening divides out."""
    train, test = table(2, 0), table(1, 7)
    x, y = (np.stack(list(one.values("a"))) for one in (train, test))
    nearest = np.square(y[:, None] - x).sum(-1).argmin(1)
    neighbours = float(np.mean(np.array(list(train.values("kind")))[nearest] == np.array(list(test.values("kind")))))
    alone = right(test, space, "a")
    assert alone > max(0.8, neighbours + 0.1)
    assert right(test, space, "a", "b") >= alone and right(train, space, "a", "b") == 1.0
    assert any("150" in note and "whitened within classes" in note for note in space.notes)


def test_confidence_is_calibrated(space: km.Space) -> None:
    test = table(4, 9)
    found = space.predict(test.select("a"), "kind")
    hit = np.array(found.values) == np.array(list(test.values("kind")))
    assert abs(float(np.asarray(found.probability).max(1).mean()) - hit.mean()) < 0.1


def test_holes_and_unlabelled_rows_leave_the_others_as_they_are(space: km.Space) -> None:
    cells, label = rows(2, 0)
    more: dict[str, list] = {name: [*column, column[0] + 5.0] for name, column in cells.items()}
    more["b"][-1] = None
    more["kind"] = [*label, None]
    kinds = {"a": km.Vector(), "b": km.Vector(), "kind": km.Category()}
    other = km.fit(km.Table(more, modalities=kinds), km.Predict("kind"), seed=0)
    assert abs(right(table(1, 7), other, "a", "b") - right(table(1, 7), space, "a", "b")) < 0.03


def test_saved_and_loaded_it_says_the_same(space: km.Space, tmp_path: Path) -> None:
    space.save(tmp_path / "s")
    test = table(1, 7).select("a")
    one, other = (s.predict(test, "kind").probability for s in (space, km.Space.load(tmp_path / "s")))
    assert np.array_equal(np.asarray(one), np.asarray(other))


def test_a_class_of_one_row_has_a_code_and_no_pair_at_all_is_refused() -> None:
    cells, label = rows(2, 0)
    kinds = {"a": km.Vector(), "kind": km.Category()}
    some = [i for i in range(len(label)) if i % 2 == 0 or i < 120]
    lonely = km.Table({"a": [cells["a"][i] for i in some], "kind": [label[i] for i in some]}, modalities=kinds)
    assert right(lonely, km.fit(lonely, km.Predict("kind")), "a") > 0.95
    single = km.Table({"a": cells["a"][::2], "kind": label[::2]}, modalities=kinds)
    with pytest.raises(km.TableError, match="column 'a': no class has two rows"):
        km.fit(single, km.Predict("kind"))


def test_the_estimator_takes_the_same_way() -> None:
    cells, label = rows(2, 0)
    model = km.Classifier().fit(np.stack(cells["a"]), label)
    test, known = rows(1, 7)
    assert model.score(np.stack(test["a"]), known) > 0.8


def test_few_directions_shrink_to_a_sphere() -> None:
    """Of one degree of freedom nothing is known but the size."""
    x = np.random.default_rng(0).normal(size=(1, 40))
    root = inverse_root(x.T @ x, 1)
    assert np.allclose(root / root[0, 0], np.eye(40), atol=0.2)
