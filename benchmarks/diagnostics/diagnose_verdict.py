"""Claim: align, predict, both or neither? `align_or_predict` is right in 80 % of a grid of toys whose answer is known.

    python -m benchmarks diagnose_verdict [seed]

The grid: signal correlation × nuisance correlation × nuisance deviation of either column × rows × both directions. The
answer: either method, written out plainly, solved on three other draws of as many rows with the ridge that does its own
job best in the population; then, in closed form, whether its code of 4 numbers keeps half of what the column itself
tells of the signal z (R² / best linear R² ≥ .5). Asked: `align_or_predict` on one more draw, with labels (the signs of
z), or without. Without labels nobody can tell signal from correlated nuisance: so once more, with an answer in which
all that is shared is signal. The grid and every choice in `align_or_predict` were settled on the worlds from seed 1000
on.
"""

import sys
import time
from collections import Counter
from collections.abc import Callable
from itertools import product

import numpy as np
from common import machine

from kuamo.data.datasets.toy import toy, toy_axes
from kuamo.encoders import Identity
from kuamo.encoders.feature_cache import features
from kuamo.metrics.dependence.align_or_predict import align_or_predict

DIMS, SIGNAL, NOISE, DRAWS = (64, 48), 4, 0.3, 3
RIDGES = (0.01, 0.1, 1.0, 10.0)
CORRELATIONS, NUISANCE, DEVIATIONS, ROWS = (0.3, 0.6, 0.9), (0.0, 0.4, 0.7, 0.95), (0.5, 3.0), (200, 1000)
NAMES = {(True, True): "both", (True, False): "align", (False, True): "predict", (False, False): "neither"}
Cell = tuple[float, float, float, float]
Matrix = np.ndarray


def draw(cell: Cell, rows: int, seed: int, world: int) -> tuple[list[Matrix], list[str]]:
    """Features of both columns, and labels."""
    rho, shared, *widths = cell
    table = toy(
        rows, dims=DIMS, correlations=(rho,) * SIGNAL, nuisance=widths, shared_nuisance=shared, noise=NOISE, seed=seed,
        geometry_seed=world, label_axes=SIGNAL,
    )  # fmt: skip
    return [features(table, name, Identity()).astype(float) for name in "ab"], table.labels


def population(cell: Cell, world: int, every: bool) -> tuple[list[Matrix], Matrix, list[Matrix]]:
    """Covariances of the columns, between them, and with the signal: z, and of `every` also what nuisances share."""
    rho, shared, *widths = cell
    axes = toy_axes(DIMS, SIGNAL, world)
    own = [
        q @ np.diag([1.0] * SIGNAL + [w * w] * SIGNAL) @ q.T + NOISE**2 * np.eye(len(q))
        for q, w in zip(axes, widths, strict=True)
    ]
    cross = axes[0] @ np.diag([rho] * SIGNAL + [shared * widths[0] * widths[1]] * SIGNAL) @ axes[1].T
    signal = [np.sqrt(rho) * q[:, :SIGNAL] for q in axes]
    if every and shared:
        more = (np.sqrt(shared) * w * q[:, SIGNAL:] for q, w in zip(axes, widths, strict=True))
        signal = [np.hstack(both) for both in zip(signal, more, strict=True)]
    return own, cross, signal


def inverse_root(covariance: Matrix) -> Matrix:
    values, vectors = np.linalg.eigh(covariance)
    return vectors / np.sqrt(np.maximum(values, 1e-12)) @ vectors.T


def told(weight: Matrix, own: Matrix, signal: Matrix) -> float:
    """R² of the signal from a code: the mean over its axes, each of variance 1."""
    b = weight.T @ signal
    return float(np.trace(b.T @ np.linalg.pinv(weight.T @ own @ weight) @ b) / signal.shape[1])


