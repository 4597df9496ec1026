"""Uncertainty-weighted fusion: attention over modalities, which falls where a cell is less certain than usual.

    a_m = softmax_m(b_m − s max(v_m − v̄_m, 0) + log present_m),    v_m ≈ log E[e_m]
    z = [r_n Σ a_m c_m, t_n j],    g_m = exp(min_k p_k − p_m),   p_m = s λ̂_m² max(v_m − v̄_m, 0),    n = Σ g_m

Each column has a probe, a linear prediction from that column alone, and a small network that predicts v_m, the log of
the probe's loss e_m, from the probe's entropy and margin and from the code (`uncertainty.py`). v̄_m is the mean of v_m
over uncorrupted cells, b_m is trained with the codes. A column that is noise in this row weighs next to nothing in this
row. One that is always uncertain keeps its weight: it may know what the others lack (with v_m alone, quarters of a
digit were recognised in .90 for .94).

A code z_m = [c_m, l_m] may end in the column's part of a regression (`regression.py`). That part passes a gate g_m,
which asks for more: a hard cell and a corrupted one are both uncertain, and a hard one is what was solved for. So λ̂, a
prediction of how far the cell is noise, must be high too. j is what was solved for just the columns that pass
(`subset_regression.py`). n is how many pass; r_n and t_n scale the two experts then, relative to one column
(`StackedDecoder`).

References:
    What Uncertainties Do We Need in Bayesian Deep Learning for Computer Vision?, Kendall and Gal, 2017 (the loss of v).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import log
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from kuamo.core.errors import KuamoError
from kuamo.core.old_names import current_array, former_array
from kuamo.embedding.embedding import Embedding
from kuamo.embedding.trained_fusion import fusion_from_config, weighted
from kuamo.objectives.prediction.decoder import FAMILIES
from kuamo.objectives.prediction.subset_regression import SubsetRegression

__all__ = ["PooledCodes", "UncertaintyFusion"]

SHARPNESS = 2.0  # s
BOUNDS = (-7.0, 7.0)
SCALE = 10.0  # v is so many times what its network gives


class PooledCodes(NamedTuple):
    """Codes of what rows have, before r and t: c (B, d − r), l = [·, j] (B, r), n (B,) and the weights a (B, M)."""

    c: Tensor
    l: Tensor
    n: Tensor
    weights: Tensor


class UncertaintyFusion(nn.Module):
    """Weights by predicted losses.

    Args:
        dim: d. out: K classes, or 1 number. columns: M. family: `"categorical"` or `"gaussian"`.
        joint: r, how many of the d numbers belong to a regression. parts: the columns that have them.
        inner: a `TrainedFusion` of the c_m, or its description; `None` for the weights above.

    Example:
        >>> fusion = UncertaintyFusion(4, 3, 2)
        >>> code, weights = fusion(Embedding(torch.ones(1, 2, 4)), torch.tensor([[True, False]]))
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
        inner: Any = None,
    ) -> None:
        super().__init__()
        if family not in FAMILIES or (family == "categorical" and out < 2):
            raise KuamoError(f"given out={out}, family={family!r}; expected at least 2 classes, or one of {FAMILIES}")
        self.dim, self.out, self.columns, self.family, self.joint = dim, out, columns, family, joint
        outputs = out if family == "categorical" else 2
        self.probes = nn.ModuleList([nn.Linear(dim - joint, outputs) for _ in range(columns)])
        self.uncertainty_nets = nn.ModuleList([uncertainty_net(2 + dim - joint) for _ in range(columns)])
        self.prior = nn.Parameter(torch.zeros(columns))
        self.inner = fusion_from_config(inner) if isinstance(inner, Mapping) else inner
        self.mix = SubsetRegression(parts, joint // 2)
        self.corrupted: dict[str, Any] = {}  # while it is trained: column → cells that are known to be bad
        self.log_scale = nn.Buffer(torch.zeros(columns, 2 if joint else 1))  # log r, log t of n = 1, …, M
        self.usual = nn.Buffer(torch.zeros(columns))
        self.register_state_dict_post_hook(_as_stored)
        self.width = nn.Buffer(torch.full((3,), torch.nan))  # of intervals, see `intervals.py`

    @property
    def reads_parts(self) -> bool:
        """Are the parts of cells looked at?"""
        return self.inner is not None and bool(self.inner.reads_parts)

    def _load_from_state_dict(self, state_dict: Any, prefix: str, *args: Any) -> None:
        for key in [key for key in state_dict if key.startswith(prefix)]:
            state_dict[prefix + current_array(key.removeprefix(prefix))] = state_dict.pop(key)
        state_dict.setdefault(prefix + "width", self.width.clone())  # spaces of 0.1 do not have it
        super()._load_from_state_dict(state_dict, prefix, *args)

    def _save_to_state_dict(self, destination: Any, prefix: str, keep_vars: bool) -> None:
        super()._save_to_state_dict(destination, prefix, keep_vars)
        if self.width.isnan().any():
            del destination[prefix + "width"]  # and are stored as they were, for an index knows a space by its parts

    def learned(self, codes: Tensor) -> Tensor:
        """c (…, d − r) of codes (…, d)."""
        return codes[..., : self.dim - self.joint]

    def probe(self, codes: Tensor) -> Tensor:
        """Outputs of the probes for codes (B, M, d): logits (B, M, K), or a number and its log spread (B, M, 2)."""
        c = self.learned(codes)
        return torch.stack([probe(c[:, m]) for m, probe in enumerate(self.probes)], 1)

    def losses(self, outputs: Tensor, y: Tensor) -> Tensor:
        """e (B, M) for targets y (B, L): cross-entropy, or the squared error."""
        if self.family == "categorical":
            return -(y[:, None] * torch.log_softmax(outputs, -1)).sum(-1)
        return (outputs[..., 0] - y).square()

    def features(self, outputs: Tensor, c: Tensor) -> Tensor:
        """(…, 2 + d − r): entropy and margin of the probes, or mean and spread, and the codes; no gradient passes."""
        outputs = outputs.detach()
        if self.family == "categorical":
            logp = torch.log_softmax(outputs, -1)
            top = logp.topk(2, -1).values
            entropy = -(logp.exp() * logp).sum(-1) / log(self.out)
            own = torch.stack([entropy, torch.tanh((top[..., 0] - top[..., 1]) / 4)], -1)
        else:
            own = outputs.flip(-1)
        return torch.cat([own, c.detach()], -1)

    def predicted(self, features: Tensor, column: int) -> tuple[Tensor, Tensor]:
        """v and the logit of λ̂ (B,) of a column, from its features (B, 2 + d − r)."""
        v, noise = (SCALE * self.uncertainty_nets[column](features)).unbind(-1)
        return v.clamp(*BOUNDS), noise

    def uncertainty(self, codes: Tensor) -> tuple[Tensor, Tensor]:
        """v and the logit of λ̂ (B, M) of codes (B, M, d)."""
        features = self.features(self.probe(codes), self.learned(codes))
        found = [self.predicted(features[:, m], m) for m in range(self.columns)]
        return torch.stack([v for v, _ in found], 1), torch.stack([noise for _, noise in found], 1)

    def attend(self, score: Tensor, present: Tensor) -> Tensor:
        """a (B, M): the softmax of scores (B, M) over what is present (B, M), 0 of the rest."""
        score = torch.where(present, score, -torch.finfo(score.dtype).max)
        return torch.where(present, torch.softmax(score, -1), 0.0)

    def weigh(self, code: Embedding, present: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Codes (B, M, d), present (B, M) → c (B, d − r), weights a (B, M), and gates g (B, M)."""
        known = torch.where(present[..., None], code.mean, 0.0)
        v, noise = (one.detach() for one in self.uncertainty(known))
        excess = (v - self.usual).clamp(min=0)
        weights = self.attend(self.prior - SHARPNESS * excess, present)
        against = SHARPNESS * torch.sigmoid(noise).square() * excess
        against = torch.where(present, against, torch.finfo(v.dtype).max)
        gates = torch.where(present, (against.amin(1, keepdim=True) - against).exp(), 0.0)
        if self.inner is not None:
            fused, weights = self.inner(Embedding(self.learned(known), parts=code.parts), present)
            return fused.mean, weights, gates
        return (weights[..., None] * self.learned(known)).sum(1), weights, gates

    def pool(self, code: Embedding, present: Tensor) -> PooledCodes:
        """Codes (B, M, d), present (B, M) → what they say together, and how many pass."""
        c, weights, gates = self.weigh(code, present)
        l = torch.where(present[..., None], code.mean, 0.0)[..., self.dim - self.joint :]
        added = (gates[..., None] * l).sum(1)[:, : self.mix.size]
        return PooledCodes(c, torch.cat([added, self.mix(l, gates)], -1), gates.sum(1), weights)

    def scales(self, n: Tensor) -> Tensor:
        """r_n and t_n (B, 2), or r_n alone, of n columns (B,); log-linear between whole numbers."""
        place = n.clamp(1, self.columns) - 1
        at = place.floor().long()
        above = self.log_scale[(at + 1).clamp(max=self.columns - 1)]
        return self.log_scale[at].lerp(above, (place - at)[:, None]).exp()

    def forward(self, code: Embedding, present: Tensor) -> tuple[Embedding, Tensor]:
        """Codes (B, M, d), present (B, M) → Embedding (B, d), weights (B, M)."""
        c, l, n, weights = self.pool(code, present)
        share = self.scales(n)
        mean = torch.cat([share[:, :1] * c, share[:, -1:] * l], -1)
        return Embedding(mean, weighted(code, present, weights).logvar), weights

    def config(self) -> dict[str, Any]:
        """What the constructor takes."""
        names = ("dim", "out", "columns", "family", "joint")
        inner = self.inner and {"inner": {"type": type(self.inner).__name__, "config": self.inner.config()}}
        return {name: getattr(self, name) for name in names} | {"parts": self.mix.parts} | (inner or {})


def uncertainty_net(size: int) -> nn.Sequential:
    """Features (n, size) → a tenth of v and of the logit of λ̂ (n, 2); both are 0 before they are fitted."""
    last = nn.Linear(16, 2)
    nn.init.zeros_(last.weight)
    nn.init.zeros_(last.bias)
    return nn.Sequential(nn.Linear(size, 16), nn.GELU(), last)


def _as_stored(module: nn.Module, state: dict[str, Any], prefix: str, _: Any) -> None:
    """Arrays by the names of 0.1: an index knows its space by them."""
    for key in [key for key in state if key.startswith(prefix)]:
        state[prefix + former_array(key.removeprefix(prefix))] = state.pop(key)
