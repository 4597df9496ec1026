"""Look before you fit: what a diagnosis expects of a table, beside what a fit then reaches.

    python examples/look_before_you_fit.py [--lang zh] [--page diagnosis.html]

Three columns of numbers: two that share twelve axes, and one that has nothing to do with either. The diagnosis says so
before any training; `fit` sets the third aside, and the two others reach what they would without it.
"""

import argparse

import numpy as np

import kuamo as km


def table(rows: int, seed: int) -> km.Table:
    """Columns "scan" and "report" that are related, and "noise"."""
    both = km.datasets.toy(rows, modalities=("scan", "report"), dims=(128,), correlations=(0.9,) * 12, seed=seed)
    columns = {name: np.stack(list(both.values(name))) for name in both.columns}
    columns["noise"] = np.random.default_rng([seed, 1]).standard_normal((rows, 128)).astype(np.float32)
    return km.Table(columns, modalities=dict.fromkeys(columns, km.Vector()), source="look before you fit")


def main() -> None:
    """Diagnose, fit, evaluate, and hold one against the other."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lang", choices=("en", "zh"), default="en")
    parser.add_argument("--page", help="also write the page here, as .html")
    given = parser.parse_args()
    train, test = table(500, 0), table(200, 1)
    found = km.diagnose(train, gallery=len(test))
    space = km.fit(train, seed=0)
    found = found.against(km.evaluate(space, test))
    print(found.text(given.lang))
    print(*space.notes, sep="\n")
    if given.page:
        found.save(given.page, lang=given.lang)


if __name__ == "__main__":
    main()
