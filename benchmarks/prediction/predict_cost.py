"""Claim: predicting costs what a user expects, beside scikit-learn in the same run.

    OPENBLAS_NUM_THREADS=1 python -m benchmarks predict_cost

Text and picture: 500 emoji, their category, `km.fit(table, km.Predict("category"))` with an empty cache, judged by 400
others. Vectors: 2,400 rows of 12 classes beside `LogisticRegressionCV`. Many classes: three rows each, of which two are
learned and one is judged, beside the nearest neighbour.
"""

import os
import tempfile
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from common import machine


def timed(run: Callable[[], Any]) -> tuple[float, Any]:
    start = time.process_time()
    out = run()
    return time.process_time() - start, out


def text_and_picture() -> None:
    import kuamo as km

    table = km.datasets.emoji()
    order = np.random.default_rng(0).permutation(len(table))
    train, test = (table.take(np.sort(order[part])).select("text", "image") for part in (slice(500), slice(500, 900)))
    cpu, space = timed(lambda: km.fit(train, km.Predict("category"), seed=0))
    told, known = space.predict(test, "category"), np.array([str(value) for value in test.meta["category"]])
    place = [list(told.classes).index(one) for one in known]
    loss = -np.log(np.maximum(np.asarray(told.probability)[np.arange(len(known)), place], 1e-12)).mean()
    right = np.mean(np.array(told.values) == known)
    print(f"text and picture, 500 rows: {cpu:.1f} CPU s, accuracy {right:.3f}, log loss {loss:.3f}", flush=True)


def vectors(size: int) -> None:
    from sklearn.linear_model import LogisticRegressionCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    import kuamo as km

    rng = np.random.default_rng(0)
    centre, y = rng.normal(size=(12, size)) * 3.2 / np.sqrt(size), rng.integers(12, size=3200)
    x = centre[y] + 0.6 * rng.normal(size=(3200, size))
    peer, model = make_pipeline(StandardScaler(), LogisticRegressionCV()), km.Classifier()
    theirs, ours = (timed(lambda one=one: one.fit(x[:2400], y[:2400]))[0] for one in (peer, model))
    print(
        f"2,400 vectors of {size}: LogisticRegressionCV {theirs:.2f} CPU s, accuracy "
        f"{peer.score(x[2400:], y[2400:]):.3f}; Classifier {ours:.2f} ({ours / theirs:.2f}), "
        f"{model.score(x[2400:], y[2400:]):.3f}",
        flush=True,
    )


def many_classes(classes: int, size: int, noise: float, uneven: bool) -> None:
    from sklearn.neighbors import KNeighborsClassifier

    import kuamo as km

    rng = np.random.default_rng(0)
    spread = noise * (np.exp(rng.normal(size=size)) if uneven else np.ones(size))
    x = rng.normal(size=(classes, 1, size)) + spread * rng.normal(size=(classes, 3, size))
    train, test, y = x[:, :2].reshape(-1, size), x[:, 2], np.repeat(np.arange(classes), 2)
    cpu, model = timed(lambda: km.Classifier().fit(train, y))
    nearest = KNeighborsClassifier(1).fit(train, y).score(test, np.arange(classes))
    told = model.predict_proba(test).max(1).mean()
    print(
        f"{classes} classes × 2 rows of {size}, noise {noise}{', uneven' if uneven else ''}: {cpu:.1f} CPU s, accuracy "
        f"{model.score(test, np.arange(classes)):.3f}, confidence {told:.3f}; nearest neighbour {nearest:.3f}",
        flush=True,
    )


def main() -> None:
    print(machine())
    with tempfile.TemporaryDirectory() as cache:
        os.environ["KUAMO_CACHE"] = cache
        text_and_picture()
        for size in (64, 384):
            vectors(size)
        for given in ((2000, 64, 0.8, False), (2000, 64, 0.6, True), (2000, 64, 1.2, False), (300, 16, 0.5, False)):
            many_classes(*given)
    print(machine())


if __name__ == "__main__":
    main()
