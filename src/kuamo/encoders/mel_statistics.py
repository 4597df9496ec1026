"""Spectral features of a sound: log-mel energies, stretched to one length, and their statistics. Nothing is learned.

    E (T, 40) = log mel power of frames of 25 ms every 10 ms, its loudest frame at 0, nothing below −80 dB
    h = [E resampled to 16 moments between the sound's first and last loud frame; mean, std of E; std of its change]

Sounds of unequal length and speed become alike, as a word spoken slowly and the same word spoken fast should. For
speech and short sounds it is a fair beginning; an encoder that is trained (`AudioCNN`) or pretrained goes further.
"""

from __future__ import annotations

import numpy as np

from kuamo.data.modalities.audio import Waveform
from kuamo.encoders.base import as_list
from kuamo.encoders.mel import mel_filters, mel_power
from kuamo.encoders.packaged import Packaged

__all__ = ["SpectralFeatures"]

RATE, N_FFT, HOP, MELS, MOMENTS = 16000, 512, 160, 40, 16
FLOOR = 8.0  # in powers of ten below the loudest: −80 dB


class SpectralFeatures(Packaged):
    """Frozen sound encoder, D = 760, in NumPy.

    Raises:
        KuamoError: librosa, which makes the mel filters, is not installed.

    Example:
        >>> encoder = SpectralFeatures()
        >>> tone = Waveform(np.sin(np.arange(8000) / 4).astype(np.float32), 8000)
        >>> encoder([encoder.prepare(tone)]).shape
        (1, 760)
    """

    packages = ("librosa",)
    dim = MELS * (MOMENTS + 3)
    part_dim = MELS
    blocks = (MELS * MOMENTS, 3 * MELS)
    fingerprint = "spectral/1"
    collate = staticmethod(as_list)

    def prepare(self, value: Waveform) -> np.ndarray:
        """Log-mel energies (T, 40) between the first and the last frame that is loud."""
        samples, window = np.pad(value.resampled(RATE), N_FFT // 2), np.hanning(N_FFT).astype(np.float32)
        mel = np.log10(mel_power(samples, mel_filters(RATE, N_FFT, MELS), window, HOP) + 1e-12)
        mel = np.maximum(mel - mel.max(), -FLOOR).astype(np.float32)
        loud = np.flatnonzero(mel.max(1) > -FLOOR / 2)
        return mel[loud[0] : loud[-1] + 1]

    def __call__(self, batch: list[np.ndarray]) -> np.ndarray:
        return np.stack([summary(mel) for mel in batch])

    def parts(self, batch: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """The sound at 16 moments (n, 16, 40), powers of ten about the middle of their range."""
        x = np.stack([stretched(mel) for mel in batch]).astype(np.float32)
        return x + FLOOR / 2, np.ones(x.shape[:2], bool)


def summary(mel: np.ndarray) -> np.ndarray:
    """(T, 40) → (760,): the sound at 16 moments, then mean, std and std of change."""
    change = np.diff(mel, axis=0) if len(mel) > 1 else np.zeros_like(mel)
    return np.concatenate([stretched(mel).ravel(), mel.mean(0), mel.std(0), change.std(0)]).astype(np.float32)


def stretched(mel: np.ndarray) -> np.ndarray:
    """(T, 40) → (16, 40): the sound at 16 moments, each a mean of its neighbourhood."""
    edges = np.linspace(0, len(mel), MOMENTS + 1)
    total = np.concatenate([np.zeros((1, mel.shape[1])), np.cumsum(mel, axis=0, dtype=np.float64)])
    at = np.stack([np.interp(edges, np.arange(len(total)), column) for column in total.T], axis=1)
    return np.diff(at, axis=0) / np.diff(edges)[:, None]
