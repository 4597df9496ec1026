"""A function of chunks whose backward pass runs each again: one graph holds what otherwise all of them would."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

__all__ = ["Recomputed"]


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
        torch.manual_seed(seed)
        yield
