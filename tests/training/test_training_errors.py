"""What training refuses before it starts, what it skips, and what it says when it stops."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch

import kuamo as km
from kuamo.generation.decoders.generator import Generator
from kuamo.training.objective import Objective
from members import small_toy


@dataclass(frozen=True)
class Breaks(km.Objective):
    """NaN from step 2 on."""

    def __call__(self, step: Any, player: str) -> Any:
        codes = step.code("a").mean
        return step.mean(codes.sum(-1) * (torch.nan if step.key[1] >= 2 else 1.0))


class Forgets(torch.nn.Module):
    """An encoder that gives NaN for the one vector that starts with 7."""

    def __init__(self) -> None:
        super().__init__()
        self.net = torch.nn.Linear(3, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.net(x) / (x[:, :1] != 7)


def test_a_loss_that_is_not_a_number_names_objective_column_and_rows() -> None:
    training = km.Training(steps=4, batch_size=64)
    with pytest.raises(km.KuamoError, match=r"step 2: the loss of Breaks for 'space' is nan; column '[ab]', rows \d+"):
        km.fit(small_toy(64), km.InfoNCE() + Breaks(), training=training)


def test_codes_that_are_not_finite_name_column_and_rows() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(40, 3)).astype(np.float32)
    x[23, 0] = 7
    table = km.Table({"x": list(x), "y": list(x @ rng.normal(size=(3, 5)).astype(np.float32))})
    with pytest.raises(km.KuamoError, match="column 'x', rows 23: its codes are no longer finite at step 0"):
        km.fit(table, km.InfoNCE(), encoders={"x": Forgets()}, training=km.Training(steps=1, batch_size=40))


def test_labels_that_tell_nothing_apart_are_refused() -> None:
    table = small_toy(40)
    for objective in (km.InfoNCE(positives="label"), km.ACMR(3), km.LabelTriplet()):
        table.labels = ["cat"] * 39 + [None]
        with pytest.raises(km.TableError, match="all have the label 'cat'; expected at least two"):
            km.fit(table, objective)
        table.labels = [None] * 40
        with pytest.raises(km.TableError, match="labels are missing"):
            km.fit(table, objective)


def test_more_labels_than_classes_are_refused() -> None:
    with pytest.raises(km.KuamoError, match="given at least 3 labels; expected classes=2"):
        km.fit(small_toy(60), km.Classify(2), training=km.Training(steps=1))


def test_batches_without_a_usable_row_are_skipped_and_counted() -> None:
    table = small_toy(60)
    holed = km.Table(
        {"a": [table[i]["a"] for i in range(60)], "b": [table[i]["b"] if i < 10 else None for i in range(60)]},
        modalities=table.modalities,
    )
    space = km.fit(holed, km.InfoNCE(), training=km.Training(steps=60, batch_size=2))
    (note,) = (note for note in space.notes if "skipped" in note)
    said = int(note.split()[0])
    assert 20 < said < 60 and note == f"{said} of 60 batches had no row that the objective can use and were skipped"
    assert not any("skipped" in note for note in km.fit(table, km.InfoNCE(), training=km.Training(steps=2)).notes)


def test_a_game_needs_a_generator_and_two_columns() -> None:
    with pytest.raises(km.KuamoError, match="expected one with `generate"):
        km.fit(small_toy(40), km.R3("a", "b"), dim=8, training=km.Training(steps=1))
    with pytest.raises(km.KuamoError, match="expected two columns"):
        km.R3("a", "a")
    with pytest.raises(km.KuamoError, match="expected positive numbers"):
        km.ModalityDiscriminator(lr=0.0)
    with pytest.raises(km.KuamoError, match="classes=1"):
        km.Classify(1)


def test_alignment_without_pairs_is_called_what_it_is() -> None:
    training = km.Training(steps=2)
    alone = km.fit(small_toy(60), km.ModalityDiscriminator() + km.Reconstruct(), training=training, dim=8)
    assert any("the distributions of the columns are aligned, not their rows" in note for note in alone.notes)
    beside = km.fit(small_toy(60), km.InfoNCE() + km.ModalityDiscriminator(), training=training, dim=8)
    assert not any("distributions" in note for note in beside.notes)


@pytest.mark.parametrize("objective", [km.Minimax, km.R3, km.LSGAN])
def test_games_of_columns_that_are_not_there_or_do_not_generate_are_refused(objective: Any) -> None:
    """Before the first step, in words: the usual `given` is "text", which a table may lack."""
    generator = {"b": Generator(4, 192, noise=2)}
    with pytest.raises(km.TableError, match="no column 'text'; the space's columns are"):
        km.fit(km.datasets.toy(40), objective(to="b"), dim=4, training=km.Training(steps=1), decoders=generator)
    with pytest.raises(km.KuamoError, match=r"column 'b': given the decoder .*; expected one with"):
        km.fit(km.datasets.toy(40), objective("a", "b"), dim=4, training=km.Training(steps=1))


def test_a_hook_that_is_no_longer_called_is_refused() -> None:
    with pytest.raises(km.TableError, match=r"Mine: given the hook 'begin' of version 0.1; expected 'callback'"):
        type("Mine", (Objective,), {"begin": lambda self, step: None})
    type("Mine", (Objective,), {"callback": lambda self, *given: None})
