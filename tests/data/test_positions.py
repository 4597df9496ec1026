"""Laws of positions: whatever a column comes as, row k is its k-th; rows are taken by whole numbers or truth values."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import torch
from scipy import sparse

import kuamo as km

POSE = np.arange(12.0).reshape(4, 3)


class Series:
    """What a pandas Series shows of itself: `[k]` is the row labelled k, and these labels run backwards."""

    def __init__(self, cells: list[Any]) -> None:
        self.cells, self.dtype = cells, np.dtype(object)

    def __getitem__(self, label: int) -> Any:
        return self.cells[len(self.cells) - 1 - label]

    def __len__(self) -> int:
        return len(self.cells)

    def isna(self) -> np.ndarray:
        return np.array([cell is None for cell in self.cells])

    def tolist(self) -> list[Any]:
        return self.cells


def pandas_series(cells: Any) -> Any:
    return pytest.importorskip("pandas").Series(list(cells), index=range(len(cells))[::-1])


def polars_series(cells: Any) -> Any:
    return pytest.importorskip("polars").Series([list(cell) for cell in cells])


FORMS: dict[str, Callable[[Any], Any]] = {
    "list": list,
    "tuple": tuple,
    "array": np.asarray,
    "iterator": lambda cells: iter(list(cells)),
    "values of a dict": lambda cells: dict(enumerate(cells)).values(),
    "labelled": lambda cells: Series(list(cells)),
    "pandas": pandas_series,
    "polars": polars_series,
    "Arrow": lambda cells: pa.array([list(cell) for cell in cells]),
    "tensor": torch.tensor,
    "tensor that is trained": lambda cells: torch.tensor(cells, requires_grad=True),
    "bfloat16": lambda cells: torch.tensor(cells).bfloat16(),
    "list of tensors": lambda cells: list(torch.tensor(cells)),
    "sparse": sparse.csr_matrix,
    "sparse array": sparse.coo_array,
    "rows of an array": lambda cells: list(np.asarray(cells)),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_a_column_is_read_by_position(form: str) -> None:
    table = km.Table({"pose": FORMS[form](POSE)})
    assert np.array_equal(list(table.values("pose")), POSE) and table.check() == []
    assert np.array_equal(list(table.take([2, 0]).values("pose")), POSE[[2, 0]])


def test_roles_and_meta_are_read_by_position() -> None:
    given = {name: Series([f"{name}{k}" for k in range(4)]) for name in ("id", "group", "label")}
    table = km.Table({"text": Series(list("abcd"))}, meta={"price": Series([5, 6, None, 8])}, **given)  # type: ignore[arg-type]
    assert table.ids == ["id0", "id1", "id2", "id3"] and table.groups[1] == "group1"
    assert table.labels == ["label0", "label1", "label2", "label3"] and list(table.meta["price"]) == [5, 6, None, 8]
    assert list(table.values("text")) == list("abcd")


def test_an_estimator_takes_targets_by_position() -> None:
    X = np.random.default_rng(0).standard_normal((60, 3))
    y = np.where(X[:, 0] > 0, "yes", "no")
    pandas = pytest.importorskip("pandas")
    labelled = pandas.Series(y, index=range(60)[::-1])
    assert km.Classifier().fit(X, labelled).score(X, y) > 0.9


@pytest.mark.parametrize(
    "cells",
    [{1, 2}, {0: "a", 1: "b"}, "ab", b"ab", 3, None, np.array(3), np.ma.masked_array(POSE, POSE > 4), pa.scalar(3)],
)
def test_what_has_no_positions_is_refused(cells: Any) -> None:
    with pytest.raises(km.TableError, match=r"column 'x'.*expected"):
        km.Table({"x": cells}, modalities={"x": km.Vector()})


@pytest.mark.parametrize("absent", [None, float("nan"), np.float32("nan"), np.datetime64("NaT"), [], np.array([])])
def test_every_kind_of_gap_is_a_gap(absent: Any) -> None:
    assert km.Table({"text": ["a", absent]}).present().ravel().tolist() == [True, False]
    assert km.Table({"text": ["a", "b"]}, label=["x", absent]).labels == ["x", None]


def test_masked_rows_are_absent() -> None:
    masked = np.ma.masked_array(POSE, np.repeat([[False], [True], [False], [False]], 3, axis=1))
    assert km.Table({"pose": masked}).column("pose").row.tolist() == [0, 2, 3]


# ── rows ─────────────────────────────────────────────────────────────────────────────────────────────────────────

WAYS: list[tuple[Any, list[str]]] = [
    ([2, 0], ["2", "0"]),
    (range(1, 3), ["1", "2"]),
    (slice(1, 3), ["1", "2"]),
    (slice(None, None, -2), ["3", "1"]),
    ([-1], ["3"]),
    ([], []),
    ([False, True, False, True], ["1", "3"]),
    (np.array([False, True, False, True]), ["1", "3"]),
    (torch.tensor([False, True, False, True]), ["1", "3"]),
    (np.array([3, 3], np.uint8), ["3", "3"]),
    (torch.tensor([1]), ["1"]),
]


@pytest.mark.parametrize("rows, ids", WAYS)
def test_rows_are_taken_by_number_slice_or_truth(rows: Any, ids: list[str]) -> None:
    table = km.Table({"text": list("abcd"), "pose": POSE}, label=[0, 1, 2, 3], meta={"price": [0, 1, 2, 3]})
    some = table.take(rows)
    assert some.ids == ids == table[rows].ids and list(map(str, some.labels or [])) == ids
    assert list(map(str, some.meta["price"])) == ids and len(list(some.values("pose"))) == len(ids)


@pytest.mark.parametrize(
    "rows", [[1.9], np.array([0.2, 3.9]), [2.0], [4], [-5], [True], [True] * 5, ["1"], "1", 1, None, {1}, [[1]], [None]]
)
def test_rows_that_are_none_are_refused(rows: Any) -> None:
    with pytest.raises(km.TableError, match=r"given .*(row|truth values)"):
        km.Table({"text": list("abcd")}).take(rows)


def test_a_table_is_asked_like_a_frame() -> None:
    table = km.Table({"text": list("abcdef"), "pose": np.eye(6)}, label=list("xyxyxy"), meta={"price": range(6)})
    assert list(table["text"]) == list("abcdef") and len(table["pose"]) == 6 and "Text" in repr(table["text"])
    assert table["price"] == list(range(6)) and table["label"] == list("xyxyxy") and table["id"] == table.ids
    assert table[-1]["text"] == "f" and [row["text"] for row in table] == list("abcdef")
    assert table.head(2).ids == table[:2].ids == ["0", "1"] and len(table.head()) == 5 and len(table.head(100)) == 6
    for some in (table[["text"]], table.select("text"), table.select(["text"]), table.select(("text",))):
        assert list(some.columns) == ["text"] and len(some) == 6
    for wrong in ("nothing", 6, -7, 1.5, {}, slice("a"), slice(0, 1.5), [["text"]]):
        with pytest.raises(km.TableError, match=r"given|no column"):
            table[wrong]
    for names in ([{}], [None], [3], [slice(2)], [["text", None]]):
        with pytest.raises(km.TableError, match="no column"):
            table.select(*names)  # type: ignore[arg-type]
    with pytest.raises(km.TableError, match=r"given by=\['text'\]"):
        table.split(by=["text"])  # type: ignore[arg-type]
    with pytest.raises(km.TableError, match="no column is selected"):
        table.select()
    with pytest.raises(km.TableError, match=r"kept as metadata.*price"):
        table.column("price")


# ── groups and ids ───────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("gap", [None, float("nan"), np.float32("nan"), np.datetime64("NaT")])
def test_a_row_without_a_group_is_alone(gap: Any) -> None:
    table = km.Table({"text": list("abcd")}, id=["b", "c", "d", "b (alone)"], group=["c", gap, gap, gap])
    assert len(set(table.groups)) == 4 and table.groups[0] == "c"
    twice = km.Table({"text": list("abc")}, id=["x", "y", "z"], group=["y", gap, "y (alone)"])
    assert len(set(twice.groups)) == 3


def test_rows_without_a_value_are_parted_one_by_one() -> None:
    table = km.Table({"text": list("abcdef")}, meta={"scene": ["s", "s", None, None, float("nan"), "None"]})
    parts = [table.split(test=1, by="scene", seed=seed)[1].ids for seed in range(20)]
    assert {len(part) for part in parts} == {1, 2} and ["0", "1"] in parts
    assert all(len(part) == 1 for part in parts if "0" not in part)


@pytest.mark.parametrize("test", [1.0, 2.7, True, float("nan"), "0.2"])
def test_shares_that_would_be_cut_are_refused(test: Any) -> None:
    with pytest.raises(km.TableError, match="expected a share below 1, or a whole number"):
        km.Table({"text": list("abcdef")}).split(test=test)


def test_a_share_may_come_from_numpy() -> None:
    assert len(km.Table({"text": list("abcdef")}).split(test=np.float32(0.5))[1]) == 3


def test_no_index_has_an_id_twice(toy_space: km.Space, tmp_path: Path) -> None:
    toy = km.datasets.toy(rows=4)
    index = toy_space.index(toy.take([0, 1]))
    for place in (None, tmp_path / "x.lance"):
        with pytest.raises(km.TableError, match="rows 0 and 1: given the id '2' more than once"):
            toy_space.index(toy.take([2, 2]), place)
    for change in (index.add, index.update):
        with pytest.raises(km.TableError, match="more than once"):
            change(toy.take([2, 2]))
    assert index.ids == ["0", "1"]


# ── whatever a table is made of ──────────────────────────────────────────────────────────────────────────────────


def test_tables_are_made_of_rows_frames_and_files(tmp_path: Path) -> None:
    rows = [{"text": "a", "pose": [1.0, 2.0]}, {"pose": [3.0, 5.0]}]
    frame = pa.table({"text": ["a", None], "pose": [[1.0, 2.0], [3.0, 5.0]]})
    (tmp_path / "t.jsonl").write_text('{"text": "a", "pose": [1, 2]}\n{"pose": [3, 5]}\n')
    sources: list[Any] = [rows, iter(rows), frame, frame.to_batches()[0], frame.to_reader(), tmp_path / "t.jsonl"]
    for source in [*sources, str(tmp_path / "t.jsonl")]:
        table = km.Table(source, label=["x", "y"], meta={"price": [1, 2]})
        assert str(table) == "Table: 2 rows; text: Text 1/2, pose: Vector 2/2"
        assert table.labels == ["x", "y"] and list(table.meta["price"]) == [1, 2]
    for wrong in ([1, 2], 5, None, [], [[1]], rows[0].keys()):
        with pytest.raises(km.TableError, match=r"(given|the table has no columns).*expected"):
            km.Table(wrong)
    with pytest.raises(km.TableError, match="unequal length"):
        km.Table(frame, label=["x"])


def test_frames_of_other_libraries() -> None:
    polars, pandas = pytest.importorskip("polars"), pytest.importorskip("pandas")
    cells = {"text": ["a", None], "pose": [[1.0, 2.0], [3.0, 5.0]]}
    for frame in (polars.DataFrame(cells), pandas.DataFrame(cells, index=[1, 0])):
        assert str(km.Table(frame)) == "Table: 2 rows; text: Text 1/2, pose: Vector 2/2"
    with pytest.raises(km.TableError, match=r"LazyFrame.*collect"):
        km.Table(polars.DataFrame(cells).lazy())
    gaps = km.Table({"text": pandas.array(["a", None], "string")}, label=pandas.array([1, None], "Int64"))
    assert gaps.labels == [1, None] and gaps.present().ravel().tolist() == [True, False]


def test_fit_evaluate_and_index_take_what_a_table_takes(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    rows = {"a": rng.standard_normal((40, 3)), "b.c": rng.standard_normal((40, 2))}
    (tmp_path / "t.jsonl").write_text(
        "".join(f'{{"a": {a.tolist()}, "b.c": {b.tolist()}}}\n' for a, b in zip(*rows.values()))
    )
    space = km.fit(rows, km.CCA(dim=2))
    read = km.fit(tmp_path / "t.jsonl", km.CCA(dim=2))
    assert np.allclose(np.asarray(space.encode(km.Table(rows))), np.asarray(read.encode(km.Table(rows))), atol=1e-5)
    report = km.evaluate(space, tmp_path / "t.jsonl")
    assert report["a_to_b.c_R@1"] == km.evaluate(space, km.Table(rows))["a_to_b.c_R@1"]
    assert len(space.index(rows)) == len(space.index(pa.table({"a": rows["a"].tolist()}))) == 40
    with pytest.raises(km.TableError, match=r"given table=None \(NoneType\); expected a Table"):
        km.fit(None)  # type: ignore[arg-type]


class Stream:
    """What a Hugging Face `IterableDataset` shows of itself."""

    features = None
    column_names = None

    def with_format(self, kind: str) -> Stream:
        return self


def test_a_stream_of_rows_is_refused_in_words() -> None:
    with pytest.raises(km.TableError, match=r"whose end nobody knows.*from_list"):
        km.Table(Stream())


def test_hashes_of_64_bits_are_kept(toy_space: km.Space) -> None:
    toy = km.datasets.toy(rows=3)
    table = km.Table({name: column.cells for name, column in toy.columns.items()}, meta={"hash": [2**64 - 1, 1, 2]})
    assert toy_space.index(table)._held["hash"].to_pylist() == [2**64 - 1, 1, 2]  # type: ignore[attr-defined]
    table.meta["hash"] = [2**70, 1, 2]
    with pytest.raises(km.TableError, match="'hash': given whole numbers beyond 64 bits"):
        toy_space.index(table)


@pytest.mark.parametrize("half", ["\ud800", "a\udcff"])
def test_halves_of_characters_are_refused_in_words(half: str) -> None:
    ways: list[Callable[[], Any]] = [
        lambda: km.Table({"text": [half]}).check(),
        lambda: km.Table({"kind": [half]}, modalities={"kind": km.Category()}).check(),
        lambda: km.Table({half: ["a"]}),
        lambda: km.Table({"text": ["a"]}, id=[half]),
        lambda: km.Table({"text": ["a"]}, group=[half]),
        lambda: km.Table({"text": ["a"]}, label=[half]),
        lambda: km.Table({"text": ["a"]}, meta={"note": [half]}),
    ]
    for way in ways:
        with pytest.raises(km.TableError, match=r"\\ud[8c]\w\w.*expected") as caught:
            way()
        str(caught.value).encode()


def test_a_space_encodes_whatever_comes_in_an_order(toy_space: km.Space) -> None:
    toy = km.datasets.toy(rows=4)
    cells = np.stack(list(toy.values("a")))
    wanted = np.asarray(toy_space.encode(toy.select("a")))
    forms: list[Any] = [
        cells,
        torch.tensor(cells),
        iter([{"a": cell} for cell in cells]),
        list(cells),
        Series(list(cells)),
    ]
    for form in forms:
        assert np.allclose(np.asarray(toy_space.encode(form, modality="a")), wanted, atol=1e-6)
    assert np.allclose(np.asarray(toy_space.encode(pa.table({"a": cells.tolist()}))), wanted, atol=1e-6)
    for wrong in ({1, 2}, 3, np.zeros((2, 2, 2))):
        with pytest.raises(km.TableError, match="accepted by none"):
            toy_space.encode(wrong)
