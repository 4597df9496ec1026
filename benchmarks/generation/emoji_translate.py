"""Claim: unseen emoji at 64 px come back from the codec so that they are recognised; and what texts are made into.

    python -m benchmarks emoji_translate [--grid FILE] [--steps 1500] [--conv] [--codecs-only] [--data shapes]
        [--numbers 768]

300 unseen concepts, three splits. Codec: `ImagePCA` as it comes, learned from the other 1,336 pictures. A decoded
picture is recognised if the nearest of all 300 real ones is its own: by pixels, and by EfficientNet-Lite0's features,
centred, by cosine. `--conv`: also the convolutional autoencoder, of 768 numbers as well. `--data shapes`: 40
of 192 combinations are unseen, at 32 px, and both codecs have 128 numbers.

Text → picture: English and Chinese names and pictures in one space, a flow of the components. Its figures are those of
`km.evaluate(generated=...)`; ridge beside it. The grid has, for each of twelve unseen concepts, the real picture, four
made ones, and the training picture nearest to the first of them: copying is shown, not hidden.
"""

import argparse
import time

import numpy as np
from common import machine

import kuamo as km
from kuamo.cli.media_files import save_sheet
from kuamo.core.modules import single_threaded_torch
from kuamo.core.threads import single_threaded_blas
from kuamo.encoders import EfficientNetLite0
from kuamo.encoders.feature_cache import features
from kuamo.metrics.sample_quality import nearest_rows


def recognised(codec, test):
    """R@1 by pixels and by features, and the round trip's own figures."""
    from kuamo.generation.codecs.image_pca import on_canvas

    real = [on_canvas(value, codec.height, codec.width) for value in test.values("image")]
    back = codec.decode(codec.encode(real))
    flat = [np.stack(one).reshape(len(one), -1).astype(np.float32) for one in (back, real)]
    pixels = (nearest_rows(*flat)[0] == np.arange(len(real))).mean()
    x, y = (
        np.asarray(features(km.Table({"image": one}, modalities={"image": km.Image()}), "image", EfficientNetLite0()))
        for one in (back, real)
    )
    x, y = (one - y.mean(0) for one in (x, y))
    x, y = (one / np.linalg.norm(one, axis=1, keepdims=True) for one in (x, y))
    return float(pixels), float(((x @ y.T).argmax(1) == np.arange(len(real))).mean()), codec.round_trip(real)


def side(table):
    """Of its square pictures, in pixels."""
    return next(iter(table.values("image"))).shape[0]


def compare(title, make, train, test):
    """One codec's line."""
    start = time.process_time()
    with single_threaded_blas():
        codec = make(train)
    took = time.process_time() - start
    pixels, seen, trip = recognised(codec, test)
    print(
        f"{title}: {codec.out} numbers, {took:.0f} CPU s; R@1 of unseen by pixels {pixels:.3f}, "
        f"by features {seen:.3f}; PSNR {trip['psnr']:.1f} dB",
        flush=True,
    )


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--conv", action="store_true")
    parser.add_argument("--codecs-only", action="store_true")
    parser.add_argument("--data", choices=("emoji", "shapes"), default="emoji")
    parser.add_argument("--numbers", type=int, help="that both codecs have")
    parser.add_argument("--grid")
    given = parser.parse_args()
    print(machine(), flush=True)
    table = km.datasets.emoji() if given.data == "emoji" else km.datasets.shapes(rows=2700)
    unseen, usual = {"emoji": (300, 768), "shapes": (40, 128)}[given.data]
    numbers = given.numbers or usual
    for seed in range(given.seeds):
        train, test = table.split(test=unseen, by="group", seed=seed)
        makers = {"ImagePCA": lambda t: km.ImagePCA.of(t, "image", components=numbers)}
        if given.conv:
            makers["ImageConv"] = lambda t: km.ImageConv.of(t, "image", channels=64 * numbers // side(t) ** 2)
        for name, make in makers.items():
            compare(f"split {seed}, {name}", make, train, test)
    if given.codecs_only:
        print(machine())
        return
    train, test = table.split(test=300, by="group", seed=0)
    codec = km.ImagePCA.of(train, "image")
    with single_threaded_torch():
        space = km.fit(train, seed=0)
        for recipe in (km.Ridge(), km.Flow()):
            start = time.process_time()
            made = km.fit(
                train, init=space, decoders={"image": recipe}, codecs={"image": codec}, seed=0,
                training=km.Training(steps=given.steps),
            )  # fmt: skip
            took = time.process_time() - start
            report = km.evaluate(made, test, generated=["image"], training=train, examples=0)
            print(f"{type(recipe).__name__}: {took:.0f} CPU s; {made.notes[-1]}")
            for name, interval in report.intervals.items():
                if "text_to_image_made" in name:
                    print(f"  {name}: {interval.value:.3f} [{interval.low:.3f}, {interval.high:.3f}]", flush=True)
    if given.grid:
        few = test.take(np.random.default_rng(0).permutation(len(test))[:12])
        drawn = made.translate(few.select("text"), to="image", samples=4, seed=0)
        known, y = codec.encode(train.values("image")), [codec.encode(row[:1])[0] for row in drawn]
        near = codec.decode(known[nearest_rows(np.stack(y), known)[0]])
        real = codec.decode(codec.encode(few.values("image")))
        rows = [[one, *draws, copy] for one, draws, copy in zip(real, drawn, near, strict=True)]
        from pathlib import Path

        save_sheet(rows, Path(given.grid))
        print(*few.values("text"), sep="\n")
    print(machine())


if __name__ == "__main__":
    main()
