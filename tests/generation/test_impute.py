"""impute: what is there stays, empty rows stay empty, and uncertainty says how wrong a filled cell is."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import kuamo as km
from members import small_toy

SHORT = km.Training(steps=100, batch_size=64, lr=3e-3)
RECIPES: dict[str, Any] = {"Ridge": km.Ridge(), "Flow": km.Flow(width=64), "Gaussian": km.Gaussian(width=64)}


@pytest.fixture(scope="module", params=RECIPES)
def space(request: pytest.FixtureRequest) -> km.Space:
    table = small_toy(300)
    start = km.fit(table, km.CCA(dim=8, kernels=("linear",)))
    return km.fit(
        table, init=start, decoders={"a": RECIPES[request.param], "b": RECIPES[request.param]}, training=SHORT
    )


def test_only_holes_are_filled(space: km.Space) -> None:
    holed = small_toy(60, holes=0.3, seed=1)
    cells = {name: [holed[i][name] for i in range(60)] for name in ("a", "b")}
    cells["a"][7] = cells["b"][7] = None
    table = km.Table(cells, modalities=holed.modalities, id=[f"row {i}" for i in range(60)])
    before = [dict(table[i]) for i in range(60)]
    filled, unsure = space.impute(table, seed=3)
    present = table.present()
    for row in range(60):
        for number, name in enumerate(("a", "b")):
            assert before[row][name] is table[row][name]
            if present[row, number]:
                assert np.array_equal(filled[row][name], before[row][name])
                assert np.isnan(unsure[name][row])
            elif row == 7:
                assert filled[row][name] is None and np.isnan(unsure[name][row])
            else:
                assert np.shape(filled[row][name]) == ((30,), (24,))[number] and 0 <= unsure[name][row] < 1.5
    assert filled.ids == table.ids
    again, _ = space.impute(table, seed=3)
    assert all(np.array_equal(filled[i]["a"], again[i]["a"]) for i in range(60) if i != 7)


def test_one_column_alone(space: km.Space) -> None:
    table = small_toy(30, holes=0.4, seed=2)
    filled, unsure = space.impute(table, ["b"])
    assert list(unsure) == ["b"] and filled.present()[:, 1].all()
    assert (filled.present()[:, 0] == table.present()[:, 0]).all()


def test_uncertainty_is_of_the_size_of_the_error(space: km.Space) -> None:
    truth = small_toy(200, seed=0)  # rows of the same world
    b = np.stack(list(truth.values("b")))
    table = km.Table({"a": list(truth.values("a")), "b": [None] * 200}, modalities={"a": km.Vector(), "b": km.Vector()})
    filled, unsure = space.impute(table)
    error = np.sqrt(
        np.square(np.stack(list(filled.values("b"))) - b).sum(1).mean() / np.square(b - b.mean(0)).sum(1).mean()
    )
    assert 0.4 < unsure["b"].mean() / error < 1.6


def test_found_texts_are_doubted_where_codes_are_far_from_them() -> None:
    rng = np.random.default_rng(0)
    clear = np.repeat(np.eye(6), 30, axis=0) + 0.05 * rng.normal(size=(180, 6))
    names = np.repeat(["ant", "bee", "cow", "dog", "elk", "fox"], 30)
    other = clear @ rng.normal(size=(6, 6))
    table = km.Table(
        {"text": list(names), "a": list(clear), "b": list(other)}, modalities={"a": km.Vector(), "b": km.Vector()}
    )

    class OneHot:
        fingerprint = "one-hot/1"

        def prepare(self, value: str) -> np.ndarray:
            return np.eye(6, dtype=np.float32)[sorted(set(names)).index(value)] + 0.001 * len(value)

        def __call__(self, batch: np.ndarray) -> np.ndarray:
            return np.asarray(batch, np.float32)

    start = km.fit(table, km.CCA(dim=5, kernels=("linear",)), encoders={"text": OneHot()})
    space = km.fit(table, init=start, decoders={"text": km.NearestText()})
    asked = [clear[0], clear[40], (clear[0] + clear[40]) / 2]
    filled, unsure = space.impute(
        km.Table({"text": [None] * 3, "a": asked}, modalities={"text": km.Text(), "a": km.Vector()})
    )
    assert [filled[i]["text"] for i in (0, 1)] == ["ant", "bee"]
    assert unsure["text"][2] > 0.3 > 0.1 > unsure["text"][:2].max()


def test_bad_requests(space: km.Space) -> None:
    with pytest.raises(km.KuamoError, match="given draws=1; expected at least 2"):
        space.impute(small_toy(10), draws=1)
    with pytest.raises(km.TableError, match=r"no column 'c'; the space's columns are \['a', 'b'\]"):
        space.impute(small_toy(10), ["c"])
