"""Claim: one fit predicts from any subset of the columns, as well as a model of just that subset would.

    python -m benchmarks predict_subsets [--data emoji quarters cancer wine diabetes] [--seeds 3] [--steps N]
    KUAMO_DATA=… python -m benchmarks predict_subsets --data digits

emoji       category (8) from name with keywords, picture and spoken name; 300 unseen concepts
quarters    scikit-learn's handwritten digits (10), the picture's four quarters as four columns; 500 unseen rows
digits      MNIST pixels and spectra of a spoken digit (10), 500 unseen pictures with unseen takes
cancer      scikit-learn's breast cancer (2): means, errors and worst values of ten measures, three columns
wine        scikit-learn's wines (3): acids, phenols, colour and the rest, four columns
diabetes    scikit-learn's diabetes, a number: person, body and blood, three columns

Settings of `Predict` were chosen while looking at emoji and quarters; on no other.

`km.Predict` against scikit-learn's logistic regression on the same features, in the row space of the training rows,
C chosen on a fifth of them (of a number: ridge, in the same way; figures are R² then): on all columns; and with 20, 50
and 80 % of the test's cells removed (no row is emptied):

    oracle      a regression for each subset that occurs, trained on exactly its columns
    zeros       the regression on all columns, absent ones filled with their mean
    dropped     the same, trained with cells removed at random too, five times over

Then how well probabilities are calibrated: negative log-likelihood and expected calibration error (15 bins of equal
width), of what is learned alone (before stacking and temperature), of what comes out, and of the oracle.
"""

import argparse
import time

import numpy as np
import torch
from common import machine
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_wine
from sklearn.linear_model import LogisticRegression, Ridge

import kuamo as km
from kuamo.core.modules import single_threaded_torch
from kuamo.encoders import EfficientNetLite0, MiniLM, SpectralFeatures
from kuamo.encoders.feature_cache import features
from kuamo.fitting.gradient import steps_for

PENALTIES = (1e-3, 1e-2, 1e-1, 1.0, 10.0)
SHARES = (0.0, 0.2, 0.5, 0.8)


def emoji(seed):
    table = km.datasets.emoji(columns=("text", "image", "audio"))
    encoders = {"text": MiniLM(), "image": EfficientNetLite0(), "audio": SpectralFeatures()}
    found = {name: np.asarray(features(table, name, encoder)) for name, encoder in encoders.items()}
    return found, list(table.meta["category"]), 300


def quarters(seed):
    pictures, digit = load_digits(return_X_y=True)
    pictures = pictures.reshape(-1, 8, 8).astype(np.float32)
    parts = {"top left": (0, 0), "top right": (0, 4), "bottom left": (4, 0), "bottom right": (4, 4)}
    found = {name: pictures[:, y : y + 4, x : x + 4].reshape(-1, 16) for name, (y, x) in parts.items()}
    return found, [str(one) for one in digit], 500


def digits(seed):
    """MNIST train pictures with takes 10–49 of five speakers; MNIST test pictures with takes 0–9."""
    parts = []
    for split in ("train", "test"):
        table = km.datasets.digits(rows=2000, columns=("image", "audio"), split=split, seed=seed)
        early = np.array([int(take) < 10 for take in table.meta["take"]])
        parts.append(table.take(np.flatnonzero(early == (split == "test"))[: 500 if split == "test" else 1500]))
    pixels = [[value[..., 0].ravel() / 255 for value in part.values("image")] for part in parts]
    image = np.concatenate(pixels).astype(np.float32)
    audio = np.concatenate([np.asarray(features(part, "audio", SpectralFeatures())) for part in parts])
    return {"image": image, "audio": audio}, [*parts[0].labels, *parts[1].labels], np.arange(len(parts[0]), len(image))


def cancer(seed):
    x, y = load_breast_cancer(return_X_y=True)
    x = x.astype(np.float32)
    return {"mean": x[:, :10], "error": x[:, 10:20], "worst": x[:, 20:]}, [str(one) for one in y], 170


