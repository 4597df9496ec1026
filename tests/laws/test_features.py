"""The feature cache: what it acknowledged survives a kill without warning, and nothing half-written is read."""

from __future__ import annotations

import hashlib
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from kuamo.features import FeatureCache

WRITER = """
import hashlib, sys
from pathlib import Path
import numpy as np
from kuamo.features import FeatureCache
cache = FeatureCache("law/1", root=Path(sys.argv[1]))
for number in range(int(sys.argv[2]), 10**6):
    keys = [hashlib.sha256(f"{number}/{i}".encode()).digest() for i in range(50)]
    cache.add(keys, np.full((50, 2000), number, np.float32))
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
            assert cache.known(keys).all()
            assert np.array_equal(cache.take(keys), np.full((50, 2000), number, np.float32))


def test_a_damaged_shard_is_encoded_again(tmp_path: Path) -> None:
    cache = FeatureCache("law/2", root=tmp_path)
    cache.add([b"a" * 32], np.ones((1, 3), np.float32))
    cache.add([b"b" * 32], np.ones((1, 3), np.float32))
    shard = next(cache.folder.glob("*.safetensors"))
    shard.write_bytes(shard.read_bytes()[:40])
    assert FeatureCache("law/2", root=tmp_path).known([b"a" * 32, b"b" * 32]).sum() == 1
