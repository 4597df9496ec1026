"""Claim: pictures made from captions through the shared code have all four attributes right, also in combinations
that were never seen together.

    python -m benchmarks shapes_translate [--methods flow r3 gaussian ridge minimax] [--grid FILE]

`shapes()` at 32 px: size, colour, shape and place, 192 captions, a fifth of the combinations held out. Frozen features
(MiniLM, EfficientNet-Lite0), closed-form space, PCA codec; decoders are trained on 4,800 pictures of seen combinations.
Judge: a small convolutional network trained on other pictures of all combinations (another seed), which the made ones
never meet. Diversity: mean distance of two pictures of one caption, over the same of real ones, in the codec's numbers
as the decoder gives them: a made picture's pixels are cut to [0, 1], which no real one needs. Nearest: median distance
to the nearest training picture, over that of real pictures that nobody trained on.
"""

import argparse
import time

import numpy as np
import torch
from common import machine
from torch import nn

import kuamo as km
from kuamo.generation.translation import decode
from kuamo.metrics.sample_quality import diversity_ratio, memorization_ratio

NAMES = ("size", "colour", "shape", "place")
# Recipe, and a training that takes at most 90 CPU seconds.
METHODS = {
    "flow": (km.Flow(), {"steps": 3000}),
    "r3": (km.GAN(), {"steps": 3500, "batch_size": 128}),
    "gaussian": (km.Gaussian(), {"steps": 3000}),
    "ridge": (km.Ridge(), {"steps": 1}),
    "minimax": (km.GAN(game="minimax"), {"steps": 3000}),
}


class Judge:
    """Four heads on one small convolutional network."""

    def __init__(self, table, seed=0, epochs=6):
        torch.manual_seed(seed)
        self.classes = {name: sorted(set(table.meta[name])) for name in NAMES}
        sizes = [len(self.classes[name]) for name in NAMES]
        self.sizes = sizes
        layers, width = [], 3
        for out in (24, 48, 96):
            layers += [nn.Conv2d(width, out, 3, padding=1), nn.BatchNorm2d(out), nn.ReLU(), nn.MaxPool2d(2)]
            width = out
        self.net = nn.Sequential(*layers, nn.Flatten(), nn.Linear(96 * 16, 128), nn.ReLU(), nn.Linear(128, sum(sizes)))
        x, y = pixels(table.values("image")), self.numbers(table)
        optimiser = torch.optim.AdamW(self.net.parameters(), lr=1e-3)
        steps = epochs * len(x) // 128
        for step in range(steps):
            for group in optimiser.param_groups:
                group["lr"] = 1e-3 * (1 - step / steps)
            pick = torch.randint(len(x), (128,))
            noisy = x[pick] + 0.05 * torch.randn(1) * torch.randn(x[pick].shape)
            parts = self.net(noisy).split(sizes, 1)
            loss = sum(nn.functional.cross_entropy(part, y[pick, k]) for k, part in enumerate(parts))
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        self.net.eval()

    def numbers(self, table):
        columns = [[self.classes[name].index(value) for value in table.meta[name]] for name in NAMES]
        return torch.tensor(columns).T

    def right(self, pictures, wanted):
        """(n, 4) bool."""
        with torch.inference_mode():
            parts = self.net(pixels(pictures)).split(self.sizes, 1)
        return (torch.stack([part.argmax(1) for part in parts], 1) == wanted).numpy()


def latents(space, table, n, seed, guidance=None, given="text", to="image"):
    """y (rows · n, L) of what `translate` makes, as the decoder gives it."""
    z = np.repeat(np.asarray(space.encode(table.select(given))), n, axis=0)
    options = {} if guidance is None else {"guidance": guidance}
    return decode(space.port(to).decoder, z, seed, **options)


def pixels(pictures):
    return torch.from_numpy(np.stack(list(pictures))).permute(0, 3, 1, 2).float() / 255


