"""Value → features: packaged frozen encoders, and small networks to train from raw data."""

from kuamo.encoders.base import Encoder, Identity
from kuamo.encoders.default import Pick, default_encoder
from kuamo.encoders.e5 import MultilingualE5
from kuamo.encoders.efficientnet import EfficientNetLite0
from kuamo.encoders.minilm import MiniLM
from kuamo.encoders.pretrained import HubEncoder, hub
from kuamo.encoders.sound_effects import SoundEffects
from kuamo.encoders.sounds import Sounds
from kuamo.encoders.spectral import SpectralFeatures

__all__ = [
    "EfficientNetLite0",
    "Encoder",
    "HubEncoder",
    "Identity",
    "MiniLM",
    "MultilingualE5",
    "Pick",
    "SoundEffects",
    "Sounds",
    "SpectralFeatures",
    "default_encoder",
    "hub",
]
