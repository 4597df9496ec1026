"""value ↔ y: an invertible compression of one kind of data, so that decoders have few numbers to make."""

from kuamo.generation.codecs.audio_pca import SpeechPCA
from kuamo.generation.codecs.base import Codec
from kuamo.generation.codecs.default import default_codec
from kuamo.generation.codecs.image_pca import PicturePCA
from kuamo.generation.codecs.text import TextList, TextTokens
from kuamo.generation.codecs.text_to_speech import SpokenText

__all__ = ["Codec", "PicturePCA", "SpeechPCA", "SpokenText", "TextList", "TextTokens", "default_codec"]
