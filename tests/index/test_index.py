"""Laws of an index, in memory and on disk: changes add up, filters filter, percentiles are uniform on the null."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import kuamo as km
from kuamo.index.lance import LanceIndex
from kuamo.index.score_calibration import NullDistribution, mismatched_scores, percentile

needs_lance = pytest.mark.skipif(
    __import__("importlib.util").util.find_spec("lance") is None, reason="pylance is not installed (extra `index`)"
)
Make = Callable[..., km.Index]


@pytest.fixture(scope="module")
def table() -> km.Table:
    """300 rows of three columns with holes, and meta columns."""
    plain = km.datasets.toy(rows=300, modalities=("a", "b", "c"), holes=0.3, seed=1)
    return with_meta(plain)


def with_meta(plain: km.Table) -> km.Table:
    rows = range(len(plain))
    meta = {
        "kind": [["animals & nature", "food", None][int(plain.ids[i]) % 3] for i in rows],
        "year": [2000 + int(plain.ids[i]) % 20 for i in rows],
    }
    columns = {name: [column[i] for i in rows] for name, column in plain.columns.items()}
    return km.Table(columns, modalities=plain.modalities, id=plain.ids, meta=meta)


@pytest.fixture(scope="module")
def space(table: km.Table) -> km.Space:
    return km.fit(table, km.CCA(dim=16, kernels=("linear",)), seed=0)


@pytest.fixture(params=["memory", pytest.param("disk", marks=needs_lance)])
def make(request: pytest.FixtureRequest, space: km.Space, tmp_path: Path) -> Make:
    """Makes an index of a table, in either form."""
    count = iter(range(100))

    def made(table: km.Table, **options: Any) -> km.Index:
        path = None if request.param == "memory" else tmp_path / f"{next(count)}.lance"
        return space.index(table, path, **options)

    return made


@pytest.fixture(scope="module", params=["memory", pytest.param("disk", marks=needs_lance)])
def whole(
    request: pytest.FixtureRequest, space: km.Space, table: km.Table, tmp_path_factory: pytest.TempPathFactory
) -> km.Index:
    """An index of the whole table, in either form, that no test changes."""
    path = None if request.param == "memory" else tmp_path_factory.mktemp("index") / "whole.lance"
    return space.index(table, path)


def queries(table: km.Table, count: int = 12) -> list[dict[str, Any]]:
    there = [i for i in range(len(table)) if table[i]["a"] is not None]
    return [{"a": table[i]["a"]} for i in there[:count]]


def same(first: list[list[Any]], second: list[list[Any]], percentiles: bool = True) -> None:
    for one, other in zip(first, second, strict=True):
        assert [(hit.id, hit.column, hit.show) for hit in one] == [(hit.id, hit.column, hit.show) for hit in other]
        np.testing.assert_allclose([hit.score for hit in one], [hit.score for hit in other], rtol=1e-4, atol=1e-6)
        if percentiles:
            np.testing.assert_allclose([h.percentile for h in one], [h.percentile for h in other], atol=1e-3)


def brute(space: km.Space, table: km.Table, query: Any, to: str, k: int) -> list[str]:
    """By hand: the space's own similarity, sorted."""
    codes, rows = space.encode_column(table, to)
    scores = space.similarity(space.encode([query]), codes)[0]
    return [table.ids[rows[i]] for i in np.argsort(-scores, kind="stable")[:k]]


@pytest.mark.parametrize("to", ["a", "b", "c"])
def test_search_is_the_similarity_sorted(whole: km.Index, space: km.Space, table: km.Table, to: str) -> None:
    for query in queries(table, 5):
        assert [hit.id for hit in whole.search(query, to=to, k=9)] == brute(space, table, query, to, 9)


def test_in_two_parts_is_at_once(make: Make, table: km.Table) -> None:
    whole, parts = make(table), make(table.take(range(130)))
    parts.add(table.take(range(130, 300)))
    assert len(parts) == 300 and sorted(parts.ids) == sorted(table.ids)
    asked = queries(table)
    same(whole.search(asked, to="b", k=5), parts.search(asked, to="b", k=5))
    same(whole.search(asked, k=5), parts.search(asked, k=5))


