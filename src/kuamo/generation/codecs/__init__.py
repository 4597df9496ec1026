"""value ↔ y: an invertible compression of one kind of data, so that decoders have few numbers to make."""

from kuamo.core.old_names import former_names
from kuamo.generation.codecs.audio_pca import AudioPCA
from kuamo.generation.codecs.base import Codec
from kuamo.generation.codecs.default import default_codec
from kuamo.generation.codecs.image_pca import ImagePCA
from kuamo.generation.codecs.text import BPECodec, TextVocabulary
from kuamo.generation.codecs.text_to_speech import TextToSpeechCodec

__all__ = ["AudioPCA", "BPECodec", "Codec", "ImagePCA", "TextToSpeechCodec", "TextVocabulary", "default_codec"]

__getattr__ = former_names(__name__)
