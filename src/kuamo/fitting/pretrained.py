"""pretrained: a space without a table, by encoders that share one already, such as the towers of CLIP.

z(h) = unit(h),   one model for all its columns;   nothing is centred, since there are no rows to take a mean of
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from kuamo.closed_form import LinearMap
from kuamo.core.arguments import ArgumentError
from kuamo.core.errors import KuamoError, shorten
from kuamo.core.messages import Note
from kuamo.core.modules import is_trainable
from kuamo.data.modalities import Audio, Image, Modality, Text
from kuamo.data.modalities.audio import Waveform
from kuamo.embedding.embedding import ClosedFormHead
from kuamo.embedding.space import Tower
from kuamo.encoders import hub
from kuamo.encoders.base import Encoder, encode_items
from kuamo.fitting.shared_spaces import reason, space_of
from kuamo.space import Space

__all__ = ["pretrained"]

KINDS: dict[str, type[Any]] = {"text": Text, "image": Image, "audio": Audio}
TRIALS: dict[str, Any] = {
    "text": "a",
    "image": np.zeros((64, 64, 3), np.uint8),
    "audio": Waveform(np.zeros(16000, np.float32), 16000),
}


def pretrained(
    model: str | Path | Mapping[str, Any],
    *,
    columns: Mapping[str, str] | None = None,
    revision: str | None = None,
    batch_size: int = 16,
    device: str = "cpu",
) -> Space:
    """A space without a table, by a pretrained model whose encoders share one: encode, search, index, zero-shot.

    z(h) = unit(h). With a table, `km.fit(table, encoders=...)` gives the same space centred, and learns from pairs.

    Args:
        model: a model of two kinds of data by its name on the Hugging Face hub or its folder, such as
            "google/siglip2-base-patch16-224"; or column → encoder, where encoders share a space.
        columns: column → "text", "image" or "audio"; columns named like their kinds if not given.
        revision: a branch, tag or commit of the hub. batch_size: values at a time. device: where torch computes.

    Returns:
        Space; `space.with_classes(...)` adds classes to predict.

    Raises:
        ArgumentError: a model of one kind, columns of other kinds, or encoders that share no space.
        StoreError: no such model, or a folder with pickled or missing weights.

    Example:
        >>> from kuamo.encoders import MultilingualE5
        >>> space = pretrained({"en": MultilingualE5(), "zh": MultilingualE5()})
        >>> scores = space.similarity(space.encode([{"en": "a dog"}]), space.encode([{"zh": "一只狗"}, {"zh": "勺子"}]))
        >>> bool(scores[0, 0] > scores[0, 1])
        True
    """
    if isinstance(model, Mapping):
        encoders, kinds = dict(model), kinds_of(model, columns or {})
    else:
        encoder = hub(str(model), revision=revision, batch_size=batch_size, device=device)
        kinds = dict(columns or {kind: kind for kind in encoder.modalities})
        unknown = sorted({kind for kind in kinds.values() if kind not in encoder.modalities})
        if unknown:
            raise ArgumentError(f"columns: given the kind {unknown[0]!r}; this model reads {list(encoder.modalities)}")
        encoders = dict.fromkeys(kinds, encoder)
    if len(encoders) < 2:
        raise ArgumentError(f"given the columns {list(kinds)}; expected at least two that share a space")
    ports = [port_of(name, KINDS[kinds[name]](), encoder, kinds[name]) for name, encoder in encoders.items()]
    check_one_space(ports)
    note = Note("known", columns=", ".join(kinds), why=reason(ports), what=Note("known_pretrained"))
    return Space(ports, notes=[note])


def kinds_of(encoders: Mapping[str, Any], columns: Mapping[str, str]) -> dict[str, str]:
    """The kind of each encoder's data: as given, as a model says, or text."""
    found = {
        name: columns.get(name) or getattr(encoder, "modality", None) or "text" for name, encoder in encoders.items()
    }
    for name, kind in [*found.items(), *columns.items()]:
        if kind not in KINDS or name not in encoders:
            raise ArgumentError(
                f"columns: given {name!r}: {kind!r}; expected columns of {list(encoders)}, each one of {list(KINDS)}"
            )
    return found


def port_of(name: str, modality: Modality, encoder: Any, kind: str) -> Tower:
    """A tower whose code is the features, of unit norm; how many these are is found by trying."""
    if is_trainable(encoder) or not callable(encoder):
        raise ArgumentError(f"column {name!r}: given {shorten(encoder)}; expected a frozen encoder")
    width = encode_items(encoder, [Encoder.adapt(encoder).prepare(TRIALS[kind])], name).shape[1]
    return Tower(
        name, modality, encoder, ClosedFormHead(LinearMap(np.zeros(width), np.eye(width)), np.ones(width), "after")
    )


def check_one_space(ports: list[Tower]) -> None:
    """Refuse encoders that do not say that they share a space, or whose features cannot."""
    first = ports[0]
    for port in ports[1:]:
        if space_of(port.encoder) != space_of(first.encoder):
            raise ArgumentError(
                f"columns {first.name!r} and {port.name!r}: given encoders of two spaces; expected one encoder, or the "
                f"towers of one model"
            )
        if port.head.dim != first.head.dim:
            sizes = first.head.dim, port.head.dim
            raise KuamoError(
                f"columns {first.name!r} and {port.name!r}: given {sizes[0]} and {sizes[1]} features; expected as many"
            )
