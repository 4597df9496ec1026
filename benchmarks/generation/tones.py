"""Claim: emoji get a skin tone in which they were never seen, also gestures that were never seen in any tone.

    python -m benchmarks tones [--grid FILE] [--seeds 3]

`km.datasets.emoji_tones()`: 316 gestures in five tones, the picture without a tone, the name, and the tone's name, all
columns of one space (`km.fit` as it comes); the picture is made by `km.Bilinear`.

    combinations    a fifth of the 1,580 pictures is left out; every gesture and every tone has been seen
    gestures        a fifth of the gestures is left out, in all tones
    names           as combinations, without the picture that has no tone: of the name and the tone's name alone

What is made is right if the nearest of all 1,580 real pictures, by pixels, is of its gesture and of its tone. Beside
it: the untinted picture in its stead, what the codec gives back, and a flow of the fused code. For gestures that were
left out, names alone are shown too: what nobody has seen cannot be drawn from its name, but its tone can be.
"""

import argparse
import time
from pathlib import Path

import numpy as np
from common import machine

import kuamo as km
from kuamo.cli.media_files import save_sheet
from kuamo.core.modules import single_threaded_torch
from kuamo.metrics.sample_quality import nearest_rows


class Judge:
    """The nearest of all real pictures."""

    def __init__(self, table):
        self.flat = flat(table.values("image"))
        self.gesture, self.tone = (np.array(table.meta[name]) for name in ("gesture", "tone"))

    def __call__(self, made, rows):
        found = nearest_rows(flat(made), self.flat)[0]
        gesture, tone = self.gesture[found] == self.gesture[rows], self.tone[found] == self.tone[rows]
        return f"both {(gesture & tone).mean():.3f}, gesture {gesture.mean():.3f}, tone {tone.mean():.3f}"


def flat(pictures):
    return np.stack([picture.reshape(-1) for picture in pictures]).astype(np.float32)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--flow", type=int, default=0, metavar="STEPS")
    parser.add_argument("--grid")
    given = parser.parse_args()
    print(machine(), flush=True)
    table = km.datasets.emoji_tones()
    judge, count = Judge(table), len(table)
    gesture = judge.gesture
    for seed in range(given.seeds):
        rng = np.random.default_rng(seed)
        single = rng.random(count) < 0.2
        whole = np.isin(gesture, rng.permutation(gesture.max() + 1)[: (gesture.max() + 1) // 5])
        for what, left in (("combinations", single), ("gestures", whole)):
            train, test, rows = (
                table.take(np.flatnonzero(~left)),
                table.take(np.flatnonzero(left)),
                np.flatnonzero(left),
            )
            start = time.process_time()
            with single_threaded_torch():
                space = km.fit(train, seed=0)
            fitted = time.process_time() - start
            start = time.process_time()
            edit = km.fit(train, init=space, decoders={"image": km.Bilinear(style="tone", base="base")}, seed=0)
            took = time.process_time() - start
            print(f"seed {seed}, unseen {what}: {len(rows)} pictures; space {fitted:.0f}, decoder {took:.0f} CPU s")
            for note in edit.notes[-2:]:
                print("   ", note)
            codec, others = edit.port("image").codec, list(test.values("base"))
            print("  untinted picture:", judge(others, rows))
            print("  through the codec:", judge(codec.decode(codec.encode(test.values("image"), others), others), rows))
            made = edit.translate(test.select("text", "tone", "base"), to="image")
            print("  name, tone and untinted picture:", judge(made, rows))
            print("  tone and untinted picture:", judge(edit.translate(test.select("tone", "base"), to="image"), rows))
            names = km.fit(train.select("text", "tone", "image"), seed=0)
            names = km.fit(
                train.select("text", "tone", "image"), init=names, decoders={"image": km.Bilinear(style="tone")}, seed=0
            )
            said = names.translate(test.select("text", "tone"), to="image")
            print("  names alone:", judge(said, rows), flush=True)
            if given.flow:
                with single_threaded_torch():
                    flow = km.fit(
                        train,
                        init=space,
                        decoders={"image": km.Flow()},
                        training=km.Training(steps=given.flow),
                        seed=0,
                    )
                print("  a flow of all:", judge(flow.translate(test.select("text", "tone", "base"), to="image"), rows))
            if given.grid and seed == 0:
                some = np.random.default_rng(0).permutation(len(rows))[:12]
                real = list(test.values("image"))
                sheet = [[others[i], made[i], real[i], said[i]] for i in some]
                half = [sheet[k] + sheet[k + 6] for k in range(6)]
                save_sheet(half, Path(given.grid).with_stem(f"{Path(given.grid).stem}-{what}"))
    print(machine())


if __name__ == "__main__":
    main()
