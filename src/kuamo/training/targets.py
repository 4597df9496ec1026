"""Targets of decoders in a batch."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from kuamo.embedding.space import EmbeddingSpace
from kuamo.training.batch import Batch

__all__ = ["decoder_targets"]


def decoder_targets(space: EmbeddingSpace, batch: Batch, frozen: Mapping[str, bool]) -> dict[str, Tensor]:
    """What each decoder should give: features of a frozen column, or what its decoder takes of raw values."""
    targets = {}
    for port in space.ports:
        cells = batch.cells[port.name]
        decoder = port.decoder
        if decoder is None:
            continue
        if cells.y is not None:
            targets[port.name] = cells.y
        elif len(cells) == 0:
            targets[port.name] = torch.zeros(0, getattr(decoder, "out", 0))
        elif hasattr(decoder, "target"):
            targets[port.name] = torch.cat([decoder.target(part) for part in cells.parts()])
        elif frozen[port.name]:
            targets[port.name] = cells.x
    return targets
