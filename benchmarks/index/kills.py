"""Kills without warning (SIGKILL) at random moments of encoding, adding and building an index.

    python -m benchmarks kills [--kills 200] [--seed 0] [--json]

A third of the kills each. Every piece of work runs in a process of its own, which says what it has finished; it is
killed at a moment drawn evenly over 1.3 times what an unharmed run takes (a kill that comes too late does not count).
Then another process looks: is everything there that was said to be finished, bit for bit; is what was under way either
wholly there or not at all; does the index open; can every file be read? Folders are used again, so that each kill meets
what the last one left.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "LANCE_CPU_THREADS"):
    os.environ.setdefault(name, "1")

import numpy as np  # noqa: E402
import pyarrow.dataset  # noqa: E402, F401  before the forks: it would be most of what each process computes

import kuamo as km  # noqa: E402
from kuamo.closed_form import LinearMap  # noqa: E402
from kuamo.embedding.embedding import ClosedFormHead  # noqa: E402
from kuamo.embedding.space import Tower  # noqa: E402
from kuamo.encoders import Identity  # noqa: E402
from kuamo.encoders.feature_cache import FeatureCache, features  # noqa: E402
from kuamo.space import Space  # noqa: E402

DIM, BATCH = 32, 20
SPACE = Space([Tower("code", km.Vector(), Identity(), ClosedFormHead(LinearMap(np.zeros(DIM), np.eye(DIM))))])
Say = Callable[[str], None]


def vectors(names: list[str]) -> np.ndarray:
    """Unit vectors that follow from names, so that anybody can tell what must be there."""
    seeds = [int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "little") for name in names]
    drawn = np.stack([np.random.default_rng(seed).standard_normal(DIM) for seed in seeds]).astype(np.float32)
    return drawn / np.linalg.norm(drawn, axis=1, keepdims=True)


def table(state: dict[str, str]) -> km.Table:
    """Rows whose vectors follow from (id → content)."""
    return km.Table({"code": vectors(list(state.values()))}, id=list(state))


def look(index: km.Index, state: dict[str, str]) -> bool:
    """Are these rows there, all and only these, each with its own vector?"""
    if sorted(index.ids) != sorted(state):
        return False
    some = dict(sorted(state.items(), key=lambda item: hashlib.md5(item[0].encode()).digest())[:40])
    answers = index.search([{"code": vector} for vector in vectors(list(some.values()))] if some else [], k=1)
    return all(hits[0].id == name and abs(hits[0].score - 1) < 1e-4 for name, hits in zip(some, answers, strict=True))


# ── the three kinds of work: do(folder, round, say) is killed; check(folder, round, said, known) looks ───────────────


class Slow:
    """An encoder that takes a moment, as networks do."""

    fingerprint = "kills/1"
    batch_size = 16

    def prepare(self, value: str) -> str:
        return value

    def __call__(self, batch: list[str]) -> np.ndarray:
        time.sleep(0.002)
        return vectors(list(batch))


def encode(folder: Path, number: int, say: Say) -> None:
    os.environ["KUAMO_CACHE"] = str(folder)
    for step in range(10):
        features(km.Table({"text": [f"{number}-{step}-{i}" for i in range(60)]}), "text", Slow())
        say(str(step))


def check_encode(folder: Path, number: int, said: list[str], known: dict[str, str]) -> dict[str, str]:
    from kuamo.data.modalities import content_key

    cache = FeatureCache(Slow.fingerprint, root=folder)
    known |= {f"{number}-{step}-{i}": "" for step in said for i in range(60)}
    names = list(known)[-3000:]
    keys = [content_key(km.Text(), name) for name in names]
    assert cache.contains(keys).all(), "features that were acknowledged are gone"
    assert not keys or np.array_equal(cache.get(keys), vectors(names)), "features that were acknowledged are others"
    from safetensors import safe_open

    for shard in cache.folder.glob("*.safetensors"):
        with safe_open(shard, framework="numpy") as file:
            assert len(file.get_tensor("keys")) == len(file.get_tensor("features"))
    return known


def steps_of(number: int) -> list[tuple[str, dict[str, str]]]:
    """A round's changes: (verb, id → content)."""
    steps: list[tuple[str, dict[str, str]]] = []
    for part in range(6):
        names = [f"{number}-{part}-{i}" for i in range(BATCH)]
        steps.append(("add", {name: name for name in names}))
        if part % 2:
            steps.append(("update", {name: f"{name} again" for name in names[:5]}))
            steps.append(("delete", dict.fromkeys(names[5:15], "")))
    return steps


def changed(state: dict[str, str], step: tuple[str, dict[str, str]]) -> dict[str, str]:
    verb, rows = step
    return {name: what for name, what in state.items() if name not in rows} if verb == "delete" else state | rows


def add(folder: Path, number: int, say: Say) -> None:
    path = folder / "grows.lance"
    index = km.Index.load(path, SPACE) if path.exists() else SPACE.index(table({"first": "first"}), path)
    say("open")
    for verb, rows in steps_of(number):
        getattr(index, verb)(list(rows) if verb == "delete" else table(rows))
        say(verb)


def check_add(folder: Path, number: int, said: list[str], known: dict[str, str]) -> dict[str, str]:
    if not (folder / "grows.lance").exists():
        assert not said and not known, "the index is gone"
        return known
    index, state = km.Index.load(folder / "grows.lance", SPACE), known or {"first": "first"}
    steps = steps_of(number)
    for step in steps[: max(len(said) - 1, 0)]:
        state = changed(state, step)
    if look(index, state):
        return state
    rest = steps[max(len(said) - 1, 0) :]
    state = changed(state, rest[0]) if rest else state
    assert look(index, state), f"after {len(said)} acknowledged steps the rows are neither before nor after the next"
    return state


