"""MMVAE+: what columns share is one code, what a column has for itself stays in its decoder.

    L = Σ_m w_m E −log p(y_m | z, w_m) + β [ KL(1/M Σ q_k(z | x_k) ‖ N(0, I)) + KL(q(w_s | y_s) ‖ N(0, I)) ]
    z ~ q_s(z | x_s),   s one of the row's columns;     w_s ~ q(w_s | y_s),     w_m ~ r_m(w) for m ≠ s

The other columns' w come from learned priors r_m, not from their cells: nothing that they have for themselves can take
a short way round the shared code.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from kuamo.core.errors import KuamoError
from kuamo.embedding.decoder import Decoder
from kuamo.embedding.fusion import MixtureOfExperts
from kuamo.embedding.space import EmbeddingSpace
from kuamo.objectives.vae import VAE, Weights, kl_of_mixture, kl_to_standard, row_uniforms
from kuamo.training.objective import Optimized
from kuamo.training.step import Step

__all__ = ["MMVAEPlus"]


@dataclass(frozen=True)
class MMVAEPlus(VAE):
    """A mixture of experts for the shared code, and a private latent in every decoder.

    A step draws one source s for each row, with one sample: an unbiased estimate of the mean over all sources. The
    paper's several importance samples are not here.

    Args:
        beta: weight of the KL terms. private: size of w in decoders that `fit` makes.
        weights: as for `Elbo`.

    Raises:
        KuamoError: a decoder without a private latent. TableError: `weights` of a column that is not there.

    References:
        MMVAE+: Enhancing the Generative Quality of Multimodal VAEs without Compromises, Palumbo et al., 2023.

    Example:
        >>> import kuamo as km
        >>> space = km.fit(km.datasets.toy(200), km.MMVAEPlus(), dim=8, training=km.Training(steps=2))
        >>> space.port("a").decoder.private
        8
    """

    beta: float = 2.5
    private: int = 8
    weights: Weights = None

    @property
    def private_dim(self) -> int:
        return self.private

    def make_fusion(self, space: EmbeddingSpace | None = None) -> Any:
        """A mixture of experts."""
        return MixtureOfExperts()

    def build(self, space: EmbeddingSpace) -> dict[str, Optimized]:
        """Nobody; weights and decoders are looked at."""
        for port in space.ports:
            if not Decoder.adapt(port.decoder).private:
                raise KuamoError(
                    f"column {port.name!r}: its decoder, {type(port.decoder).__name__}, has no private latent; "
                    f"expected Likelihood(..., private={self.private})"
                )
        return super().build(space)

    def __call__(self, step: Step, player: str) -> Any:
        code, present = step.stacked()
        source = self.make_fusion().choose(present, row_uniforms(step, "source"))
        noise = step.noise("z", step.batch.row, code.shape[-1])
        z = torch.where(source[..., None], code.sample(noise[:, None]), 0.0).sum(1)
        there = present.any(-1)
        shared = kl_of_mixture(z[there], code.mean[there], code.logvar[there], present[there])
        own_kl, total = torch.zeros(len(present)), self.beta * step.over_rows(shared)
        for number, name, weight in self.column_weights(step):
            decoder, own = step.space.port(name).decoder, step.at_entries(name, source[:, number])
            q = decoder.posterior(step.target(name))
            noise = step.noise(f"w/{name}", step.cells[name].row, decoder.private)
            w = torch.where(own[:, None], q.sample(noise), decoder.from_prior(noise))
            total = total + weight * step.over_rows(self.column_loss(step, name, z, private=w))
            own_kl = own_kl + step.by_row(name, torch.where(own, kl_to_standard(q.mean, q.logvar), 0.0))
        return total + self.beta * step.over_rows(own_kl, there)
