"""Laws of the measures of relation: what they do not depend on, exact p, whole units, special cases."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from kuamo.metrics.dependence.cka import nearest_neighbors, similarity
from kuamo.metrics.dependence.exchangeable import ExchangeableBlocks, blocks_of, permutation_p
from kuamo.metrics.dependence.kernels import squared_distances
from kuamo.metrics.dependence.modality_gap import modality_gap
from kuamo.metrics.dependence.mutual_information import gained, infonce_bound
from kuamo.metrics.dependence.near_duplicates import near_duplicates
from kuamo.metrics.dependence.permutation_test import (
    LINEAR,
    NONLINEAR,
    dependence_evidence,
    dependence_test,
    jointly_permuted_sums,
    kernels,
    rank_p,
    stacked,
    statistics,
    unit_weights,
)

RNG = np.random.default_rng


def columns(rows: int = 80, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Two columns of 4 and 6 numbers: y shows x in part, bent."""
    rng = RNG(seed)
    x = rng.normal(size=(rows, 4)) * [1, 2, 1, 0.5]
    return x, np.hstack([x[:, :3] ** 2, x[:, 1:]]) + rng.normal(size=(rows, 6))


def turn(size: int, seed: int = 9) -> np.ndarray:
    return np.linalg.qr(RNG(seed).normal(size=(size, size)))[0]


def rows_of(x: np.ndarray) -> ExchangeableBlocks:
    return blocks_of(np.arange(len(x)), most=len(x))


def given(x: np.ndarray, y: np.ndarray) -> dict[tuple[str, str], float]:
    """Every statistic of the pairing that was given."""
    units = rows_of(x)
    drawn = statistics(x[units.rows], y[units.rows], units, 1, 0)
    return {pair: float(drawn[pair][0]) for pair in LINEAR + NONLINEAR}


# Units.


def test_units_change_places_as_a_whole_and_every_pairing_is_as_likely() -> None:
    units = blocks_of(np.repeat(np.arange(5), 3), most=100)
    seen: Counter[tuple[int, ...]] = Counter()
    rng = RNG(0)
    for _ in range(12_000):
        of = units.number[units.draw(rng)].reshape(5, 3)
        assert (of == of[:, :1]).all()
        seen[tuple(of[:, 0].tolist())] += 1
    assert len(seen) == 120
    chi_squared = sum((count - 100) ** 2 / 100 for count in seen.values())
    assert chi_squared < 180  # 119 degrees of freedom: more has p < .001


def test_units_of_different_sizes_change_places_within_a_size_and_use_every_row_once() -> None:
    group = np.repeat(np.arange(60), RNG(1).integers(1, 9, 60))
    units = blocks_of(group, most=1000)
    assert len(set(units.rows.tolist())) == len(units.rows)
    drawn = units.draw(RNG(0))
    assert sorted(drawn.tolist()) == list(range(len(drawn)))
    size = np.bincount(units.number)
    assert (size[units.number] == size[units.number[drawn]]).all()
    for block in units.blocks:
        assert (group[units.rows[block]] == group[units.rows[block]][:, :1]).all()
        assert len(block) >= 10


@pytest.mark.parametrize("most", [50, 100, 300])
def test_many_rows_are_cut_to_as_many_groups_as_fit(most: int) -> None:
    units = blocks_of(np.repeat(np.arange(100), 10), most=most)
    assert len(units) == min(100, most)
    assert len(units.rows) == most


def test_a_single_row_beside_large_groups_does_not_cut_them_all() -> None:
    units = blocks_of(np.repeat(np.arange(7), [50, 50, 50, 50, 50, 50, 1]), most=1000)
    assert (len(units), len(units.rows)) == (6, 300)


# p.


@pytest.mark.parametrize("values", [RNG(0).normal(size=40), RNG(0).integers(0, 4, 40) * 1.0, np.ones(40)])
def test_p_is_exact_whichever_pairing_was_the_given_one(values: np.ndarray) -> None:
    p = np.array([permutation_p(np.roll(values, -k)) for k in range(len(values))])
    for level in (0.025, 0.05, 0.1, 0.5):
        assert (p <= level).mean() <= level
    np.testing.assert_allclose(p, rank_p(values))


def test_p_is_never_0() -> None:
    x, _ = columns()
    found = dependence_test(x, x, draws=39)
    assert found.p == pytest.approx(1 / 40)
    assert found.linear == pytest.approx(1 / 40)
    assert similarity(x, x, draws=39).kernel_cka.p == pytest.approx(1 / 40)
    assert modality_gap(x, 9 * x, draws=39).p == pytest.approx(1 / 40)


