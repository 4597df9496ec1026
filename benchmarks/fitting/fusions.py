"""Fusions beside the mean: two columns find a third, with noise, without it, and where columns interact.

    OPENBLAS_NUM_THREADS=1 python -m benchmarks fusions [--seeds 0 1 2] [--keep better] [--fusions mean cross]

Views: three columns of 24 numbers, each a bent mixture of one latent of 8 numbers (ten clusters) and a little noise; a
and b together find c among 400 unseen rows. Noise: a is replaced by noise in a third of the rows, b in another, in
training too. Product: the class is the sign of u v, of which column a holds u and column b holds v, each mixed with a
number that tells nothing; found by search from a and b, and by `Predict`. Objects: two shapes of two colours in a
picture, a text that names one by its colour, and the class is its shape; `ImageCNN` and a linear map of words are
trained by `Predict`. Fusions are kept always, or with `--keep better` where held-out rows gain. Classes (`--tasks
classes`, half an hour; MNIST needs KUAMO_DATA): quarters, the category of emoji, and digits of which the picture is
noise in a third of the rows and the sound in another, by `Predict`; see `predict_subsets` for the data.
"""

import argparse
import os
import time
from collections import defaultdict
from collections.abc import Iterator
from copy import copy
from typing import Any

import numpy as np
import torch
from common import machine
from predict_subsets import digits, emoji, quarters

import kuamo as km
from kuamo.encoders import BagOfWords
from kuamo.encoders.image_cnn import ImageCNN

SEARCHED = {
    "mean": None,
    "late": km.LateFusion(),
    "attention, scaled dot": km.Attention("scaled_dot", query="c"),
    "attention, cosine": km.Attention("cosine", query="c"),
    "attention, additive": km.Attention("additive", query="c"),
    "gating": km.Gating(),
    "tensor": km.TensorFusion(),
    "cross-attention": km.CrossAttention(),
}
INTERACTING = {
    "mean": None,
    "late": km.LateFusion(),
    "attention, additive": km.Attention("additive", query="c"),
    "gating": km.Gating(),
    "tensor": km.TensorFusion(),
    "cross-attention": km.CrossAttention(),
}
TRAIN, TEST = 2000, 400
GIVEN = argparse.Namespace(fusions=None, keep="always")


def table(columns: dict[str, Any], rows: slice) -> km.Table:
    kinds = {name: km.Vector() if np.ndim(x) == 2 else km.Category() for name, x in columns.items()}
    return km.Table({name: list(x[rows]) for name, x in columns.items()}, modalities=kinds)