def built(number: int) -> dict[str, str]:
    return {f"{number}-{i}": f"{number}-{i}" for i in range(600 + number % 7)}


def build(folder: Path, number: int, say: Say) -> None:
    for path in (folder / f"new{number}.lance", folder / "replaced.lance"):
        index = SPACE.index(table(built(number)), path)
        say(f"built {path.name}")
        index.optimize(kind="quantised")
        say(f"fast {path.name}")


def check_build(folder: Path, number: int, said: list[str], known: dict[str, str]) -> dict[str, str]:
    for path in (folder / f"new{number}.lance", folder / "replaced.lance"):
        old = known.get(path.name)
        if not path.exists():
            assert f"built {path.name}" not in said and old is None, f"{path.name} is gone"
            continue
        index = km.Index.load(path, SPACE)
        if f"built {path.name}" in said or old is None:
            assert look(index, built(number)), f"{path.name} is not the one that was built"
            known[path.name] = str(number)
        elif look(index, built(number)):
            known[path.name] = str(number)
        else:
            assert look(index, built(int(old))), f"{path.name} is neither the old nor the new one"
        if f"fast {path.name}" in said:
            assert index.ann_indexes(), f"{path.name} has lost what optimise() made"  # type: ignore[attr-defined]
    return known


@dataclass
class Work:
    """One kind of work, and how it has gone.

    Args:
        do, check: see above. span: seconds that it takes unharmed.
    """

    do: Callable[[Path, int, Say], None]
    check: Callable[[Path, int, list[str], dict[str, str]], dict[str, str]]
    known: dict[str, str] = field(default_factory=dict)
    span: float = 0.0
    kills: int = 0
    finished: int = 0
    steps: int = 0
    wrong: list[str] = field(default_factory=list)


def apart(run: Callable[[Say], None]) -> tuple[int, int]:
    """Fork: run it in a process of its own. Returns its number and the end of a pipe on which it says things."""
    read, write = os.pipe()
    process = os.fork()
    if process:
        os.close(write)
        return process, read
    os.close(read)
    code = 1
    try:
        run(lambda text: os.write(write, text.encode() + b"\n") and None)
        code = 0
    except BaseException:
        os.write(write, traceback.format_exc().encode())
    finally:
        os._exit(code)


def heard(read: int) -> str:
    with os.fdopen(read, "rb") as pipe:
        return pipe.read().decode()


def one(work: Work, folder: Path, number: int, after: float | None) -> float:
    """Do the work, kill it `after` seconds, and look; returns how long it took."""
    start = time.perf_counter()
    process, read = apart(lambda say: work.do(folder, number, say))
    killed = after is not None
    if after is not None:
        time.sleep(after)
        os.kill(process, signal.SIGKILL)
    text, status = heard(read), os.waitpid(process, 0)[1]
    took = time.perf_counter() - start
    if not os.WIFSIGNALED(status):
        killed = False
        if os.waitstatus_to_exitcode(status):
            work.wrong.append(text)
    said = [line for line in text.splitlines() if line] if "Traceback" not in text else []
    work.kills += killed
    work.finished += after is not None and not killed
    work.steps += len(said)
    process, read = apart(lambda say: say(json.dumps(work.check(folder, number, said, work.known))))
    answer = heard(read)
    if os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]):
        work.wrong.append(answer)
    else:
        work.known = json.loads(answer)
    return took


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    rng = np.random.default_rng(options.seed)
    works = {
        "encoding": Work(encode, check_encode),
        "adding": Work(add, check_add),
        "building": Work(build, check_build),
    }
    with tempfile.TemporaryDirectory() as name:
        for kind, work in works.items():
            (Path(name) / kind).mkdir()
            one(work, Path(name) / kind, 0, None)
            work.span = one(work, Path(name) / kind, 1, None)
            work.steps = 0
        number = 2
        while sum(work.kills for work in works.values()) < options.kills and not any(w.wrong for w in works.values()):
            kind = min(works, key=lambda kind: works[kind].kills)
            one(works[kind], Path(name) / kind, number, float(rng.uniform(0, 1.3 * works[kind].span)))
            number += 1
        for kind, work in works.items():
            one(work, Path(name) / kind, number, None)  # an unharmed run takes away what killed ones left beside
        left = {kind: [p.name for p in (Path(name) / kind).rglob("*.part")] for kind in works}
        hidden = [p.name for kind in ("adding", "building") for p in (Path(name) / kind).glob(".*")]
    report: dict[str, Any] = {
        kind: {
            "kills": work.kills,
            "came too late": work.finished,
            "acknowledged steps": work.steps,
            "seconds of an unharmed run": round(work.span, 2),
            "left beside, never read": len(left[kind]),
            "wrong": work.wrong,
        }
        for kind, work in works.items()
    }
    bad = sum(len(work.wrong) for work in works.values())
    if options.json:
        print(json.dumps(report))
    else:
        for kind, counts in report.items():
            print(f"{kind}: " + ", ".join(f"{what} {value}" for what, value in counts.items() if what != "wrong"))
            for text in counts["wrong"]:
                print(text)
        print(f"{sum(work.kills for work in works.values())} kills, {bad} losses; left beside the indexes: {hidden}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
