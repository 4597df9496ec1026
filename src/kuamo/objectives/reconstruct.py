"""Reconstruction: each column from its own code, or from the codes of the others.

    L = Σ_m E −log p(y_m | z_m) / L_m          Cross: Σ_{m ≠ m'} E −log p(y_m | z_m') / L_m

Reconstruction alone has no term between columns and must not align them: it is the negative control.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from kuamo.objectives.base import Objective

if TYPE_CHECKING:
    from kuamo.step import Step

__all__ = ["Reconstruct"]


@dataclass(frozen=True)
class Reconstruct(Objective):
    """An autoencoder for each column, in one space.

    References:
        Reducing the Dimensionality of Data with Neural Networks, Hinton and Salakhutdinov, 2006.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"decoders"})

    def __call__(self, step: Step, player: str) -> Any:
        """Mean negative log-likelihood of each column given its own code, per number."""
        if player != "space":
            return None
        total: Any = 0.0
        for name in step.names:
            decoder, y = step.space.port(name).decoder, step.target(name)
            total = total + step.mean(decoder.loss(y, step.code(name).mean)) / max(y.shape[-1], 1)
        return total
