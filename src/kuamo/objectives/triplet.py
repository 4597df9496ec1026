"""The triplet loss: an entry is closer to its positives than to the hardest negative.

    L = ½ mean_i max(0, m − s_i⁺ + s_i⁻) + ½ (the other way round),   s_ij = u_i · v_j

s⁺ is the mean score with the positives; s⁻ the highest with a negative, or, where `semi_hard`, the highest below s⁺.
Who that is, is looked for in tiles and without a graph; only its own score has one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from kuamo.core.errors import KuamoError
from kuamo.objectives.pairwise import Pairwise, Side, positives_of
from kuamo.objectives.tiled_sums import tile_pairs

__all__ = ["Triplet", "triplet"]


def triplet(u: Any, v: Any, key_u: Any, key_v: Any, margin: float = 0.2, semi_hard: bool = False) -> Any:
    """max(0, m − s_i⁺ + s_i⁻) for each i that has a positive and a negative, (k,).

    Args:
        u: (n, d). v: (m, d). key_u, key_v: (n,), (m,), equal for positives. margin: m.
        semi_hard: only negatives that are less alike than the positives.

    References:
        FaceNet: A Unified Embedding for Face Recognition and Clustering, Schroff et al., 2015 (semi-hard); VSE++:
        Improving Visual-Semantic Embeddings with Hard Negatives, Faghri et al., 2018.

    Example:
        >>> import torch
        >>> triplet(torch.eye(2), torch.eye(2), torch.arange(2), torch.arange(2), margin=1.5)
        tensor([0.5000, 0.5000])
    """
    sums, count = positives_of(Side(u, key_u), Side(v, key_v))
    near = (u * sums).sum(-1) / count.clamp(min=1)
    with torch.no_grad():
        below = near if semi_hard else torch.full_like(near, torch.inf)
        score, who = hardest(u, v, key_u, key_v, below)
    has = (count > 0) & ~score.isneginf()
    far = (u[has] * v[who[has]]).sum(-1)
    return (margin - near[has] + far).clamp(min=0)


def hardest(u: Any, v: Any, key_u: Any, key_v: Any, below: Any) -> tuple[Any, Any]:
    """The highest score below `below` (n,) of each i with a negative, −inf if there is none, and whose (n,)."""
    best, who = u.new_full((len(u),), -torch.inf), torch.zeros(len(u), dtype=torch.int64)
    for (i, j), s in tile_pairs(u, v, key_u, key_v):
        s.masked_fill_(s >= below[i, None], -torch.inf)
        score, at = s.max(1)
        who[i] = torch.where(score > best[i], at + j.start, who[i])
        best[i] = torch.maximum(best[i], score)
    return best, who


@dataclass(frozen=True)
class Triplet(Pairwise):
    """The triplet loss with hard negatives over every pair of columns.

    Args:
        positives: as for `InfoNCE`. margin: m, of scores between −1 and 1.
        semi_hard: only negatives that are less alike than the positives. Without it the hardest of all are taken, and
            encoders that start from nothing, or rows that show the same thing, collapse to one point.

    Raises:
        KuamoError: unknown positives, or a margin that is not positive.

    References:
        VSE++: Improving Visual-Semantic Embeddings with Hard Negatives, Faghri, Fleet, Kiros and Fidler, 2018.
    """

    margin: float = 0.2
    semi_hard: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.margin > 0:
            raise KuamoError(f"margin: given {self.margin}; expected more than 0")

    def losses(self, u: Side, v: Side, own: Any) -> tuple[Any, Any]:
        forth = triplet(u.codes, v.codes, u.key, v.key, self.margin, self.semi_hard)
        return forth, triplet(v.codes, u.codes, v.key, u.key, self.margin, self.semi_hard)
