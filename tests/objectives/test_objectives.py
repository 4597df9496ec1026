"""Laws over every objective that is trained."""

from __future__ import annotations

import re
import subprocess
import sys
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import kuamo as km
import one_step
from kuamo.training.step import Step
from members import DECODING, TRAINED, UNPAIRED, small_toy
from one_step import gradients_of_holed, gradients_of_one_step

EVERY = pytest.mark.parametrize("name", TRAINED)
SHORT = km.Training(steps=6, batch_size=48, save_every=2)


def codes(space: km.Space, table: km.Table) -> np.ndarray:
    return np.asarray(space.encode(table))


def fit(name: str, **options: Any) -> km.Space:
    torch.manual_seed(7)  # a decoder that the caller makes is drawn before the fit
    return km.fit(small_toy(120, holes=0.2), **TRAINED[name](), training=SHORT, seed=1, **options)


first = cache(fit)  # what several laws look at, and none changes


@EVERY
def test_killed_and_resumed_is_not_killed(name: str, tmp_path: Path) -> None:
    """Nor do fits before it, or the same one made twice, change it."""
    table = small_toy(120, holes=0.2)

    def progress(what: str, done: int, of: int) -> None:
        if what == "training" and done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(name, run_dir=tmp_path / "run", progress=progress)
    assert (tmp_path / "run/state/state.json").exists()
    resumed = fit(name, run_dir=tmp_path / "run")
    assert np.array_equal(codes(first(name), table), codes(resumed, table))
    with pytest.raises(km.StoreError, match="expected the same"):
        km.fit(table, **TRAINED[name](), training=km.Training(steps=13), seed=1, run_dir=tmp_path / "run")


@EVERY
def test_save_load_encode_is_bit_equal(name: str, tmp_path: Path) -> None:
    table, space = small_toy(120, holes=0.2), first(name)
    space.save(tmp_path / "s")
    assert np.array_equal(codes(space, table), codes(km.Space.load(tmp_path / "s"), table))


@EVERY
def test_gradients_reach_everyone_and_only_their_own(name: str) -> None:
    table = small_toy(100, holes=0.3 if name in UNPAIRED else 0.0)
    grads, owners = gradients_of_one_step(table, TRAINED[name]())
    assert all(g is not None and torch.isfinite(g).all() for g in grads.values())
    silent = [key for key, g in grads.items() if not g.any()]
    if name.startswith("Minimax"):  # one direction: a is encoded, b is made
        silent = [key for key in silent if not key.startswith("b.head")]
    if name == "R3":  # nor are its codes moved; and what D adds to all cells cancels
        silent = [key for key in silent if ".head" not in key and key != "critic/0.net.2.bias"]
    if name in DECODING:  # nor here; a flow's blocks start as the identity, and what comes before their end waits
        assert not any(g.any() for key, g in grads.items() if ".head" in key)
        silent = [key for key in silent if ".head" not in key and key != "critic/0.net.2.bias"]
        silent = [key for key in silent if not re.search(r"(blocks\.\d+\.(film|inner)|code|time|nothing)", key)]
    silent = [key for key in silent if not re.search(r"\.own\.[ab]", key) or name != "Elbo attention"]  # b alone asks
    # What cannot move at the start: the layer before one that starts at zero, and what no term looks at.
    assert not [key for key in silent if ".mlp." not in key and ".scale" not in key], silent
    assert owners["space"].isdisjoint(owners.get("critic/0", set()))


@EVERY
def test_order_does_not_matter(name: str) -> None:
    table = small_toy(100, holes=0.3)
    forward, _ = gradients_of_one_step(table, TRAINED[name]())
    turned, _ = gradients_of_one_step(table.select("b", "a"), TRAINED[name](), like="a")
    for key, gradient in forward.items():
        assert torch.allclose(gradient, turned[key], atol=1e-4), key


@EVERY
def test_a_wholly_absent_modality_changes_nothing_and_costs_nothing(name: str) -> None:
    table = small_toy(40)
    cells = {"a": [table[i]["a"] for i in range(40)], "b": [None] * 40}
    only = km.Table(cells, modalities=table.modalities, label=table.labels)
    grads, _ = gradients_of_one_step(only, TRAINED[name](), fitted_on=table)
    for key, gradient in grads.items():
        assert torch.isfinite(gradient).all(), key
        if key.startswith("b."):
            assert not gradient.any(), key
    alone = ("InfoNCE", "DCL", "Triplet", "SigLIP", "Minimax", "Sinkhorn", "KLOT", "R3")
    if name == "InfoNCE + Sinkhorn" or (name.startswith(alone) and "+" not in name):
        assert not any(g.any() for g in grads.values())  # no pair, no loss; nor one side of a plan


