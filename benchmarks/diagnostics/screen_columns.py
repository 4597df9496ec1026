"""Claim: `fit` tells related columns from unrelated ones however many there are.

    python -m benchmarks screen_columns [--tables 200] [--columns 6 12 30]

Tables of 300 rows; every column has 20 numbers. Of related columns any two correlate by ρ in each; unrelated ones
share nothing. Shares of tables of which `fit` says that some columns are related, and CPU seconds of a look.
"""

import argparse
import time

import numpy as np
from common import machine

from kuamo.metrics.dependence.screening import screen

ROWS = 300


def columns(count: int, rho: float, seed: int) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    rng = np.random.default_rng([seed, count, round(100 * rho)])
    shared = rng.normal(size=(ROWS, 20))
    own = rng.normal(size=(count, ROWS, 20))
    return {f"c{i}": (np.sqrt(rho) * shared + np.sqrt(1 - rho) * one, np.arange(ROWS)) for i, one in enumerate(own)}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--tables", type=int, default=200)
    parser.add_argument("--columns", type=int, nargs="+", default=[6, 12, 30])
    given = parser.parse_args()
    print(machine())
    for count in given.columns:
        for rho in (0.9, 0.5, 0.0):
            start = time.process_time()
            found = [screen(columns(count, rho, seed), np.arange(ROWS), 0) for seed in range(given.tables)]
            cpu = (time.process_time() - start) / given.tables
            related = np.mean([not one.none_related for one in found])
            aside = np.mean([len(one.unrelated) for one in found if not one.none_related] or [0])
            what = f"ρ = {rho}" if rho else "unrelated"
            print(
                f"{count} columns, {what}: called related in {related:.3f} of {given.tables} tables, "
                f"{aside:.2f} of their columns set aside, {cpu:.2f} CPU s a look",
                flush=True,
            )
    print(machine())


if __name__ == "__main__":
    main()
