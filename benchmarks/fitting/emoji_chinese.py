"""Chinese ↔ picture on emoji, and all four columns: what `fit` returns by default, beside its closed form alone.

    OPENBLAS_NUM_THREADS=1 python -m benchmarks emoji_chinese

split(test=300, by="group", seed=s), fit(train, seed=0), gallery 300, as in `emoji_retrieval.py`. The paired test is
that of `Report.compare`: the same queries in both.
"""

import numpy as np
from common import machine

import kuamo as km

SETS = {"text_zh, image": ("text_zh", "image"), "all four": ("text", "text_zh", "image", "audio")}


def reports(columns: tuple[str, ...], seed: int) -> tuple[km.Report, km.Report]:
    """Of the default, and of the closed form alone."""
    train, test = km.datasets.emoji(columns=columns).split(test=300, by="group", seed=seed)
    return tuple(km.evaluate(km.fit(train, how, seed=0), test, cutoffs=(1, 10)) for how in (None, km.CCA()))


def main() -> None:
    print(machine())
    for name, columns in SETS.items():
        found = [reports(columns, seed) for seed in range(3)]
        print(f"\n{name}: mean of split seeds 0-2, default (closed form alone)")
        for measure in (m for m in found[0][0] if m.endswith(("R@1", "R@10"))):
            default, closed = (np.mean([pair[i][measure] for pair in found]) for i in (0, 1))
            each = " ".join(f"{pair[0][measure]:.3f}" for pair in found)
            print(f"  {measure:24} {default:.3f} ({closed:.3f})   each split {each}")
        for seed, (default, closed) in enumerate(found):
            print(f"  split {seed}:\n{default.compare(closed, metrics=('MRR',))}")
    print(machine())


if __name__ == "__main__":
    main()
