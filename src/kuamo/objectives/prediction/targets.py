"""Which columns a space was fitted to predict."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kuamo.core.modules import is_module

if TYPE_CHECKING:
    from kuamo.embedding.space import EmbeddingSpace

__all__ = ["targets_of"]


def targets_of(space: EmbeddingSpace) -> list[str]:
    """The columns that a space was fitted to predict, by `Predict`."""
    trained = [port for port in space.ports if is_module(port.decoder)]
    if not trained:  # and torch need not be there
        return []
    from kuamo.objectives.prediction.decoder import StackedDecoder

    return [port.name for port in trained if isinstance(port.decoder, StackedDecoder)]
