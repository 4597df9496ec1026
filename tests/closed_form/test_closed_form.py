"""Laws of the closed forms: shards, orders, absence, degenerate data, special cases, and honest choosing."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import kuamo.closed_form.kernel_pca as views
from kuamo.closed_form import (
    KernelMap,
    LinearMap,
    Moments,
    PairMoments,
    SearchSpace,
    cca,
    cca_from_moments,
    csa_codes,
    gcca,
    gcca_from_moments,
    kernel_map,
    moments_of,
    procrustes,
    reduced_rank,
    ridge,
    ridge_from_moments,
    search_cca,
)
from kuamo.closed_form.arc_cosine_kernel import arc_cosine, unit_rows
from kuamo.closed_form.folds import Axes
from kuamo.closed_form.gcca_search import search_gcca
from kuamo.closed_form.kernel_pca import Kernel, views_of
from kuamo.closed_form.svd import svd
from kuamo.objectives import CCA

KERNELS = ("linear", "arc-cosine")
RIDGES = (0.03, 0.3, 3.0)


def paired(n: int = 400, p: int = 12, q: int = 9, k: int = 4, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Two views of k shared directions."""
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(n, k)) * np.linspace(2, 1, k)
    x = z @ rng.normal(size=(k, p)) + rng.normal(size=(n, p))
    y = z @ rng.normal(size=(k, q)) + rng.normal(size=(n, q))
    return x, y


def same(a: PairMoments, b: PairMoments, tolerance: float = 1e-12) -> None:
    """Equal covariances up to rounding."""
    c, d = a.covariances(), b.covariances()
    assert c.n == d.n
    for name in ("mean_x", "mean_y", "xx", "yy", "xy"):
        u, v = getattr(c, name), getattr(d, name)
        assert np.abs(u - v).max() <= tolerance * max(np.abs(v).max(), 1), name


SOLVERS = {
    "cca": lambda x, y: cca(x, y, 3).transform(x, y),
    "rcca": lambda x, y: cca(x, y, 3, ridge=0.1).transform(x, y),
    "gcca": lambda x, y: tuple(gcca({"x": x, "y": y}, 3, ridge=0.1).transform({"x": x, "y": y}).values()),
    "ridge": lambda x, y: (ridge(x, y)(x),),
    "reduced rank": lambda x, y: (reduced_rank(x, y, 3)(x),),
    "procrustes": lambda x, y: tuple(m(v) for m, v in zip(procrustes(x, y, 3), (x, y), strict=True)),
}


# Moments


@pytest.mark.parametrize("cuts", [[], [1], [7, 8, 200], list(range(10, 400, 10))])
def test_shards_make_no_difference(cuts: list[int]) -> None:
    x, y = paired()
    x = x + 100
    shards = [moments_of([part]) for part in zip(np.split(x, cuts), np.split(y, cuts), strict=True)]
    whole = moments_of([(x, y)])
    same(sum(shards[1:], start=shards[0]), whole)
    same(moments_of(zip(np.split(x, cuts), np.split(y, cuts), strict=True)), whole)


def test_tiles_make_no_difference() -> None:
    x, y = paired(10_000)
    c = moments_of([(x, y)]).covariances()
    np.testing.assert_allclose(np.c_[c.xx, c.xy], np.cov(np.c_[x, y].T)[:12], rtol=1e-11, atol=1e-11)


def test_a_fold_is_total_minus_shard() -> None:
    x, y = paired()
    x = x + np.linspace(0, 5, len(x))[:, None]  # shards have different means
    total, shard = moments_of([(x, y)]), moments_of([(x[300:], y[300:])])
    same(total - shard, moments_of([(x[:300], y[:300])]))
    same((total - shard) + shard, total)


