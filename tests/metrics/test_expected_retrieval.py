"""Laws of the diagnosis of correlation: known spectra, galleries of any size, chance, orders, groups, and verdicts."""

from __future__ import annotations

import numpy as np
import pytest

from kuamo.core.messages import localize
from kuamo.data.datasets.toy import toy, toy_axes
from kuamo.encoders import Identity
from kuamo.encoders.feature_cache import features
from kuamo.metrics.dependence.align_or_predict import align_or_predict
from kuamo.metrics.dependence.cca_spectrum import spectrum
from kuamo.metrics.dependence.expected_retrieval import Expected, expected_retrieval
from kuamo.metrics.dependence.gallery_scaling import below, hit_probability, rank_counts
from kuamo.metrics.dependence.paired_sample import half_of, pairs_of


def columns(**options: object) -> list[np.ndarray]:
    table = toy(**options)  # type: ignore[arg-type]
    return [features(table, name, Identity()) for name in table.columns]


def shared(n: int = 300, p: int = 12, q: int = 9, k: int = 4, noise: float = 0.3, seed: int = 0) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(n, k))
    return [z @ rng.normal(size=(k, d)) + noise * rng.normal(size=(n, d)) for d in (p, q)]


def apart(n: int = 300, p: int = 12, q: int = 9, seed: int = 0) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [rng.normal(size=(n, d)) for d in (p, q)]


# ── pairs ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("seed", range(3))
def test_groups_are_never_parted(seed: int) -> None:
    group = np.repeat(np.arange(60), np.random.default_rng(seed).integers(1, 6, 60))
    pairs = pairs_of(*apart(len(group)), group, rows=100, seed=seed)
    assert 90 <= len(pairs.rows) <= 100
    chosen = set(group[pairs.rows])
    assert len(pairs.rows) == np.isin(group, list(chosen)).sum()
    folds = pairs.folds(4, seed)
    assert sorted(np.concatenate([one.rows for one in folds])) == list(range(len(pairs.rows)))
    for one in folds:
        assert not set(pairs.group[one.rows]) & set(pairs.group[one.seen])
        half = half_of(one.seen, pairs.group, seed)
        rest = np.setdiff1d(one.seen, half)
        assert set(half) <= set(one.seen) and not set(pairs.group[half]) & set(pairs.group[rest])


# ── galleries ────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("gallery", [5, 20, 40])
def test_a_smaller_gallery_is_a_draw_from_this_one(gallery: int) -> None:
    rng = np.random.default_rng(0)
    codes = rng.normal(size=(40, 3))
    other = codes + rng.normal(size=codes.shape)
    rows = np.arange(40)
    foretold = hit_probability(rank_counts(codes, other, rows, rows), gallery, 3).mean()
    score, hits = codes @ other.T, []
    for _ in range(400):
        some = rng.choice(40, gallery, replace=False)
        part = score[np.ix_(some, some)]
        hits.append((part >= part.diagonal()[:, None]).sum(1) <= 3)
    assert abs(foretold - np.mean(hits)) < 0.02


def test_right_answers_of_other_groups_come_and_go_with_the_draw() -> None:
    rng = np.random.default_rng(1)
    key, rows = np.arange(40) % 4, np.arange(40)
    codes = np.eye(4)[key] + rng.normal(size=(40, 4))
    other = np.eye(4)[key] + rng.normal(size=(40, 4))
    foretold = hit_probability(rank_counts(codes, other, key, rows), 15, 2).mean()
    score, hits = codes @ other.T, []
    for _ in range(600):
        some = rng.choice(40, 15, replace=False)
        part, right = score[np.ix_(some, some)], key[some][:, None] == key[some]
        best = np.where(right, part, -np.inf).max(1)
        hits.append((~right & (part >= best[:, None])).sum(1) < 2)
    assert abs(foretold - np.mean(hits)) < 0.03


def test_a_larger_gallery_is_foretold_from_the_tail() -> None:
    rng = np.random.default_rng(2)
    codes = rng.normal(size=(1500, 6))
    other = codes + 0.7 * rng.normal(size=codes.shape)
    few, many = np.arange(100), np.arange(1500)
    foretold = np.mean(
        [hit_probability(rank_counts(codes[i::15], other[i::15], few, few), 1500, 10).mean() for i in range(10)]
    )
    reached = hit_probability(rank_counts(codes, other, many, many), 1500, 10).mean()
    assert abs(foretold - reached) < 0.05
    assert abs(hit_probability(rank_counts(codes[:100], other[:100], few, few), 100, 10).mean() - reached) > 0.2