def kept(x: Matrix, y: Matrix, own_x: Matrix, own_y: Matrix, cross: Matrix, signal: Matrix) -> tuple[float, float]:
    """What aligning, and what predicting y, keeps in its code of x, at the ridge that is best for its own aim."""
    x, y, k, n = x - x.mean(0), y - y.mean(0), signal.shape[1], len(x)
    aligned, predicted = [], []
    for ridge in RIDGES:
        root_x, root_y = (
            inverse_root(c + ridge * np.trace(c) / len(c) * np.eye(len(c))) for c in (x.T @ x / n, y.T @ y / n)
        )
        u, _, vt = np.linalg.svd(root_x @ x.T @ y / n @ root_y)
        w, v = root_x @ u[:, :k], root_y @ vt[:k].T
        rho = np.diag(w.T @ cross @ v) / np.sqrt(np.diag(w.T @ own_x @ w) * np.diag(v.T @ own_y @ v))
        aligned.append((float((rho * np.abs(rho)).sum()), told(w, own_x, signal)))
        p = root_x @ np.linalg.svd(root_x @ x.T @ y / n)[0][:, :k]
        through = p.T @ cross
        predicted.append(
            (float(np.trace(through.T @ np.linalg.pinv(p.T @ own_x @ p) @ through)), told(p, own_x, signal))
        )
    best = told(np.eye(len(own_x)), own_x, signal)
    return max(aligned)[1] / best, max(predicted)[1] / best


def answers(cell: Cell, rows: int, world: int, every: bool) -> list[str]:
    """The right verdict from a to b, and back."""
    (own_a, own_b), cross, (signal_a, signal_b) = population(cell, world, every)
    found = []
    for number in range(DRAWS):
        (a, b), _ = draw(cell, rows, 10_000 + number + 100 * world, world)
        found.append([kept(a, b, own_a, own_b, cross, signal_a), kept(b, a, own_b, own_a, cross.T, signal_b)])
    return [NAMES[aligned >= 0.5, predicted >= 0.5] for aligned, predicted in np.mean(found, axis=0)]


def show(title: str, pairs: Counter[tuple[str, str]]) -> None:
    """The share that is right, that of the best constant guess, and who is taken for whom."""
    total, right = sum(pairs.values()), sum(count for (want, got), count in pairs.items() if want == got)
    of: Counter[str] = Counter()
    for (want, _), count in pairs.items():
        of[want] += count
    guess, times = of.most_common(1)[0]
    print(f"\n{title}: right in {right} of {total} = {right / total:.3f}; always {guess!r}: {times / total:.3f}")
    print("| answer | " + " | ".join(f"said {name}" for name in NAMES.values()) + " |\n|---|---|---|---|---|")
    for want in NAMES.values():
        print(f"| {want} | " + " | ".join(str(pairs[want, got]) for got in NAMES.values()) + " |")


def main() -> None:
    print(machine())
    seed = int(sys.argv[1]) if sys.argv[1:] else 5000
    ways: dict[str, tuple[str, bool, Callable[[Cell, int], bool]]] = {  # what is asked, of which answer, in which cells
        "with labels": ("labels", False, lambda cell, rows: True),
        "with labels, 1,000 rows": ("labels", False, lambda cell, rows: rows == 1000),
        "with labels, 200 rows": ("labels", False, lambda cell, rows: rows == 200),
        "without labels": ("pairs", False, lambda cell, rows: True),
        "without labels, all that is shared is signal": ("pairs", True, lambda cell, rows: True),
        "without labels, dim=4": ("pairs of 4", False, lambda cell, rows: True),
        "without labels, dim=4, signal correlates more": ("pairs of 4", False, lambda cell, rows: cell[0] > cell[1]),
    }
    counts: dict[str, Counter[tuple[str, str]]] = {way: Counter() for way in ways}
    seconds = 0.0
    for i, (*cell, rows) in enumerate(product(CORRELATIONS, NUISANCE, DEVIATIONS, DEVIATIONS, ROWS)):
        world = seed + i
        one: Cell = tuple(cell)  # type: ignore[assignment]
        (a, b), labels = draw(one, rows, world, world)
        start = time.process_time()
        found = {
            "labels": align_or_predict(a, b, label=labels),
            "pairs": align_or_predict(a, b),
            "pairs of 4": align_or_predict(a, b, dim=SIGNAL),
        }
        seconds += time.process_time() - start
        right = {every: answers(one, rows, world, every) for every in (False, True)}
        for way, (asked, every, counted) in ways.items():
            if counted(one, rows):
                counts[way].update(zip(right[every], (said.choice for said in found[asked]), strict=True))
    for way, pairs in counts.items():
        show(way, pairs)
    print(f"\n{seconds:.0f} CPU s for {3 * (i + 1)} verdicts of two directions each\n{machine()}")


if __name__ == "__main__":
    main()
