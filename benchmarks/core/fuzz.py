"""Claim: odd inputs and damaged files end in a right result or a KuamoError; never in a raw exception, a NaN without a
word, a crash, a hang, half a file, or in another answer than the whole file's.

    python -m benchmarks fuzz [--cases 3600] [--seed 0] [--areas queries,filters]

A case is a pure function of (seed, area, number). Each area runs in a child process with 6 GB of memory: a case that
takes 40 s is a hang, one that ends the child a crash. What a case gives back is looked through for NaN and infinity
(silent if there was no warning); what was read from a damaged folder must answer as the whole one does, and a filter
must find the same rows in memory and on disk. Exit code 1 unless every case ends well.
"""

from __future__ import annotations

import argparse
import io
import json
import math
import os
import resource
import selectors
import shutil
import string
import subprocess
import sys
import tempfile
import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "LANCE_CPU_THREADS"):
    os.environ.setdefault(name, "1")

import numpy as np  # noqa: E402
import pyarrow as pa  # noqa: E402
import pyarrow.feather as feather  # noqa: E402
import pyarrow.parquet as pq  # noqa: E402

import kuamo as km  # noqa: E402
from kuamo.encoders.feature_cache import features  # noqa: E402

SECONDS, MEMORY, ROWS = 40, 6 << 30, 60
Random = np.random.Generator


@dataclass
class Same:
    """Two answers that must be one: of what was damaged and of the whole, or of two ways to ask."""

    got: Any
    expected: Any


class Lengths:
    """The cheapest encoder with a name, so that its features are cached."""

    fingerprint = "fuzz/2"

    def prepare(self, value: Any) -> np.ndarray:
        whole = value.samples if isinstance(value, km.modalities.Waveform) else value
        whole = np.frombuffer(whole.encode("utf-8", "replace"), np.uint8) if isinstance(whole, str) else whole
        return np.array([np.size(whole), np.sum(whole, dtype=np.float64)], np.float32)

    def __call__(self, batch: np.ndarray) -> np.ndarray:
        return np.asarray(batch, np.float32)


def one_of(rng: Random, things: Any) -> Any:
    return things[int(rng.integers(len(things)))]


# ── what is asked of: made once, in each child ───────────────────────────────────────────────────────────────────


@cache
def rows() -> km.Table:
    """Two vectors, a number and a class that belong together, and columns to filter by."""
    rng = np.random.default_rng(0)
    z = rng.standard_normal((ROWS, 4))
    a, b = z @ rng.standard_normal((4, 8)), z @ rng.standard_normal((4, 6))
    columns = {"a": a + 0.2 * rng.standard_normal(a.shape), "b": b, "n": z[:, 0].tolist()}
    meta = {
        "price": [None if k % 7 == 0 else k / 3 for k in range(ROWS)],
        "count": [k * 10**15 for k in range(ROWS)],
        "name": [["cat", "Dog", "it's", "50%_", "猫", None][k % 6] for k in range(ROWS)],
        "day": [datetime(2024, 1, 1 + k % 28) for k in range(ROWS)],
        "good": [k % 3 == 0 for k in range(ROWS)],
        "odd name": list(range(ROWS)),
    }
    columns["y"] = ["up" if one > 0 else "down" for one in z[:, 1]]
    kinds = {"a": km.Vector(), "b": km.Vector(), "n": km.Number(), "y": km.Category()}
    return km.Table(columns, modalities=kinds, id=[f"r{k}" for k in range(ROWS)], meta=meta)


@cache
def space() -> km.Space:
    return km.fit(rows(), km.CCA(), seed=0)


@cache
def teller() -> km.Space:
    return km.fit(rows(), km.Predict("y"), training=km.Training(steps=10), seed=0)


@cache
def memory_index() -> km.Index:
    return space().index(rows())


@cache
def disk_index() -> km.Index:
    place = Path(tempfile.mkdtemp(dir=os.environ["FUZZ_HOME"])) / "rows.lance"
    return space().index(rows(), place)


def answers(asked: km.Space) -> Any:
    """What a space says of rows; two that say the same are the same."""
    some = rows().take(range(5))
    return np.asarray(asked.encode(some)), asked.translate(some.select("a"), to="b")


# ── queries ──────────────────────────────────────────────────────────────────────────────────────────────────────


