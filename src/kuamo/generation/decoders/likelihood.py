"""The likelihood decoder p(y | z): a perceptron and a distribution, the VAE's.

    Gaussian      −log p = ½ Σ e²/σ² + L log σ + ½ L log 2π,     e = (y − shift) · gain − μ(z)
    Laplace       −log p = Σ |e|/b + L log 2b
    Bernoulli     −log p = Σ softplus(l) − y l,                  y in [0, 1]
    categorical   −log p = −Σ y log softmax(l),                  y one-hot

Scales are 1, or one number that is learned for the column. A decoder may keep a private latent w of its own, which only
this column knows: q(w | y) = N(m(y), s²(y)), drawn from r(w) = N(0, diag ρ²), ρ learned, where y is not known.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import log, nan, pi
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from kuamo.core.contracts import Configured
from kuamo.core.errors import KuamoError
from kuamo.embedding.decoder import Decoder
from kuamo.embedding.embedding import Embedding

__all__ = ["FAMILIES", "Likelihood", "perceptron"]

FAMILIES = ("gaussian", "laplace", "bernoulli", "categorical")
SCALED = ("gaussian", "laplace")
BOUNDS = (-7.0, 7.0)  # of log-scales and log-variances that are learned


def perceptron(widths: Sequence[int]) -> nn.Sequential:
    """Linear layers of these widths with GELU between them.

    Example:
        >>> len(perceptron([4, 8, 8, 2]))
        5
    """
    layers: list[nn.Module] = []
    for inside, out in pairwise(widths):
        layers += [nn.GELU(), nn.Linear(inside, out)]
    return nn.Sequential(*layers[1:])


class Likelihood(nn.Module, Decoder, Configured):
    """p(y | z) with a perceptron for its location.

    Args:
        dim: d of the code. out: L. family: `"gaussian"`, `"laplace"`, `"bernoulli"` or `"categorical"`.
        hidden, layers: width and number of hidden layers.
        learned_scale: is σ or b, in standardised units, learned? It is 1 otherwise.
        private: size of the private latent, 0 for none.

    References:
        Auto-Encoding Variational Bayes, Kingma and Welling, 2014; Simple and Effective VAE Training with Calibrated
        Decoders, Rybkin, Daniilidis and Levine, 2021 (learned scale).

    Example:
        >>> decoder = Likelihood(4, 10)
        >>> decoder.loss(torch.zeros(2, 10), torch.zeros(2, 4)).shape
        torch.Size([2])
    """

    def __init__(
        self,
        dim: int,
        out: int,
        *,
        family: str = "gaussian",
        hidden: int = 128,
        layers: int = 1,
        learned_scale: bool = False,
        private: int = 0,
    ) -> None:
        super().__init__()
        if family not in FAMILIES:
            raise KuamoError(f"given family {family!r}; expected one of {FAMILIES}")
        if learned_scale and family not in SCALED:
            raise KuamoError(f"given learned_scale for the family {family!r}, which has no scale; expected {SCALED}")
        self.dim, self.out, self.family, self.hidden, self.layers = dim, out, family, hidden, layers
        self.private, self.learned_scale, self.has_range = private, learned_scale, family not in SCALED
        self.net = perceptron([dim + private, *[hidden] * layers, out])
        self.log_scale = nn.Parameter(torch.zeros(())) if learned_scale else None
        self.infer = perceptron([out, hidden, 2 * private]) if private else None
        self.prior_logvar = nn.Parameter(torch.zeros(private)) if private else None
        self.shift: Tensor
        self.gain: Tensor
        self.register_buffer("shift", torch.zeros(out))
        self.register_buffer("gain", torch.ones(out))

    def standardize(self, shift: Tensor, gain: Tensor) -> None:
        """Model (y − shift) · gain; ignored by the families that have no scale."""
        if self.family in SCALED:
            self.shift.copy_(shift)
            self.gain.copy_(gain)

    @property
    def error(self) -> float:  # type: ignore[override]
        """σ or b, in units of the column's spread; NaN where it is not learned."""
        return nan if self.log_scale is None else float(np.exp(float(self.log_scale.detach())))

    def check(self, y: Tensor) -> None:
        """Refuse targets (n, L) that the family cannot have made.

        Example:
            >>> Likelihood(2, 3, family="categorical").check(torch.eye(3))
        """
        if y.ndim != 2 or y.shape[1] != self.out:
            raise KuamoError(f"given targets of shape {tuple(y.shape)}; expected (n, {self.out})")
        if self.family == "bernoulli" and len(y) and not (float(y.min()) >= 0 and float(y.max()) <= 1):
            raise KuamoError(
                f"given numbers from {float(y.min()):.4g} to {float(y.max()):.4g} for a Bernoulli likelihood; "
                f"expected numbers in [0, 1], or family='gaussian'"
            )
        if self.family == "categorical":
            wrong = ~(((y == 0) | (y == 1)).all(1) & (y.sum(1) == 1))
            if wrong.any():
                first = int(wrong.nonzero()[0, 0])
                raise KuamoError(
                    f"given a categorical likelihood and entry {first} of sum {float(y[first].sum()):.4g}; "
                    f"expected one 1 among zeros in each, or family='gaussian'"
                )

    # ── the private latent ───────────────────────────────────────────────────────────────────────────────────────

    def posterior(self, y: Tensor) -> Embedding:
        """q(w | y), (n, private)."""
        assert self.infer is not None
        mean, logvar = self.infer((y - self.shift) * self.gain).chunk(2, -1)
        return Embedding(mean, logvar.clamp(*BOUNDS))

    def from_prior(self, noise: Tensor) -> Tensor:
        """w ~ r(w) of standard normal noise (n, private)."""
        assert self.prior_logvar is not None
        return noise * (0.5 * self.prior_logvar.clamp(*BOUNDS)).exp()

    def location(self, z: Tensor, private: Tensor | None = None, rng: Any = None) -> Tensor:
        """μ or logits (n, L), in standardised units; a private latent that is not given is drawn from r."""
        if not self.private:
            return self.net(z)
        if private is None:
            private = self.from_prior(torch.randn((len(z), self.private), generator=rng, dtype=z.dtype))
        return self.net(torch.cat([z, private], -1))

    # ── the distribution ─────────────────────────────────────────────────────────────────────────────────────────

    def loss(self, y: Tensor, z: Tensor, rng: Any = None, *, private: Tensor | None = None) -> Tensor:
        """−log p(y | z), (n,), summed over the L numbers, without the terms that depend on nothing.

        Args:
            y: (n, L). z: (n, d). rng: of a private latent that is not given, drawn from r. private: (n, private).
        """
        location = self.location(z, private, rng)
        if self.family == "bernoulli":
            return (nn.functional.softplus(location) - y * location).sum(-1)
        if self.family == "categorical":
            return -(y * torch.log_softmax(location, -1)).sum(-1)
        error = (y - self.shift) * self.gain - location
        if self.log_scale is None:
            return (0.5 * error.square() if self.family == "gaussian" else error.abs()).sum(-1)
        scale = self.log_scale.clamp(*BOUNDS)
        error = error * (-scale).exp()
        return (0.5 * error.square() if self.family == "gaussian" else error.abs()).sum(-1) + self.out * scale

    def log_prob(self, y: Tensor, z: Tensor, rng: Any = None) -> Tensor:
        """log p(y | z) in the units of y, (n,), with every constant.

        With a private latent its exponential is an unbiased estimate, p(y | z, w) p(w)/q(w | y), w ~ q(w | y).

        Example:
            >>> decoder = Likelihood(2, 1, family="bernoulli")
            >>> y, z = torch.tensor([[0.0], [1.0]]), torch.zeros(2, 2)
            >>> round(decoder.log_prob(y, z).exp().sum().item(), 4)
            1.0
        """
        constant = {"gaussian": 0.5 * log(2 * pi), "laplace": log(2.0)}.get(self.family, 0.0) * self.out
        free = constant - (self.gain.log().sum() if self.family in SCALED else 0.0)
        if not self.private:
            return -self.loss(y, z, rng) - free
        q = self.posterior(y)
        noise = torch.randn(q.shape, generator=rng)
        w = q.sample(noise)
        weight = 0.5 * (noise.square() - w.square() + q.logvar).sum(-1)
        return weight - self.loss(y, z, private=w) - free

    def sample(self, z: Tensor, rng: Any = None) -> Tensor:
        """The mean of p(y | z), (n, L): a picture without pixel noise, probabilities of classes."""
        location = self.location(z, None, rng)
        if self.family == "bernoulli":
            return torch.sigmoid(location)
        if self.family == "categorical":
            return torch.softmax(location, -1)
        return location / self.gain + self.shift
