"""Randomness of its own: a seed for what is drawn inside, and the caller's as it was."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

__all__ = ["forked_rng", "seed_generators"]


@contextmanager
def forked_rng(seed: int) -> Iterator[None]:
    """Nothing random outside changes what happens inside, nor the other way round; nor do the caller's own switches:
    gradients that are off would leave everything as it began, and numbers of another size would not go together."""
    dtype = torch.get_default_dtype()
    with torch.random.fork_rng(devices=[]), torch.inference_mode(False), torch.enable_grad():
        seed_generators(seed)
        torch.set_default_dtype(torch.float32)
        try:
            yield
        finally:
            torch.set_default_dtype(dtype)


def seed_generators(seed: int) -> None:
    """`torch.manual_seed`, which takes a millisecond to note the stack for each device that nothing has used yet."""
    others = torch.cuda.is_initialized() or torch.xpu.is_initialized() or torch.backends.mps.is_built()
    (torch.manual_seed if others else torch.default_generator.manual_seed)(seed)
