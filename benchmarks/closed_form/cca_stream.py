"""Canonical correlation analysis of 5,000,000 × (128, 128) float32, streamed from Parquet within 1 GB of memory.

    python -m benchmarks cca_stream [--rows 5000000] [--folder FOLDER]

The file (5 GB) is written in pieces to a temporary folder and removed at the end. The reading runs in a process of its
own, whose peak memory is its own. Prints seconds at a quarter, half and all of the rows, peak memory, and the largest
difference from the canonical correlations that the data were made with.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

sys.path.insert(0, str(Path(__file__).parents[2] / "src"))
from kuamo.closed_form import PairMoments, cca_from_moments

SIZE, SHARED, PIECE, BATCH = 128, 16, 100_000, 16_384


def column(x: np.ndarray) -> pa.FixedSizeListArray:
    """An array (n, D) as one Arrow column of vectors."""
    return pa.FixedSizeListArray.from_arrays(pa.array(x.ravel()), x.shape[1])


def write(path: Path, rows: int) -> None:
    """Unit-variance views whose first 16 features correlate by known amounts; the other features are noise."""
    rng = np.random.default_rng(0)
    root = np.sqrt(known_correlations()).astype(np.float32)
    rest = np.sqrt(1 - root**2)
    kind = pa.list_(pa.field("element", pa.float32(), nullable=False), SIZE)
    schema = pa.schema([pa.field("x", kind, nullable=False), pa.field("y", kind, nullable=False)])
    # Random numbers do not compress, and a dictionary of them is larger than they are.
    with pq.ParquetWriter(path, schema, compression="none", use_dictionary=False) as writer:
        for start in range(0, rows, PIECE):
            n = min(PIECE, rows - start)
            z = rng.standard_normal((n, SHARED), np.float32)
            x, y = rng.standard_normal((2, n, SIZE), np.float32)
            for view in (x, y):
                view[:, :SHARED] = root * z + rest * view[:, :SHARED]
            arrays = [column(view).cast(kind) for view in (x, y)]
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))


def known_correlations() -> np.ndarray:
    """ρ of the population, falling."""
    return np.linspace(0.9, 0.15, SHARED)


def batches(path: Path, rows: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The first `rows` rows as views on Arrow's memory, without a copy."""
    # With pre_buffer the reader would hold whole row groups in memory.
    with pq.ParquetFile(path, pre_buffer=False) as file:
        for batch in file.iter_batches(BATCH, use_threads=False):
            if rows <= 0:
                return
            batch = batch.slice(0, rows)
            rows -= len(batch)
            yield matrix(batch.column(0)), matrix(batch.column(1))


def matrix(vectors: pa.FixedSizeListArray) -> np.ndarray:
    """A column of vectors as (n, D)."""
    return vectors.flatten().to_numpy(zero_copy_only=True).reshape(len(vectors), -1)


def measure(path: Path, rows: int, precision: str) -> dict[str, float]:
    """Read, sum and solve, and say what it took."""
    start = perf_counter()
    moments = PairMoments(SIZE, SIZE, precision=precision)
    for x, y in batches(path, rows):
        moments.update(x, y)
    rho = cca_from_moments(moments, SHARED).correlations
    return {
        "rows": moments.n,
        "seconds": round(perf_counter() - start, 2),
        "peak_MB": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "max_error": float(np.abs(rho - known_correlations()).max()),
    }


def main() -> None:
    """Write the file, measure in fresh processes, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=5_000_000)
    parser.add_argument("--folder", type=Path, help="where the temporary file goes")
    parser.add_argument("--json", action="store_true", help="print one JSON object per line")
    parser.add_argument("--measure", nargs=3, metavar=("FILE", "ROWS", "PRECISION"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        path, rows, precision = options.measure
        print(json.dumps(measure(Path(path), int(rows), precision)))
        return
    load = round(os.getloadavg()[0], 2)
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        path = Path(folder) / "views.parquet"
        start = perf_counter()
        write(path, options.rows)
        size = path.stat().st_size / 2**30
        print(f"wrote {options.rows:,} rows, {size:.2f} GiB, in {perf_counter() - start:.0f} s", file=sys.stderr)
        print(f"pyarrow {pa.__version__}, numpy {np.__version__}, {os.cpu_count()} cores, load {load}", file=sys.stderr)
        for precision in ("float64", "float32"):
            for rows in (options.rows // 4, options.rows // 2, options.rows):
                command = [sys.executable, __file__, "--measure", str(path), str(rows), precision]
                done = subprocess.run(command, check=True, capture_output=True, text=True)
                found = {"precision": precision, **json.loads(done.stdout)}
                print(json.dumps(found) if options.json else found, flush=True)


if __name__ == "__main__":
    main()
