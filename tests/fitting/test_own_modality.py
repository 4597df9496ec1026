"""A ragged modality of one's own, one value and one module, from the command line: fitted, searched, saved, loaded."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from commands import kuamo

MODULE = """
import numpy as np
import torch
from torch import nn


class Imu:
    def accepts(self, raw): return isinstance(raw, (list, np.ndarray)) and np.ndim(raw) == 2
    def read(self, raw): return np.asarray(raw, np.float32)
    def write(self, value, path): np.savetxt(path, value)
    def show(self, value): return f"{len(value)} steps"


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(6, 32), nn.GELU(), nn.Linear(32, 16))

    def collate(self, items):
        lengths = torch.tensor([len(item) for item in items])
        return torch.from_numpy(np.concatenate(items)), lengths

    def forward(self, batch):
        steps, lengths = batch
        row = torch.repeat_interleave(torch.arange(len(lengths)), lengths)
        total = torch.zeros(len(lengths), 16).index_add(0, row, self.layers(steps))
        return total / lengths[:, None]


MODALITIES = {"imu": Imu()}
ENCODERS = {"imu": Net()}
"""


def test_ragged_imu_from_the_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each command imports the module anew, as its own process would."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)

    def command(*words: str, fails: bool = False) -> str:
        sys.modules.pop("my_imu", None)
        code, said, error = kuamo(monkeypatch, capsys, *words)
        assert code == (2 if fails else 0), error
        return error if fails else said

    rng = np.random.default_rng(0)
    z = rng.standard_normal((160, 6))
    pose = z @ rng.standard_normal((6, 12))
    (tmp_path / "my_imu.py").write_text(MODULE)
    rows = []
    for i in range(160):
        walk = z[i] + 0.5 * rng.standard_normal((int(rng.integers(10, 30)), 6))
        rows.append({"id": f"r{i}", "imu": None if i % 10 == 9 else walk.tolist(), "pose": pose[i].tolist()})
    for name, part in (("train", rows[:120]), ("test", rows[120:])):
        (tmp_path / f"{name}.jsonl").write_text("\n".join(json.dumps(row) for row in part))
    own = ("--import", "my_imu", "--json")
    command("fit", "train.jsonl", "-o", "s", "--objective", "InfoNCE", "--steps", "100", *own)
    report = json.loads(command("evaluate", "s", "test.jsonl", *own))
    assert report["measures"]["imu_to_pose_R@10"]["value"] > 0.6  # 36 queries among 40: chance is .25
    assert "custom=" in command("search", "s", "0", "--from", "pose", "--to", "imu", fails=True)
    np.save(tmp_path / "walk.npy", np.asarray(rows[5]["imu"], np.float32))
    there = ("--from", "imu", "--to", "pose", *own)
    found = json.loads(command("search", "s", "walk.npy", *there, "-k", "10"))
    assert "r5" in [hit["id"] for hit in found["hits"]]
    (tmp_path / "no.npy").write_bytes(b"not an array")
    assert "expected a .npy file of numbers" in command("search", "s", "no.npy", *there, fails=True)
