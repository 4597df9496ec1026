"""Claim: a picture is described aloud by way of words; how that compares with sounds that are learned as sounds.

    KUAMO_DATA=… python -m benchmarks spoken_description [--only emoji digits] [--seeds 0 1 2] [--peer FOLDER]

Emoji: names, pictures and the names spoken in four voices; 300 unseen concepts. `TextToSpeech` finds or writes a
name and has espeak-ng read it; a flow makes the sound. The listener is another space, of names and recordings
alone (frozen sound encoder): how often is the picture's own name the nearest of the 300, or among the ten
nearest, of what it hears? Real recordings and their way through the codec stand beside: they say the very name,
which no maker here has ever heard.

Digits: `digits_translate.py`'s space with its flow, and the same space with `TextToSpeech`; MNIST test pictures
whose sounds pocketsphinx (in FOLDER) hears, or else a network that was trained on the unseen speaker and other
synthetic voices.
"""

import argparse
import time

import numpy as np
from common import machine
from digits_translate import CHOSEN, SETTINGS, Classifier, Sphinx, digit_of, tables
from digits_translate import fit as fit_digits

import kuamo as km
from kuamo.core.modules import single_threaded_torch
from kuamo.encoders.audio_cnn import AudioCNN

MAKERS = ["TextToSpeech", "Flow", "Ridge"]


def named():
    """Emoji with their bare names, which is what is spoken."""
    table = km.datasets.emoji(columns=("image", "audio"))
    kinds = {"text": km.Text(), "image": km.Image(), "audio": km.Audio()}
    columns = {"text": list(table.meta["name"])} | {name: list(table.values(name)) for name in ("image", "audio")}
    return km.Table(columns, modalities=kinds, id=table.ids, group=table.groups, meta=table.meta, source="emoji names")


def heard(listener, sounds, test):
    """R@1 and R@10 of each row's own name among all."""
    table = km.Table({"audio": list(sounds)}, modalities={"audio": km.Audio()})
    score = np.asarray(listener.encode(table)) @ np.asarray(listener.encode(test.select("text"))).T
    rank = 1 + (score > np.diag(score)[:, None]).sum(1)
    return f"R@1 {(rank <= 1).mean():.3f}, R@10 {(rank <= 10).mean():.3f}"


def emoji(seed, given):
    train, test = named().split(test=300, by="group", seed=seed)
    listener, space = km.fit(train.select("text", "audio"), seed=seed), km.fit(train, seed=seed)
    codec, real = km.AudioPCA.of(train, "audio"), list(test.values("audio"))
    print(f"\nemoji, split {seed}; codec of {codec.out} numbers\n  real recordings: {heard(listener, real, test)}")
    print(f"  through the codec: {heard(listener, codec.decode(codec.encode(real)), test)}", flush=True)
    makers = {
        "TextToSpeech": {"decoders": {"text": km.Caption(), "audio": km.TextToSpeech("text")}},
        "Flow": {"decoders": {"audio": km.Flow()}, "codecs": {"audio": codec}},
        "Ridge": {"decoders": {"audio": km.Ridge()}, "codecs": {"audio": codec}},
    }
    for name in given.makers:
        start, before = time.process_time(), len(space.notes)
        made = km.fit(train, init=space, **makers[name], seed=seed)
        took = time.process_time() - start
        sounds = made.translate(test.select("image"), to="audio", seed=seed)
        print(f"  {name}: {heard(listener, sounds, test)}; {took:.0f} CPU s")
        print(*(f"    {note}" for note in made.notes[before:]), sep="\n", flush=True)
        if name == "TextToSpeech":
            said = made.translate(test.select("image"), to="text")
            for row in np.random.default_rng(0).permutation(len(test))[:8]:
                print(f"      {test.meta['name'][row]}: “{said[row]}”")


def digits(given):
    for unseen in given.speakers:
        train, rest, _, _, other = tables(unseen, given)
        space, learned, decoded = fit_digits(train, given)
        spoken = km.fit(train, init=space, decoders={"audio": km.TextToSpeech("text")}, seed=given.seed)
        judge = Sphinx(given.peer) if given.peer else Classifier(AudioCNN(**SETTINGS[CHOSEN]), rest, "audio", 1, 900)
        pictures, digit = other.select("image"), digit_of(other).numpy()
        sounds = {
            "real recordings": list(other.values("audio")),
            "TextToSpeech": spoken.translate(pictures, to="audio", seed=given.seed),
            "Flow": space.translate(pictures, to="audio", seed=given.seed),
        }
        print(f"\ndigits, {unseen} unseen; {len(digit)} pictures; {learned + decoded:.0f} CPU s")
        for name, values in sounds.items():
            print(f"  {name}, by {type(judge).__name__}: {(judge.said(values) == digit).mean():.3f}", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", nargs="+", choices=("emoji", "digits"), default=["emoji", "digits"])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--speakers", nargs="+", default=["jackson"])
    parser.add_argument("--makers", nargs="+", choices=MAKERS, default=MAKERS, help="of emoji's sounds")
    parser.add_argument("--peer", help="a folder with pocketsphinx")
    given = parser.parse_args()
    # as `digits_translate.py` has it
    vars(given).update(
        rows=12000, voices=150, steps=900, decode_steps=1300, components=64, guidance=[2.5, 2.5], seed=0
    )  # fmt: skip
    print(machine(), flush=True)
    with single_threaded_torch():
        if "emoji" in given.only:
            for seed in given.seeds:
                emoji(seed, given)
        if "digits" in given.only:
            digits(given)
    print(machine())


if __name__ == "__main__":
    main()
