"""Claim: of two columns one is made worse; the prediction follows the better one, and the weight of the bad one falls.

    KUAMO_DATA=… python -m benchmarks predict_degraded [--steps 1200] [--seeds 3] [--methods trust dot] [--frozen]

Digits from a picture and a recording. Training: MNIST train pictures and takes 10–49 of five speakers, encoders from
raw pixels and spectra, `km.Predict` with noise on what enters the encoders; nobody says which column is bad; with
--frozen, encoders that are not trained, and the regressions beside. Test:
MNIST test pictures and takes 0–9. One column is degraded in six steps, from as it is to nothing but noise:

    white     pixels: mixed with white noise; sound: with white noise, of the recording's own power
    other     not like in training: pixels one by one turned black or white; sound: mixed with a low rumble

Beside each: the degraded column alone, and the better of the two alone.

trust                  `km.Predict` as it is
dot                    plain dot-product attention in its place, with modality dropout as well, without doubts and noise
trust-less-noise       `km.Predict(corruption=0.5)`: with two columns a cell is mixed with noise in .25 of rows, for .35
trust-without-noise    `km.Predict(corruption=0)`
"""

import argparse
import time
from dataclasses import dataclass

import numpy as np
import torch
from common import machine
from digits import CHOSEN, SETTINGS

import kuamo as km
from kuamo.core.modules import single_threaded_torch
from kuamo.data.modalities.audio import Waveform
from kuamo.embedding.fusion import Attention, MixtureOfProducts
from kuamo.encoders import EfficientNetLite0, SpectralFeatures
from kuamo.encoders.audio_cnn import AudioCNN
from kuamo.encoders.image_cnn import ImageCNN
from kuamo.objectives.prediction.corruption import targets_by_row
from kuamo.objectives.prediction.decoder import losses
from kuamo.objectives.vae import row_uniforms

LEVELS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)


@dataclass(frozen=True)
class Dot(km.Predict):
    """Attention by dot products with the mean of what is present; nothing else is learned of how good a cell is."""

    corruption: float = 0.0

    def make_fusion(self, space):
        return Attention("dot")

    def callback(self, *given):
        return None

    def loss(self, step):
        code, present = step.stacked()
        number, decoder = step.names.index(self.to), step.space.port(self.to).decoder
        others = present.clone()
        others[:, number] = False
        whole = step.uniform("whole", step.batch.row, 1) < 0.5
        given = torch.where(whole, others, MixtureOfProducts().choose(others, row_uniforms(step, "subset")))
        told = decoder.trained(step.space.fusion(code, given)[0].mean)
        return step.mean(losses(targets_by_row(step, self.to), told, "categorical"), present[:, number] & given.any(1))


METHODS = {
    "trust": km.Predict("digit"),
    "trust-less-noise": km.Predict("digit", corruption=0.5),
    "trust-without-noise": km.Predict("digit", corruption=0.0),
    "dot": Dot("digit"),
}


FROZEN = {"image": EfficientNetLite0(), "audio": SpectralFeatures()}


def trained():
    return {"image": ImageCNN(size=28, dim=64, width=16, in_place=True), "audio": AudioCNN(**SETTINGS[CHOSEN])}


def worse_picture(value, level, kind, rng):
    if kind == "white":
        mixed = (1 - level) * value + level * rng.uniform(0, 255, value.shape[:2])[..., None]
        return mixed.round().astype(np.uint8)
    hit = rng.random(value.shape[:2]) < level
    return np.where(hit[..., None], rng.choice([0, 255], value.shape[:2])[..., None], value).astype(np.uint8)


def worse_sound(value, level, kind, rng):
    x = value.samples
    noise = rng.standard_normal(len(x))
    if kind == "other":
        noise = np.cumsum(noise)
        noise = noise - np.linspace(noise[0], noise[-1], len(x))
    noise = noise * np.sqrt((x**2).mean() / max((noise**2).mean(), 1e-12))
    return Waveform((np.sqrt(1 - level) * x + np.sqrt(level) * noise).astype(np.float32), value.rate)


def degraded(table, column, level, kind, seed):
    rng = np.random.default_rng(seed)
    change = {"image": worse_picture, "audio": worse_sound}[column]
    cells = {name: list(table.values(name)) for name in ("image", "audio")}
    cells[column] = [change(value, level, kind, rng) for value in cells[column]]
    return km.Table(cells, modalities={"image": km.Image(), "audio": km.Audio()})


def tables(rows, seed):
    whole = km.datasets.digits(rows=rows, columns=("image", "audio"), seed=seed)
    test = km.datasets.digits(columns=("image", "audio"), split="test", seed=seed)
    train = whole.take([i for i, take in enumerate(whole.meta["take"]) if int(take) >= 10])
    test = test.take([i for i, take in enumerate(test.meta["take"]) if int(take) < 10])
    return labelled(train), test


def labelled(table):
    cells = {name: [table.column(name).raw(i) for i in range(len(table))] for name in ("image", "audio")}
    kinds = {"image": km.Image(), "audio": km.Audio(), "digit": km.Category()}
    return km.Table(cells | {"digit": table.labels}, modalities=kinds, group=table.groups)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--steps", type=int, default=1200)
    parser.add_argument("--rows", type=int, default=12000)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--frozen", action="store_true")
    parser.add_argument("--methods", nargs="+", default=["trust", "dot"], choices=list(METHODS))
    given = parser.parse_args()
    print(machine(), flush=True)
    found = {}
    for seed in range(given.seeds):
        train, test = tables(given.rows, seed)
        for method in given.methods:
            start = time.process_time()
            encoders = FROZEN if given.frozen else trained()
            training = km.Training(steps=given.steps, batch_size=96, lr=3e-3, weight_decay=1e-2)
            with single_threaded_torch():
                space = km.fit(train, METHODS[method], encoders=encoders, dim=32, training=training, seed=seed)
            print(f"{method}, seed {seed}: {len(train)} rows, {time.process_time() - start:.0f} CPU s", flush=True)
            for place, values in judged(space, test, seed):
                found.setdefault((method, *place), []).append(values)
                print(f"  {said(place, values)}", flush=True)
    print(f"means of {given.seeds} seeds")
    for (method, *place), values in found.items():
        worst = min(both - max(bad, other) for both, bad, other, _ in values)
        print(f"  {method} {said(place, np.mean(values, 0))}, worst difference of both to the better {worst:+.3f}")
    print(machine())


def judged(space, test, seed):
    """((column, kind, level), (both, it alone, the other alone, its weight)) of each test."""
    digit = np.array(test.labels)
    for column, other in (("image", "audio"), ("audio", "image")):
        alone = right(space.predict(test.select(other), "digit").values, digit)
        for kind in ("white", "other"):
            for level in LEVELS:
                rows = degraded(test, column, level, kind, seed)
                both, bad = space.predict(rows, "digit"), space.predict(rows.select(column), "digit")
                weight = both.weights[:, both.columns.index(column)].mean()
                yield (column, kind, level), (right(both.values, digit), right(bad.values, digit), alone, weight)


def said(place, values):
    column, kind, level = place
    both, bad, other, weight = values
    return (
        f"{column} {kind} {level:.1f}: both {both:.3f}, it alone {bad:.3f}, better alone {max(bad, other):.3f}, "
        f"its weight {weight:.3f}"
    )


def right(values, digit):
    return float((np.array(values) == digit).mean())


if __name__ == "__main__":
    main()
