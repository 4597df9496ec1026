"""Claim: of two columns one is made worse; the prediction follows the better one, and the weight of the bad one falls.

    KUAMO_DATA=… python benchmarks/predict_degraded.py [--steps 1200] [--seeds 1]

Digits from a picture and a recording. Training: MNIST train pictures and takes 10–49 of five speakers, encoders from
raw pixels and spectra, `km.Predict` with noise on what enters the encoders; nobody says which column is bad. Test:
MNIST test pictures and takes 0–9. One column is degraded in six steps, from as it is to nothing but noise:

    white     pixels: mixed with white noise; sound: with white noise, of the recording's own power
    other     not like in training: pixels one by one turned black or white; sound: mixed with a low rumble

Beside each: the degraded column alone, and the better of the two alone.
"""

import argparse
import time

import numpy as np
from common import machine
from digits import CHOSEN, SETTINGS

import kuamo as km
from kuamo.encoders.pixels import PixelEncoder
from kuamo.encoders.sound import SoundEncoder
from kuamo.modalities.audio import Waveform
from kuamo.threads import one_torch_thread

LEVELS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)


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
    given = parser.parse_args()
    print(machine(), flush=True)
    for seed in range(given.seeds):
        train, test = tables(given.rows, seed)
        start = time.process_time()
        encoders = {
            "image": PixelEncoder(size=28, dim=64, width=16, in_place=True),
            "audio": SoundEncoder(**SETTINGS[CHOSEN]),
        }
        training = km.Training(steps=given.steps, batch_size=96, lr=3e-3, weight_decay=1e-2)
        with one_torch_thread():
            space = km.fit(train, km.Predict("digit"), encoders=encoders, dim=32, training=training, seed=seed)
        print(f"seed {seed}: {len(train)} rows, {time.process_time() - start:.0f} CPU s; {space.notes[-1]}", flush=True)
        digit = np.array(test.labels)
        for column, other in (("image", "audio"), ("audio", "image")):
            alone = right(space.predict(test.select(other), "digit").values, digit)
            print(f"  {other} alone {alone:.3f}", flush=True)
            for kind in ("white", "other"):
                for level in LEVELS:
                    rows = degraded(test, column, level, kind, seed)
                    both, bad = space.predict(rows, "digit"), space.predict(rows.select(column), "digit")
                    weight = both.weights[:, both.columns.index(column)].mean()
                    single = right(bad.values, digit)
                    print(
                        f"  {column} {kind} {level:.1f}: both {right(both.values, digit):.3f}, "
                        f"it alone {single:.3f}, better alone {max(single, alone):.3f}, its weight {weight:.3f}",
                        flush=True,
                    )
    print(machine())


def right(values, digit):
    return float((np.array(values) == digit).mean())


if __name__ == "__main__":
    main()
