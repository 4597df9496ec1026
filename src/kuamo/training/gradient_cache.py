"""Chunks: a batch of raw cells that passes through its encoder a part at a time, with the whole batch's gradients.

    forward     z = [encoder(x_1), …, encoder(x_C)], without a graph;   ∂L/∂z of the whole batch
    backward    for each chunk: encoder(x_c) again, with a graph and the same noise;   ∂L/∂θ += (∂z_c/∂θ)ᵀ ∂L/∂z_c

So a contrastive loss sees all of its negatives, and memory holds the activations, and the raw cells, of one chunk. It
costs one more forward. Adding up the gradients of small batches is something else: each would have few negatives.

References:
    Scaling Deep Contrastive Learning Batch Size under Memory Limited Setup, Gao et al., 2021 (GradCache).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from kuamo.core.errors import KuamoError
from kuamo.core.modules import is_module
from kuamo.embedding.embedding import Embedding
from kuamo.training.randomness import seed_generators

__all__ = ["Chunks", "check_chunk", "grad_cache_encode"]


@dataclass(frozen=True)
class Chunks:
    """A column's entries in a batch, read so many at a time, each time they are asked for.

    Args:
        read: entries (c,) → what their encoder takes. entry: (n,) all of them.
        size: of a chunk; the last may be smaller.

    Example:
        >>> [chunk.tolist() for chunk in Chunks(lambda entry: entry * 10, np.arange(5), 2)]
        [[0, 10], [20, 30], [40]]
    """

    read: Callable[[np.ndarray], Any]
    entry: np.ndarray
    size: int

    def __len__(self) -> int:
        """C, how many chunks."""
        return -(-len(self.entry) // self.size)

    def __getitem__(self, number: int) -> Any:
        return self.read(self.entry[number * self.size : (number + 1) * self.size])

    def __iter__(self) -> Iterator[Any]:
        return (self[number] for number in range(len(self)))


def grad_cache_encode(modules: Sequence[Any], chunks: Chunks) -> Embedding:
    """Codes (n, d) of all entries; where gradients are wanted, each chunk is encoded again when they pass through it.

    Args:
        modules: one after the other, a chunk → its codes. They must see each entry alone; their noise is replayed.

    Example:
        >>> import torch
        >>> net, column = torch.nn.Linear(1, 1), torch.arange(5.0)[:, None]
        >>> code = grad_cache_encode([net, Embedding], Chunks(lambda entry: column[entry], np.arange(5), 2))
        >>> torch.allclose(code.mean, net(column))
        True
    """

    def encode(number: int) -> torch.Tensor:
        x = chunks[number]
        for module in modules:
            x = module(x)
        return x.mean if x.logvar is None else torch.cat([x.mean, x.logvar], 1)

    parameters = [p for module in modules if is_module(module) for p in module.parameters() if p.requires_grad]
    both = Recomputed.apply(encode, len(chunks), len(chunks.entry), *parameters)
    return Embedding(*both.chunk(2, 1)) if getattr(modules[-1], "gaussian", False) is True else Embedding(both)


class Recomputed(torch.autograd.Function):
    """z = [f(1), …, f(C)] (n, d);   ∂L/∂θ = Σ_c (∂f(c)/∂θ)ᵀ (∂L/∂z)_c, with f(c) evaluated again.

    All codes go into one array made beforehand, and all gradients add up in place: small results that outlive their
    chunk would stand between its freed activations, and the allocator's memory would grow with the batch after all.
    """

    @staticmethod
    def forward(ctx: Any, encode: Callable[[int], Tensor], count: int, rows: int, *parameters: Tensor) -> Tensor:
        """encode: the number of a chunk → (c, d). count: C. rows: n. parameters: θ, of all that `encode` calls."""
        ctx.encode, ctx.count, ctx.parameters = encode, count, parameters
        ctx.seed = int(torch.randint(1 << 62, ()))
        out, at = None, 0
        for number in range(count):
            with noise_of(ctx.seed + number):
                part = encode(number)
            if out is None:
                out = part.new_empty((rows, *part.shape[1:]))
            out[at : at + len(part)] = part
            at += len(part)
        assert out is not None
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Any, ...]:  # type: ignore[override]
        """Chunk by chunk."""
        sums, at = [torch.zeros_like(parameter) for parameter in ctx.parameters], 0
        for number in range(ctx.count):
            with noise_of(ctx.seed + number), torch.enable_grad():
                part = ctx.encode(number)
            rows = slice(at, at := at + len(part))
            found = torch.autograd.grad(part, ctx.parameters, gradient[rows], allow_unused=True)
            for total, one in zip(sums, found, strict=True):
                if one is not None:
                    total += one
        return (None, None, None, *sums)


@contextmanager
def noise_of(seed: int) -> Iterator[None]:
    """What is random inside follows from the seed; outside nothing changes."""
    with torch.random.fork_rng():
        seed_generators(seed)
        yield


def check_chunk(chunk: int | None, encoder: Any, column: str) -> None:
    """Refuse what would not give the whole batch's gradients."""
    if chunk is None:
        return
    if isinstance(chunk, bool) or not isinstance(chunk, int | np.integer) or chunk < 1:
        raise KuamoError(
            f"given grad_cache_chunk={chunk!r}; expected a whole number from 1, or None for the whole batch at once"
        )
    for module in encoder.modules():
        if isinstance(module, torch.nn.modules.batchnorm._BatchNorm) and module.training:
            raise KuamoError(
                f"column {column!r}: given an encoder with {type(module).__name__} and grad_cache_chunk={chunk}; "
                f"its means would be a chunk's. Expected layers that see "
                f"each entry alone, such as GroupNorm, or grad_cache_chunk=None"
            )
