"""Which frozen encoder for sounds: spectra, a network of sound effects, or both side by side?

ESC-10 (folds 1–4, each unseen in turn): accuracy of logistic regression and of the nearest class mean; text ↔ audio by
label in a space of kuamo. Emoji names, spoken: text ↔ audio, 300 unseen concepts, seeds 100–103.

    python -m benchmarks sound_encoders            (ESC-10 from ../shared/data or KUAMO_DATA)
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from common import machine

import kuamo as km
from kuamo.encoders import DefaultAudioEncoder, SoundEffects, SpectralFeatures
from kuamo.encoders.feature_cache import features

DATA = Path(os.environ.get("KUAMO_DATA", Path(__file__).parents[3] / "shared" / "data")) / "esc10.parquet"


def esc10() -> tuple[km.Table, np.ndarray]:
    """Sounds and the names of their classes, and the fold of each row."""
    rows = pq.read_table(DATA).to_pydict()
    kinds = {"text": km.Text(), "audio": km.Audio()}
    columns = {name: rows[name] for name in kinds}
    return km.Table(columns, modalities=kinds, id=rows["source"], label=rows["text"]), np.array(rows["fold"])


def classified(x: np.ndarray, label: np.ndarray, train: np.ndarray) -> tuple[float, float]:
    """Accuracy on the rows that are not of `train`: logistic regression, and nearest class mean by cosine."""
    from sklearn.linear_model import LogisticRegression

    mean, std = x[train].mean(0), x[train].std(0) + 1e-6
    x = (x - mean) / std
    model = LogisticRegression(C=0.01, max_iter=300).fit(x[train], label[train])
    names = np.unique(label)
    centre = np.stack([x[train & (label == name)].mean(0) for name in names])
    centre /= np.linalg.norm(centre, axis=1, keepdims=True)
    nearest = names[(x[~train] @ centre.T).argmax(1)]
    return model.score(x[~train], label[~train]), float((nearest == label[~train]).mean())


def found(
    train: km.Table, test: km.Table, encoder: Any, metric: str, positives: str, objective: Any
) -> tuple[float, float]:
    """(audio → text, text → audio) in a space fitted on `train`."""
    space = km.fit(train, objective, encoders={"audio": encoder}, seed=0)
    values = km.evaluate(space, test, positives=positives).intervals
    return values[f"audio_to_text_{metric}"].value, values[f"text_to_audio_{metric}"].value


def main() -> None:
    """One line for each encoder."""
    print(machine())
    sounds, fold = esc10()
    label = np.array(sounds.labels)
    spoken = km.datasets.emoji(columns=("text", "audio"))
    splits = [spoken.split(test=300, by="group", seed=seed) for seed in range(100, 104)]
    parts = [(sounds.take(np.flatnonzero(fold != k)), sounds.take(np.flatnonzero(fold == k))) for k in (1, 2, 3, 4)]
    for encoder in (SpectralFeatures(), SoundEffects(), DefaultAudioEncoder()):
        start = time.process_time()
        x = features(sounds, "audio", encoder)
        esc_time, start = time.process_time() - start, time.process_time()
        features(spoken, "audio", encoder)
        emoji_time = time.process_time() - start
        accuracy = np.mean([classified(x, label, fold != k) for k in (1, 2, 3, 4)], axis=0)
        esc = np.mean([found(*part, encoder, "mAP", "label", km.CCA()) for part in parts], axis=0)
        solved = np.mean([found(*split, encoder, "R@10", "row", km.CCA()) for split in splits], axis=0)
        default = np.mean([found(*split, encoder, "R@10", "row", None) for split in splits], axis=0)
        print(
            f"{type(encoder).__name__:17} ESC-10: accuracy {accuracy[0]:.3f}, nearest class {accuracy[1]:.3f}, "
            f"audio→text mAP {esc[0]:.3f}, text→audio mAP {esc[1]:.3f}, {esc_time:.0f} CPU s | "
            f"spoken emoji R@10: CCA {solved[0]:.3f} / {solved[1]:.3f}, fit's default {default[0]:.3f} / "
            f"{default[1]:.3f}, {emoji_time:.0f} CPU s",
            flush=True,
        )


if __name__ == "__main__":
    main()
