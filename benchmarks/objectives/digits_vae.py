"""Claim: after 90 CPU seconds a VAE of raw digits makes from a picture, a recording or a word the other two.

    KUAMO_DATA=… python -m benchmarks digits_vae [--methods mopoe mmvm mvtcae] [--steps 1700]
    KUAMO_DATA=… python -m benchmarks digits_vae --unseen george jackson … --methods mmvm --steps 1100 --batch 128

Conditional coherence: what is made is judged by classifiers, trained on rows that neither training nor test uses: MNIST
train pictures and recordings of takes 5–19. Training: takes 20–49 with other MNIST train pictures; test: takes 0–4 and
MNIST test pictures. A path is (what is given → what is made); mean and minimum over the paths from one column (6) and
from two (3).

Recipe: perceptrons of 256 × 2 on pixels, on 64 principal components of log-mel spectra (with noise .1 in training) and
on word embeddings; d = 20; weights 1, 3, 40. Codes are means. Three draws agree when all three judges say the same.

`--unseen` leaves each named speaker out of training and judges' in turn, and tests on that speaker. Sounds then have
the encoder of `digits.py`, as chosen there on left-out pairs of speakers: convolutions, each band's mean taken out,
moved in training; and 150 synthetic voices of eSpeak NG and Flite more to learn from, and 50 others for the judges.
"""

import argparse
import time
from dataclasses import replace
from itertools import combinations

import numpy as np
import torch
from common import machine
from digits import CHOSEN, SETTINGS
from torch import nn

import kuamo as km
from kuamo.core.modules import single_threaded_torch
from kuamo.data.datasets.digits import SPEAKERS, WORDS
from kuamo.encoders.audio_cnn import AudioCNN
from kuamo.encoders.token_mean import TokenMean, train_tokenizer
from kuamo.generation.decoders.likelihood import perceptron
from kuamo.generation.decoders.raw_likelihood import PixelLikelihood, SpectrumLikelihood, TextLikelihood

DIM, COLUMNS = 20, ("text", "image", "audio")
WEIGHTS = {"image": 1.0, "audio": 3.0, "text": 40.0}
METHODS = {
    "mopoe": km.MoPoE(beta=1.0, weights=WEIGHTS),
    "mmvm": km.MMVM(beta=5.0, weights=WEIGHTS),
    "mvtcae": km.MVTCAE(beta=5.0, weights=WEIGHTS),
    "mvae": km.MVAE(beta=1.0, subsample=1, weights=WEIGHTS),
    "mmvae": km.MMVAE(beta=1.0, weights=WEIGHTS),
    "mmvaeplus": km.MMVAEPlus(beta=2.5, weights=WEIGHTS),
}
SPOKEN = {"dim": 8, "width": 8, "rate": 8000, "mels": 40, "n_fft": 256, "hop": 80, "trim": 40.0, "frames": 48}


class Picture(nn.Module):
    """Pixels → perceptron."""

    def __init__(self):
        super().__init__()
        self.net = perceptron([784, 256, 256])

    def prepare(self, value):
        return np.ascontiguousarray(value.transpose(2, 0, 1))

    def forward(self, batch):
        return nn.functional.gelu(self.net(batch[:, 0].flatten(1).float() / 255))


class Speech(nn.Module):
    """Log-mel spectrum → its principal components, with a little noise in training → perceptron."""

    def __init__(self, spectra, reader, noise=0.1):
        super().__init__()
        self.prepare, self.collate, self.noise = reader.prepare, reader.collate, noise
        self.spectra = [spectra]  # in a list: it is the decoder's, not to be trained twice
        self.net = perceptron([spectra.out, 256, 256])

    def forward(self, batch):
        y = self.spectra[0].target(batch)
        return nn.functional.gelu(self.net(y + self.noise * torch.randn(y.shape) if self.training else y))


def rows_where(table, test):
    """The rows whose (take, speaker) passes."""
    known = zip(table.meta["take"], table.meta["speaker"], strict=True)
    return table.take([number for number, (take, speaker) in enumerate(known) if test(int(take), speaker)])


