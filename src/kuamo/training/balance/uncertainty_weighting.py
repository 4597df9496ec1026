"""Uncertainty weighting: each term of a sum weighs by how small it can be made.

    L = Σ_i w_i (L_i exp(−s_i) + s_i),      s_i learned with the space;   at its best s_i = log L_i

where L = Σ w_i (1 + log L_i): it does not matter in which units a term is measured, and what stays large weighs
little. The formula is twice the −log likelihood of a squared error L with noise of the variance exp(s).

References:
    Multi-Task Learning Using Uncertainty to Weigh Losses for Scene Geometry and Semantics, Kendall, Gal and Cipolla,
    CVPR 2018.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import nn

from kuamo.core.errors import KuamoError
from kuamo.core.validation import check_type
from kuamo.embedding.space import EmbeddingSpace
from kuamo.training.objective import SPACE, Objective, Optimized, Sum, terms_of
from kuamo.training.step import Step

__all__ = ["UncertaintyWeighted", "WeightedTerm"]

HOOKS = (
    "needs", "aligns", "predicts", "private_dim", "decodes", "solved_dims", "make_decoder", "make_fusion", "callback",
    "trains_fusion",
)  # fmt: skip


def UncertaintyWeighted(objective: Objective) -> Sum:
    """The same terms, each with a weight exp(−s_i) that is learned; weights that were given stay as w_i.

    Args:
        objective: a sum of terms that are never negative.

    Raises:
        KuamoError: a term that is solved in closed form; while training, a term that falls below 0.

    Example:
        >>> import kuamo as km
        >>> [term.name for _, term in UncertaintyWeighted(km.InfoNCE() + km.Reconstruct()).terms]
        ['UncertaintyWeighted(InfoNCE)', 'UncertaintyWeighted(Reconstruct)']
    """
    check_type(Objective, "an objective, such as km.InfoNCE() + km.Reconstruct()", objective=objective)
    return Sum(tuple((weight, WeightedTerm(term)) for weight, term in terms_of(objective)))


@dataclass(frozen=True)
class WeightedTerm(Objective):
    """One term, L exp(−s) + s for the player `space`, itself for every other.

    Args:
        term: the objective. start: where s begins.
    """

    term: Objective = field(default_factory=Objective)
    start: float = 0.0

    def __post_init__(self) -> None:
        if not self.term.trained:
            raise KuamoError(
                f"given {self.term.name}, which is solved in closed form; expected an objective that is trained"
            )

    def __getattribute__(self, name: str) -> Any:
        """What a fit asks of an objective beside its loss, the term answers."""
        own = object.__getattribute__
        return getattr(own(self, "term"), name) if name in HOOKS else own(self, name)

    @property
    def name(self) -> str:
        return f"UncertaintyWeighted({self.term.name})"

    def build(self, space: EmbeddingSpace) -> dict[str, Optimized]:
        """The term's players, and s among what trains with the space."""
        players = self.term.build(space)
        inner = players.get(SPACE, Optimized(nn.Module()))
        module = nn.Module()
        module.add_module("term", inner.module)
        module.register_parameter("s", nn.Parameter(torch.tensor(float(self.start))))
        return players | {SPACE: replace(inner, module=module)}

    def __call__(self, step: Step, player: str) -> Any:
        """The weighed loss; where no row was of use, the term's zero, so that s does not move either."""
        own = step.own[SPACE]
        inner = replace(step, own={**step.own, SPACE: own.term}, counted=0)
        value = self.term(inner, player)
        step.counted += inner.counted
        if value is None or player != SPACE or inner.counted == 0:
            return value
        if step.alone and float(value.detach()) < 0:
            raise KuamoError(
                f"step {step.key[1]}: {self.term.name} is {float(value.detach()):.3g}; expected a term that never "
                f"falls below 0, since no weight is best for one that does"
            )
        return value * (-own.s).exp() + step.mean(own.s.reshape(1))
