"""Value → features: packaged frozen encoders, and small networks to train from raw data, which import torch."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from kuamo.encoders.audio_default import Sounds
from kuamo.encoders.base import Encoder, Identity
from kuamo.encoders.default import Pick, default_encoder
from kuamo.encoders.e5 import MultilingualE5
from kuamo.encoders.efficientnet import EfficientNetLite0
from kuamo.encoders.hub import HubEncoder, hub
from kuamo.encoders.mel_statistics import SpectralFeatures
from kuamo.encoders.minilm import MiniLM
from kuamo.encoders.sound_effects import SoundEffects

if TYPE_CHECKING:
    from kuamo.encoders.audio_cnn import SoundEncoder
    from kuamo.encoders.image_cnn import PixelEncoder
    from kuamo.encoders.token_mean import WordEncoder

_TRAINED = {"PixelEncoder": "image_cnn", "SoundEncoder": "audio_cnn", "WordEncoder": "token_mean"}

__all__ = [
    "EfficientNetLite0",
    "Encoder",
    "HubEncoder",
    "Identity",
    "MiniLM",
    "MultilingualE5",
    "Pick",
    "PixelEncoder",
    "SoundEffects",
    "SoundEncoder",
    "Sounds",
    "SpectralFeatures",
    "WordEncoder",
    "default_encoder",
    "hub",
]


def __getattr__(name: str) -> Any:
    if name in _TRAINED:
        return getattr(importlib.import_module(f"kuamo.encoders.{_TRAINED[name]}"), name)
    raise AttributeError(f"module 'kuamo.encoders' has no attribute {name!r}")
