"""An index says what is wrong, and loses nothing by it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import kuamo as km

needs_lance = pytest.mark.skipif(
    __import__("importlib.util").util.find_spec("lance") is None, reason="pylance is not installed (extra `index`)"
)


def rows(start: int, stop: int, **extra: Any) -> km.Table:
    toy = km.datasets.toy(rows=50, seed=3)
    columns = {name: [toy[i % 50][name] for i in range(start, stop)] for name in ("a", "b")}
    return km.Table(columns, id=[str(i) for i in range(start, stop)], **extra)


@pytest.fixture(params=["memory", pytest.param("disk", marks=needs_lance)])
def index(request: pytest.FixtureRequest, toy_space: km.Space, tmp_path: Path) -> km.Index:
    path = None if request.param == "memory" else tmp_path / "x.lance"
    return toy_space.index(rows(0, 20, meta={"kind": ["x"] * 20, "year": [1] * 20}), path)


BAD_CHANGES: list[tuple[Any, str]] = [
    (lambda index: index.add(rows(19, 22)), "id '19', which the index has already"),
    (lambda index: index.add(rows(20, 22, meta={"colour": ["r", "g"]})), r"meta columns \['colour'\]"),
    (lambda index: index.add(rows(20, 22, meta={"year": ["soon", "late"]})), "'year': given cells that are not int64"),
    (lambda index: index.add(km.Table({"zzz": ["a"]}, id=["20"])), r"given columns \['zzz'\]"),
    (lambda index: index.update(km.Table({"zzz": ["a"]}, id=["2"])), r"given columns \['zzz'\]"),
    (lambda index: index.delete(["3", "nobody"]), "id 'nobody'"),
    (lambda index: index.delete("3"), "expected a list of ids"),
    (lambda index: index.optimize(kind="fast"), "kind='fast'"),
]


@pytest.mark.parametrize("change, message", BAD_CHANGES)
def test_a_bad_change_changes_nothing(index: km.Index, change: Any, message: str) -> None:
    before = index.search({"a": rows(3, 4)[0]["a"]}, k=5)
    with pytest.raises(km.KuamoError, match=message):
        change(index)
    assert len(index) == 20 and index.search({"a": rows(3, 4)[0]["a"]}, k=5) == before


def test_a_bad_cell_in_a_later_block_names_its_row(index: km.Index, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kuamo.index.rows.BLOCK_ROWS", 8)
    more = rows(20, 45)
    cells = [more[i]["a"] for i in range(25)]
    cells[19] = np.full(256, np.inf)
    with pytest.raises(km.CellError, match=r"column 'a', row 19 \(id '39'\)"):
        index.add(km.Table({"a": cells}, id=more.ids))
    assert len(index) == 20


BAD_QUERIES: list[tuple[Any, dict[str, Any], str]] = [
    ({"a": np.ones(256)}, {"to": "zzz"}, "no column 'zzz'"),
    ({"a": np.ones(256)}, {"k": 0}, "k=0"),
    (None, {}, "query is empty"),
    ({"zzz": 1}, {}, "the space's columns are"),
    (km.Embedding(np.ones((1, 3))), {}, r"code of shape \(1, 3\)"),
    (km.Embedding(np.full((1, 10_000), np.nan)), {}, "code of shape"),
    ({"a": np.ones(256)}, {"where": "colour = 'r'"}, "colour"),
    ({"a": np.ones(256)}, {"where": "kind ="}, "where='kind ='"),
    ({"a": np.ones(256)}, {"where": "kind = 'x' kind"}, "where="),
    ({"a": np.ones(256)}, {"where": "year AND"}, "where="),
]


@pytest.mark.parametrize("query, options, message", BAD_QUERIES)
def test_a_bad_query_is_refused(index: km.Index, query: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(km.TableError, match=message):
        index.search(query, **options)


def test_queries_that_mean_nothing(index: km.Index) -> None:
    one = km.Query({"a": np.arange(256.0)})
    with pytest.raises(km.TableError, match="terms that cancel"):
        index.search(one - one)
    for weight in (0, float("nan"), float("inf")):
        with pytest.raises(km.TableError, match="the weight"):
            weight * one
    with pytest.raises(km.TableError, match="given a Query of NoneType"):
        km.Query(None)
    with pytest.raises(TypeError):
        one + {"a": 1}  # type: ignore[operator]


def test_what_cannot_be_kept(toy_space: km.Space) -> None:
    for name in ("id", "_x", "a.b"):
        with pytest.raises(km.TableError, match="meta column"):
            toy_space.index(rows(0, 3, meta={name: [1, 2, 3]}))
    with pytest.raises(km.TableError, match="mixed kinds"):
        toy_space.index(rows(0, 3, meta={"year": [1, "b", 3]}))
    with pytest.raises(km.TableError, match="payload"):
        toy_space.index(rows(0, 3), payload=("films",))


@needs_lance
def test_opens_only_with_its_own_space(toy_space: km.Space, tmp_path: Path) -> None:
    toy_space.index(rows(0, 20), tmp_path / "x.lance")
    other = km.fit(km.datasets.toy(rows=100, seed=9), seed=0)
    with pytest.raises(km.StoreError, match="index of space"):
        km.Index.load(tmp_path / "x.lance", other)
    opened = km.Index.load(tmp_path / "x.lance", toy_space)
    other.index(rows(0, 20), tmp_path / "x.lance")
    with pytest.raises(km.StoreError, match="another space"):
        opened.search({"a": np.ones(256)})


@needs_lance
def test_half_an_index_does_not_open(toy_space: km.Space, tmp_path: Path) -> None:
    import shutil

    import lance
    import pyarrow as pa

    with pytest.raises(km.StoreError, match="expected a saved index"):
        km.Index.load(tmp_path / "none.lance", toy_space)
    toy_space.index(rows(0, 20), tmp_path / "x.lance")
    shutil.copytree(tmp_path / "x.lance", tmp_path / "cut.lance")
    for file in (tmp_path / "cut.lance" / "_versions").iterdir():
        file.write_bytes(file.read_bytes()[:30])
    with pytest.raises(km.StoreError):
        km.Index.load(tmp_path / "cut.lance", toy_space)
    lance.write_dataset(pa.table({"x": [1]}), str(tmp_path / "strange.lance"))
    with pytest.raises(km.StoreError, match="kuamo has not made"):
        km.Index.load(tmp_path / "strange.lance", toy_space)
    for name in ("strange.lance", "file"):
        (tmp_path / "file").write_text("mine")
        with pytest.raises(km.StoreError, match="not an index"):
            toy_space.index(rows(0, 20), tmp_path / name)
    assert (tmp_path / "file").read_text() == "mine"


def test_a_damaged_saved_index_is_refused(toy_space: km.Space, tmp_path: Path) -> None:
    toy_space.index(rows(0, 20)).save(tmp_path / "i")
    arrow = tmp_path / "i" / "rows.arrow"
    arrow.write_bytes(arrow.read_bytes()[:-40] + b"0" * 40)
    with pytest.raises(km.StoreError, match="missing or changed"):
        km.Index.load(tmp_path / "i", toy_space)


def test_without_pylance_it_says_what_to_type(
    toy_space: km.Space, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "lance", None)
    with pytest.raises(
        km.KuamoError, match=r"pip install '\.\[index\]'` in a clone of kuamo, or anywhere `pip install 'pylance"
    ):
        toy_space.index(rows(0, 20), tmp_path / "x.lance")
    assert not list(tmp_path.iterdir())
    assert toy_space.index(rows(0, 20)).search({"a": np.ones(256)}, k=2)


@needs_lance
def test_a_uri_is_never_a_folder(toy_space: km.Space, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is made on this machine for a place elsewhere; what cannot be there is refused by name."""
    monkeypatch.chdir(tmp_path)
    there = f"file-object-store://{tmp_path}/store"
    with pytest.raises(km.StoreError, match=r"s3://bucket/x\.space'; a space is kept on this machine"):
        toy_space.save("s3://bucket/x.space")
    with pytest.raises(km.StoreError, match=r"gs://bucket/x\.space'; a space is kept on this machine"):
        km.Space.load(Path("gs://bucket/x.space"))
    with pytest.raises(km.StoreError, match=r"s3://bucket/x'; an index in memory, once saved, is kept on this machine"):
        toy_space.index(rows(0, 9)).save("s3://bucket/x")
    with pytest.raises(km.StoreError, match=r"file-object-store:.*/none.lance does not exist; expected a saved index"):
        km.Index.load(f"{there}/none.lance", toy_space)
    with pytest.raises(km.StoreError, match=r"^nowhere://bucket/x\.lance: cannot be read"):
        toy_space.index(rows(0, 9), "nowhere://bucket/x.lance")
    with pytest.raises(km.StoreError, match=r"given storage_options for 'x\.lance'; expected a URI"):
        toy_space.index(rows(0, 9), "x.lance", storage_options={"region": "here"})
    assert list(tmp_path.iterdir()) == []

    import lance
    import pyarrow as pa

    lance.write_dataset(pa.table({"a": [1]}), f"{there}/foreign.lance")
    with pytest.raises(km.StoreError, match=r"foreign\.lance', which exists and is not an index"):
        toy_space.index(rows(0, 9), f"{there}/foreign.lance")