def odd_value(rng: Random) -> Any:
    """What a person, a program or an attacker puts where a cell is wanted."""
    size = int(one_of(rng, [0, 1, 3, 6, 8, 9, 448]))
    kind = one_of(rng, [np.float64, np.float32, np.float16, np.int8, np.uint64, np.complex128, bool, object, "U3"])
    scale = 10.0 ** float(rng.integers(-320, 309))
    with np.errstate(all="ignore"):
        vector = rng.standard_normal(8) * scale
    holed = rng.standard_normal(8)
    holed[int(rng.integers(8))] = one_of(rng, [np.nan, np.inf, -np.inf, 1e39, -1e300, 1e-320])
    plain: list[Any] = [None, "", "text", b"bytes", 0, -1, True, 10**400, 1e308, -0.0, float("nan"), float("inf")]
    plain += [3 + 4j, [], {}, (), set(), object(), print, "up", "1.5", "1,5", "[1,2,3,4,5,6,7,8]", "\x00", "\ud800"]
    plain += [datetime(2024, 1, 1), Path("/"), Path("x" * 5000), range(8), iter(range(8)), np.float16(2), "🐈" * 9999]
    plain += [np.ma.masked_array(holed, np.isnan(holed)), np.zeros((1, 8)), np.zeros((8, 1)), np.zeros(8, "M8[s]")]
    plain += [np.array(5.0), [None] * 8, [[1.0] * 8], ["1"] * 8, [1, 2, "x", 4, 5, 6, 7, 8], pa.array([1.0] * 8)]
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made: list[Any] = [vector, vector.astype(np.float32), vector.tolist(), holed, float(scale), -scale]
        made.append(np.resize(rng.standard_normal(max(size, 1)), size).astype(kind))
    return one_of(rng, made if rng.random() < 0.5 else plain)


def odd_inputs(rng: Random) -> Any:
    """One row, several, columns, a table or something else that `encode` might be given."""
    name = str(one_of(rng, ["a", "a", "b", "n", "y", "", "A", "nothing", "id", "\x00"]))
    first, value = rows()[int(rng.integers(ROWS))], odd_value(rng)
    row: Any = {**first, name: value} if rng.random() < 0.5 else {name: value}
    several: list[Any] = [
        row,
        [row, None, first],
        [first, value],
        {name: [value] * 3},
        {name: [value, None, first["a"]]},
    ]
    several += [value, [value, value], (row,), km.Query(row), [{}], {}, [], None, {0: value}, {None: value}, [None] * 3]
    several += [iter([row]), np.array([None, value, None], object)[1:2]]
    return one_of(rng, several)


def odd_codes(rng: Random) -> Any:
    """Codes as `decode` and `similarity` take them, with a fault or of an odd scale."""
    codes = rng.standard_normal((2, space().dim)) * 10.0 ** int(one_of(rng, [0, 0, -40, 30, 300]))
    holed = codes.copy()
    holed[1, 0] = one_of(rng, [np.nan, np.inf])
    odd = [codes, codes, holed, codes[0], codes[:, :2], codes[:0], codes.tolist(), codes.astype(object), codes[None]]
    return one_of(
        rng, [*odd, codes * 1j, codes.astype(np.float16 if abs(codes).max() < 9 else int), km.Embedding(codes)]
    )


def query_of(rng: Random) -> Any:
    """Sums and multiples of queries, odd weights among them."""
    good = km.Query({"a": rows()[3]["a"]})
    weight = one_of(rng, [0, -1, 0.5, 1e-320, 1e308, float("nan"), float("inf"), 10**400, "2", None, True, 1j, np.pi])
    other = one_of(rng, [good, km.Query({"b": rows()[4]["b"]}), {"a": rows()[1]["a"]}, 3, None, "x"])
    how = int(rng.integers(4))
    try:
        return [lambda: weight * good, lambda: good + other, lambda: good - good, lambda: -good * weight][how]()
    except TypeError as error:  # Python's own word for operands that do not go together
        raise km.KuamoError(str(error)) from error


def queries(rng: Random, place: Path) -> Any:
    given = odd_inputs(rng)
    name = one_of(rng, [None, None, "a", "b", "n", "y", "z", 3, ["a", "b"], ""])
    k = one_of(rng, [1, 3, 3, 3, 0, -1, 10**9, 2.5, "3", None, True, 10**30, np.int8(3), float("nan")])
    index = memory_index() if rng.random() < 0.7 else disk_index()
    how = int(rng.integers(12))
    if how == 10:
        return space().decode(one_of(rng, [odd_value(rng), odd_codes(rng)]), to=name or "b")
    if how == 11:
        return space().similarity(odd_codes(rng), one_of(rng, [odd_value(rng), odd_codes(rng)]))
    if how == 0:
        return space().encode(given, modality=name if name is None or isinstance(name, str) else None)
    if how == 1:
        return space().translate(given, to=name or "b")
    if how == 2:
        return teller().predict(given, one_of(rng, ["y", "y", "y", name]))
    if how == 3:
        return space().similarity(space().encode(given), rng.standard_normal((2, space().dim)))
    if how == 4:
        return index.search(query_of(rng), to=one_of(rng, ["b", None]), k=3)
    if how == 5:
        return space().fuse(given)
    if how == 6:
        return space().impute(km.Table({"a": [odd_value(rng), rows()[1]["a"]], "b": [None, rows()[1]["b"]]})).table
    if how == 7:
        return km.fit(km.Table({"a": [odd_value(rng) for _ in range(12)], "b": list(range(12))}), km.CCA())
    return index.search(given, to=name, k=k)


# ── filters ──────────────────────────────────────────────────────────────────────────────────────────────────────

