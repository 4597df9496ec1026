"""The feature cache: what it acknowledged survives a kill without warning, and nothing half-written is read."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import kuamo as km
from kuamo.encoders.feature_cache import FeatureCache, feature_blocks, features

WRITER = """
import hashlib, sys
from pathlib import Path
import numpy as np
import kuamo as km
from kuamo.encoders.feature_cache import FeatureCache, features
cache = FeatureCache("law/1", root=Path(sys.argv[1]))
for number in range(int(sys.argv[2]), 10**6):
    keys = [hashlib.sha256(f"{number}/{i}".encode()).digest() for i in range(50)]
    cache.put(keys, np.full((50, 2000), number, np.float32))
    print(number, flush=True)
"""


@pytest.mark.parametrize("lines", [0, 3, 17])
def test_what_was_acknowledged_survives_a_kill(lines: int, tmp_path: Path) -> None:
    """Two writers at once, killed while they write; 0: before anything was acknowledged."""
    last = {}
    writers = {
        start: subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path), str(start)], stdout=-1, text=True)
        for start in (0, 500_000)
    }
    for start, process in writers.items():
        assert process.stdout is not None
        said = [process.stdout.readline() for _ in range(lines)]
        process.send_signal(signal.SIGKILL)
        said += process.stdout.read().splitlines()
        process.wait()
        last[start] = max((int(line) for line in said if line.strip()), default=start - 1)
    cache = FeatureCache("law/1", root=tmp_path)
    for start, end in last.items():
        for number in range(start, end + 1):
            keys = [hashlib.sha256(f"{number}/{i}".encode()).digest() for i in range(50)]
            assert cache.contains(keys).all()
            assert np.array_equal(cache.get(keys), np.full((50, 2000), number, np.float32))


def test_a_damaged_shard_is_encoded_again(tmp_path: Path) -> None:
    cache = FeatureCache("law/2", root=tmp_path)
    cache.put([b"a" * 32], np.ones((1, 3), np.float32))
    cache.put([b"b" * 32], np.ones((1, 3), np.float32))
    shard = next(cache.folder.glob("*.safetensors"))
    shard.write_bytes(shard.read_bytes()[:40])
    assert FeatureCache("law/2", root=tmp_path).contains([b"a" * 32, b"b" * 32]).sum() == 1


def test_a_limit_removes_what_was_not_used_longest_but_not_what_is_in_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUAMO_CACHE", str(tmp_path))
    monkeypatch.setenv("KUAMO_CACHE_LIMIT", "100KB")
    for number in range(3):  # each is about 40 KB
        cache = FeatureCache("law/3")
        cache.put([bytes([number]) * 32], np.full((1, 10_000), number, np.float32))
        os.utime(next(iter(cache._used)), (number, number))
    assert FeatureCache("law/3").contains([bytes([n]) * 32 for n in range(3)]).tolist() == [False, True, True]
    cache = FeatureCache("law/3")
    for number in range(3, 7):  # one run that needs more than the limit keeps all of it
        cache.put([bytes([number]) * 32], np.full((1, 10_000), number, np.float32))
    assert cache.get([bytes([n]) * 32 for n in range(3, 7)])[:, 0].tolist() == [3, 4, 5, 6]


def test_a_cache_that_is_cleared_meanwhile_is_filled_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUAMO_CACHE", str(tmp_path))
    table = km.Table({"a": ["x", "yy", "zzz"]}, modalities={"a": km.Text()})
    encoder = Lengths()
    assert features(table, "a", encoder)[:, 0].tolist() == [1, 2, 3]
    take = FeatureCache.get

    def cleared(self: FeatureCache, keys: list[bytes]) -> np.ndarray:
        monkeypatch.setattr(FeatureCache, "get", take)
        for shard in self.folder.iterdir():
            shard.unlink()
        return take(self, keys)

    monkeypatch.setattr(FeatureCache, "get", cleared)
    assert features(table, "a", encoder)[:, 0].tolist() == [1, 2, 3]
    assert encoder.seen == 6


def test_ten_new_rows_cost_ten_encodings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUAMO_CACHE", str(tmp_path))
    texts, encoder = [f"text {n}" for n in range(50)], Lengths()
    features(km.Table({"a": texts}, modalities={"a": km.Text()}), "a", encoder)
    more = [*[f"new {n}" for n in range(10)], *texts, *texts]
    features(km.Table({"a": more}, modalities={"a": km.Text()}), "a", encoder)
    assert encoder.seen == 60


@pytest.mark.parametrize("cache", [True, False])
@pytest.mark.parametrize("size", [1, 7, 40, 1000])
def test_blocks_are_the_whole(size: int, cache: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a shuffled table, with values that come twice and cells that cannot be read."""
    monkeypatch.setenv("KUAMO_CACHE", str(tmp_path))
    monkeypatch.setattr("kuamo.encoders.feature_cache.SHARD_ROWS", 16)
    texts = [" " if n % 9 == 4 else "x" * (n % 31 + 1) for n in range(90)]
    table = km.Table({"a": texts}, modalities={"a": km.Text()}, on_error="skip")
    features(table, "a", Lengths(), cache=cache)
    order = np.random.default_rng(0).permutation(90)
    mixed = km.Table({"a": [texts[n] for n in order]}, modalities={"a": km.Text()}, on_error="skip")
    blocks = list(feature_blocks(mixed, "a", Lengths(), cache=cache, size=size))
    assert np.concatenate(blocks)[:, 0].tolist() == [len(texts[n]) for n in order if texts[n] != " "]
    assert len(mixed.column("a").row) == 80 and (not cache or max(map(len, blocks)) <= size)


class Lengths:
    """An encoder that counts what it encodes."""

    fingerprint = "lengths/1"
    seen = 0

    def prepare(self, value: str) -> np.ndarray:
        return np.array([len(value)], np.float32)

    def __call__(self, batch: np.ndarray) -> np.ndarray:
        self.seen += len(batch)
        return batch


def test_encoding_and_what_follows_hold_linear_algebra_to_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads that wait for each other's small matrices spin: cells are prepared on several threads as it is."""
    from threadpoolctl import threadpool_info, threadpool_limits

    from kuamo.fitting import closed_form as fitting

    found: dict[str, set[int]] = {}

    def note(where: str) -> None:
        threads = {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}
        found.setdefault(where, set()).update(threads)

    class Spy:
        fingerprint = "spy/1"

        def prepare(self, value: np.ndarray) -> np.ndarray:
            note("prepare")
            return value

        def __call__(self, batch: np.ndarray) -> np.ndarray:
            note("encode")
            return batch

    further = fitting.finetune

    def spied(*given: Any) -> Any:
        note("contrast")
        return further(*given)

    monkeypatch.setattr(fitting, "finetune", spied)
    with threadpool_limits(limits=2, user_api="blas"):
        note("before")
        km.fit(km.datasets.toy(rows=200), encoders={"a": Spy()}, seed=0)
        note("after")
    assert found.pop("before") == found.pop("after")
    assert found == {"prepare": {1}, "encode": {1}, "contrast": {1}}
