"""The recipes of CONTRIBUTING.md are true: the code there is run."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import kuamo as km

TEXT = (Path(__file__).parents[2] / "CONTRIBUTING.md").read_text("utf-8")


def test_a_ragged_modality_of_ones_own(tmp_path: Path) -> None:
    names: dict[str, Any] = {"np": np, "km": km, "dataclass": dataclass}
    for block in re.findall(r"```python\n(.*?)```", TEXT, re.S):
        assert len(block.splitlines()) <= 10
        exec(block, names)
    rng = np.random.default_rng(0)
    z = rng.standard_normal((200, 6))
    walks = [row + rng.standard_normal((rng.integers(20, 60), 6)) for row in z]
    poses = z @ rng.standard_normal((6, 12)) + 0.1 * rng.standard_normal((200, 12))
    table = km.Table({"imu": walks, "pose": poses}, modalities={"imu": names["Imu"]()})
    train, test = table.split(test=50, seed=0)
    space = km.fit(train, encoders={"imu": names["Statistics"]()}, seed=0)
    assert km.evaluate(space, test)["imu_to_pose_R@10"] > 0.6  # chance is .2
    space.save(tmp_path / "s")
    again = km.Space.load(tmp_path / "s", custom={"imu": (names["Imu"](), names["Statistics"]())})
    assert np.array_equal(np.asarray(again.encode(test)), np.asarray(space.encode(test)))
    made = km.fit(
        train, init=space, decoders={"imu": km.Flow(width=16)}, codecs={"imu": names["Steps"]()},
        training=km.Training(steps=5),
    )  # fmt: skip
    made.save(tmp_path / "made")
    parts = (names["Imu"](), names["Statistics"](), names["Steps"]())
    loaded = km.Space.load(tmp_path / "made", custom={"imu": parts})
    one = loaded.translate(test.select("pose").take([0]), to="imu", seed=1)
    assert np.shape(one) == (1, 1, 6)
    assert np.array_equal(one, made.translate(test.select("pose").take([0]), to="imu", seed=1))
    with pytest.raises(km.StoreError, match="its codec 'Steps' is a user's own"):
        km.Space.load(tmp_path / "made", custom={"imu": parts[:2]})
    trained = km.fit(km.datasets.toy(rows=200), names["Close"](), training=km.Training(steps=5), seed=0)
    assert "trained with Close" in trained.notes[-1]
    assert again.index(test).search({"imu": walks[0]}, to="pose", k=3)
