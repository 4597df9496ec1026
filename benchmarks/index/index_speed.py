"""An index of 100,000 × 256 on disk: build time, milliseconds of a warm query, recall@10, beside faiss, in one run.

    python -m pip install '.[index]' faiss-cpu
    KUAMO_DATA=… python -m benchmarks index_speed [--threads 1] [--rows 100000] [--kinds auto graph]

Three sets of codes: emoji (text and picture codes of `km.fit(km.datasets.emoji(), dim=256)`, repeated with noise on the
axes' own scale), digits (the same of 3,000 handwritten and spoken digits, from pixels and spectra) and random unit
vectors, which have no structure to exploit. Queries are 200 fresh codes of the same
kind, not in the index. kuamo's time is that of `index.search({"code": x}, k=10)`, from the raw input to the hits with
their percentiles; faiss's is that of its search alone. Recall is against the exact ten by a scan in NumPy. The settings
(parts, candidates, m, ef) were chosen on other data: 1,600 random clusters, seed 0, with falling axes.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--threads", type=int, default=1)
parser.add_argument("--rows", type=int, default=100_000)
parser.add_argument("--kinds", nargs="+", default=["auto", "graph"])
options = parser.parse_args()
for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "LANCE_CPU_THREADS"):
    os.environ[name] = str(options.threads)  # before anybody starts threads

import faiss  # noqa: E402
import lance  # noqa: E402
import numpy as np  # noqa: E402
from common import machine  # noqa: E402

import kuamo as km  # noqa: E402
from kuamo.closed_form import LinearMap  # noqa: E402
from kuamo.embedding.embedding import ClosedFormHead  # noqa: E402
from kuamo.embedding.space import Tower  # noqa: E402
from kuamo.encoders import Identity  # noqa: E402
from kuamo.space import Space  # noqa: E402

DIM, K, QUERIES = 256, 10, 200


class PixelLikelihood:
    """A picture of 28 px as its 784 grey values."""

    fingerprint = "28 px, grey/1"

    def prepare(self, value: np.ndarray) -> np.ndarray:
        return value.mean(axis=-1, dtype=np.float32).ravel() / 255

    def __call__(self, batch: list[np.ndarray]) -> np.ndarray:
        return np.stack(batch)


def emoji_codes(rows: int, rng: np.random.Generator) -> np.ndarray:
    """Codes of emoji, with noise."""
    table = km.datasets.emoji()
    return noisy(km.fit(table, dim=DIM, seed=0), table, rows, rng)


def digit_codes(rows: int, rng: np.random.Generator) -> np.ndarray:
    """Codes of handwritten and spoken digits, with noise."""
    table = km.datasets.digits(columns=("image", "audio"))
    encoders = {"image": PixelLikelihood(), "audio": km.encoders.SpectralFeatures()}
    return noisy(km.fit(table, dim=DIM, encoders=encoders, seed=0), table, rows, rng)


def noisy(space: km.Space, table: km.Table, rows: int, rng: np.random.Generator) -> np.ndarray:
    """Codes of a table's cells, each many times, with noise of half its length."""
    codes = np.concatenate([np.asarray(space.encode_column(table, name)[0]) for name in space.modalities])
    noise = rng.standard_normal((rows, DIM)) * codes.std(axis=0)
    picked = codes[rng.integers(0, len(codes), rows)]
    noise *= 0.5 * np.linalg.norm(picked, axis=1, keepdims=True) / np.linalg.norm(noise, axis=1, keepdims=True)
    return (picked + noise).astype(np.float32)


def random_codes(rows: int, rng: np.random.Generator) -> np.ndarray:
    """Uniform on the sphere."""
    codes = rng.standard_normal((rows, DIM)).astype(np.float32)
    return codes / np.linalg.norm(codes, axis=1, keepdims=True)


def measure(search: Callable[[np.ndarray], list[int]], queries: np.ndarray, exact: np.ndarray) -> tuple[float, float]:
    """Median milliseconds of a warm query, and recall@10."""
    for query in queries[:20]:
        search(query)
    times, shared = [], []
    for query, right in zip(queries, exact, strict=True):
        start = perf_counter()
        found = search(query)
        times.append(perf_counter() - start)
        shared.append(len(set(found) & set(right.tolist())) / K)
    return 1000 * float(np.median(times)), float(np.mean(shared))


def line(name: str, seconds: float, search: Callable[[np.ndarray], list[int]], *data: np.ndarray) -> None:
    milliseconds, recall = measure(search, *data)
    load = os.getloadavg()[0]
    print(f"  {name:34} {seconds:7.1f} s {milliseconds:8.2f} ms {recall:8.3f}   load {load:.1f}", flush=True)


def in_kuamo(codes: np.ndarray, kind: str, folder: Path) -> tuple[float, Any, str]:
    """Seconds to build, a search, and how codes are found."""
    head = ClosedFormHead(LinearMap(np.zeros(DIM), np.eye(DIM)))
    space = Space([Tower("code", km.Vector(), Identity(), head)])
    table, start = km.Table({"code": codes}), perf_counter()
    index = space.index(table, folder / f"{kind}.lance")
    if kind != "auto":
        index.optimize(kind=kind)
    seconds = perf_counter() - start

    def search(query: np.ndarray) -> list[int]:
        return [int(hit.id) for hit in index.search({"code": query}, k=K)]

    return seconds, search, f"kuamo {kind}: {', '.join(index.finders().values()) or 'exact'}"


def in_faiss(made: Any, codes: np.ndarray) -> tuple[float, Any]:
    start = perf_counter()
    made.add(codes)
    return perf_counter() - start, lambda query: made.search(query[None], K)[1][0].tolist()


def main() -> None:
    print(machine(), f"{options.threads} threads, pylance {lance.__version__}, faiss {faiss.__version__}", sep="\n")
    faiss.omp_set_num_threads(options.threads)
    for name, make in (("emoji", emoji_codes), ("digits", digit_codes), ("random", random_codes)):
        both = make(options.rows + QUERIES, np.random.default_rng(2026))
        codes, queries = both[QUERIES:], both[:QUERIES]
        exact = np.argsort(-(queries @ codes.T), axis=1)[:, :K]
        print(f"{name}, {len(codes):,} × {DIM}: build, median warm query, recall@10")
        with tempfile.TemporaryDirectory() as folder:
            for kind in options.kinds:
                seconds, search, label = in_kuamo(codes, kind, Path(folder))
                line(label, seconds, search, queries, exact)
        flat = faiss.IndexFlatIP(DIM)
        line("faiss flat", *in_faiss(flat, codes), queries, exact)
        graph = faiss.IndexHNSWFlat(DIM, 32, faiss.METRIC_INNER_PRODUCT)
        graph.hnsw.efConstruction = 150
        seconds, search = in_faiss(graph, codes)
        for width in (64, 400):
            graph.hnsw.efSearch = width
            line(f"faiss HNSW, ef {width}", seconds, search, queries, exact)
    print(machine())


if __name__ == "__main__":
    sys.exit(main())
