"""The codec of a modality, where none is given."""

from __future__ import annotations

from typing import Any

from kuamo.core.errors import TableError
from kuamo.data.modalities import Audio, Category, Image, Modality, Number, Text
from kuamo.data.table import Table
from kuamo.generation.codecs.audio_pca import AudioPCA
from kuamo.generation.codecs.image_pca import ImagePCA
from kuamo.generation.codecs.labels import OneHotCodec, ScalarCodec

__all__ = ["default_codec"]


def default_codec(table: Table, name: str, seed: int = 0) -> Any:
    """The codec that suits a column, fitted on its cells; `None` where y is the features, as of vectors.

    Example:
        >>> import kuamo as km
        >>> default_codec(km.datasets.toy(rows=10), "a") is None
        True
    """
    modality: Modality = table.column(name).modality
    if isinstance(modality, Image):
        return ImagePCA.of(table, name, seed=seed)
    if isinstance(modality, Audio):
        return AudioPCA.of(table, name, seed=seed)
    if type(modality).__name__ == "Vector":
        return None
    if isinstance(modality, Category):
        return OneHotCodec.of(table, name) if modality.classes is None else OneHotCodec(list(modality.classes))
    if isinstance(modality, Number):
        return ScalarCodec.of(table.values(name))
    if isinstance(modality, Text):
        raise TableError(
            f"column {name!r}: given texts; expected km.Caption(), km.TextRNN() or km.NearestText() for them"
        )
    raise TableError(
        f"column {name!r}: no codec is known for {type(modality).__name__}; expected codecs={{{name!r}: one of yours}}"
    )