def test_ties_count_against_as_in_evaluate() -> None:
    rows = np.arange(30)
    assert hit_probability(rank_counts(np.ones((30, 2)), np.ones((30, 2)), rows, rows), 30, 10).max() == 0
    assert hit_probability(rank_counts(np.ones((30, 2)), np.ones((30, 2)), rows, rows), 300, 10).max() == 0
    assert hit_probability(rank_counts(np.ones((30, 2)), np.ones((30, 2)), rows, rows), 8, 10).min() == 1


def test_own_group_comes_along() -> None:
    group = np.repeat(np.arange(10), 3)  # three rows of a group beat each other; a gallery of any size has them all
    codes = np.eye(10)[group]
    rows = np.arange(30)
    assert hit_probability(rank_counts(codes, codes, rows, group), 10, 2).max() == 0
    assert hit_probability(rank_counts(codes, codes, rows, group), 10, 3).min() == 1
    assert hit_probability(rank_counts(codes, codes, group, group), 10, 1).min() == 1


def test_fewer_than_k_of_a_binomial() -> None:
    draws = np.random.default_rng(0).binomial(50, 0.1, 20_000)
    assert abs(below(50, 0.1, 4) - (draws < 4).mean()) < 0.01


# ── expected ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("gallery", [40, 400])
def test_independent_columns_are_expected_at_chance(gallery: int) -> None:
    for one in expected_retrieval(*apart(seed=gallery), gallery=gallery):
        assert abs(one.chance - 10 / gallery) < 1e-9
        assert abs(one.value - one.chance) < 0.08  # ten seeds: .02 ± .02, at most .073
        assert one.low <= min(one.value, one.chance) and one.value <= one.high


def test_a_column_finds_itself() -> None:
    x = apart()[0]
    assert min(one.value for one in expected_retrieval(x, x, gallery=100, k=1)) > 0.97


def test_shuffled_pairs_lose_what_pairs_had() -> None:
    x, y = shared()
    order = np.random.default_rng(0).permutation(len(x))
    paired, mixed = (expected_retrieval(x, other, gallery=100)[0].value for other in (y, y[order]))
    assert paired > 0.8 and mixed < 0.2


def test_directions_swap_with_columns() -> None:
    x, y = shared(160, noise=1.5)
    forth, back = expected_retrieval(x, y, gallery=(80, 120))
    assert (forth.gallery, back.gallery) == (80, 120)
    there, here = expected_retrieval(y, x, gallery=(120, 80))
    assert abs(forth.value - here.value) < 0.02 and abs(back.value - there.value) < 0.02


def close(a: Expected, b: Expected) -> bool:
    return abs(a.value - b.value) < 0.08


def test_order_and_rotation_hardly_matter() -> None:
    x, y = shared(160, noise=2.0)
    rng = np.random.default_rng(3)
    order, turn = rng.permutation(len(x)), np.linalg.qr(rng.normal(size=(x.shape[1],) * 2))[0]
    first = expected_retrieval(x, y, gallery=100)
    for other in (expected_retrieval(x[order], y[order], gallery=100), expected_retrieval(x @ turn, y, gallery=100)):
        assert all(close(a, b) for a, b in zip(first, other, strict=True))


def test_more_rows_than_are_looked_at_are_sampled() -> None:
    x, y = shared(240, noise=2.0)
    whole, part = (expected_retrieval(x, y, gallery=100, rows=rows)[0] for rows in (240, 120))
    assert (part.rows, part.total, whole.rows) == (120, 240, 240) and close(whole, part)


