"""Laws of a space: absence is exact, order does not matter, stored is the same as kept."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import kuamo as km
from kuamo.metrics import ranks
from members import small_toy


@pytest.fixture(scope="module", params=["toy2", "toy3", "emoji"])
def space_and_table(request: pytest.FixtureRequest) -> tuple[km.Space, km.Table]:
    if request.param == "emoji":
        table = km.datasets.emoji().take(range(0, 240, 3))
        return km.fit(table, km.CCA(dim=4, kernels=("linear",))), table
    names = ("a", "b") if request.param == "toy2" else ("a", "b", "c")
    table = km.datasets.toy(rows=150, modalities=names, holes=0.3, seed=1)
    return km.fit(table, None if request.param == "toy2" else km.CCA(dim=8), seed=0), table


def test_save_load_encode_is_bit_equal(space_and_table: tuple[km.Space, km.Table], tmp_path: Path) -> None:
    space, table = space_and_table
    space.save(tmp_path / "x.space")
    again = km.Space.load(tmp_path / "x.space")
    assert np.array_equal(np.asarray(space.encode(table)), np.asarray(again.encode(table)))
    assert (tmp_path / "x.space" / "README.md").read_text("utf-8").startswith("#")
    assert not [p for p in tmp_path.iterdir() if p.name != "x.space"]


def test_row_order_does_not_matter(space_and_table: tuple[km.Space, km.Table]) -> None:
    space, table = space_and_table
    order = np.random.default_rng(0).permutation(len(table))
    assert np.allclose(np.asarray(space.encode(table))[order], np.asarray(space.encode(table.take(order))), atol=1e-5)


def test_column_order_does_not_matter(space_and_table: tuple[km.Space, km.Table]) -> None:
    space, table = space_and_table
    turned = table.select(*reversed(list(table.columns)))
    assert np.array_equal(np.asarray(space.encode(table)), np.asarray(space.encode(turned)))


def test_weights_sum_to_one_over_what_is_present(space_and_table: tuple[km.Space, km.Table]) -> None:
    space, table = space_and_table
    code, weights = space.fuse(table)
    present = table.present()
    assert np.allclose(weights.sum(1), 1) and (weights[~present] == 0).all()
    alone = present.sum(1) == 1
    name = list(table.columns)[0]
    only = alone & present[:, 0]
    own, rows = space.encode_column(table, name)
    assert np.array_equal(np.asarray(code)[only], np.asarray(own)[np.isin(rows, np.flatnonzero(only))])


def test_a_row_with_nothing_is_masked_never_nan(toy_space: km.Space) -> None:
    code = toy_space.encode([None, {"a": np.ones(256)}])
    assert code.present.tolist() == [False, True]
    assert np.isfinite(np.asarray(code)).all() and (np.asarray(code)[0] == 0).all()


def test_same_seed_same_space_and_fits_do_not_touch_each_other() -> None:
    table = km.datasets.toy(rows=80, seed=3)
    first = km.fit(table, seed=1)
    km.fit(km.datasets.toy(rows=80, seed=4), seed=2)
    second = km.fit(table, seed=1)
    assert np.array_equal(np.asarray(first.encode(table)), np.asarray(second.encode(table)))


def test_absent_rows_change_no_other_row(toy_space: km.Space) -> None:
    table = km.datasets.toy(rows=20, seed=5)
    cells = [table[i] for i in range(20)]
    holed = [{"a": c["a"]} if i % 2 else c for i, c in enumerate(cells)]
    whole, part = np.asarray(toy_space.encode(cells)), np.asarray(toy_space.encode(holed))
    assert np.allclose(whole[::2], part[::2], atol=1e-6)


def test_index_remembers_and_refuses_strangers(toy_space: km.Space, tmp_path: Path) -> None:
    table = km.datasets.toy(rows=50, seed=6)
    toy_space.index(table).save(tmp_path / "i")
    index = km.Index.load(tmp_path / "i", toy_space)
    assert [h.id for h in index.search({"a": table[3]["a"]}, to="a", k=1)] == ["3"]
    other = km.fit(small_toy(60), km.CCA(dim=2), seed=0)
    with pytest.raises(km.StoreError, match="index of space"):
        km.Index.load(tmp_path / "i", other)


def test_encoding_again_reads_the_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    from kuamo.encoders import MiniLM
    from kuamo.encoders.feature_cache import features

    train = km.datasets.emoji().take(range(0, 240, 3))
    encoder = MiniLM()
    first = features(train, "text", encoder)
    monkeypatch.setattr(MiniLM, "__call__", lambda self, batch: pytest.fail("encoded again"))
    assert np.array_equal(first, features(train, "text", MiniLM()))


def test_a_damaged_shard_is_only_encoded_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from kuamo.encoders import MiniLM
    from kuamo.encoders.feature_cache import FeatureCache, features

    monkeypatch.setenv("KUAMO_CACHE", str(tmp_path))
    table = km.Table({"text": ["a cat", "a dog"]})
    first = features(table, "text", MiniLM())
    for shard in FeatureCache(MiniLM.fingerprint).folder.iterdir():
        shard.write_bytes(shard.read_bytes()[:20])
    assert np.array_equal(first, features(table, "text", MiniLM()))


def test_report_is_named_and_saved(toy_space: km.Space, tmp_path: Path) -> None:
    report = km.evaluate(toy_space, km.datasets.toy(rows=100, seed=8))
    report.save(tmp_path / "r.json")
    saved = json.loads((tmp_path / "r.json").read_text())
    assert saved["measures"]["a_to_b_R@10"]["value"] == report["a_to_b_R@10"]
    assert saved["measures"]["a_to_b_R@10"]["n"] == 100
    assert "a → b" in str(report)


@pytest.mark.parametrize("tile", [1, 7, 1000])
def test_tiles_change_no_rank(tile: int) -> None:
    """Equal scores and several right answers included."""
    rng = np.random.default_rng(0)
    queries, gallery = rng.integers(-2, 3, (50, 4)).astype(float), rng.integers(-2, 3, (80, 4)).astype(float)
    query_key, gallery_key = rng.integers(0, 30, 50), rng.integers(0, 30, 80)
    expected = ranks(queries, gallery, query_key, gallery_key, tile=50)
    assert np.array_equal(ranks(queries, gallery, query_key, gallery_key, tile=tile), expected, equal_nan=True)


def test_a_row_encoded_alone_is_the_row_encoded_among_others(space_and_table: tuple[km.Space, km.Table]) -> None:
    space, table = space_and_table
    few = table.take(range(12))
    together = np.asarray(space.encode(few))
    alone = np.concatenate([np.asarray(space.encode([few[i]])) for i in range(12)])
    np.testing.assert_allclose(alone, together, atol=2e-4)


def test_a_fit_goes_on_from_a_start_and_leaves_it_alone() -> None:
    table = small_toy()
    start = km.fit(table, km.CCA(dim=8, kernels=("linear",)), seed=0)
    before = np.asarray(start.encode(table)).copy()
    same = km.fit(table, init=start)
    none = km.fit(table, km.InfoNCE(), init=start, training=km.Training(steps=0), seed=0)
    more = km.fit(table, km.InfoNCE(), init=start, training=km.Training(steps=20), seed=0)
    again = km.fit(table, km.Reconstruct(), init=more, training=km.Training(steps=20), seed=0)
    assert np.array_equal(np.asarray(same.encode(table)), before)
    assert np.allclose(np.asarray(none.encode(table)), before, atol=1e-4)
    assert not np.allclose(np.asarray(more.encode(table)), before, atol=1e-3)
    assert again.dim == 8
    assert np.array_equal(np.asarray(start.encode(table)), before)


def test_a_start_that_does_not_fit_is_refused() -> None:
    table = small_toy()
    start = km.fit(table, km.CCA(dim=8, kernels=("arc-cosine",)), seed=0)
    with pytest.raises(km.KuamoError, match="of a kernel"):
        km.fit(table, km.InfoNCE(), init=start)
    with pytest.raises(km.TableError, match="dim=4"):
        km.fit(table, init=start, dim=4)
    with pytest.raises(km.TableError, match="'c'"):
        km.fit(small_toy(names=("a", "b", "c")), init=start)
