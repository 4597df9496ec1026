"""Is a fit of columns that share a space at no number of pairs worse than what is known, or than what is learned?

    OPENBLAS_NUM_THREADS=1 python -m benchmarks known_alignment [--draws 5] [--pairs 0 20 50 ...] [--worlds NAME ...]

Simulated towers: z of a falling spectrum, in all axes or in some; x = z + e and y = (z + e') G + gap, in some worlds of
unit norm. G: a random distortion, other units for each axis, a rotation of some axes or of all. 1000-way R@1 on fresh
rows of the same world, mean of both directions and of the draws:

    gallery     cosine, centred by the gallery itself, which no map can know
    centred     cosine, centred by the rows of the fit
    learned     km.fit(table, shared=())        the fit as it is for columns that share nothing
    shared      km.fit(table, shared=[("a", "b")])
    unpaired    shared, with 1,000 further rows of each column that are not paired
"""

import argparse
from collections.abc import Callable

import numpy as np
from common import machine

import kuamo as km

Draw = Callable[[int], tuple[np.ndarray, np.ndarray]]
GALLERY, UNPAIRED = 1000, 1000


def orthogonal(rng: np.random.Generator, size: int) -> np.ndarray:
    return np.linalg.qr(rng.normal(size=(size, size)))[0]


def spectrum(size: int, power: float) -> np.ndarray:
    scale = np.arange(1, size + 1) ** (-power / 2)
    return scale / np.sqrt((scale**2).mean())


def towers(
    dim: int,
    power: float,
    noise: float,
    *,
    noise_power: float = 0.0,
    signal: int | None = None,
    gap: float = 1.0,
    distortion: float = 0.0,
    units: float = 0.0,
    rotated: int = 0,
    unit_norm: bool = False,
    heavy: bool = False,
) -> Callable[[int], Draw]:
    """World by seed → rows by their number."""

    def world(seed: int) -> Draw:
        rng = np.random.default_rng(seed)
        basis, own = orthogonal(rng, dim), spectrum(dim, power)
        if signal is not None:
            own = np.where(np.arange(dim) < signal, own, 0)
            own = own / np.sqrt((own**2).mean())
        error = noise * spectrum(dim, noise_power)[rng.permutation(dim) if noise_power else slice(None)]
        change = np.eye(dim) + distortion * rng.normal(size=(dim, dim)) / np.sqrt(dim)
        change = np.exp(units * rng.normal(size=dim))[:, None] * change
        change[:rotated] = orthogonal(rng, rotated) @ change[:rotated] if rotated else change[:rotated]
        shift = gap * rng.normal(size=dim)

        def draw(rows: int) -> tuple[np.ndarray, np.ndarray]:
            z = rng.normal(size=(rows, dim)) * own
            z = z * np.sqrt(3 / rng.chisquare(5, size=(rows, 1))) if heavy else z
            x, y = (z + error * rng.normal(size=(rows, dim)) for _ in range(2))
            x, y = x @ basis, y @ basis @ change + shift
            if unit_norm:
                x, y = (view / np.linalg.norm(view, axis=1, keepdims=True) for view in (x, y))
            return x.astype(np.float32), y.astype(np.float32)

        return draw

    return world


WORLDS = {
    "isotropic, 64-D": towers(64, 1.0, 1.05),
    "anisotropic noise, 64-D": towers(64, 0.5, 1.7, noise_power=1.2),
    "distorted, 128-D": towers(128, 0.8, 1.3, distortion=0.8),
    "other units, 128-D": towers(128, 0.8, 1.0, units=0.8, gap=2.0),
    "32 of 256 axes": towers(256, 0.3, 1.6, signal=32),
    "64 of 256, distorted, unit norm": towers(256, 1.0, 1.2, signal=64, distortion=0.8, gap=3.0, unit_norm=True),
    "anisotropic, 512-D, unit norm": towers(512, 1.0, 2.2, noise_power=0.6, gap=3.0, unit_norm=True),
    "half rotated, 128-D": towers(128, 0.5, 1.2, rotated=64),
    "heavy tails, 96-D": towers(96, 1.2, 0.9, noise_power=0.5, distortion=0.4, heavy=True),  # no choice saw this one
    "rotated, 64-D": towers(64, 0.5, 0.9, rotated=64),
}
PAIRS = (0, 20, 50, 100, 300, 1000, 10_000)


def unit(x: np.ndarray) -> np.ndarray:
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def recall_at_1(u: np.ndarray, v: np.ndarray) -> float:
    scores = u @ v.T
    right = scores.diagonal()
    return float(np.mean([(scores >= right[:, None]).sum(1) == 1, (scores >= right).sum(0) == 1]))


def table_of(x: np.ndarray, y: np.ndarray, extra: tuple[np.ndarray, np.ndarray] | None = None) -> km.Table:
    """Paired rows, then rows of one column alone."""
    a, b = list(x), list(y)
    if extra is not None:
        a, b = [*a, *extra[0], *[None] * len(extra[1])], [*b, *[None] * len(extra[0]), *extra[1]]
    return km.Table({"a": a, "b": b}, modalities={"a": km.Vector(), "b": km.Vector()})


def scored(space: km.Space, x: np.ndarray, y: np.ndarray) -> float:
    codes = [np.asarray(space.encode(list(view), modality=name)) for name, view in (("a", x), ("b", y))]
    return recall_at_1(*codes)


def measure(draw: Draw, pairs: int, unpaired: bool) -> list[float]:
    (x, y), test = draw(pairs), draw(GALLERY)
    extra = (draw(UNPAIRED)[0], draw(UNPAIRED)[1])
    fitted = (x, y) if pairs else extra
    found = [recall_at_1(*(unit(view - view.mean(0)) for view in test))]
    found.append(recall_at_1(*(unit(view - own.mean(0)) for view, own in zip(test, fitted, strict=True))))
    found.append(scored(km.fit(table_of(x, y), shared=()), *test) if pairs else np.nan)
    shared = [("a", "b")]
    found.append(scored(km.fit(table_of(x, y), shared=shared), *test) if pairs else np.nan)
    wanted = unpaired or not pairs
    found.append(scored(km.fit(table_of(x, y, extra), shared=shared), *test) if wanted else np.nan)
    return found


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--draws", type=int, default=5)
    parser.add_argument("--pairs", type=int, nargs="*", default=list(PAIRS))
    parser.add_argument("--worlds", nargs="*", default=list(WORLDS))
    parser.add_argument("--unpaired", action="store_true")
    given = parser.parse_args()
    print(machine())
    print(
        f"{'':32}{'pairs':>7}"
        + "".join(f"{name:>9}" for name in ("gallery", "centred", "learned", "shared", "unpaired"))
    )
    for pairs in given.pairs:
        for name in given.worlds:
            each = [measure(WORLDS[name](200 + seed), pairs, given.unpaired) for seed in range(given.draws)]
            print(f"{name:32}{pairs:>7,}" + "".join(f"{one:>9.3f}" for one in np.mean(each, axis=0)), flush=True)
    print(machine())


if __name__ == "__main__":
    main()
