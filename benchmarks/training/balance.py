"""Claim: what each remedy against imbalance does to each kind of it, measured against none; some help, some harm.

    KUAMO_DATA=… python -m benchmarks balance [--only missing told skew dominance small sparse terms] [--seeds 3]

missing     emoji as text, picture and sound; 90 % of the training's pictures are removed; InfoNCE. 300 unseen concepts
            with all columns: R@10 of the pairs with the picture, of the other pair, and of the picture asked for with
            both others
told        the same tables, and the category by Predict: accuracy by all columns, and by the rare one alone
skew        the quarters of scikit-learn's handwritten digits, class k with .6^k or .8^k of 120 rows; Predict. Unseen
            rows, as many of each class: accuracy, that of the three rarest, and of the others
dominance   MNIST picture and spoken digit in noise as loud as it, from raw pixels and spectra; one linear classifier of
            the mean of both codes, which OGM-GE was made for. A speaker who was never heard: accuracy of both, of each
            alone, and of the sound where nothing else was trained; and with the loss of each column alone added
small       MoPoE of 784 pixels and one word in ten. MNIST test pictures: is the word told from the picture, is the
            picture made of the word judged right (a classifier of real pictures), does a reconstruction keep the digit
sparse      the same, rescaled, and 90 % of the words are absent
terms       emoji text and picture, InfoNCE + c Reconstruct, c = 1 (none), and 1000; R@10 of 300 unseen concepts

No setting was chosen by these figures: α, powers and weights are those of the papers or defaults. A difference is
against "none" with the same seeds; its 95 % interval resamples test rows; `+3/3` says for how many seeds it was above.
"""

import argparse
import time
from dataclasses import dataclass, field
from functools import partial
from typing import Any, ClassVar

import numpy as np
from common import machine

import kuamo as km
from kuamo.core.modules import single_threaded_torch
from kuamo.encoders import EfficientNetLite0, MiniLM, SpectralFeatures
from kuamo.encoders.feature_cache import features
from kuamo.metrics import bootstrap
from kuamo.metrics.ranking import ranks
from kuamo.training.balance import ColumnCurves

GIVEN = argparse.Namespace()


@dataclass
class Arm:
    """A remedy: what it makes of the objective, and what it asks of the training."""

    training: dict[str, Any] = field(default_factory=dict)
    objective: Any = None


class OperationCount:
    """Per arm and measure: what each test row got, seed after seed."""

    def __init__(self):
        self.scores = {}
        self.cost = {}

    def add(self, arm, scores, cost):
        for name, values in scores.items():
            self.scores.setdefault(arm, {}).setdefault(name, []).append(np.asarray(values, float))
        self.cost.setdefault(arm, []).append(cost)

    def __str__(self):
        lines = []
        for arm, found in self.scores.items():
            said = [f"{arm:28}"]
            for name, seeds in found.items():
                value = np.mean([one.mean() for one in seeds])
                text = f"{name} {value:.3f}"
                if arm != "none":
                    base = self.scores["none"][name]
                    gaps = [one - other for one, other in zip(seeds, base, strict=True)]
                    row = np.concatenate([np.arange(len(one)) for one in gaps])
                    gap = bootstrap(np.concatenate(gaps), groups=row)
                    up = sum(one.mean() > 0 for one in gaps)
                    text += f" ({gap.value:+.3f} [{gap.low:+.3f}, {gap.high:+.3f}] +{up}/{len(gaps)})"
                said.append(text)
            said.append(f"{np.mean(self.cost[arm]):.1f} CPU s")
            lines.append(" | ".join(said))
        return "\n".join(lines)


def run(tally, name, train, objective, score, seed, training, **options):
    start = time.process_time()
    with single_threaded_torch():
        space = km.fit(train, objective, training=training, seed=seed, **options)
    cost = time.process_time() - start
    tally.add(name, score(space), cost)
    return space


