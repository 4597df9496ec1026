"""Fusion: codes of whatever a row has → one code, and the weight that each modality got.

    attention           a_i = exp(s(h_i, h_j)/τ) / Σ_k present exp(s(h_k, h_j)/τ),   z = Σ a_i h_i   (`attention.py`)
    product of experts  precision = 1 + Σ λ_m,   mean = Σ λ_m μ_m / precision,   λ = 1/σ²
    inverse variance    the product without the prior: softmax attention whose scores are log-precisions, axis by axis

Absence is exact: an absent code is replaced before it meets any arithmetic, so not even a NaN in it can leak.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from kuamo.core.errors import KuamoError
from kuamo.embedding.attention import AdditiveScore, Attention, attention
from kuamo.embedding.embedding import Embedding
from kuamo.embedding.trained_fusion import equal_weights, random_subset, weighted

__all__ = [
    "AdditiveScore",
    "Attention",
    "Mean",
    "MixtureOfExperts",
    "MixtureOfProducts",
    "PrecisionWeighted",
    "ProductOfExperts",
    "attention",
]


@dataclass(frozen=True)
class Mean:
    """Every present modality weighs the same.

    Example:
        >>> code, weights = Mean()(Embedding(torch.ones(1, 2, 3)), torch.tensor([[True, False]]))
        >>> weights
        tensor([[1., 0.]])
    """

    def __call__(self, code: Embedding, present: Tensor) -> tuple[Embedding, Tensor]:
        """Codes (B, M, d), present (B, M) → Embedding (B, d), weights (B, M)."""
        weights = equal_weights(present)
        return weighted(code, present, weights), weights


@dataclass(frozen=True)
class ProductOfExperts:
    """A product of Gaussian experts with a standard normal prior (MVAE).

    References:
        Multimodal Generative Models for Scalable Weakly-Supervised Learning, Wu and Goodman, 2018.
    """

    prior: bool = True

    def choose(self, present: Tensor, uniform: Tensor) -> Tensor:
        """Which modalities a training row is encoded from: all that are present.

        Args:
            present: (B, M) bool. uniform: (B, M, K) in [0, 1), K draws for each.
        """
        return present

    def joint(self, code: Embedding, present: Tensor) -> Embedding:
        """Codes (B, M, d), present (B, M) → Embedding (B, d)."""
        precision = self._precision(code, present)
        total = precision.sum(1)
        total = total + 1.0 if self.prior else torch.where(total > 0, total, 1.0)
        return Embedding((precision * _present(code.mean, present)).sum(1) / total, -torch.log(total))

    def __call__(self, code: Embedding, present: Tensor) -> tuple[Embedding, Tensor]:
        """Codes (B, M, d), present (B, M) → Embedding (B, d), weights (B, M)."""
        precision = self._precision(code, present)
        among = precision.sum(1)
        weights = (precision / torch.where(among > 0, among, 1.0)[:, None]).mean(-1)
        return self.joint(code, present), weights

    def _precision(self, code: Embedding, present: Tensor) -> Tensor:
        if code.logvar is None:
            raise KuamoError(f"{type(self).__name__} needs Gaussian codes; given point codes")
        return _present(torch.exp(-_present(code.logvar, present)), present)


@dataclass(frozen=True)
class PrecisionWeighted(ProductOfExperts):
    """Each axis weighs the modalities by their precision; one expert alone is that expert."""

    prior: bool = False


@dataclass(frozen=True)
class MixtureOfExperts(ProductOfExperts):
    """A mixture of experts (MMVAE): a training row is encoded from one of its modalities; all together give the mean.

    References:
        Variational Mixture-of-Experts Autoencoders for Multi-Modal Deep Generative Models, Shi et al., 2019.
    """

    prior: bool = False

    def choose(self, present: Tensor, uniform: Tensor) -> Tensor:
        """One of the present modalities, uniformly."""
        order = torch.where(present, uniform[..., 0], -1.0).argmax(-1)
        return nn.functional.one_hot(order, present.shape[1]).bool() & present

    def __call__(self, code: Embedding, present: Tensor) -> tuple[Embedding, Tensor]:
        """Codes (B, M, d), present (B, M) → Embedding (B, d), weights (B, M)."""
        return Mean()(code, present)


@dataclass(frozen=True)
class MixtureOfProducts(ProductOfExperts):
    """A mixture over subsets of products of experts (MoPoE): a training row is encoded from a random subset.

    Without a prior among the experts, so that a subset of one is that expert: with half of the cells missing digits
    were then made right more often, .923 for .898 from one of three columns, and no less often with all of them.

    References:
        Generalized Multimodal ELBO, Sutter, Daunhawer and Vogt, 2021.
    """

    prior: bool = False

    def choose(self, present: Tensor, uniform: Tensor) -> Tensor:
        """A non-empty subset of the present modalities, each with equal probability."""
        return random_subset(present, uniform)


def _present(values: Tensor, present: Tensor) -> Tensor:
    """(B, M, d), zero where absent; the values themselves where nothing is."""
    return values if present.all() else torch.where(present[..., None], values, 0.0)
