"""From the closed form on by contrast: kept where held-out rows gain, and never where they do not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import kuamo as km
from kuamo.fitting.finetuning import FinetuneResult
from kuamo.training.batch import ColumnBatch, FeatureSource, MixKey, fusemix
from members import small_toy


def curved(rows: int, seed: int = 0) -> km.Table:
    """Two views of one latent in which some axes count much more for finding a partner than for correlation."""
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(rows, 12))
    world = np.random.default_rng(99)
    a, b = world.normal(size=(12, 60)), world.normal(size=(12, 50))
    x, y = z @ a, np.sign(z) * np.abs(z) ** 0.5 @ b
    return km.Table({"a": x + rng.normal(size=x.shape), "b": y + rng.normal(size=y.shape)})


def test_it_is_taken_only_where_held_out_rows_gain() -> None:
    train, test = curved(1500).split(test=300, seed=0)
    plain, further = km.fit(train, km.CCA(), seed=0), km.fit(train, seed=0)
    taken = further.notes[-1].endswith("so the fine-tuned weights are kept")
    same = np.array_equal(np.asarray(plain.encode(test)), np.asarray(further.encode(test)))
    assert taken != same
    reports = [km.evaluate(space, test) for space in (plain, further)]
    assert reports[1]["a_to_b_MRR"] > reports[0]["a_to_b_MRR"] - 0.02
    assert not FinetuneResult(0.5, 0.502, 32, 0.005).gains and FinetuneResult(0.5, 0.51, 32, 0.005).gains


def test_columns_without_a_common_cause_are_not_learned_by_heart() -> None:
    rng = np.random.default_rng(0)
    table = km.Table({"a": rng.normal(size=(400, 30)), "b": rng.normal(size=(400, 20))})
    train, test = table.split(test=150, seed=0)
    assert km.evaluate(km.fit(train, seed=0), test)["a_to_b_R@10"] < 3 * 10 / 150


@pytest.mark.parametrize("names", [("a", "b"), ("a", "b", "c")])
def test_a_second_fit_does_not_search_again_and_gives_the_same(
    names: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUAMO_CACHE", str(tmp_path))
    table = small_toy(120, names=names, holes=0.2, seed=3)
    first = km.fit(table, seed=0)
    assert len(list((tmp_path / "choices").glob("*.json"))) == 3  # search, contrast, hubness
    from kuamo.closed_form.cca_search import try_choices

    def forbidden(*_: object) -> None:
        raise AssertionError("searched again")

    monkeypatch.setattr(try_choices, "__code__", forbidden.__code__)
    second = km.fit(table, seed=0)
    assert first.notes == second.notes
    assert np.array_equal(np.asarray(first.encode(table)), np.asarray(second.encode(table)))


def test_a_damaged_memory_is_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUAMO_CACHE", str(tmp_path))
    table = small_toy(90, seed=3)
    first = km.fit(table, seed=0)
    for path, text in zip(sorted((tmp_path / "choices").glob("*.json")), ("{", "[]", '{"best": [1]}'), strict=True):
        path.write_text(text)
    assert first.notes == km.fit(table, seed=0).notes


def test_mixing_takes_the_same_row_and_share_in_every_column() -> None:
    rows = np.array([4, 0, 2, 1])
    x = np.arange(5, dtype=np.float32)[:, None]
    sources = {"a": FeatureSource(x, np.arange(5), 5), "b": FeatureSource(10 * x[[0, 1, 4]], np.array([0, 1, 4]), 5)}
    place = np.arange(4)
    cells = {name: source.cells(rows, place) for name, source in sources.items()}
    fusemix(cells, sources, rows, MixKey(1.0, (0, 0)))
    a = dict(zip(cells["a"].row.tolist(), cells["a"].x[:, 0].tolist(), strict=True))
    b = dict(zip(cells["b"].row.tolist(), cells["b"].x[:, 0].tolist(), strict=True))
    assert sorted(b) == [0, 1, 3]
    for row, value in b.items():  # what was 10 times as large still is
        assert value == pytest.approx(10 * a[row], abs=1e-4)
    assert a[2] == 2.0  # row 2 of the table has no b, and nobody else is like it
    raw = FeatureSource(x, np.arange(5), 5)
    raw.frozen = None  # type: ignore[assignment]
    with pytest.raises(km.KuamoError, match="'a'"):
        fusemix({"a": ColumnBatch(torch.zeros(1, 1), torch.tensor([0]))}, {"a": raw}, rows, MixKey(1.0, (0, 0)))
