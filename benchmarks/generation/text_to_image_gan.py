"""Claim: the minimax game with SGD, as it was first written, makes clear pictures; which of its helps matter.

    python -m benchmarks text_to_image_gan [--text words codes] [--methods minimax ...] [--steps N] [--seeds 0 ...]

World, split and judge of `shapes_translate`. Captions: "words" are a space fitted by CCA with a linear kernel on counts
of words, "codes" the default space (MiniLM, EfficientNet-Lite0). Each method has 2,200 steps of 32, or as many as fit
its CPU seconds; from each caption eight pictures. Diversity: pixel deviation within a caption, over that of real ones.
Methods whose name begins with "no" or "with" are minimax with one change.
"""

import argparse
import time
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from common import machine
from shapes_translate import NAMES, Judge, captions, save_grid

import kuamo as km

CONV = {"network": "conv"}


@dataclass(frozen=True)
class Changed(km.GAN):
    """Minimax with other arguments of its objective."""

    change: dict = field(default_factory=dict)

    def objective(self, column):
        return replace(super().objective(column), **self.change)


def changed(**change):
    return Changed(game="minimax", network="conv", change=change)


STEPS = {"steps": 2200, "batch_size": 32}
METHODS = {
    "minimax": (km.GAN(game="minimax", optimizer="sgd", **CONV), STEPS),
    "nonsaturating": (km.GAN(game="nonsaturating", optimizer="sgd", **CONV), STEPS),
    "adam": (km.GAN(game="minimax", optimizer="adam", **CONV), STEPS),
    "r3": (km.GAN(game="r3", **CONV), STEPS),
    "r3, perceptron": (km.GAN(), {"steps": 3500, "batch_size": 128}),
    "flow": (km.Flow(), {"steps": 3000, "batch_size": 256}),
    "no mode seeking": (changed(mode_seeking=0.0), STEPS),
    "no R1": (changed(penalty=0.0), STEPS),
    "no moving average": (changed(ema=0.0), STEPS),
    "no mismatched captions": (changed(mismatched=False), STEPS),
    "no hard negatives": (changed(hard=False), STEPS),
    "no instance noise": (changed(instance_noise=0.0), STEPS),
    "no momentum": (changed(momentum=0.0), STEPS),
    "with own codes": (changed(self_conditioning=0.1), STEPS),
}


def space_of(train, text, seed):
    if text == "codes":
        return km.fit(train, seed=seed)
    words = km.encoders.BagOfWords.of(train.values("text"))
    return km.fit(train, km.CCA(dim=16, kernels=("linear",)), encoders={"text": words}, seed=seed)


def diversity(draws, labels, real):
    """Pixel deviation of each caption's pictures (rows of draws) over that of real ones."""
    spread = {}
    for text in set(labels):
        pictures = np.stack([picture for picture, label in zip(*real, strict=True) if label == text]) / 255
        spread[text] = np.sqrt(pictures.var(0, ddof=1).mean())
    made = [np.sqrt((np.stack(row) / 255).var(0, ddof=1).mean()) for row in draws]
    return np.array([one / spread[text] for one, text in zip(made, labels, strict=True)])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--text", nargs="+", choices=["words", "codes"], default=["words", "codes"])
    parser.add_argument("--methods", nargs="+", choices=list(METHODS), default=["minimax"])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--steps", type=int)
    parser.add_argument("--grid", help="first part of the names of pictures")
    given = parser.parse_args()
    torch.set_num_threads(1)
    print(machine(), flush=True)
    judge = Judge(km.datasets.shapes(rows=12000, seed=1000))
    for seed in given.seeds:
        whole = km.datasets.shapes(rows=6000, held_out=0.2, seed=seed)
        train = whole.take([split == "seen" for split in whole.meta["split"]])
        other = km.datasets.shapes(rows=6000, seed=seed + 500)
        test = captions(other)
        held, real = ~np.isin(test.labels, train.labels), (list(other.values("image")), other.labels)
        for text in given.text:
            space = space_of(train, text, seed)
            for method in given.methods:
                recipe, options = METHODS[method]
                training = km.Training(**options | ({"steps": given.steps} if given.steps else {}))
                start = time.process_time()
                made = km.fit(train, init=space, decoders={"image": recipe}, training=training, seed=seed)
                took = time.process_time() - start
                draws = made.translate(test.select("text"), to="image", samples=8, seed=seed)
                goal = judge.numbers(test).repeat_interleave(8, 0)
                right = judge.right([picture for row in draws for picture in row], goal).reshape(len(test), 8, 4)
                every, varied = right.all(-1), diversity(draws, test.labels, real)
                parts = ", ".join(f"{name} {right[..., k].mean():.2f}" for k, name in enumerate(NAMES))
                print(
                    f"seed {seed}, {text}, {method}, {training.steps} steps: all four right: seen "
                    f"{every[~held].mean():.3f}, held out {every[held].mean():.3f} ({parts}); diversity "
                    f"{varied[~held].mean():.2f}, {varied[held].mean():.2f}; {took:.0f} CPU s",
                    flush=True,
                )
                if given.grid:
                    save_grid(draws, held, f"{given.grid}-{text}-{method}-{seed}.png")
    print(machine())


if __name__ == "__main__":
    main()
