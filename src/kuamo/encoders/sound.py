"""A small convolutional sound encoder to train from samples.

samples at one rate, unit power → log-mel spectrogram, zero mean and unit variance over the sound → 3 × [conv 3 × 3,
stride 2, norm over channels, GELU] → mean and maximum over each of its parts in time, at every height → linear

In training, sounds may be moved a little (`Augment`), so that other voices are known too.

Sounds of a batch differ in length. What stands beyond a sound's end is zero before every convolution, as it would be
with the sound alone: its features do not depend on what else is in the batch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from kuamo.encoders.augment import Augment
from kuamo.errors import KuamoError
from kuamo.modalities.audio import Waveform

__all__ = ["SoundEncoder", "mel_filters"]


def mel_filters(rate: int, n_fft: int, mels: int) -> Tensor:
    """Triangular filters (mels, n_fft/2 + 1) on the mel scale, by librosa.

    Raises:
        KuamoError: librosa is not installed.
    """
    try:
        from librosa.filters import mel
    except ImportError:
        raise KuamoError("mel filters need librosa; expected `pip install 'kuamo[audio]'`") from None
    return torch.from_numpy(mel(sr=rate, n_fft=n_fft, n_mels=mels))


def mel_centres(rate: int, mels: int) -> Tensor:
    """The frequency (mels,) of each filter's peak, in Hz."""
    from librosa import mel_frequencies

    return torch.from_numpy(mel_frequencies(mels + 2, fmin=0.0, fmax=rate / 2)[1:-1]).float()