NAMES = ("price", "count", "name", "day", "good", "`odd name`", '"odd name"', "id", "Price", "nothing", "label", "``")
VALUES = ("'cat'", "'it''s'", "'50\\%_'", "'猫'", "3", "-3.5", "1e400", "9007199254740993", "59000000000000000", "TRUE")
VALUES += ("''", "NULL", "DATE '2024-01-05'", "DATE 'x'", "TIMESTAMP '2024-01-05 00:00:00'", "'2024-01-05'", "1e-400")
VALUES += ("0.1", "5.0", "DATE '0000-00-00'", "-0", "FALSE", "count", "'r1'", "nan", "inf", "0x10", "1_000", "'\u202e'")
SIGNS = ("=", "==", "!=", "<>", "<", "<=", ">", ">=") * 4 + ("===", "=<", "IS", "IN")
FITTING = {
    "price": ("3", "-3.5", "0.1", "5.0", "1e400", "1e-400", "-0", "9007199254740993"),
    "count": ("59000000000000000", "9007199254740993", "5e16", "3", "0.5", "1e400"),
    "name": ("'cat'", "'it''s'", "'50\\%_'", "'猫'", "''", "'DOG'"),
    "day": ("DATE '2024-01-05'", "TIMESTAMP '2024-01-05 00:00:00'", "'2024-01-05'", "DATE '0001-01-01'"),
    "good": ("TRUE", "FALSE"),
    "`odd name`": ("3", "3.0", "2.5", "59"),
}


def condition(rng: Random, deep: int) -> str:
    """A filter by the grammar, mostly; now and then a word that is not in it."""
    name, value, other = (str(one_of(rng, each)) for each in (NAMES, VALUES, VALUES))
    if rng.random() < 0.9:  # what goes together
        name = str(one_of(rng, list(FITTING)))
        value, other = (str(one_of(rng, FITTING[name])) for _ in range(2))
    no = str(one_of(rng, ["", "", "NOT "]))
    how = int(rng.integers(9 if deep < 4 else 6))
    pattern = str(one_of(rng, ["'c%'", "'%'", "'_og'", "'50\\%\\_'", "'%猫'", "'\\'", "'%%%%%%%%%%%%%%%x'", "3"]))
    if how >= 6:
        left, right = condition(rng, deep + 1), condition(rng, deep + 1)
        return [f"({left}) AND {right}", f"{left} OR ({right})", f"NOT ({left})"][how - 6]
    return [
        f"{name} {one_of(rng, SIGNS)} {value}",
        f"{value} {one_of(rng, SIGNS)} {name}",
        f"{name} {no}IN ({value}, {other})",
        f"{name} {no}BETWEEN {value} AND {other}",
        f"{name} {no}{one_of(rng, ['LIKE', 'ILIKE'])} {pattern}",
        f"{name} IS {no}NULL",
    ][how]


def spoilt_text(rng: Random, text: str) -> str:
    """Letters gone, put in or doubled."""
    at = int(rng.integers(len(text) + 1))
    letters = string.printable + "'`\"()%;–“猫\x00\ud800"
    put = str(one_of(rng, ["", "", str(one_of(rng, letters)), text, " OR 1=1 --", "(" * 60, "; DROP TABLE x"]))
    return text[:at] + put + text[at + int(rng.integers(3)) :]


def filters(rng: Random, place: Path) -> Any:
    where: Any = condition(rng, 0)
    for _ in range(int(rng.integers(3)) if rng.random() < 0.4 else 0):
        where = spoilt_text(rng, where)
    if rng.random() < 0.05:
        where = one_of(rng, [3, b"a", [], "", " ", {}, True, where.encode("utf-8", "replace"), "x" * 2_000_000])
    return Same(found(memory_index(), where), found(disk_index(), where))


def found(index: km.Index, where: Any) -> Any:
    try:
        return sorted(hit.id for hit in index.search({"a": rows()[3]["a"]}, to="b", k=ROWS, where=where))
    except km.KuamoError:
        return "refused"


# ── damaged files ────────────────────────────────────────────────────────────────────────────────────────────────


def damaged(rng: Random, content: bytes) -> bytes:
    """Bytes flipped, cut off, taken out, zeroed, doubled or replaced; heads are hit more often than the rest."""
    if not content:
        return rng.bytes(9)
    size = len(content)
    at = int(rng.integers(min(size, 64) if rng.random() < 0.4 else size))
    end = min(size, at + int(rng.integers(1, 200)))
    if rng.random() < 0.4:
        flipped = bytearray(content)
        for place in rng.integers(0, size, int(rng.integers(1, 9))).tolist():
            flipped[place] ^= int(rng.integers(1, 256))
        return bytes(flipped)
    head, piece, tail = content[:at], content[at:end], content[end:]
    return bytes(one_of(rng, [head, b"", head + tail, head + bytes(len(piece)) + tail, head + 3 * piece + tail]))


