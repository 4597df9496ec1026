"""Canonical correlation analysis of 50,000 × (384, 768), k = 64, against cca-zoo's `CCA`, in one run.

    python -m pip install cca-zoo
    python -m benchmarks cca_speed [--threads 2] [--rows 50000]

Both get the same arrays, alternate, and the median of three counts. Prints seconds, their ratio, the largest difference
of the canonical correlations at zero ridge, and how far from the arithmetic floor we are: the time that this machine
needs for the products XᵀX, YᵀY and XᵀY alone, at the speed of one large float64 product.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--threads", type=int, default=os.cpu_count(), help="threads of the linear algebra library")
parser.add_argument("--rows", type=int, default=50_000)
parser.add_argument("--json", action="store_true", help="print one JSON object")
options = parser.parse_args()
for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = str(options.threads)  # before NumPy starts its threads

import numpy as np  # noqa: E402
from cca_zoo import __version__ as zoo_version  # noqa: E402
from cca_zoo.linear import CCA as ZooCCA  # noqa: E402

sys.path.insert(0, str(Path(__file__).parents[2] / "src"))
from kuamo.closed_form import cca  # noqa: E402

DIM = 64


def views(rows: int, dtype: type) -> tuple[np.ndarray, np.ndarray]:
    """Two views that share 64 directions of falling correlation, with spectra that fall as features do (1/√i)."""
    rng = np.random.default_rng(0)
    shared = rng.standard_normal((rows, DIM)) * np.linspace(2, 0.3, DIM)

    def view(size: int) -> np.ndarray:
        x = rng.standard_normal((rows, size))
        x[:, :DIM] += shared
        turn = np.linalg.qr(rng.standard_normal((size, size)))[0]
        return ((x * np.arange(1, size + 1) ** -0.5) @ turn + 1).astype(dtype)

    return view(384), view(768)


def timed(run: Callable[[], object]) -> tuple[float, object]:
    """Seconds and what came out."""
    start = perf_counter()
    result = run()
    return perf_counter() - start, result


def zoo_correlations(model: object, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The correlations of cca-zoo's canonical variates, in float64."""
    u, v = (np.asarray(z, np.float64) for z in model.transform([x, y]))
    u, v = u - u.mean(0), v - v.mean(0)
    return (u * v).sum(0) / np.sqrt((u * u).sum(0) * (v * v).sum(0))


def floor_seconds(x: np.ndarray, y: np.ndarray) -> float:
    """Multiply-adds of the three products (symmetric ones counted once) over the measured speed of one product."""
    a = np.ascontiguousarray(y[:8192], np.float64)
    flops = 2 * a.shape[0] * a.shape[1] ** 2
    b = a.copy()
    speed = flops / min(timed(lambda: a.T @ b)[0] for _ in range(5))
    n, p, q = len(x), x.shape[1], y.shape[1]
    return n * (p * p + q * q + 2 * p * q) / speed


def compare(dtype: type, precision: str) -> dict[str, object]:
    """One comparison, in alternation."""
    x, y = views(options.rows, dtype)
    cca(x[:2000], y[:2000], DIM)
    ZooCCA(DIM).fit([x[:2000], y[:2000]])
    ours, zoos = [], []
    for _ in range(3):
        seconds, model = timed(lambda: cca(x, y, DIM, precision=precision))
        ours.append(seconds)
        seconds, zoo = timed(lambda: ZooCCA(DIM).fit([x, y]))
        zoos.append(seconds)
    kuamo_s, zoo_s, floor = float(np.median(ours)), float(np.median(zoos)), floor_seconds(x, y)
    return {
        "input": np.dtype(dtype).name,
        "our_products": precision,
        "kuamo_s": round(kuamo_s, 3),
        "cca_zoo_s": round(zoo_s, 3),
        "ratio": round(kuamo_s / zoo_s, 3),
        "max_correlation_difference": float(np.abs(model.correlations - zoo_correlations(zoo, x, y)).max()),
        "floor_s": round(floor, 3),
        "times_floor": round(kuamo_s / floor, 2),
    }


def hardware() -> dict[str, object]:
    """What this ran on, and how busy it was."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    model = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    return {
        "cpu": model[0] if model else platform.processor(),
        "cores": os.cpu_count(),
        "threads": options.threads,
        "load_1min": round(os.getloadavg()[0], 2),
        "numpy": np.__version__,
        "cca_zoo": zoo_version,
    }


def main() -> None:
    """Run for float32 and float64 input, and once with float64 products of float32 input, and print."""
    before = hardware()
    # cca-zoo computes in the precision of its input, and so do we by default where that is exact enough.
    results = [compare(np.float32, "auto"), compare(np.float64, "auto"), compare(np.float32, "float64")]
    if options.json:
        print(json.dumps({"benchmark": "cca_speed", "rows": options.rows, **before, "results": results}))
        return
    print(f"CCA, {options.rows:,} × (384, 768), k = {DIM}, zero ridge, against cca-zoo {zoo_version}")
    print(", ".join(f"{key} {value}" for key, value in before.items()))
    for result in results:
        print(", ".join(f"{key} {value}" for key, value in result.items()))
    defaults = results[:2]
    worst = max(result["ratio"] for result in defaults)
    differ = max(result["max_correlation_difference"] for result in defaults)
    print(f"target, at the default precision: ratio ≤ .35 (worst {worst}), difference ≤ 1e-6 (worst {differ:.1e})")


if __name__ == "__main__":
    main()
