"""Claim: every family trains encoders from raw cells, not only heads on features.

    KUAMO_DATA=… python -m benchmarks raw_families [--data shapes digits] [--steps 600] [--families …] [--seeds 3]

Shapes: 3,000 training rows of a caption (words) and a picture (pixels) with four attributes; asked: R@1 among 500 new
pictures and their captions, right if it shows the same caption; and among the rows of captions never seen, a quarter
of all 192, for which a decoder of whole captions has no word. Digits: pictures of MNIST, recordings of takes 10-49 and
words; asked: mAP by digit between pictures and recordings of takes 0-4, MNIST test pictures. All columns are raw: a
convolutional picture net, word embeddings, a log-mel convolutional net. One setting for all families, chosen for none;
means over seeds of both directions. Reconstruction alone is the negative control: it has no cross-modal term.
Transport has half of the rows unpaired, and so has its control, contrast of the pairs alone.
"""

import argparse
import time

import numpy as np
from common import machine

import kuamo as km
from kuamo.core.modules import single_threaded_torch
from kuamo.data.datasets.digits import WORDS
from kuamo.encoders import AudioCNN, ImageCNN, TokenMean
from kuamo.encoders.token_mean import train_tokenizer

CLASSES = 192  # at most: captions of shapes
FAMILIES = {
    "autoencoder alone (control)": lambda: km.Reconstruct(),
    "cross-modal autoencoder": lambda: km.CrossReconstruct(),
    "autoencoder + contrast": lambda: km.InfoNCE() + 0.1 * km.Reconstruct(),
    "VAE, MVAE": lambda: km.MVAE(subsample=1),
    "VAE, MMVAE": lambda: km.MMVAE(),
    "VAE, MoPoE": lambda: km.MoPoE(),
    "VAE, MVTCAE": lambda: km.MVTCAE(beta=2.5),
    "VAE, MMVM": lambda: km.MMVM(beta=2.5),
    "VAE, MMVAE+": lambda: km.MMVAEPlus(beta=2.5, private=8),
    "contrast, InfoNCE": lambda: km.InfoNCE(),
    "contrast, SigLIP": lambda: km.SigLIP(),
    "contrast, triplet, hardest": lambda: km.Triplet(semi_hard=False),
    "contrast, triplet, semi-hard": lambda: km.Triplet(),
    "contrast by label": lambda: km.InfoNCE(positives="label"),
    "adversarial, with pairs": lambda: km.InfoNCE() + 0.1 * km.ModalityDiscriminator(),
    "adversarial, ACMR by label": lambda: km.ACMR(classes=CLASSES),
    "adversarial alone": lambda: km.Reconstruct() + km.ModalityDiscriminator(),
    "half the pairs: contrast": lambda: km.InfoNCE(),
    "half the pairs: transport": lambda: km.InfoNCE() + 0.3 * km.Sinkhorn(eps=0.1),
}


def shapes(seed):
    """Training rows, tests by name, fresh encoders, and the two columns that are asked for."""
    table = km.datasets.shapes(4700, held_out=0.25, seed=seed)
    unseen = np.array(table.meta["split"]) == "held-out"
    seen = np.flatnonzero(~unseen)
    tests = {"shapes": table.take(seen[3000:3500]), "shapes, unseen captions": table.take(np.flatnonzero(unseen)[:500])}
    tokens = train_tokenizer(sorted(set(table.labels)))
    encoders = {"text": TokenMean(tokens, dim=64), "image": ImageCNN(size=32, dim=128, in_place=True)}
    return table.take(seen[:3000]), tests, encoders, ("text", "image")


def digits(seed):
    """The same of digits."""
    whole = km.datasets.digits(rows=6000, seed=seed)
    train = whole.take([i for i, take in enumerate(whole.meta["take"]) if int(take) >= 10])
    test = km.datasets.digits(rows=4000, split="test", seed=seed)
    test = test.take([i for i, take in enumerate(test.meta["take"]) if int(take) < 5])
    encoders = {
        "text": TokenMean(train_tokenizer(WORDS), dim=64),
        "image": ImageCNN(size=28, dim=64, width=16, in_place=True),
        "audio": AudioCNN(dim=64, width=16, rate=8000, mels=40, n_fft=256, hop=80, trim=40.0, frames=48),
    }
    return train, {"digits": test}, encoders, ("image", "audio")


DATA = {"shapes": (shapes, "R@1"), "digits": (digits, "mAP")}


def half_paired(table, seed):
    """Every other row keeps one of its columns only, in turn."""
    rng, names = np.random.default_rng(seed), list(table.columns)
    alone = {i: names[k % len(names)] for k, i in enumerate(rng.permutation(len(table))[: len(table) // 2])}
    cells = {
        name: [table[i][name] if alone.get(i, name) == name else None for i in range(len(table))] for name in names
    }
    return km.Table(cells, modalities=table.modalities, label=table.labels, group=table.groups, source=table.source)


def score(data, family, steps, seed):
    """Test → (mean of both directions, chance), and the CPU seconds of the fit."""
    make, metric = DATA[data]
    train, tests, encoders, (a, b) = make(seed)
    train = half_paired(train, seed) if family.startswith("half") else train
    training = km.Training(steps=steps, batch_size=128, lr=2e-3)
    start = time.process_time()
    space = km.fit(train, FAMILIES[family](), encoders=encoders, dim=32, training=training, seed=seed)
    seconds, found = time.process_time() - start, {}
    for name, test in tests.items():
        report = km.evaluate(space, test.select(a, b), positives="label", examples=0)
        label = np.array(test.labels)
        chance = float(np.mean([(label == one).mean() for one in label]))
        found[name] = (np.mean([report[f"{a}_to_{b}_{metric}"], report[f"{b}_to_{a}_{metric}"]]), chance)
    return found, seconds


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", nargs="+", choices=list(DATA), default=list(DATA))
    parser.add_argument("--families", nargs="+", choices=list(FAMILIES), default=list(FAMILIES))
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--seeds", type=int, default=3)
    given = parser.parse_args()
    print(machine(), flush=True)
    with single_threaded_torch():
        for data in given.data:
            for family in given.families:
                runs = [score(data, family, given.steps, seed) for seed in range(given.seeds)]
                seconds = np.mean([seconds for _, seconds in runs])
                for test in runs[0][0]:
                    mean, chance = np.mean([found[test] for found, _ in runs], axis=0)
                    each = " ".join(f"{found[test][0]:.3f}" for found, _ in runs)
                    print(
                        f"{test} {DATA[data][1]}, {family}: {mean:.3f} ({each}), chance {chance:.3f}, {seconds:.0f} s"
                    )
    print(machine())


if __name__ == "__main__":
    main()