def test_what_is_deleted_is_found_no_more(make: Make, space: km.Space, table: km.Table) -> None:
    index, query = make(table), queries(table)[0]
    best = [hit.id for hit in index.search(query, to="b", k=4)]
    index.delete(best[:2])
    assert len(index) == 298
    assert [hit.id for hit in index.search(query, to="b", k=2)] == best[2:]
    index.add(table.take([table.ids.index(name) for name in best[:2]]))
    assert [hit.id for hit in index.search(query, to="b", k=4)] == best


def test_update_replaces_and_adds(make: Make, table: km.Table) -> None:
    index = make(table.take(range(200)))
    moved = {name: [column[(i + 1) % 300] for i in range(300)] for name, column in table.columns.items()}
    turned = km.Table(moved, modalities=table.modalities, id=table.ids, meta=table.meta)
    index.update(turned.take(range(150, 250)))
    expected = make(table.take(range(150)))
    expected.add(turned.take(range(150, 250)))
    assert sorted(index.ids) == sorted(expected.ids)
    same(index.search(queries(table), k=6), expected.search(queries(table), k=6))


FILTERS: list[tuple[str, Callable[[dict[str, Any]], bool]]] = [
    ("kind = 'animals & nature'", lambda m: m["kind"] == "animals & nature"),
    ("kind != 'food' AND year >= 2010", lambda m: m["kind"] == "animals & nature" and m["year"] >= 2010),
    ("NOT (kind = 'food' OR year < 2005)", lambda m: m["kind"] == "animals & nature" and m["year"] >= 2005),
    ("kind IS NULL or `year` in (2001, 2002)", lambda m: m["kind"] is None or m["year"] in (2001, 2002)),
    ("kind NOT IN ('food')", lambda m: m["kind"] == "animals & nature"),
    ("kind like 'an%' and id <> '3'", lambda m: m["kind"] == "animals & nature" and m["id"] != "3"),
    ("year > 3000", lambda m: False),
]


@pytest.mark.parametrize("where, wanted", FILTERS)
def test_filter_is_filtering_by_hand(whole: km.Index, table: km.Table, where: str, wanted: Any) -> None:
    chosen = [
        i
        for i in range(300)
        if wanted({"id": table.ids[i], "kind": table.meta["kind"][i], "year": table.meta["year"][i]})
    ]
    found = whole.search(queries(table), to="b", k=300, where=where)
    by_hand = whole.search(queries(table), to="b", k=300)
    ids = {table.ids[i] for i in chosen}
    same(found, [[hit for hit in hits if hit.id in ids] for hits in by_hand])


@needs_lance
def test_on_disk_is_in_memory(space: km.Space, table: km.Table, tmp_path: Path) -> None:
    memory, disk = space.index(table), space.index(table, tmp_path / "x.lance")
    asked: list[Any] = [*queries(table), km.Query(queries(table)[0]) - 0.5 * km.Query({"b": table[3]["b"]})]
    asked.append({"a": table[3]["a"], "b": table[3]["b"]})
    same(memory.search(asked, k=7), disk.search(asked, k=7))
    again = km.Index.load(tmp_path / "x.lance", space)
    same(memory.search(asked, to="c", k=7, where="year < 2010"), again.search(asked, to="c", k=7, where="year < 2010"))
    disk.save(tmp_path / "copy.lance")
    disk.delete(disk.ids[:100])
    same(memory.search(asked, k=7), km.Index.load(tmp_path / "copy.lance", space).search(asked, k=7))
    memory.save(tmp_path / "kept")
    same(memory.search(asked, k=7), km.Index.load(tmp_path / "kept", space).search(asked, k=7))


def test_percentile_is_uniform_on_the_null() -> None:
    """Fresh mismatched pairs of the same distribution fall evenly; beyond all of them the tail still increases."""
    rng = np.random.default_rng(0)
    old, new = rng.standard_normal((2, 2, 600, 24))
    groups = np.arange(600)
    null = NullDistribution.of(mismatched_scores(old[0], [groups], old[1], groups))
    assert null is not None
    scores = mismatched_scores(new[0], [groups], new[1], groups)
    assert len(scores) == 600 * 599
    found = np.sort(percentile(null.surprise(scores))) / 100
    assert np.abs(found - np.linspace(0, 1, len(found))).max() < 0.01
    far = np.linspace(scores.min() - 50, scores.max() + 50, 999)
    assert (np.diff(null.surprise(far)) > 0).all()
    again = NullDistribution.from_dict(null.to_dict())
    assert np.array_equal(again.surprise(far), null.surprise(far))


