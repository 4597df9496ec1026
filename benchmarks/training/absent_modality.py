"""Claim: a column that nine rows of ten lack neither stops training nor harms the others.

    python -m benchmarks absent_modality [--data toy emoji] [--seeds 3]

Three columns; asked is R@10 between the first two, where the third is not in the table at all, in every row, or
in a tenth of the rows. Toy: 1,500 rows of three linked columns, weakly correlated. Emoji: English, pictures and
Chinese, frozen features, 300 unseen concepts. Same splits and seeds for all; differences are paired tests on the same
queries, of the tenth against none, over all seeds (rows are drawn and flipped with all their queries).
"""

import argparse
import time

import numpy as np
from common import machine

import kuamo as km
from kuamo.core.modules import single_threaded_torch
from kuamo.core.profiling import Cost
from kuamo.evaluation.leaderboard import Trial, from_trials

STEPS = km.Training(steps=300, batch_size=256, lr=1e-3)
METHODS = {
    "default": None,
    "CCA": km.CCA(),
    "InfoNCE": km.InfoNCE(),
    "SigLIP": km.SigLIP(),
    "DCL": km.DCL(),
    "Triplet": km.Triplet(),
    "CrossReconstruct": km.CrossReconstruct(),
    "MVAE": km.MVAE(subsample=1),
    "MMVAE": km.MMVAE(),
    "MoPoE": km.MoPoE(),
    "MVTCAE": km.MVTCAE(),
    "MMVM": km.MMVM(),
    "MMVAE+": km.MMVAEPlus(),
    "InfoNCE + ModalityDiscriminator": km.InfoNCE() + 0.1 * km.ModalityDiscriminator(),
}


def toy():
    names = ("a", "b", "c")
    return km.datasets.toy(1500, modalities=names, dims=(64, 48, 40), correlations=(0.75,) * 20, seed=3), names


def emoji():
    names = ("text", "image", "text_zh")
    return km.datasets.emoji(columns=names), names


DATA = {"toy": toy, "emoji": emoji}


def thinned(table, name, seed):
    """The table with a column in a tenth of its rows."""
    kept = np.random.default_rng([seed, 7]).random(len(table)) < 0.1
    cells = {
        other: [row[other] if other != name or there else None for row, there in zip(table, kept, strict=True)]
        for other in table.columns
    }
    return km.Table(cells, modalities=table.modalities, id=table.ids, group=table.groups, source=table.source)


def trials(table, names, objective, seeds):
    """What is there → what its queries got, for each seed."""
    first, second, third = names
    groups = dict(zip(table.ids, map(str, table.groups), strict=True))
    for seed in range(seeds):
        train, test = table.split(300, by="group", seed=seed)
        tables = {"none": train.select(first, second), "all": train, "a tenth": thinned(train, third, seed)}
        for what, rows in tables.items():
            training = STEPS if objective is not None and not isinstance(objective, km.CCA) else None
            space = km.fit(rows, objective, training=training, seed=seed)
            report = km.evaluate(space, test.select(first, second), examples=0, seed=seed)
            yield Trial(what, seed, report, Cost(), groups)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", nargs="+", choices=list(DATA), default=list(DATA))
    parser.add_argument("--methods", nargs="+", choices=list(METHODS), default=list(METHODS))
    parser.add_argument("--seeds", type=int, default=3)
    given = parser.parse_args()
    print(machine(), flush=True)
    with single_threaded_torch():
        for data in given.data:
            table, names = DATA[data]()
            for method in given.methods:
                start = time.process_time()
                found = from_trials(data, list(trials(table, names, METHODS[method], given.seeds)), "R@10")
                change = found.difference("a tenth", "none")
                shares = ", ".join(f"{what} {found[f'{what}: R@10']:.3f}" for what in ("none", "a tenth", "all"))
                print(
                    f"{data}, {method}: third column in {shares}; a tenth − none {change.value:+.3f} "
                    f"[{change.low:+.3f}, {change.high:+.3f}], p {change.p:.3f}; R@1 {found['a tenth: R@1']:.3f} for "
                    f"{found['none: R@1']:.3f}; {time.process_time() - start:.0f} CPU s",
                    flush=True,
                )
    print(machine())


if __name__ == "__main__":
    main()
