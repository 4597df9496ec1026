"""What takes minutes: the long forms of the benchmarks that can fail, and the main job at its full size."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import kuamo as km

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.slow


@pytest.mark.parametrize("words", [("fuzz", "--cases", "3600"), ("kills", "--kills", "200")])
def test_nothing_breaks(words: tuple[str, ...]) -> None:
    if words[0] == "kills":
        pytest.importorskip("lance", reason="the index on disk needs pylance")
    done = subprocess.run([sys.executable, "-m", "benchmarks", *words], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("seed", range(10, 13))
def test_unseen_emoji_are_found(seed: int) -> None:
    train, test = km.datasets.emoji().split(test=300, by="group", seed=seed)
    report = km.evaluate(km.fit(train, seed=0), test)
    assert min(report["text_to_image_R@1"], report["image_to_text_R@1"]) > 0.33
    assert min(report["text_to_image_R@10"], report["image_to_text_R@10"]) > 0.65
