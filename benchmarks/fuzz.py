"""Claim: 1,000 damaged tables, pictures and sounds end in a result or a clear error, none in a crash or half a file.

    python benchmarks/fuzz.py [--cases 1000] [--seed 0]

A case is a pure function of (seed, number): a whole table, picture or sound, then up to three of: flipped bytes, a cut,
a piece repeated, zeroed or put in, another extension, swapped columns, a giant cell, another encoding, cells of another
type. It is read (every second case with on_error="skip"), described, every cell is decoded, toy features are cached.
Cases run in a child process with 4 GB of memory: one that takes 20 s is a hang, one that ends the child a crash.
Exit code 1 unless every case ends well.
"""

import argparse
import io
import json
import os
import resource
import selectors
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as pq
import soundfile
from PIL import Image

import kuamo as km
from kuamo.features import FeatureCache, features

SECONDS = 20
MEMORY = 4 << 30
PICTURES = ("PNG", "JPEG", "GIF", "WEBP", "TIFF", "BMP", "PPM")
SOUNDS = ("WAV", "FLAC", "OGG", "MP3", "AIFF", "AU")
TABLES = ("csv", "tsv", "jsonl", "parquet", "arrow", "shards", "metadata", "files")
WRONG = (".png", ".jpg", ".wav", ".mp3", ".csv", ".jsonl", ".parquet", ".txt", "")
Random = np.random.Generator


class Toy:
    """The cheapest encoder with a name, so that its features are cached."""

    fingerprint = "fuzz/1"

    def prepare(self, value: Any) -> np.ndarray:
        whole = value.samples if isinstance(value, km.modalities.Waveform) else value
        whole = np.frombuffer(whole.encode("utf-8", "replace"), np.uint8) if isinstance(whole, str) else whole
        return np.array([np.size(whole), float(np.sum(whole, dtype=np.float64))], np.float32)

    def __call__(self, batch: np.ndarray) -> np.ndarray:
        return batch


# ── whole things ─────────────────────────────────────────────────────────────────────────────────────────────────


def picture(rng: Random, form: str) -> bytes:
    mode = str(rng.choice(["RGB", "L", "RGBA", "P", "CMYK", "1"]))
    pixels = Image.fromarray(rng.integers(0, 255, (int(rng.integers(1, 40)), 24, 3), dtype=np.uint8)).convert(mode)
    out = io.BytesIO()
    try:
        pixels.save(out, form)
    except (OSError, ValueError):  # a mode that the format has not
        pixels.convert("RGB").save(out := io.BytesIO(), form)
    return out.getvalue()


def sound(rng: Random, form: str) -> bytes:
    out, channels = io.BytesIO(), int(rng.integers(1, 3))
    rate = int(rng.choice([8000, 44100, 48000]))
    soundfile.write(out, rng.uniform(-1, 1, (int(rng.integers(0, 4000)), channels)), rate, format=form)
    return out.getvalue()


def rows(rng: Random, folder: Path) -> dict[str, list[Any]]:
    """Columns as plain lists, with the files that they name."""
    n = int(rng.integers(1, 9))
    for k in range(n):
        (folder / f"{k}.png").write_bytes(picture(rng, "PNG"))
        (folder / f"{k}.wav").write_bytes(sound(rng, "WAV"))
    return {
        "id": [f"r{k}" for k in range(n)],
        "text": [[f"a {k}", "a cat"][k % 2] if k % 3 else None for k in range(n)],
        "photo": [f"{k}.png" if k % 4 else None for k in range(n)],
        "noise": [f"{k}.wav" for k in range(n)],
        "pose": [[float(k), 1.0, 2.0] for k in range(n)],
        "price": [k / 7 for k in range(n)],
    }


def write_table(rng: Random, columns: dict[str, list[Any]], folder: Path, kind: str) -> Path:
    """One file or folder that `Table.read` reads."""
    name = {"metadata": "metadata.csv", "shards": "part.parquet", "files": "0.txt"}.get(kind, f"t.{kind}")
    path = folder / name
    if kind in ("csv", "tsv", "metadata"):
        mark = "\t" if kind == "tsv" else ","
        names = ["file_name" if each == "photo" and kind == "metadata" else each for each in columns]
        lines = [[field(cell) for cell in row] for row in zip(*columns.values())]
        path.write_text("\n".join(mark.join(line) for line in [names, *lines]) + "\n", encoding="utf-8")
    elif kind == "jsonl":
        lines_ = (json.dumps(dict(zip(columns, row)), ensure_ascii=False) for row in zip(*columns.values()))
        path.write_text("\n".join(lines_), encoding="utf-8")
    elif kind == "files":
        path.write_text("a cat")
    else:
        held = dict(columns)
        if rng.random() < 0.5:
            held = {each: [embedded(folder, cell) for cell in cells] for each, cells in columns.items()}
        table = pa.table({each: simple_array(cells) for each, cells in held.items()})
        feather.write_feather(table, path) if kind == "arrow" else pq.write_table(table, path)
    return path


