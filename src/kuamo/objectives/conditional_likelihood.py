"""Decode: decoders learn to make a cell from the codes of the other columns; the codes stay as they are.

    L = Σ_m mean −log p(y_m | z_S),     S a random subset of the row's other columns, or S = {m}

They see the codes that they will be given: a decoder that has only seen its own column's codes is lost elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import nn

from kuamo.core.old_names import old_arguments
from kuamo.embedding.decoder import Decoder
from kuamo.embedding.fusion import MixtureOfProducts
from kuamo.embedding.space import EmbeddingSpace
from kuamo.objectives.fused_retrieval import fused_for
from kuamo.objectives.vae import row_uniforms
from kuamo.training.objective import Objective, Optimized
from kuamo.training.step import Step

__all__ = ["Decode", "subset_codes", "subset_codes_per_entry"]


def subset_codes(step: Step, name: str, self_conditioning: float) -> tuple[Any, Any]:
    """A code z (R, d) for each row that a column can be made of, without a gradient, and which rows (R,) these are.

    Fused from a random subset of the row's other columns; in a share `self_conditioning` of the rows that have it, and
    where the row has no other, the column's own.

    Args:
        step: of a space whose heads stay. self_conditioning: in [0, 1).
    """
    with torch.no_grad():
        code, present = step.stacked()
        number = step.names.index(name)
        itself = torch.arange(present.shape[1]) == number
        others = present & ~itself
        alone = (step.uniform(f"own/{name}", step.batch.row, 1) < self_conditioning) | ~others.any(1, keepdim=True)
        alone = alone & present[:, [number]]
        chosen = torch.where(
            alone, present & itself, MixtureOfProducts().choose(others, row_uniforms(step, f"from/{name}"))
        )
        joint = fused_for(step, code, chosen, torch.full((len(chosen),), number))[0]
        z = joint.sample(step.noise(f"code/{name}", step.batch.row, joint.shape[1]))
    return z, present.any(1)


def subset_codes_per_entry(step: Step, name: str, self_conditioning: float) -> Any:
    """`subset_codes`, (n, d), of the rows of a column's entries."""
    return step.at_entries(name, subset_codes(step, name, self_conditioning)[0])


@old_arguments(own="self_conditioning")
@dataclass(frozen=True)
class Decode(Objective):
    """Train the decoders of these columns.

    Args:
        columns: whose decoders. self_conditioning: see `subset_codes_per_entry`. ema: decay of the moving average of
            the decoders' weights.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"decoders"})
    columns: Sequence[str] = ()
    self_conditioning: float = 0.1
    ema: float = 0.998

    def decodes(self, column: str) -> bool:
        return column in self.columns

    def build(self, space: EmbeddingSpace) -> dict[str, Optimized]:
        """The decoders, with a moving average of their weights."""
        decoders = nn.ModuleList([space.port(name).decoder for name in self.columns])
        return {"space": Optimized(decoders, ema=self.ema)}

    def __call__(self, step: Step, player: str) -> Any:
        """The mean loss of the entries, summed over columns."""
        total: Any = 0.0
        for name in self.columns:
            decoder, y = step.space.port(name).decoder, step.target(name)
            z = subset_codes_per_entry(step, name, self.self_conditioning)
            options = {}
            if size := Decoder.adapt(decoder).noise:
                options["noise"] = step.at_entries(name, step.noise(f"decode/{name}", step.batch.row, size))
            total = total + step.mean(decoder.loss(y, z, **options))
        return total
