"""Claim: diagnosing 100,000 rows × 3 columns of features takes less than 60 CPU s and 2 GB.

    python -m benchmarks diagnose_scale [--rows 100000] [--dim 512]

Three columns of `dim` numbers that share 32 axes, in a fresh process: all of `km.diagnose`, forecast included. Memory
is the process's own peak, data and imports included.
"""

import argparse
import resource
import time

import numpy as np
from common import machine

import kuamo as km
from kuamo.core.modules import single_threaded_torch


def table(rows, dim):
    rng = np.random.default_rng(0)
    z = rng.standard_normal((rows, 32), dtype=np.float32)
    columns = {}
    for name in "abc":
        x = rng.standard_normal((rows, dim), dtype=np.float32)
        x += z @ rng.standard_normal((32, dim), dtype=np.float32) * np.float32(0.3)
        columns[name] = x
    return km.Table(columns, modalities=dict.fromkeys("abc", km.Vector()))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--dim", type=int, default=512)
    given = parser.parse_args()
    print(machine(), flush=True)
    rows = table(given.rows, given.dim)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    start = time.process_time()
    with single_threaded_torch():
        found = km.diagnose(rows)
    cpu = time.process_time() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(found)
    print(
        f"{given.rows:,} rows x 3 columns of {given.dim}: {cpu:.1f} CPU s, peak {peak:,.0f} MB ({before:,.0f} before)"
    )
    print(machine())


if __name__ == "__main__":
    main()
