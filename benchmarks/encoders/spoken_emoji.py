"""Claim: a spoken emoji name, in a voice that was not heard in training, finds its picture among all 1,636.

    OPENBLAS_NUM_THREADS=1 python -m benchmarks spoken_emoji --folder voices        # needs espeak-ng on the path

Every name is spoken by eSpeak NG in twelve voices to learn from and in six others, three of each sex, two of them with
an accent that no training voice has. All concepts are known, only the voice is new. A cell of the training table holds
one recording for each voice. `--leave-out` gives the figures by which everything was chosen: training voices alone.
All voices are one synthesiser's, with its timing; variants of one accent differ in pitch, formants and breath, some by
so little that a voice left out has a near twin in training: `--leave-out` is much the kinder figure (.95 for .70).
"""

import argparse
import io
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import soundfile
import soxr
from common import machine

import kuamo as km

# "gmw/en" is "en-gb" by its file: eSpeak NG 1.51 ignores the variant in "en-gb+f2" without a word, but heeds this one.
TRAINING = ("en-us", "en-us+f3", "gmw/en", "gmw/en+f2", "en-us+m3", "en-us+f5", "gmw/en+m7", "en-gb-x-rp+f1",
            "en-gb-x-rp+m1", "en-us-nyc+m4", "en-029+Andrea", "en-us+Mike")  # fmt: skip
UNSEEN = {"en-us+Alicia": "F", "gmw/en+linda": "F", "en-gb-scotland+f4": "F", "en-us+m2": "M", "gmw/en+Lee": "M",
          "en-gb-x-gbcwmd+m5": "M"}  # fmt: skip
RATE = 16000


def recording(text: str, voice: str) -> bytes:
    """A text spoken by eSpeak NG, as FLAC."""
    command = ["espeak-ng", "-v", voice, "--stdout", text]
    wave = subprocess.run(command, check=True, capture_output=True).stdout
    samples, rate = soundfile.read(io.BytesIO(wave), dtype="float32")
    out = io.BytesIO()
    soundfile.write(out, soxr.resample(samples, rate, RATE), RATE, format="FLAC")
    return out.getvalue()


def spoken(names: list[str], voice: str, folder: Path) -> list[bytes]:
    """All names in one voice, kept in a file of the folder."""
    path = folder / f"{voice.replace('/', '-')}.parquet"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        table = pa.table({"name": names, "audio": [recording(name, voice) for name in names]})
        pq.write_table(table, path.with_suffix(".part"))
        path.with_suffix(".part").replace(path)
    return pq.read_table(path)["audio"].to_pylist()


def check_distinct(folder: Path) -> None:
    """No two voices may be one: an ignored variant would make an unseen voice a known one.

    Raises:
        ValueError: naming two voices with the same recordings.
    """
    seen: dict[bytes, str] = {}
    for voice in (*TRAINING, *UNSEEN):
        first = b"".join(spoken([], voice, folder)[:20])
        if first in seen:
            raise ValueError(f"given the voices {seen[first]!r} and {voice!r}, which sound the same; expected two")
        seen[first] = voice


def table_of(voices: Sequence[str], folder: Path) -> km.Table:
    """All emoji; a cell holds one recording for each voice."""
    emoji = km.datasets.emoji(columns=("image",))
    cells = zip(*(spoken(emoji.meta["name"], voice, folder) for voice in voices), strict=True)
    columns = {"audio": [list(cell) for cell in cells], "image": [emoji[row]["image"] for row in range(len(emoji))]}
    kinds = {"audio": km.Audio(), "image": km.Image()}
    return km.Table(columns, modalities=kinds, id=emoji.ids, group=emoji.groups, source="spoken emoji")


def fitted(voices: Sequence[str], given: argparse.Namespace) -> km.Space:
    """Frozen features, the closed form, then InfoNCE: each recording of a cell is a positive of its picture."""
    training = km.Training(steps=given.steps, batch_size=256, lr=2e-3)
    return km.fit(table_of(voices, given.folder), km.InfoNCE(), dim=256, training=training, seed=given.seed)


def scored(space: km.Space, voice: str, folder: Path) -> list[float]:
    """R@1 and R@10 audio → image, and R@1 image → audio, of one recording a row."""
    report = km.evaluate(space, table_of([voice], folder), cutoffs=(1, 10), examples=0)
    return [report[name] for name in ("audio_to_image_R@1", "audio_to_image_R@10", "image_to_audio_R@1")]


def show(voice: str, figures: Sequence[float]) -> None:
    print(f"{voice:24} audio → image R@1 {figures[0]:.3f}  R@10 {figures[1]:.3f}   image → audio R@1 {figures[2]:.3f}")


def leave_out(given: argparse.Namespace) -> None:
    """What is chosen by: every third training voice is left out, in turn."""
    kept = []
    for part in range(3):
        held = TRAINING[part::3]
        space = fitted([voice for voice in TRAINING if voice not in held], given)
        for voice in held:
            kept.append(scored(space, voice, given.folder))
            show(voice, kept[-1])
    show("mean of voices left out", np.mean(kept, axis=0))


def main() -> None:
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("--folder", type=Path, required=True, help="where the spoken names are kept")
    options.add_argument("--steps", type=int, default=300)
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--leave-out", action="store_true", help="training voices alone, as everything was chosen")
    given = options.parse_args()
    print(machine())
    for voice in (*TRAINING, *UNSEEN):
        table_of([voice], given.folder)
    check_distinct(given.folder)
    start = time.process_time()
    if given.leave_out:
        leave_out(given)
    else:
        space = fitted(TRAINING, given)
        print(f"{len(TRAINING)} training voices: {', '.join(TRAINING)}", *space.notes, sep="\n")
        print(f"features and training: {time.process_time() - start:.1f} CPU s")
        figures = [scored(space, voice, given.folder) for voice in UNSEEN]
        for (voice, sex), row in zip(UNSEEN.items(), figures, strict=True):
            show(f"{voice} ({sex})", row)
        show("mean of unseen voices", np.mean(figures, axis=0))
    print(f"{time.process_time() - start:.1f} CPU s in all\n{machine()}")


if __name__ == "__main__":
    main()
