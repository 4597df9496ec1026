"""Claim: sounds that are not speech come back from the codec as what they were, and words are made into such sounds.

    KUAMO_DATA=… python -m benchmarks sounds_translate [--folds 1 2 3 4] [--look FOLDER]

ESC-10, 80 sounds of five seconds a fold. Each fold is left out in turn; the codec, the space and the flow know the
other three alone. Judge: logistic regression on what `SoundEffects` hears in their real recordings. It hears the fold's
recordings, the same at the codec's 16 kHz, the same by way of the spectrum and Griffin-Lim without any components, and
through the codec: `AudioPCA` as it comes, which cuts long sounds into pieces, and with components of the whole sound.
Spectral convergence: ‖S − Ŝ‖ / ‖S‖ of mel magnitudes, of the real sound without its silent ends and of what comes back.

Word → sound: eight draws of each of the ten words by a flow, and one of ridge. Diversity and nearness as elsewhere, in
the codec's numbers. Fold 1 is the one that pieces and their components were chosen on. `--look` writes spectra and
sounds of a fold.
"""

import argparse
import time
from pathlib import Path

import numpy as np
import soundfile
import soxr
from common import machine
from shapes_translate import latents

import kuamo as km
from kuamo.core.modules import single_threaded_torch
from kuamo.data.modalities.audio import Waveform
from kuamo.encoders import SoundEffects
from kuamo.encoders.feature_cache import features
from kuamo.encoders.mel import resized
from kuamo.metrics.sample_quality import diversity_ratio, memorization_ratio


def heard(values):
    """What the network of sound effects hears."""
    table = km.Table({"audio": list(values)}, modalities={"audio": km.Audio()})
    return np.asarray(features(table, "audio", SoundEffects()))


class Judge:
    """Logistic regression on standardised features."""

    def __init__(self, table):
        from sklearn.linear_model import LogisticRegression

        x = np.asarray(features(table, "audio", SoundEffects()))
        self.mean, self.std = x.mean(0), x.std(0) + 1e-6
        self.model = LogisticRegression(C=0.01, max_iter=300).fit((x - self.mean) / self.std, table.labels)

    def right(self, values, labels):
        return float(self.model.score((heard(values) - self.mean) / self.std, labels))


def convergence(codec, real, made):
    """Median of 20 log₁₀ ‖S − Ŝ‖ / ‖S‖, in dB."""
    found = []
    for a, b in zip(real, made, strict=True):
        s, other = (np.exp(codec.spectrum(value) / 2) for value in (a, b))
        other = resized(other, s.shape[1])
        found.append(20 * np.log10(np.linalg.norm(s - other) / np.linalg.norm(s)))
    return float(np.median(found))


def fold_of(number, given):
    """Name → figure."""
    table = km.datasets.esc10()
    fold = np.array(table.meta["fold"])
    train, test = table.take(np.flatnonzero(fold != number)), table.take(np.flatnonzero(fold == number))
    judge, real, found = Judge(train), list(test.values("audio")), {}
    start = time.process_time()
    codec = km.AudioPCA.of(train, "audio")
    print(
        f"\nfold {number}: {codec.moments} moments in {codec.pieces} pieces, {codec.out} numbers, {codec.kept:.3f} of "
        f"the variance, {time.process_time() - start:.0f} CPU s",
        flush=True,
    )
    whole = km.AudioPCA.of(train, "audio", pieces=1, moments=512)
    low = [Waveform(soxr.resample(value.samples, value.rate, codec.rate), codec.rate) for value in real]
    spectral = [codec._sound(codec.spectrum(value)) for value in real]
    sounds = {"real": real, "real, 16 kHz": low, "spectrum without components": spectral}
    sounds |= {"codec": codec.decode(codec.encode(real)), "whole": whole.decode(whole.encode(real))}
    for name, values in sounds.items():
        found[f"{name}: judged right"] = judge.right(values, test.labels)
        print(f"  {name}: {found[f'{name}: judged right']:.3f}", flush=True)
        if not name.startswith("real"):
            found[f"{name}: convergence, dB"] = convergence(codec, real, values)
    for name, one in (("codec", codec), ("whole", whole)):
        found |= {f"{name}: {key}": value for key, value in one.round_trip(real).items()}
    space = km.fit(train, seed=0)
    words = space.as_table([{"text": word} for word in sorted(set(table.labels))])
    y_real, y_train = codec.encode(real), codec.encode(train.values("audio"))
    for recipe, draws in ((km.Flow(), given.draws), (km.Ridge(), 1)):
        start, name = time.process_time(), type(recipe).__name__
        training = km.Training(steps=given.steps, batch_size=128)
        making = {"decoders": {"audio": recipe}, "codecs": {"audio": codec}}
        made = km.fit(train, init=space, **making, training=training, seed=0)
        print(f"  {name}: {time.process_time() - start:.0f} CPU s; {made.notes[-1]}", flush=True)
        y, of = latents(made, words, draws, 0, to="audio"), np.repeat(words_of(words), draws)
        values = codec.decode(y)
        found[f"word → sound, {name}: judged right"] = judge.right(values, of)
        found[f"word → sound, {name}: nearest"] = memorization_ratio(y, y_train, y_real)
        if draws > 1:
            found[f"word → sound, {name}: diversity"] = diversity_ratio(y, y_real, of, test.labels)
        sounds[name] = values[::draws]
    if given.look:
        look(codec, test, sounds, words_of(words), Path(given.look), number)
    return found


def words_of(table):
    return list(table.values("text"))


def look(codec, test, sounds, words, folder, number):
    """A sheet of spectra, a kind of sound a row, and the sounds themselves."""
    from matplotlib import pyplot

    folder.mkdir(parents=True, exist_ok=True)
    first = [test.labels.index(word) for word in words]
    figure, axes = pyplot.subplots(len(words), len(sounds), figsize=(3 * len(sounds), 1.6 * len(words)))
    for column, (name, values) in enumerate(sounds.items()):
        for row, word in enumerate(words):
            value = values[row] if name in ("Flow", "Ridge") else values[first[row]]
            axes[row, column].imshow(codec.spectrum(value), origin="lower", aspect="auto", vmin=-9, vmax=4)
            axes[row, column].set_ylabel(word if column == 0 else "")
            axes[row, column].set(xticks=[], yticks=[], title=name if row == 0 else "")
            soundfile.write(folder / f"{number}-{word}-{name}.wav".replace(" ", "-"), value.samples, value.rate)
    figure.tight_layout()
    figure.savefig(folder / f"spectra-{number}.png", dpi=60)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--folds", type=int, nargs="+", default=[1, 2, 3, 4])
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--draws", type=int, default=8)
    parser.add_argument("--look", help="a folder for spectra (needs matplotlib) and sounds")
    given = parser.parse_args()
    print(machine(), flush=True)
    every = []
    with single_threaded_torch():
        for number in given.folds:
            every.append(fold_of(number, given))
            for name, value in every[-1].items():
                print(f"  {name}: {value:.3f}", flush=True)
    print("\nmean of", len(every))
    for name in every[0]:
        print(f"  {name}: {np.mean([found[name] for found in every]):.3f}")
    print(machine())


if __name__ == "__main__":
    main()
