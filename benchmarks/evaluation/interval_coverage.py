"""Claim: 95 % intervals of `km.evaluate` hold what they should, also where hardly any query is right.

    python -m benchmarks interval_coverage [--tables 2000]

Shares of queries that are right, each query by itself or in groups of five that are alike (a query has its group's
answer in half of the cases); and means of reciprocal ranks, 1/r where a share of queries is right at once and the
others lie anywhere among 300. The figure is the share of tables whose interval holds the true value, beside that of
plain quantiles of the bootstrap, which were used before.
"""

import argparse

import numpy as np

from kuamo.metrics import bootstrap
from kuamo.metrics.bootstrap import resample


def shares(rng, n, p, grouped):
    """(n,) of 0 and 1, and groups."""
    if not grouped:
        return (rng.random(n) < p).astype(float), None
    group = np.repeat(np.arange(n // 5), 5)
    common, own = rng.random(n // 5)[group] < p, rng.random(n) < p
    return np.where(rng.random(n) < 0.5, common, own).astype(float), group


def reciprocal(rng, n, p, grouped):
    """(n,) reciprocal ranks, and groups."""
    right, group = shares(rng, n, p, grouped)
    return np.where(right == 1, 1.0, 1 / rng.integers(2, 301, n)), group


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--tables", type=int, default=2000)
    tables = parser.parse_args().tables
    others = np.mean(1 / np.arange(2, 301))
    print(f"{'what':>12} {'n':>5} {'true':>6} {'grouped':>8} {'now':>6} {'before':>7}")
    for what, draw in (("share", shares), ("mean of 1/r", reciprocal)):
        for n in (50, 300):
            for p in (0.02, 0.1, 0.5, 0.95):
                for grouped in (False, True):
                    rng, now, before = np.random.default_rng(0), 0, 0
                    true = p if what == "share" else p + (1 - p) * others
                    for seed in range(tables):
                        x, group = draw(rng, n, p, grouped)
                        found = bootstrap(x, "score", groups=group, draws=400, seed=seed)
                        now += found.low <= true <= found.high
                        stars = resample(x[:, None], ["mean"], groups=group, draws=400, seed=seed)
                        low, high = np.quantile(stars, [0.025, 0.975])
                        before += low <= true <= high
                    print(f"{what:>12} {n:>5} {true:>6.3f} {grouped!s:>8} {now / tables:>6.3f} {before / tables:>7.3f}")


if __name__ == "__main__":
    main()
