"""The law of chunks: a batch that is encoded in parts has the gradients of the whole, dropout and all."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import kuamo as km
from kuamo.core.modules import is_trainable
from kuamo.embedding.embedding import Embedding
from kuamo.fitting.gradient import add_decoders, add_heads
from kuamo.fitting.towers import open_ports
from kuamo.training.batch import Source, batch_of
from kuamo.training.gradient_cache import Chunks, grad_cache_encode
from kuamo.training.objective import needs_of
from kuamo.training.players import Optimization
from kuamo.training.randomness import forked_rng
from kuamo.training.run import Prepared
from members import raw_text_table, words


def raw_table(rows: int) -> tuple[km.Table, dict[str, Any]]:
    """Pictures, sounds and texts of one row, with holes; each encoder is trained."""
    rng = np.random.default_rng(4)
    pictures = [rng.integers(0, 255, (16, 16, 3), dtype=np.uint8) for _ in range(rows)]
    sounds = [((0.1 * rng.standard_normal(400 + 40 * i)).astype(np.float32), 8000) for i in range(rows)]
    texts = list(raw_text_table(rows).values("b"))
    columns = {"image": pictures, "audio": sounds, "text": texts}
    for number, cells in enumerate(columns.values()):  # two of three in each row
        cells[number::3] = [None] * len(cells[number::3])
    kinds = {"image": km.Image(), "audio": km.Audio(), "text": km.Text()}
    torch.manual_seed(7)
    encoders = {
        "image": km.encoders.ImageCNN(size=16, dim=8, width=8),
        "audio": km.encoders.AudioCNN(dim=8, width=8, rate=8000, mels=16, n_fft=128, hop=64),
        "text": words(),
    }
    return km.Table(columns, modalities=kinds, label=[i % 3 for i in range(rows)]), encoders


def gradients(objective: km.Objective, chunk: int | None) -> dict[str, torch.Tensor]:
    """Of every trained parameter, in one step on the whole table."""
    table, encoders = raw_table(23)
    ports, _ = open_ports(table, encoders, {})
    space = km.Space(ports)
    prepared, needs = Prepared(table, {}), needs_of(objective)
    with forked_rng(0):
        torch.manual_seed(5)
        add_heads(space, prepared, needs, 6, 0)
        if "decoders" in needs:
            add_decoders(space, prepared, objective)
        game = Optimization(space, objective, km.Training(steps=10, optimizer="sgd", lr=0.0))
        sources = {port.name: Source(table, port, None, chunk) for port in space.ports}
        batch = batch_of(sources, np.arange(23), marks=prepared.match_keys)
        for player in game.players:
            game.play(player, batch, sources, (0, 1), {})
        named = {f"{p.name}.{role}": part for p in space.ports for role, part in p.parts().items()}
    return {
        f"{label}.{key}": parameter.grad.clone()
        for label, part in named.items()
        if isinstance(part, nn.Module)
        for key, parameter in part.named_parameters()
        if parameter.grad is not None
    }


whole_batch = cache(lambda objective: gradients(objective, None))


@pytest.mark.parametrize(
    "objective",
    [
        km.InfoNCE(),
        km.SigLIP(),
        km.Triplet(semi_hard=False),
        km.InfoNCE(positives="label") + 0.3 * km.ModalityDiscriminator(),
        km.MoPoE() + 0.5 * km.InfoNCE(),
        km.KLOT(eps=0.1, sharp=0.05),
    ],
    ids=["InfoNCE", "SigLIP", "Triplet", "InfoNCE by label + ModalityDiscriminator", "MoPoE + InfoNCE", "KLOT"],
)
@pytest.mark.parametrize("chunk", [1, 7, 64])
def test_gradients_are_those_of_the_whole_batch(objective: km.Objective, chunk: int) -> None:
    whole, parts = whole_batch(objective), gradients(objective, chunk)
    assert whole.keys() == parts.keys()
    assert any(".encoder." in key and gradient.any() for key, gradient in whole.items())
    scale = max(float(gradient.abs().max()) for gradient in whole.values())
    for key, gradient in whole.items():
        assert torch.allclose(gradient, parts[key], atol=1e-5 * scale, rtol=1e-4), key


def test_noise_is_replayed() -> None:
    """Dropout of the second pass is that of the first, and no gradient goes where it was dropped."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(1, 16, bias=False), nn.Dropout(0.5))
    chunks = Chunks(lambda entry: torch.ones(len(entry), 1), np.arange(10), 4)
    before = torch.get_rng_state()
    code = grad_cache_encode([net, Embedding], chunks).mean
    assert not torch.equal(before, torch.get_rng_state())  # the next batch drops others
    kept = code.detach() != 0
    assert 0.3 < kept.float().mean() < 0.7 and not torch.equal(code[:4], code[4:8])
    (gradient,) = torch.autograd.grad(code.sum(), [net[0].weight])
    assert torch.allclose(gradient[:, 0], 2 * kept.sum(0).float())


