"""Claim: evaluation's memory follows the tile, not queries × gallery, and what ranks and intervals cost.

    python -m benchmarks evaluate_scale

Random codes (n × 256, float32), n queries in a gallery of n: one right answer each, and ten labels (n / 10 right
answers each). CPU seconds, and the growth of peak resident memory; all scores at once would take 4 n² bytes.
"""

import resource
import time

import numpy as np
from common import machine

from kuamo.metrics import bootstrap_all, paired_test, per_query, rank_queries

METRICS = ("R@1", "R@5", "R@10", "median_rank", "MRR", "mAP", "mAP@R", "nDCG@10")


def main() -> None:
    print(machine())
    rng = np.random.default_rng(0)
    kinds = {metric: "median" if metric == "median_rank" else "mean" for metric in METRICS}
    for n in (2_000, 10_000, 30_000):
        codes = rng.standard_normal((2, n, 256)).astype(np.float32)
        for name, key in {"one right answer": np.arange(n), "ten labels": np.arange(n) % 10}.items():
            before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
            values, _ = rank_queries(codes[0], codes[1], key, key)
            ranked = time.process_time() - start
            samples = {metric: per_query(metric, values) for metric in METRICS}
            start = time.process_time()
            bootstrap_all(samples, kinds)
            drawn = time.process_time() - start
            start = time.process_time()
            a = np.stack([samples["R@10"], samples["mAP"]], axis=1)
            paired_test(a, a[::-1], ["mean", "mean"])
            tested = time.process_time() - start
            grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
            print(
                f"n = {n:6,}, {name:16}: ranks {ranked:6.1f} s, 8 intervals {drawn:5.1f} s, "
                f"paired test of 2 {tested:5.1f} s, memory + {grown:4.0f} MB (all scores: {4 * n * n / 2**20:,.0f} MB)"
            )


if __name__ == "__main__":
    main()
