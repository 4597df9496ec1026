"""The evidence lower bound on any subset of columns.

    −ELBO = Σ_{m present} w_m E_q −log p(y_m | z) + β KL(q(z | x_S) ‖ N(0, I)),     w_m = max_l L_l / L_m

S is drawn for each row by the fusion: all that is present (MVAE), one of it (MMVAE), a random subset (MoPoE). Every
present column is decoded from it, so the others are translated to, not only reconstructed. The loss is the mean over
rows of what each row has, several captions averaged: a column that few rows have weighs as little as they are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import torch

from kuamo.core.errors import TableError
from kuamo.core.old_names import old_methods
from kuamo.embedding.fusion import MixtureOfExperts, MixtureOfProducts, ProductOfExperts
from kuamo.embedding.space import EmbeddingSpace
from kuamo.embedding.trained_fusion import FusionSpec, TrainedFusion, bind_to
from kuamo.training.objective import Objective, Optimized
from kuamo.training.step import Step

__all__ = [
    "MMVAE",
    "MVAE",
    "VAE",
    "Elbo",
    "MoPoE",
    "Weights",
    "kl_between",
    "kl_of_mixture",
    "kl_to_standard",
    "linear_ramp",
    "size_weights",
]

Weights = Mapping[str, float] | Literal["equal"] | None


# ── pure functions ───────────────────────────────────────────────────────────────────────────────────────────────


def kl_to_standard(mean: Any, logvar: Any) -> Any:
    """KL(N(μ, σ²) ‖ N(0, I)) = ½ Σ (μ² + σ² − log σ² − 1), (n,).

    Example:
        >>> import torch
        >>> kl_to_standard(torch.ones(1, 2), torch.zeros(1, 2))
        tensor([1.])
    """
    return 0.5 * (mean**2 + logvar.exp() - logvar - 1).sum(-1)


def kl_between(mean: Any, logvar: Any, other: Any, other_logvar: Any) -> Any:
    """KL(N(μ, σ²) ‖ N(ν, τ²)) = ½ Σ (σ²/τ² + (μ − ν)²/τ² + log τ² − log σ² − 1), (…,), summed over the last axis.

    Example:
        >>> import torch
        >>> kl_between(torch.ones(1, 2), torch.zeros(1, 2), torch.zeros(1, 2), torch.zeros(1, 2))
        tensor([1.])
    """
    gap = (logvar - other_logvar).exp() + (mean - other) ** 2 * (-other_logvar).exp()
    return 0.5 * (gap + other_logvar - logvar - 1).sum(-1)


def kl_of_mixture(z: Any, mean: Any, logvar: Any, present: Any) -> Any:
    """One-sample estimate of KL(1/|A| Σ_{m ∈ A} q_m ‖ N(0, I)), (B,): log (1/|A|) Σ q_m(z) − log N(z; 0, I).

    It is at most the mean of the experts' KL, in expectation.

    Args:
        z: (B, d), drawn from the mixture. mean, logvar: (B, M, d). present: (B, M) bool, at least one in each row.

    References:
        Variational Mixture-of-Experts Autoencoders for Multi-Modal Deep Generative Models, Shi et al., 2019.

    Example:
        >>> import torch
        >>> one = torch.ones(1, 1, dtype=torch.bool)
        >>> kl_of_mixture(torch.zeros(1, 2), torch.zeros(1, 1, 2), torch.zeros(1, 1, 2), one)
        tensor([0.])
    """
    logvar = torch.where(present[..., None], logvar, 0.0)
    mean = torch.where(present[..., None], mean, 0.0)
    experts = -0.5 * ((z[:, None] - mean) ** 2 * (-logvar).exp() + logvar).sum(-1)
    among = torch.where(present, experts, -torch.inf).logsumexp(-1) - present.sum(-1).log()
    return among + 0.5 * (z**2).sum(-1)


def linear_ramp(progress: float, share: float) -> float:
    """From 0 to 1 along a line in the first `share` of a fit, then 1.

    Example:
        >>> linear_ramp(0.1, 0.4), linear_ramp(0.9, 0.4), linear_ramp(0.0, 0.0)
        (0.25, 1.0, 1.0)
    """
    return min(progress / share, 1.0) if share > 0 else 1.0


def size_weights(sizes: Mapping[str, int], given: Weights = None) -> dict[str, float]:
    """w_m = max_l L_l / L_m, so that a column of few numbers is not drowned by a picture; what is given stays.

    With `"equal"` all are 1: the plain sum of log-likelihoods.

    References:
        Variational Mixture-of-Experts Autoencoders for Multi-Modal Deep Generative Models, Shi et al., 2019 (§ 4.2).

    Example:
        >>> size_weights({"image": 784, "word": 10}, {"word": 40})
        {'image': 1.0, 'word': 40}
        >>> size_weights({"image": 784, "word": 10}, "equal")
        {'image': 1.0, 'word': 1.0}
    """
    if given == "equal":
        return dict.fromkeys(sizes, 1.0)
    most = max(sizes.values(), default=1)
    return {name: most / max(size, 1) for name, size in sizes.items()} | dict(given or {})


# ── what bounds share ────────────────────────────────────────────────────────────────────────────────────────────


def check_weights(space: EmbeddingSpace, given: Weights) -> None:
    """Refuse weights of columns that are not there."""
    if isinstance(given, str):
        if given != "equal":
            raise TableError(f"given weights={given!r}; expected 'equal', column → weight, or None for max size / size")
        return
    known = [port.name for port in space.ports]
    for name in given or {}:
        if name not in known:
            raise TableError(f"given weights for column {name!r}; expected columns among {known}")


def row_uniforms(step: Step, purpose: str, numbers: int = 16) -> Any:
    """(R, M, K) uniform numbers, drawn by column name, so that the order of columns changes nothing."""
    return torch.stack([step.uniform(f"{purpose}/{name}", step.batch.row, numbers) for name in step.names], 1)


@old_methods(fused="make_fusion")
class VAE(Objective):
    """What all bounds share: Gaussian codes, likelihoods that columns are decoded by, and weights of these."""

    needs: ClassVar[frozenset[str]] = frozenset({"gaussian", "decoders"})
    weights: Weights

    def fusion_of(self, step: Step) -> Any:
        """The space's fusion, if it is trained, or its own."""
        return step.space.fusion if isinstance(step.space.fusion, TrainedFusion) else self.make_fusion(step.space)

    def build(self, space: EmbeddingSpace) -> dict[str, Optimized]:
        """Nobody; the weights are checked."""
        check_weights(space, self.weights)
        return {}

    def column_weights(self, step: Step) -> Iterator[tuple[int, str, float]]:
        """(m, column, w_m)."""
        decoders = {name: step.space.port(name).decoder for name in step.names}
        sizes = {name: getattr(one, "out", step.target(name).shape[-1]) for name, one in decoders.items()}
        for number, (name, weight) in enumerate(size_weights(sizes, self.weights).items()):
            yield number, name, weight

    def column_loss(self, step: Step, name: str, z: Any, **given: Any) -> Any:
        """−log p(y_m | z) by row (R,), given a code (R, d) of each row."""
        y = step.target(name)
        loss = step.space.port(name).decoder.loss(y, step.at_entries(name, z), **given)
        step.log_column_loss(name, loss / max(y.shape[-1], 1))
        return step.by_row(name, loss)