def test_percentiles_make_columns_comparable(whole: km.Index, table: km.Table) -> None:
    """A column whose scores are all larger does not crowd out the others: right cells of every column come first."""
    full = [i for i in range(300) if all(table[i][name] is not None for name in "abc")][:40]
    hits = whole.search([{"a": table[i]["a"]} for i in full], k=3)
    columns = [hit.column for found in hits for hit in found]
    assert min(columns.count("b"), columns.count("c")) > 20
    right = [hit.id == table.ids[i] for i, found in zip(full, hits, strict=True) for hit in found]
    assert np.mean(right) > 0.8
    assert all(found[0].percentile >= found[1].percentile >= found[2].percentile for found in hits)


def test_one_term_is_plain_and_sums_are_sums(whole: km.Index, space: km.Space, table: km.Table) -> None:
    index, (first, second, *_) = whole, queries(table)
    plain = index.search([first], k=5)
    same(plain, [index.search(km.Query(first), k=5)])
    same(plain, [index.search(2 * km.Query(first), k=5)], percentiles=False)
    same(plain, index.search([0.5 * km.Query(first) + km.Query(first)], k=5), percentiles=False)
    same(plain, index.search(space.encode([first]), k=5), percentiles=False) if space.score == "cosine" else None
    a, b = np.asarray(space.encode([first, second]))
    mixed = index.search(km.Query(first) + 3 * km.Query(second) - km.Query(first), to="a", k=1)
    assert mixed[0].id == index.search(second, to="a", k=1)[0].id
    total = km.Query(first) - 2 * km.Query(second)
    by_hand = index.search(km.Embedding(((a - 2 * b) / np.linalg.norm(a - 2 * b))[None]), to="b", k=5)[0]
    assert [hit.id for hit in index.search(total, to="b", k=5)] == [hit.id for hit in by_hand]


def test_only_the_shares_of_weights_count(whole: km.Index, table: km.Table) -> None:
    """Also where their sum, or a product of theirs, is no number any more."""
    index, (first, second, *_) = whole, map(km.Query, queries(table))
    for large in (1e-320, 1e-300, 1e300, 1e308):
        same(
            [index.search(first - 0.5 * second, to="b", k=5)],
            [index.search(large * first - large * 0.5 * second, to="b", k=5)],
        )
        same([index.search(first, to="b", k=5)], [index.search(large * first, to="b", k=5)])
    same(
        [index.search(first, to="b", k=5)],
        [index.search(1e300 * first + 1e-300 * second, to="b", k=5)],
        percentiles=False,
    )
    with pytest.raises(km.TableError, match="less extreme"):
        1e308 * (10 * first)


PARTS: dict[str, Callable[[km.Table], km.Table]] = {
    "one column": lambda table: table.select("c"),
    "one row": lambda table: table.take([2]),
    "no rows": lambda table: table.take([]),
    "no rows of one column": lambda table: table.select("c").take([]),
}


@pytest.mark.parametrize("part", PARTS)
def test_any_part_of_the_columns_can_be_indexed(part: str, make: Make, table: km.Table) -> None:
    """Pictures alone, asked by text, is what most people want first."""
    some = PARTS[part](with_meta(table))
    index, asked = make(some), queries(table, 3)
    there = {name for name, column in some.columns.items() if len(column.row)}
    for to in (None, "a", "b", "c"):
        for hits in [
            *index.search(asked, to=to, k=4),
            index.search(km.Query(asked[0]) - km.Query(asked[1]), to=to, k=4),
        ]:
            assert len(hits) == min(4, sum(len(some.column(name).row) for name in there if to in (None, name)))
            assert all(hit.percentile is None or 0 <= hit.percentile <= 100 for hit in hits)
    if len(some):
        assert len(index.search(asked[0], to="c", where=f"id = '{some.ids[0]}'")) == int(0 in some.column("c").row)
    index.update(table.take(range(40)))
    whole = make(table.take(range(40)))
    if len(some) <= 1:
        same(index.search(asked, to="b", k=4), whole.search(asked, to="b", k=4))
    index.delete(index.ids)
    assert len(index) == 0 and index.search(asked[0]) == []


def test_a_ready_code_is_the_query_it_came_from(whole: km.Index, space: km.Space, table: km.Table) -> None:
    asked = queries(table)
    same(whole.search(asked, to="b"), whole.search(space.encode(asked), to="b"), percentiles=False)


