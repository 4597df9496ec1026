"""Claim: a table of a million pictures does not live in memory, nor do features, and decoding costs little.

    python -m benchmarks table_speed

In processes of their own, so that peak memory is theirs: a CSV of 1,000,000 paths read, split and described; a Parquet
file of pictures, 0.3 and 1.2 GB, read through once; 2,500, 5,000 and 10,000 pictures encoded, with an empty cache.
Then, in interleaved runs: decoding of 224 px JPEGs on one and two threads, alone and with EfficientNet's `prepare`
(best); the network fed by the table or from memory (median, in wall and in CPU seconds, which depend less on load).
"""

import io
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from common import machine
from PIL import Image

import kuamo as km
from kuamo.closed_form import LinearMap
from kuamo.core import threads
from kuamo.embedding.embedding import ClosedFormHead
from kuamo.embedding.space import Tower
from kuamo.encoders import EfficientNetLite0
from kuamo.encoders.base import batches, encode_items
from kuamo.encoders.feature_cache import features
from kuamo.space import Space

RNG = np.random.default_rng(0)


def picture(size: int = 224) -> bytes:
    few = RNG.integers(0, 255, (16, 16, 3), dtype=np.uint8)
    out = io.BytesIO()
    Image.fromarray(few).resize((size, size), Image.Resampling.BICUBIC).save(out, "JPEG", quality=90)
    return out.getvalue()


