"""Relations are found, and where there are none, none are: forty small tables here, five hundred in the slow test."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from kuamo.data.datasets import toy
from kuamo.metrics.dependence.cka import similarity
from kuamo.metrics.dependence.permutation_test import dependence_test

Draw = Callable[[np.random.Generator], tuple[np.ndarray, np.ndarray]]


def alone(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    return rng.normal(size=(100, 12)), rng.normal(size=(100, 8))


def copied(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Thirty different rows of unrelated columns, each four times."""
    x, y = (np.repeat(rng.normal(size=(30, size)), 4, axis=0) for size in (12, 8))
    return x + 0.05 * rng.normal(size=x.shape), y + 0.05 * rng.normal(size=y.shape)


def bent(kind: str) -> Draw:
    def draw(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        z = rng.normal(size=(150, 2))
        f = {"square": z**2, "abs": abs(z), "xor": np.sign(z * z[:, ::-1]), "sin": np.sin(2 * z)}[kind]
        f = (f - f.mean(0)) / f.std(0)
        return z, f + rng.normal(size=f.shape)

    return draw


def weak(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Twelve axes, on each a quarter as much shared variance as noise."""
    z = rng.normal(size=(200, 12))
    return z / 2 + rng.normal(size=z.shape), z / 2 + rng.normal(size=z.shape)


def share(draw: Draw, tables: int, group: np.ndarray | None = None) -> float:
    found = [
        dependence_test(*draw(np.random.default_rng([s, 77])), group, draws=99, seed=s).p <= 0.05 for s in range(tables)
    ]
    return float(np.mean(found))


def test_unrelated_columns_are_rarely_called_related() -> None:
    assert share(alone, 40) <= 0.15  # of 40, 7 or more happen once in 400 times at .05


def test_copies_do_not_fool_it_where_groups_are_given_or_not() -> None:
    group = np.repeat(np.arange(30), 4)
    assert share(copied, 40, group) <= 0.15
    assert share(copied, 40) <= 0.15
    assert share(copied, 40, np.arange(120)) >= 0.9  # rows permuted: what would be wrong


@pytest.mark.parametrize("kind", ["square", "abs", "xor", "sin"])
def test_bent_relations_are_found(kind: str) -> None:
    assert share(bent(kind), 15) >= 0.9


def test_weak_linear_relations_are_found() -> None:
    assert share(weak, 20) >= 0.9


def test_a_relation_between_groups_is_found_where_rows_repeat() -> None:
    rng = np.random.default_rng(0)
    z = np.repeat(rng.normal(size=(60, 3)), 4, axis=0)
    x, y = z + 0.05 * rng.normal(size=z.shape), z @ rng.normal(size=(3, 5)) + 0.05 * rng.normal(size=(240, 5))
    for group in (np.repeat(np.arange(60), 4), None):
        found = dependence_test(x, y, group)
        assert found.p < 0.05
        assert 57 <= found.units <= 60
        assert found.copies_found is (group is None)


def test_a_label_and_what_it_names_are_related_though_both_repeat() -> None:
    rng = np.random.default_rng(0)
    label = rng.integers(0, 10, 300)
    features = 3 * rng.normal(size=(10, 16))[label] + rng.normal(size=(300, 16))
    assert dependence_test(np.eye(10)[label], features).p < 0.05
    assert dependence_test(np.eye(10)[label], np.eye(10)[(label + 1) % 10]).p < 0.05


def test_shared_neighbours_and_cka_of_unrelated_copies_are_chance() -> None:
    values = [
        similarity(*copied(np.random.default_rng(s)), np.repeat(np.arange(30), 4), k=5, draws=99) for s in range(20)
    ]
    for name in ("neighbours", "linear_cka", "kernel_cka"):
        assert np.mean([getattr(one, name).p <= 0.05 for one in values]) <= 0.2
        assert np.mean([getattr(one, name).value for one in values]) < 0.05


@pytest.mark.slow
def test_five_hundred_tables_of_toy() -> None:
    def drawn(rho: float) -> Draw:
        def draw(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
            seed = int(rng.integers(1 << 31))
            table = toy(300, correlations=(rho,) * 24, seed=seed, geometry_seed=seed)
            return np.array(list(table.columns["a"])), np.array(list(table.columns["b"]))

        return draw

    assert share(drawn(0.0), 500) <= 0.07
    assert share(drawn(0.25), 200) >= 0.95