def embedded(folder: Path, cell: Any) -> Any:
    """The name of a picture as the struct that Hugging Face keeps it in."""
    file = next((path for path in folder.glob("*.png") if path.name == cell), None)
    return {"bytes": file.read_bytes(), "path": cell} if file else cell


def simple_array(cells: list[Any]) -> pa.Array:
    """Cells of mixed types are texts: Arrow has one type for a column."""
    try:
        return pa.array(cells)
    except (pa.ArrowException, OverflowError):
        return pa.array([None if cell is None else str(cell) for cell in cells])


def field(cell: Any) -> str:
    text = "" if cell is None else json.dumps(cell) if isinstance(cell, list) else str(cell)
    return f'"{text}"'.replace('""', "") if "," in text and '"' not in text else text


# ── damage ───────────────────────────────────────────────────────────────────────────────────────────────────────


def damaged(rng: Random, content: bytes) -> bytes:
    """Some bytes of a file changed; heads are hit more often than the rest."""
    size = len(content)
    if size == 0:
        return bytes(rng.integers(0, 256, 8, dtype=np.uint8))
    at = int(rng.integers(0, min(size, 64) if rng.random() < 0.5 else size))
    length = int(min(size - at, rng.integers(1, 200)))
    how = int(rng.integers(0, 7))
    if how <= 1:
        changed = np.frombuffer(content, np.uint8).copy()
        places = rng.integers(0, min(size, 200) if how else size, int(rng.integers(1, 20)))
        top = 128 if rng.random() < 0.5 else 256  # below 128 a text stays UTF-8, and is damaged further in
        changed[places] ^= rng.integers(1, top, len(places)).astype(np.uint8)
        return changed.tobytes()
    piece = content[at : at + length]
    noise = bytes(rng.integers(0, 256, length, dtype=np.uint8))
    return [
        content[:at],
        content[:at] + bytes(length) + content[at + length :],
        content[:at] + piece * int(rng.integers(2, 20)) + content[at + length :],
        content[:at] + noise + content[at:],
        content[:at] + b"\xff" * length + content[at + length :],
    ][how - 2]


def odd_cells(rng: Random, columns: dict[str, list[Any]]) -> dict[str, list[Any]]:
    """Damage of meaning: what a person or a program would put into a wrong place."""
    names = list(columns)
    a, b = (str(each) for each in rng.choice(names, 2, replace=False))
    row = int(rng.integers(0, len(columns[a])))
    odd: list[Any] = ["", " ", "x" * 100_000, "\x00", "../" * 9 + "etc/passwd", "/dev/zero", "http://127.0.0.1:9/x.png"]
    odd += [
        "file:///etc/passwd",
        "s3://a/b.png",
        "[1, 2",
        "NaN",
        "1e999",
        10**30,
        "🐈\ud800"[:1],
        '"',
        "\u202e,",
        "-",
        0.5,
    ]
    how = int(rng.integers(0, 6))
    if how == 0:
        columns[a], columns[b] = columns[b], columns[a]
    elif how == 1:
        ids = columns.get("id", columns[a])
        ids[row] = ids[0] if rng.random() < 0.5 else None
    elif how == 2:
        columns.get("pose", columns[a])[row] = [[np.nan], [], [np.inf, 1.0, 2.0], [1.0], None][int(rng.integers(0, 5))]
    elif how == 3:
        columns[a] = [columns[a][0]] * len(columns[a])
    elif how == 4:
        return {f"{name} " if name == a else name: columns[name] for name in rng.permutation(names).tolist()}
    else:
        columns[a][row] = odd[int(rng.integers(0, len(odd)))]
    return columns


def damage_file(rng: Random, path: Path) -> Path:
    content = path.read_bytes()
    for _ in range(int(rng.integers(0, 3))):
        content = damaged(rng, content)
    if path.suffix in (".csv", ".tsv", ".jsonl") and rng.random() < 0.2:
        encoding = str(rng.choice(["utf-16", "gb18030", "utf-8-sig", "latin-1", "utf-32"]))
        content = content.decode("utf-8", "replace").encode(encoding, "replace")
    path.write_bytes(content)
    return path.rename(path.with_suffix(str(rng.choice(WRONG)))) if rng.random() < 0.1 else path


# ── one case ─────────────────────────────────────────────────────────────────────────────────────────────────────