def tables(unseen, seed, voices=(150, 50)):
    """Training, the judges', and test rows; no picture, no take and no voice is in two of them."""
    if not unseen:
        whole = km.datasets.digits(rows=40000, seed=seed)
        test = km.datasets.digits(rows=8000, split="test", seed=seed)
        parts = [
            rows_where(whole, lambda take, _, these=takes: take in these) for takes in (range(20, 50), range(5, 20))
        ]
        return *parts, rows_where(test, lambda take, _: take < 5)
    seen = [speaker for speaker in SPEAKERS if speaker != unseen]
    whole = km.datasets.digits(rows=50000, speakers=seen, voices=sum(voices), seed=seed)
    made = [name for name in dict.fromkeys(whole.meta["speaker"]) if name not in SPEAKERS]
    apart = set(np.random.default_rng(seed).permutation(sorted(made))[: voices[1]].tolist())
    train = rows_where(whole, lambda take, who: take >= 20 if who in seen else who not in apart)
    judges = rows_where(whole, lambda take, who: 5 <= take < 20 if who in seen else who in apart)
    test = km.datasets.digits(columns=COLUMNS, speakers=[unseen], split="test", seed=seed)
    return train, judges, test


def judge(x, digit, seed, steps=1500):
    """A perceptron with noise and dropout; x (n, D) → logits (n, 10)."""
    torch.manual_seed(seed)
    net = nn.Sequential(nn.Linear(x.shape[1], 512), nn.ReLU(), nn.Dropout(0.3), nn.Linear(512, 256), nn.ReLU())
    net = nn.Sequential(net, nn.Dropout(0.3), nn.Linear(256, 10))
    optimiser = torch.optim.AdamW(net.parameters(), lr=1e-3, weight_decay=1e-2)
    for step in range(steps):
        for group in optimiser.param_groups:
            group["lr"] = 1e-3 * (1 - step / steps)
        pick = torch.randint(len(x), (128,))
        loss = nn.functional.cross_entropy(net(x[pick] + 0.1 * torch.randn(128, x.shape[1])), digit[pick])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return net.eval()


class Judges:
    """Classifiers of what decoders give: pixels, spectra and words."""

    def __init__(self, table, reader, picture, seed):
        self.reader, self.picture = reader, picture
        digit = digits_of(table)
        self.of = {name: judge(self.real(table, name), digit, seed) for name in ("image", "audio")}

    def real(self, table, name):
        """(n, D) of real cells, as `made` gives those of decoded ones."""
        if name == "image":
            batch = torch.from_numpy(np.stack([self.picture.prepare(value) for value in table.values(name)]))
            return batch[:, 0].flatten(1).float() / 255
        items = [self.reader.prepare(value) for value in table.values(name)]
        return SpectrumLikelihood(1, SPOKEN["mels"], SPOKEN["frames"], 1).standard(self.reader.collate(items))

    def digits(self, x, name):
        with torch.inference_mode():
            return self.of[name](x).argmax(1).numpy()

    def made(self, space, name, y):
        """The digit (n,) that each decoded y (n, L) is taken for."""
        decoder = space.port(name).decoder
        if name == "text":
            return np.array([WORDS.index(word) for word in decoder.words(y)])
        x = torch.from_numpy(y if name == "image" else decoder.energies(y)).flatten(1)
        return self.digits(x, name)

    def accuracy(self, table):
        digit = digits_of(table).numpy()
        return {name: float((self.digits(self.real(table, name), name) == digit).mean()) for name in self.of}


def digits_of(table):
    return torch.tensor([int(label) for label in table.labels])


def fit(train, method, given, unseen):
    """A space, and the CPU seconds that it took: principal components, reading and training."""
    reader = AudioCNN(**SPOKEN)
    heard = AudioCNN(**SETTINGS[CHOSEN]) if unseen else None
    torch.manual_seed(given.seed)
    start = time.process_time()
    some = train.take(np.random.default_rng(given.seed).permutation(len(train))[:1500])
    batch = reader.collate([reader.prepare(value) for value in some.values("audio")])
    spectra = SpectrumLikelihood.of(
        DIM, batch, out=64, moments=48, private=given.private if method == "mmvaeplus" else 0
    )
    words = TokenMean(train_tokenizer(WORDS), dim=64)
    private = {"private": given.private} if method == "mmvaeplus" else {}
    decoders = {
        "image": PixelLikelihood(DIM, 28, **private),
        "audio": spectra,
        "text": TextLikelihood.of(DIM, WORDS, words, **private),
    }
    encoders = {"image": Picture(), "audio": heard or Speech(spectra, reader), "text": words}
    objective = METHODS[method]
    if method == "mmvaeplus":
        objective = replace(objective, private=given.private)
    training = km.Training(steps=given.steps, batch_size=given.batch, lr=given.lr, weight_decay=given.decay)
    space = km.fit(train, objective, encoders=encoders, decoders=decoders, dim=DIM, training=training, seed=given.seed)
    return space, time.process_time() - start


