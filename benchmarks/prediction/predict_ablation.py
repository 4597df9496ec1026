"""Claim: each part of `km.Predict` earns its place: take one away, and a figure falls.

    KUAMO_DATA=… python -m benchmarks predict_ablation [--data quarters …] [--seeds 2] [--variants …]

Data, splits and the oracle are of `predict_subsets.py`; two more are not linear: `product` (the sign of a product of
one number of each of two columns) and `rings` (the distance from the middle). For each variant: accuracy (of numbers
R²) with all columns, with half of the cells missing, and with one column of each row replaced by white noise, beside
what is reached without that column; negative log-likelihoods of the first two; CPU seconds of the fit.
"""

import argparse
import contextlib
import time
from unittest import mock

import numpy as np
import predict_degraded as degraded
import predict_subsets as data
import torch
from common import machine
from sklearn.neighbors import KNeighborsClassifier

import kuamo as km
from kuamo.core.modules import single_threaded_torch
from kuamo.fitting.gradient import steps_for
from kuamo.objectives.prediction import (
    class_codes,
    decoder,
    objective,
    regression,
    stacking,
    subset_regression,
    uncertainty,
    uncertainty_fusion,
)

DATA = ("quarters", "cancer", "wine", "diabetes", "product", "rings", "digits", "emoji", "degraded", "classes")
ROWS = 2000  # of the degraded digits
CLASSES = 300
UNBOUNDED = 1e6
REPEATS = 5  # draws of noise for each test row


def product(seed):
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=(2, 900, 2)).astype(np.float32)
    return {"a": a, "b": b}, [str(one) for one in a[:, 0] * b[:, 0] > 0], 500


def rings(seed):
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=(2, 900, 2)).astype(np.float32)
    radius = np.square(a).sum(1) + np.square(b).sum(1) + 0.3 * rng.normal(size=900)
    return {"a": a, "b": b}, [str(one) for one in np.digitize(radius, (2.5, 4.5))], 500


def silent(self, c):
    """f = 0: what is learned tells nothing."""
    return 0 * self.net(c)


def even(self, code, present):
    """Equal weights of what is present; every column is let in."""
    known = torch.where(present[..., None], code.mean, 0.0)
    weights = present.float() / present.sum(1, keepdim=True).clamp(min=1)
    return (weights[..., None] * self.learned(known)).sum(1), weights, present.float()


def ungated(self, code, present):
    """Weights as they are; every column passes."""
    return *weigh(self, code, present)[:2], present.float()


def common_scales(seen, prior, strength):
    """α and β of all numbers of columns alone."""
    return fit_scales(seen, prior, strength if np.allclose(prior, np.log(decoder.PRIOR)[-len(prior) :]) else UNBOUNDED)


fit_scales = stacking.fit_scales
FUSION, DECODER = uncertainty_fusion.UncertaintyFusion, decoder.StackedDecoder
weigh = FUSION.weigh
PATCHES = {
    "all": [],
    "trained alone": [(km.Predict, "joint", lambda *_: 0)],
    "regression alone": [(DECODER, "trained", silent), (FUSION, "weigh", even)],
    "regression, gated": [(DECODER, "stacked", lambda self, trained, solved: self.sure.exp()[1] * solved)],
    "no gate": [(FUSION, "weigh", ungated)],
    "no weights": [(FUSION, "weigh", even)],
    "no subsets": [(subset_regression, "fit_subsets", lambda *_: None)],
    "covariances": [(subset_regression, "MOST", 0)],
    "no stacking": [(stacking, "fit_stacking", lambda *_, **__: None)],
    "one pair": [(stacking, "fit_scales", common_scales)],
    "no uncertainty": [(uncertainty, "fit_uncertainty", lambda *_: None)],
    "no probe temperature": [(uncertainty, "calibrate", lambda *_: 1.0)],
    "no encoder noise": [(objective, "corrupt", lambda *_: {})],
    "no class codes": [(class_codes, "MANY", UNBOUNDED)],
    "always trained": [(regression.JointRegression, "nonlinear", lambda *_: True)],
}
OPTIONS = {"no corruption": {"corruption": 0.0}}