def damage_json(rng: Random, content: bytes) -> bytes:
    """One value, anywhere in it, becomes another or goes."""
    whole = json.loads(content)
    spots: list[tuple[Any, Any]] = []
    stack = [whole]
    while stack:
        node = stack.pop()
        for key in list(node) if isinstance(node, dict) else range(len(node)):
            spots.append((node, key))
            if isinstance(node[key], (dict, list)):
                stack.append(node[key])
    node, key = one_of(rng, spots)
    if rng.random() < 0.2:
        del node[key]
    else:
        node[key] = one_of(
            rng, [None, -1, 0, 10**30, 1e308, math.nan, "", "x", [], {}, True, [[1]], "../../x", 2, "\0"]
        )
    return json.dumps(whole).encode()


def damage_in(rng: Random, folder: Path, original: Path) -> None:
    """Something done to one file of a folder, or to a file."""
    inside = sorted(folder.rglob("*")) if folder.is_dir() else [folder]
    files = [path for path in inside if path.is_file() and not path.is_symlink()]
    if not files:
        return
    path, how = one_of(rng, files), rng.random()
    content, untouched = path.read_bytes(), (original / path.relative_to(folder)).read_bytes()
    if path.suffix == ".json" and how < 0.5 and content == untouched:
        path.write_bytes(damage_json(rng, content))
    elif how < 0.6:
        path.write_bytes(damaged(rng, content))
    elif how < 0.8:
        path.write_bytes(one_of(rng, files).read_bytes() if how < 0.7 else rng.bytes(int(rng.integers(2000))))
    else:
        path.unlink()
        if how < 0.9:
            path.mkdir()
        elif how < 0.95:
            path.symlink_to(one_of(rng, ["/dev/null", "/nowhere", path.name, "/proc/self/mem"]))


@cache
def whole(kind: str) -> Path:
    """A thing of this kind, as it was saved."""
    path = Path(tempfile.mkdtemp(dir=os.environ["FUZZ_HOME"])) / f"thing.{kind}"
    if kind == "space":
        space().save(path)
    elif kind == "teller":
        teller().save(path)
    elif kind == "index":
        memory_index().save(path)
    elif kind == "lance":
        space().index(rows(), path)
    elif kind == "report.json":
        km.evaluate(space(), rows()).save(path)
    elif kind == "diagnosis.json":
        km.diagnose(rows(), cost=False).save(path)
    elif kind == "run":
        trained(path)
    else:
        os.environ["KUAMO_CACHE"] = str(path)
        cached_features()
    return path


def trained(path: Path) -> np.ndarray:
    training = km.Training(steps=4, save_every=2)
    fitted = km.fit(rows().select("a", "b"), km.InfoNCE(), training=training, run_dir=path, seed=0)
    return np.asarray(fitted.encode(rows().take(range(5))))


def cached_features() -> np.ndarray:
    return np.asarray(features(km.Table({"t": [f"text {k}" for k in range(40)]}), "t", Lengths()))


def hits_of(index: km.Index) -> Any:
    return [
        (hit.id, round(hit.score, 5)) for hit in index.search({"a": rows()[3]["a"]}, to="b", k=9, where="price > 1")
    ]


def kept(kind: str, path: Path) -> Any:
    """What a saved thing of this kind says."""
    if kind in ("space", "teller"):
        opened = km.Space.load(path)
        return answers(opened) if kind == "space" else opened.predict(rows().take(range(5)), "y").probability
    if kind in ("index", "lance"):
        return hits_of(km.Index.load(path, space()))
    if kind == "run":
        return trained(path)
    if kind == "cache":
        os.environ["KUAMO_CACHE"] = str(path)
        return cached_features()
    opened = km.Report.load(path) if kind == "report.json" else km.Diagnosis.load(path)
    opened.save(path.parent / "page.html")
    return len(str(opened)) * 0  # its numbers are the person's own


@cache
def kept_whole(kind: str) -> Any:
    return kept(kind, whole(kind))


KINDS = (
    "space",
    "space",
    "teller",
    "index",
    "index",
    "lance",
    "report.json",
    "diagnosis.json",
    "run",
    "cache",
    "cache",
)


def files(rng: Random, place: Path) -> Any:
    kind = str(one_of(rng, KINDS))
    expected = kept_whole(kind)
    path = place / f"thing.{kind}"
    (shutil.copytree if whole(kind).is_dir() else shutil.copy)(whole(kind), path)
    for _ in range(int(rng.integers(1, 3))):
        damage_in(rng, path, whole(kind))
    return Same(kept(kind, path), expected)


# ── estimators ───────────────────────────────────────────────────────────────────────────────────────────────────