def test_thumbnails_and_texts_are_shown(tmp_path: Path) -> None:
    import io

    from PIL import Image as pil

    rng = np.random.default_rng(0)
    pictures = [rng.integers(0, 255, (200, 120, 3), dtype=np.uint8) if i % 7 else None for i in range(40)]
    words = [f"picture number {i}" for i in range(40)]
    table = km.Table({"photo": pictures, "text": words, "pose": rng.standard_normal((40, 5))})
    encoders = {"photo": PixelLikelihood(), "text": Lengths()}
    space = km.fit(table, km.CCA(dim=4, kernels=("linear",)), encoders=encoders, seed=0)
    index = space.index(table, payload=("text", "thumbnail"))
    hit, *_ = index.search({"text": "picture number 3"}, to="text", where="id = '3'")
    assert hit.show == "picture number 3" and hit.thumbnail is not None and len(hit.thumbnail) < 30_000
    assert max(pil.open(io.BytesIO(hit.thumbnail)).size) <= 96
    assert index.search({"text": words[7]}, to="text", where="id = '7'")[0].thumbnail is None
    assert space.index(table).search({"text": words[3]}, to="text", where="id = '3'")[0].thumbnail is None


class Lengths:
    """The text's number, as features."""

    fingerprint = "test lengths/1"

    def prepare(self, value: str) -> np.ndarray:
        return np.sin(int(value.split()[-1]) * np.arange(1.0, 9))

    def __call__(self, batch: Any) -> np.ndarray:
        return np.asarray(batch, np.float32)


class PixelLikelihood:
    """A few pixels as features."""

    fingerprint = "test pixels/1"

    def prepare(self, value: np.ndarray) -> np.ndarray:
        return value[::50, ::50].ravel() / 255

    def __call__(self, batch: Any) -> np.ndarray:
        return np.asarray(batch, np.float32)


# ── on disk ──────────────────────────────────────────────────────────────────────────────────────────────────────


@needs_lance
@pytest.mark.parametrize("kind", ["quantised", "graph"])
def test_a_finder_finds_what_a_scan_finds(kind: str, tmp_path: Path) -> None:
    """Also rows added after it was made, and none that were deleted; filters and optimising again included."""
    table = with_meta(km.datasets.toy(rows=1000, dims=(60, 52), holes=0.1, seed=2))
    space, asked = km.fit(table.take(range(300)), km.CCA(dim=16, kernels=("linear",)), seed=0), queries(table, 20)
    index, memory = space.index(table.take(range(800)), tmp_path / "x.lance"), space.index(table)
    index.optimize(kind=kind)
    made = {"quantised": "IVF_RQ", "graph": "IVF_HNSW_SQ"}[kind]
    assert isinstance(index, LanceIndex) and set(index.ann_indexes().values()) == {made}
    index.add(table.take(range(800, 1000)))
    gone = [hit.id for hit in index.search(asked[0], to="b", k=2)]
    index.delete(gone)
    memory.delete(gone)
    for _ in range(2):
        for where in (None, "year > 2012", "year = 2003 AND kind = 'food'"):
            found, exact = (i.search(asked, to="b", k=10, where=where) for i in (index, memory))
            shared = [len({h.id for h in a} & {h.id for h in b}) / 10 for a, b in zip(found, exact, strict=True)]
            assert np.mean(shared) >= 0.98, where
            assert not {hit.id for hits in found for hit in hits} & set(gone)
            np.testing.assert_allclose([h[0].score for h in found], [h[0].score for h in exact], atol=1e-4)
        index.optimize(kind=kind)
        assert set(index.ann_indexes().values()) == {made}
    index.optimize(kind="exact")
    assert not index.ann_indexes()
    same(index.search(asked, k=5), memory.search(asked, k=5))


