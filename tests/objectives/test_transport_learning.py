"""Unpaired rows help by transport where both sides show the same things, unknown which is which, and only there."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import kuamo as km

PAIRS, UNPAIRED = 50, 300
OBJECTIVES: dict[str, Callable[[], km.Objective]] = {
    "Sinkhorn": lambda: km.InfoNCE() + km.Sinkhorn(),
    "KLOT": lambda: 0.3 * km.InfoNCE() + 0.3 * km.KLOT(),
}


def world(rows: int, seed: int, geometry: int = 0) -> km.Table:
    return km.datasets.toy(rows, dims=(60, 50), correlations=(0.95,) * 24, seed=seed, geometry_seed=geometry)


def few_pairs(geometry: int = 0) -> km.Table:
    """Fifty pairs; then a alone and b alone of 300 things, each in a row of its own and in another order."""
    pairs, things = world(PAIRS, 0), world(UNPAIRED, 1, geometry)
    rows = [pairs[i] for i in range(PAIRS)]
    cells_a = [row["a"] for row in rows] + [things[i]["a"] for i in range(UNPAIRED)] + [None] * UNPAIRED
    cells_b = [row["b"] for row in rows] + [None] * UNPAIRED + [things[i]["b"] for i in reversed(range(UNPAIRED))]
    return km.Table({"a": cells_a, "b": cells_b}, modalities=pairs.modalities)


def recall(table: km.Table, objective: km.Objective) -> float:
    training = km.Training(steps=40, batch_size=len(table), lr=3e-3)
    report = km.evaluate(km.fit(table, objective, training=training, seed=0), world(300, 5), examples=0)
    return float(np.mean([report["a_to_b_R@10"], report["b_to_a_R@10"]]))


@pytest.fixture(scope="module")
def pairs_alone() -> float:
    return recall(world(PAIRS, 0), km.CCA())


@pytest.mark.parametrize("name", OBJECTIVES)
def test_unpaired_rows_of_the_same_things_help(name: str, pairs_alone: float) -> None:
    """A teacher that never moves teaches less than a plan that gets better."""
    assert recall(few_pairs(), OBJECTIVES[name]()) > {"Sinkhorn": 1.2, "KLOT": 1.1}[name] * pairs_alone


@pytest.mark.parametrize("name", OBJECTIVES)
def test_unpaired_rows_of_another_world_do_not(name: str, pairs_alone: float) -> None:
    assert recall(few_pairs(geometry=9), OBJECTIVES[name]()) < pairs_alone


def test_a_table_without_unpaired_rows_on_both_sides_is_refused() -> None:
    whole = world(60, 0)
    one_sided = km.Table(
        {"a": [whole[i]["a"] for i in range(60)], "b": [whole[i]["b"] if i < 40 else None for i in range(60)]},
        modalities=whole.modalities,
    )
    for table in (whole, one_sided):
        for objective in (km.Sinkhorn(), km.InfoNCE() + km.KLOT()):
            with pytest.raises(km.TableError, match="expected unpaired rows of both"):
                km.fit(table, objective)


def test_a_teacher_needs_codes_that_are_points() -> None:
    with pytest.raises(km.KuamoError, match="Gaussian codes"):
        km.fit(few_pairs(), km.Elbo() + km.KLOT(), training=km.Training(steps=1))
