"""Claim: pictures are put into words, written or found, in English and Chinese; which of the two it is, a fit decides
on held-out rows and says.

    python -m benchmarks captions [--seeds 0 1 2] [--only emoji shapes] [--recipes TextRNN …]

Emoji: 300 unseen concepts (split by group), name and keywords in English or Chinese, a space of that column and the
pictures. Overlap: words (Chinese: characters) in common with the row's own text, and of the name alone, which is what
stands before the colon. Round trip: the caption goes through the text encoder into the space as a query; is the picture
it was made of the first, or among the first ten, of the 300? The row's own text does the same beside it.

Shapes: pictures of combinations that were never seen together, a fifth of 192; all four attributes right means that the
caption is the picture's own, word by word. Found texts are of seen combinations, so they cannot be right there, and
three attributes of four are the most they reach. In Chinese the caption is written without spaces. Captions of other
pictures of seen combinations stand beside.
"""

import argparse
import time

import numpy as np
from common import machine

import kuamo as km
from kuamo.core.modules import single_threaded_torch
from kuamo.metrics.sample_quality import token_f1

RECIPES = {"TextRNN": km.TextRNN(), "NearestText": km.NearestText(), "Caption": km.Caption()}
WORDS = {
    "small": "小", "large": "大", "red": "红", "green": "绿", "blue": "蓝", "yellow": "黄", "purple": "紫",
    "white": "白", "circle": "圆", "square": "方块", "triangle": "三角", "cross": "十字", "top left": "左上角",
    "top right": "右上角", "bottom left": "左下角", "bottom right": "右下角",
}  # fmt: skip
ATTRIBUTES = ("size", "colour", "shape", "place")


def captioned(space, recipe, train, test, column, seed, steps):
    """The captions of the test's pictures, CPU seconds, and what the fit says of them."""
    start, before = time.process_time(), len(space.notes)
    training = km.Training(steps=steps, batch_size=128)
    made = km.fit(train, init=space, decoders={column: recipe}, training=training, seed=seed)
    took = time.process_time() - start
    texts = made.translate(test.select("image"), to=column)
    return made, texts, took, made.notes[before:]


def ranks(space, texts, test, column):
    """Rank (n,) of each row's picture among all, best 1, of a text as a query."""
    query = np.asarray(space.encode(space.as_table([{column: text} for text in texts])))
    score = query @ np.asarray(space.encode(test.select("image"))).T
    return 1 + (score > np.diag(score)[:, None]).sum(1)


def name_of(text):
    return text.replace("：", ":").split(":")[0]


def emoji(seed, given):
    for column, language in (("text", "English"), ("text_zh", "Chinese")):
        train, test = km.datasets.emoji(columns=(column, "image")).split(test=300, by="group", seed=seed)
        space, own = km.fit(train, seed=seed), list(test.values(column))
        real = ranks(space, own, test, column)
        print(f"\nemoji, {language}, split {seed}")
        print(f"  {'own text':9} round trip R@1 {(real <= 1).mean():.3f}, R@10 {(real <= 10).mean():.3f}")
        some = np.random.default_rng(0).permutation(len(test))[:8]
        shown = [own]
        for name in given.recipes:
            made, texts, took, notes = captioned(space, RECIPES[name], train, test, column, seed, given.steps)
            rank = ranks(made, texts, test, column)
            names = token_f1([name_of(text) for text in texts], [name_of(text) for text in own]).mean()
            print(
                f"  {name:9} overlap {token_f1(texts, own).mean():.3f}, of names {names:.3f}; round trip R@1 "
                f"{(rank <= 1).mean():.3f}, R@10 {(rank <= 10).mean():.3f}; {len(set(texts))} distinct captions, "
                f"{len(set(texts) - set(train.values(column)))} of them new; {took:.0f} CPU s",
                *notes, sep="\n            ", flush=True,
            )  # fmt: skip
            shown.append(texts)
        for row in some:
            print("    " + " | ".join(texts[row] for texts in shown[:3]))


def chinese(table):
    """The same rows with the captions' words in Chinese, without spaces."""
    parts = [[WORDS[one] for one in row] for row in zip(*(table.meta[name] for name in ATTRIBUTES), strict=True)]
    texts = [f"{place}有一个{size}{colour}{shape}" for size, colour, shape, place in parts]
    kinds = {"text": km.Text(), "image": km.Image()}
    columns = {"text": texts, "image": list(table.values("image"))}
    return km.Table(columns, modalities=kinds, group=texts, label=texts, meta=table.meta, source="shapes")


def attributes_right(texts, test, words):
    """(n, 4): is the attribute's own word in the caption, and no other of its kind?"""
    found = []
    for name in ATTRIBUTES:
        kinds = {one: words.get(one, one) for one in set(test.meta[name])}
        said = [[one for one, word in kinds.items() if word in text] for text in texts]
        found.append([one == [own] for one, own in zip(said, test.meta[name], strict=True)])
    return np.array(found).T


def shapes(seed, given):
    whole = km.datasets.shapes(rows=6000, held_out=0.2, seed=seed)
    new = km.datasets.shapes(rows=1500, seed=seed + 500)
    unseen = {t for t, s in zip(whole.labels, whole.meta["split"], strict=True) if s == "held-out"}
    for language, words, as_said in (("English", {}, lambda table: table), ("Chinese", WORDS, chinese)):
        train = as_said(whole.take([i for i, split in enumerate(whole.meta["split"]) if split == "seen"]))
        tests = {
            "held out": as_said(new.take([i for i, text in enumerate(new.labels) if text in unseen])),
            "seen": as_said(new.take([i for i, text in enumerate(new.labels) if text not in unseen])),
        }
        space = km.fit(train, seed=seed)
        print(f"\nshapes, {language}, seed {seed}: {len(train)} rows, {len(tests['held out'])} of new combinations")
        for name in given.recipes:
            made, texts, took, notes = captioned(
                space, RECIPES[name], train, tests["held out"], "text", seed, given.steps
            )
            both = {"held out": texts, "seen": made.translate(tests["seen"].select("image"), to="text")}
            for kind, said in both.items():
                right = attributes_right(said, tests[kind], words)
                same = np.mean([a == b for a, b in zip(said, tests[kind].values("text"), strict=True)])
                each = ", ".join(f"{one} {share:.3f}" for one, share in zip(ATTRIBUTES, right.mean(0), strict=True))
                overlap = token_f1(said, list(tests[kind].values("text"))).mean()
                print(f"  {name:9} {kind:8} all four {right.all(1).mean():.3f}, word by word {same:.3f} ({each}); "
                      f"overlap {overlap:.3f}")  # fmt: skip
            print(f"            {took:.0f} CPU s", *notes, sep="\n            ", flush=True)
        for row in range(4):
            print(f"    {tests['held out'].labels[row]} | {texts[row]}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--only", nargs="+", choices=("emoji", "shapes"), default=["emoji", "shapes"])
    parser.add_argument("--recipes", nargs="+", choices=list(RECIPES), default=list(RECIPES))
    parser.add_argument("--steps", type=int, default=400, help="of 128 rows, of the writer")
    given = parser.parse_args()
    print(machine(), flush=True)
    with single_threaded_torch():
        for seed in given.seeds:
            for what in given.only:
                {"emoji": emoji, "shapes": shapes}[what](seed, given)
    print(machine())


if __name__ == "__main__":
    main()