def test_arithmetic_leaves_its_parts_alone() -> None:
    x, y = paired()
    a, b = moments_of([(x[:50], y[:50])]), moments_of([(x[50:], y[50:])])
    before = [one.copy() for one in a.sums], [one.copy() for one in b.sums]
    total = PairMoments(12, 9) + a
    total.update(x[50:], y[50:])
    a + b, a - PairMoments(12, 9)
    assert all(map(np.array_equal, a.sums, before[0]))
    assert all(map(np.array_equal, b.sums, before[1]))


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_huge_means_cost_no_digits(dtype: type) -> None:
    x, y = paired(2000)
    x, y = (x * 8).round() / 8, (y * 8).round() / 8  # so that float32 holds 1e6 + x exactly
    far = moments_of([((x + 1e6).astype(dtype), (y - 1e6).astype(dtype))])
    near = moments_of([(x, y)])
    np.testing.assert_allclose(far.covariances().xx, near.covariances().xx, rtol=1e-9, atol=1e-9)
    model, moved = cca_from_moments(near, 4), cca_from_moments(far, 4)
    np.testing.assert_allclose(moved.correlations, model.correlations, atol=1e-9)
    codes = moved.x((x + 1e6).astype(dtype))
    np.testing.assert_allclose(codes, model.x(x), atol=1e-4 if dtype == np.float32 else 1e-7)


def test_float32_products_are_close() -> None:
    x, y = paired(9000)
    x, y = x.astype(np.float32), y.astype(np.float32)
    exact, fast = cca(x, y, 9), cca(x, y, 9, precision="float32")
    # Not 1e-6, which is why float64 is the default: float32 products were off by up to 3.4e-6 here.
    assert np.abs(exact.correlations - fast.correlations).max() < 1e-5