def peak() -> float:
    """Peak memory of this process so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def paths(folder: Path) -> None:
    lines = (f"{i},photos/{i:07}.jpg,a caption of picture {i}\n" for i in range(1_000_000))
    (folder / "t.csv").write_text("id,photo,text\n" + "".join(lines))
    code = "import sys, time, benchmark as b; b.read_paths(sys.argv[1])".replace("benchmark", Path(__file__).stem)
    print(child(code, folder / "t.csv"))


def read_paths(path: str) -> None:
    start, before = time.perf_counter(), peak()
    table = km.Table.read(path)
    read = time.perf_counter()
    train, _ = table.split(test=0.2)
    split = time.perf_counter()
    assert len(train.describe()) and str(train.columns["photo"].raw(5)).endswith(".jpg")
    print(f"1,000,000 paths: read {read - start:.1f} s, split {split - read:.1f} s, +{peak() - before:.0f} MB", end="")


def shards(folder: Path, copies: int) -> None:
    pictures = [picture() + bytes(10_000) for _ in range(500)]
    rows = pa.table({"image": pictures, "text": [f"number {i}" for i in range(500)]})
    with pq.ParquetWriter(folder / "t.parquet", rows.schema, compression="none", use_dictionary=False) as writer:
        for _ in range(copies):
            writer.write_table(rows, row_group_size=500)
    code = "import sys, benchmark as b; b.read_shard(sys.argv[1])".replace("benchmark", Path(__file__).stem)
    print(child(code, folder / "t.parquet"))


def read_shard(path: str) -> None:
    table, before, start = km.Table.read(path), peak(), time.perf_counter()
    column = table.column("image")
    size = sum(len(column.raw(entry)) for entry in range(len(column.row)))
    seconds = time.perf_counter() - start
    print(f"{len(table):,} pictures in Parquet, {size / 2**30:.2f} GB read once: {seconds:.1f} s, peak ", end="")
    print(f"{peak():.0f} MB (+{peak() - before:.0f} after opening)", end="")


def child(code: str, argument: Path | int, **environment: str) -> str:
    here = str(Path(__file__).parent)
    command = [sys.executable, "-c", code, str(argument)]
    settings = os.environ | environment
    return subprocess.run(command, cwd=here, check=True, capture_output=True, text=True, env=settings).stdout


def memory(counts: tuple[int, ...] = (2_500, 5_000, 10_000)) -> None:
    """Peaks of processes that encode so many pictures; a small network, since only the number of rows matters here."""
    for count in counts:
        with tempfile.TemporaryDirectory() as place:
            code = "import sys, benchmark as b; b.encode(int(sys.argv[1]))".replace("benchmark", Path(__file__).stem)
            print(child(code, count, KUAMO_CACHE=place))


def encode(count: int) -> None:
    encoder = EfficientNetLite0(size=64)
    table = km.Table({"image": [picture(96) for _ in range(count)]})
    width = sum(encoder.blocks)
    head = ClosedFormHead(LinearMap(np.zeros(width), np.ones((width, 64), np.float32)))
    space = Space([Tower("image", km.Image(), encoder, head)])
    space.encode(table.take(range(64)))
    before = peak()
    space.encode(table)
    print(f"{count:,} pictures of {len(table.columns['image'].raw(0)):,} bytes to codes: peak ", end="")
    print(f"{peak():.0f} MB (+{peak() - before:.0f} by encoding)", end="")


def decoding(count: int = 300, runs: int = 9) -> None:
    table, encoder = km.Table({"image": [picture() for _ in range(count)]}), EfficientNetLite0()
    best: dict[tuple[str, int], float] = {}
    for _ in range(runs):
        for number in (1, 2):
            threads.workers = lambda number=number: number
            for what, then in (("decode", None), ("decode and prepare", encoder.prepare)):
                start = time.perf_counter()
                for _ in table.values("image", then=then):
                    pass
                rate = count / (time.perf_counter() - start)
                best[what, number] = max(rate, best.get((what, number), 0))
    for what in ("decode", "decode and prepare"):
        one, two = best[what, 1], best[what, 2]
        print(f"{what}, 224 px JPEG: {one:.0f} a second on one thread, {two:.0f} on two ({two / one:.2f} times)")


def large(runs: int = 5) -> None:
    """A photograph of 12 megapixels, decoded whole and as far as EfficientNet sees it."""
    photo, encoder, best = picture(3464), EfficientNetLite0(), {}
    for enough in [None, encoder.min_side] * runs:
        start = time.thread_time()
        encoder.prepare(km.Image().read(photo, enough))
        best[enough] = min(time.thread_time() - start, best.get(enough, 9))
    whole, part = (1000 * seconds for seconds in best.values())
    print(f"decode and prepare a JPEG of 12 megapixels: {whole:.0f} ms of CPU whole, {part:.0f} as far as it is seen")


def network(count: int = 192, runs: int = 8) -> None:
    table, encoder = km.Table({"image": [picture() for _ in range(count)]}), EfficientNetLite0()
    items = list(table.values("image", then=encoder.prepare))
    rates: dict[str, list[float]] = {"from memory": [], "on one thread": [], "on two": []}
    costs: dict[str, list[float]] = {name: [] for name in [*rates, "preparing"]}

    def raw() -> None:
        for batch in batches(iter(items), encoder.batch_size):
            encode_items(encoder, batch, "image")

    for _ in range(runs):
        for number, name in enumerate(rates):
            threads.workers = lambda number=number: max(number, 1)
            start, cpu = time.perf_counter(), time.process_time()
            features(table, "image", encoder, cache=False) if number else raw()
            rates[name].append(count / (time.perf_counter() - start))
            costs[name].append(time.process_time() - cpu)
        cpu, threads.workers = time.process_time(), lambda: 1
        for _ in table.values("image", then=encoder.prepare):
            pass
        costs["preparing"].append(time.process_time() - cpu)
    raw_rate, one, two = (float(np.median(made)) for made in rates.values())
    print(f"EfficientNet-Lite0, median of {runs}, load {os.getloadavg()[0]:.1f}: ", end="")
    print(f"{raw_rate:.1f} pictures a second from memory; from JPEG files ", end="")
    print(f"{one:.1f} on one thread ({one / raw_rate:.2f}), {two:.1f} on two ({two / raw_rate:.2f})")
    for what, pick in (("best", np.min), ("median", np.median)):
        raw_cpu, one_cpu, two_cpu, apart = (1000 * float(pick(made)) / count for made in costs.values())
        print(
            f"  CPU ms a picture, {what}: {raw_cpu:.1f} from memory, {one_cpu:.1f} ({raw_cpu / one_cpu:.2f}) and ",
            end="",
        )
        print(f"{two_cpu:.1f} ({raw_cpu / two_cpu:.2f}); decoding and preparing alone {apart:.2f}: ", end="")
        print(f"{raw_cpu / (raw_cpu + apart):.2f} by parts")


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    print(machine())
    with tempfile.TemporaryDirectory() as place:
        paths(Path(place))
    for copies in (30, 120):
        with tempfile.TemporaryDirectory() as place:
            shards(Path(place), copies)
    memory()
    decoding()
    large()
    network()
    print(machine())