# ── the bound ────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Elbo(VAE):
    """A variational autoencoder over several columns.

    Args:
        fusion: `ProductOfExperts()`, `MixtureOfExperts()` or `MixtureOfProducts()` of
            `kuamo.embedding.fusion`, or one that is trained, such as `km.Attention()`; `None` is the third.
        beta: weight of the KL term. warmup: the share of the fit in which it rises from 0.
        weights: column → w_m, max size / size for columns that are not named; `"equal"` for 1 of all.
        subsample: `None`, or MVAE's further bounds: of each column alone, and of so many random subsets, each of which
            decodes only what it was encoded from.
        tight: is the KL that of the mixture over the present columns, at the code that was drawn? Otherwise it is the
            KL of the drawn subset, whose mean is never less. For `MixtureOfExperts()`.

    Raises:
        TableError: `weights` of a column that is not there.

    References:
        Auto-Encoding Variational Bayes, Kingma and Welling, 2014; Multimodal Generative Models for Scalable
        Weakly-Supervised Learning, Wu and Goodman, 2018; Variational Mixture-of-Experts Autoencoders for Multi-Modal
        Deep Generative Models, Shi et al., 2019; Generalized Multimodal ELBO, Sutter et al., 2021.

    Example:
        >>> import kuamo as km
        >>> table, training = km.datasets.toy(200), km.Training(steps=2)
        >>> km.fit(table, km.Elbo(beta=0.5, warmup=0.2), dim=8, training=training).fusion
        MixtureOfProducts(prior=False)
    """

    trains_fusion: ClassVar[bool] = True
    fusion: Any = field(default=None)
    beta: float = 1.0
    warmup: float = 0.0
    weights: Weights = None
    subsample: int | None = None
    tight: bool = False

    @property
    def name(self) -> str:
        """As its fusion is known."""
        known = {ProductOfExperts: "MVAE", MixtureOfExperts: "MMVAE", MixtureOfProducts: "MoPoE"}
        return known.get(type(self.make_fusion()), "Elbo")

    def make_fusion(self, space: EmbeddingSpace | None = None) -> Any:
        """The fusion, with its default; one that is trained is bound to the space."""
        if isinstance(self.fusion, FusionSpec) and space is not None:
            return bind_to(self.fusion, space.ports, space.dim)
        return self.fusion or MixtureOfProducts()

    def __call__(self, step: Step, player: str) -> Any:
        present = step.present()
        chosen = self.fusion_of(step).choose(present, row_uniforms(step, "subset"))
        total = self.bound(step, chosen, present, "z")
        for purpose, subset in self.subsets(step, present):
            total = total + self.bound(step, subset, subset, purpose)
        return total

    def subsets(self, step: Step, present: Any) -> Iterator[tuple[str, Any]]:
        """MVAE's further subsets (R, M): each column alone, then random ones."""
        if self.subsample is None:
            return
        for number, name in enumerate(step.names):
            yield f"z/{name}", present & (torch.arange(present.shape[1]) == number)
        for number in range(self.subsample):
            yield f"z/{number}", MixtureOfProducts().choose(present, row_uniforms(step, f"subset {number}"))

    def bound(self, step: Step, given: Any, asked: Any, purpose: str) -> Any:
        """−ELBO of the columns `asked` (R, M), encoded from those `given` (R, M)."""
        alone = self.subsample is None and not self.tight  # then nobody looks at what was not drawn
        code, present = step.stacked(given if alone else None)
        joint = self.fusion_of(step).joint(code, given)
        z = joint.sample(step.noise(purpose, step.batch.row, joint.shape[1]))
        there = given.any(-1)
        if self.tight:
            kl = kl_of_mixture(z[there], code.mean[there], code.logvar[there], present[there])
        else:
            kl = kl_to_standard(joint.mean, joint.logvar)
        total = self.beta * linear_ramp(step.progress, self.warmup) * step.over_rows(kl, None if self.tight else there)
        for number, name, weight in self.column_weights(step):
            total = total + weight * step.over_rows(self.column_loss(step, name, z), asked[:, number])
        return total


