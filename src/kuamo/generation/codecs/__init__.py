"""value ↔ y: an invertible compression of one kind of data, so that decoders have few numbers to make."""

from kuamo.core.old_names import former_names
from kuamo.generation.codecs.audio_pca import AudioPCA
from kuamo.generation.codecs.base import Codec
from kuamo.generation.codecs.default import default_codec
from kuamo.generation.codecs.image_pca import ImagePCA
from kuamo.generation.codecs.text import TextList, TextTokens
from kuamo.generation.codecs.text_to_speech import SpokenText

__all__ = ["AudioPCA", "Codec", "ImagePCA", "SpokenText", "TextList", "TextTokens", "default_codec"]

__getattr__ = former_names(__name__)
