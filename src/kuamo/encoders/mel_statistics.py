"""Spectral features of a sound: log-mel energies, stretched to one length, and their statistics. Nothing is learned.

    E (T, 40) = log mel power of frames of 25 ms every 10 ms, its loudest frame at 0, nothing below −80 dB
    h = [E resampled to 16 moments between the sound's first and last loud frame; mean, std of E; std of its change]

Sounds of unequal length and speed become alike, as a word spoken slowly and the same word spoken fast should. For
speech and short sounds it is a fair beginning; an encoder that is trained (`AudioCNN`) or pretrained goes further.
"""

from __future__ import annotations

from functools import cached_property
from importlib.util import find_spec

import numpy as np

from kuamo.core.errors import KuamoError
from kuamo.core.extras import way_to
from kuamo.data.modalities.audio import Waveform
from kuamo.encoders.base import Reopens

__all__ = ["SpectralFeatures"]

RATE, N_FFT, HOP, MELS, MOMENTS = 16000, 512, 160, 40, 16
FLOOR = 8.0  # in powers of ten below the loudest: −80 dB


class SpectralFeatures(Reopens):
    """Frozen sound encoder, D = 760, in NumPy.

    Raises:
        KuamoError: librosa, which makes the mel filters, is not installed.

    Example:
        >>> encoder = SpectralFeatures()
        >>> tone = Waveform(np.sin(np.arange(8000) / 4).astype(np.float32), 8000)
        >>> encoder([encoder.prepare(tone)]).shape
        (1, 760)
    """

    dim = MELS * (MOMENTS + 3)
    blocks = (MELS * MOMENTS, 3 * MELS)
    fingerprint = "spectral/1"

    def __init__(self) -> None:
        if not self.installed():
            raise KuamoError(f"mel filters need librosa; expected {way_to('audio')}")

    @staticmethod
    def installed() -> bool:
        """Is librosa there?"""
        return find_spec("librosa") is not None

    def prepare(self, value: Waveform) -> np.ndarray:
        """Log-mel energies (T, 40) between the first and the last frame that is loud."""
        samples = value.samples
        if value.rate != RATE:
            import soxr

            samples = soxr.resample(samples, value.rate, RATE)
        samples = np.pad(samples, N_FFT // 2)
        frames = np.lib.stride_tricks.sliding_window_view(samples, N_FFT)[::HOP]
        power = np.abs(np.fft.rfft(frames * np.hanning(N_FFT).astype(np.float32), axis=1)) ** 2
        mel = np.log10(power @ self._filters.T + 1e-12)
        mel = np.maximum(mel - mel.max(), -FLOOR).astype(np.float32)
        loud = np.flatnonzero(mel.max(1) > -FLOOR / 2)
        return mel[loud[0] : loud[-1] + 1]

    def collate(self, items: list[np.ndarray]) -> list[np.ndarray]:
        """The list itself: lengths differ."""
        return items

    def __call__(self, batch: list[np.ndarray]) -> np.ndarray:
        """Features (n, 760) float32."""
        return np.stack([summary(mel) for mel in batch])

    @cached_property
    def _filters(self) -> np.ndarray:
        from librosa.filters import mel

        return mel(sr=RATE, n_fft=N_FFT, n_mels=MELS)


def summary(mel: np.ndarray) -> np.ndarray:
    """(T, 40) → (760,): the sound at 16 moments, each a mean of its neighbourhood, then mean, std and std of change."""
    edges = np.linspace(0, len(mel), MOMENTS + 1)
    total = np.concatenate([np.zeros((1, mel.shape[1])), np.cumsum(mel, axis=0, dtype=np.float64)])
    at = np.stack([np.interp(edges, np.arange(len(total)), column) for column in total.T], axis=1)
    moments = np.diff(at, axis=0) / np.diff(edges)[:, None]
    change = np.diff(mel, axis=0) if len(mel) > 1 else np.zeros_like(mel)
    return np.concatenate([moments.ravel(), mel.mean(0), mel.std(0), change.std(0)]).astype(np.float32)