def odd_matrix(rng: Random, n: int) -> Any:
    """Features of n rows with a fault, a scale, an offset or a type of their own."""
    d = int(rng.integers(1, 6))
    X: Any = rng.standard_normal((n, d))
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if rng.random() < 0.6:
            X = X * 10.0 ** rng.integers(-40, 31, d)
        if rng.random() < 0.4:
            X = X + 10.0 ** rng.integers(-40, 31, d) * rng.integers(-1, 2, d)
        if rng.random() < 0.4:
            X[:, int(rng.integers(d))] = one_of(rng, [0.0, 1e-40, 1e30, -1.0, X[0, 0], np.nan])
        if rng.random() < 0.15:
            X[int(rng.integers(n)), int(rng.integers(d))] = one_of(rng, [np.nan, np.inf, -np.inf, 1e200, 1e-310, 1e308])
        kinds = [np.float32, np.float16, np.int64, np.uint8, bool, object, "U8", np.complex64, np.longdouble]
        X = X.astype(one_of(rng, kinds)) if rng.random() < 0.3 else X
    if rng.random() < 0.7:
        return X
    odd = [X.tolist(), X[:, 0], X[:0], X[:, :0], X[None], X[::-1], np.asfortranarray(X), X.T, None, "x", 3, {}, [[]]]
    odd += [{"a": X}, {"a": X[:, 0].tolist(), "b": list("ab" * n)[:n]}, [X], iter(X), X[:3], [list(X[0]), 3]]
    return one_of(rng, odd)