TOGETHER = [*TRAINED, "raw text", "raw text in chunks", "Predict", "balanced fit", "fused"]


@pytest.fixture(scope="module")
def steps(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the gradients of one step of every member, in one process and in two."""
    folder = tmp_path_factory.mktemp("steps")
    ranks = [
        get_context("fork").Process(
            target=one_step.main, args=(f"file://{folder}/meet", rank, 2, str(folder), TOGETHER)
        )
        for rank in range(2)
    ]
    for process in ranks:
        process.start()
    for name in TOGETHER:
        whole = {key: value.numpy() for key, value in gradients_of_holed(name).items()}
        np.savez(folder / f"{name} 1.npz", **whole)
    for process in ranks:
        process.join(timeout=300)
        process.kill()
    assert [process.exitcode for process in ranks] == [0, 0]
    return folder


@pytest.mark.parametrize("name", TOGETHER)
def test_two_processes_equal_one(name: str, steps: Path) -> None:
    """Column b is wholly absent in the second process; in "raw text", b is trained too, in chunks or whole; in
    "Predict", b is a class; "balanced fit" is six steps with sampling, weights and a record."""
    one, two = (dict(np.load(steps / f"{name} {size}.npz")) for size in (1, 2))
    assert one.keys() == two.keys()
    if name.startswith("raw text"):
        assert any(key.startswith("b.encoder") and gradient.any() for key, gradient in one.items())
    for key in one:
        assert np.allclose(one[key], two[key], atol=1e-5 * max(1.0, np.abs(one[key]).max())), key


KILLED = """
import sys, kuamo as km
sys.path.insert(0, sys.argv[1])
from members import small_toy
def progress(what, done, of):
    if what == "training":
        print(done, flush=True)
        assert "torch._dynamo" not in sys.modules, "an optimizer has imported torch's compiler, which takes seconds"
km.fit(small_toy(holes=0.2), km.InfoNCE(), training=km.Training(steps=60, batch_size=64, save_every=4), seed=1,
       run_dir=sys.argv[2], progress=progress)
"""


@cache
def never_killed() -> np.ndarray:
    """What the fit of `KILLED` gives."""
    training = km.Training(steps=60, batch_size=64, save_every=4)
    return codes(km.fit(small_toy(holes=0.2), km.InfoNCE(), training=training, seed=1), small_toy())


@pytest.mark.parametrize("moment", [pytest.param(5, marks=pytest.mark.slow), 41])
def test_a_process_killed_without_warning_is_resumed(moment: int, tmp_path: Path) -> None:
    """SIGKILL between and during saves: the state that is there is whole, and the end is the same."""
    tests, out = str(Path(__file__).parents[1]), tmp_path / "run"
    child = subprocess.Popen([sys.executable, "-c", KILLED, tests, str(out)], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    for line in child.stdout:
        if int(line) >= moment:
            child.kill()
            break
    child.wait()
    training = km.Training(steps=60, batch_size=64, save_every=4)
    assert (out / "state" / "state.json").exists()
    resumed = km.fit(small_toy(holes=0.2), km.InfoNCE(), training=training, seed=1, run_dir=out)
    assert np.array_equal(codes(resumed, small_toy()), never_killed())


@pytest.mark.parametrize("name", ["Elbo subsets", "Elbo mixture", "Elbo product"])
def test_what_a_drawn_subset_does_not_need_is_not_encoded_and_changes_nothing(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoded: list[int] = []
    whole = Step._encode

    def counted(step: Step, column: str) -> Any:
        encoded.append(len(step.cells[column]))
        return whole(step, column)

    monkeypatch.setattr(Step, "_encode", counted)
    some, _ = gradients_of_one_step(small_toy(60, holes=0.3), TRAINED[name]())
    fewer, encoded[:] = sum(encoded), []
    monkeypatch.setattr(Step, "_encode_part", lambda step, column, needed: step.code(column))
    every, _ = gradients_of_one_step(small_toy(60, holes=0.3), TRAINED[name]())
    assert fewer == sum(encoded) if name == "Elbo product" else fewer < 0.85 * sum(encoded)
    for key, gradient in every.items():
        assert torch.allclose(gradient, some[key], atol=1e-5 * max(1.0, float(gradient.abs().max()))), key
