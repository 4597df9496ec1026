"""Claim: a column that has nothing to do with the others costs the fit nothing, since `fit` heeds the diagnosis.

    python -m benchmarks unrelated_column [--seeds 5]

Two columns of toy() (12 axes with ρ = .9, 12 with ρ = .5) and a third of noise. R@10 from the first to the second among
500 fresh rows: without the third column; with it, set aside as `fit` does; with it, one space of all three (`km.CCA`).
"""

import argparse
import time

import numpy as np
from common import machine

import kuamo as km
from kuamo.core.modules import single_threaded_torch


def tables(rows, seed):
    both = km.datasets.toy(rows + 500, correlations=(0.9,) * 12 + (0.5,) * 12, seed=seed)
    columns = {name: np.stack(list(both.values(name))) for name in "ab"}
    columns["c"] = np.random.default_rng([seed, 50]).standard_normal((rows + 500, 256)).astype(np.float32)
    table = km.Table(columns, modalities=dict.fromkeys("abc", km.Vector()))
    return table.take(range(rows)), table.take(range(rows, rows + 500))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=5)
    given = parser.parse_args()
    print(machine(), flush=True)
    for rows in (400, 1000):
        found = {"without": [], "set aside": [], "one space": []}
        heeded, cpu = 0, []
        for seed in range(given.seeds):
            train, test = tables(rows, seed)
            with single_threaded_torch():
                for name, table, objective in (
                    ("without", train.select("a", "b"), None),
                    ("set aside", train, None),
                    ("one space", train, km.CCA()),
                ):
                    start = time.process_time()
                    space = km.fit(table, objective, seed=0)
                    if name == "set aside":
                        cpu.append(time.process_time() - start)
                        heeded += any(getattr(note, "key", "") == "advice_followed" for note in space.notes)
                    report = km.evaluate(space, test.select(*table.columns), examples=0)
                    found[name].append(report["a_to_b_R@10"])
        said = ", ".join(f"{name} {np.mean(values):.3f}" for name, values in found.items())
        print(
            f"{rows} rows: {said}; set aside in {heeded} of {given.seeds}, {np.mean(cpu):.1f} CPU s a fit", flush=True
        )
    print(machine())


if __name__ == "__main__":
    main()
