"""Claim: a default fit of many narrow columns costs what is there.

    OPENBLAS_NUM_THREADS=1 python -m benchmarks many_columns [12 30]

600 rows; every column is 12 numbers, a mixture of six that all share and as much noise. CPU seconds and memory above
what the imports take, in a process of its own for each.
"""

import resource
import subprocess
import sys
import tempfile
import time

import numpy as np
from common import machine


def one(count: int) -> None:
    import torch._dynamo  # noqa: F401  an optimiser of torch imports it when it is first made

    import kuamo as km
    import kuamo.fitting.finetuning
    import kuamo.fitting.pipeline

    rng = np.random.default_rng(0)
    z = rng.normal(size=(600, 6))
    cells = {f"c{m}": list(z @ rng.normal(size=(6, 12)) + rng.normal(size=(600, 12))) for m in range(count)}
    table = km.Table(cells, modalities={name: km.Vector() for name in cells})
    before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    km.fit(table, seed=0)
    cpu, memory = time.process_time() - start, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    print(
        f"{count} columns of 12 numbers, 600 rows: {cpu:.1f} CPU s, {memory / 1024:.0f} MB above the imports",
        flush=True,
    )


def main() -> None:
    if "--one" in sys.argv:
        one(int(sys.argv[-1]))
        return
    import os

    print(machine())
    for count in sys.argv[1:] or ["12", "30"]:
        with tempfile.TemporaryDirectory() as cache:
            subprocess.run(
                [sys.executable, __file__, "--one", count], check=True, env=os.environ | {"KUAMO_CACHE": cache}
            )
    print(machine())


if __name__ == "__main__":
    main()
