"""MVTCAE: total correlation as the objective.

    L = (M − α)/M Σ_m w_m E −log p(y_m | z) + β [ (1 − α) KL(q ‖ N(0, I)) + α/M Σ_m KL(q ‖ q_m) ],     z ~ q ∝ Π q_m

The last sum is the conditional information bottleneck: what the joint code says beyond one column's own. It makes each
column alone predict the joint code. M is the number of columns that the row has.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import torch

from kuamo.embedding.fusion import PrecisionWeighted
from kuamo.embedding.space import EmbeddingSpace
from kuamo.objectives.vae import VAE, Weights, kl_between, kl_to_standard
from kuamo.training.step import Step

__all__ = ["MVTCAE", "conditional_kl"]


def conditional_kl(joint: Any, code: Any, present: Any) -> Any:
    """1/|A| Σ_{m ∈ A} KL(q ‖ q_m), (B,).

    Args:
        joint: Embedding (B, d), q. code: Embedding (B, M, d), q_m. present: (B, M) bool; a row with nothing gives 0.

    Example:
        >>> import torch
        >>> from kuamo.embedding.embedding import Embedding
        >>> one = Embedding(torch.zeros(1, 2), torch.zeros(1, 2))
        >>> three = Embedding(torch.ones(1, 3, 2), torch.zeros(1, 3, 2))
        >>> conditional_kl(one, three, torch.ones(1, 3, dtype=torch.bool))
        tensor([1.])
    """
    mean, logvar = code.mean, code.logvar
    if not present.all():
        mean, logvar = (torch.where(present[..., None], values, 0.0) for values in (mean, logvar))
    each = kl_between(joint.mean[:, None], joint.logvar[:, None], mean, logvar)
    return torch.where(present, each, 0.0).sum(-1) / present.sum(-1).clamp(min=1)


@dataclass(frozen=True)
class MVTCAE(VAE):
    """The multi-view total correlation autoencoder; codes of several columns fuse by their precisions, without prior.

    Args:
        alpha: in [0, 1]; 0 is a VAE with a product of experts, 1 has the conditional bottleneck alone.
        beta: weight of both bottlenecks. weights: as for `Elbo`.

    Raises:
        TableError: `weights` of a column that is not there.

    References:
        Multi-View Representation Learning via Total Correlation Objective, Hwang et al., 2021.

    Example:
        >>> import kuamo as km
        >>> km.fit(km.datasets.toy(200), km.MVTCAE(), dim=8, training=km.Training(steps=2)).fusion
        PrecisionWeighted(prior=False)
    """

    trains_fusion: ClassVar[bool] = True
    alpha: float = 5 / 6
    beta: float = 2.5
    weights: Weights = None

    def make_fusion(self, space: EmbeddingSpace | None = None) -> Any:
        """A product of experts without the prior."""
        return PrecisionWeighted()

    def __call__(self, step: Step, player: str) -> Any:
        code, present = step.stacked()
        joint = self.fusion_of(step).joint(code, present)
        z = joint.sample(step.noise("z", step.batch.row, joint.shape[1]))
        prior, others = kl_to_standard(joint.mean, joint.logvar), conditional_kl(joint, code, present)
        bottleneck = (1 - self.alpha) * prior + self.alpha * others
        total = self.beta * step.over_rows(bottleneck, present.any(-1))
        share = 1 - self.alpha / present.sum(-1).clamp(min=1)
        for number, name, weight in self.column_weights(step):
            total = total + weight * step.over_rows(share * self.column_loss(step, name, z), present[:, number])
        return total
