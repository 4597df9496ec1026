"""value ↔ y: an invertible compression of one kind of data, so that decoders have few numbers to make."""

from kuamo.codecs.base import Codec, default_codec
from kuamo.codecs.pca import PicturePCA
from kuamo.codecs.speech import SpeechPCA
from kuamo.codecs.spoken import SpokenText
from kuamo.codecs.texts import TextList, TextTokens

__all__ = ["Codec", "PicturePCA", "SpeechPCA", "SpokenText", "TextList", "TextTokens", "default_codec"]
