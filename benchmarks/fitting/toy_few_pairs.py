"""Which method retrieves best from few pairs of weakly correlated vectors?

    OPENBLAS_NUM_THREADS=1 python -m benchmarks toy_few_pairs [method ...]

1000-way R@1 (chance .001), mean of both directions, on fresh rows of the same world. Each method has 24 configurations,
chosen by reciprocal rank on the same six folds of the training pairs, and is refitted on all of them.
"""

import sys
from collections.abc import Callable
from itertools import product

import numpy as np
import torch
from common import machine
from toy_methods import METHODS, Encode

import kuamo as km
from kuamo import closed_form as cf
from kuamo.closed_form.cca_search import reciprocal_ranks
from kuamo.closed_form.folds import fold_of_rows

# The world whose Procrustes and ridge (at 100, 1,000 and 10,000 pairs) and rCCA (at 1,000 and 10,000 only) come nearest
# to published figures: .369 .813 .926, .341 .808 .925 and 1, 1; found among random worlds without looking at rCCA at
# 100 pairs, on other rows and another geometry than here. See RESULTS.md.
WORLD = {"correlations": (0.8,) * 96, "nuisance": 0.7, "decay": 0.5, "noise": 0.02, "geometry_seed": 1}


def draw(rows: int, seed: int) -> list[np.ndarray]:
    table = km.datasets.toy(rows=rows, seed=seed, **WORLD)
    return [np.stack([table.column(name)[i] for i in range(rows)]) for name in table.columns]


def best(fit: Callable | None, grid: list, x: np.ndarray, y: np.ndarray) -> tuple[Encode, tuple]:
    """Refitted with the configuration of the best mean reciprocal rank in held-out galleries of at most 2000."""
    if fit is None:
        ridges, gammas, norms = grid
        search = cf.SearchSpace(
            ridges=ridges, widen=False, methods=(), dims=(96,), gammas=gammas, norms=norms, ranked=len(x)
        )
        choice = cf.choose(x, y, search, seed=0)
        return choice.transform, choice.best[2:6]
    fold, rank = fold_of_rows(len(x), 6, seed=0), np.zeros(24)
    for f in range(6):
        train, held = (x[fold != f], y[fold != f]), np.flatnonzero(fold == f)[:2000]
        moments = cf.moments_of([train])
        for i, config in enumerate(product(*grid)):
            u, v = fit(*train, moments, *config)(x[held], y[held])
            rank[i] += np.mean(reciprocal_ranks(u @ v.T))
    config = list(product(*grid))[int(rank.argmax())]
    return fit(x, y, cf.moments_of([(x, y)]), *config), config


def recall_at_1(u: np.ndarray, v: np.ndarray) -> float:
    scores = u @ v.T
    right = scores.diagonal()
    return float(np.mean([(scores >= right[:, None]).sum(1) == 1, (scores >= right).sum(0) == 1]))


def main() -> None:
    torch.set_num_threads(1)
    print(machine(), f"torch {torch.__version__}", sep="\n")
    for name, (fit, grid) in METHODS.items():
        for pairs in (100, 1000, 10000) if name in (sys.argv[1:] or METHODS) else ():
            results = []
            for seed in range(1 if name == "InfoNCE" and pairs == 10000 else 3):
                encode, chosen = best(fit, grid, *draw(pairs, seed))
                results.append((recall_at_1(*encode(*draw(1000, 500 + seed))), chosen))
            mean, each = np.mean([r for r, _ in results]), "; ".join(f"{r:.3f} {c}" for r, c in results)
            print(f"{name:10} {pairs:6} pairs: R@1 {mean:.3f}   [{each}]", flush=True)
    print(machine())


if __name__ == "__main__":
    main()
