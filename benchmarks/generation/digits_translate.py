"""Claim: a digit's word, picture or recording is made into each of the others, also from a voice that was never heard.

    KUAMO_DATA=… python -m benchmarks digits_translate [--speakers george …] [--voices 150] [--peer FOLDER]

Each of the five speakers is left out in turn. Training: MNIST train pictures, the other four speakers' takes 10–49, and
synthetic voices: space by InfoNCE over labels with the encoders of `digits.py`, then flows for pictures and sounds and
retrieval for words. Test: MNIST test pictures, all recordings of the unseen speaker (as givers), takes 0–4 of the
other four (as what made speech is held against). Judges know neither: pictures by a convolutional network trained on
MNIST train pictures of other rows; speech by a convolutional network trained on the unseen speaker and 50 other
synthetic voices, and by pocketsphinx, if it is in FOLDER, with a grammar of the ten words. Whether a picture, a
sound and a word that were made of one cell agree is for an "inner" judge of speech to say, who has also heard takes 5–9
of the other four: a stranger's is wrong about real recordings too often to tell. Guidance was chosen on george.

A classifier of the same speech, "heard", is the training speech's own: the sound encoder of the space with ten outputs,
trained as long. Diversity: mean distance of two made cells of a digit, over that of real ones, in the codec's numbers
as the decoder gives them.
"""

import argparse
import sys
import time

import numpy as np
import torch
from common import machine
from digits import CHOSEN, SETTINGS
from shapes_translate import latents, save_grid
from torch import nn

import kuamo as km
from kuamo.data.datasets.digits import SPEAKERS, WORDS
from kuamo.encoders.audio_cnn import AudioCNN
from kuamo.encoders.base import collate
from kuamo.encoders.image_cnn import ImageCNN
from kuamo.encoders.token_mean import TokenMean, train_tokenizer
from kuamo.metrics.sample_quality import diversity_ratio, memorization_ratio

SPHINX = "#JSGF V1.0;\ngrammar digits;\npublic <digit> = " + " | ".join(WORDS) + ";\n"


def where(table, test):
    known = zip(table.meta["take"], table.meta["speaker"], strict=True)
    return table.take([row for row, (take, speaker) in enumerate(known) if test(int(take), speaker)])


def tables(unseen, given):
    """Training and judges' rows, and the test's: the unseen speaker's, and the others' takes 0–4."""
    seen = [speaker for speaker in SPEAKERS if speaker != unseen]
    whole = km.datasets.digits(rows=given.rows + 8000, speakers=SPEAKERS, voices=given.voices + 50, seed=given.seed)
    made = sorted({name for name in whole.meta["speaker"] if name not in SPEAKERS})
    apart = set(np.random.default_rng(given.seed).permutation(made)[:50].tolist())
    train = where(whole, lambda take, who: take >= 10 if who in seen else who != unseen and who not in apart)
    judges = where(whole, lambda take, who: who == unseen or who in apart)
    inner = where(whole, lambda take, who: 5 <= take < 10 if who in seen else who == unseen or who in apart)
    test = km.datasets.digits(speakers=[unseen], split="test", seed=given.seed)
    other = where(km.datasets.digits(speakers=seen, split="test", seed=given.seed), lambda take, _: take < 5)
    return train, judges, inner, test, other


def digit_of(table):
    return torch.tensor([int(label) for label in table.labels])


class Classifier(nn.Module):
    """An encoder with ten outputs, and how it is trained."""

    def __init__(self, encoder, table, name, seed, steps, batch=96, lr=3e-3):
        super().__init__()
        torch.manual_seed(seed)
        self.encoder, self.leave = encoder, nn.Linear(64, 10)
        items = [encoder.prepare(value) for value in table.values(name)]
        y, optimiser = digit_of(table), torch.optim.AdamW(self.parameters(), lr=lr, weight_decay=1e-2)
        self.train()
        for step in range(steps):
            for group in optimiser.param_groups:
                group["lr"] = lr * 0.5 * (1 + np.cos(np.pi * step / steps))
            pick = torch.randint(len(items), (batch,))
            logits = self.leave(encoder(self.batch([items[i] for i in pick])))
            loss = nn.functional.cross_entropy(logits, y[pick])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        self.eval()

    def batch(self, items):
        return collate(self.encoder, items, "judge")

    def said(self, values):
        items = [self.encoder.prepare(value) for value in values]
        with torch.inference_mode():
            parts = [
                self.leave(self.encoder(self.batch(items[i : i + 256]))).argmax(1) for i in range(0, len(items), 256)
            ]
        return torch.cat(parts).numpy()


