"""value ↔ y: an invertible compression of one kind of data, so that decoders have few numbers to make.

base, default            what a codec is; which one a column gets by default
image_pca, image_patch_pca, image_conv, image_difference, image_pixels    images
audio_pca, text_to_speech    audio
text, labels             texts; categories and numbers
"""

from kuamo.core.old_names import former_names
from kuamo.generation.codecs.audio_pca import AudioPCA
from kuamo.generation.codecs.base import Codec
from kuamo.generation.codecs.default import default_codec
from kuamo.generation.codecs.image_pca import ImagePCA
from kuamo.generation.codecs.text import BPECodec, TextVocabulary
from kuamo.generation.codecs.text_to_speech import TextToSpeechCodec

__all__ = ["AudioPCA", "BPECodec", "Codec", "ImagePCA", "TextToSpeechCodec", "TextVocabulary", "default_codec"]

__getattr__ = former_names(__name__)
