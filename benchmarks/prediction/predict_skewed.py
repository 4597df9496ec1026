"""Claim: where classes are of very different sizes, `Predict(balanced=True)` tells the rare ones more often.

    python -m benchmarks predict_skewed [--data emoji quarters] [--seeds 2] [--steps 400]

emoji       category (8 classes, the largest 4.5 times the smallest) from name with keywords and picture; 300 unseen
quarters    scikit-learn's handwritten digits in quarters, of each class a share that falls from 1 to 1/32; 500 unseen

Accuracy, and balanced accuracy (the mean over classes of the share that is right).
"""

import argparse
import time

import numpy as np
from common import machine
from predict_subsets import emoji, quarters

import kuamo as km
from kuamo.core.modules import single_threaded_torch


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", nargs="+", default=["emoji", "quarters"], choices=["emoji", "quarters"])
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--steps", type=int, default=400)
    given = parser.parse_args()
    print(machine(), flush=True)
    for which in given.data:
        found, kind, size = {"emoji": emoji, "quarters": quarters}[which](0)
        x, kind = {name: one for name, one in found.items() if name != "audio"}, np.array(kind)
        figures = {False: [], True: []}
        for seed in range(given.seeds):
            rng = np.random.default_rng(seed)
            order = rng.permutation(len(kind))
            test, train = order[:size], order[size:]
            if which == "quarters":
                share = dict(zip(np.unique(kind), 2.0 ** -np.linspace(0, 5, 10)))
                train = train[rng.random(len(train)) < [share[kind[i]] for i in train]]
            for balanced in (False, True):
                figures[balanced].append(judged(x, kind, train, test, balanced, given.steps, seed))
                print(f"{which}, seed {seed}, balanced={balanced}: {len(train)} rows, {said(figures[balanced][-1])}")
        for balanced in (False, True):
            print(f"{which}, mean, balanced={balanced}: {said(np.mean(figures[balanced], 0))}", flush=True)
    print(machine())


def judged(x, kind, train, test, balanced, steps, seed):
    kinds = {name: km.Vector() for name in x}
    table = km.Table(
        {n: list(v) for n, v in x.items()} | {"kind": list(kind)}, modalities=kinds | {"kind": km.Category()}
    )
    start = time.process_time()
    with single_threaded_torch():
        training = km.Training(steps=steps, batch_size=128, lr=3e-3)
        objective = km.Predict("kind", balanced=balanced)
        space = km.fit(table.take(train), objective, dim=32, training=training, seed=seed)
    right = np.array(space.predict(table.take(test).select(*x), "kind").values) == kind[test]
    each = np.mean([right[kind[test] == one].mean() for one in np.unique(kind[test])])
    return right.mean(), each, time.process_time() - start


def said(figures):
    return f"accuracy {figures[0]:.3f}, balanced accuracy {figures[1]:.3f}, {figures[2]:.0f} CPU s"


if __name__ == "__main__":
    main()
