"""Claim: a spoken digit of a voice that was never heard finds handwritten digits, and the other way round.

    KUAMO_DATA=… python -m benchmarks digits [--choose [--ring]] [--speakers george …] [--half] [--voices 150]

Each of the five speakers is left out in turn. Training: MNIST train pictures, the other four speakers' recordings, and
synthetic voices of eSpeak NG and Flite, if they are installed (`--voices 0` for none); right answers are those of the
same digit. Words are a third column, which gives both others something simple to agree with. Test: the unseen speaker's
500 recordings and 500 MNIST test pictures, each the gallery of the other; full-list mAP. `--half` removes half of all
training cells.

`--choose` compares the settings below on pairs of speakers, both left out: for each speaker that is reported, the
setting counts that is best on the others, in fits that did not hear the reported one either.
"""

import argparse
import time
from itertools import combinations

import numpy as np
from common import machine

import kuamo as km
from kuamo.core.modules import single_threaded_torch
from kuamo.data.datasets.digits import SPEAKERS, WORDS
from kuamo.data.speech_synthesis import programs
from kuamo.encoders.audio_cnn import AudioCNN
from kuamo.encoders.image_cnn import ImageCNN
from kuamo.encoders.token_mean import TokenMean, train_tokenizer

SPOKEN = {"dim": 64, "width": 16, "rate": 8000, "mels": 40, "n_fft": 256, "hop": 80, "trim": 40.0, "per_band": True}
STILL = {"speed": 0.0}  # sounds are stretched to one length anyway
SETTINGS = {
    "any place": SPOKEN | {"augment": {}},
    "in place": SPOKEN | {"frames": 48, "dropout": 0.2, "augment": STILL},
    "in place, nothing silent": SPOKEN | {"frames": 48, "dropout": 0.2, "augment": STILL | {"mask": 0.0}},
    "in place, not moved": SPOKEN | {"frames": 48, "dropout": 0.2},
}
CHOSEN = "in place, nothing silent"


def train_table(unseen: tuple[str, ...], voices: int, half: bool) -> km.Table:
    speakers = [speaker for speaker in SPEAKERS if speaker not in unseen]
    table = km.datasets.digits(rows=12000, speakers=speakers, voices=voices if programs() else 0, seed=0)
    if not half:
        return table
    rng = np.random.default_rng(1)
    kept = {name: rng.random(len(table)) < 0.5 for name in table.columns}
    cells = {name: [table[i][name] if there else None for i, there in enumerate(kept[name])] for name in kept}
    return km.Table(cells, modalities=table.modalities, group=table.groups, label=table.labels, source=table.source)


def fit(table: km.Table, setting: str, given: argparse.Namespace) -> tuple[km.Space, float]:
    """A space and the CPU seconds that it took."""
    start = time.process_time()
    encoders = {
        "image": ImageCNN(size=28, dim=64, width=16, in_place=True),
        "audio": AudioCNN(**SETTINGS[setting]),
        "text": TokenMean(train_tokenizer(WORDS), dim=64),
    }
    training = km.Training(steps=given.steps, batch_size=given.batch, lr=given.lr, weight_decay=1e-2)
    with single_threaded_torch():
        space = km.fit(
            table, km.InfoNCE(positives="label"), encoders=encoders, dim=32, training=training, seed=given.seed
        )
    return space, time.process_time() - start


def score(space: km.Space, speaker: str) -> tuple[float, float]:
    test = km.datasets.digits(columns=("image", "audio"), speakers=(speaker,), split="test", seed=0)
    with single_threaded_torch():
        report = km.evaluate(space, test, positives="label", examples=0)
    return report["image_to_audio_mAP"], report["audio_to_image_mAP"]


def choose(given: argparse.Namespace) -> None:
    """The mean mAP of speaker t where s and t were left out tells which setting s gets."""
    means: dict[str, dict[str, list[float]]] = {s: {name: [] for name in given.settings} for s in SPEAKERS}
    pairs = [(SPEAKERS[i], SPEAKERS[(i + 1) % 5]) for i in range(5)] if given.ring else list(combinations(SPEAKERS, 2))
    for pair in pairs:
        table = train_table(pair, given.voices, False)
        for name in given.settings:
            space, seconds = fit(table, name, given)
            found = {speaker: float(np.mean(score(space, speaker))) for speaker in pair}
            for reported, other in (pair, pair[::-1]):
                means[reported][name].append(found[other])
            print(f"{name}: without {pair}: {found} ({seconds:.0f} CPU s)", flush=True)
    for speaker, by_setting in means.items():
        print(speaker, {name: round(float(np.mean(values)), 3) for name, values in by_setting.items() if values})


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--choose", action="store_true")
    parser.add_argument("--half", action="store_true")
    parser.add_argument("--speakers", nargs="+", default=SPEAKERS)
    parser.add_argument("--settings", nargs="+", default=list(SETTINGS))
    parser.add_argument("--setting", default=CHOSEN)
    parser.add_argument("--voices", type=int, default=150)
    parser.add_argument("--steps", type=int, default=900)
    parser.add_argument("--batch", type=int, default=96)
    parser.add_argument("--lr", type=float, default=3e-3)
    parser.add_argument("--ring", action="store_true", help="choose by five pairs, not by all ten")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    print(machine(), "; synthetic voices by", programs() or "nobody", flush=True)
    if given.choose:
        choose(given)
        return
    found = []
    for speaker in given.speakers:
        space, seconds = fit(train_table((speaker,), given.voices, given.half), given.setting, given)
        found.append(score(space, speaker))
        print(f"{speaker}: image→audio {found[-1][0]:.3f}, audio→image {found[-1][1]:.3f} ({seconds:.0f} CPU s)")
        print(space.notes[-1], flush=True)
    means = np.mean(found, axis=0)
    print(f"mean mAP, galleries of 500: image→audio {means[0]:.3f}, audio→image {means[1]:.3f}\n{machine()}")


if __name__ == "__main__":
    main()
