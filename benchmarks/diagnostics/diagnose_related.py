"""Claim: `dependence_test` calls unrelated columns related in at most 7 % of tables, and finds related ones.

    OPENBLAS_NUM_THREADS=1 python -m benchmarks diagnose_related [PART …] [--tables 500]

Every kind: tables of 300 rows, each with directions of its own, p ≤ .05 is "related". Parts:

unrelated   `toy()` with all correlations 0 (256 and 192 numbers); the same from 60 different rows, each five times with
            noise of a twentieth of their size; groups given, and not.
linear      two vectors with 24 shared axes, ρ = .2 on each: what is shared has a quarter of the variance of what is
            not; beside as many private directions of the same size. And `toy()` as it is, with ρ = .2 before its noise.
nonlinear   y's 4 shared axes are f(z)/√2 + e/√2: as much noise as signal; x's are z. Beside 4 private directions each,
            noise .3, 16 numbers. f: square, abs, signs of products (xor), sin 2z, step, class (8, each with its place).
noisy       the same, but x too is half noise; also with 2 shared axes in 8 numbers.
more        `toy()` with its noise counted; other copies; heavy-tailed rows, few numbers; permuting rows instead of
            groups; few axes, falling scales.

Seeds are 10,000 and on; kernels and thresholds were chosen on seeds below 4,000.
"""

import argparse
import time
from collections.abc import Callable

import numpy as np
from common import machine

from kuamo.data.datasets import toy
from kuamo.metrics.dependence.permutation_test import DependenceTest, dependence_test

ROWS = 300
Pair = tuple[np.ndarray, np.ndarray]
Draw = Callable[[int], tuple[np.ndarray, np.ndarray, np.ndarray | None]]


def toy_pair(
    seed: int, rho: float, rows: int = ROWS, axes: int = 24, dims: tuple[int, int] = (256, 192), **more
) -> Pair:
    table = toy(rows, correlations=(rho,) * axes, dims=dims, seed=seed, geometry_seed=seed, **more)
    return tuple(np.asarray(list(table.columns[name]), dtype=np.float64) for name in ("a", "b"))


def copied(seed: int, sizes: np.ndarray, noise: float, **more) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows of independent columns, each repeated; noise is in units of the column's standard deviation."""
    rng = np.random.default_rng([seed, 11])
    group = np.repeat(np.arange(len(sizes)), sizes)
    pair = (one[group] for one in toy_pair(seed, 0.0, rows=len(sizes), **more))
    x, y = (one + noise * one.std() * rng.standard_normal(one.shape) for one in pair)
    order = rng.permutation(len(group))
    return x[order], y[order], group[order]


