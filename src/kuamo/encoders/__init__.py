"""Value → features: packaged frozen encoders, and small networks to train from raw data, which import torch."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from kuamo.encoders.base import Encoder, Identity
from kuamo.encoders.default import Pick, default_encoder
from kuamo.encoders.e5 import MultilingualE5
from kuamo.encoders.efficientnet import EfficientNetLite0
from kuamo.encoders.minilm import MiniLM
from kuamo.encoders.pretrained import HubEncoder, hub
from kuamo.encoders.sound_effects import SoundEffects
from kuamo.encoders.sounds import Sounds
from kuamo.encoders.spectral import SpectralFeatures

if TYPE_CHECKING:
    from kuamo.encoders.pixels import PixelEncoder
    from kuamo.encoders.sound import SoundEncoder
    from kuamo.encoders.words import WordEncoder

_TRAINED = {"PixelEncoder": "pixels", "SoundEncoder": "sound", "WordEncoder": "words"}

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
