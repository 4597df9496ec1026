"""Trust: attention over modalities, which falls where a cell is less sure of itself than such cells usually are.

    a_m = softmax_m(b_m − s max(v_m − v̄_m, 0) + log present_m),    v_m ≈ log E[e_m]
    z = [r_n Σ a_m c_m, t_n j],    g_m = exp(min_k p_k − p_m),   p_m = s λ̂_m² max(v_m − v̄_m, 0),    n = Σ g_m

Each column has a probe of its own, which tells the answer from that column alone, and a doubt v_m, which foretells the
probe's loss e_m from how undecided it is and from the code. Doubts are learned on rows that probes have not learned, by
e exp(−v) + v, which is least at v = log E[e]; beside frozen encoders they are at last solved (`uncertainty.py`). v̄_m
is the mean of the doubts of cells as they are, b_m is learned with the codes.
A column that is noise in this row weighs next to nothing in this row. One that always tells little is not silenced for
it: what it tells may be what the others lack. With v alone, parts of a picture were told apart in .90 for .94.

A code z_m = [c_m, l_m] may end in what the column says to a regression (`regression.py`). That part is let in
by g_m, which asks for more: a hard cell and a spoiled one are both in doubt, and a hard one is what was solved
for. So λ̂, which foretells from the same signs how far the cell is mixed with noise, must be high too. j is
mixed from the l_m of the columns that are let in, as was solved for just these (`subset_regression.py`). n is
how many columns speak, r_n and t_n are how far the two experts are to be believed then, 1 for one column
(`StackedDecoder`).

References:
    What Uncertainties Do We Need in Bayesian Deep Learning for Computer Vision?, Kendall and Gal, 2017 (the loss of v).
"""

from __future__ import annotations

from collections.abc import Sequence
from math import log
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from kuamo.core.errors import KuamoError
from kuamo.embedding.embedding import Embedding
from kuamo.embedding.fusion import _weighted
from kuamo.objectives.prediction.decoder import FAMILIES
from kuamo.objectives.prediction.subset_regression import Mix

__all__ = ["Pooled", "UncertaintyFusion"]

SHARPNESS = 2.0  # s
SLOWLY = 0.05  # how far v̄ moves in a step
BOUNDS = (-7.0, 7.0)
QUICKLY = 10.0  # a doubt is 10 times what its net gives: it has no time to lose, at a rate that suits the rest


class Pooled(NamedTuple):
    """Codes of what rows have, before r and t: c (B, d − r), l = [·, j] (B, r), n (B,) and the weights a (B, M)."""

    c: Tensor
    l: Tensor
    n: Tensor
    weights: Tensor


