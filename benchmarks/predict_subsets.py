"""Claim: one fit predicts from any subset of the columns, as well as a model of just that subset would.

    python benchmarks/predict_subsets.py [--data emoji vectors] [--seeds 1] [--steps 1500]

emoji       category (8) from name with keywords, picture and spoken name; 300 unseen concepts
vectors     scikit-learn's handwritten digits (10), the picture's four quarters as four columns; 500 unseen rows

`km.Predict` against scikit-learn's logistic regression on the same features, in the row space of the training rows,
C chosen on a fifth of them: on all columns; and with 20, 50 and 80 % of the test's cells removed (no row is emptied):

    oracle      a regression for each subset that occurs, trained on exactly its columns
    zeros       the regression on all columns, absent ones filled with their mean
    dropped     the same, trained with cells removed at random too, five times over
"""

import argparse
import time

import numpy as np
from common import machine
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

import kuamo as km
from kuamo.encoders import EfficientNetLite0, MiniLM, SpectralFeatures
from kuamo.features import features
from kuamo.threads import one_torch_thread

PENALTIES = (1e-3, 1e-2, 1e-1, 1.0)


def emoji(seed):
    table = km.datasets.emoji(columns=("text", "image", "audio"))
    encoders = {"text": MiniLM(), "image": EfficientNetLite0(), "audio": SpectralFeatures()}
    found = {name: np.asarray(features(table, name, encoder)) for name, encoder in encoders.items()}
    return found, list(table.meta["category"]), 300


def vectors(seed):
    pictures, digit = load_digits(return_X_y=True)
    pictures = pictures.reshape(-1, 8, 8).astype(np.float32)
    parts = {"top left": (0, 0), "top right": (0, 4), "bottom left": (4, 0), "bottom right": (4, 4)}
    found = {name: pictures[:, y : y + 4, x : x + 4].reshape(-1, 16) for name, (y, x) in parts.items()}
    return found, [str(one) for one in digit], 500


def reduced(x, train):
    """Standardised, and in the row space of the training rows: to a regression with an l2 penalty the same."""
    spread = x[train].std(0)
    x = (x - x[train].mean(0)) / np.maximum(spread, 1e-3 * np.sqrt((spread**2).mean()))
    axes = np.linalg.svd(x[train], full_matrices=False)[2]
    x = x @ axes.T
    return x * 10 / np.sqrt(np.square(x[train]).sum(1).mean())


def fitted(x, y, some=None):
    """A logistic regression of the rows `some`, C chosen on a fifth of them."""
    some = np.arange(len(y)) if some is None else some
    order = np.random.default_rng(0).permutation(some)
    kept, held = order[len(order) // 5 :], order[: len(order) // 5]
    tried = {c: LogisticRegression(C=c, max_iter=300).fit(x[kept], y[kept]).score(x[held], y[held]) for c in PENALTIES}
    return LogisticRegression(C=max(tried, key=tried.get), max_iter=300).fit(x[some], y[some])


def removed(count, columns, share, rng):
    there = rng.random((count, columns)) >= share
    empty = ~there.any(1)
    there[empty, rng.integers(0, columns, empty.sum())] = True
    return there


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", nargs="+", default=["emoji", "vectors"], choices=["emoji", "vectors"])
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--steps", type=int, default=1500)
    given = parser.parse_args()
    print(machine(), flush=True)
    for name in given.data:
        for seed in range(given.seeds):
            compare(name, seed, given.steps)
    print(machine())


def compare(name, seed, steps):
    found, kind, size = {"emoji": emoji, "vectors": vectors}[name](seed)
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(kind))
    test, train = order[:size], order[size:]
    y = np.unique(kind, return_inverse=True)[1]
    columns = list(found)
    kinds = {column: km.Vector() for column in columns} | {"kind": km.Category()}
    table = km.Table({column: list(x) for column, x in found.items()} | {"kind": kind}, modalities=kinds)
    start = time.process_time()
    with one_torch_thread():
        training = km.Training(steps=steps, batch_size=128, lr=3e-3)
        space = km.fit(table.take(train), km.Predict("kind"), dim=32, training=training, seed=seed)
    print(f"{name}, seed {seed}: {len(train)} rows, Predict {time.process_time() - start:.0f} CPU s", flush=True)
    x = {column: reduced(one, train) for column, one in found.items()}

    def joined(there, rows):
        return np.concatenate([x[column][rows] * there[:, [k]] for k, column in enumerate(columns)], 1)

    whole = np.ones((len(train), len(columns)), bool)
    plain = fitted(joined(whole, train), y[train])
    many = np.tile(train, 5)
    some = np.concatenate([whole, *(removed(len(train), len(columns), 0.5, rng) for _ in range(4))])
    dropped = fitted(joined(some, many), y[many])
    oracle = {}
    for share in (0.0, 0.2, 0.5, 0.8):
        there = removed(len(test), len(columns), share, np.random.default_rng([seed, 1]))
        cells = {c: [v if there[i, k] else None for i, v in enumerate(found[c][test])] for k, c in enumerate(columns)}
        rows = km.Table(cells, modalities={column: km.Vector() for column in columns})
        ours = np.mean(np.array(space.predict(rows, "kind").values) == np.array(kind)[test])
        best = np.zeros(len(test), bool)
        for subset in np.unique(there, axis=0):
            key, rows_of = tuple(subset), np.flatnonzero((there == subset).all(1))
            part = [column for k, column in enumerate(columns) if subset[k]]
            if key not in oracle:
                oracle[key] = fitted(np.concatenate([x[column][train] for column in part], 1), y[train])
            told = oracle[key].predict(np.concatenate([x[column][test[rows_of]] for column in part], 1))
            best[rows_of] = told == y[test[rows_of]]
        said = {"zeros": plain, "dropped": dropped}
        others = {who: np.mean(model.predict(joined(there, test)) == y[test]) for who, model in said.items()}
        print(
            f"  {share:.0%} missing: Predict {ours:.3f}, oracle {best.mean():.3f} (ratio {ours / best.mean():.3f}), "
            + ", ".join(f"{who} {value:.3f}" for who, value in others.items()),
            flush=True,
        )


if __name__ == "__main__":
    main()