def MVAE(
    beta: float = 1.0,
    *,
    subsample: int | None = None,
    warmup: float = 0.0,
    weights: Weights = None,
) -> Elbo:
    """The bound of a product of experts with the prior among them, λ_m = 1/σ_m²; without `subsample`, no more.

    q(z | x_S) ∝ N(0, I) Π q_m(z | x_m):   precision 1 + Σ λ_m,   mean Σ λ_m μ_m / precision

    References:
        Multimodal Generative Models for Scalable Weakly-Supervised Learning, Wu and Goodman, 2018.

    Example:
        >>> MVAE(subsample=1).fusion
        ProductOfExperts(prior=True)
    """
    return Elbo(ProductOfExperts(), beta, warmup, weights, subsample)


def MMVAE(beta: float = 1.0, *, warmup: float = 0.0, weights: Weights = None, tight: bool = True) -> Elbo:
    """The bound of a mixture of experts, q(z | x_A) = 1/|A| Σ q_m(z | x_m); every column is decoded from each.

    A step draws one expert for each row, with one sample: an unbiased estimate of the sum over all of them, at a price
    that does not grow with their number. The paper's Laplace posteriors and several importance samples are not here.

    References:
        Variational Mixture-of-Experts Autoencoders for Multi-Modal Deep Generative Models, Shi et al., 2019.

    Example:
        >>> MMVAE().tight
        True
    """
    return Elbo(MixtureOfExperts(), beta, warmup, weights, tight=tight)


def MoPoE(beta: float = 1.0, *, warmup: float = 0.0, weights: Weights = None) -> Elbo:
    """The bound of a mixture over all subsets of products of experts; a step draws one subset for each row.

    The prior N(0, I) is in the KL term, and not one of the experts: a subset of one column is that column's expert. In
    the paper's code every product has it as one expert more.

    References:
        Generalized Multimodal ELBO, Sutter, Daunhawer and Vogt, 2021.

    Example:
        >>> MoPoE(beta=2).beta
        2
    """
    return Elbo(MixtureOfProducts(), beta, warmup, weights)
