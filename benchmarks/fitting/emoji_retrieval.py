"""Claim: text ↔ picture retrieval on 300 unseen emoji concepts, and what it costs on a CPU.

    python -m benchmarks emoji_retrieval

R@1 and R@10 with 95 % bootstrap intervals for splits 0–2; CPU seconds of a first and a second fit, of `kuamo --help`
and of a cold `kuamo search`; whether search imports torch; milliseconds of a warm query.
"""

import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from common import machine

import kuamo as km

TORCH = (
    "import sys; from kuamo.cli.app import app; app(sys.argv[1:], standalone_mode=False); print('torch' in sys.modules)"
)
QUERY = "a small animal"


def child(*command: str) -> tuple[float, float, str]:
    """CPU seconds (user + system), wall seconds, and output of a subprocess."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return sum(after[:2]) - sum(before[:2]), time.perf_counter() - start, out


def timed(run: Callable[[], Any]) -> tuple[float, float, Any]:
    """CPU seconds, wall seconds, and the result of a call."""
    cpu, wall, out = time.process_time(), time.perf_counter(), run()
    return time.process_time() - cpu, time.perf_counter() - wall, out


def fit_and_score(seed: int) -> tuple[km.Space, km.Table, km.Report, list[float]]:
    train, test = km.datasets.emoji().split(test=300, by="group", seed=seed)
    first, again = timed(lambda: km.fit(train, seed=0)), timed(lambda: km.fit(train, seed=0))
    return again[2], train, km.evaluate(again[2], test, cutoffs=(1, 10)), [*first[:2], *again[:2]]


def main() -> None:
    print(machine())
    folder = Path(tempfile.mkdtemp())
    os.environ["KUAMO_CACHE"] = str(folder / "cache")  # empty, and for the subprocesses too
    results = [fit_and_score(seed) for seed in range(3)]
    for _, _, report, seconds in results:
        print(report, "fit {:.2f} CPU s ({:.2f} s wall), again {:.2f} ({:.2f})\n".format(*seconds), sep="\n")
    for name in (name for name in results[0][2] if "R@" in name):
        print(f"mean of seeds 0-2: {name} {np.mean([report[name] for _, _, report, _ in results]):.3f}")
    (space, train, *_), path = results[0], folder / "emoji.space"
    space.save(path)
    (index := space.index(train)).save(path / "index")
    kuamo, words = str(Path(sys.executable).with_name("kuamo")), ("search", str(path), QUERY, "--to", "image")
    for label, command in {"kuamo --help": ("--help",), "kuamo search, cold": words}.items():
        runs = np.median([child(kuamo, *command)[:2] for _ in range(5)], axis=0)
        print(f"{label}: {runs[0]:.2f} CPU s, {runs[1]:.2f} s wall (median of 5)")
    print("search imports torch:", child(sys.executable, "-c", TORCH, *words)[2].split()[-1])
    warm = [1000 * timed(lambda i=i: index.search({"text": f"{QUERY} {i}"}, to="image"))[1] for i in range(50)]
    print(f"warm query: {np.median(warm):.1f} ms (median of 50 different texts)\n{machine()}")


if __name__ == "__main__":
    main()
