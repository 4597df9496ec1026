"""Reconstruction: each column from its own code, or from the codes of the others, or from itself by way of another.

    Reconstruct       L = Σ_m E −log p(y_m | z_m) / L_m
    CrossReconstruct  L = 1/(M − 1) Σ_{m ≠ m'} E −log p(y_m | z_m') / L_m           over entries of one row
    CycleConsistency  L = 1/(M (M − 1)) Σ_{m ≠ m'} E ‖e_m'(d_m'(z_m)) − z_m‖²,    d_m' gives features, e_m' is its head

Reconstruct is a sum over the M columns; CrossReconstruct has as much weight: for each column, the mean over the
others. CycleConsistency is a mean over all ordered pairs. E is the mean over entries.

Reconstruction alone has no term between columns and must not align them: it is the negative control.
CycleConsistency needs no pairs, and alone it does not align either: a cycle closes by any way round.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations
from typing import Any, ClassVar

import torch

from kuamo.core.errors import KuamoError
from kuamo.core.modules import is_trainable
from kuamo.embedding.space import EmbeddingSpace
from kuamo.training.objective import Objective, Optimized
from kuamo.training.step import Step

__all__ = ["CrossReconstruct", "CycleConsistency", "Reconstruct"]


@dataclass(frozen=True)
class Reconstruct(Objective):
    """An autoencoder for each column, in one space.

    References:
        Reducing the Dimensionality of Data with Neural Networks, Hinton and Salakhutdinov, 2006.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"decoders"})

    def __call__(self, step: Step, player: str) -> Any:
        """Mean negative log-likelihood of each column given its own code, per number."""
        total: Any = 0.0
        for name in step.names:
            decoder, y = step.space.port(name).decoder, step.target(name)
            loss = decoder.loss(y, step.code(name).mean)
            step.log_column_loss(name, loss / max(y.shape[-1], 1))
            total = total + step.mean(loss) / max(y.shape[-1], 1)
        return total


@dataclass(frozen=True)
class CrossReconstruct(Objective):
    """Each column is decoded from the codes of the other columns of its row: a translator for every direction.

    References:
        Multimodal Deep Learning, Ngiam et al., 2011 (cross-modality autoencoders).
    """

    needs: ClassVar[frozenset[str]] = frozenset({"pairs", "decoders"})

    def __call__(self, step: Step, player: str) -> Any:
        """Mean negative log-likelihood of each column given the code of another, per number, over ordered pairs."""
        total: Any = 0.0
        for given, to in permutations(step.names, 2):
            at_given, at_to = (step.cells[given].row[:, None] == step.cells[to].row).nonzero(as_tuple=True)
            y, z = step.target(to)[at_to], step.code(given).mean[at_given]
            loss = step.space.port(to).decoder.loss(y, z)
            step.log_column_loss(given, loss / max(y.shape[-1], 1))
            total = total + step.mean(loss) / max(y.shape[-1], 1)
        return total / max(len(step.names) - 1, 1)


@dataclass(frozen=True)
class CycleConsistency(Objective):
    """A code decoded into another column's features, and encoded from these, is the same code again.

    It asks nothing of rows, so it learns from unpaired ones; beside a term that knows pairs it makes translators agree.

    References:
        Unpaired Image-to-Image Translation using Cycle-Consistent Adversarial Networks, Zhu, Park, Isola and Efros,
        2017 (the cycle term, here on codes).
    """

    needs: ClassVar[frozenset[str]] = frozenset({"decoders"})

    def build(self, space: EmbeddingSpace) -> dict[str, Optimized]:
        """Nothing of its own.

        Raises:
            KuamoError: a column with a trainable encoder, whose decoder does not give what its head takes.
        """
        for port in space.ports:
            if is_trainable(port.encoder):
                raise KuamoError(
                    f"column {port.name!r}: given a trainable encoder; expected frozen features for CycleConsistency"
                )
        return {}

    def __call__(self, step: Step, player: str) -> Any:
        """Mean squared distance between a code and what comes back, over ordered pairs of columns of the batch."""
        codes, losses = step.gather(), []
        for at, by in permutations(step.names, 2):
            port, z = step.space.port(by), step.code(at).mean
            if len(codes[by][0]) == 0:  # a column that no process has is left alone
                z = z[:0]
            back = port.head(port.decoder.sample(z)).mean
            losses.append(step.mean((back - z).square().sum(-1)))
        return torch.stack(losses).mean()