def test_labels_make_every_row_of_a_class_right() -> None:
    x, y = shared(300, noise=1.0)
    label = np.sign(x[:, 0])
    by_row, by_label = (expected_retrieval(x, y, gallery=100, k=1, key=key)[0] for key in (None, label))
    assert by_label.value > by_row.value and by_label.chance > 0.45
    with_copies = expected_retrieval(x, y, gallery=100, k=1, group=np.arange(300) // 3, key=np.arange(300) // 3)[0]
    assert with_copies.chance > by_row.chance


# ── spectrum ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("rho", "dims", "rows"), [((0.95,) * 6, (40, 30), 800), ((0.6,) * 4, (20, 30), 1200)])
def test_spectrum_of_toy_is_known(rho: tuple[float, ...], dims: tuple[int, int], rows: int) -> None:
    found = spectrum(*columns(rows=rows, dims=dims, correlations=rho, seed=1))
    known = rho[0] / 1.09  # noise .3 adds .09 to every variance
    k = len(rho)
    assert found.shared == k
    assert abs(found.correlations[:k].mean() - known) < 0.03
    assert (found.low[:k] <= known).mean() >= 0.75 and (found.high[:k] >= known).mean() >= 0.75
    assert abs(found.correlations[k:].mean()) < 0.1


def test_training_rows_would_say_one() -> None:
    x, y = apart(60, 80, 90)
    found = spectrum(x, y)
    assert found.shared == 0 and found.held_out[0] < 0.5


def test_independent_columns_share_nothing_with_or_without_copies() -> None:
    alarms = []
    for seed in range(6):
        rng = np.random.default_rng(seed)
        x, y = (part.repeat(4, 0) + 0.1 * rng.normal(size=(160, 8)) for part in apart(40, 8, 8, seed))
        alarms.append(spectrum(x, y, group=np.repeat(np.arange(40), 4)).shared > 0)
        alarms.append(spectrum(*apart(160, 8, 8, seed + 100)).shared > 0)
    assert np.sum(alarms) <= 2


def test_spectrum_does_not_depend_on_the_order_of_named_groups() -> None:
    x, y = shared(200)
    names = np.array([f"row {i:03}" for i in range(200)])
    order = np.random.default_rng(0).permutation(200)
    first, second = spectrum(x, y, group=names), spectrum(x[order], y[order], group=names[order])
    np.testing.assert_allclose(first.held_out, second.held_out, atol=1e-4)


# ── verdict ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("label", [None, list("ab") * 150])
def test_independent_columns_are_neither(label: list[str] | None) -> None:
    for one in align_or_predict(*apart(), label=label):
        assert (one.choice, one.dim) == ("neither", 0)


def test_a_column_and_itself_are_both() -> None:
    x = shared()[0]
    assert {one.choice for one in align_or_predict(x, x)} == {"both"}


WORLDS = {  # correlation of the signal, of nuisances, and their deviations in a and b → a → b
    "both": (0.9, 0.0, 0.5, 0.5),
    "align": (0.9, 0.4, 3.0, 3.0),
    "predict": (0.6, 0.95, 0.5, 0.5),
    "neither": (0.3, 0.95, 3.0, 3.0),
}


@pytest.mark.parametrize("choice", WORLDS)
def test_verdict_with_labels(choice: str) -> None:
    rho, nuisances, *widths = WORLDS[choice]
    table = toy(
        800, dims=(40, 30), correlations=(rho,) * 4, nuisance=widths, shared_nuisance=nuisances, label_axes=4, seed=5
    )
    x, y = (features(table, name, Identity()) for name in "ab")
    found = align_or_predict(x, y, label=table.labels, names=("a", "b"))
    assert [one.choice for one in found] == [choice] * 2
    assert all(one.by == "labels" and one.dim >= 3 for one in found)
    english, chinese = str(found[0].reason), localize("zh", found[0].reason)
    assert english.startswith(choice) and "a" in english and chinese != english


def test_labels_that_hardly_repeat_are_no_labels() -> None:
    x, y = shared()
    assert align_or_predict(x, y, label=[str(i) for i in range(300)])[0].by == "pairs"


def test_rows_without_a_label_are_left_out() -> None:
    x, y = shared(400)
    label = [None if i % 2 else str(x[i, 0] > 0) for i in range(400)]
    found = align_or_predict(x, y, label=label)[0]
    assert (found.by, found.total) == ("labels", 200)


# ── the toy ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_nuisances_of_toy_correlate_as_asked() -> None:
    a, b = columns(
        rows=20_000, dims=(12, 10), correlations=(0.5,) * 3, shared_nuisance=0.7, nuisance=(2.0, 3.0), noise=0
    )
    axes = toy_axes((12, 10), 3)
    u, v = a @ axes[0], b @ axes[1]
    np.testing.assert_allclose(
        [np.corrcoef(u[:, i], v[:, i])[0, 1] for i in range(6)], [0.5] * 3 + [0.7] * 3, atol=0.03
    )
    np.testing.assert_allclose([u[:, 3:].std(), v[:, 3:].std()], [2, 3], rtol=0.03)


def test_labels_of_toy_are_signs() -> None:
    table = toy(50, dims=(12,), correlations=(1.0,) * 3, noise=0, label_axes=2)
    u = features(table, "a", Identity()) @ toy_axes((12, 12), 3)[0]
    assert table.labels == ["".join("+" if value > 0 else "-" for value in row[:2]) for row in u]
