"""Claim: what retrieval `expected_retrieval` foretells from training rows alone is within .10 of R@10 that is reached.

    KUAMO_DATA=… python -m benchmarks diagnose_expected [toy emoji digits esc10 wikipedia]

Foretold from the features of the training rows and the size of the test gallery; reached by `km.fit(train)`, seed 0,
and `km.evaluate(space, test)`. Seeds of rows, worlds and splits are others than those that the method was made on.
Right answers: the own row; the same label where a label is all that pairs have in common (digits, ESC-10; Wikipedia
both ways, whose one split was looked at while the method was made). Emoji twice: each pair of columns as a table of its
own, and all four columns in one space. Without KUAMO_DATA, toys and emoji alone.
"""

import os
import sys
import time
from collections.abc import Iterator
from itertools import combinations
from typing import Any

import numpy as np
from common import machine

import kuamo as km
from kuamo.core.arrays import row_means
from kuamo.encoders.feature_cache import features
from kuamo.fitting.towers import open_ports
from kuamo.metrics.dependence.expected_retrieval import Expected, expected_retrieval

TOYS: dict[str, dict[str, Any]] = {
    "strong": {"rows": 2000},
    "weak": {"rows": 2000, "correlations": (0.5,) * 24},
    "eight axes": {"rows": 1000, "correlations": (0.7,) * 8, "dims": (64, 64)},
    "150 rows": {"rows": 150},
    "300 rows": {"rows": 300, "correlations": (0.8,) * 12, "dims": (128, 96)},
    "decay": {"rows": 1500, "decay": 1.0, "correlations": (0.9,) * 24},
    "0.95 to 0.1": {"rows": 800, "correlations": tuple(np.linspace(0.95, 0.1, 16)), "dims": (40, 300)},
    "nuisance 3": {"rows": 1000, "nuisance": 3.0, "correlations": (0.9,) * 16},
    "10,000 rows": {"rows": 10_000, "correlations": (0.4,) * 24},
    "independent": {"rows": 600, "correlations": (0.0,) * 8, "dims": (64, 64)},
}
Case = tuple[str, km.Table, km.Table, str]


def toy() -> Iterator[Case]:
    for name, options in TOYS.items():
        for seed, rows in ((11, 500), (12, 1500)):
            train = km.datasets.toy(**options, seed=seed, geometry_seed=seed)
            test = km.datasets.toy(**{**options, "rows": rows}, seed=seed + 100, geometry_seed=seed)
            yield f"toy, {name}", train, test, "row"


def emoji() -> Iterator[Case]:
    two = (("text", "image"), ("text", "audio"), ("image", "audio"), ("text_zh", "image"), ("text", "text_zh"))
    for columns in (*two, ("text", "text_zh", "image", "audio")):
        train, test = km.datasets.emoji(columns=columns).split(test=300, by="group", seed=1)
        yield f"emoji, {len(columns)} columns", train, test, "row"


def digits() -> Iterator[Case]:
    train, test = km.datasets.digits(columns=("image", "audio")).split(test=0.2, by="group", seed=1)
    yield "digits", train, test, "label"


def esc10() -> Iterator[Case]:
    train, test = km.datasets.esc10().split(test=0.25, by="group", seed=1)
    yield "ESC-10", train, test, "label"


def wikipedia() -> Iterator[Case]:
    for positives in ("row", "label"):
        yield "Wikipedia", km.datasets.wikipedia(), km.datasets.wikipedia(split="test"), positives


def foretold(train: km.Table, sizes: dict[str, int], positives: str) -> dict[tuple[str, str], tuple[Expected, float]]:
    """(from, to) → what is expected, and the CPU seconds of both directions."""
    cells = {
        port.name: (features(train, port.name, port.encoder), train.column(port.name).row, port.encoder)
        for port in open_ports(train, {}, {})[0]
    }
    found = {}
    for a, b in combinations(cells, 2):
        (x, row_x, of_x), (y, row_y, of_y) = cells[a], cells[b]
        rows = np.intersect1d(row_x, row_y)
        label = None if positives == "row" else np.asarray(train.labels)[rows]
        start = time.process_time()
        both = expected_retrieval(
            row_means(x, row_x, rows), row_means(y, row_y, rows), gallery=(sizes[b], sizes[a]),
            group=np.asarray(train.groups)[rows], key=label,
            blocks=(getattr(of_x, "blocks", None), getattr(of_y, "blocks", None)),
        )  # fmt: skip
        seconds = time.process_time() - start
        found |= {(a, b): (both[0], seconds), (b, a): (both[1], seconds)}
    return found


def main() -> None:
    print(machine())
    sets = [name for name in ("toy", "emoji", "digits", "esc10", "wikipedia") if not sys.argv[1:] or name in sys.argv]
    if "KUAMO_DATA" not in os.environ:
        sets = [name for name in sets if name in ("toy", "emoji")]
    print("| table | rows | right | from → to | gallery | chance | expected | 95 % | reached | difference | CPU s |")
    print("|---|---|---|---|---|---|---|---|---|---|---|")
    misses, inside = [], []
    for name in sets:
        for title, train, test, positives in globals()[name]():
            sizes = {column: len(test.column(column).row) for column in test.columns}
            expected = foretold(train, sizes, positives)
            report = km.evaluate(km.fit(train, seed=0), test, cutoffs=(10,), positives=positives, examples=0)
            for (a, b), (one, seconds) in expected.items():
                reached = report[f"{a}_to_{b}_R@10"]
                misses.append(one.value - reached)
                inside.append(one.low <= reached <= one.high)
                print(
                    f"| {title} | {len(train):,} | {positives} | {a} → {b} | {one.gallery:,} | {one.chance:.3f} | "
                    f"{one.value:.3f} | {one.low:.2f} – {one.high:.2f} | {reached:.3f} | {misses[-1]:+.3f} | "
                    f"{seconds:.1f} |",
                    flush=True,
                )
    off = np.abs(misses)
    print(f"{len(off)} ordered pairs: {(off <= 0.1).sum()} within .10; largest difference {off.max():.3f}, ", end="")
    print(f"mean of sizes {off.mean():.3f}, mean {np.mean(misses):+.3f}; {np.mean(inside):.0%} in the interval")
    print(machine())


if __name__ == "__main__":
    main()