class Sphinx:
    """pocketsphinx with a grammar of ten words."""

    def __init__(self, folder):
        sys.path.append(folder)
        import tempfile
        from pathlib import Path

        from pocketsphinx import Decoder

        path = Path(tempfile.mkdtemp()) / "digits.gram"
        path.write_text(SPHINX)
        self.decoder = Decoder(jsgf=str(path), samprate=16000, loglevel="FATAL")

    def said(self, values):
        import soxr

        found = []
        for value in values:
            samples = soxr.resample(value.samples, value.rate, 16000)
            samples = np.pad(0.7 * samples / max(np.abs(samples).max(), 1e-6), 4000)
            self.decoder.start_utt()
            self.decoder.process_raw((samples * 32767).astype(np.int16).tobytes(), full_utt=True)
            self.decoder.end_utt()
            heard = self.decoder.hyp()
            found.append(WORDS.index(heard.hypstr.split()[0]) if heard and heard.hypstr.strip() else -1)
        return np.array(found)


def fit(train, given):
    """The space with its decoders, and CPU seconds: of the space, and of decoders with their codecs."""
    start = time.process_time()
    encoders = {
        "image": ImageCNN(size=28, dim=64, width=16, in_place=True),
        "audio": AudioCNN(**SETTINGS[CHOSEN]),
        "text": TokenMean(train_tokenizer(WORDS), dim=64),
    }
    training = km.Training(steps=given.steps, batch_size=96, lr=3e-3, weight_decay=1e-2)
    space = km.fit(train, km.InfoNCE(positives="label"), encoders=encoders, dim=32, training=training, seed=given.seed)
    learned = time.process_time() - start
    codecs = {"image": km.ImagePCA.of(train, "image", components=given.components)}
    guidance = dict(zip(("image", "audio"), given.guidance, strict=True))
    making = {name: km.Flow(guidance=w) for name, w in guidance.items()} | {"text": km.NearestText()}
    training = km.Training(steps=given.decode_steps, batch_size=256)
    space = km.fit(train, init=space, decoders=making, codecs=codecs, training=training, seed=given.seed)
    return space, learned, time.process_time() - start - learned


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--speakers", nargs="+", default=SPEAKERS, choices=SPEAKERS)
    parser.add_argument("--rows", type=int, default=12000)
    parser.add_argument("--voices", type=int, default=150)
    parser.add_argument("--steps", type=int, default=900)
    parser.add_argument("--decode-steps", type=int, default=1300)
    parser.add_argument("--components", type=int, default=64)
    parser.add_argument("--guidance", type=float, nargs=2, default=[2.5, 2.5], help="of pictures and of sounds")
    parser.add_argument("--peer", help="a folder with pocketsphinx")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--grid")
    given = parser.parse_args()
    torch.set_num_threads(1)
    print(machine(), flush=True)
    every = []
    for unseen in given.speakers:
        train, rest, inner, test, other = tables(unseen, given)
        space, learned, decoded = fit(train, given)
        print(f"\n{unseen}: {len(train)} rows; {learned:.0f} + {decoded:.0f} CPU s", *space.notes[-4:], sep="\n  ")
        found = measure(space, train, rest, inner, test, other, given)
        for name, value in found.items():
            print(f"  {name}: {value:.3f}", flush=True)
        every.append(found | {"CPU s": learned + decoded})
    print("\nmean of", len(every))
    for name in every[0]:
        print(f"  {name}: {np.mean([found[name] for found in every]):.3f}")
    print(machine())


