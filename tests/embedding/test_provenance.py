"""A space knows the rows that taught it from others, by few fingerprints, and says so where figures would mislead."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest

import kuamo as km
from kuamo.core.messages import localize
from kuamo.embedding.provenance import ASKED, KEPT, fingerprints_of_rows, leakage_notes, training_overlap


def rows(count: int = 600, seed: int = 0) -> km.Table:
    toy = km.datasets.toy(count, modalities=("a", "b"), holes=0.2, seed=seed)
    kind = ["cat" if i % 3 else "dog" for i in range(count)]
    cells = {name: [toy[i].get(name) for i in range(count)] for name in ("a", "b")} | {"kind": kind}
    return km.Table(cells, modalities={"a": km.Vector(), "b": km.Vector(), "kind": km.Category()})


@pytest.fixture(scope="module")
def split() -> tuple[km.Table, km.Table]:
    return rows().split(test=0.4, seed=0)


@pytest.fixture(scope="module")
def space(split: tuple[km.Table, km.Table]) -> km.Space:
    return km.fit(split[0], km.CCA(dim=4, kernels=("linear",)))


def test_rows_that_taught_are_told_from_others(
    split: tuple[km.Table, km.Table], space: km.Space, tmp_path: Path
) -> None:
    train, test = split
    space.save(tmp_path / "s")
    for one in (space, km.Space.load(tmp_path / "s")):
        assert training_overlap(one, train) > 0.85 and training_overlap(one, test) == 0
        assert training_overlap(one, train.select("b")) > 0.6  # by what both have, where they have it
    both = rows()
    assert len(train) / len(both) == pytest.approx(training_overlap(space, both), abs=0.15)
    assert training_overlap(space, both.select("kind")) == 0  # a class by itself is nobody's
    assert leakage_notes(space, test) == []


def test_few_bytes_are_kept_of_many_rows() -> None:
    many = km.Table({"a": np.random.default_rng(0).normal(size=(5000, 2))})
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # sums of fingerprints overflow, in silence
        found = fingerprints_of_rows(many)
    assert found["rows"] == 5000 and len(found["keys"]["a"]) == 8 * KEPT and ASKED < 5000
    space = km.fit(rows(150), km.CCA(dim=2, kernels=("linear",)))
    space.info["training_rows"] = [found]
    assert training_overlap(space, many) == pytest.approx(1, abs=0.35)
    assert training_overlap(space, many.take(range(100))) == pytest.approx(1, abs=0.8)


def test_rows_of_the_start_have_taught_too(split: tuple[km.Table, km.Table], space: km.Space) -> None:
    more = km.fit(split[1], km.CCA(dim=4, kernels=("linear",)), init=space)
    assert min(training_overlap(more, part) for part in split) > 0.85
    again = km.fit(split[0], init=space)
    assert len(more.info["training_rows"]) == 2 and len(again.info["training_rows"]) == 1
    space.info["training_rows"], kept = [], space.info["training_rows"]  # as of an older kuamo
    assert training_overlap(space, split[0]) == 0
    space.info["training_rows"] = kept


def test_scores_of_training_rows_are_called_optimistic(split: tuple[km.Table, km.Table], space: km.Space) -> None:
    train, test = split
    for table, right in ((train.take(range(120)), 1), (test.take(range(120)), 0)):
        notes = [
            one.note for one in km.diagnose(space, table).findings["space"] if "were used for training" in one.note
        ]
        assert len(notes) == right and all("曾用于训练" in localize("zh", note) for note in notes)
        found = km.contributions(space, table, "kind")
        assert len(found.notes) == right and ("scores are optimistic" in str(found)) == bool(right)
        assert len(found.as_dict()["notes"]) == right
