"""Claim: features of one column from those of another, by closed forms and by learned ones, with all pairs or with few.

    KUAMO_DATA=… python -m benchmarks feature_translation [emoji] [wikipedia] [toy] [--pairs 100] [--seeds 3]

emoji: MiniLM's features of names and EfficientNet-Lite0's of pictures, on 256 principal axes of the training
rows; 300 concepts held out, by group. wikipedia: topics of articles and visual words of pictures, the official
split. toy: 2,000 rows and 500 more that are held out. Each recipe is trained on the training rows alone, in the
space that `km.fit` gives of them; which state of it is kept is chosen by the energy score on a tenth of these.
Figures are those of `km.evaluate(generated=)` on at most 300 held-out rows, means over seeds (of the split, of
the space, of the training): R² of the mean; R@1 and R@10 of the real cell by what is made, and back; the energy
score, 1 of the mean cell. By rows, not by labels. CPU seconds are of one decoder.

`--pairs`: instead of all, so many pairs, and of the other training rows one half gives the one column, the other half
the other: these cells have no partner. All recipes learn from these too, of a cell's own code.

`--tune`: some settings of `CycleGAN`, on 200 of emoji's training rows of split 0; the defaults were not changed by it.
"""

import argparse
import time

import numpy as np
import torch
from common import machine
from few_pairs_unpaired import axes, encoded

import kuamo as km

METHODS = {
    "ridge": km.Ridge(),
    "ridge, penalty 10": km.Ridge(10),
    "reduced rank 16": km.Ridge(rank=16),
    "likelihood": km.Gaussian(),
    "flow": km.Flow(),
    "R3GAN": km.GAN(),
    "CycleGAN": km.CycleGAN(),
    "CycleGAN, no cycle": km.CycleGAN(cycle=0),
    "CycleGAN, no adversary": km.CycleGAN(adversary=0),
    "CycleGAN, unpaired": km.CycleGAN(paired=0),
}
TUNED = {"ridge": km.Ridge()} | {
    f"{cycle:g}, {paired:g}, {adversary:g}, {lr:g}": km.CycleGAN(cycle, paired, adversary, lr=lr)
    for cycle, paired, adversary, lr in (
        (1, 10, 1, 2e-4),
        (1, 10, 0.1, 2e-4),
        (1, 10, 0.1, 1e-3),
        (10, 10, 0.1, 2e-4),
    )
}  # fmt: skip
MEASURES = ("R2", "R@1", "R@10", "back_R@1", "back_R@10", "energy")


def table_of(arrays, group=None):
    """Rows of vectors, without labels."""
    return km.Table(
        {name: list(x) for name, x in arrays.items()}, modalities=dict.fromkeys(arrays, km.Vector()), group=group
    )


def emoji(seed, tune=False):
    table = km.datasets.emoji()
    train, test = table.split(test=300, by="group", seed=seed)
    if tune:
        train, test = train.split(test=200, by="group", seed=5)
    place = {id_: i for i, id_ in enumerate(table.ids)}
    train, test = (np.array([place[i] for i in part.ids]) for part in (train, test))
    arrays = {name: axes(*encoded(table, name), train) for name in table.columns}
    return [
        table_of({name: x[rows] for name, x in arrays.items()}, [table.groups[row] for row in rows])
        for rows in (train, test)
    ]


def wikipedia(seed, tune=False):
    parts = [km.datasets.wikipedia(split=split) for split in ("train", "test")]
    return [table_of({name: part.values(name) for name in part.columns}) for part in parts]


def toy(seed, tune=False):
    table = km.datasets.toy(rows=2500, seed=seed)
    return table.take(np.arange(2000)), table.take(np.arange(2000, 2500))


def parted(table, pairs, seed):
    """Some pairs, and the other rows with one of their two cells each."""
    order = np.random.default_rng([seed, 2]).permutation(len(table))
    alone = np.arange(len(table)) % 2
    alone[:pairs] = -1
    cells = {
        name: [value if alone[i] in (-1, side) else None for i, value in enumerate(table.take(order).values(name))]
        for side, name in enumerate(table.columns)
    }
    return km.Table(cells, modalities=table.modalities, group=[table.groups[row] for row in order])


def measured(space, train, test, to, recipe, steps, seed):
    """Measure → value of one decoder, and its CPU seconds."""
    start = time.process_time()
    training = km.Training(steps=steps) if steps else None
    made = km.fit(train, init=space, decoders={to: recipe}, codecs={to: None}, training=training, seed=seed)
    found = {"CPU s": time.process_time() - start}
    report = km.evaluate(made, test, generated=[to], samples=8, examples=0, seed=seed)
    source = next(name for name in test.columns if name != to)
    return {name: report[f"{source}_to_{to}_made_{name}"] for name in MEASURES} | found


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("worlds", nargs="*", default=["emoji", "wikipedia", "toy"])
    parser.add_argument("--pairs", type=int)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int)
    parser.add_argument("--methods", nargs="+", choices=list(METHODS), default=list(METHODS))
    parser.add_argument("--tune", action="store_true")
    given = parser.parse_args()
    torch.set_num_threads(1)
    print(machine(), flush=True)
    methods = TUNED if given.tune else {method: METHODS[method] for method in given.methods}
    for name in given.worlds:
        rows = {}
        for seed in range(given.seeds):
            train, test = {"emoji": emoji, "wikipedia": wikipedia, "toy": toy}[name](seed, given.tune)
            train = parted(train, given.pairs, seed) if given.pairs else train
            space = km.fit(train, seed=seed)
            for to in test.columns:
                for method, recipe in methods.items():
                    found = measured(space, train, test, to, recipe, given.steps, seed)
                    rows.setdefault((to, method), []).append(list(found.values()))
        for (to, method), values in rows.items():
            mean = [f"{value:.3f}".replace("0.", ".", 1) for value in np.mean(values, 0)]
            print(f"{name} → {to} | {method} | {' | '.join(mean[:-1])} | {np.mean(values, 0)[-1]:.0f}", flush=True)
    print(machine())


if __name__ == "__main__":
    main()
