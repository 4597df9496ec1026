"""Sums over all pairs of two sets of codes, in tiles: no n × m matrix is ever made, and gradients are exact.

    s_ij = u_i · v_j (+ b)         rows_i = f(s_i1, …, s_im),    columns_j = f(s_1j, …, s_nj)

    log-sum-exp     ∂/∂s_ij = g_i exp(s_ij − rows_i) + h_j exp(s_ij − columns_j)
    Σ softplus      ∂/∂s_ij = (g_i + h_j) σ(s_ij)

with g and h the gradients at rows and columns. A tile of scores is made, used for its rows and for its columns, and
forgotten; the backward pass makes it again. That is four products of n × m × d in all, as with the whole matrix.

Source: Breaking the Memory Barrier: Near Infinite Batch Size Scaling for Contrastive Loss, Cheng et al., 2024.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

__all__ = ["log_sum_exp", "softplus_sums"]

TILE = 2048
SAFE = 60.0  # sums of exp(±60) neither overflow nor vanish in float32
Slices = tuple[slice, slice]


def log_sum_exp(
    u: Tensor, v: Tensor, key_u: Tensor | None = None, key_v: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """log Σ_j exp(u_i · v_j) for each i, and log Σ_i exp(u_i · v_j) for each j.

    Args:
        u: (n, d). v: (m, d).
        key_u, key_v: (n,), (m,): pairs with equal keys are left out; a row of which nothing is left gets −inf.

    Returns:
        (n,) and (m,).

    Example:
        >>> rows, columns = log_sum_exp(torch.zeros(2, 4), torch.zeros(3, 4))
        >>> rows.exp(), columns.exp()
        (tensor([3., 3.]), tensor([2., 2., 2.]))
    """
    return _LogSumExp.apply(u, v, key_u, key_v)


def softplus_sums(u: Tensor, v: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
    """Σ_j log(1 + exp(u_i · v_j + b)) for each i, and the same over i for each j.

    Args:
        u: (n, d). v: (m, d). bias: a number.

    Returns:
        (n,) and (m,).

    Example:
        >>> softplus_sums(torch.zeros(2, 4), torch.zeros(3, 4), torch.tensor(0.0))[0].exp()
        tensor([8., 8.])
    """
    return _SoftplusSums.apply(u, v, bias)


class _LogSumExp(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, u: Tensor, v: Tensor, key_u: Tensor | None, key_v: Tensor | None) -> tuple[Tensor, Tensor]:
        bounded = float(largest_norm(u) * largest_norm(v)) <= SAFE
        rows, columns = (bounded_sums if bounded else running_sums)(u, v, key_u, key_v)
        ctx.save_for_backward(u, v, rows, columns)
        ctx.keys, ctx.bounded = (key_u, key_v), bounded
        return rows, columns

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, g: Tensor, h: Tensor) -> tuple[Tensor, Tensor, None, None]:  # type: ignore[override]
        u, v, rows, columns = ctx.saved_tensors
        # Where nothing was summed, nothing moves: exp(s + inf) · 0 would be NaN.
        rows, columns = rows.masked_fill(rows.isinf(), torch.inf), columns.masked_fill(columns.isinf(), torch.inf)
        du, dv = torch.zeros_like(u), torch.zeros_like(v)
        if ctx.bounded:
            g, h = g * torch.exp(-rows), h * torch.exp(-columns)
        for (i, j), s in tile_pairs(u, v, *ctx.keys):
            if ctx.bounded:
                slope = s.exp_().mul_(g[i, None] + h[j])
            else:
                slope = torch.exp(s - rows[i, None]).mul_(g[i, None])
                slope += s.sub_(columns[j]).exp_().mul_(h[j])
            du[i].addmm_(slope, v[j])
            dv[j].addmm_(slope.T, u[i])
        return du, dv, None, None


class _SoftplusSums(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, u: Tensor, v: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
        rows, columns = u.new_zeros(len(u)), v.new_zeros(len(v))
        for (i, j), s in tile_pairs(u, v):
            value = torch.nn.functional.softplus(s.add_(bias))
            rows[i] += value.sum(1)
            columns[j] += value.sum(0)
        ctx.save_for_backward(u, v, bias)
        return rows, columns

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, g: Tensor, h: Tensor) -> tuple[Tensor, Tensor, Tensor]:  # type: ignore[override]
        u, v, bias = ctx.saved_tensors
        du, dv, db = torch.zeros_like(u), torch.zeros_like(v), torch.zeros_like(bias)
        for (i, j), s in tile_pairs(u, v):
            slope = s.add_(bias).sigmoid_().mul_(g[i, None] + h[j])
            du[i].addmm_(slope, v[j])
            dv[j].addmm_(slope.T, u[i])
            db += slope.sum()
        return du, dv, db


def bounded_sums(u: Tensor, v: Tensor, key_u: Tensor | None, key_v: Tensor | None) -> tuple[Tensor, Tensor]:
    """Log-sum-exp where no score can be large: one exponential serves rows and columns."""
    rows, columns = u.new_zeros(len(u)), v.new_zeros(len(v))
    for (i, j), s in tile_pairs(u, v, key_u, key_v):
        s.exp_()
        rows[i] += s.sum(1)
        columns[j] += s.sum(0)
    return rows.log_(), columns.log_()


def running_sums(u: Tensor, v: Tensor, key_u: Tensor | None, key_v: Tensor | None) -> tuple[Tensor, Tensor]:
    """Log-sum-exp of any scores: each tile's own, added to what is there already."""
    rows, columns = u.new_full((len(u),), -torch.inf), v.new_full((len(v),), -torch.inf)
    for (i, j), s in tile_pairs(u, v, key_u, key_v):
        rows[i] = torch.logaddexp(rows[i], torch.logsumexp(s, 1))
        columns[j] = torch.logaddexp(columns[j], torch.logsumexp(s, 0))
    return rows, columns


def tile_pairs(
    u: Tensor, v: Tensor, key_u: Tensor | None = None, key_v: Tensor | None = None
) -> Iterator[tuple[Slices, Tensor]]:
    """Places and scores of one tile after the other, in one piece of memory: what it held before is gone."""
    held = u.new_empty(min(TILE, len(u)) * min(TILE, len(v)))
    for first in range(0, len(u), TILE):
        i = slice(first, min(first + TILE, len(u)))
        for second in range(0, len(v), TILE):
            j = slice(second, min(second + TILE, len(v)))
            size = (i.stop - i.start, j.stop - j.start)
            s = torch.mm(u[i], v[j].T, out=held[: size[0] * size[1]].view(size))
            if key_u is not None and key_v is not None:
                s.masked_fill_(key_u[i, None] == key_v[j], -torch.inf)
            yield (i, j), s


def largest_norm(codes: Tensor) -> Tensor:
    """The length of the longest code; 0 of none."""
    return codes.norm(dim=1).amax() if len(codes) else codes.new_zeros(())