def test_columns_tested_together_are_related_as_each_pair_is_by_itself() -> None:
    x, y = columns(150)
    beside = {"a": x, "b": y, "c": RNG(1).normal(size=(150, 3)), "d": np.repeat(x[:50], 3, axis=0)}
    found = dependence_evidence(beside, [("b", "c"), ("a", "b")], draws=99, rows=120)
    assert list(found) == [("b", "c"), ("a", "b")]
    assert permutation_p(found["a", "b"]) == 0.01 and permutation_p(found["b", "c"]) > 0.1


def test_sums_of_columns_permuted_together_are_those_of_each_pair() -> None:
    x, y = columns(40)
    units = rows_of(x)
    kernel = np.stack([stacked(kernels(one[units.rows])) for one in (x, y, x + 1)])
    together = jointly_permuted_sums(kernel, range(1, 3), units, 3, 0)
    alone = statistics(x[units.rows], y[units.rows], units, 3, 0)
    np.testing.assert_allclose(together[0, 0, 2, 0, 3], alone["square", "narrow"][0], rtol=1e-4)
    np.testing.assert_allclose(together[:, 1, 0, 1, 2], together[:, 2, 2, 0, 0], rtol=1e-4)  # (b, c) is (c, b) mirrored
    assert len(np.unique(together[:, 0, 0, 0, 0])) == 4


def test_rows_that_repeat_in_two_columns_are_tested_by_themselves() -> None:
    x = np.repeat(RNG(0).normal(size=(2, 40, 5)), 3, axis=1)
    columns = {"a": x[0], "b": x[1], "c": RNG(1).normal(size=(120, 5))}
    found = dependence_evidence(columns, [("a", "b"), ("a", "c")], draws=99)
    np.testing.assert_array_equal(found["a", "b"], dependence_test(x[0], x[1], draws=99).evidence)


def test_equal_groups_of_copies_say_nothing_of_whole_groups_of_two_kinds() -> None:
    """Five different pairs, each a hundred times: any other pairing of five labels is as good."""
    label = np.eye(5)[np.repeat(np.arange(5), 20)]
    assert dependence_test(label, label, np.repeat(np.arange(5), 20)).p == 1.0


# related.


@pytest.mark.parametrize("change", ["turn x", "turn y", "scale", "shift", "order", "swap"])
def test_the_statistic_does_not_depend_on(change: str) -> None:
    x, y = columns()
    before = given(x, y)
    order = RNG(3).permutation(len(x))
    x, y = {
        "turn x": (x @ turn(4), y),
        "turn y": (x, y @ turn(6)),
        "scale": (100 * x, 0.01 * y),
        "shift": (x + 50, y - 7),
        "order": (x[order], y[order]),
        "swap": (y, x),
    }[change]
    after = given(x, y)
    if change == "swap":
        after = {(b, a): after[a, b] for a, b in after}
    for pair, value in before.items():
        assert after[pair] == pytest.approx(value, rel=2e-3, abs=2e-5), pair


def test_wide_and_narrow_tables_take_the_same_path_to_rounding() -> None:
    """More numbers than rows: zeros added to rows of 4 change nothing but what the mean variance is a mean of."""
    x, y = columns(rows=60)
    wide = np.hstack([x, np.zeros((60, 100))])
    assert given(wide @ turn(104), y) == pytest.approx(given(wide, y), rel=2e-3, abs=2e-5)


def test_copies_count_as_one_row_and_other_rows_as_so_many() -> None:
    rng = RNG(0)
    sizes = np.repeat([1, 4], 40)
    units = blocks_of(np.repeat(np.arange(80), sizes), most=1000)
    repeated = rng.normal(size=(80, 3))[units.number]
    fresh = rng.normal(size=(len(units.rows), 3))
    weight = unit_weights(units, repeated @ repeated.T, repeated @ repeated.T)
    assert weight.max() / weight.min() == pytest.approx(4, rel=1e-6)
    other = unit_weights(units, fresh @ fresh.T, repeated @ repeated.T)
    assert other.max() / other.min() < 1.3


