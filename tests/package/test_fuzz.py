"""What the fuzzing of `benchmarks/core/fuzz.py` found, one small case of each kind; and a short form of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import kuamo as km
from kuamo.core.files import place
from kuamo.core.validation import is_number
from kuamo.encoders.feature_cache import features

ROOT = Path(__file__).parents[2]
HUGE = 10**400


@pytest.fixture(scope="module")
def table() -> km.Table:
    return km.datasets.toy(rows=40, dims=(6,), correlations=(0.9, 0.9), seed=0)


@pytest.fixture(scope="module")
def space(table: km.Table) -> km.Space:
    return km.fit(table, km.CCA(), seed=0)


@pytest.mark.parametrize("odd", [3, None, "x", [1.0, 2.0], [[1.0], [1.0, 2.0]], {"a": 1}], ids=str)
def test_what_is_no_code_is_refused(space: km.Space, odd: Any) -> None:
    good = np.ones((2, space.dim))
    for ask in (
        lambda: space.similarity(odd, good),
        lambda: space.similarity(good, odd),
        lambda: space.decode(odd, "b"),
    ):
        with pytest.raises(km.KuamoError, match="codes of finite numbers"):
            ask()


def test_codes_with_a_hole_are_refused(space: km.Space) -> None:
    holed = np.ones((2, space.dim))
    assert np.isfinite(space.similarity(holed, holed)).all()
    holed[1, 0] = np.nan
    with pytest.raises(km.KuamoError, match="finite"):
        space.similarity(holed, holed)
    with pytest.raises(km.KuamoError, match="finite"):
        space.decode(holed, "b")


@pytest.mark.parametrize("to", [3, None, b"b", ["b", 3], {"b": 1}], ids=str)
def test_targets_are_names(space: km.Space, table: km.Table, to: Any) -> None:
    with pytest.raises(km.KuamoError, match="name of a column"):
        space.translate(table.take([0]), to=to)
    with pytest.raises(km.KuamoError, match="name of a column"):
        space.decode(np.ones((1, space.dim)), to=to)


def test_impute_takes_one_name(space: km.Space, table: km.Table) -> None:
    assert set(space.impute(table.take([0]), columns="b").uncertainty) == {"b"}  # type: ignore[arg-type]
    with pytest.raises(km.KuamoError, match="columns=3"):
        space.impute(table.take([0]), columns=3)  # type: ignore[arg-type]


def test_whole_numbers_beyond_a_float(space: km.Space, table: km.Table) -> None:
    assert not is_number(HUGE)
    with pytest.raises(km.KuamoError, match="finite number"):
        HUGE * km.Query(table[0])
    with pytest.raises(TypeError):  # Python's own word for operands that do not go together
        1j * km.Query(table[0])  # type: ignore[operator]


@pytest.mark.parametrize("odd", [3, None, b"/tmp/x", ["x"]], ids=str)
def test_places_are_paths(space: km.Space, table: km.Table, odd: Any) -> None:
    loads: list[Callable[[Any], Any]] = [km.Space.load, km.Report.load, km.Diagnosis.load, space.save]
    for ask in [*loads, lambda path: km.Index.load(path, space), km.Report("toy", {}).save]:
        with pytest.raises(km.KuamoError, match="expected a path"):
            ask(odd)


@pytest.mark.parametrize("name", ["x" * 300, "a\0b", "/".join(["d" * 200] * 30)], ids=len)
def test_names_that_no_file_can_have(space: km.Space, name: str, tmp_path: Path) -> None:
    for ask in (km.Space.load, km.Report.load, lambda path: km.Index.load(path, space), place):
        with pytest.raises(km.KuamoError, match="no file can have"):
            ask(f"{tmp_path}/{name}")


def test_a_cache_with_a_name_that_no_folder_can_have(monkeypatch: pytest.MonkeyPatch, space: km.Space) -> None:
    class Size:
        fingerprint = "fuzzed/1"

        def prepare(self, value: str) -> float:
            return float(len(value))

        def __call__(self, batch: list[float]) -> np.ndarray:
            return np.array(batch, np.float32)[:, None]

    monkeypatch.setenv("KUAMO_CACHE", "/" + "x" * 300)
    with pytest.warns(km.CacheWarning):
        assert features(km.Table({"t": ["ab", "abc"]}), "t", Size()).tolist() == [[2], [3]]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that reads without end")
def test_devices_and_pipes_are_not_read(space: km.Space, table: km.Table, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.json")
    for path in ("/dev/full", tmp_path / "pipe.json"):
        for load in (km.Report.load, km.Diagnosis.load):
            with pytest.raises(km.StoreError, match="is not a saved"):
                load(path)
    saved = {"s": "config.json", "i": "config.json"}
    space.save(tmp_path / "s")
    space.index(table).save(tmp_path / "i")
    for folder, name in saved.items():
        (tmp_path / folder / name).unlink()
        (tmp_path / folder / name).symlink_to("/dev/full")
    with pytest.raises(km.StoreError):
        km.Space.load(tmp_path / "s")
    with pytest.raises(km.StoreError):
        km.Index.load(tmp_path / "i", space)


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="no file that opens and cannot be read")
@pytest.mark.parametrize("name", ["model.safetensors", "config.json"])
def test_arrays_that_cannot_be_read(space: km.Space, tmp_path: Path, name: str) -> None:
    space.save(tmp_path / "s")
    (tmp_path / "s" / name).unlink()
    (tmp_path / "s" / name).symlink_to("/proc/self/mem")
    with pytest.raises(km.StoreError):
        km.Space.load(tmp_path / "s")


X = np.random.default_rng(0).standard_normal((8, 2))
Y = np.arange(8) % 2


@pytest.mark.parametrize(
    ("options", "rows", "targets", "weights"),
    [
        ({}, [[1.0, 2.0], [1.0]], [0, 1], None),
        ({}, X.astype("M8[s]"), Y, None),
        ({}, [["a", "b"]] * 8, Y, None),
        ({}, X, [print] * 8, None),
        ({}, X, [{}, 3] * 4, None),
        ({}, X, Y, "x"),
        ({}, X, Y, [None] * 8),
        ({}, X, Y, [print] * 8),
        ({"columns": 3}, {"a": X}, Y, None),
        ({"encoders": 3}, X, Y, None),
        ({"batch_size": {}}, X, Y, None),
    ],
    ids=lambda one: str(one)[:20],
)
def test_estimators_refuse_in_words(options: Any, rows: Any, targets: Any, weights: Any) -> None:
    with pytest.raises(km.KuamoError):
        km.Classifier(steps=1, **options).fit(rows, targets, weights)


@pytest.mark.parametrize("targets", [[b"a", b"b"] * 4, [print] * 8, [[1], [1, 2]] * 4, [HUGE] * 8, Y.astype("M8[s]")])
def test_regressors_want_numbers(targets: Any) -> None:
    with pytest.raises(km.KuamoError):
        km.Regressor(steps=1).fit(X, targets)


def test_short_form() -> None:
    """A little of the areas that fit no spaces to ask; another seed than its own."""
    command = [sys.executable, str(ROOT / "benchmarks" / "core" / "fuzz.py"), "--cases", "80", "--seed", "7"]
    command += ["--areas", "readers,media"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=dict(os.environ))
    assert done.returncode == 0, done.stdout + done.stderr
    lines = {line.split()[0]: line.split()[1:] for line in done.stdout.splitlines()}
    assert sum(int(one) for one in lines["all"][1:3]) == int(lines["all"][0]) >= 20
    assert json.loads(lines["readers"][0]) > 4
