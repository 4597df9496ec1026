"""Claim: of people in skin tones a GAN with convolutions makes pictures beside which the flow's can be held.

    python -m benchmarks emoji_gan [--methods minimax r3 flow] [--seeds 0 ...] [--steps N] [--grid FILE]

`km.datasets.emoji_tones()` at 32 px: 316 gestures in five tones, a fifth of the 1,580 pictures left out, each gesture
and each tone seen. Name and tone → picture, four draws each. A picture is right if the nearest of all real ones, by
pixels, is of its gesture, of its tone. Fréchet distance: of 64 principal axes of the last layer of EfficientNet-Lite0
(axes of the training pictures, in their units), made of the left-out captions to the left-out pictures; beside it that
of as many training pictures to the left-out ones, which is what cannot be bettered.
"""

import argparse
import time
from pathlib import Path

import numpy as np
import torch
from common import machine
from PIL import Image
from text_to_image_gan import METHODS

import kuamo as km
from kuamo.cli.media_files import save_sheet
from kuamo.encoders.feature_cache import features
from kuamo.metrics.sample_quality import frechet_distance, nearest_rows

SIDE, AXES = 32, 64


def small(picture):
    return np.asarray(Image.fromarray(picture).resize((SIDE, SIDE), Image.Resampling.LANCZOS))


def tones():
    """The table with pictures of 32 pixels."""
    table = km.datasets.emoji_tones()
    columns = {"text": list(table.values("text")), "tone": list(table.values("tone"))}
    return km.Table(
        columns | {"image": [small(picture) for picture in table.values("image")]},
        modalities={"text": km.Text(), "tone": km.Category(), "image": km.Image()},
        meta={"gesture": table.meta["gesture"], "of": table.meta["tone"]},
    )


class Seen:
    """Pictures → 64 axes of EfficientNet-Lite0's last layer."""

    def __init__(self, pictures):
        x = self.last(pictures)
        self.mean = x.mean(0)
        _, size, axes = np.linalg.svd(x - self.mean, full_matrices=False)
        self.axes = axes[:AXES].T / size[:AXES] * np.sqrt(len(x))

    def __call__(self, pictures):
        return (self.last(pictures) - self.mean) @ self.axes

    @staticmethod
    def last(pictures):
        table = km.Table({"image": list(pictures)}, modalities={"image": km.Image()})
        return np.asarray(features(table, "image", km.encoders.EfficientNetLite0()))[:, -1280:].astype(np.float64)


def flat(pictures):
    return np.stack([picture.reshape(-1) for picture in pictures]).astype(np.float32)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--methods", nargs="+", choices=list(METHODS), default=["minimax", "r3", "flow"])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--steps", type=int)
    parser.add_argument("--grid")
    given = parser.parse_args()
    torch.set_num_threads(1)
    print(machine(), flush=True)
    table = tones()
    real, gesture, tone = flat(table.values("image")), np.array(table.meta["gesture"]), np.array(table.meta["of"])
    for seed in given.seeds:
        left = np.random.default_rng(seed).random(len(table)) < 0.2
        train, test, rows = table.take(np.flatnonzero(~left)), table.take(np.flatnonzero(left)), np.flatnonzero(left)
        seen = Seen(train.values("image"))
        goal, known = seen(test.values("image")), seen(train.values("image"))
        some = np.random.default_rng(seed).permutation(len(known))[: len(goal)]
        print(f"seed {seed}, {len(rows)} left out: Fréchet of real ones {frechet_distance(known[some], goal):.1f}")
        space = km.fit(train, seed=seed)
        sheet = [list(test.values("image"))[:12]]
        for method in given.methods:
            recipe, options = METHODS[method]
            training = km.Training(**options | ({"steps": given.steps} if given.steps else {}))
            start = time.process_time()
            made = km.fit(train, init=space, decoders={"image": recipe}, training=training, seed=seed)
            took = time.process_time() - start
            draws = list(
                zip(*made.translate(test.select("text", "tone"), to="image", samples=4, seed=seed), strict=True)
            )
            found = [nearest_rows(flat(one), real)[0] for one in draws]
            right = np.array([[gesture[f] == gesture[rows], tone[f] == tone[rows]] for f in found])
            far = np.mean([frechet_distance(seen(one), goal) for one in draws])
            spread = np.mean([np.stack(row).astype(np.float32).std(0).mean() for row in zip(*draws, strict=True)])
            print(
                f"  {method}: gesture {right[:, 0].mean():.3f}, tone {right[:, 1].mean():.3f}, both "
                f"{right.all(1).mean():.3f}; Fréchet {far:.1f}; pixel deviation {spread:.1f}; {took:.0f} CPU s",
                flush=True,
            )
            sheet.append(list(draws[0])[:12])
        if given.grid:
            save_sheet(sheet, Path(given.grid))
    print(machine())


if __name__ == "__main__":
    main()
