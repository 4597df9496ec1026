"""Cross-attention: what some cells of a row ask the parts of the others, tokens, tiles or moments.

    q = q_0 + Σ_m Q_m φ(h_m) + q_t,     x_mi = P_m p_mi + s_mi,   x_m0 = C_m φ(h_m)
    a = softmax over (m, i) of (W_q q)ᵀ(W_k x_mi)/√(w/H),   in H heads,     r = W_r Σ a_mi W_v x_mi
    z = mean_m h_m + [n ≥ 2] MLP(q + r)

p_mi are the parts of column m's cell as its encoder gives them (`Encoder.parts`), s_mi says which place a part has, and
the code itself is one part more: all there is of a cell without parts. Which object a text means is seen where its
words meet the tiles; no function of one vector for the picture and one for the text can tell it of objects that it has
not kept apart. A column's weight is the sum over its parts. The MLP ends near 0, so that z begins as the mean.

References:
    Attention Is All You Need, Vaswani et al., 2017; Multimodal Transformer for Unaligned Multimodal Language Sequences,
    Tsai et al., 2019 (one column's states ask another's); Perceiver: General Perception with Iterative Attention,
    Jaegle et al., 2021 (learned queries).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from kuamo.core.errors import KuamoError, TableError
from kuamo.core.validation import check_int
from kuamo.embedding.attention import code_features
from kuamo.embedding.embedding import Embedding
from kuamo.embedding.trained_fusion import FusionSpec, TrainedFusion, equal_weights, for_each, weighted
from kuamo.encoders.parts import MOST

__all__ = ["CrossAttention", "TrainedCrossAttention"]


@dataclass(frozen=True)
class CrossAttention(FusionSpec):
    """Attention from codes to the parts of cells: tokens of texts, tiles of pictures, moments of sounds.

    z = mean_m h_m + MLP(q + Σ a_mi v_mi); see `kuamo.embedding.cross_attention`.

    Args:
        query: who asks: `"all"` codes that are there, `"learned"` (no code), or a column's name: its code alone, and of
            the parts those of the other columns.
        heads: H. width: w, of queries and keys, a multiple of H.
        keep: `"better"` takes the mean instead where held-out rows do not gain; `"always"` does not.

    Raises:
        KuamoError: a width that is no multiple of the heads. TableError: by `fit`, of a query that is no column.

    References:
        Multimodal Transformer for Unaligned Multimodal Language Sequences, Tsai et al., 2019; Perceiver: General
        Perception with Iterative Attention, Jaegle et al., 2021.

    Example:
        >>> fusion = CrossAttention(heads=2, width=8).bind(["a", "b"], 4, {"a": 3})
        >>> parts = {0: (torch.ones(1, 5, 3), torch.ones(1, 5, dtype=torch.bool))}
        >>> fusion(Embedding(torch.ones(1, 2, 4), parts=parts), torch.tensor([[True, True]]))[1].sum().round(decimals=4)
        tensor(1., grad_fn=<RoundBackward1>)
    """

    reads_parts: ClassVar[bool] = True

    query: str = "all"
    heads: int = 4
    width: int = 64
    keep: str = field(default="better", kw_only=True)

    def __post_init__(self) -> None:
        self.check_keep()
        check_int(1, heads=self.heads, width=self.width)
        if self.width % self.heads or not isinstance(self.query, str):
            raise KuamoError(f"given {self}; expected a width that is a multiple of heads, and the name of a query")

    def bind(self, names: Sequence[str], dim: int, part_dims: Mapping[str, int] | None = None) -> TrainedCrossAttention:
        """See `FusionSpec.bind`; column → D of the parts of those that have some."""
        if self.query not in ("all", "learned", *names):
            raise TableError(f"given query={self.query!r}; expected 'all', 'learned', or one of {list(names)}")
        return TrainedCrossAttention(names, dim, dict(part_dims or {}), self.query, self.heads, self.width)


class TrainedCrossAttention(TrainedFusion):
    """`CrossAttention` of a space's columns."""

    reads_parts: ClassVar[bool] = True

    def __init__(
        self,
        names: Sequence[str],
        dim: int,
        part_dims: Mapping[str, int],
        query: str = "all",
        heads: int = 4,
        width: int = 64,
        targets: bool = False,
    ) -> None:
        super().__init__(names, dim, targets)
        self.given = {"part_dims": dict(part_dims), "query": query, "heads": heads, "width": width}
        self.heads = heads
        self.codes = for_each(names, lambda: nn.Linear(dim + 1, width))  # C_m
        self.asks = for_each(names, lambda: nn.Linear(dim + 1, width, bias=False))  # Q_m
        sizes = iter(sorted(names))
        self.parts = for_each(names, lambda: part_network(part_dims.get(next(sizes)), width))  # P_m, s_m
        self.base = nn.Parameter(torch.randn(width))
        self.wanted = nn.Parameter(torch.zeros(len(names), width))  # q_t
        self.to_query, self.to_key, self.to_value, self.read = (nn.Linear(width, width) for _ in range(4))
        last = nn.Linear(2 * width, dim)
        with torch.no_grad():
            last.weight.mul_(0.02)
            last.bias.zero_()
        self.mlp = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, 2 * width), nn.GELU(), last)

    def forward(self, code: Embedding, present: Tensor, target: Tensor | None = None) -> tuple[Embedding, Tensor]:
        """See `TrainedFusion`; the weight of a column is that of all of its parts, the mean over heads."""
        h = torch.where(present[..., None], code.mean, 0.0)
        phi, several = code_features(h), present.sum(1) > 1
        q = self.query(phi, present, target)
        x, mask, column = self.keys(phi, present, code.parts or {})
        asks = self.given["query"]
        if asks in self.names:  # it asks the others, if there are any
            mask = mask & ((column != self.place(str(asks))) | ~several[:, None])
        a = torch.softmax(torch.where(mask[:, None], self.scores(q, x), torch.finfo(x.dtype).min), -1)
        a = torch.where(mask[:, None], a, 0.0)  # (B, H, N)
        value = self.to_value(x).unflatten(-1, (self.heads, -1))
        more = self.mlp(q + self.read(torch.einsum("bhn,bnhk->bhk", a, value).flatten(1)))
        weights = h.new_zeros(present.shape).index_add(1, column, a.mean(1))
        mean = weighted(code, present, equal_weights(present))
        joint = Embedding(mean.mean + torch.where(several[:, None], more, 0.0), mean.logvar)
        return joint, torch.where(several[:, None], weights, present.to(weights))

    def query(self, phi: Tensor, present: Tensor, target: Tensor | None) -> Tensor:
        """q (B, w)."""
        who = self.given["query"]
        q = self.base.expand(len(phi), -1)
        for m, net in enumerate(self.asks):
            if who in ("all", self.names[m]):
                q = q + torch.where(present[:, m, None], net(phi[:, m]), 0.0)
        if target is None:
            return q
        return q + torch.where((target >= 0)[:, None], self.wanted[target.clamp(min=0)], 0.0)

    def keys(self, phi: Tensor, present: Tensor, parts: Mapping[int, Any]) -> tuple[Tensor, Tensor, Tensor]:
        """x (B, N, w), which of them are there (B, N), and whose they are (N,)."""
        x, mask, column = [torch.stack([net(phi[:, m]) for m, net in enumerate(self.codes)], 1)], [present], []
        for m, (p, there) in parts.items():
            there = there & present[:, m, None]
            x.append(self.parts[m](torch.where(there[..., None], p, 0.0)))
            mask.append(there)
            column.append(torch.full((p.shape[1],), m))
        return torch.cat(x, 1), torch.cat(mask, 1), torch.cat([torch.arange(present.shape[1]), *column])

    def scores(self, q: Tensor, x: Tensor) -> Tensor:
        """(B, H, N) of queries (B, w) and x (B, N, w)."""
        query, key = (one.unflatten(-1, (self.heads, -1)) for one in (self.to_query(q), self.to_key(x)))
        return torch.einsum("bhk,bnhk->bhn", query, key) * key.shape[-1] ** -0.5

    def config(self) -> dict[str, Any]:
        """What the constructor takes."""
        return {**super().config(), **self.given}


class PartNetwork(nn.Module):
    """p (B, T, D) → P LN(p) + s (B, T, w); places repeat where a row has several cells of a column."""

    def __init__(self, size: int, width: int) -> None:
        super().__init__()
        self.norm, self.linear = nn.LayerNorm(size), nn.Linear(size, width)
        self.places = nn.Parameter(torch.zeros(MOST, width))

    def forward(self, p: Tensor) -> Tensor:
        """See the class."""
        return self.linear(self.norm(p)) + self.places[torch.arange(p.shape[1]) % MOST]


def part_network(size: int | None, width: int) -> nn.Module:
    """P_m of parts of so many numbers, nothing for a column without parts."""
    return nn.Identity() if size is None else PartNetwork(size, width)