def odd_targets(rng: Random, n: int) -> Any:
    y: Any = rng.standard_normal(n)
    scaled = [y * 10.0 ** int(rng.integers(-40, 31)) + 10.0 ** int(rng.integers(-40, 31)), y, y > 0, y.astype(int)]
    odd = [np.full(n, 3.0), np.full(n, "a"), list("ab" * n)[:n], y[:-1], y[:, None], None, [None] * n, [[1]] * n]
    odd += [y.astype(complex), np.where(y > 2, np.nan, y), np.where(y > 2, np.inf, y), np.arange(n), [print] * n, 3]
    odd += [np.array(["a", None] * n, object)[:n], np.zeros(n, "M8[s]"), [10**400] * n, [b"a", b"b"] * (n // 2), "ab"]
    return one_of(rng, scaled if rng.random() < 0.7 else odd)


def estimators(rng: Random, place: Path) -> Any:
    n = int(one_of(rng, [1, 2, 3, 12, 24, 24, 24, 24]))
    X, y = odd_matrix(rng, n), odd_targets(rng, n)
    if rng.random() < 0.5:  # nothing odd but scales and offsets
        n = 24
        X = rng.standard_normal((n, 3)) * 10.0 ** rng.integers(-40, 31, 3)
        X = X + one_of(rng, [0, 1, 1e5, 1e9]) * X.std(0) * rng.integers(-1, 2, 3)
        y = np.arange(n) % 2 if rng.random() < 0.5 else X[:, 0] * 10.0 ** int(rng.integers(-5, 6))
        y = y if np.ptp(y) in (1, 0) or rng.random() < 0.8 else np.round(y)
    options: dict[str, Any] = {"steps": int(one_of(rng, [0, 1, 3])), "seed": int(rng.integers(3))}
    if rng.random() < 0.2:
        name = str(one_of(rng, ["steps", "dim", "noise", "batch_size", "lr", "seed", "columns", "encoders"]))
        options[name] = one_of(rng, [-1, 0, 1, 2.5, float("nan"), float("inf"), "x", 10**6, [], {}, {"a": [0]}, True])
        options["steps"] = 3 if options["steps"] == 10**6 else options["steps"]  # that many would be made
    classes = y.dtype.kind in "iub" if isinstance(y, np.ndarray) else rng.random() < 0.5
    made = (km.Classifier if classes else km.Regressor)(**options)
    weights = [np.ones(n), np.zeros(n), -np.ones(n), np.full(n, np.nan), np.ones(n + 1), "x", [None] * n, np.arange(n)]
    weights += [np.full(n, 1e-320), np.full(n, 1e308), np.eye(n)[0], 3, [1] * n, [True] * n]
    try:
        made.fit(X, y, *([one_of(rng, weights)] if rng.random() < 0.25 else []))
    except TypeError as error:
        if "argument must be" in str(error) and np.asarray(X).dtype == object:  # what scikit-learn wants of objects
            raise km.KuamoError(str(error)) from error
        raise
    asked = odd_matrix(rng, n) if rng.random() < 0.3 else X
    told = [made.predict_proba(asked)] if isinstance(made, km.Classifier) else []
    values = made.predict(asked)
    if asked is X and n > 2:
        told.append(made.score(X, y))
    return told, [] if classes else values


# ── environment ──────────────────────────────────────────────────────────────────────────────────────────────────


def odd_place(rng: Random, place: Path) -> str:
    """Somewhere that cannot be written, or has an odd name."""
    (place / "file").write_text("a person's own")
    (place / "theirs").mkdir(exist_ok=True)
    (place / "theirs" / "work.txt").write_text("a person's own")
    odd = [
        "/proc/x",
        "/proc/self/fd/x",
        "/dev/null",
        "/dev/full",
        "/dev/null/x",
        "/sys/x",
        "",
        " ",
        ".",
        "..",
        "~",
        "~x/y",
    ]
    odd += ["$HOME/x", "x\ny", "x\udcff", "/" + "x" * 300, "/".join(["d" * 200] * 30), "猫 跨模", "-x", "--help", "\\x"]
    odd += [
        f"{place}/file",
        f"{place}/file/x",
        f"{place}/theirs",
        f"{place}/new/deep/er",
        "s3://a/b",
        "http://127.0.0.1:9",
    ]
    return str(one_of(rng, odd))


def environment(rng: Random, place: Path) -> Any:
    os.chdir(place)
    if rng.random() < 0.12:
        return command_line(rng, place)
    where = odd_place(rng, place)
    for name in ("KUAMO_CACHE", "XDG_CACHE_HOME", "HOME", "TMPDIR"):
        os.environ.pop(name, None)
    if rng.random() < 0.5:
        os.environ[str(one_of(rng, ["KUAMO_CACHE", "KUAMO_CACHE", "XDG_CACHE_HOME", "HOME"]))] = where
        return Same(cached_features(), expected_features())
    os.environ["KUAMO_CACHE"] = str(place / "cache")
    writes: list[Callable[[Any], Any]] = [space().save, memory_index().save, lambda to: space().index(rows(), to)]
    writes += [
        report().save,
        lambda to: km.fit(rows(), km.CCA(), run_dir=to),
        km.Space.load,
        km.Table.read,
        km.Report.load,
    ]
    writes += [lambda to: km.Index.load(to, space())]
    end = str(one_of(rng, ["", "", ".json", ".html", ".csv"]))
    one_of(rng, writes)(
        one_of(rng, [where + end, Path(where + end), where.encode("utf-8", "surrogateescape"), None, 3])
    )
    assert (place / "theirs" / "work.txt").read_text() == (place / "file").read_text(), "wrote over a person's file"
    return None


@cache
def report() -> km.Report:
    return km.evaluate(space(), rows())


@cache
def expected_features() -> np.ndarray:
    texts = [f"text {k}" for k in range(40)]
    return np.stack([Lengths().prepare(text) for text in texts])


def command_line(rng: Random, place: Path) -> None:
    """`kuamo` with odd words, another locale, no home, or nobody to read what it prints."""
    folder = str(whole("space"))
    words = [["search", folder, "x", "--to", "b"], ["diagnose", "file"], ["cache"], ["--help"], ["fit", "file"]]
    words += [
        ["encode", folder, "file"],
        ["evaluate", folder, "theirs"],
        ["search", "file", "x"],
        [],
        ["cache", "--json"],
    ]
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": os.environ.get("PYTHONPATH", "")}
    env |= one_of(rng, [{}, {"LANG": "C"}, {"LC_ALL": "xx_YY"}, {"PYTHONIOENCODING": "ascii"}, {"HOME": "/dev/null"}])
    env |= one_of(rng, [{}, {"KUAMO_CACHE": odd_place(rng, place)}, {"COLUMNS": "1"}, {"TERM": "dumb", "NO_COLOR": ""}])
    line = [sys.executable, "-m", "kuamo", *one_of(rng, words)]
    end = str(one_of(rng, ["", "", ">&-", ">/dev/full", "| head -c 1", "2>&1 >&- <&-"]))
    shell = ["sh", "-c", f'"$@" {end}', "sh", *line]
    done = subprocess.run(shell, capture_output=True, env=env, cwd=place, timeout=SECONDS, check=False)
    said = (done.stdout + done.stderr).decode("utf-8", "replace")
    assert "Traceback" not in said and "Exception ignored" not in said, said[-300:]
    assert done.returncode in (0, 1, 2), (done.returncode, said[-300:])


# ── readers and media ────────────────────────────────────────────────────────────────────────────────────────────


def picture(rng: Random) -> bytes:
    from PIL import Image

    form = str(one_of(rng, ["PNG", "JPEG", "GIF", "WEBP", "TIFF", "BMP", "PPM"]))
    pixels = Image.fromarray(rng.integers(0, 255, (int(rng.integers(1, 40)), 24, 3), dtype=np.uint8))
    pixels.convert(str(one_of(rng, ["RGB", "L"]))).save(out := io.BytesIO(), form)
    return out.getvalue()


def sound(rng: Random) -> bytes:
    import soundfile

    form = str(one_of(rng, ["WAV", "FLAC", "OGG", "MP3", "AIFF", "AU"]))
    samples = rng.uniform(-1, 1, (int(rng.integers(0, 4000)), int(rng.integers(1, 3))))
    soundfile.write(out := io.BytesIO(), samples, int(one_of(rng, [8000, 44100])), format=form)
    return out.getvalue()


def media(rng: Random, place: Path) -> Any:
    make, kind = one_of(rng, [(picture, km.Image()), (sound, km.Audio())])
    content = make(rng)
    for _ in range(int(rng.integers(0, 3))):
        content = damaged(rng, content)
    cell: Any = content
    if rng.random() < 0.4:
        cell = place / str(one_of(rng, ["x.png", "x.wav", "x", "x.txt", "x.csv", "猫.jpg"]))
        cell.write_bytes(content)
    if rng.random() < 0.3:
        shape = one_of(rng, [(0,), (5,), (5, 4), (5, 4, 3), (5, 4, 4), (5, 4, 7), (1, 900), (2, 2, 2, 2)])
        numbers = rng.standard_normal(shape) * 10.0 ** int(rng.integers(-40, 300))
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            cell = numbers.astype(one_of(rng, [float, np.float32, np.uint8, np.int16, np.uint16, bool, complex]))
    table = km.Table({"x": [cell, make(rng), None]}, modalities={"x": kind}, on_error=one_of(rng, ["skip", "raise"]))
    return features(table, "x", Lengths())


def odd_cells(rng: Random) -> dict[str, list[Any]]:
    n = int(rng.integers(1, 9))
    columns: dict[str, list[Any]] = {
        "id": [f"r{k}" for k in range(n)],
        "text": ["a cat" if k % 3 else None for k in range(n)],
        "pose": [[float(k), 1.0, 2.0] for k in range(n)],
        "price": [k / 7 for k in range(n)],
    }
    odd = [
        "",
        " ",
        "x" * 99_999,
        "\x00",
        "../etc/passwd",
        "/dev/zero",
        "http://127.0.0.1:9/x.png",
        "[1, 2",
        "NaN",
        "1e999",
    ]
    odd += [
        10**30,
        '"',
        "\u202e,",
        [],
        [math.nan],
        [math.inf, 1.0, 2.0],
        None,
        "2024-02-30",
        True,
        "[1e40, 2, 3]",
        "=1+1",
    ]
    for _ in range(int(rng.integers(0, 3))):
        name = str(one_of(rng, list(columns)))
        columns[name][int(rng.integers(n))] = one_of(rng, odd)
    if rng.random() < 0.2:
        columns[str(one_of(rng, ["", "id ", "text", "a" * 999, "\x00", "label", "group", "file_name"]))] = columns[
            "text"
        ]
    return columns


def arrow_of(cells: list[Any]) -> pa.Array:
    """Cells of mixed types are texts: Arrow has one type for a column."""
    try:
        return pa.array(cells)
    except (pa.ArrowException, OverflowError):
        return pa.array([None if cell is None else str(cell) for cell in cells])


def write_table(rng: Random, columns: Mapping[str, list[Any]], path: Path) -> None:
    if path.suffix in (".parquet", ".arrow"):
        table = pa.table({name: arrow_of(cells) for name, cells in columns.items()})
        (pq.write_table if path.suffix == ".parquet" else feather.write_feather)(table, path)
        return
    lines = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    mark = "\t" if path.suffix == ".tsv" else str(one_of(rng, [",", ",", ";"]))
    text = "\n".join(json.dumps(line, ensure_ascii=False) for line in lines)
    if path.suffix != ".jsonl":
        told = [["" if cell is None else str(cell) for cell in line.values()] for line in lines]
        quoted = [[f'"{cell}"' if mark in cell else cell for cell in line] for line in [list(columns), *told]]
        text = str(one_of(rng, ["\n", "\r\n", "\r"])).join(mark.join(line) for line in quoted)
    code = str(one_of(rng, ["utf-8", "utf-8", "utf-8", "utf-16", "gb18030", "utf-8-sig", "latin-1", "utf-32"]))
    path.write_bytes(text.encode(code, "replace"))


def readers(rng: Random, place: Path) -> Any:
    path = place / f"t{one_of(rng, ['.csv', '.tsv', '.jsonl', '.parquet', '.arrow'])}"
    write_table(rng, odd_cells(rng), path)
    for _ in range(int(rng.integers(0, 3))):
        path.write_bytes(damaged(rng, path.read_bytes()))
    if rng.random() < 0.1:
        path = path.rename(path.with_suffix(str(one_of(rng, [".csv", ".parquet", ".txt", "", ".csv.gz", ".png"]))))
    table = km.Table.read(place if rng.random() < 0.2 else path, on_error=one_of(rng, ["skip", "raise"]))
    assert table.describe() and repr(table)
    return [features(table, name, Lengths()) for name in table.columns]


# ── running ──────────────────────────────────────────────────────────────────────────────────────────────────────

AREAS: dict[str, tuple[float, Callable[[Random, Path], Any]]] = {  # share of the cases, and what makes one
    "readers": (0.14, readers),
    "media": (0.14, media),
    "queries": (0.2, queries),
    "filters": (0.2, filters),
    "files": (0.14, files),
    "estimators": (0.1, estimators),
    "environment": (0.08, environment),
}
OUTCOMES = ("refused", "accepted", "raw exception", "silent NaN", "other answer", "half-written file", "hang", "crash")


def finite(thing: Any, deep: int = 0) -> bool:
    """Is every number in it one?"""
    if isinstance(thing, (float, np.floating)):
        return math.isfinite(thing)
    if isinstance(thing, np.ndarray):
        return thing.dtype.kind not in "fc" or bool(np.isfinite(thing).all())
    if deep > 6 or isinstance(thing, (str, bytes, km.Space)):
        return True
    if is_dataclass(thing) and not isinstance(thing, type):
        thing = [getattr(thing, one.name) for one in fields(thing)]
    elif isinstance(thing, Mapping):
        thing = list(thing.values())
    return not isinstance(thing, (list, tuple)) or all(finite(one, deep + 1) for one in thing)


def same(got: Any, expected: Any) -> bool:
    if isinstance(expected, np.ndarray) and isinstance(got, np.ndarray):
        return np.shape(got) == expected.shape and np.allclose(got, expected, atol=1e-5)
    if isinstance(expected, (list, tuple)) and any(isinstance(one, np.ndarray) for one in expected):
        return len(got) == len(expected) and all(map(same, got, expected))
    return type(got) is type(expected) and bool(got == expected)


def outcome_of(area: str, seed: int, number: int) -> tuple[str, str]:
    """(outcome, message) of one case."""
    rng = np.random.default_rng([seed, list(AREAS).index(area), number])
    with tempfile.TemporaryDirectory(dir=os.environ["FUZZ_HOME"]) as name, warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        place, before = Path(name), dict(os.environ)
        os.environ["KUAMO_CACHE"] = str(place / "cache")
        try:
            result = AREAS[area][1](rng, place)
        except km.KuamoError as error:
            return ("refused", str(error)) if str(error) else ("raw exception", "an error without a word")
        except BaseException as error:  # counted, with its kind
            steps = traceback.extract_tb(error.__traceback__)
            where = " < ".join(f"{Path(one.filename).name}:{one.lineno}" for one in steps[:-8:-1])
            return "raw exception", f"{type(error).__name__}: {str(error)[:150]} ({where})"
        finally:
            os.environ.clear()
            os.environ.update(before)
            os.chdir("/")
        if isinstance(result, Same):
            if isinstance(result.got, str) and result.got == result.expected:
                return "refused", ""
            if not same(result.got, result.expected):
                return "other answer", f"{str(result.got)[:120]} for {str(result.expected)[:120]}"
            result = result.got
        if not finite(result) and not said:
            return "silent NaN", str(result)[:200]
        if any(place.rglob("*.part")):
            return "half-written file", name
        return "accepted", ""


def worker(area: str, seed: int, first: int, last: int) -> None:
    """Run cases, one line of JSON for each."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    told = os.fdopen(os.dup(1), "w")  # a case may close or print to what is called stdout
    for number in range(first, last):
        print(json.dumps([number, *outcome_of(area, seed, number)]), file=told, flush=True)


def run_area(area: str, cases: int, seed: int) -> dict[int, tuple[str, str]]:
    """All cases of an area; a child that dies or falls silent costs one case, and another goes on from there."""
    done: dict[int, tuple[str, str]] = {}
    while len(done) < cases:
        line = [sys.executable, __file__, "--worker", area, "--seed", str(seed), "--first", str(len(done))]
        with tempfile.TemporaryFile() as said, tempfile.TemporaryDirectory() as home:
            environ = dict(os.environ) | {"FUZZ_HOME": home}
            child = subprocess.Popen(
                [*line, "--cases", str(cases)], stdout=subprocess.PIPE, stderr=said, bufsize=0, env=environ
            )
            watch(child, done, cases)
            child.kill()
            code = child.wait()
            if len(done) < cases:
                said.seek(0)
                last = (said.read().decode("utf-8", "replace").splitlines() or [""])[-1]
                done[len(done)] = ("hang" if code == -9 else "crash", f"exit code {code}: {last}")
    return done


def watch(child: subprocess.Popen[bytes], done: dict[int, tuple[str, str]], cases: int) -> None:
    """Note what the child says, until it is done, dead, or silent for too long."""
    assert child.stdout is not None
    waiting = selectors.DefaultSelector()
    waiting.register(child.stdout, selectors.EVENT_READ)
    while len(done) < cases and waiting.select(SECONDS):
        line = child.stdout.readline()
        if not line:
            child.wait()
            return
        number, outcome, message = json.loads(line)
        done[number] = outcome, message


def main(cases: int, seed: int, areas: list[str]) -> int:
    outcomes = {area: run_area(area, math.ceil(cases * AREAS[area][0]), seed) for area in areas}
    print(f"{'area':12} {'inputs':>7} " + " ".join(f"{name:>{max(8, len(name))}}" for name in OUTCOMES))
    total: Counter[str] = Counter()
    for area, done in outcomes.items():
        counts = Counter(outcome for outcome, _ in done.values())
        total += counts
        print(row_of(area, counts))
    print(row_of("all", total))
    bad = [(area, k, *one) for area in areas for k, one in outcomes[area].items() if one[0] not in OUTCOMES[:2]]
    for area, number, outcome, message in bad:
        print(f"{area} {number}: {outcome}: {message[:400]}")
    return 1 if bad else 0


def row_of(area: str, counts: Counter[str]) -> str:
    each = " ".join(f"{counts[name]:>{max(8, len(name))},}" for name in OUTCOMES)
    return f"{area:12} {sum(counts.values()):>7,} {each}"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=3600)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--areas", default=",".join(AREAS))
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    parser.add_argument("--first", type=int, default=0, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.worker is not None:
        worker(given.worker, given.seed, given.first, given.cases)
    else:
        sys.exit(main(given.cases, given.seed, given.areas.split(",")))
