"""A ragged modality of one's own, one value and one module, from the command line: fitted, searched, saved, loaded."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np

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


def kuamo(*words: str, folder: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "kuamo.cli.app", *words],
        cwd=folder,
        capture_output=True,
        text=True,
        env=dict(os.environ),
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_ragged_imu_from_the_command_line(tmp_path: Path) -> None:
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
    kuamo("fit", "train.jsonl", "-o", "s", "--objective", "InfoNCE", "--steps", "150", *own, folder=tmp_path)
    report = json.loads(kuamo("evaluate", "s", "test.jsonl", *own, folder=tmp_path))
    assert report["measures"]["imu_to_pose_R@10"]["value"] > 0.6  # 36 queries among 40: chance is .25
    index = ("search", "s", "0", "--from", "pose", "--to", "imu")
    refused = subprocess.run(
        [sys.executable, "-m", "kuamo.cli.app", *index], cwd=tmp_path, capture_output=True, text=True
    )
    assert refused.returncode == 2 and "custom=" in refused.stderr

    np.save(tmp_path / "walk.npy", np.asarray(rows[5]["imu"], np.float32))
    found = json.loads(
        kuamo("search", "s", "walk.npy", "--from", "imu", "--to", "pose", "-k", "10", *own, folder=tmp_path)
    )
    assert "r5" in [hit["id"] for hit in found["hits"]]
    (tmp_path / "no.npy").write_bytes(b"not an array")
    asked = [sys.executable, "-m", "kuamo.cli.app", "search", "s", "no.npy", "--from", "imu", "--to", "pose", *own]
    wrong = subprocess.run(asked, cwd=tmp_path, capture_output=True, text=True)
    assert wrong.returncode == 2 and "expected a .npy file of numbers" in wrong.stderr
