"""Sounds: what the spectrum says, and beside it what a network that knows sound effects hears.

    h = [SpectralFeatures(x), SoundEffects(x)]

Speech is not distinguished from other sounds beforehand: the spectrum at 16 moments distinguishes words, the
network what makes a sound, and side by side they find more of either kind than one alone.
"""

from __future__ import annotations

import numpy as np

from kuamo.data.modalities.audio import Waveform
from kuamo.encoders.mel_statistics import SpectralFeatures
from kuamo.encoders.sound_effects import SoundEffects

__all__ = ["DefaultAudioEncoder"]


class DefaultAudioEncoder:
    """Frozen encoder of sounds of any kind, D = 1272.

    Raises:
        KuamoError: the package with the weights, or librosa, which makes the mel filters, is not installed.

    Example:
        >>> encoder = DefaultAudioEncoder()
        >>> tone = Waveform(np.sin(np.arange(8000) / 4).astype(np.float32), 8000)
        >>> encoder([encoder.prepare(tone)]).shape
        (1, 1272)
    """

    batch_size = 16

    def __init__(self) -> None:
        self.spectral, self.effects = SpectralFeatures(), SoundEffects()

    @staticmethod
    def installed() -> bool:
        """Are the weights and librosa there?"""
        return SpectralFeatures.installed() and SoundEffects.installed()

    @property
    def fingerprint(self) -> str:
        """Both encoders'."""
        return f"{self.spectral.fingerprint} {self.effects.fingerprint}"

    @property
    def blocks(self) -> tuple[int, ...]:
        """Moments, statistics, network."""
        return (*self.spectral.blocks, *self.effects.blocks)

    def prepare(self, value: Waveform) -> tuple[np.ndarray, np.ndarray]:
        """Log-mel energies as either encoder wants them."""
        return self.spectral.prepare(value), self.effects.prepare(value)

    def collate(self, items: list[tuple[np.ndarray, np.ndarray]]) -> list[tuple[np.ndarray, np.ndarray]]:
        """The list itself: lengths differ."""
        return items

    def __call__(self, batch: list[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
        """Features (n, 1272) float32."""
        spectra, energies = zip(*batch, strict=True)
        return np.hstack([self.spectral(list(spectra)), self.effects(list(energies))])
