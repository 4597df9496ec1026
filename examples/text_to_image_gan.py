"""Text → picture by a GAN, as the field began: noise and a caption's embedding in, minimax, SGD for both players.

    min_G max_D  E log D(picture, caption) + E log(1 − D(G(noise, caption), caption))

The generator is fully connected, then convolutional, with activations; the discriminator is its mirror. Captions are
embedded by a space fitted before (word embeddings and a small convolutional net, aligned by InfoNCE). Played barely,
the discriminator wins at once and nothing is learned; three things of the years after keep the game open: normalised
batches in the generator, noise on what the discriminator sees, real pictures with a wrong caption as a third kind. Run:

    python examples/text_to_image_gan.py --steps 1000 --out gan.png

It says honestly how far it gets: the share of 192 made pictures whose attributes are right.
"""

import argparse

import numpy as np
import torch
from torch import nn

import kuamo as km
from kuamo.encoders.image_cnn import ImageCNN
from kuamo.encoders.token_mean import TokenMean, train_tokenizer

SIZE, DIM, NOISE = 32, 32, 16


class Generator(nn.Module):
    """(caption code, noise) → picture in [0, 1]: fully connected, then convolutions."""

    out, noise = 3 * SIZE * SIZE, NOISE

    def __init__(self) -> None:
        super().__init__()
        self.dense = nn.Linear(DIM + NOISE, 64 * 8 * 8)
        self.conv = nn.Sequential(
            nn.BatchNorm2d(64), nn.ReLU(), nn.Upsample(scale_factor=2), nn.Conv2d(64, 48, 3, padding=1),
            nn.BatchNorm2d(48), nn.ReLU(), nn.Upsample(scale_factor=2), nn.Conv2d(48, 24, 3, padding=1),
            nn.BatchNorm2d(24), nn.ReLU(), nn.Conv2d(24, 3, 3, padding=1),
        )  # fmt: skip

    def target(self, batch: torch.Tensor) -> torch.Tensor:
        return batch.float().flatten(1) / 255

    def generate(self, z: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
        return torch.sigmoid(self.conv(self.dense(torch.cat([DIM**0.5 * z, noise], 1)).view(-1, 64, 8, 8))).flatten(1)

    def sample(self, z: torch.Tensor, rng: torch.Generator | None = None) -> torch.Tensor:
        return self.generate(z, torch.randn((len(z), NOISE), generator=rng))


class Discriminator(nn.Module):
    """(picture, caption code) → logit: convolutions, then fully connected."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Sequential(
            nn.Conv2d(3, 24, 4, 2, 1), nn.LeakyReLU(0.2), nn.Conv2d(24, 48, 4, 2, 1), nn.LeakyReLU(0.2), nn.Flatten()
        )
        self.dense = nn.Sequential(nn.Linear(48 * 8 * 8 + DIM, 96), nn.LeakyReLU(0.2), nn.Linear(96, 1))

    def forward(self, y: torch.Tensor, z: torch.Tensor) -> torch.Tensor:
        y = 2 * y - 1 + 0.5 * torch.randn_like(y)
        return self.dense(torch.cat([self.conv(y.view(-1, 3, SIZE, SIZE)), DIM**0.5 * z], 1))[:, 0]


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--steps", type=int, default=1000)
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--out", default="gan.png")
    given = options.parse_args()
    table = km.datasets.shapes(rows=2000, size=SIZE, seed=given.seed)
    texts = [table[i]["text"] for i in range(len(table))]
    encoders = {"text": TokenMean(train_tokenizer(texts), dim=64), "image": ImageCNN(size=SIZE, dim=64)}
    aligned = km.Training(steps=300, batch_size=64, lr=2e-3)
    start = km.fit(table, km.InfoNCE(), encoders=encoders, dim=DIM, training=aligned, seed=given.seed)
    for part in (start.port("text").encoder, start.port("text").head):
        part.requires_grad_(False)  # else the generator makes captions alike, and its pictures with them
    game = km.Minimax(given="text", to="image", lr=0.02, critic=Discriminator, mismatched=True)
    training = km.Training(steps=given.steps, batch_size=64, lr=0.02, optimizer="sgd")
    space = km.fit(table, game, init=start, decoders={"image": Generator()}, training=training, seed=given.seed)
    captions = sorted(set(texts))
    made = space.translate([{"text": text} for text in captions], to="image", seed=0).reshape(-1, 3, SIZE, SIZE)
    pictures = (made.transpose(0, 2, 3, 1) * 255).astype(np.uint8)
    mean = {t: np.mean([table[i]["image"] for i in range(len(texts)) if texts[i] == t], axis=0) for t in captions}
    everything = np.stack([mean[t] for t in captions]).reshape(len(captions), -1)
    near = ((pictures.reshape(len(captions), 1, -1).astype(float) - everything) ** 2).sum(-1).argmin(1)
    words = [(*t.replace(",", "").split()[1:4], t.split(", ")[1]) for t in captions]
    for part, (what, chance) in enumerate({"size": 2, "colour": 6, "shape": 4, "place": 4}.items()):
        right = np.mean([words[i][part] == words[j][part] for i, j in enumerate(near)])
        print(f"{what} right: {right:.2f} (chance {1 / chance:.2f})")
    print(space.notes[-1])
    km.Image().write(np.vstack([np.hstack(pictures[i : i + 16]) for i in range(0, 192, 16)]), given.out)


if __name__ == "__main__":
    main()
