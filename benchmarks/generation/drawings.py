"""Claim: unseen drawings of 128 pixels come back from `ImagePatchPCA` so that they are recognised, in seconds.

    python -m benchmarks drawings NODE_MODULES [--size 128] [--seeds 3] [--others]

NODE_MODULES holds `openmoji`, `@iconify-json/noto`, `@iconify-json/fluent-emoji-flat` (for names) and
`@iconify-json/fluent-emoji`, and `@lobehub/fluent-emoji-3d` (`npm install`); SVG is drawn by `resvg_py`. All contents
that four styles have, without flags and skin tones; 300 of them are unseen in any style. A picture that a codec gives
back is recognised if the nearest of all drawings, in all styles, is of its content: by pixels, and by
EfficientNet-Lite0's features, standardised, by cosine. Right style: the nearest is also of its style.
"""

import argparse
import io
import json
import time
from pathlib import Path

import numpy as np
from common import machine
from PIL import Image as pil

import kuamo as km
from kuamo.core.modules import single_threaded_torch
from kuamo.encoders import EfficientNetLite0
from kuamo.encoders.feature_cache import features
from kuamo.generation.codecs.image_pca import round_trip
from kuamo.metrics.sample_quality import nearest_rows

STYLES = ("noto", "fluent-emoji", "openmoji", "fluent-emoji-3d")


def key_of(code):
    """A code point's name, without the variation selector."""
    return "-".join(part for part in code.lower().split("-") if part != "fe0f")


def icons(folder, name):
    """Code → SVG of an icon set; the flat Fluent set has the names of both."""
    sets, named = folder / "@iconify-json", "fluent-emoji-flat" if name == "fluent-emoji" else name
    drawn = json.loads((sets / name / "icons.json").read_text("utf-8"))
    found = {}
    for code, title in json.loads((sets / named / "chars.json").read_text("utf-8")).items():
        if one := drawn["icons"].get(title):
            box = f"0 0 {one.get('width', drawn['width'])} {one.get('height', drawn['height'])}"
            found.setdefault(
                key_of(code),
                f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="{box}">'
                f"{one['body']}</svg>",
            )
    return found


def on_white(picture, size):
    """(size, size, 3) uint8."""
    picture = picture.convert("RGBA").resize((size, size), pil.Resampling.BOX)
    ground = pil.new("RGBA", picture.size, "white")
    ground.alpha_composite(picture)
    return np.asarray(ground.convert("RGB"))


def drawings(folder, size):
    """Style → pictures (n, size, size, 3), and the names of the contents (n,)."""
    import resvg_py

    def drawn(svg):
        return on_white(pil.open(io.BytesIO(bytes(resvg_py.svg_to_bytes(svg_string=svg, width=size)))), size)

    known = json.loads((folder / "openmoji" / "data" / "openmoji.json").read_text("utf-8"))
    usual = [one for one in known if not one["skintone"] and one["group"] not in ("flags", "component")]
    names = {key_of(one["hexcode"]): one["annotation"] for one in usual if not one["group"].startswith("extras")}
    makers = {name: {k: (drawn, v) for k, v in icons(folder, name).items()} for name in ("noto", "fluent-emoji")}
    for name, pattern in (("openmoji", "openmoji/color/svg/*.svg"), ("fluent-emoji-3d", "@lobehub/*3d/assets/*.webp")):
        read = (
            (lambda p: drawn(p.read_text("utf-8"))) if name == "openmoji" else (lambda p: on_white(pil.open(p), size))
        )
        makers[name] = {key_of(path.stem): (read, path) for path in sorted(folder.glob(pattern))}
    common = [key for key in names if all(key in makers[style] for style in STYLES)]
    made = {style: np.stack([make(what) for make, what in map(makers[style].get, common)]) for style in STYLES}
    return made, [names[key] for key in common]


def table_of(pictures):
    return km.Table({"image": list(pictures)}, modalities={"image": km.Image()})


def seen_as(pictures):
    """Features (n, D)."""
    with single_threaded_torch():
        return np.asarray(features(table_of(pictures), "image", EfficientNetLite0()))


class Judge:
    """The nearest of all drawings, by pixels and by features; number k is of content k % n in style k // n."""

    def __init__(self, made):
        self.count = len(made[STYLES[0]])
        every = np.concatenate([made[style] for style in STYLES])
        found = seen_as(every)
        self.shift, self.spread = found.mean(0), found.std(0) + 1e-6
        self.seen, self.pixels = self.units(found), self.flat(every)

    def units(self, found):
        found = (found - self.shift) / self.spread
        return found / np.linalg.norm(found, axis=1, keepdims=True)

    @staticmethod
    def flat(pictures):
        """At half the size, (n, D)."""
        n, size = pictures.shape[:2]
        small = pictures.reshape(n, size // 2, 2, size // 2, 2, 3).mean((2, 4), dtype=np.float32)
        return small.reshape(n, -1)

    def __call__(self, pictures, numbers):
        nearest = {
            "pixels": nearest_rows(self.flat(pictures), self.pixels)[0],
            "features": (self.units(seen_as(pictures)) @ self.seen.T).argmax(1),
        }
        return ", ".join(
            f"{how}: content {(found % self.count == numbers % self.count).mean():.3f}, "
            f"style {(found // self.count == numbers // self.count).mean():.3f}"
            for how, found in nearest.items()
        )


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--others", action="store_true", help="also ImagePCA and ImageConv, which take minutes each")
    given = parser.parse_args()
    print(machine(), flush=True)
    made, names = drawings(given.folder, given.size)
    n, judge = len(names), Judge(made)
    print(f"{n} contents in {len(STYLES)} styles", flush=True)
    for seed in range(given.seeds):
        unseen = np.random.default_rng(seed).permutation(n)[:300]
        known = np.setdiff1d(np.arange(n), unseen)
        train = table_of(np.concatenate([made[style][known] for style in STYLES]))
        numbers = np.concatenate([unseen + n * k for k in range(len(STYLES))])
        test = np.concatenate([made[style][unseen] for style in STYLES])
        makers = {
            "ImagePatchPCA, 8": lambda t: km.ImagePatchPCA.of(t, "image", components=8),
            "ImagePatchPCA, 16": lambda t: km.ImagePatchPCA.of(t, "image", components=16),
            "ImagePatchPCA, 32": lambda t: km.ImagePatchPCA.of(t, "image", components=32),
            "ImagePatchPCA, as it comes": lambda t: km.ImagePatchPCA.of(t, "image"),
            "ImagePatchPCA, patches of 16, 64": lambda t: km.ImagePatchPCA.of(t, "image", components=64, patch=16),
        }
        if given.others:
            makers["ImagePCA, 768"] = lambda t: km.ImagePCA.of(t, "image", components=768, size=given.size)
            makers["ImageConv, 16"] = lambda t: km.ImageConv.of(t, "image", size=given.size, channels=16)
        for name, make in makers.items():
            start = time.process_time()
            codec = make(train)
            took = time.process_time() - start
            back = np.stack(codec.decode(codec.encode(test)))
            psnr = round_trip(codec, test[::4])["psnr"]
            print(f"split {seed}, {name}: {codec.out} numbers, {took:.0f} CPU s, {psnr:.1f} dB; {judge(back, numbers)}")
    print(machine())


if __name__ == "__main__":
    main()
