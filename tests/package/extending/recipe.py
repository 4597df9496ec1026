"""What a column's decoder shall be: linear."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from kuamo.generation.recipes import DecoderSpec
from kuamo.objectives import Objective

__all__ = ["LinearMean"]


@dataclass(frozen=True)
class LinearMean(DecoderSpec):
    """A `LinearDecoder`, trained.

    Example:
        >>> LinearMean().build(2, None, 5).out
        5
    """

    decoder: ClassVar[str] = "package.extending.decoder:LinearDecoder"

    def build(self, dim: int, codec: Any, out: int) -> Any:
        """Untrained."""
        return self.decoder_class()(dim, out)

    def objective(self, column: str) -> Objective:
        """`Decode`."""
        from kuamo.objectives.conditional_likelihood import Decode

        return Decode((column,))
