"""Spectral features of a sound: log-mel energies or cepstra, stretched to one length. Nothing is learned.

    E (T, 40) = log mel power of frames of 25 ms every 10 ms, its loudest frame at 0, nothing below −80 dB
    h = [E resampled to 16 moments between the sound's first and last loud frame; mean, std of E; std of its change]

or, for the same words in many voices,

    C (T, 14) = the first cosines of E over its 40 bands, each of mean 0 and variance 1 over the sound
    h = C resampled to 24 moments

Sounds of unequal length and speed become alike, as a word spoken slowly and the same word spoken fast should. What a
voice or a room adds to every frame goes with the mean of C, the pitch with its higher cosines: learned from several
recordings of each word, a linear map of C finds the words in voices that it never heard (`benchmarks/spoken_emoji.py`).
But a mean is also what tells one sound from another: for words that were never heard, E is better. It is a fair
beginning; an encoder that is trained (`SoundEncoder`) or pretrained goes further.

References: Comparison of Parametric Representations for Monosyllabic Word Recognition in Continuously Spoken Sentences,
Davis and Mermelstein, 1980; Effectiveness of Linear Prediction Characteristics of the Speech Wave for Automatic Speaker
Identification and Verification, Atal, 1974.
"""

from __future__ import annotations

from functools import cached_property
from importlib.util import find_spec

import numpy as np

from kuamo.errors import KuamoError
from kuamo.modalities.audio import Waveform

__all__ = ["SpectralFeatures"]

RATE, N_FFT, HOP, MELS, MOMENTS = 16000, 512, 160, 40, 16
COSINES, CEPSTRAL_MOMENTS = 14, 24
SOFT = 0.05  # a cosine that hardly moves stays small
FLOOR = 8.0  # in powers of ten below the loudest: −80 dB


class SpectralFeatures:
    """Frozen sound encoder in NumPy, D = 760, or 336 for cepstra.

    Args:
        cepstra: features without what stays the same over a sound, for words in many voices.

    Raises:
        KuamoError: librosa, which makes the mel filters, is not installed.

    Example:
        >>> encoder = SpectralFeatures()
        >>> tone = Waveform(np.sin(np.arange(8000) / 4).astype(np.float32), 8000)
        >>> encoder([encoder.prepare(tone)]).shape
        (1, 760)
    """

    def __init__(self, *, cepstra: bool = False) -> None:
        if not self.installed():
            raise KuamoError("mel filters need librosa; expected `pip install 'kuamo[audio]'`")
        self.cepstra = cepstra

    @property
    def blocks(self) -> tuple[int, ...]:
        """How many features each part gives: moments and statistics, or cepstra."""
        return (COSINES * CEPSTRAL_MOMENTS,) if self.cepstra else (MELS * MOMENTS, 3 * MELS)

    @property
    def dim(self) -> int:
        """D."""
        return sum(self.blocks)

    @property
    def fingerprint(self) -> str:
        """Which features."""
        return "spectral/1/cepstra" if self.cepstra else "spectral/1"

    def config(self) -> dict[str, bool]:
        """What the constructor takes."""
        return {"cepstra": self.cepstra}

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
        """Features (n, D) float32."""
        return np.stack([cepstra(mel) if self.cepstra else summary(mel) for mel in batch])

    @cached_property
    def _filters(self) -> np.ndarray:
        from librosa.filters import mel

        return mel(sr=RATE, n_fft=N_FFT, n_mels=MELS)


def summary(mel: np.ndarray) -> np.ndarray:
    """(T, 40) → (760,): the sound at 16 moments, then mean, std and std of change."""
    change = np.diff(mel, axis=0) if len(mel) > 1 else np.zeros_like(mel)
    moments = at_moments(mel, MOMENTS)
    return np.concatenate([moments.ravel(), mel.mean(0), mel.std(0), change.std(0)]).astype(np.float32)


def cepstra(mel: np.ndarray) -> np.ndarray:
    """(T, 40) → (336,): the first cosines of each frame, of mean 0 and variance 1 over the sound, at 24 moments."""
    cosines = mel @ cosine_basis()
    cosines = (cosines - cosines.mean(0)) / (cosines.std(0) + SOFT)
    return at_moments(cosines, CEPSTRAL_MOMENTS).ravel().astype(np.float32)


def cosine_basis() -> np.ndarray:
    """(40, 14): the first cosines over the bands, each of norm 1 but the constant one, of norm √2.

    Example:
        >>> basis = cosine_basis()
        >>> bool(np.allclose(basis.T @ basis, np.diag([2] + 13 * [1])))
        True
    """
    angle = np.pi / MELS * np.outer(np.arange(MELS) + 0.5, np.arange(COSINES))
    return np.sqrt(2 / MELS) * np.cos(angle)


def at_moments(x: np.ndarray, count: int) -> np.ndarray:
    """(T, p) → (count, p): means over equal parts of the time, which may end within a frame."""
    edges = np.linspace(0, len(x), count + 1)
    total = np.concatenate([np.zeros((1, x.shape[1])), np.cumsum(x, axis=0, dtype=np.float64)])
    at = np.stack([np.interp(edges, np.arange(len(total)), column) for column in total.T], axis=1)
    return np.diff(at, axis=0) / np.diff(edges)[:, None]