def cells(x: np.ndarray, rows: list[int] | np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Packed cells of the given rows."""
    return x[rows], np.asarray(rows)


def test_absent_cells_change_nothing_bit_for_bit() -> None:
    x, y = paired()
    both, only_x = np.arange(300), np.arange(300, 400)
    full, alone = Moments({"x": 12, "y": 9}), Moments({"x": 12, "y": 9})
    alone.update({"x": cells(x, both), "y": cells(y, both)})
    full.update({"x": cells(x, np.r_[only_x, both]), "y": cells(y, both)})
    full.update({"x": cells(x, only_x)})
    full.update({"x": cells(x, only_x[:0]), "y": cells(y, both)})
    a, b = full.pair("x", "y"), alone.pair("x", "y")
    assert a.n == b.n
    assert all(map(np.array_equal, [*a.sums, *a.shift], [*b.sums, *b.shift]))


def test_order_of_cells_and_views_does_not_matter() -> None:
    x, y = paired()
    order = np.random.default_rng(1).permutation(400)
    one, two = Moments({"x": 12, "y": 9}), Moments({"y": 9, "x": 12})
    one.update({"x": cells(x, np.arange(400)), "y": cells(y, np.arange(400))})
    two.update({"y": cells(y, order), "x": cells(x, np.arange(400))})
    same(one.pair("x", "y"), two.pair("x", "y"))
    assert np.array_equal(two.pair("y", "x").sums[4], two.pair("x", "y").sums[4].T)


def test_several_entries_of_a_row_weigh_one_in_all() -> None:
    """Against the slow version: every combination, each with weight 1/(entries of x · entries of y)."""
    rng = np.random.default_rng(0)
    x, row_x = rng.normal(size=(9, 2)) + 50, np.array([0, 0, 0, 1, 2, 2, 3, 4, 4])
    y, row_y = rng.normal(size=(7, 3)), np.array([4, 2, 2, 1, 0, 0, 9])
    m = Moments({"x": 2, "y": 3})
    m.update({"x": (x, row_x), "y": (y, row_y)})
    i, j = np.nonzero(row_x[:, None] == row_y)
    weight = np.array([1 / ((row_x == row_x[a]).sum() * (row_y == row_x[a]).sum()) for a in i])
    joint = np.c_[x[i], y[j]]
    mean = weight @ joint / weight.sum()
    expected = (joint - mean).T * weight @ (joint - mean) / (weight.sum() - 1)
    found = m.pair("x", "y").covariances()
    assert found.n == 4
    np.testing.assert_allclose(found.xx, expected[:2, :2], atol=1e-10)
    np.testing.assert_allclose(found.yy, expected[2:, 2:], atol=1e-10)
    np.testing.assert_allclose(found.xy, expected[:2, 2:], atol=1e-10)


def test_repeating_every_entry_changes_nothing() -> None:
    x, y = paired(60)
    rows = np.arange(60)
    twice, once = Moments({"x": 12, "y": 9}), Moments({"x": 12, "y": 9})
    once.update({"x": (x, rows), "y": (y, rows)})
    twice.update({"x": (np.r_[x, x], np.r_[rows, rows]), "y": (np.r_[y, y, y], np.r_[rows, rows, rows])})
    same(twice.pair("x", "y"), once.pair("x", "y"))


def test_moments_of_add_and_subtract() -> None:
    x, y = paired()
    parts = []
    for rows in (np.arange(250), np.arange(250, 400)):
        parts.append(Moments({"x": 12, "y": 9}))
        parts[-1].update({"x": cells(x, rows), "y": cells(y, rows)})
    total = parts[0] + parts[1]
    same(total.pair("x", "y"), moments_of([(x, y)]))
    same((total - parts[1]).pair("x", "y"), parts[0].pair("x", "y"))


# Orders and degenerate data, over every solver


@pytest.mark.parametrize("name", SOLVERS)
def test_row_and_column_order_do_not_matter(name: str) -> None:
    x, y = paired()
    rng = np.random.default_rng(3)
    rows, columns, targets = rng.permutation(400), rng.permutation(12), rng.permutation(9)
    plain = SOLVERS[name](x, y)
    shuffled = SOLVERS[name](x[rows], y[rows])
    for a, b in zip(plain, shuffled, strict=True):
        np.testing.assert_allclose(a[rows], b, atol=1e-9)
    turned = SOLVERS[name](x[:, columns], y[:, targets])
    keep = (slice(None), targets) if name in ("ridge", "reduced rank") else (slice(None),)
    for a, b in zip(plain, turned, strict=True):
        np.testing.assert_allclose(a[keep], b, atol=1e-9)


def constant(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    x, y = x.copy(), y.copy()
    x[:, [2, 5]], y[:, 1] = 0.1, 1e6
    return x, y


HARD = {
    "constant columns": constant(*paired()),
    "repeated columns": (np.c_[paired()[0], paired()[0][:, :3]], paired()[1]),
    "fewer rows than features": paired(n=7),
    "two rows": paired(n=2),
    "huge means": tuple(v + 1e6 for v in paired()),
    "tiny units": (paired()[0] * 1e-30, paired()[1] * 1e30),
    "all constant": (np.ones((5, 12)), np.ones((5, 9))),
    "identical rows": tuple(np.repeat(v, 10, 0) for v in paired(n=2)),
    "whole numbers": tuple(v.round().astype(int) for v in paired()),
}


@pytest.mark.parametrize("name", SOLVERS)
@pytest.mark.parametrize("case", HARD)
def test_hard_data_stay_finite(name: str, case: str) -> None:
    for codes in SOLVERS[name](*HARD[case]):
        assert np.isfinite(codes).all()


def test_hard_data_are_right() -> None:
    x, y = paired()
    rho = cca(x, y, 9).correlations
    np.testing.assert_allclose(cca(*HARD["huge means"], 9).correlations, rho, atol=1e-8)
    np.testing.assert_allclose(cca(*HARD["repeated columns"], 9).correlations, rho, atol=1e-8)
    np.testing.assert_allclose(cca(*HARD["tiny units"], 9).correlations, rho, atol=1e-8)
    dropped = cca(np.delete(x, [2, 5], 1), np.delete(y, 1, 1), 8).correlations
    found = cca(*HARD["constant columns"], 9).correlations
    np.testing.assert_allclose(found[:8], dropped, atol=1e-8)
    assert found[8] == 0
    # Seven rows lie in six dimensions, in which everything correlates; two rows in one.
    np.testing.assert_allclose(cca(*HARD["fewer rows than features"], 9).correlations, [1] * 6 + [0] * 3, atol=1e-8)
    np.testing.assert_allclose(cca(*HARD["two rows"], 3).correlations, [1, 0, 0], atol=1e-8)


def test_units_of_a_column_do_not_matter_without_a_ridge() -> None:
    x, y = paired()
    scale = 10.0 ** np.random.default_rng(0).uniform(-6, 6, 12)
    np.testing.assert_allclose(cca(x * scale, y, 9).correlations, cca(x, y, 9).correlations, atol=1e-9)


# Special cases


@pytest.mark.parametrize("c", [0.0, 0.1])
def test_gcca_of_two_views_is_cca(c: float) -> None:
    x, y = paired()
    two, model = gcca({"x": x, "y": y}, 9, ridge=c), cca(x, y, 9, ridge=c)
    np.testing.assert_allclose(two.spectrum, model.correlations, atol=1e-10)
    u, v = model.transform(x, y)
    codes = two.transform({"x": x, "y": y})
    sign = np.sign((codes["x"] * u).sum(0))
    np.testing.assert_allclose(codes["x"] * sign, u, atol=1e-7)
    np.testing.assert_allclose(codes["y"] * sign, v, atol=1e-7)


def test_gcca_of_two_views_with_holes_is_cca_of_the_common_rows() -> None:
    x, y = paired()
    rows = {"x": np.arange(0, 300), "y": np.arange(100, 400)}
    two = gcca({"x": x[rows["x"]], "y": y[rows["y"]]}, 5, rows=rows)
    np.testing.assert_allclose(two.spectrum, cca(x[100:300], y[100:300], 5).correlations, atol=1e-10)


def test_gcca_joins_views_that_never_meet_through_a_third() -> None:
    rng = np.random.default_rng(0)
    z = rng.normal(size=(2000, 3))
    view = {name: z @ rng.normal(size=(3, 8)) + 0.1 * rng.normal(size=(2000, 8)) for name in "abc"}
    rows = {"a": np.arange(0, 900), "b": np.arange(0, 1800), "c": np.arange(900, 1800)}
    model = gcca({name: view[name][r] for name, r in rows.items()}, 3, rows=rows, ridge=0.01)
    unseen = model.transform({name: view[name][1800:] for name in "ac"})
    for axis in range(3):
        assert np.corrcoef(unseen["a"][:, axis], unseen["c"][:, axis])[0, 1] > 0.95


def test_gcca_spectrum_never_leaves_its_range_when_much_is_missing() -> None:
    rng = np.random.default_rng(0)
    moments = Moments(dict.fromkeys("abcd", 10))
    view = {name: rng.normal(size=(60, 10)) for name in "abcd"}
    moments.update({name: cells(view[name], np.flatnonzero(rng.random(60) < 0.4)) for name in "abcd"})
    spectrum = gcca_from_moments(moments, 10).spectrum
    assert ((spectrum >= 0) & (spectrum <= 1)).all()


def test_full_rank_reduced_rank_is_ridge() -> None:
    x, y = paired()
    np.testing.assert_allclose(reduced_rank(x, y, 9, 0.3).weight, ridge(x, y, 0.3).weight, atol=1e-10)


def test_from_moments_is_the_same() -> None:
    x, y = paired()
    m = moments_of([(x[:100], y[:100]), (x[100:], y[100:])])
    np.testing.assert_allclose(cca_from_moments(m, 3, ridge=0.1).x(x), cca(x, y, 3, ridge=0.1).x(x), atol=1e-10)
    np.testing.assert_allclose(ridge_from_moments(m, 0.1)(x), ridge(x, y, 0.1)(x), atol=1e-10)


def test_csa_at_zero_gamma_is_the_cosine() -> None:
    z = np.random.default_rng(0).normal(size=(5, 4))
    codes = csa_codes(z, [0.9, 0.5, 0.1, 0.0], gamma=0.0)
    np.testing.assert_allclose(codes, z / np.linalg.norm(z, axis=1, keepdims=True))
    assert np.array_equal(csa_codes(np.zeros((2, 3)), np.ones(3)), np.zeros((2, 3)))


def test_linear_maps_compose_and_keep_float32() -> None:
    x, _ = paired()
    rng = np.random.default_rng(0)
    first = LinearMap(rng.normal(size=12), rng.normal(size=(12, 5)), rng.normal(size=5))
    second = LinearMap(rng.normal(size=5), rng.normal(size=(5, 2)))
    np.testing.assert_allclose(first.then(second)(x), second(first(x)), atol=1e-12)
    assert first(x.astype(np.float32)).dtype == np.float32
    assert (first.dim_in, first.dim_out) == (12, 5)


# Choosing


def scores(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Dot products (n, m), in units of their own size."""
    score = u @ v.T
    return score / np.abs(score).max()


@pytest.mark.parametrize("method", ["Procrustes", "regression x → y", "regression y → x"])
def test_other_methods_are_what_they_are_called(method: str) -> None:
    """On axes of all rows: Procrustes is `procrustes`; regression with ρ folded in is `reduced_rank` on its side."""
    x, y = paired(80, 7, 6, 3)
    (u, _), (v, _) = (views_of(z, ("linear",), 448, "x")["linear"].whole() for z in (x, y))
    axes = Axes(u.var(0, ddof=1), v.var(0, ddof=1), u.T @ v / 79)
    weight_x, weight_y, rho = axes.maps(method, 0.01, 6)
    if method == "Procrustes":
        known = [z(side) for z, side in zip(procrustes(x, y, 6), (x, y), strict=True)]
        np.testing.assert_allclose(scores(u @ weight_x, v @ weight_y), scores(*known), atol=1e-9)
        return
    forward = method == "regression x → y"
    source, target = (x, y) if forward else (y, x)
    made = reduced_rank(source, target, 6, penalty=0.01)(source) - target.mean(0)
    mine = ((u @ weight_x) * rho, v @ weight_y) if forward else ((v @ weight_y) * rho, u @ weight_x)
    np.testing.assert_allclose(scores(*mine), scores(made, target - target.mean(0)), atol=1e-9)


def test_methods_are_tried_and_named() -> None:
    x, y = paired(120)
    table = search_cca(x, y).table
    assert {trial.method for trial in table} == {
        "regularised CCA", "Procrustes", "regression x → y", "regression y → x"
    }  # fmt: skip
    assert {trial.method for trial in search_cca(x, y, SearchSpace(methods=())).table} == {"regularised CCA"}


def test_variates_are_what_the_model_gives() -> None:
    x, y = paired(120, 200, 90)
    choice = search_cca(x, y, SearchSpace(kernels=KERNELS))
    for known, fresh in zip(choice.variates.values(), choice.cca.transform(x, y), strict=True):
        np.testing.assert_allclose(known, fresh, atol=2e-2 * np.abs(known).max())


def test_choose_finds_what_is_there() -> None:
    x, y = paired(300, 40, 30, 8)
    choice = search_cca(x[:200], y[:200])
    u, v = choice.transform(x[200:], y[200:])
    rank = ((u @ v.T) >= (u * v).sum(1)[:, None]).sum(1)
    assert (rank <= 10).mean() > 0.9
    assert choice.best.score == max(trial.score for trial in choice.table)
    assert choice.correlations[0] > 0.8
    plain = cca(x[:200], y[:200], 30)  # the spectrum of training rows flatters
    assert choice.correlations.mean() < plain.correlations[: choice.best.dim].mean()


def test_choose_on_permuted_pairs_is_chance() -> None:
    """Held-out rows that were looked at would be found again."""
    x, y = paired(200, 300, 250, 8)
    choice = search_cca(
        x, y[np.random.default_rng(1).permutation(200)], SearchSpace(folds=5, kernels=KERNELS, ridges=RIDGES)
    )
    chance = (1 / np.arange(1, 41)).mean()  # mean reciprocal rank in galleries of 40
    assert choice.gallery == 40
    assert choice.best.score < chance + 0.06  # the best of many trials
    assert np.mean([trial.score for trial in choice.table]) == pytest.approx(chance, abs=0.03)
    assert abs(choice.correlations.mean()) < 0.1


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_held_out_row_does_not_move_the_axes_of_its_fold(kernel: str) -> None:
    """Neither its partner nor itself is looked at: the rows that are seen have the same coordinates."""
    x, _ = paired(60, 90)
    changed = x.copy()
    changed[:10] += np.random.default_rng(1).normal(size=(10, 90))
    seen, held = np.arange(10, 60), np.arange(10)
    shift = x.mean(0) - changed.mean(0)  # the kernel's angles are seen from the mean of all rows
    changed[10:] -= shift * (kernel == "arc-cosine")
    one, other = (views_of(z, (kernel,), 40, "x")[kernel].split(seen, held)[0] for z in (x, changed))
    if kernel == "linear":
        np.testing.assert_allclose(one @ one.T, other @ other.T, atol=1e-9)
    assert one.mean(0) == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("kernel", KERNELS)
def test_coordinates_of_a_view_are_what_its_map_gives(kernel: str) -> None:
    x, _ = paired(60, 90)
    coordinates, made = views_of(x.astype(np.float32), (kernel,), 30, "x")[kernel].whole()
    np.testing.assert_allclose(made(x.astype(np.float32)), coordinates, atol=2e-2 * np.abs(coordinates).max())
    seen = np.arange(60)
    np.testing.assert_allclose(*views_of(x, (kernel,), 30, "x")[kernel].split(seen, seen), atol=1e-9)


def test_many_rows_take_anchors_and_agree_with_few(monkeypatch: pytest.MonkeyPatch) -> None:
    """With every row an anchor, the kernel of many rows is the kernel of few."""
    x, _ = paired(80, 12)
    few, _ = views_of(x, ("arc-cosine",), 79, "x")["arc-cosine"].whole()
    monkeypatch.setattr(views, "GRAM_ROWS", 10)
    monkeypatch.setattr(views, "ANCHORS", 80)
    many, made = views_of(x, ("arc-cosine",), 79, "x")["arc-cosine"].whole()
    assert isinstance(made, KernelMap)
    np.testing.assert_allclose(few @ few.T, many @ many.T, atol=2e-3)


@pytest.mark.parametrize("shape, rank", [((7, 5), 5), ((5, 7), 3), ((6, 6), 0)])
@pytest.mark.parametrize("failures", [0, 1])
def test_svd_is_one_where_divide_and_conquer_gives_up(
    shape: tuple[int, int], rank: int, failures: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(0)
    c = rng.normal(size=(shape[0], rank)) @ rng.normal(size=(rank, shape[1]))
    expected, real, calls = np.linalg.svd(c, compute_uv=False), np.linalg.svd, []

    def stubborn(*args: object, **options: object) -> object:
        calls.append(1)
        if len(calls) <= failures:
            raise np.linalg.LinAlgError("SVD did not converge")
        return real(*args, **options)

    monkeypatch.setattr(np.linalg, "svd", stubborn)
    u, s, vt = svd(c)
    np.testing.assert_allclose(s, expected, atol=1e-10)
    np.testing.assert_allclose((u * s) @ vt, c, atol=1e-10)
    np.testing.assert_allclose(u.T @ u, np.eye(min(shape)), atol=1e-10)
    np.testing.assert_allclose(vt @ vt.T, np.eye(min(shape)), atol=1e-10)


@pytest.mark.parametrize("copies", [0, 1])
def test_float32_products_are_taken_only_where_they_suffice(copies: int) -> None:
    """A feature that nearly repeats another needs float64: float32 products would call its remainder noise."""
    x, y = (z.astype(np.float32) for z in paired(20000))
    if copies:
        x = np.hstack([x, x[:, :1] + np.float32(1e-3) * y[:, :1]])
    auto, exact, quick = (cca(x, y, 9, precision=p).correlations for p in ("auto", "float64", "float32"))
    np.testing.assert_allclose(auto, exact, atol=1e-6)
    assert np.array_equal(auto, exact if copies else quick)


def test_the_kernel_is_the_mean_over_random_rectified_units() -> None:
    """E_w relu(w·a) relu(w·b) = ‖a‖‖b‖ k(a, b)/2 for standard normal w (Cho and Saul, 2009)."""
    a, b = np.random.default_rng(0).normal(size=(2, 4))
    w = np.random.default_rng(1).normal(size=(400_000, 4))
    sampled = 2 * (np.maximum(w @ a, 0) * np.maximum(w @ b, 0)).mean() / (np.linalg.norm(a) * np.linalg.norm(b))
    cosine = a @ b / (np.linalg.norm(a) * np.linalg.norm(b))
    assert float(arc_cosine(np.array(cosine))) == pytest.approx(sampled, abs=0.01)


def test_kernel_maps_compose_and_rescale() -> None:
    rng = np.random.default_rng(0)
    rows, x = rng.normal(size=(9, 5)), rng.normal(size=(4, 5)).astype(np.float32)
    made = kernel_map(rows)
    turn = LinearMap(rng.normal(size=made.dim_out), rng.normal(size=(made.dim_out, 2)), [1.0, 2.0])
    np.testing.assert_allclose(made.then(turn)(x), turn(made(x)), atol=1e-3)
    shift, gain = rng.normal(size=5), rng.uniform(1, 2, size=5)
    np.testing.assert_allclose(made.scaled(shift, gain)(x), made(((x - shift) * gain).astype(np.float32)), atol=1e-3)
    np.testing.assert_allclose(made(3 * x), made(x), atol=1e-3)  # only angles count


def test_the_kernel_finds_what_no_linear_map_can() -> None:
    """y is the sign pattern of products of x: its linear correlation with x is zero."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(300, 4))
    y = np.stack([x[:, i] * x[:, j] for i in range(4) for j in range(i)], 1)
    both = search_cca(x, y, SearchSpace(kernels=KERNELS))
    assert both.best.kernel == "arc-cosine" and both.kernels["arc-cosine"] > 2 * both.kernels["linear"]


def test_the_grid_of_ridges_grows_until_the_best_is_inside() -> None:
    x, y = paired(120, 60, 50, 3)
    choice = search_cca(x, y, SearchSpace(ridges=(1e-4,)))
    ridges = sorted({trial.ridge for trial in choice.table})
    assert len(ridges) > 2
    assert ridges[0] <= 1e-4 < choice.best.ridge < ridges[-1]


def test_choose_keeps_groups_together() -> None:
    """Rows of a group are copies: split between folds they would be found for free."""
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(40), 5)
    x, y = rng.normal(size=(40, 60))[groups], rng.normal(size=(40, 50))[groups]
    x, y = x + 0.01 * rng.normal(size=x.shape), y + 0.01 * rng.normal(size=y.shape)
    search = SearchSpace(folds=5, ridges=(0.01, 0.1), widen=False)
    leaking, honest = search_cca(x, y, search), search_cca(x, y, search, groups=groups)
    chance = (1 / np.arange(1, 9)).mean()  # 8 groups in a fold; five right answers each
    assert honest.best.score < chance + 0.25
    assert leaking.correlations[0] > 0.9 > abs(honest.correlations).mean() + 0.4


def test_choose_is_the_same_twice_and_refits_in_original_features() -> None:
    x, y = paired(120, 30, 500)
    one, two = search_cca(x, y, seed=3), search_cca(x, y, seed=3)
    assert one.table == two.table
    assert np.array_equal(one.cca.x.weight, two.cca.x.weight)
    c = one.penalties[0] / np.trace(np.cov(x.T)) * 30, one.penalties[1] / np.trace(np.cov(y.T)) * 500
    direct = cca(x, y, one.best.dim, ridge=c)
    np.testing.assert_allclose(one.cca.correlations, direct.correlations, atol=1e-8)
    np.testing.assert_allclose(one.cca.x(x), direct.x(x), atol=1e-6)


@pytest.mark.parametrize("case", ["constant columns", "repeated columns", "fewer rows than features", "all constant"])
def test_choose_survives_hard_data(case: str) -> None:
    x, y = HARD[case]
    choice = search_cca(x, y, SearchSpace(folds=2, kernels=KERNELS))
    assert all(np.isfinite(codes).all() for codes in choice.transform(x, y))
    assert np.isfinite(choice.correlations).all()


# Errors


GOOD = paired(20)


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda x, y: cca(x[0], y, 3), "view 'x'"),
        (lambda x, y: cca(x, y[:5], 3), "20 and 5 rows"),
        (lambda x, y: cca(x, y, 10), "view 'y'"),
        (lambda x, y: cca(x, y, 0), "expected 1 to 9"),
        (lambda x, y: cca(x[:1], y[:1], 3), "given 1 row "),
        (lambda x, y: cca(x, np.where(np.arange(180).reshape(20, 9) == 31, np.nan, y), 3), "'y', row 3, column 4"),
        (lambda x, y: cca(x, y, 3, ridge=-1.0), "ridge: given -1.0"),
        (lambda x, y: cca(x.astype(str), y, 3), "expected numbers"),
        (lambda x, y: cca(x, y, 3, precision="half"), "precision"),
        (lambda x, y: ridge(x, y, -1), "penalty"),
        (lambda x, y: reduced_rank(x, y, 10), "rank: given 10"),
        (lambda x, y: procrustes(x, y, 10), "dim: given 10"),
        (lambda x, y: gcca({"x": x}, 1), "at least two"),
        (lambda x, y: gcca({"x": x, "y": y[:3]}, 1), "rows"),
        (lambda x, y: gcca({"x": x, "y": y}, 1, rows={"x": np.arange(20), "y": np.arange(20, 40)}), "view 'y'"),
        (lambda x, y: gcca({"x": x, "y": y}, 10), "dim: given 10"),
        (lambda x, y: gcca({"x": x, "y": y}, 2).transform({"z": x}), "view 'z'"),
        (lambda x, y: search_cca(x, y, SearchSpace(folds=1)), "folds: given 1"),
        (lambda x, y: search_cca(x, y, SearchSpace(ridges=(0.0,))), "ridges"),
        (lambda x, y: search_cca(x, y, SearchSpace(dims=())), "dims"),
        (lambda x, y: search_cca(x, y, SearchSpace(kernels=("cubic",))), "kernels: given ('cubic',)"),
        (lambda x, y: search_cca(x, y, SearchSpace(norms=())), "norms"),
        (lambda x, y: search_cca(x, y, SearchSpace(methods=("magic",))), "methods: given ('magic',)"),
        (lambda x, y: kernel_map(x)(y), "expected (n, 12)"),
        (lambda x, y: kernel_map(x).then(LinearMap(np.zeros(3), np.eye(3))), "map of size 3"),
        (lambda x, y: search_cca(x, y, groups=np.zeros(20)), "groups"),
        (lambda x, y: search_cca(x, np.where(y > 0, np.inf, y)), "view 'y'"),
        (lambda x, y: LinearMap(np.zeros(3), np.zeros((4, 2))), "shift"),
        (lambda x, y: LinearMap(np.zeros(4), np.zeros((4, 2)))(x), "expected (n, 4)"),
        (lambda x, y: moments_of([]), "expected at least one"),
        (lambda x, y: moments_of([(x[:5], y[:5])]) - moments_of([(x, y)]), "20 rows to remove"),
        (lambda x, y: Moments({"x": 12, "y": 9}).update({"z": (x, np.arange(20))}), "view 'z'"),
        (lambda x, y: Moments({"x": 12, "y": 9}).update({"x": (x, np.arange(5))}), "view 'x'"),
    ],
)
def test_errors_say_what_was_given(call: object, words: str) -> None:
    with pytest.raises(ValueError) as error:
        call(*GOOD)
    assert words in str(error.value)


def test_a_refused_batch_adds_nothing() -> None:
    x, y = paired(10)
    m = moments_of([(x, y)])
    before = m.sums[2].copy()
    with pytest.raises(ValueError):
        m.update(np.full((2, 12), np.nan), np.ones((2, 9)))
    assert m.n == 10
    assert np.array_equal(m.sums[2], before)


def test_importing_needs_neither_torch_nor_scipy() -> None:
    code = "import sys, kuamo.closed_form; print({'torch', 'scipy', 'sklearn'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


@pytest.mark.parametrize("rows", [30, 33, 40, 64, 90])
@pytest.mark.parametrize("kernel", ["linear", "arc-cosine"])
def test_a_head_gives_training_rows_the_codes_of_the_fit(rows: int, kernel: Kernel, monkeypatch: Any) -> None:
    """Also above the sizes at which axes become approximate (2 · 16), or are found once for all folds (64)."""
    monkeypatch.setattr(views, "GRAM_ROWS", 64)
    monkeypatch.setattr(views, "ANCHORS", 48)
    rng = np.random.default_rng(rows)
    z = rng.normal(size=(rows, 3))
    x = {name: z @ rng.normal(size=(3, 50)) + 0.5 * rng.normal(size=(rows, 50)) for name in "abc"}
    search = SearchSpace(kernels=(kernel,), dims=(4, 12), components=16, folds=3)
    two = search_cca(x["a"], x["b"], search)
    for given, found in zip(two.transform(x["a"], x["b"]), map(two.codes, two.variates.values()), strict=True):
        assert cosine_of_rows(given, found).min() > 0.999
    row = np.arange(rows)
    several = search_gcca({name: (one, row) for name, one in x.items()}, replace(search, methods=()))
    for name, one in x.items():
        assert cosine_of_rows(several.maps[name](one), several.variates[name]).min() > 0.999


@pytest.mark.parametrize("rows", [300, pytest.param(500, marks=pytest.mark.slow)])
def test_a_head_of_few_numbers_gives_training_rows_the_codes_of_the_fit(rows: int) -> None:
    """Hundreds of axes of a kernel of six numbers: the smallest are near to rounding, and so is the constant."""
    rng = np.random.default_rng(0)
    z = rng.normal(size=(rows, 4))
    cells = {
        name: ((np.tanh(z @ rng.normal(size=(4, 6))) + 0.3 * rng.normal(size=(rows, 6))), np.arange(rows))
        for name in "ab"
    }
    solved = CCA(kernels=("arc-cosine",)).solve(cells, np.arange(rows), 0)
    for name, (x, _) in cells.items():
        assert cosine_of_rows(solved.heads[name](x).mean, solved.codes[name].mean).min() > 0.999


def cosine_of_rows(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.asarray((unit_rows(np.asarray(a)) * unit_rows(np.asarray(b))).sum(1))
