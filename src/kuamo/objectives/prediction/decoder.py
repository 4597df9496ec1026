"""The target's decoder: two experts, stacked.

    o = α f(c) + β l V,       p(y | z) = softmax(o), or N(o, 1) in standard units;       z = [c, l]

c is the columns' trained code, l the output of a regression (`regression.py`) in its second half. f is homogeneous,
f(s c) = s f(c), so that the fusion may scale an expert by the length of its code. α and β are solved on rows that
neither expert has seen: 1/(α + β) is the temperature that calibrates.

References:
    Stacked Generalization, Wolpert, 1992; On Calibration of Modern Neural Networks, Guo et al., 2017.
"""

from __future__ import annotations

from math import log
from typing import Any

import torch
from torch import Tensor, nn

from kuamo.core.errors import KuamoError

__all__ = ["FAMILIES", "PRIOR", "StackedDecoder", "losses"]

FAMILIES = ("categorical", "gaussian")
PRIOR = (0.25, 0.75)  # α and β without held-out rows: j is convex, f may have learned its rows by heart


class StackedDecoder(nn.Module):
    """p(y | z), see the module.

    Args:
        dim: d. out: K classes, or 1 number. family: `"categorical"` or `"gaussian"`. joint: r numbers of d are l.
        hidden: width of f.

    Example:
        >>> StackedDecoder(6, 3, joint=2).sample(torch.zeros(1, 6)).detach()
        tensor([[0.3333, 0.3333, 0.3333]])
    """

    def __init__(self, dim: int, out: int, *, family: str = "categorical", joint: int = 0, hidden: int = 128) -> None:
        super().__init__()
        if family not in FAMILIES or (family == "categorical" and out < 2) or not 0 <= joint < dim:
            raise KuamoError(
                f"given dim={dim}, out={out}, family={family!r}, joint={joint}; expected at least 2 classes, or one "
                f"of {FAMILIES}, and joint below dim"
            )
        self.dim, self.out, self.family, self.joint, self.hidden = dim, out, family, joint, hidden
        inner, outer = nn.Linear(dim - joint, hidden, bias=False), nn.Linear(hidden, out, bias=False)
        self.net = nn.Sequential(inner, nn.ReLU(), outer)
        self.sure = nn.Buffer(torch.tensor([log(one) for one in (PRIOR if joint else (1.0,))]))  # log α, log β
        self.directions = nn.Buffer(torch.zeros(joint, out))
        self.shift = nn.Buffer(torch.zeros(out))
        self.gain = nn.Buffer(torch.ones(out))

    def standardize(self, shift: Tensor, gain: Tensor) -> None:
        """Model (y − shift) · gain; ignored by classes."""
        if self.family == "gaussian":
            self.shift.copy_(shift)
            self.gain.copy_(gain)

    def units(self, y: Tensor) -> Tensor:
        """y (n, L) in the units of o."""
        return (y - self.shift) * self.gain if self.family == "gaussian" else y

    def trained(self, c: Tensor) -> Tensor:
        """f(c) (n, L)."""
        return self.net(c)

    def solved(self, l: Tensor) -> Tensor:
        """l V (n, L)."""
        return l @ self.directions

    def stacked(self, trained: Tensor, solved: Tensor) -> Tensor:
        """o (n, L)."""
        share = self.sure.exp()
        return share[0] * trained + share[1] * solved if self.joint else share[0] * trained

    def location(self, z: Tensor) -> Tensor:
        """o (n, L) at codes z (n, d)."""
        c, l = z.split([self.dim - self.joint, self.joint], -1)
        return self.stacked(self.trained(c), self.solved(l))

    def loss(self, y: Tensor, z: Tensor, rng: Any = None) -> Tensor:
        """−log p(y | z) (n,), without constants. y: (n, L). z: (n, d)."""
        return losses(self.units(y), self.location(z), self.family)

    def sample(self, z: Tensor, rng: Any = None) -> Tensor:
        """Probabilities of the classes (n, K), or the mean (n, 1)."""
        o = self.location(z)
        return torch.softmax(o, -1) if self.family == "categorical" else o / self.gain + self.shift


def losses(y: Tensor, o: Tensor, family: str) -> Tensor:
    """Cross-entropy with logits o (…, K), or half the squared error of o (…, 1); (…).

    Example:
        >>> losses(torch.tensor([[2.0]]), torch.tensor([[0.0]]), "gaussian")
        tensor([2.])
    """
    if family == "categorical":
        return -(y * torch.log_softmax(o, -1)).sum(-1)
    return 0.5 * (y - o).square().sum(-1)
