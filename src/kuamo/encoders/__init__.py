"""Values → features: frozen encoders, and small networks to train from raw data, which import torch.

base, default            what an encoder is; which one a column gets by default
packaged                 encoders whose weights come in packages
feature_cache, parts     features of frozen encoders, kept by content; parts of cells: tokens, tiles, moments
minilm, e5, e5_weights   texts: English; about a hundred languages, and the file of their network
efficientnet             images
audio_default, mel_statistics, sound_effects, mel    audio: both of spectra and a network of sound effects
hub, hub_folder          pretrained models by name or folder
one_hot, standardize     categories; numbers and vectors
bag_of_words             texts of a small vocabulary
token_mean, image_cnn, audio_cnn, audio_augmentation    networks to train
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from kuamo.core.errors import did_you_mean
from kuamo.core.old_names import current, renamed
from kuamo.core.translation import translate
from kuamo.encoders.audio_default import DefaultAudioEncoder
from kuamo.encoders.bag_of_words import BagOfWords
from kuamo.encoders.base import Encoder, Identity
from kuamo.encoders.default import EncoderChoice, default_encoder
from kuamo.encoders.e5 import MultilingualE5
from kuamo.encoders.efficientnet import EfficientNetLite0
from kuamo.encoders.hub import HubEncoder, hub
from kuamo.encoders.mel_statistics import SpectralFeatures
from kuamo.encoders.minilm import MiniLM
from kuamo.encoders.sound_effects import SoundEffects

if TYPE_CHECKING:
    from kuamo.encoders.audio_cnn import AudioCNN
    from kuamo.encoders.image_cnn import ImageCNN
    from kuamo.encoders.token_mean import TokenMean

_TRAINED = {"ImageCNN": "image_cnn", "AudioCNN": "audio_cnn", "TokenMean": "token_mean"}

__all__ = [
    "AudioCNN",
    "BagOfWords",
    "DefaultAudioEncoder",
    "EfficientNetLite0",
    "Encoder",
    "EncoderChoice",
    "HubEncoder",
    "Identity",
    "ImageCNN",
    "MiniLM",
    "MultilingualE5",
    "SoundEffects",
    "SpectralFeatures",
    "TokenMean",
    "default_encoder",
    "hub",
]


def __getattr__(name: str) -> Any:
    new = current(name)
    if new != name and new in __all__:
        renamed(name, new, __name__)
        return globals()[new] if new in globals() else __getattr__(new)
    if name in _TRAINED:
        return getattr(importlib.import_module(f"kuamo.encoders.{_TRAINED[name]}"), name)
    raise AttributeError(translate(f"module 'kuamo.encoders' has no attribute {name!r}{did_you_mean(name, __all__)}"))
