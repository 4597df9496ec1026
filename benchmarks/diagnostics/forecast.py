"""What a fit will cost, told before it, against what it then costs: CPU and wall seconds, memory, disk, by step.

    python -m benchmarks forecast                        toy of two sizes, emoji with all four columns
    KUAMO_DATA=… python -m benchmarks forecast --data digits esc10 wikipedia ...      also what lies in a folder

Claim: totals, and every step that takes more than a tenth of them, are within a factor of two, in the median of three
runs; with an empty cache, and with the features in it. Forecast and fit each run in a process of their own, the cache
is a folder of their own, and what a search found is forgotten before each forecast, not between it and its fit: what
the forecast found itself the fit need not search. Where a forecast says "from … to …", it says whether the fit is in
that, and CPU seconds are compared with those of the branch that was taken (contrast or none), MB of disk with the
figure between. CPU seconds of one process still depend
on what else the machine does: `speed` is what a fixed piece of work takes before and after, so that it can be seen.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from statistics import median

import numpy as np

DATA = ("toy-1000", "toy-10000", "emoji")
MORE = ("digits", "esc10", "wikipedia", "raw", "flow", "infonce", "holes")
KINDS = ("cpu", "wall", "memory", "disk")


def table_of(name):
    """A table by name; of "name/4" every fourth row."""
    import kuamo as km

    if "/" in name:
        name, step = name.split("/")
        table = table_of(name)
        return table.take(range(0, len(table), int(step)))
    kinds = {
        "emoji": lambda: km.datasets.emoji(columns=("text", "image", "text_zh", "audio")),
        "flow": lambda: km.datasets.emoji(columns=("text", "image")),
        "infonce": lambda: km.datasets.emoji(columns=("text", "image")),
        "raw": lambda: km.datasets.shapes(1500),
        "holes": lambda: km.datasets.toy(rows=2000, holes=0.3),
        "digits": km.datasets.digits,
        "esc10": km.datasets.esc10,
        "wikipedia": km.datasets.wikipedia,
    }
    return km.datasets.toy(rows=int(name[4:])) if name.startswith("toy-") else kinds[name]()


def arguments(name):
    """What `fit` is asked for, beside the table."""
    import kuamo as km

    name = name.split("/")[0]
    if name == "raw":
        from kuamo.encoders.token_mean import TokenMean, train_tokenizer

        words = TokenMean(train_tokenizer(list(table_of(name).values("text"))))
        encoders = {"image": km.encoders.ImageCNN(), "text": words}
        return {"objective": km.InfoNCE(), "encoders": encoders, "training": km.Training(steps=300)}
    if name == "flow":
        return {"decoders": {"image": km.Flow()}}
    if name == "infonce":
        return {"objective": km.InfoNCE() + 0.3 * km.Reconstruct()}
    return {}


def speed():
    """CPU seconds of a fixed piece of work."""
    x = np.random.default_rng(0).standard_normal((700, 700))
    start = time.process_time()
    for _ in range(3):
        np.linalg.eigh(x @ x.T)
    return time.process_time() - start


def megabytes(folder):
    return sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file()) / 2**20


def job(kind, name):
    """Forecast or fit, in this process; prints JSON."""
    import kuamo as km
    from kuamo.core.profiling import collect_steps, measure_cost
    from kuamo.diagnostics.cost.forecast import forecast

    table, given = table_of(name), arguments(name)
    import kuamo.fitting.pipeline

    before = speed()
    if kind == "forecast":
        made = forecast(table, **given)
        steps = {
            step.name: {kind: getattr(step, kind) for kind in KINDS}
            | {"least": step.at_least, "after": step.after, "disks": step.disk_span}
            for step in made.steps
        }
        total = asdict(made.total) | {"disk": made.disk, "least": made.at_least, "disks": made.disk_span}
        found = {"steps": steps, "total": total, "took": asdict(made.took)}
    else:
        cache = Path(os.environ["KUAMO_CACHE"])
        known = megabytes(cache / "features")
        with measure_cost() as total, collect_steps() as parts:
            space = km.fit(table, **given)
        grown = megabytes(cache / "features") - known
        steps = {step: asdict(cost) | {"disk": 0.0} for step, cost in parts.items()}
        with tempfile.TemporaryDirectory() as folder:
            with measure_cost() as cost:
                space.save(Path(folder) / "space")
            steps["space"] = asdict(cost) | {"disk": megabytes(Path(folder) / "space")}
            with measure_cost() as cost:
                space.index(table).save(Path(folder) / "index")
            steps["index"] = asdict(cost) | {"disk": megabytes(Path(folder) / "index")}
        disk = grown + steps["space"]["disk"] + steps["index"]["disk"]
        contrast = any(getattr(note, "key", "") == "contrast_taken" for note in space.notes)
        dear = {"contrast": contrast}  # the dearer branch of a step
        found = {"steps": steps, "total": asdict(total) | {"disk": disk}, "dear": dear, "cache": grown}
    print("RESULT" + json.dumps(found | {"speed": [before, speed()], "load": os.getloadavg()[0]}))


def run(kind, name, cache):
    env = os.environ | {"KUAMO_CACHE": cache, "PYTHONWARNINGS": "ignore"}
    if kind == "forecast":
        shutil.rmtree(Path(cache) / "choices", ignore_errors=True)
    command = [sys.executable, __file__, "--job", kind, "--data", name]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=1800, stdin=subprocess.DEVNULL)
    lines = [line for line in done.stdout.splitlines() if line.startswith("RESULT")]
    if not lines:
        raise SystemExit(done.stderr[-3000:])
    return json.loads(lines[0][6:])


def compare(name, runs, cache):
    """Forecast and fit so many times, each with an empty cache, or all with this one; the last cache."""
    pairs, kept = [], cache
    for _ in range(runs):
        if cache is None:
            kept and shutil.rmtree(kept)
            kept = tempfile.mkdtemp()
        foretold = run("forecast", name, kept)
        pairs.append((foretold, run("fit", name, kept)))
        print(f"{name}: {pairs[-1][0]['total']} {pairs[-1][1]['total']}", file=sys.stderr, flush=True)
    return pairs, kept


def of_branch(told, came, step, kind):
    """What was foretold of a step, or of them all; CPU seconds of the branches that the fit took."""
    if kind == "cpu" and step == "total":
        return sum(of_branch(told, came, name, kind) for name, one in told["steps"].items() if not one["after"])
    found = told["total"] if step == "total" else told["steps"].get(step, {})
    return found.get("least" if kind == "cpu" and not came["dear"].get(step, True) else kind, 0.0) or 0.0


def spans(told, came):
    """Is the fit in what was told from … to …? CPU seconds: or within a factor of two of its ends; MB: a twentieth."""
    least, most = told["total"]["least"], told["total"]["cpu"]
    low, high = told["total"]["disks"]
    cpu, disk = came["total"]["cpu"], came["total"]["disk"]
    inside = least / 2 <= cpu <= 2 * most, low / 1.05 <= disk <= 1.05 * high
    return (f"CPU s {least:.3g}–{most:.3g}: {cpu:.3g} {'in' if inside[0] else 'OUT'}, "
            f"disk {low:.3g}–{high:.3g}: {disk:.3g} {'in' if inside[1] else 'OUT'}")  # fmt: skip


def show(name, pairs, warm):
    told, came = [one for one, _ in pairs], [one for _, one in pairs]
    load = ", ".join(f"{one['load']:.1f}" for pair in pairs for one in pair)
    pace = ", ".join(f"{median(a['speed']):.2f}/{median(b['speed']):.2f}" for a, b in pairs)
    took = median(one["took"]["cpu"] for one in told)
    print(f"\n{name}, {'features in the cache' if warm else 'empty cache'}: load {load}; speed (forecast/fit) {pace}; "
          f"the forecast itself took {took:.1f} CPU s")  # fmt: skip
    print("| step | " + " | ".join(f"{kind}: forecast, real, ratio" for kind in KINDS) + " |")
    names = ["total", *dict.fromkeys(step for one in (*came, *told) for step in one["steps"])]
    whole = {kind: median(one["total"][kind] for one in came) for kind in ("cpu", "wall")}
    worst = []
    for step in names:
        cells = []
        for kind in KINDS:
            ratios, a, b = [], [], []
            for x, y in zip(told, came):
                q = y["total"] if step == "total" else y["steps"].get(step, {})
                ours = of_branch(x, y, step, kind)
                theirs = q.get(kind, 0.0) or 0.0
                if kind == "disk" and step.startswith("features"):
                    theirs = ours  # the cache's folder tells the sum alone, which is in the total
                a.append(ours), b.append(theirs), ratios.append(ours / theirs if theirs else float("nan"))
            cells.append(f"{median(a):.3g}, {median(b):.3g}, {median(ratios):.2f}")
            large = step == "total" or (kind in ("cpu", "wall") and median(b) > 0.1 * whole[kind])
            if large and not 0.5 <= median(ratios) <= 2:
                worst.append(f"{step} {kind} {median(ratios):.2f}")
        print(f"| {step} | " + " | ".join(cells) + " |", flush=True)
    print("from … to …: " + "; ".join(spans(x, y) for x, y in pairs), flush=True)
    print("beyond a factor of two: " + (", ".join(worst) or "nothing"), flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", nargs="*", default=list(DATA))
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--warm", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--job", choices=("forecast", "fit"))
    given = parser.parse_args()
    if given.job:
        job(given.job, given.data[0])
        return
    from common import machine

    print(machine())
    for name in given.data:
        pairs, kept = compare(name, given.runs, None)
        show(name, pairs, False)
        if given.warm and any(
            step.startswith("features") and one["disk"] for step, one in pairs[0][0]["steps"].items()
        ):
            show(name, compare(name, given.runs, kept)[0], True)
        shutil.rmtree(kept)


if __name__ == "__main__":
    main()
