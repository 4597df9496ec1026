"""Known answers are found, and where there is nothing, nothing is."""

from __future__ import annotations

import numpy as np

import kuamo as km


def test_toy_is_found_and_its_translation_beats_the_mean() -> None:
    train, test = km.datasets.toy(rows=400, seed=0).split(test=100, seed=0)
    space = km.fit(train, seed=0)
    assert km.evaluate(space, test)["a_to_b_R@1"] > 0.9
    truth = np.stack([test[i]["b"] for i in range(len(test))])
    made = space.translate(test.select("a"), to="b")
    assert ((made - truth) ** 2).sum() < 0.9 * ((truth - truth.mean(0)) ** 2).sum()


def test_three_columns_with_holes_align() -> None:
    table = km.datasets.toy(rows=400, modalities=("a", "b", "c"), dims=(48,), holes=0.3, seed=0)
    train, test = table.split(test=100, seed=0)
    report = km.evaluate(km.fit(train, seed=0), test)
    assert min(report[f"{x}_to_{y}_R@10"] for x in "abc" for y in "abc" if x != y) > 0.8


def test_unseen_emoji_are_found() -> None:
    train, test = km.datasets.emoji().take(range(0, 1500, 12)).split(test=45, by="group", seed=0)
    report = km.evaluate(km.fit(train, seed=0), test)
    assert min(report["text_to_image_R@10"], report["image_to_text_R@10"]) > 0.5  # chance is .22
