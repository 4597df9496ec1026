"""Claim: `spectrum` finds toy's canonical correlations, calls independent columns related seldom, and costs little.

    python -m benchmarks diagnose_spectrum

Known: ρ s²/(s² + noise²) of each axis, s its deviation. Found: mean over the axes, beside the mean on held-out rows
before the correction; the share of axes whose 95 % interval holds the known value; how many axes are called shared.
Then false alarms: independent tables, also in groups of four near-copies, in which any axis is called shared. Then CPU
seconds and memory of all three parts for 100,000 rows × three columns of 512 features.
"""

import resource
import time
from itertools import combinations
from typing import Any

import numpy as np
from common import machine

from kuamo.data.datasets.toy import falling, toy
from kuamo.encoders import Identity
from kuamo.encoders.feature_cache import features
from kuamo.metrics.dependence.align_or_predict import align_or_predict
from kuamo.metrics.dependence.cca_spectrum import spectrum
from kuamo.metrics.dependence.expected_retrieval import expected_retrieval

NOISE = 0.3
TOYS: dict[str, dict[str, Any]] = {
    "24 axes of .95": {"rows": 2000},
    "24 axes of .5": {"rows": 2000, "correlations": (0.5,) * 24},
    "8 axes of .7": {"rows": 1000, "correlations": (0.7,) * 8, "dims": (64, 64)},
    "12 axes of .8": {"rows": 300, "correlations": (0.8,) * 12, "dims": (128, 96)},
    "16 axes, .95 to .1": {"rows": 800, "correlations": tuple(np.linspace(0.95, 0.1, 16)), "dims": (40, 300)},
    "24 axes of .9, decay 1": {"rows": 1500, "correlations": (0.9,) * 24, "decay": 1.0},
}


def known_axes() -> None:
    print("| toy | rows | known, mean | found | held out | known, first four | found | in the interval | shared, of |")
    print("|---|---|---|---|---|---|---|---|---|")
    for name, options in TOYS.items():
        rho = np.asarray(options.get("correlations", (0.95,) * 24))
        variance = falling(len(rho), options.get("decay", 0.0)) ** 2
        known, k = np.sort(rho * variance / (variance + NOISE**2))[::-1], len(rho)
        runs = []
        for seed in (21, 22, 23):
            table = toy(**options, seed=seed, geometry_seed=seed)
            runs.append(spectrum(*(features(table, column, Identity()) for column in "ab")))
        found = np.mean([one.correlations[:k].mean() for one in runs])
        held = np.mean([one.held_out[:k].mean() for one in runs])
        first = np.mean([one.correlations[:4].mean() for one in runs])
        inside = np.mean([((one.low[:k] <= known) & (known <= one.high[:k])).mean() for one in runs])
        shared = ", ".join(str(one.shared) for one in runs)
        print(
            f"| {name} | {options['rows']:,} | {known.mean():.3f} | {found:.3f} | {held:.3f} | "
            f"{known[:4].mean():.3f} | {first:.3f} | {inside:.2f} | {shared}, of {k} |",
            flush=True,
        )


def false_alarms(tables: int = 200) -> None:
    for rows, dims, copies in ((200, (20, 30), 1), (400, (64, 48), 1), (400, (64, 48), 4)):
        alarms = 0
        for seed in range(tables):
            rng = np.random.default_rng([seed, 99])
            x, y = (
                rng.standard_normal((rows // copies, d)).repeat(copies, 0) + 0.1 * rng.standard_normal((rows, d))
                for d in dims
            )
            alarms += spectrum(x, y, group=np.arange(rows) // copies).shared > 0
        print(
            f"independent, {rows} rows, {dims}, groups of {copies}: an axis shared in {alarms / tables:.3f} of {tables}"
        )


def cost(rows: int = 100_000, dim: int = 512) -> None:
    rng = np.random.default_rng(0)
    z = rng.standard_normal((rows, 32), dtype=np.float32)
    columns = {}
    for name in "abc":
        x = z @ rng.standard_normal((32, dim), dtype=np.float32)
        x += 16 * rng.standard_normal(x.shape, dtype=np.float32)
        columns[name] = x
    label = [str(int(row[0] > 0) + 2 * int(row[1] > 0)) for row in z]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    for title, run in {
        "expected": lambda x, y: expected_retrieval(x, y, gallery=10_000),
        "spectrum": spectrum,
        "verdict": lambda x, y: align_or_predict(x, y, label=label),
        "verdict, without labels": align_or_predict,
    }.items():
        start = time.process_time()
        for a, b in combinations(columns, 2):
            run(columns[a], columns[b])
        print(f"{rows:,} × 3 × {dim}: {title} {time.process_time() - start:.1f} CPU s for three pairs", flush=True)
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"memory: {before:.2f} GB with the data, {after:.2f} GB at most")


def main() -> None:
    print(machine())
    known_axes()
    false_alarms()
    cost()
    print(machine())


if __name__ == "__main__":
    main()
