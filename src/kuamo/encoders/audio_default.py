"""Sounds: what the spectrum says, and beside it what a network that knows sound effects hears.

    h = [SpectralFeatures(x), SoundEffects(x)]

Speech is not distinguished from other sounds beforehand: the spectrum at 16 moments distinguishes words, the
network what makes a sound, and side by side they find more of either kind than one alone.
"""

from __future__ import annotations

import numpy as np

from kuamo.data.modalities.audio import Waveform
from kuamo.encoders.base import as_list
from kuamo.encoders.mel_statistics import SpectralFeatures
from kuamo.encoders.packaged import Packaged
from kuamo.encoders.sound_effects import SoundEffects

__all__ = ["DefaultAudioEncoder"]


class DefaultAudioEncoder(Packaged):
    """Frozen encoder of sounds of any kind, D = 1272.

    Raises:
        KuamoError: the package with the weights, or librosa, which makes the mel filters, is not installed.

    Example:
        >>> encoder = DefaultAudioEncoder()
        >>> tone = Waveform(np.sin(np.arange(8000) / 4).astype(np.float32), 8000)
        >>> encoder([encoder.prepare(tone)]).shape
        (1, 1272)
    """

    packages = (*SpectralFeatures.packages, *SoundEffects.packages)
    batch_size = 16
    part_dim = SpectralFeatures.part_dim
    collate = staticmethod(as_list)

    def __init__(self) -> None:
        self.spectral, self.effects = SpectralFeatures(), SoundEffects()

    @property
    def fingerprint(self) -> str:
        return f"{self.spectral.fingerprint} {self.effects.fingerprint}"

    @property
    def blocks(self) -> tuple[int, ...]:
        return (*self.spectral.blocks, *self.effects.blocks)

    def prepare(self, value: Waveform) -> tuple[np.ndarray, np.ndarray]:
        """Log-mel energies as either encoder wants them."""
        return self.spectral.prepare(value), self.effects.prepare(value)

    def __call__(self, batch: list[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
        spectra, energies = zip(*batch, strict=True)
        return np.hstack([self.spectral(list(spectra)), self.effects(list(energies))])

    def parts(self, batch: list[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
        """The spectrum's."""
        return self.spectral.parts([spectrum for spectrum, _ in batch])
