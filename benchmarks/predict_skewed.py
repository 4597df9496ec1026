"""Claim: where classes are of very different sizes, `Predict(balanced=True)` tells the rare ones more often.

    python benchmarks/predict_skewed.py [--seeds 2] [--steps 400]

emoji       category (8 classes, the largest 4.5 times the smallest) from name with keywords and picture; 300 unseen
rare        the same, a class kept with a share of its rows that falls from 1 to 1/8 in the order of their names

Accuracy, and balanced accuracy (the mean over classes of the share that is right).
"""

import argparse
import time

import numpy as np
from common import machine
from predict_subsets import emoji

import kuamo as km
from kuamo.threads import one_torch_thread


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--steps", type=int, default=400)
    given = parser.parse_args()
    print(machine(), flush=True)
    found, kind, size = emoji(0)
    x, kind = {name: found[name] for name in ("text", "image")}, np.array(kind)
    for which in ("emoji", "rare"):
        figures = {False: [], True: []}
        for seed in range(given.seeds):
            rng = np.random.default_rng(seed)
            order = rng.permutation(len(kind))
            test, train = order[:size], order[size:]
            if which == "rare":
                share = dict(zip(np.unique(kind), 2.0 ** -np.linspace(0, 3, 8)))
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
    with one_torch_thread():
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
