"""Contrastive losses: positives are more alike than negatives.

    InfoNCE   L = ½ mean_i [ log Σ_j exp s_ij − mean_{j ∈ P(i)} s_ij ] + ½ (the other way round),   s_ij = u_i · v_j / τ
    DCL       the same, but the sum leaves the positives out: Σ_{j ∉ P(i)}
    SigLIP    L = ½ mean_i [ Σ_j log(1 + exp(s_ij + b)) − Σ_{j ∈ P(i)} (s_ij + b) ] + ½ (the other way round)

P(i): the entries of i's own row (several captions are several positives), or also those of all rows with its label or
group. A cell without positives is only a negative. τ (its inverse at most 100) and b are learned.

Positives are found by a key, equal where two entries are positives of each other. Their share of a loss then needs no
matrix of pairs, Σ_{j ∈ P(i)} s_ij = u_i · Σ_{j ∈ P(i)} v_j, and the sums over everybody go in tiles (`tiles.py`):
memory grows with n d, never with n².
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log
from typing import Any

import torch
from torch import nn

from kuamo.core.errors import KuamoError
from kuamo.embedding.space import EmbeddingSpace
from kuamo.objectives.pairwise import Pairwise, Side, positives_of
from kuamo.objectives.tiled_sums import log_sum_exp, softplus_sums
from kuamo.training.objective import Optimized

__all__ = ["DCL", "InfoNCE", "SigLIP", "dcl", "info_nce", "sig_lip"]


def info_nce(u: Any, v: Any, key_u: Any, key_v: Any) -> tuple[Any, Any]:
    """log Σ_j exp(u_i · v_j) − mean over positives of u_i · v_j, each i that has one; and each j.

    Args:
        u: (n, d), already divided by τ. v: (m, d). key_u, key_v: (n,), (m,), equal for positives.

    Returns:
        (k,) and (l,) losses of those with positives.

    References:
        Representation Learning with Contrastive Predictive Coding, van den Oord et al., 2018; Learning Transferable
        Visual Models From Natural Language Supervision, Radford et al., 2021.

    Example:
        >>> import torch
        >>> keys = torch.arange(2), torch.arange(4)
        >>> [loss.exp() for loss in info_nce(torch.zeros(2, 3), torch.zeros(4, 3), *keys)]
        [tensor([4., 4.]), tensor([2., 2.])]
    """
    return less_positives(log_sum_exp(u, v), Side(u, key_u), Side(v, key_v))


def dcl(u: Any, v: Any, key_u: Any, key_v: Any) -> tuple[Any, Any]:
    """log Σ_{j negative} exp(u_i · v_j) − mean over positives, each i that has both; and each j.

    Args, Returns:
        as for `info_nce`.

    References:
        Decoupled Contrastive Learning, Yeh et al., 2022.

    Example:
        >>> import torch
        >>> dcl(torch.zeros(2, 3), torch.zeros(4, 3), torch.arange(2), torch.arange(4))[0].exp()
        tensor([3., 3.])
    """
    return less_positives(log_sum_exp(u, v, key_u, key_v), Side(u, key_u), Side(v, key_v))


def sig_lip(u: Any, v: Any, key_u: Any, key_v: Any, bias: Any) -> tuple[Any, Any]:
    """−Σ_j log σ(± (u_i · v_j + b)), + where j is a positive, − where it is not, for each i; and the same for each j.

    Args:
        u: (n, d), already divided by τ. v: (m, d). key_u, key_v: (n,), (m,), equal for positives. bias: a number.

    Returns:
        (n,) and (m,) losses.

    References:
        Sigmoid Loss for Language Image Pre-Training, Zhai, Mustafa, Kolesnikov and Beyer, 2023.

    Example:
        >>> import torch
        >>> sig_lip(torch.zeros(2, 3), torch.zeros(4, 3), torch.arange(2), torch.arange(4), torch.tensor(0.0))[0].exp()
        tensor([16., 16.])
    """
    rows, columns = softplus_sums(u, v, bias)

    def less(total: Any, own: Side, other: Side) -> Any:
        near, count = positives_of(own, other)
        return total - (own.codes * near).sum(-1) - bias * count  # softplus(−s) = softplus(s) − s

    return less(rows, Side(u, key_u), Side(v, key_v)), less(columns, Side(v, key_v), Side(u, key_u))


def less_positives(totals: tuple[Any, Any], u: Side, v: Side) -> tuple[Any, Any]:
    """`minus_positives` of both directions."""
    return minus_positives(totals[0], u, v), minus_positives(totals[1], v, u)


def minus_positives(total: Any, own: Side, other: Side) -> Any:
    """total_i − mean of the scores with i's positives, of each i that has one, and whose total is a number."""
    near, count = positives_of(own, other)
    has = (count > 0) & ~total.isneginf()
    return total[has] - (own.codes[has] * near[has]).sum(-1) / count[has]