def wine(seed):
    x, y = load_wine(return_X_y=True)
    x = x.astype(np.float32)
    parts = {"acids": [0, 1], "ash": [2, 3, 4], "phenols": [5, 6, 7, 8], "colour": [9, 10, 11, 12]}
    return {name: x[:, part] for name, part in parts.items()}, [str(one) for one in y], 60


def diabetes(seed):
    x, y = load_diabetes(return_X_y=True)
    x = x.astype(np.float32)
    return {"person": x[:, :2], "body": x[:, 2:4], "blood": x[:, 4:]}, y.astype(float), 130


def reduced(x, train):
    """Standardised, and in the row space of the training rows: to a regression with an l2 penalty the same."""
    spread = x[train].std(0)
    x = (x - x[train].mean(0)) / np.maximum(spread, 1e-3 * np.sqrt((spread**2).mean()))
    axes = np.linalg.svd(x[train], full_matrices=False)[2]
    x = x @ axes.T
    return x * 10 / np.sqrt(np.square(x[train]).sum(1).mean())


def fitted(x, y, some=None):
    """A regression of the rows `some`, its penalty chosen on a fifth of them."""
    some = np.arange(len(y)) if some is None else some
    order = np.random.default_rng(0).permutation(some)
    kept, held = order[len(order) // 5 :], order[: len(order) // 5]
    number = y.dtype.kind == "f"
    axes = np.linalg.svd(x[np.unique(some)], full_matrices=False)[2].T if x.shape[1] > len(np.unique(some)) else None
    x = x if axes is None else x @ axes

    def model(c):
        return Ridge(alpha=1 / c) if number else LogisticRegression(C=c, max_iter=300)

    def judged(c):
        one = model(c).fit(x[kept], y[kept])
        loss = 0.0 if number else calibration(one.predict_proba(x[held]), np.searchsorted(one.classes_, y[held]))[0]
        return one.score(x[held], y[held]), -loss  # of those that tell as many right, the one that is surest of it

    return Rotated(model(max(PENALTIES, key=judged)).fit(x[some], y[some]), axes)


class Rotated:
    """A regression in the row space of what it learns from: with an l2 penalty the same, and faster."""

    def __init__(self, model, axes):
        self.model, self.axes = model, axes

    def predict(self, x):
        return self.model.predict(x if self.axes is None else x @ self.axes)

    def predict_proba(self, x):
        return self.model.predict_proba(x if self.axes is None else x @ self.axes)


def removed(count, columns, share, rng):
    there = rng.random((count, columns)) >= share
    empty = ~there.any(1)
    there[empty, rng.integers(0, columns, empty.sum())] = True
    return there


def score(told, y):
    """Share right, or R²."""
    if y.dtype.kind == "f":
        return 1 - np.square(told - y).sum() / np.square(y - y.mean()).sum()
    return float(np.mean(told == y))


def calibration(p, y):
    """Negative log-likelihood, and expected calibration error."""
    sure, right = p.max(1), p.argmax(1) == y
    part = np.minimum((sure * 15).astype(int), 14)
    error = sum(abs(right[part == k].mean() - sure[part == k].mean()) * (part == k).mean() for k in np.unique(part))
    return -np.log(np.clip(p[np.arange(len(y)), y], 1e-12, 1)).mean(), error


def learned_alone(space, rows, to):
    """Probabilities by what `Predict` has learned, without the regression beside it and without temperature."""
    from kuamo.embedding.embedding import Embedding

    mean, _, present = space.encode_columns(rows)
    with torch.inference_mode():
        pooled = space.fusion.pool(Embedding(torch.from_numpy(mean)), torch.from_numpy(present))
        return torch.softmax(space.port(to).decoder.trained(pooled.c), -1).numpy().astype(float)


def main():
    names = ("emoji", "quarters", "digits", "cancer", "wine", "diabetes")
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", nargs="+", default=[name for name in names if name != "digits"], choices=names)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--shares", type=float, nargs="+", default=SHARES, help="of the test's cells that are missing")
    parser.add_argument("--steps", type=int, help="as many as the rows, from 200 to 1,500, if not given")
    given = parser.parse_args()
    print(machine(), flush=True)
    for name in given.data:
        found = [compare(name, seed, given.steps, given.shares) for seed in range(given.seeds)]
        for share in given.shares:
            mean = {who: np.mean([one[share][who] for one in found]) for who in found[0][share]}
            ratio = np.mean([one[share]["Predict"] / one[share]["oracle"] for one in found])
            said = ", ".join(f"{who} {value:.3f}" for who, value in mean.items())
            print(f"{name}, mean of {given.seeds}, {share:.0%} missing: {said}; ratio {ratio:.3f}", flush=True)
    print(machine())


