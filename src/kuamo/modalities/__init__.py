"""Kinds of data: how each is recognised, read, written and shown."""

from kuamo.modalities.audio import Audio, Waveform
from kuamo.modalities.base import Modality, content_key, is_absent
from kuamo.modalities.category import Category
from kuamo.modalities.image import Image
from kuamo.modalities.number import Number
from kuamo.modalities.text import Text
from kuamo.modalities.vector import Vector

__all__ = ["Audio", "Category", "Image", "Modality", "Number", "Text", "Vector", "Waveform", "content_key", "is_absent"]

BUILT_IN: dict[str, type] = {kind.__name__: kind for kind in (Image, Audio, Vector, Text, Category, Number)}