class SoundEncoder(nn.Module):
    """Trainable sound encoder.

    Args:
        dim: of the features. width: channels of the first layer.
        rate: sounds are resampled to it, in Hz. mels: bands, a multiple of 8.
        n_fft, hop: of the spectrogram, in samples.
        parts: of equal length, into which a sound is cut before what was seen in it is averaged: 1 for sounds that may
            start anywhere, 3 or so for single words, whose beginning differs from their end.
        trim: what is so many dB below the loudest moment is cut off at both ends; 0 for nothing.
        per_band: is the mean of each band taken out, and not of the whole sound alone? The colour of a voice or a
            microphone goes with it.
        augment: how sounds are moved in training mode, or its arguments; `None` for not at all.
        dropout: share of what was seen in the parts that is left out in training mode.

    Raises:
        KuamoError: librosa is not installed, `mels` is not a multiple of 8, or `parts` is less than 1.

    Example:
        >>> encoder = SoundEncoder(dim=8)
        >>> sounds = [Waveform(np.ones(800, np.float32), 8000), Waveform(np.ones(4000, np.float32), 16000)]
        >>> encoder(encoder.collate([encoder.prepare(sound) for sound in sounds])).shape
        torch.Size([2, 8])
    """

    def __init__(
        self,
        *,
        dim: int = 128,
        width: int = 24,
        rate: int = 16000,
        mels: int = 64,
        n_fft: int = 512,
        hop: int = 160,
        parts: int = 1,
        trim: float = 0.0,
        per_band: bool = False,
        augment: Augment | Mapping[str, float] | None = None,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if mels % 8 or mels < 8:
            raise KuamoError(f"mels: given {mels}; expected a multiple of 8")
        if parts < 1:
            raise KuamoError(f"parts: given {parts}; expected at least 1")
        self.dim, self.width, self.rate, self.mels, self.n_fft, self.hop = dim, width, rate, mels, n_fft, hop
        self.parts, self.trim, self.per_band = parts, trim, per_band
        self.augment = Augment(**augment) if isinstance(augment, Mapping) else augment
        self.hertz: Tensor
        self.filters: Tensor
        self.window: Tensor
        self.register_buffer("filters", mel_filters(rate, n_fft, mels))
        self.register_buffer("window", torch.hann_window(n_fft))
        self.register_buffer("hertz", mel_centres(rate, mels), persistent=False)
        channels = [1, width, 2 * width, 4 * width]
        self.convs = nn.ModuleList(nn.Conv2d(a, b, 3, stride=2, padding=1) for a, b in pairwise(channels))
        self.norms = nn.ModuleList(nn.LayerNorm(b) for b in channels[1:])
        self.dropout = nn.Dropout(dropout)
        self.out = nn.Linear(2 * channels[-1] * mels // 8 * parts, dim)

    def prepare(self, value: Waveform) -> np.ndarray:
        """Samples (T,) float32 at the encoder's rate; a sound of any length."""
        samples = value.samples
        if value.rate != self.rate:
            import soxr

            samples = soxr.resample(samples, value.rate, self.rate)
        samples = trimmed(samples, self.hop, self.trim) if self.trim else samples
        return np.ascontiguousarray(samples if len(samples) else np.zeros(1), dtype=np.float32)

    def collate(self, items: Sequence[np.ndarray]) -> tuple[Tensor, Tensor]:
        """Samples (n, T), zero beyond each end, and how many there are (n,)."""
        count = torch.tensor([len(item) for item in items])
        batch = torch.zeros(len(items), int(count.max()))
        for row, item in enumerate(items):
            batch[row, : len(item)] = torch.from_numpy(item)
        return batch, count

    def forward(self, batch: tuple[Tensor, Tensor]) -> Tensor:
        """Features (n, dim)."""
        samples, count = batch
        moved = self.augment if self.training else None
        power = samples.square().sum(1, keepdim=True) / count[:, None]
        samples = samples / torch.sqrt(power + 1e-10)
        if moved:
            samples = moved.samples(samples, count)
        energy, frames = self.energies(samples), 1 + count.div(self.hop, rounding_mode="floor")
        if moved:
            energy, frames = moved.energies(energy, frames, self.hertz)
        h, inside = standard(energy, frames, self.per_band)
        if moved:
            h = h * moved.kept(self.mels, frames, h.shape[-1])[:, None]
        for conv, norm in zip(self.convs, self.norms, strict=True):
            h = nn.functional.gelu(norm(conv(h).movedim(1, -1)).movedim(-1, 1))
            frames = (frames + 1).div(2, rounding_mode="floor")
            inside = within(frames, h.shape[-1])
            h = h * inside[:, None, None]
        return self.out(self.dropout(torch.cat([pooled(h.flatten(1, 2), part) for part in self.cut(frames, h)], dim=1)))

    def energies(self, samples: Tensor) -> Tensor:
        """Log-mel (n, mels, T) of samples."""
        spectrum = torch.stft(
            samples, self.n_fft, self.hop, window=self.window, center=True, pad_mode="constant", return_complex=True
        )
        return torch.log(self.filters @ spectrum.abs().square() + 1e-4)

    def cut(self, frames: Tensor, h: Tensor) -> list[Tensor]:
        """(n, T) bool for each part in time: which frames are in it, at least one."""
        at, parts = torch.arange(h.shape[-1])[None], range(self.parts)
        first = [(frames * part).div(self.parts, rounding_mode="floor")[:, None] for part in parts]
        last = [(frames * (part + 1)).div(self.parts, rounding_mode="floor")[:, None] for part in parts]
        return [(at >= a) & (at < torch.maximum(b, a + 1)) for a, b in zip(first, last, strict=True)]

    def config(self) -> dict[str, Any]:
        """What the constructor takes."""
        names = ("dim", "width", "rate", "mels", "n_fft", "hop", "parts", "trim", "per_band")
        augment = None if self.augment is None else asdict(self.augment)
        return {name: getattr(self, name) for name in names} | {"augment": augment, "dropout": self.dropout.p}


def trimmed(samples: np.ndarray, hop: int, decibels: float) -> np.ndarray:
    """Samples from the first to the last moment, of `hop` samples, that is at most so much softer than the loudest.

    Example:
        >>> len(trimmed(np.array([0, 0, 1, 1, 0, 0, 0, 0]), 2, 40))
        2
    """
    moments = -(-len(samples) // hop)
    power = (
        np.square(np.pad(samples.astype(np.float32), (0, moments * hop - len(samples)))).reshape(moments, hop).sum(1)
    )
    loud = np.flatnonzero(power >= power.max(initial=0) * 10 ** (-decibels / 10))
    return samples[loud[0] * hop : (loud[-1] + 1) * hop] if len(loud) else samples


def standard(energy: Tensor, frames: Tensor, per_band: bool = False) -> tuple[Tensor, Tensor]:
    """(n, 1, mels, T) of zero mean and unit variance over each sound, zero beyond it; and where (n, T) it is.

    `per_band`: each band has mean zero of its own.
    """
    inside = within(frames, energy.shape[-1])
    size = (frames * energy.shape[1])[:, None, None]
    mean = (energy * inside[:, None]).sum(2, keepdim=True) / frames[:, None, None]
    energy = energy - (mean if per_band else mean.mean(1, keepdim=True))
    energy = energy * inside[:, None]
    scale = torch.sqrt(energy.square().sum((1, 2), keepdim=True) / size + 1e-4)
    return (energy / scale)[:, None], inside


def pooled(h: Tensor, part: Tensor) -> Tensor:
    """Mean and maximum (n, 2C) of h (n, C, T) over the frames in `part` (n, T)."""
    mean = (h * part[:, None]).sum(-1) / part.sum(-1, keepdim=True)
    return torch.cat([mean, h.masked_fill(~part[:, None], -torch.inf).amax(-1)], dim=1)


def within(frames: Tensor, most: int) -> Tensor:
    """(n, T) bool: is frame t one of the first `frames` (n,)?"""
    return torch.arange(most)[None] < frames[:, None]