def views(seed: int, noise: bool) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Columns, and which of them is noise in each row: 0, 1, or 2 for none."""
    rng = np.random.default_rng(seed)
    n = TRAIN + TEST
    z = 1.5 * rng.normal(size=(10, 8))[rng.integers(10, size=n)] + 0.6 * rng.normal(size=(n, 8))
    found = {name: np.tanh(z @ rng.normal(size=(8, 24)) / 3) + 0.1 * rng.normal(size=(n, 24)) for name in "abc"}
    which = rng.integers(3, size=n) if noise else np.full(n, 2)
    for number, name in enumerate("ab"):
        replace(found[name], which == number, rng)
    return {name: x.astype(np.float32) for name, x in found.items()}, which


def replace(x: np.ndarray, rows: np.ndarray, rng: np.random.Generator) -> None:
    """Noise of the same mean and spread, in place."""
    x[rows] = rng.normal(size=(int(rows.sum()), x.shape[1])) * x.std(0) + x.mean(0)


def chosen(fusions: dict[str, Any], asker: str | None = None) -> Iterator[tuple[str, Any]]:
    """Those that are asked for; attention asks for another column, if one is given."""
    for name, spec in fusions.items():
        if not GIVEN.fusions or any(name.startswith(one) for one in GIVEN.fusions):
            spec = copy(spec)
            if spec is not None:
                object.__setattr__(spec, "keep", GIVEN.keep)
            if asker is not None and name.startswith("attention"):
                spec.query = asker
            yield name, spec


def recall(space: km.Space, codes: Any, answers: Any) -> float:
    return float((space.similarity(codes, answers).argmax(1) == np.arange(len(answers))).mean())


def search(seed: int, results: dict[str, dict[str, list[float]]]) -> None:
    for noise in (True, False):
        columns, which = views(seed, noise)
        train, test, bad = table(columns, slice(TRAIN)), table(columns, slice(TRAIN, None)), which[TRAIN:]
        start, one = km.fit(train, seed=seed), bad < 2
        broken = {name: x[TRAIN:][bad != 1].copy() for name, x in columns.items()}
        replace(broken["a"], np.ones(len(broken["a"]), bool), np.random.default_rng(seed))
        wholly = table(broken, slice(None))
        for name, fusion in chosen(SEARCHED):
            began, row = time.process_time(), results[name]
            space = start if fusion is None else km.fit(train, init=start, fusion=fusion, seed=seed)
            row["CPU s"].append(time.process_time() - began)
            row["noise: kept" if noise else "clean: kept"].append(float(space.fusion is not None))
            answers = space.encode_column(test, "c")[0]
            both = recall(space, space.encode(test.select("a", "b"), target="c"), answers)
            row["noise: R@1" if noise else "clean: R@1"].append(both)
            if not noise:
                row["clean: a alone"].append(recall(space, space.encode_column(test, "a")[0], answers))
                continue
            answers = space.encode_column(wholly, "c")[0]
            row["a all noise: R@1"].append(recall(space, space.encode(wholly.select("a", "b"), target="c"), answers))
            row["b alone"].append(recall(space, space.encode_column(wholly, "b")[0], answers))
            weights = space.fuse(test.select("a", "b"), target="c")[1][one, 0]
            row["correlation"].append(np.corrcoef(weights, bad[one] == 1)[0, 1] if np.ptp(weights) > 1e-6 else np.nan)


def product(seed: int, results: dict[str, dict[str, list[float]]]) -> None:
    rng = np.random.default_rng(seed)
    n = TRAIN + TEST
    u, v = (rng.uniform(0.3, 1, n) * rng.choice([-1, 1], n) for _ in range(2))
    columns: dict[str, Any] = {
        name: (np.stack([x, rng.normal(size=n)], 1) @ rng.normal(size=(2, 6))).astype(np.float32)
        for name, x in (("a", u), ("b", v))
    }
    columns["c"] = np.where(u * v > 0, "+", "-")
    train, test, truth = table(columns, slice(TRAIN)), table(columns, slice(TRAIN, None)), columns["c"][TRAIN:]
    given = test.select("a", "b")
    for name, fusion in chosen(INTERACTING):
        training = km.Training(steps=400, lr=3e-3)
        space = km.fit(train, km.InfoNCE(), fusion=fusion, dim=8, training=training, seed=seed)
        signs = space.encode([{"c": "+"}, {"c": "-"}])
        found = np.array(["+", "-"])[space.similarity(space.encode(given, target="c"), signs).argmax(1)]
        results[name]["search: right"].append(float((found == truth).mean()))
        space = km.fit(train, km.Predict("c", fusion=fusion), training=training, seed=seed)
        results[name]["Predict: right"].append(float((np.array(space.predict(given, "c").values) == truth).mean()))


def noisy_digits(seed: int) -> Any:
    """In a third of the rows the picture is noise, in another the sound."""
    columns, y, test = digits(seed)
    rng = np.random.default_rng(seed)
    which = rng.integers(3, size=len(y))
    for number, name in enumerate(columns):
        replace(columns[name], which == number, rng)
    return columns, y, test


def classes(seed: int, results: dict[str, dict[str, list[float]]]) -> None:
    data = {"quarters": quarters, "emoji": emoji}
    if "KUAMO_DATA" in os.environ:
        data["noisy digits"] = noisy_digits
    for name, made in data.items():
        columns, y, test = made(seed)
        order = np.random.default_rng(seed).permutation(len(y))
        rows = order[:test] if isinstance(test, int) else np.asarray(test)
        every = {**columns, "class": np.array(y)}
        train, unseen = (
            table({k: x[part] for k, x in every.items()}, slice(None)) for part in (np.setdiff1d(order, rows), rows)
        )
        for fusion, spec in chosen(INTERACTING, "class"):
            began = time.process_time()
            space = km.fit(train, km.Predict("class", fusion=spec), seed=seed)
            found = space.predict(unseen.select(*columns), "class")
            right, took = (np.array(found.values) == every["class"][rows]).mean(), time.process_time() - began
            print(f"seed {seed}, {name}, {fusion}: right {right:.3f}, {took:.0f} CPU s", flush=True)
            results[fusion][f"{name}: right"].append(float(right))
            results[fusion][f"{name}: CPU s"].append(took)


SHAPES = ("disc", "square", "triangle", "cross")
COLOURS = {"red": (220, 40, 40), "green": (40, 170, 60), "blue": (50, 80, 220), "yellow": (230, 200, 40)}
SIDE = 64


def drawn(shape: str, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Which pixels a shape of size 1 covers, at these places about its middle."""
    return {
        "disc": x**2 + y**2 < 1,
        "square": np.maximum(abs(x), abs(y)) < 0.85,
        "triangle": (abs(x) < (y + 1) / 2) & (y < 1),
        "cross": (np.minimum(abs(x), abs(y)) < 0.3) & (np.maximum(abs(x), abs(y)) < 1),
    }[shape]