def make(rng: Random, folder: Path) -> tuple[str, Callable[[str], km.Table]]:
    """What the case is, and how its table is opened, given `on_error`."""
    group = int(rng.integers(0, 4))
    if group >= 2:
        kind = str(rng.choice(TABLES))
        columns = rows(rng, folder)
        for _ in range(int(rng.integers(0, 3))):
            columns = odd_cells(rng, columns)
        path = damage_file(rng, write_table(rng, columns, folder, kind))
        if rng.random() < 0.3:
            damage_file(rng, folder / "0.png")
        root = folder if rng.random() < 0.5 else None
        whole = kind in ("shards", "metadata", "files")
        return kind, lambda on_error: km.Table.read(folder if whole else path, root=root, on_error=on_error)
    forms, build, modality = ((PICTURES, picture, km.Image()), (SOUNDS, sound, km.Audio()))[group]
    form = str(rng.choice(forms))
    content = build(rng, form)
    for _ in range(int(rng.integers(1, 4))):
        content = damaged(rng, content)
    cells: list[Any] = [content, build(rng, form), None]
    if rng.random() < 0.5:
        path = folder / f"x{rng.choice(WRONG)}"
        path.write_bytes(content)
        cells[0] = path
    return form, lambda on_error: km.Table({"x": cells}, modalities={"x": modality}, on_error=on_error)


def run(seed: int, number: int) -> tuple[str, str, str]:
    """(kind, outcome, message) of one case; any exception but a KuamoError is an outcome of its own."""
    rng = np.random.default_rng([seed, number])
    with tempfile.TemporaryDirectory() as place:
        folder, cache = Path(place) / "data", Path(place) / "cache"
        folder.mkdir()
        kind, opened = make(rng, folder)
        os.environ["KUAMO_CACHE"] = str(cache)
        try:
            table = opened("skip" if number % 2 else "raise")
            assert table.describe() and repr(table)
            for name in table.columns:
                assert len(features(table, name, Toy())) == len(table.column(name).row)
            outcome, message = "result", "; ".join(table.skipped())
        except km.KuamoError as error:
            outcome, message = "error", str(error)
        except BaseException as error:  # counted, with its kind
            outcome, message = "other", f"{type(error).__name__}: {error}"
        stray = [path.name for path in Path(place).rglob("*.part")]
        shards = list(cache.rglob("*.safetensors"))
        readable = sum(path.stat().st_size > 0 for path in shards) == len(shards)
        if stray or not readable or (shards and len(FeatureCache(Toy.fingerprint)._read) != len(shards)):
            outcome, message = "half-written file", str(stray)
        return kind, outcome, message


def worker(seed: int, first: int, last: int) -> None:
    """Run cases, one line of JSON for each."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    for number in range(first, last):
        print(json.dumps([number, *run(seed, number)]), flush=True)


def main(cases: int, seed: int) -> int:
    outcomes: dict[int, tuple[str, str, str]] = {}
    while len(outcomes) < cases:
        first = str(len(outcomes))
        command = [sys.executable, __file__, "--worker", first, "--cases", str(cases), "--seed", str(seed)]
        with tempfile.TemporaryFile() as said:
            process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=said, bufsize=0)
            watch(process, outcomes, cases)
            process.kill()
            code = process.wait()
            if len(outcomes) < cases:  # the child died, or does not answer
                said.seek(0)
                last = (said.read().decode("utf-8", "replace").splitlines() or [""])[-1]
                hung = code == -9
                end = f"no answer in {SECONDS} s" if hung else f"exit code {code}: {last}"
                outcomes[len(outcomes)] = ("?", "hang" if hung else "crash", end)
    return tell(outcomes)


def watch(process: "subprocess.Popen[bytes]", outcomes: dict[int, tuple[str, str, str]], cases: int) -> None:
    """Note what the child says, until it is done, dead, or silent for too long."""
    assert process.stdout is not None
    waiting = selectors.DefaultSelector()
    waiting.register(process.stdout, selectors.EVENT_READ)
    while len(outcomes) < cases and waiting.select(SECONDS):
        line = process.stdout.readline()
        if not line:
            process.wait()
            return
        number, *outcome = json.loads(line)
        outcomes[number] = tuple(outcome)


def tell(outcomes: dict[int, tuple[str, str, str]]) -> int:
    counts = Counter(outcome for _, outcome, _ in outcomes.values())
    print(f"{len(outcomes):,} cases: " + ", ".join(f"{count} {name}" for name, count in sorted(counts.items())))
    kinds = Counter((kind, outcome) for kind, outcome, _ in outcomes.values())
    for kind in sorted({kind for kind, _ in kinds}):
        print(f"  {kind:10}" + "  ".join(f"{name} {kinds[kind, name]:4}" for name in sorted(counts)))
    bad = {number: each for number, each in outcomes.items() if each[1] not in ("result", "error")}
    for number, (kind, outcome, message) in bad.items():
        print(f"case {number} ({kind}): {outcome}: {message[:300]}")
    return 1 if bad else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--cases", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--worker", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.worker is not None:
        worker(given.seed, given.worker, given.cases)
    else:
        sys.exit(main(given.cases, given.seed))
