"""Several processes: local sums over a global count, then summed gradients. Without a group, everything is local.

No wrapper around modules: an absent modality on one process would crash it, or average means of unequal counts.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor
from torch import distributed as dist

__all__ = ["gather", "gather_rows", "rank_and_size", "sum_gradients", "sum_of", "total"]


def rank_and_size() -> tuple[int, int]:
    """This process's number and how many there are."""
    if dist.is_available() and dist.is_initialized():
        return dist.get_rank(), dist.get_world_size()
    return 0, 1


def total(count: int) -> int:
    """The sum of a count over all processes."""
    if rank_and_size()[1] == 1:
        return count
    value = torch.tensor(float(count), dtype=torch.float64)
    dist.all_reduce(value)
    return int(value.item())


def sum_of(numbers: Tensor) -> Tensor:
    """The sum over all processes of numbers that each has as many of."""
    if rank_and_size()[1] > 1:
        numbers = numbers.clone()
        dist.all_reduce(numbers)
    return numbers


def gather(local: Tensor) -> Tensor:
    """(n_local, …) → (n, …) of all processes in rank order; gradients flow back to where they belong."""
    return local if rank_and_size()[1] == 1 else _Gather.apply(local)


def gather_rows(row: Tensor) -> Tensor:
    """Row numbers of all processes, in the order of `gather`."""
    return row if rank_and_size()[1] == 1 else _all_gather(row)


def sum_gradients(parameters: Iterable[Tensor]) -> None:
    """Sum gradients over processes; a parameter without one counts as zero, or has none if it has none anywhere."""
    if rank_and_size()[1] == 1:
        return
    held = [p for p in parameters if p.requires_grad]
    flat = torch.cat([(torch.zeros_like(p) if p.grad is None else p.grad).reshape(-1) for p in held])
    known = torch.tensor([float(p.grad is not None) for p in held])
    for sums in (flat, known):
        dist.all_reduce(sums)
    start = 0
    for p, count in zip(held, known.tolist(), strict=True):
        p.grad = flat[start : start + p.numel()].view_as(p).clone() if count else None
        start += p.numel()


def _all_gather(local: Tensor) -> Tensor:
    """Ragged all-gather along the first axis, by padding to the largest."""
    _, size = rank_and_size()
    counts = [torch.zeros(1, dtype=torch.int64) for _ in range(size)]
    dist.all_gather(counts, torch.tensor([len(local)]))
    most = max(int(count) for count in counts)
    padded = local.new_zeros((most, *local.shape[1:]))
    padded[: len(local)] = local.detach()
    parts = [torch.empty_like(padded) for _ in range(size)]
    dist.all_gather(parts, padded.contiguous())
    return torch.cat([part[: int(count)] for part, count in zip(parts, counts, strict=True)])


class _Gather(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, local: Tensor) -> Tensor:
        rank, size = rank_and_size()
        counts = [torch.zeros(1, dtype=torch.int64) for _ in range(size)]
        dist.all_gather(counts, torch.tensor([len(local)]))
        ctx.start = sum(int(count) for count in counts[:rank])
        ctx.count = len(local)
        return _all_gather(local)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:  # type: ignore[override]
        grad = grad.contiguous().clone()
        dist.all_reduce(grad)
        return grad[ctx.start : ctx.start + ctx.count]
