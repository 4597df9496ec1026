"""Columns that share labels and not one row are aligned by label; shuffled labels are not."""

from __future__ import annotations

import numpy as np
import pytest

import kuamo as km


def classes(rows: int, shuffled: bool = False) -> km.Table:
    """Noisy vectors of five classes: a in even rows, b in odd rows."""
    rng = np.random.default_rng(0)
    label = rng.integers(0, 5, rows)
    a, b = (rng.normal(size=(5, 12))[label] + 0.5 * rng.normal(size=(rows, 12)) for _ in range(2))
    even = np.arange(rows) % 2 == 0
    columns = {"a": [x if e else None for x, e in zip(a, even)], "b": [None if e else x for x, e in zip(b, even)]}
    said = rng.permutation(label) if shuffled else label
    return km.Table(columns, modalities={"a": km.Vector(), "b": km.Vector()}, label=[str(i) for i in said])


BY_LABEL = [km.InfoNCE(positives="label"), km.SigLIP(positives="label", bias=-2.0), km.Classify(5), km.ACMR(5)]


@pytest.mark.parametrize("objective", [*BY_LABEL, km.LabelTriplet()])
def test_labels_align_what_has_no_common_row(objective: km.Objective) -> None:
    train, test = classes(400).split(test=100, seed=0)
    space = km.fit(train, objective, training=km.Training(steps=40, batch_size=100), dim=8, seed=0)
    report = km.evaluate(space, test, positives="label", examples=0)
    assert report["a_to_b_mAP"] > 0.8 and report["b_to_a_mAP"] > 0.8  # chance is .2
    assert any("paired by label" in note for note in space.notes)


def test_shuffled_labels_teach_nothing() -> None:
    table = classes(400, shuffled=True)
    train, test = table.split(test=100, seed=0)
    space = km.fit(train, km.InfoNCE(positives="label"), training=km.Training(steps=40, batch_size=100), dim=8, seed=0)
    assert km.evaluate(space, test, positives="label", examples=0)["a_to_b_mAP"] < 0.35
