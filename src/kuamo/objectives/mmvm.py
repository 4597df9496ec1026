"""MMVM: each column reconstructs itself, and its posterior is pulled to those of the row's other columns.

    L = Σ_m w_m E_{q_m} −log p(y_m | z_m) + β Σ_m [ a KL(q_m ‖ N(0, I)) + (1 − a)/M Σ_k KL(q_m ‖ q_k) ]

The prior of a row is the mixture of its own posteriors, h = 1/M Σ q_k, and by convexity KL(q_m ‖ h) ≤ 1/M Σ_k
KL(q_m ‖ q_k). a falls from 1 to its last value: posteriors first learn where they are, then meet.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from kuamo.embedding.fusion import PrecisionWeighted
from kuamo.embedding.space import EmbeddingSpace
from kuamo.objectives.vae import VAE, Weights, kl_between, kl_to_standard, linear_ramp
from kuamo.training.step import Step

__all__ = ["MMVM", "pairwise_kl"]


def pairwise_kl(code: Any, present: Any) -> Any:
    """1/|A| Σ_{m, k ∈ A} KL(q_m ‖ q_k), (B,).

    Args:
        code: Embedding (B, M, d). present: (B, M) bool; a row with fewer than two gives 0.

    Example:
        >>> import torch
        >>> from kuamo.embedding.embedding import Embedding
        >>> code = Embedding(torch.tensor([[[0.0], [2.0]]]), torch.zeros(1, 2, 1))
        >>> pairwise_kl(code, torch.ones(1, 2, dtype=torch.bool))
        tensor([2.])
    """
    mean, logvar = (torch.where(present[..., None], values, 0.0) for values in (code.mean, code.logvar))
    each = kl_between(mean[:, :, None], logvar[:, :, None], mean[:, None], logvar[:, None])
    both = present[:, :, None] & present[:, None]
    return torch.where(both, each, 0.0).sum((1, 2)) / present.sum(-1).clamp(min=1)


@dataclass(frozen=True)
class MMVM(VAE):
    """The VAE with a prior that is the mixture of the row's own posteriors; several columns fuse by their precisions.

    Args:
        beta: weight of the KL terms. weights: as for `Elbo`.
        anneal: the share of the fit in which a falls from 1 to `standard`. standard: the last a.

    Raises:
        TableError: `weights` of a column that is not there.

    References:
        Unity by Diversity: Improved Representation Learning for Multimodal VAEs, Sutter et al., 2024.

    Example:
        >>> import kuamo as km
        >>> km.fit(km.datasets.toy(200), km.MMVM(), dim=8, training=km.Training(steps=2)).fusion
        PrecisionWeighted(prior=False)
    """

    beta: float = 1.0
    weights: Weights = None
    anneal: float = 1 / 3
    standard: float = 0.05

    def make_fusion(self, space: EmbeddingSpace | None = None) -> Any:
        """A product of experts without the prior."""
        return PrecisionWeighted()

    def __call__(self, step: Step, player: str) -> Any:
        code, present = step.stacked()
        size = code.shape[-1]
        noise = torch.stack([step.noise(f"z/{name}", step.batch.row, size) for name in step.names], 1)
        z = code.sample(noise)
        a = 1 - (1 - self.standard) * linear_ramp(step.progress, self.anneal)
        alone = torch.where(present, kl_to_standard(code.mean, code.logvar), 0.0).sum(-1)
        kl = a * alone + (1 - a) * pairwise_kl(code, present)
        total = self.beta * step.over_rows(kl, present.any(-1))
        for number, name, weight in self.column_weights(step):
            total = total + weight * step.over_rows(self.column_loss(step, name, z[:, number]))
        return total
