"""The evidence lower bound on any subset of columns.

    −ELBO = Σ_{m present} w_m E_q −log p(y_m | z) + β KL(q(z | x_S) ‖ N(0, I)),     w_m = max_l L_l / L_m

S is drawn for each row by the fusion: all that is present (MVAE), one of it (MMVAE), a random subset (MoPoE). Every
present column is decoded from it, so the others are translated to, not only reconstructed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from kuamo.objectives.base import Objective

if TYPE_CHECKING:
    from kuamo.step import Step

__all__ = ["Elbo", "kl_to_standard"]


def kl_to_standard(mean: Any, logvar: Any) -> Any:
    """KL(N(μ, σ²) ‖ N(0, I)) = ½ Σ (μ² + σ² − log σ² − 1), (n,).

    Example:
        >>> import torch
        >>> kl_to_standard(torch.ones(1, 2), torch.zeros(1, 2))
        tensor([1.])
    """
    return 0.5 * (mean**2 + logvar.exp() - logvar - 1).sum(-1)


@dataclass(frozen=True)
class Elbo(Objective):
    """A variational autoencoder over several columns.

    Args:
        fusion: `Product()`, `Mixture()` or `Subsets()` of `kuamo.fusion`; `None` is `Subsets()`.
        beta: weight of the KL term.

    References:
        Auto-Encoding Variational Bayes, Kingma and Welling, 2014; Multimodal Generative Models for Scalable
        Weakly-Supervised Learning, Wu and Goodman, 2018; Variational Mixture-of-Experts Autoencoders for Multi-Modal
        Deep Generative Models, Shi et al., 2019; Generalized Multimodal ELBO, Sutter et al., 2021.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"gaussian", "decoders"})
    fusion: Any = field(default=None)
    beta: float = 1.0

    def fused(self) -> Any:
        """The fusion, with its default."""
        from kuamo.fusion import Subsets

        return self.fusion or Subsets()

    def __call__(self, step: Step, player: str) -> Any:
        """The negative bound per row."""
        if player != "space":
            return None
        import torch

        from kuamo.fusion import Product

        fusion = self.fused()
        code, present = step.stacked()
        # Drawn by column name, so that the order of columns changes nothing.
        uniform = torch.stack([step.uniform(f"subset/{name}", step.batch.row, 16) for name in step.names], 1)
        chosen = fusion.choose(present, uniform)
        joint, _ = Product.__call__(fusion, code, chosen)
        something = present.any(-1)
        z = joint.sample(step.noise("z", step.batch.row, joint.shape[1]))
        total = self.beta * step.mean(kl_to_standard(joint.mean, joint.logvar)[something])
        sizes = {name: step.target(name).shape[-1] for name in step.names}
        for name in step.names:
            nll = step.space.port(name).decoder.loss(step.target(name), step.at_entries(name, z))
            total = total + max(sizes.values()) / max(sizes[name], 1) * step.mean(nll)
        return total
