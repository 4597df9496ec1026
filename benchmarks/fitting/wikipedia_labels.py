"""Claim: with labels, everything chosen on training rows, semantic matching reaches the published supervised figures.

    KUAMO_DATA=… python -m benchmarks wikipedia_labels [--inner]

Wikipedia (2,173 training and 693 test articles, ten categories; histograms of 128 visual words, shares of ten topics).
Mean average precision over the full list, the database is the test set, right is the same category. `--inner` gives the
figures by which methods are compared: three splits of the training rows, a fifth held out. Only without it are test
rows looked at. `fit` chooses kernels, ridges and targets on the rows that it is given.
"""

import argparse
import time

import numpy as np
from common import machine
from wikipedia import PUBLISHED

import kuamo as km
from kuamo.core.modules import single_threaded_torch

METHODS = {
    "SemanticMatching": lambda: (km.SemanticMatching(), None),
    "InfoNCE by label": lambda: (km.InfoNCE(positives="label"), km.Training(steps=300, lr=1e-3)),
    "ACMR": lambda: (km.ACMR(classes=10), km.Training(steps=300, lr=1e-3)),
    "CCA, no labels": lambda: (km.CCA(), None),
}


def score(method, train, test, seed):
    """(image → text, text → image, CPU seconds) and what was chosen."""
    objective, training = METHODS[method]()
    start = time.process_time()
    with single_threaded_torch():
        space = km.fit(train, objective, training=training, seed=seed)
    seconds = time.process_time() - start
    report = km.evaluate(space, test, positives="label", examples=0)
    return [report["image_to_text_mAP"], report["text_to_image_mAP"], seconds], space.notes[-1]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--inner", action="store_true")
    parser.add_argument("--methods", nargs="+", choices=list(METHODS), default=list(METHODS))
    given = parser.parse_args()
    print(machine())
    for name, (forth, back) in PUBLISHED.items():
        print(f"{name}: image→text {forth:.4f}, text→image {back:.4f} (published)")
    whole = km.datasets.wikipedia()
    for method in given.methods:
        found = []
        for seed in range(3):
            parts = (
                whole.split(0.2, by="id", seed=seed) if given.inner else (whole, km.datasets.wikipedia(split="test"))
            )
            values, note = score(method, *parts, seed)
            found.append(values)
        each = "; ".join(f"{a:.3f} / {b:.3f}" for a, b, _ in found)
        a, b, seconds = np.mean(found, axis=0)
        print(
            f"{method}: image→text {a:.3f}, text→image {b:.3f} (seeds: {each}), {seconds:.0f} CPU s\n  {note}",
            flush=True,
        )
    print(machine())


if __name__ == "__main__":
    main()
