"""Fusion: codes of whatever a row has → one code, and the weight that each modality got.

    attention           a_i = exp(s(h_i, h_j)/τ) / Σ_k present exp(s(h_k, h_j)/τ),   z = Σ a_i h_i
    product of experts  precision = 1 + Σ λ_m,   mean = Σ λ_m μ_m / precision,   λ = 1/σ²
    inverse variance    the product without the prior: softmax attention whose scores are log-precisions, axis by axis

Absence is exact: an absent code is replaced before it meets any arithmetic, so not even a NaN in it can leak.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from kuamo.core.errors import FusionWarning, KuamoError
from kuamo.core.messages import Note
from kuamo.embedding.embedding import Embedding

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

SCORES = ("dot", "scaled_dot", "cosine")


class AdditiveScore(nn.Module):
    """The additive score s(h, q) = vᵀ tanh(W h + U q).

    References:
        Neural Machine Translation by Jointly Learning to Align and Translate, Bahdanau, Cho and Bengio, 2015.

    Example:
        >>> AdditiveScore(4, 8)(torch.zeros(2, 4), torch.zeros(2, 3, 4)).shape
        torch.Size([2, 3])
    """

    def __init__(self, dim: int, hidden: int = 32) -> None:
        super().__init__()
        self.dim, self.hidden = dim, hidden
        self.key, self.query = nn.Linear(dim, hidden), nn.Linear(dim, hidden, bias=False)
        self.value = nn.Linear(hidden, 1, bias=False)

    def forward(self, query: Tensor, keys: Tensor) -> Tensor:
        """Scores (B, M) of keys (B, M, d) for queries (B, d)."""
        return self.value(torch.tanh(self.key(keys) + self.query(query)[:, None]))[..., 0]

    def config(self) -> dict[str, Any]:
        """What the constructor takes."""
        return {"dim": self.dim, "hidden": self.hidden}


def attention(
    query: Tensor, keys: Tensor, mask: Tensor, *, score: str | nn.Module = "cosine", temperature: float = 1.0
) -> Tensor:
    """Softmax attention over what is present.

    a_i = softmax_i(s(h_i, q)/τ + log mask_i); a row with nothing present gets zeros.

    Args:
        query: (B, d). keys: (B, M, d). mask: (B, M) bool, true where present.
        score: `"dot"`, `"scaled_dot"`, `"cosine"`, or a module (query, keys) → (B, M), such as `AdditiveScore`.
        temperature: τ > 0.

    Returns:
        (B, M), rows sum to 1 over what is present.

    Example:
        >>> attention(torch.ones(1, 2), torch.ones(1, 3, 2), torch.tensor([[True, True, False]]))
        tensor([[0.5000, 0.5000, 0.0000]])
    """
    keys = torch.where(mask[..., None], keys, 0.0)
    if isinstance(score, nn.Module):
        scores = score(query, keys)
    elif score == "cosine":
        scores = (nn.functional.normalize(query, dim=-1)[:, None] * nn.functional.normalize(keys, dim=-1)).sum(-1)
    elif score in ("dot", "scaled_dot"):
        scores = (query[:, None] * keys).sum(-1) / (keys.shape[-1] ** 0.5 if score == "scaled_dot" else 1.0)
    else:
        raise KuamoError(f"given score {score!r}; expected one of {SCORES}, or a module")
    lowest = torch.finfo(scores.dtype).min
    weights = torch.softmax(torch.where(mask, scores / temperature, lowest), dim=-1)
    return torch.where(mask, weights, 0.0)


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
        weights = present / present.sum(-1, keepdim=True).clamp(min=1)
        return _weighted(code, present, weights), weights


class Attention(nn.Module):
    """Attention over modalities.

    Args:
        score: as in `attention`, or `"additive"`. temperature: τ > 0.
        query: `"mean"` of the present codes, or which column's code asks, by its place in the space; rows that lack it
            ask by the mean. Of two columns the mean is as near to one as to the other, so that every symmetric score
            gives .5 to both: a `FusionWarning` says so.
        dim, hidden: of the additive score, d and its width.

    Raises:
        KuamoError: an unknown score or query, a temperature that is not above 0, `"additive"` without `dim`.

    References:
        Attention Is All You Need, Vaswani et al., 2017.

    Example:
        >>> code = Embedding(torch.eye(2)[None])
        >>> Attention("dot", query=0)(code, torch.ones(1, 2, dtype=torch.bool))[1].round(decimals=2)
        tensor([[0.7300, 0.2700]])
    """

    def __init__(
        self,
        score: str | nn.Module = "cosine",
        temperature: float = 1.0,
        query: str | int = "mean",
        *,
        dim: int | None = None,
        hidden: int = 32,
    ) -> None:
        super().__init__()
        known = isinstance(score, nn.Module) or score in SCORES or (score == "additive" and dim is not None)
        place = isinstance(query, int) and not isinstance(query, bool) and query >= 0
        if not known or not temperature > 0 or not (query == "mean" or place):
            raise KuamoError(
                f"given score={score!r}, temperature={temperature!r}, query={query!r}, dim={dim!r}; expected one of "
                f"{SCORES}, 'additive' with dim= the size of codes, or a module; a number above 0; 'mean' or a "
                f"column's place"
            )
        additive = score == "additive" and dim is not None
        self.score: Any = AdditiveScore(dim, hidden) if additive and dim is not None else score
        self.temperature, self.query = temperature, query

    def forward(self, code: Embedding, present: Tensor) -> tuple[Embedding, Tensor]:
        """Codes (B, M, d), present (B, M) → Embedding (B, d), weights (B, M)."""
        query = self.asked(code, present)
        self._say_if_even(code, present)
        weights = attention(query, code.mean, present, score=self.score, temperature=self.temperature)
        return _weighted(code, present, weights), weights

    def asked(self, code: Embedding, present: Tensor) -> Tensor:
        """The query (B, d)."""
        mean = Mean()(code, present)[0].mean
        if self.query == "mean":
            return mean
        place = int(self.query)
        if place >= present.shape[1]:
            raise KuamoError(f"given query={place}; expected a place among {present.shape[1]} columns, from 0")
        return torch.where(present[:, place, None], code.mean[:, place], mean)

    def _say_if_even(self, code: Embedding, present: Tensor) -> None:
        """Warn where weights are .5 whatever codes say."""
        if self.query != "mean" or isinstance(self.score, nn.Module) or present.shape[1] != 2:
            return
        both = present.all(1)
        size = code.mean[both].detach().norm(dim=-1)
        if len(size) and (self.score == "cosine" or torch.allclose(size[:, 0], size[:, 1], rtol=1e-4)):
            warnings.warn(Note("attention_even", score=self.score), FusionWarning, stacklevel=3)

    def config(self) -> dict[str, Any]:
        """What the constructor takes."""
        own = isinstance(self.score, nn.Module)
        if own and not isinstance(self.score, AdditiveScore):
            raise KuamoError(f"given the score {type(self.score).__name__}; expected one of {SCORES} or 'additive'")
        plain = {"score": "additive" if own else self.score, "temperature": self.temperature}
        plain |= {} if self.query == "mean" else {"query": self.query}  # as 0.1 stored it
        return plain | (self.score.config() if own else {})


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
        # Fair coins until one falls for someone: order of columns does not matter, every subset is as likely.
        coins = (uniform < 0.5) & present[..., None]
        round_ = coins.any(1).long().argmax(-1)
        chosen = torch.gather(coins, 2, round_[:, None, None].expand(-1, present.shape[1], 1))[..., 0]
        return torch.where(chosen.any(-1, keepdim=True), chosen, present)


def _present(values: Tensor, present: Tensor) -> Tensor:
    """(B, M, d), zero where absent; the values themselves where nothing is."""
    return values if present.all() else torch.where(present[..., None], values, 0.0)


def _weighted(code: Embedding, present: Tensor, weights: Tensor) -> Embedding:
    def combine(values: Any) -> Any:
        return None if values is None else (weights[..., None] * torch.where(present[..., None], values, 0.0)).sum(1)

    return Embedding(combine(code.mean), combine(code.logvar))
