"""A critic guesses the column from the code, and the encoders hide it.

    critic   min E −log D(column | z)          encoders   max of the same

It aligns the columns' distributions, not their rows: the one space may lie upon the other turned round. Beside a term
that knows pairs or labels it removes what distinguishes columns; alone, `fit` says in its notes what it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import nn
from torch.nn.functional import log_softmax

from kuamo.core.errors import KuamoError
from kuamo.core.modules import without_compiler
from kuamo.embedding.space import EmbeddingSpace
from kuamo.training.objective import Objective, Optimized
from kuamo.training.step import Step

__all__ = ["ModalityDiscriminator"]


@dataclass(frozen=True)
class ModalityDiscriminator(Objective):
    """Codes of all columns are made alike by a discriminator that tries to distinguish them.

    Args:
        lr: of the critic's Adam. hidden: width of its perceptron, which has one hidden layer.

    Raises:
        KuamoError: numbers that are not positive.

    References:
        Adversarial Cross-Modal Retrieval, Wang, Yang, Xu, Hanjalic and Shen, 2017; Unsupervised Domain Adaptation by
        Backpropagation, Ganin and Lempitsky, 2015.
    """

    aligns: ClassVar[str] = "distributions"
    lr: float = 1e-3
    hidden: int = 64

    def __post_init__(self) -> None:
        if self.lr <= 0 or self.hidden < 1:
            raise KuamoError(f"given lr={self.lr}, hidden={self.hidden}; expected positive numbers")

    def build(self, space: EmbeddingSpace) -> dict[str, Optimized]:
        """The critic: code (n, d) → logits (n, M) of the columns, in the order of their names."""
        module = nn.Sequential(
            nn.Linear(space.dim, self.hidden), nn.LeakyReLU(0.2), nn.Linear(self.hidden, len(space.ports))
        )
        adam = without_compiler(torch.optim.Adam)
        return {"critic": Optimized(module, lambda p: adam(p, lr=self.lr, betas=(0.5, 0.99)))}

    def __call__(self, step: Step, player: str) -> Any:
        """Mean over columns, each of which weighs the same, of the critic's −log p; for the space, its negative."""
        if player not in ("space", "critic"):
            return None
        losses = [
            step.mean(-log_softmax(step.own["critic"](step.code(name).mean), -1)[:, number])
            for number, name in enumerate(sorted(step.names))
        ]
        loss = sum(losses) / len(losses)
        return loss if player == "critic" else -loss
