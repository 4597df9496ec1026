"""Claim: a digit's word is made into pictures of it by the minimax game with SGD, in 60 CPU seconds.

    KUAMO_DATA=… python -m benchmarks words_to_digits [--steps N] [--seeds 0 ...]

8,000 MNIST train pictures with their words: space in closed form on words and EfficientNet-Lite0, then
`km.GAN(game="minimax", optimizer="sgd", network="conv")`. Judge: a convolutional network trained on 8,000 other train
pictures; its rate on MNIST test pictures stands beside. 100 pictures of each word. Diversity: pixel deviation of the
made pictures of a word over that of real ones.
"""

import argparse
import time

import numpy as np
import torch
from common import machine
from digits_translate import Classifier
from text_to_image_gan import diversity

import kuamo as km
from kuamo.data.datasets.digits import WORDS
from kuamo.encoders import ImageCNN


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--steps", type=int, default=900)
    parser.add_argument("--rows", type=int, default=8000)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--grid")
    given = parser.parse_args()
    torch.set_num_threads(1)
    print(machine(), flush=True)
    for seed in given.seeds:
        whole = km.datasets.digits(rows=2 * given.rows, columns=("text", "image"), seed=seed)
        train, apart = whole.take(np.arange(given.rows)), whole.take(np.arange(given.rows, 2 * given.rows))
        judge = Classifier(ImageCNN(size=28, dim=64, width=16), apart, "image", seed, steps=600)
        test = km.datasets.digits(columns=("text", "image"), split="test", seed=seed)
        real = (list(test.values("image")), [str(text) for text in test.values("text")])
        known = np.mean(judge.said(real[0]) == np.array([WORDS.index(word) for word in real[1]]))
        words = km.encoders.BagOfWords(WORDS)
        space = km.fit(train, km.CCA(dim=9, kernels=("linear",)), encoders={"text": words}, seed=seed)
        recipe = km.GAN(game="minimax", optimizer="sgd", network="conv")
        start = time.process_time()
        training = km.Training(steps=given.steps, batch_size=32)
        made = km.fit(train, init=space, decoders={"image": recipe}, training=training, seed=seed)
        took = time.process_time() - start
        draws = made.translate([{"text": word} for word in WORDS], to="image", samples=100, seed=seed)
        said = judge.said([picture for row in draws for picture in row]).reshape(10, 100)
        right = (said == np.arange(10)[:, None]).mean()
        varied = diversity(draws, list(WORDS), real).mean()
        print(
            f"seed {seed}, {given.steps} steps: judged right {right:.3f} (real test pictures {known:.3f}); diversity "
            f"{varied:.2f}; {took:.0f} CPU s",
            flush=True,
        )
        if given.grid:
            km.Image().write(np.vstack([np.hstack(row[:16]) for row in draws]), f"{given.grid}-{seed}.png")
    print(machine())


if __name__ == "__main__":
    main()
