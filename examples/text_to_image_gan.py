"""Text → picture by a generative adversarial network, as it was first written down: minimax, SGD for both players.

    min_G max_D  E log D(picture, caption) + E log(1 − D(G(noise, caption), caption))

G takes noise and a caption's embedding (aligned with the pictures before, by InfoNCE) through a fully connected layer,
then convolutions, with activations; D is its mirror. Three things keep the game open: D also sees real pictures with a
wrong caption, its slope at real pictures is penalised, and noise that fades is added to all it sees:

    python examples/text_to_image_gan.py --out gan.png

It prints the share of made pictures with the right attributes, also for captions that were never seen.
"""

import argparse

import numpy as np
import torch
from torch import nn

import kuamo as km
from kuamo.encoders import ImageCNN, TokenMean
from kuamo.encoders.token_mean import train_tokenizer

SIZE, DIM, NOISE = 32, 32, 32


class Generator(nn.Module):
    """(code, noise) → picture in [−1, 1]: fully connected, then convolutions; both also scale the batch norms."""

    out, noise = 3 * SIZE * SIZE, NOISE

    def __init__(self) -> None:
        super().__init__()
        self.dense = nn.Linear(DIM + NOISE, 96 * 4 * 4)
        self.up = nn.ModuleList([nn.ConvTranspose2d(96, 48, 4, 2, 1), nn.ConvTranspose2d(48, 24, 4, 2, 1)])
        self.norm = nn.ModuleList(nn.BatchNorm2d(width, affine=False) for width in (96, 48, 24))
        self.style = nn.ModuleList(nn.Linear(DIM + NOISE, 2 * width) for width in (96, 48, 24))
        self.last = nn.Conv2d(24, 3, 3, padding=1)

    def target(self, batch: torch.Tensor) -> torch.Tensor:
        return batch.float().flatten(1) / 127.5 - 1

    def generate(self, z: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
        c = torch.cat([DIM**0.5 * z, noise], 1)
        h = self.dense(c).view(-1, 96, 4, 4)
        for norm, style, up in zip(self.norm, self.style, [*self.up, nn.Upsample(scale_factor=2, mode="bilinear")]):
            scale, offset = style(c)[:, :, None, None].chunk(2, 1)
            h = up(nn.functional.leaky_relu((1 + scale) * norm(h) + offset, 0.2))
        return torch.tanh(self.last(h)).flatten(1)

    def sample(self, z: torch.Tensor, rng: torch.Generator | None = None) -> torch.Tensor:
        return self.generate(z, torch.randn((len(z), NOISE), generator=rng))


class Discriminator(nn.Module):
    """(picture, code) → logit: convolutions, then fully connected; how well the code fits is a scalar product."""

    def __init__(self) -> None:
        super().__init__()
        layers = [nn.Conv2d(3, 24, 4, 2, 1), nn.Conv2d(24, 48, 4, 2, 1), nn.Conv2d(48, 96, 4, 2, 1)]
        layers += [nn.Flatten(), nn.Linear(96 * 4 * 4, 128)]
        self.net = nn.Sequential(*(part for layer in layers for part in (layer, nn.LeakyReLU(0.2))))
        self.real, self.fits = nn.Linear(128, 1), nn.Linear(DIM, 128, bias=False)

    def forward(self, y: torch.Tensor, z: torch.Tensor) -> torch.Tensor:
        h = self.net(2 * y.view(-1, 3, SIZE, SIZE) + 1.4)  # about mean 0 and variance 1: these pictures are dark
        return self.real(h)[:, 0] + (h * self.fits(DIM**0.5 * z)).sum(1) / 128**0.5


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--steps", type=int, default=2200)
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--out", default="gan.png")
    given = options.parse_args()
    whole = km.datasets.shapes(rows=6000, size=SIZE, held_out=0.2, seed=given.seed)
    table = whole.take([split == "seen" for split in whole.meta["split"]])
    encoders = {"text": TokenMean(train_tokenizer(table.labels), dim=64), "image": ImageCNN(size=SIZE, dim=64)}
    steps = km.Training(steps=300, batch_size=64, lr=2e-3)
    start = km.fit(table, km.InfoNCE(), encoders=encoders, dim=DIM, training=steps, seed=given.seed)
    help_d = {"mismatched": True, "penalty": 1.0, "instance_noise": 0.1}
    game = km.Minimax("text", "image", critic=Discriminator, optimizer="sgd", lr=0.05, **help_d)
    steps = km.Training(steps=given.steps, batch_size=32)
    space = km.fit(table, game, init=start, decoders={"image": Generator()}, training=steps, seed=given.seed)
    captions = sorted(set(whole.labels))
    made = np.asarray(space.translate([{"text": text} for text in captions], to="image", samples=8, seed=0))
    real = np.stack([picture.transpose(2, 0, 1).reshape(-1) / 127.5 - 1 for picture in whole.values("image")])
    means = [real[[text == caption for text in whole.labels]].mean(0) for caption in captions]
    nearest = np.stack([((made - mean) ** 2).sum(-1) for mean in means]).argmin(0)
    words = np.array([text.replace(",", "").split(" ", 4)[1:] for text in captions])
    new = ~np.isin(captions, table.labels)
    for part, what in enumerate(("size", "colour", "shape", "place")):
        right = words[nearest, part] == words[:, None, part]
        print(f"{what}: {right[~new].mean():.2f} right, of captions that were never seen {right[new].mean():.2f}")
    pictures = ((made[::16].reshape(-1, 8, 3, SIZE, SIZE) + 1) * 127.5).astype(np.uint8).transpose(0, 1, 3, 4, 2)
    km.Image().write(np.vstack([np.hstack(row) for row in pictures]), given.out)


if __name__ == "__main__":
    main()