@needs_lance
def test_streamed_from_disk_is_held_in_memory(
    space: km.Space, table: km.Table, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beyond the size that is held, tiles pass from disk: the same hits."""
    index = space.index(table, tmp_path / "x.lance")
    expected = index.search(queries(table), k=40)
    monkeypatch.setattr("kuamo.index.lance.EXACT_ROWS", 10)
    monkeypatch.setattr("kuamo.index.lance.TILE_ROWS", 32)
    streamed = km.Index.load(tmp_path / "x.lance", space)
    monkeypatch.setattr(streamed, "_small", None)  # nothing may be held
    same(expected, streamed.search(queries(table), k=40))


WRITER = """
import sys
import numpy as np
import kuamo as km
space = km.Space.load(sys.argv[1])
index = km.Index.load(sys.argv[2], space)
taken = 0
for number in range(8):
    for name in (f"{sys.argv[3]}-{number}", f"both-{number}"):
        rng = np.random.default_rng(number)
        try:
            index.add(km.Table({"a": rng.standard_normal((2, 256))}, id=[name, name + "+"]))
        except km.TableError as error:
            assert "which the index has already" in str(error), error
            taken += 1
print(taken)
"""


@needs_lance
def test_in_an_object_store_is_on_disk(space: km.Space, table: km.Table, tmp_path: Path) -> None:
    """Lance's own scheme for object-store semantics on this machine; `file://` is a folder like any other."""
    uri = f"file-object-store://{tmp_path}/store/x.lance"
    stored, disk = space.index(table.take(range(200)), uri), space.index(table, f"file://{tmp_path}/my%20x.lance")
    assert (tmp_path / "my x.lance").is_dir() and not list(Path().glob("file*:"))
    stored.add(table.take(range(200, 300)))
    again = km.Index.load(Path(uri), space)  # as a command line gives it
    asked = queries(table)
    same(again.search(asked, k=7), disk.search(asked, k=7))
    again.delete([table.ids[0]])
    assert len(stored) == 299 and len(space.index(table.take(range(9)), uri)) == 9
    again.save(tmp_path / "copy.lance")
    assert len(km.Index.load(tmp_path / "copy.lance", space)) == 9


@needs_lance
def test_two_processes_add_at_once(toy_space: km.Space, tmp_path: Path) -> None:
    """Both succeed, and an id that both add is added once."""
    toy_space.save(tmp_path / "s")
    index = toy_space.index(km.datasets.toy(rows=20), tmp_path / "x.lance")
    names = ("one", "two")
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path / "s"), str(tmp_path / "x.lance"), name],
            stdout=subprocess.PIPE,
            text=True,
        )
        for name in names
    ]
    said = [writer.communicate()[0] for writer in writers]
    assert [writer.returncode for writer in writers] == [0, 0]
    assert sum(int(text) for text in said) == 8
    expected = {f"{who}-{i}{end}" for who in (*names, "both") for i in range(8) for end in ("", "+")}
    assert len(index) == 20 + 48 and set(index.ids) == expected | {str(i) for i in range(20)}


@needs_lance
def test_a_new_one_replaces_the_old_in_one_step(space: km.Space, table: km.Table, tmp_path: Path) -> None:
    space.index(table, tmp_path / "x.lance")
    with pytest.raises(km.CellError):
        space.index(km.Table({"a": [np.full(256, np.nan)]}), tmp_path / "x.lance")
    assert len(km.Index.load(tmp_path / "x.lance", space)) == 300
    assert len(space.index(table.take(range(9)), tmp_path / "x.lance")) == 9
    assert [path.name for path in tmp_path.iterdir()] == ["x.lance"]


def test_a_writer_killed_between_two_renames_loses_nothing(toy_space: km.Space, tmp_path: Path) -> None:
    """The old folder comes back, and what the killed one had begun goes."""
    import platform

    toy_space.save(tmp_path / "s")
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    mark = f"{platform.node()}~{dead.pid}~00000000"
    (tmp_path / "s").rename(tmp_path / f".s~{mark}.old")
    (tmp_path / f".s~{mark}.part").mkdir()
    assert km.Space.load(tmp_path / "s").dim == toy_space.dim
    toy_space.save(tmp_path / "s")
    assert [path.name for path in tmp_path.iterdir()] == ["s"]


@needs_lance
def test_kills_lose_nothing() -> None:
    """The short form of benchmarks/index/kills.py: three kills at random moments of encoding, adding and building."""
    script = Path(__file__).parents[2] / "benchmarks" / "index" / "kills.py"
    done = subprocess.run(
        [sys.executable, str(script), "--kills", "3", "--seed", "1", "--json"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads(done.stdout)
    assert sum(work["kills"] for work in report.values()) == 3
    assert not any(work["wrong"] for work in report.values())
    assert report["adding"]["left beside, never read"] == report["building"]["left beside, never read"] == 0
