"""Law of units: what a feature is measured in, and from where, changes no ranking and no prediction."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import kuamo as km
from kuamo.closed_form.scaling import RunningSpread
from kuamo.encoders.standardize import Standardize
from members import CLOSED, TRAINED, small_toy

SHORT = km.Training(steps=20, batch_size=48)
# Its generator starts at a saddle, where Adam makes whole steps of gradients that are rounding.
SADDLE = ("Minimax", "Minimax mismatched")


def in_other_units(table: km.Table, seed: int = 0) -> km.Table:
    """Every feature times a power of two from 2^-20 to 2^20, and then shifted by up to 1e6 of its deviations."""
    rng = np.random.default_rng(seed)
    cells: dict[str, list[Any]] = {}
    for name in table.columns:
        known = np.stack(list(table.values(name))).astype(np.float64)
        size = 2.0 ** rng.integers(-20, 21, known.shape[1])
        shift = rng.uniform(-1e6, 1e6, known.shape[1]) * size * known.std(0)
        there = (table[i][name] for i in range(len(table)))
        cells[name] = [None if cell is None else cell * size + shift for cell in there]
    return km.Table(cells, modalities=table.modalities, label=table.labels)


def both_codes(given: dict[str, Any], table: km.Table) -> tuple[np.ndarray, np.ndarray]:
    other = in_other_units(table)
    if "objective" in given and given["objective"].trained:
        given = given | {"training": SHORT}
    spaces = [km.fit(one, **given, seed=0) for one in (table, other)]
    one, two = (
        np.concatenate([np.asarray(space.encode(rows.select(name))) for name in rows.columns])
        for space, rows in zip(spaces, (table, other), strict=True)
    )
    return one, two


@pytest.mark.parametrize("name", [*CLOSED, *TRAINED])
def test_units_change_no_code(name: str) -> None:
    table = small_toy(80, holes=0.2 if "Sinkhorn" in name or "KLOT" in name else 0.0)
    make = {**CLOSED, **TRAINED}[name]
    one, other = both_codes(make(), table)
    assert np.abs(one - other).max() < (0.1 if name in SADDLE else 1e-3) * max(1.0, np.abs(one).max())


@pytest.mark.parametrize("given", [{}, {"objective": km.SemanticMatching(kernels=("linear", "arc-cosine"))}])
def test_units_change_no_code_of_several_columns_and_of_labels(given: dict[str, Any]) -> None:
    one, other = both_codes(given, small_toy(80, names=("a", "b") if given else ("a", "b", "c")))
    assert np.abs(one - other).max() < 1e-3 * max(1.0, np.abs(one).max())


@pytest.mark.parametrize("kind", [km.Classifier, km.Regressor])
def test_units_change_no_prediction(kind: Any) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(160, 6))
    y = (x[:, 0] * x[:, 1] > 0).astype(int) if kind is km.Classifier else x[:, 0] + np.sin(3 * x[:, 1])
    size, shift = 2.0 ** rng.integers(-20, 21, 6), rng.uniform(-1e6, 1e6, 6)
    told = [kind(steps=20).fit(part, y).weigh(part) for part in (x, (x + shift) * size)]
    a, b = (np.asarray(one.probability if one.probability is not None else one.values) for one in told)
    assert np.abs(a - b).max() < 1e-3


@pytest.mark.parametrize("size", [1e-40, 1e-12, 1e12, 1e30])
def test_any_size_gives_codes(size: float) -> None:
    table = small_toy(80)
    cells = {name: [size * cell for cell in np.stack(list(table.values(name))).astype(np.float64)] for name in "ab"}
    space = km.fit(km.Table(cells, modalities=table.modalities), km.CCA(dim=4), seed=0)
    plain = km.fit(table, km.CCA(dim=4), seed=0)
    found = np.asarray(space.encode([{"a": cells["a"][0]}]))
    assert np.allclose(found, np.asarray(plain.encode([{"a": table[0]["a"]}])), atol=1e-3)


def test_a_predicted_number_far_from_zero_keeps_its_digits() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 3))
    y = x @ [1.0, 2.0, 3.0]
    model = km.Regressor(steps=20).fit(x, y + 1e9)
    assert np.abs(model.predict(x) - 1e9 - y).mean() < 0.3


def test_what_float32_cannot_tell_apart_is_all_the_same() -> None:
    rng = np.random.default_rng(0)
    small = 1e5 + 1e-3 * rng.normal(size=(50, 2))
    good = rng.normal(size=(50, 2))
    cells = {"a": list(small), "b": list(good)}
    kinds = {"a": km.Vector(), "b": km.Vector()}
    assert km.fit(km.Table(cells, modalities=kinds), km.CCA(dim=1)).dim == 1
    rounded = {"a": list(small.astype(np.float32)), "b": list(good)}
    with pytest.raises(km.TableError, match="column 'a': given 50 cells that are all the same"):
        km.fit(km.Table(rounded, modalities=kinds), km.CCA(dim=1))


def test_one_large_constant_hides_nothing() -> None:
    rng = np.random.default_rng(0)
    z = rng.normal(size=(100, 3))
    with_constant = np.c_[np.full(100, 1e12), z]
    table = km.Table({"a": list(with_constant), "b": list(z)}, modalities={"a": km.Vector(), "b": km.Vector()})
    report = km.evaluate(km.fit(table, km.CCA(dim=3), seed=0), table, cutoffs=(1,), examples=0)
    assert report["a_to_b_R@1"] > 0.9


def test_lists_that_are_equal_in_all_rows_are_one_cell() -> None:
    table = km.Table(
        {"a": [[[0.0, 1.0], [1.0, 0.0]]] * 30, "b": list(np.random.default_rng(0).normal(size=(30, 2)))},
        modalities={"a": km.Vector(), "b": km.Vector()},
    )
    with pytest.raises(km.TableError, match=r"column 'a': given .* all the same"):
        km.fit(table, km.CCA(dim=1))


def test_blocks_make_no_difference_to_the_spread() -> None:
    x = 1e9 + np.random.default_rng(0).normal(size=(1000, 3))
    whole, parts = RunningSpread(), RunningSpread()
    whole.add(x)
    for start in range(0, 1000, 7):
        parts.add(x[start : start + 7])
    assert np.allclose(whole.mean, parts.mean, rtol=1e-15) and np.allclose(whole.std, parts.std, rtol=1e-9)
    assert np.allclose(whole.std, x.std(0), rtol=1e-6)


def test_far_out_is_far_and_no_nan() -> None:
    encoder = Standardize.of([np.random.default_rng(0).normal(size=(50, 2))])
    assert np.isfinite(encoder(np.array([[1e100, -1e100]]))).all()
