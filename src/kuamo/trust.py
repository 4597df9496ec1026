"""Trust: attention over modalities whose scores are how sure each one is by itself, and rightly so.

    a_m = softmax_m(−s v_m + log present_m),      z = Σ a_m z_m,      v_m ≈ log E[e_m]

Each column has a probe of its own, which tells the answer from that column alone, and a doubt v_m, which foretells the
probe's loss e_m from how undecided it is. Doubts are learned on rows that probes have not learned, by e exp(−v) + v,
which is least at v = log E[e]. So a column that is noise in this row weighs next to nothing in this row.

References:
    What Uncertainties Do We Need in Bayesian Deep Learning for Computer Vision?, Kendall and Gal, 2017 (the loss of v).
"""

from __future__ import annotations

from math import log
from typing import Any

import torch
from torch import Tensor, nn

from kuamo.codes import Code
from kuamo.errors import KuamoError
from kuamo.fusion import _weighted

__all__ = ["Trust"]

FAMILIES = ("categorical", "gaussian")
SHARPNESS = {"categorical": 2.0, "gaussian": 1.0}  # s; of a Gaussian exp(−v) is the precision itself
BOUNDS = (-7.0, 7.0)


class Trust(nn.Module):
    """Weights by foretold losses.

    Args:
        dim: d. out: K classes, or 1 number. columns: M. family: `"categorical"` or `"gaussian"`.

    Raises:
        KuamoError: an unknown family, or fewer than two classes.

    Example:
        >>> trust = Trust(4, 3, 2)
        >>> code, weights = trust(Code(torch.ones(1, 2, 4)), torch.tensor([[True, False]]))
        >>> weights
        tensor([[1., 0.]])
    """

    def __init__(self, dim: int, out: int, columns: int, family: str = "categorical") -> None:
        super().__init__()
        if family not in FAMILIES or (family == "categorical" and out < 2):
            raise KuamoError(f"given out={out}, family={family!r}; expected at least 2 classes, or one of {FAMILIES}")
        self.dim, self.out, self.columns, self.family = dim, out, columns, family
        self.probes = nn.ModuleList([nn.Linear(dim, out if family == "categorical" else 2) for _ in range(columns)])
        self.doubts = nn.ModuleList(
            [nn.Sequential(nn.Linear(2, 16), nn.GELU(), nn.Linear(16, 1)) for _ in range(columns)]
        )
        with torch.no_grad():
            for parameter in self.probes.parameters():
                if parameter.ndim == 2:
                    parameter.normal_()  # codes are of unit norm

    def told(self, codes: Tensor) -> Tensor:
        """What each column's probe tells: logits (B, M, K), or a number and the log of its spread (B, M, 2)."""
        return torch.stack([probe(codes[:, m]) for m, probe in enumerate(self.probes)], 1)

    def losses(self, told: Tensor, y: Tensor) -> Tensor:
        """e (B, M) for targets y (B, L): cross-entropy, or the squared error."""
        if self.family == "categorical":
            return -(y[:, None] * torch.log_softmax(told, -1)).sum(-1)
        return (told[..., 0] - y).square()

    def doubt(self, told: Tensor) -> Tensor:
        """v (B, M), from how undecided the probes are; no gradient reaches them."""
        told = told.detach()
        if self.family == "categorical":
            logp = torch.log_softmax(told, -1)
            top = logp.topk(2, -1).values
            undecided = -(logp.exp() * logp).sum(-1) / log(self.out)
            signs = torch.stack([undecided, torch.tanh((top[..., 0] - top[..., 1]) / 4)], -1)
        else:
            signs = torch.stack([told[..., 1], told[..., 0]], -1)
        v = torch.stack([net(signs[:, m])[:, 0] for m, net in enumerate(self.doubts)], 1)
        return v.clamp(*BOUNDS)

    def forward(self, code: Code, present: Tensor) -> tuple[Code, Tensor]:
        """Codes (B, M, d), present (B, M) → Code (B, d), weights (B, M)."""
        known = torch.where(present[..., None], code.mean, 0.0)
        score = -SHARPNESS[self.family] * self.doubt(self.told(known)).detach()
        weights = torch.softmax(torch.where(present, score, torch.finfo(score.dtype).min), -1)
        weights = torch.where(present, weights, 0.0)
        return _weighted(code, present, weights), weights

    def config(self) -> dict[str, Any]:
        """What the constructor takes."""
        return {"dim": self.dim, "out": self.out, "columns": self.columns, "family": self.family}
