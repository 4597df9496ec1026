"""Value → features: packaged frozen encoders, and small networks to train from raw data."""

from kuamo.encoders.base import Encoder, Identity
from kuamo.encoders.default import default_encoder
from kuamo.encoders.efficientnet import EfficientNetLite0
from kuamo.encoders.minilm import MiniLM

__all__ = ["EfficientNetLite0", "Encoder", "Identity", "MiniLM", "default_encoder"]