def two_objects(seed: int, count: int) -> dict[str, list[Any]]:
    """Pictures of two shapes in two colours side by side, a text which names one by its colour, and its shape."""
    rng = np.random.default_rng(seed)
    rows: dict[str, list[Any]] = {"picture": [], "text": [], "class": []}
    down, right = np.mgrid[:SIDE, :SIDE].astype(np.float32)
    for _ in range(count):
        picture = np.full((SIDE, SIDE, 3), 255, np.uint8)
        shapes, colours = rng.choice(SHAPES, 2, replace=False), rng.choice(list(COLOURS), 2, replace=False)
        for place, (shape, colour) in enumerate(zip(shapes, colours, strict=True)):
            size, x, y = rng.uniform(9, 13), SIDE * (0.25 + 0.5 * place) + rng.uniform(-2, 2), rng.uniform(18, 46)
            picture[drawn(shape, (right - x) / size, (down - y) / size)] = COLOURS[colour]
        named = rng.integers(2)
        for name, value in zip(rows, (picture, f"the {colours[named]} one", shapes[named]), strict=True):
            rows[name].append(value)
    return rows


def objects(seed: int, results: dict[str, dict[str, list[float]]]) -> None:
    """Chance is .25; who sees both shapes and not which one is meant has .5."""
    rows = two_objects(seed, TRAIN + TEST)
    kinds = {"picture": km.Image(), "text": km.Text(), "class": km.Category()}
    every = km.Table(rows, modalities=kinds)
    train, test = every.take(range(TRAIN)), every.take(range(TRAIN, TRAIN + TEST))
    truth = np.array(rows["class"][TRAIN:])
    for name, fusion in chosen(INTERACTING, "mean"):
        began = time.process_time()
        torch.manual_seed(seed)
        encoders = {"picture": ImageCNN(size=32, dim=64, width=16), "text": BagOfWords.of(rows["text"][:TRAIN])}
        training = km.Training(steps=600, lr=3e-3, batch_size=128)
        space = km.fit(train, km.Predict("class", 0.0, fusion=fusion), encoders=encoders, training=training, seed=seed)
        found = space.predict(test.select("picture", "text"), "class")
        right, took = (np.array(found.values) == truth).mean(), time.process_time() - began
        print(f"seed {seed}, two objects, {name}: right {right:.3f}, {took:.0f} CPU s", flush=True)
        results[name]["two objects: right"].append(float(right))
        results[name]["two objects: CPU s"].append(took)


def show(results: dict[str, dict[str, list[float]]]) -> None:
    names = list(dict.fromkeys(key for row in results.values() for key in row))
    print("| fusion | " + " | ".join(names) + " |")
    print("|---" * (len(names) + 1) + "|")
    for fusion, row in results.items():
        cells = [
            f"{np.mean(row[key]):.2f} ({min(row[key]):.2f} – {max(row[key]):.2f})" if row[key] else "–" for key in names
        ]
        print(f"| {fusion} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    options = argparse.ArgumentParser()
    options.add_argument("--seeds", type=int, nargs="*", default=[0, 1, 2])
    tasks = {"search": search, "product": product, "objects": objects, "classes": classes}
    options.add_argument("--tasks", nargs="+", choices=list(tasks), default=["search", "product"])
    options.add_argument("--fusions", nargs="*", help="how names of those that are wanted begin; all if not given")
    options.add_argument("--keep", choices=["always", "better"], default="always")
    GIVEN = options.parse_args()
    print(machine())
    for task in GIVEN.tasks:
        results: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
        for seed in GIVEN.seeds:
            tasks[task](seed, results)
        show(results)
