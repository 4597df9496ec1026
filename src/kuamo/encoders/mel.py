"""Mel spectra of audio: power of windows in bands that are as wide as pitch is heard, and back.

    samples ── windows ── |FFT|² ── F (mels, n_fft/2 + 1) ──→ power in bands ── P ≥ 0: F P ≈ M ──→ |FFT|²

References:
    Algorithms for Non-negative Matrix Factorization, Lee and Seung, 2001 (the multiplicative step of `inverted`).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np

from kuamo.core.errors import KuamoError
from kuamo.core.extras import way_to

__all__ = ["inverted", "mel_filters", "mel_power", "resized", "trimmed", "window_power"]

FRAMES = 1000  # at a time: an hour of audio is a gigabyte of spectrum
STEPS = 60


@cache
def mel_filters(rate: int, n_fft: int, mels: int, **how: Any) -> np.ndarray:
    """Triangular filters (mels, n_fft/2 + 1) on the mel scale, by librosa."""
    try:
        from librosa.filters import mel
    except ImportError:
        raise KuamoError(f"mel filters need librosa; expected {way_to('audio')}") from None
    return mel(sr=rate, n_fft=n_fft, n_mels=mels, **how)


def window_power(samples: np.ndarray, window: np.ndarray, hop: int) -> Iterator[np.ndarray]:
    """|FFT|² (t, n_fft/2 + 1) of padded samples in windows every `hop` samples, some at a time."""
    frames = np.lib.stride_tricks.sliding_window_view(samples, len(window))[::hop]
    for start in range(0, len(frames), FRAMES):
        yield np.abs(np.fft.rfft(frames[start : start + FRAMES] * window, axis=1)) ** 2


def mel_power(samples: np.ndarray, filters: np.ndarray, window: np.ndarray, hop: int) -> np.ndarray:
    """The same in bands (T, mels).

    Example:
        >>> mel_power(np.ones(12), np.ones((1, 3)), np.ones(4), 4).ravel()
        array([16., 16., 16.])
    """
    return np.concatenate([power @ filters.T for power in window_power(samples, window, hop)])


def trimmed(samples: np.ndarray, hop: int, decibels: float) -> np.ndarray:
    """Samples from the first to the last moment, of `hop` samples, that is at most so much softer than the loudest.

    Example:
        >>> len(trimmed(np.array([0, 0, 1, 1, 0, 0, 0, 0]), 2, 40))
        2
    """
    moments = -(-len(samples) // hop)
    padded = np.pad(samples.astype(np.float32), (0, moments * hop - len(samples)))
    power = np.square(padded).reshape(moments, hop).sum(1)
    loud = np.flatnonzero(power >= power.max(initial=0) * 10 ** (-decibels / 10))
    return samples[loud[0] * hop : (loud[-1] + 1) * hop] if len(loud) else samples


def resized(energy: np.ndarray, to: int) -> np.ndarray:
    """(mels, to) of (mels, T), from the first moment to the last, by linear interpolation.

    Example:
        >>> resized(np.array([[0.0, 2.0]]), 3)
        array([[0., 1., 2.]], dtype=float32)
    """
    place = np.linspace(0, energy.shape[1] - 1, to)
    low = np.floor(place).astype(int)
    high, share = np.minimum(low + 1, energy.shape[1] - 1), place - low
    return ((1 - share) * energy[:, low] + share * energy[:, high]).astype(np.float32)


def inverted(filters: np.ndarray, mel: np.ndarray) -> np.ndarray:
    """P ≥ 0 (F, T) with filters (mels, F) · P ≈ mel (mels, T), by P ← P · (Fᵀ M) / (Fᵀ F P): in half of the time of
    librosa's `nnls`, and closer.

    Example:
        >>> inverted(np.eye(2), np.array([[1.0], [4.0]])).round(3).tolist()
        [[1.0], [4.0]]
    """
    wanted = filters.T @ mel
    power, inner = wanted + 1e-8, filters.T @ filters
    for _ in range(STEPS):
        power = power * wanted / (inner @ power + 1e-8)
    return power
