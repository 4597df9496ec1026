"""Claim: how often two equally random systems are called different "at 5 %", by sign flips and by the paired bootstrap.

    python -m benchmarks paired_calibration

Ranks are uniform on 1 … 99, independent for the two systems; 1,500 trials of 60 queries and 800 of 300, 400 draws each.
"""

from collections.abc import Callable

import numpy as np
from common import machine

from kuamo.metrics import paired_test

MEASURES: dict[str, tuple[str, Callable[[np.ndarray], np.ndarray]]] = {
    "MRR": ("mean", lambda rank: 1 / rank),
    "R@10": ("mean", lambda rank: (rank <= 10).astype(float)),
    "mean rank": ("mean", lambda rank: rank / 100),
    "median rank": ("median", lambda rank: rank.astype(float)),
}


def main() -> None:
    print(machine())
    for queries, trials in ((60, 1500), (300, 800)):
        for name, (kind, value) in MEASURES.items():
            alarms = []
            for seed in range(trials):
                got = value(np.random.default_rng([seed, 7]).integers(1, 100, (queries, 2)))
                (one,) = paired_test(got[:, :1], got[:, 1:], [kind], draws=400, seed=seed)
                alarms.append([one.p < 0.05, one.p_bootstrap < 0.05])
            p, drawn = np.mean(alarms, axis=0)
            print(f"{queries} queries, {name:11}: p {p:.3f}, p_bootstrap {drawn:.3f}")


if __name__ == "__main__":
    main()