def test_the_same_seed_gives_the_same_and_tiny_and_wide_tables_work() -> None:
    x, y = columns()
    assert dependence_test(x, y, seed=4) == dependence_test(x, y, seed=4)
    rng = RNG(0)
    for rows, wide, high in ((5, 1, 1), (6, 3000, 2), (40, 1, 4096)):
        found = dependence_test(rng.normal(size=(rows, wide)), rng.normal(size=(rows, high)))
        assert 0 < found.p <= 1


def test_heavy_ends_and_constant_numbers_leave_p_finite() -> None:
    rng = RNG(0)
    x = rng.standard_cauchy((100, 3)) * 1e6
    x[:, 1] = 3.0
    found = dependence_test(x, np.abs(rng.standard_cauchy((100, 2))))
    assert all(np.isfinite([found.p, found.strength, found.strength_nonlinear]))


def test_rows_that_differ_once_in_many_say_nothing_where_that_one_is_not_drawn() -> None:
    x = np.zeros((3000, 2))
    x[0] = 1
    found = dependence_test(x, RNG(0).normal(size=(3000, 2)), rows=100, draws=39, seed=1)
    assert (found.p, found.rows) == (1.0, 100)


# Copies.


def repeated(groups: int, times: int, size: int, noise: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = RNG(seed)
    x, y = (np.repeat(rng.normal(size=(groups, size)), times, axis=0) for _ in range(2))
    return x + noise * rng.normal(size=x.shape), y + noise * rng.normal(size=y.shape)


@pytest.mark.parametrize(
    "groups, times, size, noise", [(60, 5, 64, 0.05), (60, 5, 64, 0.3), (100, 3, 8, 0.05), (50, 4, 3, 0.0)]
)
def test_copies_are_found(groups: int, times: int, size: int, noise: float) -> None:
    cluster = near_duplicates(*repeated(groups, times, size, noise, 0))
    assert groups - 2 <= len(set(cluster.tolist())) <= groups  # two that lie close by chance may be taken for one
    assert (cluster.reshape(groups, times) == cluster.reshape(groups, times)[:, :1]).all()


@pytest.mark.parametrize("size", [1, 2, 4, 16, 128])
@pytest.mark.parametrize("kind", ["normal", "cauchy", "uniform", "equal columns"])
def test_no_copies_are_found_where_there_are_none(kind: str, size: int) -> None:
    rng = RNG(size)
    draw = {"cauchy": rng.standard_cauchy, "uniform": rng.random}.get(kind, rng.standard_normal)
    x, y = draw((200, size)), draw((200, size))
    assert len(set(near_duplicates(x, x if kind == "equal columns" else y).tolist())) >= 190


def test_labels_classes_and_a_column_that_repeats_alone_are_no_copies() -> None:
    rng = RNG(0)
    label = rng.integers(0, 10, 300)
    hot, other = np.eye(10)[label], np.eye(10)[np.where(rng.random(300) < 0.2, rng.integers(0, 10, 300), label)]
    blobs = 3 * rng.normal(size=(10, 16))[label] + rng.normal(size=(300, 16))
    for x, y in (
        (hot, hot),
        (hot, other),
        (hot, blobs),
        (blobs, blobs @ turn(16)),
        (np.repeat(blobs[:60], 5, 0), blobs),
    ):
        assert len(set(near_duplicates(x, y).tolist())) == 300


# Similarity.


def test_equal_arrangements_are_1_and_raw_values_do_not_depend_on_turns_scale_or_side() -> None:
    x, y = columns()
    same = similarity(x, 3 * x @ turn(4) + 2, draws=39)
    turned, swapped, plain = similarity(x @ turn(4), y), similarity(y, x), similarity(x, y)
    for name in ("neighbours", "linear_cka", "kernel_cka"):
        assert getattr(same, name).raw == pytest.approx(1, abs=1e-5)
        assert getattr(same, name).value == pytest.approx(1, abs=1e-5)
        assert getattr(turned, name).raw == pytest.approx(getattr(plain, name).raw, abs=1e-5)
        assert getattr(swapped, name).raw == pytest.approx(getattr(plain, name).raw, abs=1e-5)


def test_linear_cka_is_the_slow_formula() -> None:
    x, y = columns(rows=30)
    center = np.eye(30) - 1 / 30
    k, l = center @ x @ x.T @ center, center @ y @ y.T @ center
    off = ~np.eye(30, dtype=bool)
    expected = (k * l)[off].sum() / np.sqrt((k * k)[off].sum() * (l * l)[off].sum())
    assert similarity(x, y, draws=19).linear_cka.raw == pytest.approx(expected, rel=1e-5)


def test_a_row_of_its_own_group_is_never_a_neighbour() -> None:
    x, _ = repeated(30, 4, 5, 0.01, 0)
    number = np.repeat(np.arange(30), 4)
    near = nearest_neighbors(squared_distances(x), number, 6)
    assert near.shape == (120, 6)
    assert (number[near] != number[:, None]).all()


def test_raw_cka_grows_with_width_and_the_calibrated_one_does_not() -> None:
    rng = RNG(0)
    narrow, wide = (similarity(*rng.normal(size=(2, 100, size))) for size in (3, 400))
    assert wide.kernel_cka.chance > narrow.kernel_cka.chance or wide.linear_cka.chance > 0
    assert max(one.value for one in (narrow.linear_cka, wide.linear_cka, narrow.kernel_cka, wide.kernel_cka)) < 0.05


# Information.


@pytest.mark.parametrize("size, rho", [(1, 0.5), (1, 0.9), (4, 0.6), (8, 0.5)])
def test_the_bound_of_normal_codes_is_just_below_the_truth(size: int, rho: float) -> None:
    rng = RNG(size)
    x, noise = rng.normal(size=(2, 1000, size))
    truth = -0.5 * size * np.log(1 - rho**2)
    found = infonce_bound(x, rho * x + np.sqrt(1 - rho**2) * noise)
    assert found.low < truth
    assert 0.85 * truth < found.nats < truth + 0.1 * np.sqrt(truth)
    assert found.low <= found.nats <= found.high <= found.ceiling == pytest.approx(np.log(found.batch))
    assert not found.saturated


def test_what_exceeds_the_ceiling_is_said_to() -> None:
    x = RNG(0).normal(size=(600, 24))
    found = infonce_bound(x, x + 0.1 * RNG(1).normal(size=x.shape))
    assert found.saturated
    assert found.ceiling - 0.1 < found.nats <= found.ceiling == pytest.approx(np.log(300))


def test_unrelated_codes_have_no_information_however_wide_they_are() -> None:
    for size in (2, 64):
        x, y = RNG(size).normal(size=(2, 120, size))
        assert infonce_bound(x, y).nats < 0.05


def test_copies_of_a_row_are_not_in_a_batch_or_the_other_half() -> None:
    x, y = repeated(60, 10, 4, 0.01, 0)
    group = np.repeat(np.arange(60), 10)
    found = infonce_bound(x, y, group)
    assert (found.batch, found.pairs) == (30, 60)
    assert found.nats < 0.1


def test_scores_of_one_pair_and_its_mirror_image_gain_alike() -> None:
    score = RNG(0).normal(size=(20, 20))
    np.testing.assert_allclose(gained(score), gained(score.T))
    np.testing.assert_allclose(gained(score + 5), gained(score))
    assert gained(score).max() <= np.log(20)


# The gap.


def test_the_distribution_part_does_not_see_a_shift_and_the_centroid_part_is_in_spreads() -> None:
    x, y = RNG(0).normal(size=(2, 300, 5))
    y[:, 0] *= 2
    plain, moved, turned = modality_gap(x, y), modality_gap(x + 3, y), modality_gap(x @ turn(5), y @ turn(5))
    swapped, scaled = modality_gap(y, x), modality_gap(7 * x, 7 * y)
    for other in (moved, turned, swapped, scaled):
        assert other.distribution == pytest.approx(plain.distribution, rel=1e-5)
    assert scaled.spreads == pytest.approx(plain.spreads)
    assert scaled.distance == pytest.approx(7 * plain.distance)
    assert swapped.cosine == pytest.approx(plain.cosine)
    assert modality_gap(x, x + 1.0, draws=19).spreads == pytest.approx(np.sqrt(5 / x.var(0).sum()))


def test_means_apart_are_the_centroid_part_alone_and_other_shapes_the_rest() -> None:
    x, y = RNG(2).normal(size=(2, 300, 8))
    moved, wider = modality_gap(x, y + 2), modality_gap(x, 1.5 * y)
    assert moved.p > 0.05
    assert moved.p_centroid < 0.05
    assert moved.removed > 0.99
    assert wider.p < 0.05
    assert wider.distribution > 2 * wider.chance
    assert wider.removed < 0.5


def test_more_numbers_than_rows_leave_a_test_that_sees_shapes() -> None:
    x, y = RNG(0).normal(size=(2, 60, 300))
    assert modality_gap(x, 3 * y).p < 0.05
    assert modality_gap(x, y).p > 0.05