def compare(name, seed, steps, shares):
    found, kind, size = globals()[name](seed)
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(kind))
    test = order[:size] if isinstance(size, int) else size
    train = np.setdiff1d(order, test)
    number = isinstance(kind, np.ndarray)
    y = kind if number else np.unique(kind, return_inverse=True)[1]
    columns = list(found)
    kinds = {column: km.Vector() for column in columns} | {"kind": km.Number() if number else km.Category()}
    table = km.Table({column: list(x) for column, x in found.items()} | {"kind": list(kind)}, modalities=kinds)
    start = time.process_time()
    with single_threaded_torch():
        training = km.Training(steps=steps or steps_for(len(train)), batch_size=128, lr=3e-3)
        space = km.fit(table.take(train), km.Predict("kind"), dim=32, training=training, seed=seed)
    print(f"{name}, seed {seed}: {len(train)} rows, Predict {time.process_time() - start:.0f} CPU s", flush=True)
    x = {column: reduced(one, train) for column, one in found.items()}

    def joined(there, rows):
        return np.concatenate([x[column][rows] * there[:, [k]] for k, column in enumerate(columns)], 1)

    whole = np.ones((len(train), len(columns)), bool)
    plain = fitted(joined(whole, train), y[train])
    many = np.tile(train, 5)
    oracle, result = {(True,) * len(columns): plain}, {}
    some = np.concatenate([whole, *(removed(len(train), len(columns), 0.5, rng) for _ in range(4))])
    dropped = fitted(joined(some, many), y[many]) if any(shares) else plain
    for share in shares:
        there = removed(len(test), len(columns), share, np.random.default_rng([seed, 1]))
        cells = {c: [v if there[i, k] else None for i, v in enumerate(found[c][test])] for k, c in enumerate(columns)}
        rows = km.Table(cells, modalities={column: km.Vector() for column in columns})
        told = space.predict(rows, "kind")
        best = np.zeros(len(test)) if number else np.zeros((len(test), y.max() + 1))
        for subset in np.unique(there, axis=0):
            key, rows_of = tuple(subset), np.flatnonzero((there == subset).all(1))
            part = [column for k, column in enumerate(columns) if subset[k]]
            if key not in oracle:
                oracle[key] = fitted(np.concatenate([x[column][train] for column in part], 1), y[train])
            of = np.concatenate([x[column][test[rows_of]] for column in part], 1)
            best[rows_of] = oracle[key].predict(of) if number else oracle[key].predict_proba(of)
        ours = np.array(told.values) if number else np.array([told.classes.index(v) for v in told.values])
        result[share] = {
            "Predict": score(ours, y[test]),
            "oracle": score(best if number else best.argmax(1), y[test]),
            "zeros": score(plain.predict(joined(there, test)), y[test]),
            "dropped": score(dropped.predict(joined(there, test)), y[test]),
        }
        if not number:
            told_by = {"learned alone": learned_alone(space, rows, "kind"), "Predict": told.probability, "oracle": best}
            for who, p in told_by.items():
                loss, error = calibration(p, y[test])
                result[share] |= {f"NLL of {who}": loss, f"ECE of {who}": error}
        said = ", ".join(f"{who} {value:.3f}" for who, value in result[share].items())
        print(f"  {share:.0%} missing: {said}", flush=True)
    return result


if __name__ == "__main__":
    main()
