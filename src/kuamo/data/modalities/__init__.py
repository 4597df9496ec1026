"""Kinds of data: how each is recognised, read, written and shown.

base                     what a modality is
text, image, audio, vector, category, number    one each
levels                   gray levels of any type as bytes
"""

from kuamo.core.arrays import is_absent
from kuamo.data.modalities.audio import Audio, Waveform
from kuamo.data.modalities.base import Modality, content_key
from kuamo.data.modalities.category import Category
from kuamo.data.modalities.image import Image
from kuamo.data.modalities.number import Number
from kuamo.data.modalities.text import Text
from kuamo.data.modalities.vector import Vector

__all__ = ["Audio", "Category", "Image", "Modality", "Number", "Text", "Vector", "Waveform", "content_key", "is_absent"]

BUILT_IN: dict[str, type] = {kind.__name__: kind for kind in (Image, Audio, Vector, Text, Category, Number)}