@contextlib.contextmanager
def variant(name):
    with contextlib.ExitStack() as stack:
        for where, what, value in PATCHES.get(name, []):
            stack.enter_context(mock.patch.object(where, what, value))
        yield


def noisy(found, rows, seed):
    """(rows whose one column is white noise, rows without it): cells of columns."""
    rng, rows = np.random.default_rng([seed, 3]), np.tile(rows, REPEATS)
    bad = rng.integers(0, len(found), len(rows))
    with_noise, without = {}, {}
    for k, (name, x) in enumerate(found.items()):
        white = x.mean(0) + 2 * x.std(0) * rng.normal(size=(len(rows), x.shape[1]))
        with_noise[name] = [w if b == k else v for v, w, b in zip(x[rows], white.astype(np.float32), bad)]
        without[name] = [None if b == k else v for v, b in zip(x[rows], bad)]
    return with_noise, without


def told(space, cells, y, number):
    rows = km.Table(cells, modalities=dict.fromkeys(cells, km.Vector()))
    out = space.predict(rows, "kind")
    if number:
        inside = np.abs(np.array(out.values) - y) < 1.645 * out.spread if out.spread is not None else np.nan
        return data.score(np.array(out.values), y), float(np.mean(inside))
    place = np.array([out.classes.index(one) for one in out.values])
    return data.score(place, y), data.calibration(out.probability, y)[0]


def measure(name, seed, variants, steps):
    found, kind, size = (globals().get(name) or getattr(data, name))(seed)
    order = np.random.default_rng(seed).permutation(len(kind))
    test = order[:size] if isinstance(size, int) else size
    train = np.setdiff1d(order, test)
    number = isinstance(kind, np.ndarray)
    y = kind if number else np.unique(kind, return_inverse=True)[1]
    kinds = dict.fromkeys(found, km.Vector()) | {"kind": km.Number() if number else km.Category()}
    table = km.Table({c: list(x) for c, x in found.items()} | {"kind": list(kind)}, modalities=kinds)
    there = data.removed(len(test), len(found), 0.5, np.random.default_rng([seed, 1]))
    whole = {c: list(x[test]) for c, x in found.items()}
    half = {c: [v if t else None for v, t in zip(whole[c], there[:, k])] for k, c in enumerate(found)}
    bad, without = noisy(found, test, seed)
    result = {"oracle": oracle(found, y, train, test, there)}
    print(f"{name} {seed} oracle {said(result['oracle'])}", flush=True)
    for which in variants:
        training = km.Training(steps=steps or steps_for(len(train)), batch_size=128, lr=3e-3)
        with variant(which), single_threaded_torch():
            start = time.process_time()
            goal = km.Predict("kind", **OPTIONS.get(which, {}))
            space = km.fit(table.take(train), goal, dim=32, training=training, seed=seed)
            spent = time.process_time() - start
            full, missing, noise, less = (
                told(space, cells, np.resize(y[test], len(next(iter(cells.values())))), number)
                for cells in (whole, half, bad, without)
            )
        result[which] = [full[0], missing[0], noise[0] - less[0], full[1], missing[1], spent]
        print(f"{name} {seed} {which} {said(result[which])}", flush=True)
    return result


