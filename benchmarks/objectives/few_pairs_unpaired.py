"""Claim: from few pairs, unpaired rows of the same things help by transport.

    OPENBLAS_NUM_THREADS=1 python -m benchmarks few_pairs_unpaired [toy] [emoji]

R@10, mean of both directions, ten draws, each compared in pairs with CCA of the pairs alone (two-sided sign-flip test
over all 1,024 signs). toy: 60 pairs, 1,000 unpaired of each side, 500 fresh rows of the same world. emoji: 100 pairs,
1,200 unpaired of each side, 300 unseen concepts; features on 256 principal axes of all training rows. Unpaired cells of
both sides are of the same things, in rows of their own and in another order; "strangers" are of different things.
The settings were chosen on emoji draws 10 to 12, which are not among those reported.
"""

import sys
import time
from collections.abc import Callable
from itertools import product

import numpy as np
import torch
from common import machine

import kuamo as km
from kuamo.encoders import default_encoder
from kuamo.encoders.feature_cache import features

LINEAR = km.CCA(kernels=("linear",))
TRANSPORT: dict[str, Callable[[], km.Objective]] = {
    "InfoNCE": lambda: 0.03 * km.InfoNCE(),
    "Sinkhorn": lambda: 0.03 * km.InfoNCE() + km.Sinkhorn(eps=0.03, temperature=0.2),
    "KLOT": lambda: 0.03 * km.InfoNCE(temperature=0.1, learn_temperature=False) + 0.3 * km.KLOT(eps=0.1, sharp=0.02),
}
Arrays = dict[str, np.ndarray]


def table_of(arrays: Arrays, pairs: np.ndarray, alone: tuple[np.ndarray, np.ndarray], seed: int) -> km.Table:
    """Rows with both columns, then rows with the first alone, then, shuffled, rows with the second alone."""
    (a, x), (b, y) = arrays.items()
    only_a, only_b = alone[0], np.random.default_rng([seed, 1]).permutation(alone[1])
    first = [*x[pairs], *x[only_a], *[None] * len(only_b)]
    second = [*y[pairs], *[None] * len(only_a), *y[only_b]]
    return km.Table({a: first, b: second}, modalities={a: km.Vector(), b: km.Vector()})


def recall(space: km.Space, test: km.Table) -> float:
    report, (a, b) = km.evaluate(space, test, examples=0), test.columns
    return float(np.mean([report[f"{a}_to_{b}_R@10"], report[f"{b}_to_{a}_R@10"]]))


def toy(seed: int) -> tuple[Arrays, np.ndarray, int, int]:
    """Cells by column, test rows, number of pairs, and of unpaired cells of each side."""
    table = km.datasets.toy(rows=60 + 2000 + 500, seed=seed)
    arrays = {name: np.stack([table.column(name)[i] for i in range(len(table))]) for name in table.columns}
    return arrays, np.arange(2060, 2560), 60, 1000


def emoji(seed: int) -> tuple[Arrays, np.ndarray, int, int]:
    table = km.datasets.emoji()
    place = {id_: i for i, id_ in enumerate(table.ids)}
    train, test = (np.array([place[i] for i in part.ids]) for part in table.split(test=300, by="group", seed=seed))
    arrays = {name: axes(*encoded(table, name), train) for name in table.columns}
    order = np.concatenate([np.random.default_rng(seed).permutation(train), test])
    return {k: x[order] for k, x in arrays.items()}, np.arange(len(train), len(order)), 100, 1200


def encoded(table: km.Table, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Features (n, D), and the size of each one's layer (D,)."""
    encoder, _ = default_encoder(name, table.modalities[name], [])
    return features(table, name, encoder), np.repeat(encoder.blocks, encoder.blocks)


def axes(x: np.ndarray, sizes: np.ndarray, train: np.ndarray, kept: int = 256) -> np.ndarray:
    """x on the principal axes of the training rows, turned at random, so that standardising keeps their variances."""
    mean, std = x[train].mean(0), x[train].std(0)
    x = (x - mean) / np.maximum(std, 1e-3 * np.sqrt((std**2).mean())) / np.sqrt(sizes)
    values, vectors = np.linalg.eigh(x[train] @ x[train].T)
    basis = x[train].T @ vectors[:, -kept:] / np.sqrt(values[-kept:])
    turned = np.linalg.qr(np.random.default_rng(1).standard_normal((kept, kept)))[0]
    return (x @ basis @ turned).astype(np.float32)


def p_value(gains: np.ndarray) -> float:
    """Of a mean as far from 0, if each gain's sign were a coin's."""
    signs = np.array(list(product((-1, 1), repeat=len(gains))))
    return float(np.mean(np.abs(signs @ gains) >= abs(gains.sum()) - 1e-12))


def draw(world: Callable, seed: int, strangers: bool) -> dict[str, float]:
    arrays, test_rows, pairs, unpaired = world(seed)
    known, a = np.arange(pairs), np.arange(pairs, pairs + unpaired)
    b = a + unpaired if strangers else a
    test = table_of(arrays, test_rows, (test_rows[:0], test_rows[:0]), 0)
    few = table_of(arrays, known, (a[:0], a[:0]), 0)
    whole = table_of(arrays, known, (a, b), seed)
    training = km.Training(steps=30, batch_size=len(whole), lr=1e-3, weight_decay=0.0)
    found = {"pairs alone": recall(km.fit(few, LINEAR), test)}
    found["pairs alone, any kernel"] = recall(km.fit(few, km.CCA()), test)
    for name, objective in TRANSPORT.items():
        found[name] = recall(km.fit(whole, objective(), training=training, seed=seed), test)
    if not strangers:
        found["all were pairs"] = recall(
            km.fit(table_of(arrays, np.concatenate([known, a]), (a[:0], a[:0]), 0), LINEAR), test
        )
    return found


def said(draws: list[dict[str, float]], method: str) -> str:
    """R@10, and the gain on each way of solving the pairs alone."""
    scores = np.array([found[method] for found in draws])
    words = f"R@10 {scores.mean():.3f}"
    for other in ("pairs alone", "pairs alone, any kernel"):
        gains = scores - [found[other] for found in draws]
        if gains.any():
            words += (
                f"; on {other!r} {gains.mean():+.3f} (p {p_value(gains):.3f}, worst {gains.min():+.3f}, "
                f"better in {(gains > 0).sum()} of {len(gains)})"
            )
    return words


def main() -> None:
    torch.set_num_threads(1)
    print(machine(), f"torch {torch.__version__}", sep="\n")
    for name, world, strangers in (("toy", toy, False), ("toy, strangers", toy, True), ("emoji", emoji, False)):
        if name.split(",")[0] not in (sys.argv[1:] or ("toy", "emoji")):
            continue
        start = time.process_time()
        draws = [draw(world, seed, strangers) for seed in range(10)]
        for method in draws[0]:
            print(f"{name:15} {method:24} {said(draws, method)}", flush=True)
        print(f"{name}: {time.process_time() - start:.0f} CPU s; {machine()}", flush=True)


if __name__ == "__main__":
    main()