def speed(space):
    """The discrepancy of each column in the first half and at the end, and how its loss overfits, if that is known."""
    learning = ColumnCurves.of(space)
    rho = learning.discrepancy()
    early, last = rho[: max(len(rho) // 2, 1)].mean(0), rho[-1]
    told = zip(learning.columns, early, last, strict=True)
    parts = [f"{name} ρ {a:.2f}→{b:.2f}" for name, a, b in told if np.isfinite(b)]
    if learning.held:
        for found in learning.overfitting().values():
            parts += [f"{name} O {o:.3f} G {g:.3f}" for name, (o, g) in found.items()]
    return ", ".join(parts)


def vectors(cells):
    return km.Table({name: list(x) for name, x in cells.items()}, modalities=dict.fromkeys(cells, km.Vector()))


def hits(queries, gallery, k=10):
    key = np.arange(len(queries))
    return ranks(queries, gallery, key, key) <= k


# ── a column that is rare ────────────────────────────────────────────────────────────────────────────────────────


def emoji_features():
    table = km.datasets.emoji(columns=("text", "image", "audio"))
    encoders = {"text": MiniLM(), "image": EfficientNetLite0(), "audio": SpectralFeatures()}
    return {name: np.asarray(features(table, name, encoder)) for name, encoder in encoders.items()}


def told(seeds):
    found, kind = emoji_features(), np.array(km.datasets.emoji().meta["category"])
    arms = {
        "none": Arm(),
        "CoverageBalanced(0.5)": Arm({"sampling": km.CoverageBalanced(0.5)}),
        "CoverageBalanced(1)": Arm({"sampling": km.CoverageBalanced(1.0)}),
    }
    for rare in ("image",):
        tally = OperationCount()
        for seed in range(seeds):
            rng = np.random.default_rng(seed)
            order = rng.permutation(len(kind))
            test, train = order[:300], order[300:]
            cells = {name: list(x[train]) for name, x in found.items()} | {"kind": list(kind[train])}
            cells[rare] = [None if gone else x for gone, x in zip(rng.random(len(train)) < 0.9, cells[rare])]
            kinds = dict.fromkeys(found, km.Vector()) | {"kind": km.Category()}
            table, unseen = km.Table(cells, modalities=kinds), {name: x[test] for name, x in found.items()}
            rows = km.Table({n: list(x) for n, x in unseen.items()} | {"kind": list(kind[test])}, modalities=kinds)

            def score(space, rows=rows, truth=kind[test], rare=rare):
                def right(*columns):
                    return np.array(space.predict(rows.select(*columns), "kind").values) == truth

                return {"all": right("text", "image", "audio"), "rare alone": right(rare)}

            for name, arm in arms.items():
                training = km.Training(
                    steps=400, batch_size=128, lr=3e-3, learning_curves=km.LearningCurves(every=40), **arm.training
                )
                space = run(tally, name, table, km.Predict("kind"), score, seed, training, dim=32)
                if name == "none":
                    print(f"  seed {seed}, none: {speed(space)}")
                    print("  " + str(km.contributions(space, rows, "kind")).replace("\n", "\n  "), flush=True)
        print(f"told: category by Predict, 90 % of {rare} absent\n{tally}", flush=True)


def missing(seeds):
    found = emoji_features()
    arms = {
        "none": Arm(),
        "CoverageBalanced(0.5)": Arm({"sampling": km.CoverageBalanced(0.5)}),
        "CoverageBalanced(1)": Arm({"sampling": km.CoverageBalanced(1.0)}),
    }
    for rare in ("image",):
        tally, others = OperationCount(), [name for name in found if name != rare]
        for seed in range(seeds):
            rng = np.random.default_rng(seed)
            order = rng.permutation(len(found["text"]))
            test, train = order[:300], order[300:]
            gone = rng.random(len(train)) < 0.9
            cells = {name: list(x[train]) for name, x in found.items()}
            cells[rare] = [None if out else x for out, x in zip(gone, cells[rare], strict=True)]
            table = km.Table(cells, modalities=dict.fromkeys(cells, km.Vector()))
            unseen = vectors({name: x[test] for name, x in found.items()})

            def score(space, unseen=unseen, rare=rare, others=others):
                code = {name: space.normalized(space.encode_column(unseen, name)[0]) for name in unseen.columns}
                fused = space.normalized(space.encode(unseen.select(*others)))
                pairs = [(a, rare) for a in others] + [(rare, a) for a in others]
                return {
                    "rare pairs": np.mean([hits(code[a], code[b]) for a, b in pairs], 0),
                    "other pair": np.mean([hits(code[a], code[b]) for a, b in (others, others[::-1])], 0),
                    "both → rare": hits(fused, code[rare]),
                }

            for name, arm in arms.items():
                training = km.Training(
                    steps=200, batch_size=256, learning_curves=km.LearningCurves(every=20), **arm.training
                )
                space = run(tally, name, table, km.InfoNCE(), score, seed, training, dim=64)
                if name == "none":
                    print(f"  seed {seed}, none: {speed(space)}")
                    print("  " + str(km.contributions(space, unseen, others[0])).replace("\n", "\n  "), flush=True)
        print(f"missing: 90 % of {rare} absent\n{tally}", flush=True)


# ── classes that are rare ────────────────────────────────────────────────────────────────────────────────────────


def skew(seeds):
    from sklearn.datasets import load_digits

    pictures, digit = load_digits(return_X_y=True)
    pictures = pictures.reshape(-1, 8, 8).astype(np.float32)
    parts = {"top left": (0, 0), "top right": (0, 4), "bottom left": (4, 0), "bottom right": (4, 4)}
    quarters = {name: pictures[:, y : y + 4, x : x + 4].reshape(-1, 16) for name, (y, x) in parts.items()}
    arms = {
        "none": Arm(),
        "ClassBalanced(0.5)": Arm({"sampling": km.ClassBalanced(0.5, of="kind")}),
        "ClassBalanced(1)": Arm({"sampling": km.ClassBalanced(1.0, of="kind")}),
        "Predict(balanced=True)": Arm(objective=km.Predict("kind", balanced=True)),
    }
    for ratio in (0.6, 0.8):
        tally = OperationCount()
        for seed in range(seeds):
            rng = np.random.default_rng(seed)
            rank = rng.permutation(10)  # which class is how rare
            test, train = [], []
            for number in range(10):
                rows = rng.permutation(np.flatnonzero(digit == number))
                test += list(rows[:50])
                train += list(rows[50 : 50 + max(round(120 * ratio ** rank[number]), 2)])
            kinds = dict.fromkeys(quarters, km.Vector()) | {"kind": km.Category()}
            cells = {name: list(x[train]) for name, x in quarters.items()}
            table = km.Table(cells | {"kind": [str(k) for k in digit[train]]}, modalities=kinds)
            unseen, truth = vectors({name: x[test] for name, x in quarters.items()}), digit[test]
            few = np.isin(truth, np.flatnonzero(rank >= 7))

            def score(space, unseen=unseen, truth=truth, few=few):
                right = np.array(space.predict(unseen, "kind").values).astype(int) == truth
                return {"accuracy": right, "three rarest": right[few], "others": right[~few]}

            for name, arm in arms.items():
                if GIVEN.arms and name not in GIVEN.arms:
                    continue
                training = km.Training(steps=GIVEN.steps or 400, batch_size=64, lr=3e-3, **arm.training)
                objective = arm.objective or km.Predict("kind")
                run(tally, name, table, objective, score, seed, training, dim=32)
        print(f"skew: class k has {ratio}^k of 120 rows\n{tally}", flush=True)


# ── a column that is learned first ───────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class JointRegression(km.Objective):
    """−log p(y | mean of the codes), by the target's linear decoder; each column tells its half of the logits, as in
    Peng et al., 2022: softmax(W z_m / M + b / M). The plain fusion that OGM-GE was made for."""

    needs: ClassVar[frozenset[str]] = frozenset({"decoders"})
    to: str = "digit"
    heads: bool = False  # is the digit also told from each code by itself?

    def decodes(self, column):
        return column == self.to

    def make_fusion(self, space):
        from kuamo.embedding.fusion import Mean

        return Mean()

    def __call__(self, step, player):
        import torch

        from kuamo.objectives.prediction.corruption import targets_by_row

        if player != "space":
            return None
        code, present = step.stacked()
        decoder, y = step.space.port(self.to).decoder, targets_by_row(step, self.to)
        others = present.clone()
        others[:, step.names.index(self.to)] = False
        fused, _ = step.space.fusion(code, others)
        for m, name in enumerate(step.names):
            if name != self.to:
                logits = decoder.net(code.mean[:, m]) / others.sum(1, keepdim=True).clamp(min=1)
                step.log_column_loss(name, -(torch.log_softmax(logits, -1) * y).sum(1)[others[:, m]])
        loss = step.mean(decoder.loss(y, fused.mean), others.any(1))
        for m in range(len(step.names) if self.heads else 0):
            loss = loss + step.mean(decoder.loss(y, code.mean[:, m]), others[:, m])
        return loss


def noisy(table, seed):
    """Pictures as they are, recordings with white noise of their own power, and the digit."""
    from predict_degraded import worse_sound

    rng = np.random.default_rng(seed)
    sounds = [worse_sound(value, 0.5, "white", rng) for value in table.values("audio")]
    cells = {"image": [table.column("image").raw(i) for i in range(len(table))], "audio": sounds, "digit": table.labels}
    kinds = {"image": km.Image(), "audio": km.Audio(), "digit": km.Category()}
    return km.Table(cells, modalities=kinds, group=table.groups)


def sound_alone(test, truth, space):
    return {"sound": np.array(space.predict(test.select("audio"), "digit").values) == truth}


def dominance(seeds):
    from digits import CHOSEN, SETTINGS

    from kuamo.data.datasets.digits import SPEAKERS
    from kuamo.encoders.audio_cnn import AudioCNN
    from kuamo.encoders.image_cnn import ImageCNN
    from kuamo.generation.decoders.likelihood import Likelihood

    arms = {
        "none": Arm(),
        "sound trained alone": Arm(),
        "told by each alone too": Arm(objective=JointRegression(heads=True)),
        "three times the rate": Arm({"lr": 0.15}),  # three losses have three times the gradient, which SGD notices
    }
    plan = (
        (
            "Joint, AdamW",
            {},
            ("none", "sound trained alone", "told by each alone too"),
        ),
        (
            "Joint, SGD",
            {"optimiser": "sgd", "lr": 0.05},
            ("none", "sound trained alone", "told by each alone too", "three times the rate"),
        ),
    )
    for what, base, asked in plan:
        asked = [name for name in asked if not GIVEN.arms or name in GIVEN.arms]
        if GIVEN.setting not in (None, what):
            continue
        tally = OperationCount()
        for seed in range(seeds):
            known = [name for name in SPEAKERS if name != "jackson"]
            whole = km.datasets.digits(rows=2000, columns=("image", "audio"), speakers=known, seed=seed)
            test = km.datasets.digits(columns=("image", "audio"), speakers=["jackson"], split="test", seed=seed)
            train, test = (noisy(table, seed) for table in (whole, test))
            truth = np.array(list(test.values("digit")))

            def score(space, test=test, truth=truth):
                def right(*columns):
                    return np.array(space.predict(test.select(*columns), "digit").values) == truth

                return {"both": right("image", "audio"), "picture": right("image"), "sound": right("audio")}

            for name, arm in ((name, arms[name]) for name in asked):
                import torch

                torch.manual_seed(seed)
                encoders = {
                    "image": ImageCNN(size=28, dim=64, width=16, in_place=True),
                    "audio": AudioCNN(**SETTINGS[CHOSEN]),
                }
                given = {"lr": 3e-3, "weight_decay": 1e-2} | base | arm.training
                training = km.Training(
                    steps=GIVEN.steps or 150, batch_size=64, learning_curves=km.LearningCurves(every=15), **given
                )
                more = {"dim": 32, "decoders": {"digit": Likelihood(32, 10, family="categorical", layers=0)}}
                rows, found = train, score
                if name == "sound trained alone":  # is it starved at all?
                    rows, encoders = train.select("audio", "digit"), {"audio": encoders["audio"]}
                    found = partial(sound_alone, test, truth)
                space = run(
                    tally,
                    name,
                    rows,
                    arm.objective or JointRegression(),
                    found,
                    seed,
                    training,
                    encoders=encoders,
                    **more,
                )
                if name == "none":
                    print(f"  {what}, seed {seed}, none: {speed(space)}")
                    print("  " + str(km.contributions(space, test, "digit")).replace("\n", "\n  "), flush=True)
        print(f"dominance: {what}, {GIVEN.steps or 150} steps\n{tally}", flush=True)


# ── a column of few numbers ──────────────────────────────────────────────────────────────────────────────────────


def small(seeds):
    arms = {
        "none": Arm(objective=km.MoPoE(weights="equal")),
        "rescaled (the default)": Arm(objective=km.MoPoE()),
        "word × 10": Arm(objective=km.MoPoE(weights={"image": 1.0, "word": 10.0})),
    }
    bounds("small: MoPoE of 784 pixels and a word", arms, 0.0, seeds)


def sparse(seeds):
    arms = {
        "none": Arm(objective=km.MoPoE()),
        "CoverageBalanced(1)": Arm({"sampling": km.CoverageBalanced(1.0)}, km.MoPoE()),
    }
    bounds("sparse: MoPoE of 784 pixels and a word (rescaled), 90 % of the words absent", arms, 0.9, seeds, steps=600)


def bounds(title, arms, gone, seeds, steps=1200):
    from sklearn.linear_model import LogisticRegression

    from kuamo.data.datasets.folder import rows_of_folder
    from kuamo.data.modalities import Image
    from kuamo.generation.decoders.likelihood import Likelihood

    def pictures(split, count):
        rows = rows_of_folder(None, f"mnist-{split}.parquet", ("image", "digit"))
        at = np.random.default_rng(1).permutation(len(rows["digit"]))[:count]
        x = np.stack([np.asarray(Image().read(rows["image"][i]))[..., 0] for i in at]).reshape(count, -1)
        return (x / 255).astype(np.float32), np.asarray(rows["digit"])[at]

    x, digit = pictures("train", 6000)
    z, truth = pictures("test", 1000)
    judge = LogisticRegression(C=0.1, max_iter=300).fit(x, digit)
    print(f"  judge on real test pictures: {judge.score(z, truth):.3f}")
    tally = OperationCount()
    for seed in range(seeds):
        hidden = np.random.default_rng(seed).random(len(digit)) < gone
        train = km.Table(
            {"image": list(x), "word": [None if out else str(d) for out, d in zip(hidden, digit, strict=True)]},
            modalities={"image": km.Vector(), "word": km.Category()},
        )
        words = km.Table({"word": [str(d) for d in truth]}, modalities={"word": km.Category()})

        def score(space, words=words):
            told = np.array(space.translate(vectors({"image": z}), to="word")).astype(int)
            made = np.asarray(space.translate(words, to="image"))
            drawn = np.asarray(space.translate(words, to="image", sample_posterior=True, seed=0))
            again = np.asarray(space.translate(vectors({"image": z}), to="image"))
            return {
                "picture → word": told == truth,
                "word → picture": judge.predict(made) == truth,
                "the same, drawn": judge.predict(drawn) == truth,
                "picture → picture": judge.predict(again) == truth,
                "−squared error": -np.square(again - z).sum(1),
            }

        for name, arm in arms.items():
            import torch

            torch.manual_seed(seed)
            decoders = {
                "image": Likelihood(20, 784, family="bernoulli", hidden=256),
                "word": Likelihood(20, 10, family="categorical"),
            }
            training = km.Training(
                steps=steps, batch_size=128, learning_curves=km.LearningCurves(every=100), **arm.training
            )
            space = run(tally, name, train, arm.objective, score, seed, training, dim=20, decoders=decoders)
            if name == "none":
                print(f"  seed {seed}, none: {speed(space)}", flush=True)
    print(f"{title}\n{tally}", flush=True)


# ── terms that are large ─────────────────────────────────────────────────────────────────────────────────────────


def terms(seeds):
    found = {name: x for name, x in emoji_features().items() if name != "audio"}
    arms = {
        "none": km.InfoNCE() + km.Reconstruct(),
        "none, c = 1000": km.InfoNCE() + 1000.0 * km.Reconstruct(),
        "UncertaintyWeighted, c = 1": km.UncertaintyWeighted(km.InfoNCE() + km.Reconstruct()),
        "InfoNCE alone": km.InfoNCE(),
    }
    tally = OperationCount()
    for seed in range(seeds):
        order = np.random.default_rng(seed).permutation(len(found["text"]))
        test, train = order[:300], order[300:]
        table = vectors({name: x[train] for name, x in found.items()})
        unseen = vectors({name: x[test] for name, x in found.items()})

        def score(space, unseen=unseen, test=test):
            a, b = (space.normalized(space.encode_column(unseen, name)[0]) for name in ("text", "image"))
            spread = {name: np.square(x[test] - x[test].mean(0)).sum(1).mean() for name, x in found.items()}
            errors = [
                np.square(np.asarray(space.translate(unseen.select(name), to=name)) - x[test]).sum(1) / spread[name]
                for name, x in found.items()
            ]
            return {"R@10": np.mean([hits(a, b), hits(b, a)], 0), "R² of itself": 1 - np.mean(errors, 0)}

        for name, objective in arms.items():
            training = km.Training(steps=200, batch_size=256)
            run(tally, name, table, objective, score, seed, training, dim=64)
    print(f"terms: InfoNCE + c Reconstruct\n{tally}", flush=True)


def main():
    parts = {
        "missing": missing,
        "told": told,
        "skew": skew,
        "dominance": dominance,
        "small": small,
        "sparse": sparse,
        "terms": terms,
    }
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", nargs="+", default=list(parts), choices=list(parts))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--arms", nargs="+", help="of skew and dominance, these alone")
    parser.add_argument("--setting", help="of dominance, this alone")
    parser.add_argument("--steps", type=int, help="of skew (400) and dominance (150)")
    given = parser.parse_args(namespace=GIVEN)
    print(machine(), flush=True)
    for name in given.only:
        parts[name](given.seeds)
    print(machine())


if __name__ == "__main__":
    main()
