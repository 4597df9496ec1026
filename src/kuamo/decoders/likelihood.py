"""The likelihood decoder p(y | z): a perceptron and a distribution, the VAE's.

Gaussian   −log p = ½ Σ (y − μ(z))²/σ² + L log σ        Laplace   Σ |y − μ|/b + L log 2b
Bernoulli  Σ softplus(l) − y l                           constants that depend on nothing are left out
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from kuamo.errors import KuamoError

__all__ = ["Likelihood"]

FAMILIES = ("gaussian", "laplace", "bernoulli")


class Likelihood(nn.Module):
    """p(y | z) with a perceptron for its location.

    Args:
        dim: d of the code. out: L. family: `"gaussian"`, `"laplace"` or `"bernoulli"`. hidden: width.
        y of the first two is standardised by `standardise`.

    Raises:
        KuamoError: an unknown family.

    References:
        Auto-Encoding Variational Bayes, Kingma and Welling, 2014.

    Example:
        >>> decoder = Likelihood(4, 10)
        >>> decoder.loss(torch.zeros(2, 10), torch.zeros(2, 4)).shape
        torch.Size([2])
    """

    def __init__(self, dim: int, out: int, *, family: str = "gaussian", hidden: int = 128) -> None:
        super().__init__()
        if family not in FAMILIES:
            raise KuamoError(f"given family {family!r}; expected one of {FAMILIES}")
        self.dim, self.out, self.family, self.hidden = dim, out, family, hidden
        self.net = nn.Sequential(nn.Linear(dim, hidden), nn.GELU(), nn.Linear(hidden, out))
        self.shift: Tensor
        self.gain: Tensor
        self.register_buffer("shift", torch.zeros(out))
        self.register_buffer("gain", torch.ones(out))

    def standardise(self, shift: Tensor, gain: Tensor) -> None:
        """Model (y − shift) · gain; ignored by the Bernoulli family."""
        if self.family != "bernoulli":
            self.shift.copy_(shift)
            self.gain.copy_(gain)

    def loss(self, y: Tensor, z: Tensor, rng: Any = None) -> Tensor:
        """−log p(y | z), (n,), summed over the L numbers, without constants; unit scale."""
        location = self.net(z)
        if self.family == "bernoulli":
            return (nn.functional.softplus(location) - y * location).sum(-1)
        error = (y - self.shift) * self.gain - location
        return (0.5 * error**2).sum(-1) if self.family == "gaussian" else error.abs().sum(-1)

    def sample(self, z: Tensor, rng: Any = None) -> Tensor:
        """The location of p(y | z), (n, L)."""
        location = self.net(z)
        if self.family == "bernoulli":
            return torch.sigmoid(location)
        return location / self.gain + self.shift

    def config(self) -> dict[str, Any]:
        """What the constructor takes."""
        return {"dim": self.dim, "out": self.out, "family": self.family, "hidden": self.hidden}
