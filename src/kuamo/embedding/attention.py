"""Attention over the columns of a row, as a description, with or without parameters.

    a_m = softmax_m(s(q, k_m)/τ + log present_m),     z = Σ a_m h_m

Without parameters keys are the codes, k_m = h_m, and q their mean or one of them. Of two columns the mean is as near to
one as to the other, and of codes of one length only the direction is left: so what a fit trains has a network of two
layers for the keys of each column, k_m = K_m(φ(h_m)), and a query of its own,

    q = q_0 + [Q φ(mean h)] + [q_t + U_t φ(h_t) present_t],     φ(h) = [√d h/‖h‖, log ‖h‖]

t is the target column, where one is named. z stays in the hull of the codes.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from math import log
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from kuamo.core.errors import FusionWarning, KuamoError, TableError
from kuamo.core.messages import Note
from kuamo.embedding.embedding import Embedding
from kuamo.embedding.trained_fusion import FusionSpec, TrainedFusion, equal_weights, for_each, weighted

__all__ = ["AdditiveScore", "Attention", "TrainedAttention", "attention"]

WIDTH = 128  # of keys that are trained; of 32, noise in a cell was noticed less often: R@1 .61 for .68
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


class Attention(nn.Module, FusionSpec):
    """Attention over the columns of a row: `fit(fusion=km.Attention())` trains it; set by hand it has no parameters.

    a_m = softmax_m(s(q, k_m)/τ) over what is present, z = Σ a_m h_m; see `kuamo.embedding.attention`.

    Args:
        score: `"dot"`, `"scaled_dot"`, `"cosine"`, `"additive"` (a layer more), or by hand a module as in `attention`.
        temperature: τ > 0; where it starts, if it is trained.
        query: `"mean"` of the present codes, `"learned"`, or a column's name: a learned vector for that target, and its
            code where it is present. By hand: `"mean"`, or which column's code asks, by its place in the space; rows
            that lack it ask by the mean. Of two columns the mean is as near to one as to the other, so that every
            symmetric score gives .5 to both: a `FusionWarning` says so.
        dim: by hand, of the additive score, d. hidden: width of the keys: 128, or 32 by hand, if not given.
        keep: `"better"` takes the mean instead where held-out rows do not gain; `"always"` does not.

    Raises:
        KuamoError: an unknown score or query, a temperature that is not above 0. TableError: by `fit`, of a query that
            is no column.

    References:
        Attention Is All You Need, Vaswani et al., 2017; Neural Machine Translation by Jointly Learning to Align and
        Translate, Bahdanau, Cho and Bengio, 2015.

    Example:
        >>> code = Embedding(torch.eye(2)[None])
        >>> Attention("dot", query=0)(code, torch.ones(1, 2, dtype=torch.bool))[1].round(decimals=2)
        tensor([[0.7300, 0.2700]])
        >>> trained = Attention("additive", query="b").bind(["a", "b"], 2)
        >>> trained(code, torch.tensor([[True, False]]))[1].tolist()
        [[1.0, 0.0]]
    """

    def __init__(
        self,
        score: str | nn.Module = "cosine",
        temperature: float = 1.0,
        query: str | int = "mean",
        *,
        dim: int | None = None,
        hidden: int | None = None,
        keep: str = "better",
    ) -> None:
        super().__init__()
        self.keep = keep
        self.check_keep()
        known = isinstance(score, nn.Module) or score in (*SCORES, "additive")
        place = isinstance(query, int) and not isinstance(query, bool) and query >= 0
        positive = isinstance(temperature, int | float) and temperature > 0
        if not known or not positive or not (isinstance(query, str) or place):
            raise KuamoError(
                f"given score={score!r}, temperature={temperature!r}, query={query!r}; expected one of "
                f"{SCORES}, 'additive', or a module; a number above 0; 'mean', 'learned', or a column"
            )
        additive = score == "additive" and dim is not None
        self.score: Any = AdditiveScore(dim, hidden or 32) if additive and dim is not None else score
        self.temperature, self.query, self.hidden = temperature, query, hidden

    def extra_repr(self) -> str:
        """Its settings."""
        score = "" if isinstance(self.score, nn.Module) else f"{self.score!r}, "
        return f"{score}temperature={self.temperature}, query={self.query!r}"

    def bind(self, names: Sequence[str], dim: int) -> TrainedAttention:
        """See `FusionSpec.bind`."""
        query = names[self.query] if isinstance(self.query, int) and self.query < len(names) else self.query
        score = "additive" if isinstance(self.score, AdditiveScore) else self.score
        if not isinstance(score, str):
            raise KuamoError(f"given the score {type(score).__name__}; expected one of {SCORES} or 'additive'")
        if query not in ("mean", "learned", *names):
            raise TableError(f"given query={query!r}; expected 'mean', 'learned', or one of {list(names)}")
        return TrainedAttention(names, dim, score, self.temperature, str(query), self.hidden or WIDTH)

    def forward(self, code: Embedding, present: Tensor) -> tuple[Embedding, Tensor]:
        """Codes (B, M, d), present (B, M) → Embedding (B, d), weights (B, M)."""
        query = self.asked(code, present)
        self._say_if_even(code, present)
        weights = attention(query, code.mean, present, score=self.score, temperature=self.temperature)
        return weighted(code, present, weights), weights

    def asked(self, code: Embedding, present: Tensor) -> Tensor:
        """The query (B, d)."""
        if self.score == "additive" or (isinstance(self.query, str) and self.query != "mean"):
            raise KuamoError(f"given {self}, which must be trained; expected it as fit(..., fusion=)")
        mean = weighted(code, present, equal_weights(present)).mean
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


class TrainedAttention(TrainedFusion):
    """`Attention` of a space's columns, with parameters; see the module.

    Example:
        >>> fusion = TrainedAttention(["a", "b"], 4)
        >>> fusion(Embedding(torch.ones(3, 2, 4)), torch.ones(3, 2, dtype=torch.bool))[1].sum(1).round(decimals=4)
        tensor([1., 1., 1.], grad_fn=<RoundBackward1>)
    """

    reads_target: ClassVar[bool] = True

    def __init__(
        self,
        names: Sequence[str],
        dim: int,
        score: str = "cosine",
        temperature: float = 1.0,
        query: str = "mean",
        hidden: int = WIDTH,
        targets: bool = False,
    ) -> None:
        super().__init__(names, dim, targets)
        self.given = {"score": score, "temperature": temperature, "query": query, "hidden": hidden}
        self.keys = for_each(names, lambda: key_network(dim + 1, hidden))
        self.base = nn.Parameter(torch.randn(hidden))
        self.wanted = nn.Parameter(torch.zeros(len(names), hidden))  # q_t
        self.own = for_each(names, lambda: nn.Linear(dim + 1, hidden, bias=False))  # U_t
        for parameter in self.own.parameters():
            nn.init.zeros_(parameter)
        self.pooled = nn.Linear(dim + 1, hidden, bias=False) if query == "mean" else None
        self.score: Any = AdditiveScore(hidden, hidden) if score == "additive" else score
        self.log_scale = nn.Parameter(torch.tensor(-log(temperature)))

    def forward(self, code: Embedding, present: Tensor, target: Tensor | None = None) -> tuple[Embedding, Tensor]:
        """See `TrainedFusion`."""
        h = torch.where(present[..., None], code.mean, 0.0)
        keys = torch.stack([net(code_features(h[:, m])) for m, net in enumerate(self.keys)], 1)
        temperature: Any = (-self.log_scale.clamp(max=log(100.0))).exp()
        weights = attention(self.query(h, present, target), keys, present, score=self.score, temperature=temperature)
        return weighted(code, present, weights), weights

    def query(self, h: Tensor, present: Tensor, target: Tensor | None) -> Tensor:
        """q (B, k) of codes (B, M, d), 0 where absent, and a target (B,), −1 for none."""
        q = self.base.expand(len(h), -1)
        if self.pooled is not None:
            q = q + self.pooled(code_features((equal_weights(present)[..., None] * h).sum(1)))
        if target is None:
            if self.given["query"] in ("mean", "learned"):
                return q
            target = torch.full((len(h),), self.place(str(self.given["query"])))
        own = torch.stack([net(code_features(h[:, m])) for m, net in enumerate(self.own)], 1)
        asked = self.wanted + torch.where(present[..., None], own, 0.0)
        chosen = nn.functional.one_hot(target.clamp(min=0), len(self.names)) * (target >= 0)[:, None]
        return q + (chosen[..., None] * asked).sum(1)

    def config(self) -> dict[str, Any]:
        """What the constructor takes."""
        return {**super().config(), **self.given}


def key_network(size: int, hidden: int) -> nn.Sequential:
    """φ (n, size) → a key (n, hidden), small at first, so that weights begin near those of the mean."""
    last = nn.Linear(hidden, hidden)
    with torch.no_grad():
        last.weight.mul_(0.1)
        last.bias.zero_()
    return nn.Sequential(nn.Linear(size, hidden), nn.GELU(), last)


def code_features(h: Tensor) -> Tensor:
    """φ(h) = [√d h/‖h‖, log ‖h‖] (…, d + 1) of codes (…, d).

    Example:
        >>> code_features(torch.tensor([[3.0, 4.0]])).round(decimals=2)
        tensor([[0.8500, 1.1300, 1.6100]])
    """
    square = h.square().sum(-1, keepdim=True) + 1e-12
    return torch.cat([h * (h.shape[-1] / square).sqrt(), 0.5 * square.log()], -1)