class UncertaintyFusion(nn.Module):
    """Weights by foretold losses.

    Args:
        dim: d. out: K classes, or 1 number. columns: M. family: `"categorical"` or `"gaussian"`.
        joint: r, how many of the d numbers are said to a regression. parts: which columns say so.

    Raises:
        KuamoError: an unknown family, or fewer than two classes.

    Example:
        >>> trust = UncertaintyFusion(4, 3, 2)
        >>> code, weights = trust(Embedding(torch.ones(1, 2, 4)), torch.tensor([[True, False]]))
        >>> weights.tolist()
        [[1.0, 0.0]]
    """

    def __init__(
        self,
        dim: int,
        out: int,
        columns: int,
        family: str = "categorical",
        joint: int = 0,
        parts: Sequence[int] = (),
    ) -> None:
        super().__init__()
        if family not in FAMILIES or (family == "categorical" and out < 2):
            raise KuamoError(f"given out={out}, family={family!r}; expected at least 2 classes, or one of {FAMILIES}")
        self.dim, self.out, self.columns, self.family, self.joint = dim, out, columns, family, joint
        told = out if family == "categorical" else 2
        self.probes = nn.ModuleList([nn.Linear(dim - joint, told) for _ in range(columns)])
        self.doubts = nn.ModuleList([doubter(2 + dim - joint) for _ in range(columns)])
        self.prior = nn.Parameter(torch.zeros(columns))
        self.mix = Mix(parts, joint // 2)
        self.spoiled: dict[str, Any] = {}  # while it is trained: column → cells that are known to be bad
        self.belief: Tensor
        self.register_buffer("belief", torch.zeros(columns, 2 if joint else 1))  # log r, log t of n = 1, …, M
        self.usual: Tensor
        self.register_buffer("usual", torch.zeros(columns))
        self.width: Tensor
        self.register_buffer("width", torch.full((3,), torch.nan))  # of how far off a number is, see `intervals.py`

    def _load_from_state_dict(self, state_dict: Any, prefix: str, *args: Any) -> None:
        state_dict.setdefault(prefix + "width", self.width.clone())  # spaces of 0.1 do not have it
        super()._load_from_state_dict(state_dict, prefix, *args)

    def _save_to_state_dict(self, destination: Any, prefix: str, keep_vars: bool) -> None:
        super()._save_to_state_dict(destination, prefix, keep_vars)
        if self.width.isnan().any():
            del destination[prefix + "width"]  # and are stored as they were, for an index knows a space by its parts

    def learned(self, codes: Tensor) -> Tensor:
        """c (…, d − r) of codes (…, d)."""
        return codes[..., : self.dim - self.joint]

    def told(self, codes: Tensor) -> Tensor:
        """What each column's probe tells: logits (B, M, K), or a number and the log of its spread (B, M, 2)."""
        c = self.learned(codes)
        return torch.stack([probe(c[:, m]) for m, probe in enumerate(self.probes)], 1)

    def losses(self, told: Tensor, y: Tensor) -> Tensor:
        """e (B, M) for targets y (B, L): cross-entropy, or the squared error."""
        if self.family == "categorical":
            return -(y[:, None] * torch.log_softmax(told, -1)).sum(-1)
        return (told[..., 0] - y).square()

    def bounded(self, losses: Tensor) -> Tensor:
        """No more than a guess among the classes has: a hard cell is in no more doubt than noise is."""
        return losses.clamp(max=log(self.out)) if self.family == "categorical" else losses

    def signs(self, told: Tensor, c: Tensor) -> Tensor:
        """(B, M, s): how undecided the probes are, and the codes; no gradient reaches them."""
        told = told.detach()
        if self.family == "categorical":
            logp = torch.log_softmax(told, -1)
            top = logp.topk(2, -1).values
            undecided = -(logp.exp() * logp).sum(-1) / log(self.out)
            signs = torch.stack([undecided, torch.tanh((top[..., 0] - top[..., 1]) / 4)], -1)
        else:
            signs = torch.stack([told[..., 1], told[..., 0]], -1)
        return torch.cat([signs, c.detach()], -1)

    def doubted(self, signs: Tensor, column: int) -> tuple[Tensor, Tensor]:
        """v and the logit of λ̂ (B,) of a column, from its signs (B, s)."""
        v, noise = (QUICKLY * self.doubts[column](signs)).unbind(-1)
        return v.clamp(*BOUNDS), noise

    def doubt(self, told: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        """v and the logit of λ̂ (B, M), from what probes tell of codes c (B, M, d − r)."""
        signs = self.signs(told, c)
        found = [self.doubted(signs[:, m], m) for m in range(self.columns)]
        return torch.stack([v for v, _ in found], 1), torch.stack([noise for _, noise in found], 1)

    def remember(self, v: Tensor, clean: Tensor) -> None:
        """Move the usual doubts (M,) towards those (B, M) of cells that are as they were, (B, M) bool."""
        count = clean.sum(0)
        mean = torch.where(clean, v.detach(), 0.0).sum(0) / count.clamp(min=1)
        self.usual.copy_(torch.where(count > 0, self.usual.lerp(mean, SLOWLY), self.usual))

    def weigh(self, code: Embedding, present: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Codes (B, M, d), present (B, M) → c (B, d − r), weights a (B, M), and how far l is let in, g (B, M)."""
        known = torch.where(present[..., None], code.mean, 0.0)
        v, noise = (one.detach() for one in self.doubt(self.told(known), self.learned(known)))
        excess = (v - self.usual).clamp(min=0)
        far = torch.finfo(v.dtype).max
        score = torch.where(present, self.prior - SHARPNESS * excess, -far)
        weights = torch.where(present, torch.softmax(score, -1), 0.0)
        strange = SHARPNESS * torch.sigmoid(noise).square() * excess
        against = torch.where(present, strange, far)
        let_in = torch.where(present, (against.amin(1, keepdim=True) - against).exp(), 0.0)
        return (weights[..., None] * self.learned(known)).sum(1), weights, let_in

    def pool(self, code: Embedding, present: Tensor) -> Pooled:
        """Codes (B, M, d), present (B, M) → what they say together, and how many say it."""
        c, weights, let_in = self.weigh(code, present)
        l = torch.where(present[..., None], code.mean, 0.0)[..., self.dim - self.joint :]
        added = (let_in[..., None] * l).sum(1)[:, : self.mix.size]
        return Pooled(c, torch.cat([added, self.mix(l, let_in)], -1), let_in.sum(1), weights)

    def believed(self, n: Tensor) -> Tensor:
        """r_n and t_n (B, 2), or r_n alone, of n columns (B,) that speak; log-linear between whole numbers."""
        place = n.clamp(1, self.columns) - 1
        at = place.floor().long()
        above = self.belief[(at + 1).clamp(max=self.columns - 1)]
        return self.belief[at].lerp(above, (place - at)[:, None]).exp()

    def forward(self, code: Embedding, present: Tensor) -> tuple[Embedding, Tensor]:
        """Codes (B, M, d), present (B, M) → Embedding (B, d), weights (B, M)."""
        c, l, n, weights = self.pool(code, present)
        share = self.believed(n)
        mean = torch.cat([share[:, :1] * c, share[:, -1:] * l], -1)
        return Embedding(mean, _weighted(code, present, weights).logvar), weights

    def config(self) -> dict[str, Any]:
        """What the constructor takes."""
        names = ("dim", "out", "columns", "family", "joint")
        return {name: getattr(self, name) for name in names} | {"parts": self.mix.parts}


def doubter(signs: int) -> nn.Sequential:
    """Signs (n, s) → a tenth of v and of the logit of λ̂ (n, 2); of nothing yet, both are 0."""
    last = nn.Linear(16, 2)
    nn.init.zeros_(last.weight)
    nn.init.zeros_(last.bias)
    return nn.Sequential(nn.Linear(signs, 16), nn.GELU(), last)
