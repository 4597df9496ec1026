"""Claim: what is drawn is spread as it should be: 90 % intervals of draws hold 90 % of the cells.

    python -m benchmarks draws_calibration [--rows 1200 ...] [--seeds 0 ...] [--steps N] [--methods Flow GAN ...]

a = u + .6 e, b = W u + .6 e' in four numbers each: p(b | a) is a Gaussian that is known. Of 19 draws for a row that
was not learned from, the least and the largest hold one more of the same distribution in 18 of 20 cases (quantiles
of few draws hold less: the 5 and 95 % points of 16 hold .79). Printed: that share; the standard deviation of the
draws over the true one; the error e of their mean in true ones, since codes of unit length leave out a part of what a
says; and the standard deviation over √(1 + e²), which is what they must have then.
"""

import argparse
import time
from itertools import product

import numpy as np
from common import machine

import kuamo as km

DRAWS, NEW = 19, 500
BOUNDS = {
    "MVAE": km.MVAE(subsample=1), "MMVAE": km.MMVAE(), "MoPoE": km.MoPoE(), "MMVAEPlus": km.MMVAEPlus(private=2),
    "MVTCAE": km.MVTCAE(), "MMVM": km.MMVM(),
}  # fmt: skip


def world(rows: int, seed: int = 0):
    """a, b (n, 4), and of p(b | a) the map (4, 4) and the standard deviations (4,)."""
    rng = np.random.default_rng(seed)
    w = rng.normal(size=(4, 4))
    u = rng.normal(size=(rows, 4))
    a, b = u + 0.6 * rng.normal(size=(rows, 4)), u @ w + 0.6 * rng.normal(size=(rows, 4))
    shrink = 1 / (1 + 0.36)
    cov = w.T @ w * (1 - shrink) + 0.36 * np.eye(4)
    return a.astype(np.float32), b.astype(np.float32), shrink * w, np.sqrt(np.diag(cov))


def table(a, b):
    return km.Table({"a": list(a), "b": list(b)}, modalities={"a": km.Vector(), "b": km.Vector()})


def decoded(recipe, steps):
    def draw(train, test):
        space = km.fit(train, km.CCA(dim=4, kernels=("linear",)))
        training = None if steps is None else km.Training(steps=steps, batch_size=128, lr=2e-3)
        space = km.fit(train, init=space, decoders={"b": recipe}, training=training)
        return draws_of(space, test, **({"guidance": 1.0} if isinstance(recipe, km.Flow) else {}))

    return draw


def bound(objective, steps):
    def draw(train, test):
        space = km.fit(train, objective, dim=4, training=km.Training(steps=steps or 2000, batch_size=128, lr=2e-3))
        return draws_of(space, test)

    return draw


def draws_of(space, test, **options):
    """b as it is drawn, and without the noise that draws lack: (n, DRAWS, 4) each."""
    port = space.port("b")
    residual, found = port.residual, []
    for port.residual in (residual, None):
        found.append(space.translate(test.select("a"), to="b", samples=DRAWS, sample_posterior=True, seed=1, **options))
    return [np.asarray(one) for one in found]


def described(y, b, mean, sd):
    held = ((b[:, None] > y).any(1) & (b[:, None] < y).any(1)).mean()
    spread = np.sqrt((y.var(1, ddof=1) / sd**2).mean())
    off = np.sqrt((np.square(y.mean(1) - mean) / sd**2).mean() - spread**2 / DRAWS)
    ratio = spread / np.hypot(1, off)
    return f"90 % holds {held:.3f}, sd {spread:.3f} of the true one, mean off by {off:.3f} sd, so {ratio:.3f} of right"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, nargs="+", default=[1200, 5000, 20000])
    parser.add_argument("--steps", type=int)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--methods", nargs="+", default=["Flow"])
    given = parser.parse_args()
    print(machine())
    steps = given.steps
    methods = {
        "Flow": decoded(km.Flow(), steps),
        "Flow(96, 2)": decoded(km.Flow(width=96, layers=2), steps),
        "Gaussian": decoded(km.Gaussian(), steps),
        "GAN": decoded(km.GAN(), steps),
        **{name: bound(one, steps) for name, one in BOUNDS.items()},
    }
    for rows, seed in product(given.rows, given.seeds):
        a, b, w, sd = world(rows + NEW, seed)
        train, test = table(a[:rows], b[:rows]), table(a[rows:], b[rows:])
        for name in given.methods:
            start = time.process_time()
            found = [described(y, b[rows:], a[rows:] @ w, sd) for y in methods[name](train, test)]
            print(f"{rows:6d} rows, seed {seed} {name:12s} {found[0]}; without residual noise {found[1]};", end="")
            print(f" {time.process_time() - start:.0f} CPU s", flush=True)
    print(machine())


if __name__ == "__main__":
    main()
