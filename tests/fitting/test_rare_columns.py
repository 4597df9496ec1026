"""A column that few rows have joins last: the others are as they were, and it is found."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import kuamo as km

DIMS, LINKS = (30, 24, 20), (0.9,) * 8


def table(rows: int = 300, share: float = 0.15, seed: int = 0) -> km.Table:
    """Three linked columns; c is in that share of the rows."""
    whole = km.datasets.toy(rows, modalities=("a", "b", "c"), dims=DIMS, correlations=LINKS, seed=seed)
    kept = np.random.default_rng(1).random(rows) < share
    cells = {n: [whole[i][n] if n != "c" or kept[i] else None for i in range(rows)] for n in ("a", "b", "c")}
    return km.Table(cells, modalities=whole.modalities)


def test_the_others_are_as_without_it_and_it_is_found(tmp_path: Path) -> None:
    given, test = table(), km.datasets.toy(100, modalities=("a", "b", "c"), dims=DIMS, correlations=LINKS, seed=0)
    space, without = km.fit(given, seed=0), km.fit(given.select("a", "b"), seed=0)
    for name in ("a", "b"):
        assert np.array_equal(
            np.asarray(space.encode(given.select(name))), np.asarray(without.encode(given.select(name)))
        )
    assert any(note.startswith("c: added after the joint fit") for note in space.notes)
    report = km.evaluate(space, test, examples=0)
    assert min(report[f"{x}_to_{y}_R@10"] for x, y in (("c", "a"), ("a", "c"), ("c", "b"), ("b", "c"))) > 0.5
    space.save(tmp_path / "s")
    again = km.Space.load(tmp_path / "s")
    assert np.array_equal(np.asarray(space.encode(test.select("c"))), np.asarray(again.encode(test.select("c"))))
    assert space.translate(test.select("c"), to="a").shape == (100, 30)


def test_where_no_column_is_rare_all_are_solved_together() -> None:
    space = km.fit(table(share=0.6), km.CCA(), seed=0)
    assert not any("added after the joint fit" in note for note in space.notes)


def test_a_late_column_without_a_row_in_common_is_named() -> None:
    whole = table()
    cells = {n: [whole[i][n] if n != "c" else None for i in range(300)] for n in ("a", "b", "c")}
    alone = [{"a": None, "b": None, "c": np.ones(20, np.float32) * i} for i in range(20)]
    mixed = km.Table({n: cells[n] + [row[n] for row in alone] for n in cells}, modalities=whole.modalities)
    with pytest.raises(km.TableError, match="column 'c': given 0 rows with another column"):
        km.fit(mixed, seed=0)