def latents_copied(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """`toy()` without noise, each row five times, and then toy's noise of .3 drawn anew for each."""
    rng = np.random.default_rng([seed, 12])
    group = np.repeat(np.arange(60), 5)
    x, y = (one[group] for one in toy_pair(seed, 0.0, rows=60, noise=0.0))
    return x + 0.3 * rng.standard_normal(x.shape), y + 0.3 * rng.standard_normal(y.shape), group


def function(kind: str, z: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """f(z), each axis with mean 0 and variance 1."""
    if kind == "class":
        of = (z @ rng.standard_normal((z.shape[1], 8))).argmax(1)
        v = rng.standard_normal((8, z.shape[1]))[of]
    else:
        v = {
            "square": lambda: z**2,
            "abs": lambda: np.abs(z),
            "sin": lambda: np.sin(2 * z),
            "xor": lambda: np.sign(z * np.roll(z, 1, axis=1)),
            "step": lambda: (z > 0.5).astype(float),
        }[kind]()
    return (v - v.mean(0)) / v.std(0)


def nonlinear(seed: int, kind: str, axes: int, dims: int, noisy_x: bool) -> tuple[np.ndarray, np.ndarray, None]:
    rng = np.random.default_rng([seed, 13])
    z = rng.standard_normal((ROWS, axes))
    half = np.sqrt(0.5)

    def shown(u: np.ndarray) -> np.ndarray:
        turn = np.linalg.qr(rng.standard_normal((dims, dims)))[0][:, : 2 * axes]
        return np.hstack([u, rng.standard_normal(u.shape)]) @ turn.T + 0.3 * rng.standard_normal((ROWS, dims))

    x = half * (z + rng.standard_normal(z.shape)) if noisy_x else z
    y = half * (function(kind, z, rng) + rng.standard_normal(z.shape))
    return shown(x), shown(y), None


def few(seed: int, heavy: bool) -> tuple[np.ndarray, np.ndarray, None]:
    rng = np.random.default_rng([seed, 14])
    x, y = rng.standard_normal((ROWS, 3)), rng.standard_normal((ROWS, 5))
    if heavy:
        x, y = rng.standard_t(1.5, (ROWS, 8)), rng.standard_t(1.5, (ROWS, 40))
    return x, y, None


def sizes_of(seed: int) -> np.ndarray:
    sizes = np.random.default_rng([seed, 15]).integers(1, 16, 60)
    return sizes[np.cumsum(sizes) <= ROWS]


def without(groups: Draw) -> Draw:
    return lambda seed: (*groups(seed)[:2], None)


def ungrouped(pair: Callable[[int], Pair]) -> Draw:
    return lambda seed: (*pair(seed), None)


FIVE = np.full(60, 5)
UNEVEN: Draw = lambda seed: copied(seed, sizes_of(seed), 0.05)  # noqa: E731
EVEN: Draw = lambda seed: copied(seed, FIVE, 0.05)  # noqa: E731

NONLINEAR = ("square", "abs", "xor", "sin", "step", "class")

PARTS: dict[str, dict[str, Draw]] = {
    "unrelated": {
        "toy(), ρ = 0": ungrouped(lambda s: toy_pair(s, 0.0)),
        "60 × 5 copies, groups given": EVEN,
        "60 × 5 copies, groups not given": without(EVEN),
    },
    "linear": {
        "24 shared + 24 private axes": ungrouped(lambda s: toy_pair(s, 0.2, dims=(48, 48), noise=0.0)),
        "toy(), ρ = .2 before its noise": ungrouped(lambda s: toy_pair(s, 0.2)),
    },
    "nonlinear": {kind: (lambda s, kind=kind: nonlinear(s, kind, 4, 16, False)) for kind in NONLINEAR},
    "more": {
        "24 shared axes alone": ungrouped(lambda s: toy_pair(s, 0.2, dims=(48, 48), nuisance=0.0, noise=0.05)),
        "toy(), ρ = .2 with its noise": ungrouped(lambda s: toy_pair(s, 0.2 * 1.09)),
        "groups of 1 to 15 copies, given": UNEVEN,
        "groups of 1 to 15 copies, not given": without(UNEVEN),
        "3 and 5 numbers, unrelated": lambda s: few(s, False),
        "8 and 40 numbers, t with 1.5 degrees, unrelated": lambda s: few(s, True),
        "60 × 5 exact copies, not given": without(lambda s: copied(s, FIVE, 0.0)),
        "60 × 5 copies of 8 numbers, not given": without(lambda s: copied(s, FIVE, 0.05, axes=4, dims=(8, 8))),
        "150 × 2 copies, noise .3, not given": without(lambda s: copied(s, np.full(150, 2), 0.3)),
        "60 × 5 latents, noise of toy() anew, not given": without(latents_copied),
        "(rows permuted: 60 × 5 copies)": lambda s: (*EVEN(s)[:2], np.arange(ROWS)),
        "4 shared axes alone": ungrouped(lambda s: toy_pair(s, 0.2, axes=4, dims=(8, 8), nuisance=0.0, noise=0.05)),
        "4 shared + 4 private axes": ungrouped(lambda s: toy_pair(s, 0.2, axes=4, dims=(8, 8), noise=0.0)),
        "toy(decay=.5), ρ = .2 before its noise": ungrouped(lambda s: toy_pair(s, 0.2, decay=0.5)),
    },
    "noisy": {
        f"{kind}, {axes} axes in {dims}": (
            lambda s, kind=kind, axes=axes, dims=dims: nonlinear(s, kind, axes, dims, True)
        )
        for axes, dims in ((2, 8), (4, 16))
        for kind in NONLINEAR
    },
}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("parts", nargs="*", help=f"of {list(PARTS)}; all if none")
    parser.add_argument("--tables", type=int, default=500)
    parser.add_argument("--draws", type=int, default=200, help="other pairings: p")
    parser.add_argument("--kinds", nargs="*", help="of the part; all if none")
    parser.add_argument("--first", type=int, default=10_000)
    given = parser.parse_args()
    print(machine(), flush=True)
    tables = range(given.first, given.first + given.tables)
    for part in given.parts or PARTS:
        for name, draw in PARTS[part].items():
            if given.kinds and name not in given.kinds:
                continue
            start = time.process_time()
            found: list[DependenceTest] = [dependence_test(*draw(s), draws=given.draws, seed=s) for s in tables]
            cpu = (time.process_time() - start) / given.tables
            share = {key: np.mean([getattr(one, key) <= 0.05 for one in found]) for key in ("p", "linear", "nonlinear")}
            units = np.mean([one.units for one in found])
            each = ", ".join(f"{key} {value:.3f}" for key, value in share.items())
            print(f"{part}: {name}: {each}; units {units:.0f}; {cpu:.2f} CPU s a table", flush=True)


if __name__ == "__main__":
    main()