def captions(table):
    """One row of each caption."""
    first = {text: row for row, text in reversed(list(enumerate(table.labels)))}
    return table.take(sorted(first.values()))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--methods", nargs="+", choices=list(METHODS), default=list(METHODS))
    parser.add_argument("--rows", type=int, default=6000)
    parser.add_argument("--steps", type=int)
    parser.add_argument("--draws", type=int, default=8)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--guidance", type=float, nargs="*", default=[None])
    parser.add_argument("--components", type=int)
    parser.add_argument("--grid")
    given = parser.parse_args()
    torch.set_num_threads(1)
    print(machine(), flush=True)
    judge = Judge(km.datasets.shapes(rows=12000, seed=1000))
    for seed in given.seeds:
        whole = km.datasets.shapes(rows=given.rows, held_out=0.2, seed=seed)
        train = whole.take([i for i, split in enumerate(whole.meta["split"]) if split == "seen"])
        other = km.datasets.shapes(rows=6000, seed=seed + 500)
        unseen = {t for t, split in zip(whole.labels, whole.meta["split"], strict=True) if split == "held-out"}
        start = time.process_time()
        space = km.fit(train, seed=seed)
        print(f"seed {seed}: {len(train)} rows; space {space.dim} dimensions, {time.process_time() - start:.0f} CPU s")
        start = time.process_time()
        codec = km.ImagePCA.of(train, "image", components=given.components)
        print(f"codec: {codec.out} numbers, {time.process_time() - start:.1f} CPU s", flush=True)
        wanted = judge.numbers(other)
        test = captions(other)
        held = np.array([text in unseen for text in test.labels])
        for what, pictures in (
            ("real", list(other.values("image"))),
            ("round trip", codec.decode(codec.encode(other.values("image")))),
        ):
            right, new = judge.right(pictures, wanted).all(1), np.array([text in unseen for text in other.labels])
            print(f"{what:12} judged right: seen {right[~new].mean():.3f}, held out {right[new].mean():.3f}")
        real_y, train_y = codec.encode(other.values("image")), codec.encode(train.values("image"))
        for method in given.methods:
            recipe, options = METHODS[method]
            training = km.Training(**({"batch_size": 256} | options | ({"steps": given.steps} if given.steps else {})))
            start = time.process_time()
            made = km.fit(
                train, init=space, decoders={"image": recipe}, codecs={"image": codec}, training=training, seed=seed
            )
            took = time.process_time() - start
            print(f"  {made.notes[-1]}")
            start = time.process_time()
            made.translate({"text": test[0]["text"]}, to="image", samples=16)
            print(f"  16 pictures of a text: {time.process_time() - start:.2f} CPU s")
            for guidance in given.guidance if method == "flow" else [None]:
                draws = made.translate(
                    test.select("text"), to="image", samples=given.draws, seed=seed, guidance=guidance
                )
                flat = [picture for row in draws for picture in row]
                goal = judge.numbers(test).repeat_interleave(given.draws, 0)
                right = judge.right(flat, goal).reshape(len(test), given.draws, 4)
                texts = np.repeat(test.labels, given.draws)
                y = latents(made, test, given.draws, seed, guidance)
                parts = ", ".join(f"{name} {right[..., k].mean():.2f}" for k, name in enumerate(NAMES))
                every = right.all(-1)
                new = np.array([text in unseen for text in texts])
                varied = [
                    diversity_ratio(y[new == side], real_y, texts[new == side], other.labels) for side in (False, True)
                ]
                print(
                    f"{method:9} {'' if guidance is None else f'guidance {guidance:g} '}"
                    f"all four: seen {every[~held].mean():.3f}, held out {every[held].mean():.3f} ({parts}); diversity "
                    f"{varied[0]:.2f}, {varied[1]:.2f}; "
                    f"nearest {memorization_ratio(y[~new], train_y, real_y[:1000]):.2f}; "
                    f"{took:.0f} CPU s",
                    flush=True,
                )
            if given.grid:
                save_grid(draws, held, f"{given.grid}-{method}.png")
    print(machine())


def save_grid(draws, held, path, rows=6):
    """Seen captions in the upper half, held-out ones below; a caption a row."""
    from PIL import Image

    chosen = [*np.flatnonzero(~held)[:: max(1, (~held).sum() // rows)][:rows], *np.flatnonzero(held)[:rows]]
    Image.fromarray(np.concatenate([np.concatenate(draws[i], 1) for i in chosen])).save(path)


if __name__ == "__main__":
    main()