def test_only_one_chunk_is_held() -> None:
    """No more than one chunk's activations wait for the backward pass."""
    alive, most = 0, 0

    class Held(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
            nonlocal alive, most
            if any(ctx.needs_input_grad):
                alive += 1
                most = max(most, alive)
            return x * 2

        @staticmethod
        def backward(ctx: Any, *gradient: torch.Tensor) -> torch.Tensor:
            nonlocal alive
            alive -= 1
            return gradient[0] * 2

    net = nn.Linear(3, 3)
    chunks = Chunks(lambda entry: torch.ones(len(entry), 3), np.arange(40), 4)
    code = grad_cache_encode([net, Held.apply, Embedding], chunks)
    torch.autograd.grad(code.mean.square().sum(), list(net.parameters()))
    assert (alive, most) == (0, 1)


def test_a_fit_in_chunks_is_the_fit() -> None:
    table, _ = raw_table(23)
    spaces = [
        km.fit(
            table,
            km.InfoNCE(),
            encoders=raw_table(23)[1],
            dim=6,
            training=km.Training(steps=4, batch_size=16, grad_cache_chunk=chunk),
            seed=0,
        )
        for chunk in (None, 5)
    ]
    one, two = (space.encode(table) for space in spaces)
    assert np.allclose(one, two, atol=1e-4)
    assert all(is_trainable(port.encoder) for port in spaces[0].ports)


class Normed(nn.Module):
    """A picture encoder with batch norm."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Flatten(), nn.Linear(768, 8), nn.BatchNorm1d(8))

    def prepare(self, value: np.ndarray) -> np.ndarray:
        return value.astype(np.float32)

    def forward(self, batch: torch.Tensor) -> torch.Tensor:
        return self.net(batch)


@pytest.mark.parametrize("chunk", [0, -3, 2.5, True])
def test_a_chunk_is_a_whole_number(chunk: Any) -> None:
    table, encoders = raw_table(23)
    with pytest.raises(km.KuamoError, match="expected a whole number from 1"):
        km.fit(table, km.InfoNCE(), encoders=encoders, dim=6, training=km.Training(steps=1, grad_cache_chunk=chunk))


def test_batch_norm_is_refused() -> None:
    table, encoders = raw_table(23)
    training = km.Training(steps=1, grad_cache_chunk=4)
    with pytest.raises(km.KuamoError, match=r"'image'.*BatchNorm1d.*GroupNorm"):
        km.fit(table, km.InfoNCE(), encoders=encoders | {"image": Normed()}, dim=6, training=training)


def test_frozen_columns_stay_whole() -> None:
    """Beside a trained column in chunks, features go through their head at once, and the fit is the same."""
    table = raw_text_table(20)
    spaces = [
        km.fit(
            table, km.InfoNCE(), encoders={"b": words()}, dim=6, training=km.Training(steps=2, grad_cache_chunk=chunk)
        )
        for chunk in (None, 3)
    ]
    assert np.allclose(*(space.encode(table) for space in spaces), atol=1e-4)


def test_a_batch_read_again_is_the_batch_read_first() -> None:
    """Items of one shape are kept in one array, others are not; either way the second epoch sees what the first saw."""
    table, encoders = raw_table(23)
    ports, _ = open_ports(table, encoders, {})
    rows = np.array([5, 1, 8, 22, 3])
    for port in ports:
        source = Source(table, port, None)
        first = source.cells(rows, np.arange(5))
        source.cells(np.arange(23), np.arange(23))
        again = source.cells(rows, np.arange(5))
        assert torch.equal(first.row, again.row)
        for a, b in zip(*(x if isinstance(x, tuple) else (x,) for x in (first.x, again.x)), strict=True):
            assert a.dtype == b.dtype and torch.equal(a, b)
        assert (port.name == "image") == (source._stack is not None and bool(source._stack.known.all()))