def coherence(space, judges, table):
    """Share of right digits for each path: (given columns, made column) → share."""
    digit, found = digits_of(table).numpy(), {}
    for size in (1, 2):
        for columns in combinations(COLUMNS, size):
            others = [name for name in COLUMNS if name not in columns]
            for name, y in space.translate(table.select(*columns), to=others).items():
                found[columns, name] = float((judges.made(space, name, y) == digit).mean())
    return found


def agreement(space, judges, codes):
    """Share of codes for which all three judges say the same; and how evenly digits come (entropy / log 10)."""
    said = np.stack([judges.made(space, name, y) for name, y in space.decode(codes, to=COLUMNS).items()])
    same = (said == said[0]).all(0)
    share = np.bincount(said[0], minlength=10) / said.shape[1]
    return float(same.mean()), float(-(share * np.log(share + 1e-12)).sum() / np.log(10))


def report(space, judges, train, test, seed):
    """Print what is made from one column and from two, and by sampling; mean and least for both sizes."""
    found, said = coherence(space, judges, test), []
    for size in (1, 2):
        shares = {path: share for path, share in found.items() if len(path[0]) == size}
        paths = ", ".join(f"{'+'.join(g)} → {made} {share:.3f}" for (g, made), share in shares.items())
        said += [np.mean(list(shares.values())), min(shares.values())]
        print(f"  from {size}: mean {said[-2]:.3f}, min {said[-1]:.3f}: {paths}")
    start = time.process_time()
    density = space.fit_prior(train.take(range(0, len(train), 4)), seed=seed)
    took = time.process_time() - start
    for name, codes in (
        ("prior", np.random.default_rng(seed).standard_normal((2000, DIM))),
        ("mixture", density.sample(2000, np.random.default_rng(seed))),
    ):
        same, even = agreement(space, judges, codes)
        print(f"  {name}: all three agree {same:.3f}, evenness of digits {even:.3f}")
    print(f"  the mixture took {took:.1f} CPU s with encoding", flush=True)
    return said


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--methods", nargs="+", default=["mopoe", "mmvm", "mvtcae"], choices=list(METHODS))
    parser.add_argument("--steps", type=int, default=1700)
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--lr", type=float, default=1e-3)
    parser.add_argument("--decay", type=float, default=1e-5)
    parser.add_argument("--private", type=int, default=8)
    parser.add_argument("--unseen", nargs="*", choices=SPEAKERS, default=[])
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    print(machine(), flush=True)
    found = {}
    with single_threaded_torch():
        for unseen in given.unseen or [None]:
            train, rest, test = tables(unseen, given.seed)
            judges = Judges(rest, AudioCNN(**SPOKEN), Picture(), given.seed)
            accuracy = ", ".join(f"{name} {share:.3f}" for name, share in judges.accuracy(test).items())
            print(
                f"{unseen or 'held-out takes'}: rows: train {len(train)}, judges {len(rest)}, test {len(test)}; ",
                end="",
            )
            print(f"judges on real test cells: {accuracy}")
            for method in given.methods:
                space, seconds = fit(train, method, given, unseen)
                print(f"\n{method}: {seconds:.0f} CPU s; {space.notes[-1]}")
                found.setdefault(method, []).append(report(space, judges, train, test, given.seed))
    for method, said in found.items():
        means = ", ".join(f"{value:.3f}" for value in np.mean(said, axis=0))
        print(f"{method}: from one, least, from two, least: {means}, mean of {len(said)}")
    print(machine())


if __name__ == "__main__":
    main()