def measure(space, train, rest, inner, test, other, given):
    """Name → figure."""
    made_of = {"seed": given.seed}
    pictures = Classifier(ImageCNN(size=28, dim=64, width=16, in_place=True), rest, "image", 1, 900)
    judges = {"judge": Classifier(AudioCNN(**SETTINGS[CHOSEN]), rest, "audio", 1, 900)}
    if given.peer:
        judges["sphinx"] = Sphinx(given.peer)
    heard = Classifier(AudioCNN(**SETTINGS[CHOSEN]), train, "audio", 0, 900)
    digit, others = digit_of(test).numpy(), digit_of(other).numpy()
    image, audio = space.port("image").codec, space.port("audio").codec
    found = {}

    def right(said, of):
        return float((said == of).mean())

    found["real pictures judged right"] = right(pictures.said(test.values("image")), digit)
    back = image.decode(image.encode(test.values("image")))
    found["the same, through the codec"] = right(pictures.said(back), digit)
    words = space.as_table([{"text": word} for word in WORDS])
    draws = space.translate(words, to="image", samples=50, **made_of)
    flat, of = [picture for row in draws for picture in row], np.repeat(np.arange(10), 50)
    found["word → picture"] = right(pictures.said(flat), of)
    real, y = image.encode(test.values("image")), latents(space, words, 50, given.seed)
    found["word → picture, diversity"] = diversity_ratio(y, real, of, digit)
    found["word → picture, nearest"] = memorization_ratio(y, image.encode(train.values("image")), real)
    means = image.decode(
        np.stack([image.encode(train.values("image"))[digit_of(train).numpy() == d].mean(0) for d in range(10)])
    )
    found["a class's mean picture judged right"] = right(pictures.said(means), np.arange(10))
    found["unseen speech recognised by a classifier of the training speech"] = right(
        heard.said(test.values("audio")), digit
    )
    speech = space.translate(test.select("audio"), to=["image", "text"], **made_of)
    found["unseen speech → picture"] = right(pictures.said(speech["image"]), digit)
    found["unseen speech → word"] = right(np.array([WORDS.index(word) for word in speech["text"]]), digit)
    shown = space.translate(other.select("image"), to=["audio", "text", "image"], **made_of)
    found["picture → word"] = right(np.array([WORDS.index(word) for word in shown["text"]]), others)
    sound = latents(space, other, 1, given.seed, given="image", to="audio")
    found["picture → speech, diversity"] = diversity_ratio(sound, audio.encode(other.values("audio")), others, others)
    trip = audio.decode(audio.encode(other.values("audio")))
    for name, judge in judges.items():
        found[f"real recordings by the {name}"] = right(judge.said(other.values("audio")), others)
        found[f"the same, through the codec, by the {name}"] = right(judge.said(trip), others)
        found[f"picture → speech by the {name}"] = right(judge.said(shown["audio"]), others)
    near = Classifier(AudioCNN(**SETTINGS[CHOSEN]), inner, "audio", 2, 900)
    found["real recordings by the inner judge"] = right(near.said(other.values("audio")), others)
    found["picture → speech by the inner judge"] = right(near.said(shown["audio"]), others)
    every = {
        "word": space.translate(words, to=["image", "audio"], samples=20, **made_of),
        "picture": {name: [[value] for value in values] for name, values in shown.items()},
        "unseen speech": {
            name: [[value] for value in values]
            for name, values in space.translate(test.select("audio"), to=["image", "audio", "text"], **made_of).items()
        },
    }
    # the word first, then what goes with the sound and the word
    in_turn = space.translate(test.select("audio"), to=["text", "image", "audio"], chained=True, **made_of)
    found["unseen speech → word → picture"] = right(pictures.said(in_turn["image"]), digit)
    every["unseen speech, in turn,"] = {name: [[value] for value in values] for name, values in in_turn.items()}
    # or each of the code that settles among those of the training rows
    targets = ["image", "audio", "text"]
    settled = {
        "unseen speech": space.translate(test.select("audio"), to=targets, project=True, **made_of),
        "picture": space.translate(other.select("image"), to=targets, project=True, **made_of),
    }
    found["unseen speech → picture, settled"] = right(pictures.said(settled["unseen speech"]["image"]), digit)
    for name, judge in judges.items():
        found[f"picture → speech, settled, by the {name}"] = right(judge.said(settled["picture"]["audio"]), others)
    for what, one in settled.items():
        every[f"{what}, settled,"] = {name: [[value] for value in values] for name, values in one.items()}
    for name, one in every.items():
        flat = {column: [value for row in rows for value in row] for column, rows in one.items()}
        said = [pictures.said(flat["image"]), near.said(flat["audio"])]
        word = flat["text"] if "text" in flat else np.repeat(space.translate(words, to="text"), 20)
        said.append(np.array([WORDS.index(one) for one in word]))
        found[f"three targets of one {name} agree"] = float((np.stack(said) == said[0]).all(0).mean())
    if given.grid:
        save_grid([row[:10] for row in draws], np.zeros(10, bool), given.grid, rows=10)
        for number, value in enumerate(shown["audio"][:5]):
            km.Audio().write(value, f"{given.grid}-{number}-{others[number]}.wav")
    return found


if __name__ == "__main__":
    main()
