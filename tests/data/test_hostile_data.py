"""Data of strangers: files without an end, slow servers, and cells that steer a terminal."""

from __future__ import annotations

import json
import os
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import kuamo as km
from kuamo.cli.terminal import emit, hit_lines
from kuamo.core.errors import visible
from kuamo.data.readers import fetching


def large(path: Path, start: bytes) -> Path:
    """A file of 60 GB that takes no room."""
    with path.open("wb") as file:
        file.write(start)
        file.truncate(60 << 30)
    return path


@pytest.mark.parametrize(
    "kind, name, start",
    [
        (km.Image(), "x.png", b"\x89PNG\r\n\x1a\n"),
        (km.Audio(), "x.wav", b"RIFF\0\0\0\0WAVE"),
        (km.Vector(), "x.npy", b"\x93NUMPY"),
    ],
)
def test_files_beyond_a_bound_are_not_read(kind: Any, name: str, start: bytes, tmp_path: Path) -> None:
    path = large(tmp_path / name, start)
    began = time.perf_counter()
    with pytest.raises(km.CellError, match="more than 1,073,741,824 bytes"):
        km.Table({"x": [path]}, modalities={"x": kind}).check()
    (tmp_path / "t.jsonl").write_text(json.dumps({"x": name, "text": "a"}) + "\n")
    assert km.Table.read(tmp_path / "t.jsonl", on_error="skip").check()[0].startswith("x: 1 of 1 cells")
    for table in ("t.csv", "t.jsonl"):
        with pytest.raises(km.TableError, match="more than 8 GiB of text"):
            km.Table.read(large(tmp_path / table, b"text\n"))
    assert time.perf_counter() - began < 5


@pytest.mark.skipif(not Path("/proc/kmsg").exists(), reason="no such system")
@pytest.mark.parametrize("name", ["/proc/kmsg", "/proc/self/pagemap", "/dev/zero", "/dev/tty"])
def test_files_without_an_end_are_not_waited_for(name: str, tmp_path: Path) -> None:
    (tmp_path / "x.png").symlink_to(name)
    for kind in (km.Image(), km.Audio()):
        with pytest.raises(km.CellError, match="expected"):
            km.Table({"x": [str(tmp_path / "x.png")]}, modalities={"x": kind}).check()
    table = km.Table.read(pa.table({"x": [str(tmp_path / "x.png")], "text": ["a"]}), on_error="skip")
    assert len(table.check()) == 1


def test_pipes_are_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "x.png")
    with pytest.raises(km.CellError, match="not a plain file"):
        km.Image().read(tmp_path / "x.png")


# ── servers ──────────────────────────────────────────────────────────────────────────────────────────────────────

ANSWERS: dict[str, tuple[bytes, bytes]] = {
    "drips its body": (b"HTTP/1.1 200 x\r\nContent-Length: 100000\r\n\r\n", b"x"),
    "drips its head": (b"HTTP/1.1 200 x\r\nX: ", b"x"),
    "drips pieces": (b"HTTP/1.1 200 x\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
    "drips without a length": (b"HTTP/1.1 200 x\r\n\r\n", b"x"),
    "says nothing": (b"", b""),
}


@pytest.fixture
def slow() -> Iterator[Callable[[bytes, bytes], str]]:
    """A server that goes on for ever."""
    listening, stop = socket.create_server(("127.0.0.1", 0)), threading.Event()

    def serve(start: bytes, drop: bytes) -> None:
        talk, _ = listening.accept()
        with talk:
            talk.recv(999)
            talk.sendall(start)
            while not stop.wait(0.02):
                try:
                    talk.sendall(drop)
                except OSError:
                    return

    def begin(start: bytes, drop: bytes) -> str:
        threading.Thread(target=serve, args=(start, drop), daemon=True).start()
        return f"http://127.0.0.1:{listening.getsockname()[1]}/a.png"

    yield begin
    stop.set()
    listening.close()


@pytest.mark.parametrize("name", ANSWERS)
def test_slow_servers_are_left(name: str, slow: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(fetching, "SECONDS", 0.3)
    monkeypatch.setenv("KUAMO_CACHE", str(tmp_path / "cache"))
    table = km.Table.read(pa.table({"x": [slow(*ANSWERS[name])], "text": ["a"]}), download=True)
    began = time.perf_counter()
    with pytest.raises(km.CellError, match=r"column 'x', row 0: given .*did not arrive within"):
        table.check()
    assert time.perf_counter() - began < 5 and not [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]


# ── terminals ────────────────────────────────────────────────────────────────────────────────────────────────────

EVIL = "\x1b]0;PWNED\x07\x1b[2J\x9b31m\x7f\u202e\ud800"


@pytest.fixture(scope="module")
def evil() -> tuple[km.Table, km.Space]:
    rng = np.random.default_rng(0)
    bad = EVIL[:-1]  # halves of characters are refused where they come in
    a = rng.standard_normal((60, 4))
    rows = {f"a{bad}": a, f"b{bad}": a + rng.standard_normal((60, 4)), f"t{bad}": [f"{bad} {k}" for k in range(60)]}
    names = [f"{bad}{k}" for k in range(60)]
    table = km.Table(rows, id=names, label=[bad] * 60, group=names, meta={f"m{bad}": names}, source=bad)
    return table, km.fit(table.select(f"a{bad}", f"b{bad}"), km.CCA(dim=2))


def tame(text: str) -> bool:
    return not any(letter in text for letter in "\x1b\x07\x9b\x7f\u202e\ud800")


def test_nothing_in_the_data_steers_a_terminal(evil: tuple[km.Table, km.Space], capsys: Any) -> None:
    table, space = evil
    a, b = space.modalities
    report, index = km.evaluate(space, table), space.index(table.select(a, b).take(range(60)))
    found = index.search({a: table[0][a]}, to=b, k=2)
    told = [space, report, table, table.describe(), table[a], index, found, hit_lines(found), hit_lines(found, True)]
    told += [km.diagnose(table.select(a, b), cost=False), report.compare(report), table[:2].describe()]
    assert all(tame(str(one)) for one in told)
    for wrong in (lambda: table.column(EVIL), lambda: space.port(EVIL), lambda: table.split(by=EVIL)):
        with pytest.raises(km.KuamoError) as caught:
            wrong()
        assert tame(str(caught.value))
    emit({"cell": EVIL[:-1]}, True, "")
    out = capsys.readouterr().out
    assert tame(out) and json.loads(out)["cell"] == EVIL[:-1]
    emit({}, False, EVIL)
    assert tame(capsys.readouterr().out)


def test_plain_words_are_shown_as_they_are() -> None:
    for text in ("一只猫 🐈‍⬛", "two\nlines\tand a tab", "naïve, مرحبا", "ร้าน"):
        assert visible(text) == text
    assert visible(EVIL).isprintable() and sys.stdout is not None
