"""Laws of contributions: Shapley's axioms, and what follows from them for columns."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import kuamo as km
from kuamo.diagnostics.contributions import ValueFunction as Columns
from kuamo.diagnostics.contributions import chance_recall_of
from kuamo.metrics.shapley import exact_shapley, sampled_shapley, shapley

Game = Callable[[np.ndarray], np.ndarray]


def a_game(players: int, rows: int = 3, seed: int = 0) -> Game:
    """A random number for each row and subset."""

    def value(who: np.ndarray) -> np.ndarray:
        return np.random.default_rng([seed, *who.astype(int)]).random(rows)

    return value


@pytest.mark.parametrize("players", [1, 3, 6])
def test_efficiency(players: int) -> None:
    value = a_game(players)
    everybody, nobody = np.ones(players, bool), np.zeros(players, bool)
    for phi, _ in (exact_shapley(value, players, 3), sampled_shapley(value, players, 3, 4, 0)):
        assert np.allclose(phi.sum(1), value(everybody) - value(nobody))


def test_symmetry_null_player_and_linearity() -> None:
    value = a_game(3)

    def alike(who: np.ndarray) -> np.ndarray:
        """Players 0 and 1 do the same, 3 does nothing."""
        return value(np.array([who[0] or who[1], who[0] and who[1], who[2]]))

    phi, error = exact_shapley(alike, 4, 3)
    assert np.allclose(phi[:, 0], phi[:, 1]) and np.allclose(phi[:, 3], 0) and not error.any()
    both = exact_shapley(lambda who: 2 * alike(who) + a_game(4, seed=1)(who), 4, 3)[0]
    assert np.allclose(both, 2 * phi + exact_shapley(a_game(4, seed=1), 4, 3)[0])


def test_exact_is_the_mean_over_all_orders() -> None:
    from itertools import permutations

    value, phi = a_game(4), np.zeros((3, 4))
    for order in permutations(range(4)):
        who = np.zeros(4, bool)
        for player in order:
            before = value(who)
            who[player] = True
            phi[:, player] += (value(who) - before) / 24
    assert np.allclose(phi, exact_shapley(value, 4, 3)[0])


def test_many_players_are_sampled_with_an_error_that_holds() -> None:
    strength = np.linspace(0, 1, 10)

    def value(who: np.ndarray) -> np.ndarray:
        return np.array([strength[who].sum() ** 2])

    true = exact_shapley(value, 10, 1)[0][0]
    found = [shapley(value, 10, 1, 40, seed) for seed in range(20)]
    assert all(error.any() for _, error in found)
    off = np.array([(phi[0] - true) / np.maximum(error, 1e-12) for phi, error in found])[:, 1:]
    assert 0.85 < (np.abs(off) < 2.1).mean() <= 1.0


@pytest.mark.parametrize("right", [1, 3])
def test_chance_is_that_of_a_random_order(right: int) -> None:
    rng = np.random.default_rng(0)
    first = np.array([rng.permutation(8)[:right].min() + 1 for _ in range(20_000)])
    assert chance_recall_of("MRR", right, 8) == pytest.approx((1 / first).mean(), abs=0.01)
    assert chance_recall_of("R@2", right, 8) == pytest.approx((first <= 2).mean(), abs=0.015)


# ── columns ──────────────────────────────────────────────────────────────────────────────────────────────────────


def a_table(rows: int = 400, seed: int = 0) -> km.Table:
    """A class and a number; a column that shows them, its twin, one of noise, one that is there in a fifth."""
    rng = np.random.default_rng(seed)
    kind = rng.choice(3, rows, p=[0.6, 0.3, 0.1])
    shown = np.eye(3)[kind] + 0.4 * rng.standard_normal((rows, 3))
    cells = {
        "shown": list(shown),
        "twin": list(shown.copy()),
        "noise": list(rng.standard_normal((rows, 3))),
        "rare": [
            x if i % 5 == 0 else None for i, x in enumerate(np.eye(3)[kind] + 0.4 * rng.standard_normal((rows, 3)))
        ],
        "kind": [f"kind {k}" for k in kind],
        "size": [float(k) for k in kind],
    }
    kinds = {name: km.Vector() for name in ("shown", "twin", "noise", "rare")}
    group = [f"g{i // 2}" for i in range(rows)]
    return km.Table(cells, modalities={**kinds, "kind": km.Category(), "size": km.Number()}, group=group)


@pytest.fixture(scope="module")
def fits() -> dict[str, tuple[km.Space, km.Table]]:
    train, test = a_table(160), a_table(160, seed=1)
    four = ("shown", "twin", "noise", "rare")

    def fit(to: str) -> tuple[km.Space, km.Table]:
        training = km.Training(steps=40, batch_size=64, lr=1e-2)
        return km.fit(train.select(*four, to), km.Predict(to), dim=4, training=training, seed=0), test.select(*four, to)

    return {to: fit(to) for to in ("kind", "size")}


@pytest.mark.parametrize("to, measure", [("kind", "accuracy"), ("kind", "balanced accuracy"), ("size", "R2")])
def test_of_a_class_or_a_number(fits: dict[str, tuple[km.Space, km.Table]], to: str, measure: str) -> None:
    space, test = fits[to]
    found = km.contributions(space, test, to, measure=measure)
    assert sum(one.value for one in found.phi.values()) == pytest.approx(found.whole.value - found.chance)
    commonest = np.mean([value == "kind 0" for value in test.values(to)])
    expected = {"R2": 0.0, "balanced accuracy": 1 / 3}.get(measure, commonest)
    assert found.chance == pytest.approx(expected, abs=1e-9)
    phi = {name: one.value for name, one in found.phi.items()}
    assert abs(phi["noise"]) < 0.3 * phi["shown"]  # below 0: told by noise alone, a guess is worse than the commonest
    assert phi["rare"] < phi["shown"]
    assert (
        found.present["rare"] == pytest.approx(0.2) and found.phi["shown"].low < phi["shown"] < found.phi["shown"].high
    )
    assert found.where_present("rare") == pytest.approx(phi["rare"] / 0.2)
    assert found.error == dict.fromkeys(found.columns, 0.0) and "rare" in str(found)
    told = np.array(space.predict(test, to).values)
    truth = np.array(list(test.values(to)))
    if measure == "accuracy":
        assert found.whole.value == pytest.approx((told == truth).mean())
    if measure == "R2":
        assert found.whole.value == pytest.approx(1 - np.square(told - truth).mean() / truth.var(), rel=1e-4)


def test_twins_are_worth_the_same_where_they_are_encoded_alike() -> None:
    table = a_table(120).select("shown", "twin", "noise", "kind")
    space = km.fit(table.select("shown", "noise", "kind"), km.CCA(dim=2, kernels=("linear",)), seed=0)
    space.ports.append(
        type(space.ports[0])("twin", *(getattr(space.port("shown"), part) for part in ("modality", "encoder", "head")))
    )
    found = km.contributions(space, table, "kind", columns=("shown", "twin", "noise"))
    assert found.phi["shown"].value == pytest.approx(found.phi["twin"].value, abs=1e-12)


def test_of_a_search() -> None:
    names = ("a", "b", "c")
    train, test = km.datasets.toy(300, modalities=names, dims=(30, 24), correlations=(0.9,) * 8, seed=0).split(
        test=100, seed=0
    )
    noise = np.random.default_rng(0)

    def with_noise(table: km.Table) -> km.Table:
        cells = {name: list(table.values(name)) for name in names}
        return km.Table(
            cells | {"noise": list(noise.standard_normal((len(table), 10)))},
            modalities=dict.fromkeys((*names, "noise"), km.Vector()),
        )

    space = km.fit(with_noise(train), km.CCA(dim=8), seed=0)
    held = with_noise(test)
    for measure in ("MRR", "R@10"):
        found = km.contributions(space, held, "c", measure=measure)
        assert found.columns == ["a", "b", "noise"]
        assert sum(one.value for one in found.phi.values()) == pytest.approx(found.whole.value - found.chance)
        assert found.phi["noise"].value < 0.1 * min(found.phi["a"].value, found.phi["b"].value)
        assert found.alone["a"].value > 3 * found.alone["noise"].value
    report = km.evaluate(space, held.select("a", "c"))
    assert found.alone["a"].value == pytest.approx(report["a_to_c_R@10"])


def test_what_cannot_be_asked(fits: dict[str, tuple[km.Space, km.Table]]) -> None:
    space, test = fits["kind"]
    for wrong, said in (
        (lambda: km.contributions(space, test, "nobody"), "the space and the table share"),
        (lambda: km.contributions(space, test, "kind", columns=("nobody",)), "the space and the table share"),
        (lambda: km.contributions(space, test, "kind", measure="R2"), "expected one of"),
        (lambda: km.contributions(space, test, "shown", measure="R@x"), "expected one of"),
        (lambda: km.contributions(space, test.take([0]), "kind"), "expected at least two"),
    ):
        with pytest.raises(km.TableError, match=said):
            wrong()


def test_only_complete_rows_if_asked(fits: dict[str, tuple[km.Space, km.Table]]) -> None:
    space, test = fits["kind"]
    found = km.contributions(space, test, "kind", complete=True)
    assert found.whole.n == 32 and found.present["rare"] == 1.0


def test_some_rows_are_whole_groups(fits: dict[str, tuple[km.Space, km.Table]]) -> None:
    space, test = fits["kind"]
    found = km.contributions(space, test, "kind", most=51)
    assert found.whole.n == 50  # pairs of rows
    again = km.contributions(space, test, "kind", most=1000)
    assert again.whole.n == 160


def test_an_absent_column_adds_nothing_to_its_row(fits: dict[str, tuple[km.Space, km.Table]]) -> None:
    space, test = fits["kind"]
    names = ["shown", "twin", "noise", "rare"]
    game = Columns.of(space, test, "kind", names, None, "row", False, 0)
    phi, _ = exact_shapley(game, 4, len(test))
    there = test.select("rare").present()[:, 0]
    assert np.abs(phi[~there, 3]).max() < 1e-12 and np.abs(phi[there, 3]).max() > 0.01  # but for sums' rounding
