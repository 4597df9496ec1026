"""Claim: what is drawn is spread as it should be: 90 % intervals of draws hold 90 % of the cells.

    python -m benchmarks draws_calibration [--rows 1200 5000 20000] [--steps N] [--methods Flow Gaussian ...]

a = u + .6 e, b = W u + .6 e' in four numbers each: p(b | a) is a Gaussian that is known. Of 19 draws for a row that
was not learned from, the least and the largest hold one more of the same distribution in 18 of 20 cases (quantiles
of few draws hold less: the 5 and 95 % points of 16 hold .79). Printed: that share; the standard deviation of the
draws over the true one; and the error of their mean in true ones, which says how much of a wrong share is the mean's
fault: codes of unit length leave out a part of what a says.
"""

import argparse
import time

import numpy as np
from common import machine

import kuamo as km

DRAWS, NEW = 19, 500


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
        return [np.asarray(space.translate(test.select("a"), to="b", seed=k, **unguided(recipe))) for k in range(DRAWS)]

    return draw


def unguided(recipe):
    return {"guidance": 1.0} if isinstance(recipe, km.Flow) else {}


def bound(objective, steps):
    def draw(train, test):
        space = km.fit(train, objective, dim=4, training=km.Training(steps=steps or 2000, batch_size=128, lr=2e-3))
        found = []
        for k in range(DRAWS):
            found.append(np.asarray(space.translate(test.select("a"), to="b", sample_posterior=True, seed=k)))
        return found

    return draw


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, nargs="+", default=[1200, 5000, 20000])
    parser.add_argument("--steps", type=int)
    parser.add_argument("--methods", nargs="+", default=["Flow"])
    given = parser.parse_args()
    print(machine())
    steps = given.steps
    methods = {
        "Flow": decoded(km.Flow(), steps),
        "Flow(96, 2)": decoded(km.Flow(width=96, layers=2), steps),
        "Gaussian": decoded(km.Gaussian(), steps),
        "GAN": decoded(km.GAN(), steps),
        "MoPoE": bound(km.MoPoE(), steps),
    }
    for rows in given.rows:
        a, b, w, sd = world(rows + NEW)
        train, test = table(a[:rows], b[:rows]), table(a[rows:], b[rows:])
        for name in given.methods:
            start = time.process_time()
            y = np.stack(methods[name](train, test), 1)
            held = ((b[rows:, None] > y).any(1) & (b[rows:, None] < y).any(1)).mean()
            spread = np.sqrt((y.var(1, ddof=1) / sd**2).mean())
            off = np.sqrt((np.square(y.mean(1) - a[rows:] @ w) / sd**2).mean() - spread**2 / DRAWS)
            print(
                f"{rows:6d} rows {name:12s} 90 % holds {held:.3f}, sd {spread:.3f} of the true one, "
                f"mean off by {off:.3f} sd, "
                f"{time.process_time() - start:.0f} CPU s",
                flush=True,
            )
    print(machine())


if __name__ == "__main__":
    main()