@dataclass(frozen=True)
class Contrast(Pairwise):
    """What they share: scores are divided by a temperature, which is learned."""

    temperature: float = 0.07
    learn_temperature: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.temperature > 0:
            raise KuamoError(f"temperature: given {self.temperature}; expected more than 0")

    def build(self, space: EmbeddingSpace) -> dict[str, Optimized]:
        """The log-scale, trained with the space."""
        module = nn.Module()
        scale = torch.tensor(-log(self.temperature))
        module.register_parameter("log_scale", nn.Parameter(scale, requires_grad=self.learn_temperature))
        return {"space": Optimized(module)}


def by_temperature(u: Side, own: Any) -> Any:
    """Codes divided by τ."""
    return own.log_scale.clamp(max=log(100.0)).exp() * u.codes


@dataclass(frozen=True)
class InfoNCE(Contrast):
    """Symmetric InfoNCE over every pair of columns.

    Args:
        positives: entries of one `"row"`, or also of all rows with the same `"label"` or `"group"`. A row
            without a label is a positive of itself alone.
        temperature: where τ starts. learn_temperature: does it move?

    Raises:
        KuamoError: unknown positives.

    References:
        Learning Transferable Visual Models From Natural Language Supervision, Radford et al., 2021; Supervised
        Contrastive Learning, Khosla et al., 2020 (several positives).
    """

    def losses(self, u: Side, v: Side, own: Any) -> tuple[Any, Any]:
        return info_nce(by_temperature(u, own), v.codes, u.key, v.key)


@dataclass(frozen=True)
class DCL(Contrast):
    """Decoupled InfoNCE: positives do not compete with each other; for small batches or few pairs, at a fixed τ.

    Args:
        positives, temperature, learn_temperature: as for `InfoNCE`; τ stays, since a learned one runs away from few
            pairs.

    Raises:
        KuamoError: unknown positives.

    References:
        Decoupled Contrastive Learning, Yeh et al., 2022.
    """

    temperature: float = 0.1
    learn_temperature: bool = False

    def losses(self, u: Side, v: Side, own: Any) -> tuple[Any, Any]:
        return dcl(by_temperature(u, own), v.codes, u.key, v.key)


@dataclass(frozen=True)
class SigLIP(Contrast):
    """The sigmoid loss over every pair of columns: each pair of entries is judged by itself.

    Args:
        positives, temperature, learn_temperature: as for `InfoNCE`; τ starts at 1/10.
        bias: where b starts; so low that at first every pair counts as negative, as most are.

    References:
        Sigmoid Loss for Language Image Pre-Training, Zhai, Mustafa, Kolesnikov and Beyer, 2023.
    """

    temperature: float = 0.1
    bias: float = -10.0

    def build(self, space: EmbeddingSpace) -> dict[str, Optimized]:
        """The log-scale and the bias, trained with the space."""
        players = super().build(space)
        players["space"].module.register_parameter("bias", nn.Parameter(torch.tensor(self.bias)))
        return players

    def losses(self, u: Side, v: Side, own: Any) -> tuple[Any, Any]:
        return sig_lip(by_temperature(u, own), v.codes, u.key, v.key, own.bias)
