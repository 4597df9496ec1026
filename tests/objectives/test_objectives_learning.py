"""Every objective beats chance on data with a known answer, and reconstruction alone does not align."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

import kuamo as km
from members import ALIGNING, TRAINED, small_toy

SGD = km.Training(steps=60, optimizer="sgd", lr=0.025)
TRAINING = {"Minimax": SGD, "Minimax mismatched": SGD}
CHANCE = 10 / 120


@cache
def parts() -> tuple[km.Table, km.Table]:
    return small_toy(360).split(test=120, seed=0)


def recall(name: str, members: dict) -> float:
    train, test = parts()
    training = TRAINING.get(name, km.Training(steps=60, batch_size=96, lr=8e-3))
    report = km.evaluate(km.fit(train, **members[name](), training=training, seed=0), test, examples=0)
    return float(np.mean([report["a_to_b_R@10"], report["b_to_a_R@10"]]))


@pytest.mark.parametrize("name", ALIGNING)
def test_beats_chance(name: str) -> None:
    assert recall(name, ALIGNING) > 4 * CHANCE


def test_reconstruction_alone_does_not_align() -> None:
    assert recall("Reconstruct", TRAINED) < 2.5 * CHANCE


@pytest.mark.parametrize("name", ["ModalityDiscriminator", "CycleConsistency"])
def test_what_knows_no_pairs_does_not_align_rows(name: str) -> None:
    assert recall(name, TRAINED) < 2.5 * CHANCE


def found(made: np.ndarray, real: np.ndarray) -> float:
    """Share of rows whose real cell is among the 10 that are most like the one made of its partner."""
    unit = [(x - real.mean(0)) / np.linalg.norm(x - real.mean(0), axis=1, keepdims=True) for x in (made, real)]
    scores = unit[0] @ unit[1].T
    return float(np.mean((scores >= scores.diagonal()[:, None]).sum(1) <= 10))


def test_what_the_relativistic_game_makes_belongs_to_its_code() -> None:
    import torch

    from kuamo.generation.decoders.generator import Generator

    train, test = small_toy(520).split(test=120, seed=0)
    real = np.stack([test[i]["b"] for i in range(120)])
    game, recalls = km.R3("a", "b", lr=2e-3), []
    for steps in (1, 250):
        torch.manual_seed(0)
        training = km.Training(steps=steps, batch_size=128)
        space = km.fit(train, game, dim=8, decoders={"b": Generator(8, 24, noise=4)}, training=training, seed=0)
        code = torch.from_numpy(np.asarray(space.encode(test.select("a"))).astype(np.float32))
        with torch.no_grad():
            first, second = (space.port("b").decoder.sample(code, torch.Generator().manual_seed(s)) for s in (0, 1))
        recalls.append(found(first.numpy(), real))
    assert recalls[0] < 2.5 * CHANCE and recalls[1] > 5 * CHANCE
    spread = (first - second).square().mean().sqrt() / torch.from_numpy(real).std()
    assert float(spread) > 0.05  # noise is not ignored


def test_the_game_by_least_squares_learns_a_rotation_from_pairs_and_not_without() -> None:
    """b is a, turned; the codes are a's own numbers and b's, so that only the decoder can know the way."""
    import torch

    from kuamo.generation.decoders.generator import Generator

    rng = np.random.default_rng(0)
    a = rng.exponential(size=(570, 12)).astype(np.float32)
    turn = np.linalg.qr(rng.normal(size=(12, 12)))[0].astype(np.float32)
    table = km.Table({"a": list(a), "b": list(a @ turn)}, modalities={"a": km.Vector(), "b": km.Vector()})
    train, test = table.take(np.arange(450)), table.take(np.arange(450, 570))
    recalls = {}
    for paired in (3.0, 0.0):
        torch.manual_seed(0)
        game, decoder = km.LSGAN("a", "b", paired=paired, lr=3e-3), Generator(12, 12, noise=0, linear=True)
        training = km.Training(steps=80, batch_size=128)
        space = km.fit(train, game, dim=12, decoders={"b": decoder}, training=training, seed=0)
        recalls[paired] = found(space.translate(test.select("a"), to="b"), a[450:] @ turn)
    assert recalls[3.0] > 0.9 and recalls[0.0] < 2.5 * CHANCE


def test_encoders_learn_from_raw_shapes_and_chinese_words() -> None:
    from kuamo.encoders.image_cnn import ImageCNN
    from kuamo.encoders.token_mean import TokenMean, train_tokenizer

    chinese = {"red": "红", "green": "绿", "blue": "蓝", "yellow": "黄", "purple": "紫", "white": "白"}
    shapes = {"circle": "圆形", "square": "方形", "triangle": "三角形", "cross": "十字"}
    table = km.datasets.shapes(rows=600, size=16, seed=0)
    texts = [f"一个{chinese[c]}色的{shapes[s]}" for c, s in zip(table.meta["colour"], table.meta["shape"], strict=True)]
    images = [table[i]["image"] for i in range(len(table))]
    named = km.Table({"text": texts, "image": images}, label=texts)
    train, test = named.split(test=100, by="id", seed=0)
    encoders = {"text": TokenMean(train_tokenizer(texts), dim=32), "image": ImageCNN(size=16, dim=32, width=8)}
    training = km.Training(steps=100, batch_size=64, lr=4e-3)
    space = km.fit(train, km.InfoNCE(), encoders=encoders, dim=16, training=training, seed=0)
    report = km.evaluate(space, test, positives="label")
    assert report["text_to_image_R@1"] > 0.3  # 24 different captions: chance is about .04
