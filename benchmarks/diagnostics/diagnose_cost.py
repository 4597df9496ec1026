"""Claim: the four measures of relation between three columns of 100,000 rows take less than 25 CPU s and 2 GB.

    OPENBLAS_NUM_THREADS=1 python -m benchmarks diagnose_cost [--rows 100000] [--size 512]

Three columns of features that share 24 axes, groups of five copies; three pairs, each through `dependence_test`,
`similarity`, `infonce_bound` and `modality_gap`. Memory is the process's highest, the features and what makes them
included.
"""

import argparse
import resource
import time
from itertools import combinations

import numpy as np
from common import machine

from kuamo.metrics.dependence.cka import similarity
from kuamo.metrics.dependence.modality_gap import modality_gap
from kuamo.metrics.dependence.mutual_information import infonce_bound
from kuamo.metrics.dependence.permutation_test import dependence_test


def columns(rows: int, size: int) -> tuple[list[np.ndarray], np.ndarray]:
    rng = np.random.default_rng(0)
    group = np.arange(rows) // 5
    shared = rng.standard_normal((group[-1] + 1, 24), dtype=np.float32)[group]
    made = []
    for _ in range(3):
        turn = rng.standard_normal((24, size), dtype=np.float32)
        made.append(shared @ turn + 3 * rng.standard_normal((rows, size), dtype=np.float32))
    return made, group


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--size", type=int, default=512)
    given = parser.parse_args()
    print(machine())
    made, group = columns(given.rows, given.size)
    print(f"columns: {sum(one.nbytes for one in made) / 1e6:.0f} MB")
    for known in (group, None):
        whole = time.process_time()
        for measure in (dependence_test, similarity, infonce_bound, modality_gap):
            start = time.process_time()
            for x, y in combinations(made, 2):
                found = measure(x, y, known)
            print(f"{measure.__name__}: three pairs, {time.process_time() - start:.1f} CPU s; the last: {found}")
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
        groups = "given" if known is not None else "not given"
        print(
            f"groups {groups}: {time.process_time() - whole:.1f} CPU s in all; highest memory {peak:.0f} MB", flush=True
        )


if __name__ == "__main__":
    main()