def measure_degraded(seed, variants, steps):
    """Frozen encoders of pictures and recordings, of which one is made worse; see `predict_degraded.py`."""
    train, test = degraded.tables(ROWS, seed)
    digit = np.array(test.labels)
    rows = {
        (column, kind, level): degraded.degraded(test, column, level, kind, seed)
        for column in ("image", "audio")
        for kind in ("white", "other")
        for level in (0.4, 1.0)
    }
    result = {}
    for which in variants:
        training = km.Training(steps=steps or 400, batch_size=96, lr=3e-3, weight_decay=1e-2)
        with variant(which), single_threaded_torch():
            start = time.process_time()
            goal = km.Predict("digit", **OPTIONS.get(which, {}))
            space = km.fit(train, goal, encoders=degraded.FROZEN, dim=32, training=training, seed=seed)
            spent = time.process_time() - start
            alone = {
                c: degraded.right(space.predict(test.select(c), "digit").values, digit) for c in ("image", "audio")
            }
            worst, weights = [], []
            for (column, _, level), cells in rows.items():
                both, bad = space.predict(cells, "digit"), space.predict(cells.select(column), "digit")
                better = max(degraded.right(bad.values, digit), alone["audio" if column == "image" else "image"])
                worst.append(degraded.right(both.values, digit) - better)
                weights += [both.weights[:, both.columns.index(column)].mean()] * (level == 1)
            clean = degraded.right(space.predict(test, "digit").values, digit)
        result[which] = [clean, np.mean(worst), min(worst), np.mean(weights), max(weights), spent]
        print(
            f"degraded {seed} {which}: clean {clean:.3f}, both less the better {np.mean(worst):+.3f}, worst "
            f"{min(worst):+.3f}, weight {np.mean(weights):.3f}, most {max(weights):.3f}, CPU s {spent:.1f}",
            flush=True,
        )
    return result


def measure_classes(seed, variants):
    """Many classes of two rows each, one row of each to test."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(CLASSES, 1, 32)) + 0.7 * rng.normal(size=(CLASSES, 3, 32))
    train, y, each = x[:, :2].reshape(-1, 32), np.repeat(np.arange(CLASSES), 2), np.arange(CLASSES)
    nearest = KNeighborsClassifier(1).fit(train, y).score(x[:, 2], each)
    for which in variants:
        with variant(which):
            start = time.process_time()
            right = km.Classifier().fit(train, y).score(x[:, 2], each)
            spent = time.process_time() - start
        print(f"classes {seed} {which}: {right:.3f}, nearest neighbour {nearest:.3f}, CPU s {spent:.1f}", flush=True)


def oracle(found, y, train, test, there):
    x = {column: data.reduced(one, train) for column, one in found.items()}

    def of(subset):
        part = [x[c] for k, c in enumerate(found) if subset[k]]
        model = data.fitted(np.concatenate([one[train] for one in part], 1), y[train])
        at = np.flatnonzero((there == subset).all(1)) if not subset.all() else np.arange(len(test))
        inside = np.concatenate([one[test] for one in part], 1)
        return at, (model.predict(inside) if y.dtype.kind == "f" else model.predict_proba(inside))

    number = y.dtype.kind == "f"
    best, full = None, of(np.ones(len(found), bool))[1]
    for subset in np.unique(there, axis=0):
        _, p = of(subset)
        best = np.zeros_like(p) if best is None else best
        rows = (there == subset).all(1)
        best[rows] = p[rows]
    if number:
        return [data.score(full, y[test]), data.score(best, y[test]), np.nan, np.nan, np.nan, np.nan]
    scores = [data.score(p.argmax(1), y[test]) for p in (full, best)]
    losses = [data.calibration(p, y[test])[0] for p in (full, best)]
    return [*scores, np.nan, *losses, np.nan]


def said(values):
    return "full {:.3f} half {:.3f} noise {:+.3f} nll {:.3f} {:.3f} cpu {:.1f}".format(*values)


def main():
    names = [*PATCHES, *OPTIONS]
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", nargs="+", default=DATA[:6], choices=DATA)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--steps", type=int)
    parser.add_argument("--variants", nargs="+", default=names, choices=names)
    given = parser.parse_args()
    print(machine(), flush=True)
    for name in given.data:
        if name in ("degraded", "classes"):
            for seed in range(given.seeds):
                measure_degraded(seed, given.variants, given.steps) if name == "degraded" else measure_classes(
                    seed, given.variants
                )
            continue
        found = [measure(name, seed, given.variants, given.steps) for seed in range(given.seeds)]
        for which in found[0]:
            print(f"| {name} | {which} | {said(np.mean([one[which] for one in found], 0))} |", flush=True)
    print(machine())


if __name__ == "__main__":
    main()
