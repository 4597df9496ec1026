"""A small convolutional sound encoder to train from samples.

samples at one rate, unit power → log-mel spectrogram, zero mean and unit variance over the sound → 3 × [conv 3 × 3,
stride 2, norm over channels, GELU] → mean and maximum over time, at every height → linear

Sounds of a batch differ in length. What stands beyond a sound's end is zero before every convolution, as it would be
with the sound alone: its features do not depend on what else is in the batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

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


class SoundEncoder(nn.Module):
    """Trainable sound encoder.

    Args:
        dim: of the features. width: channels of the first layer.
        rate: sounds are resampled to it, in Hz. mels: bands, a multiple of 8.
        n_fft, hop: of the spectrogram, in samples.

    Raises:
        KuamoError: librosa is not installed, or `mels` is not a multiple of 8.

    Example:
        >>> encoder = SoundEncoder(dim=8)
        >>> sounds = [Waveform(np.ones(800, np.float32), 8000), Waveform(np.ones(4000, np.float32), 16000)]
        >>> encoder(encoder.collate([encoder.prepare(sound) for sound in sounds])).shape
        torch.Size([2, 8])
    """

    def __init__(
        self, *, dim: int = 128, width: int = 24, rate: int = 16000, mels: int = 64, n_fft: int = 512, hop: int = 160
    ) -> None:
        super().__init__()
        if mels % 8 or mels < 8:
            raise KuamoError(f"mels: given {mels}; expected a multiple of 8")
        self.dim, self.width, self.rate, self.mels, self.n_fft, self.hop = dim, width, rate, mels, n_fft, hop
        self.filters: Tensor
        self.window: Tensor
        self.register_buffer("filters", mel_filters(rate, n_fft, mels))
        self.register_buffer("window", torch.hann_window(n_fft))
        channels = [1, width, 2 * width, 4 * width]
        self.convs = nn.ModuleList(nn.Conv2d(a, b, 3, stride=2, padding=1) for a, b in pairwise(channels))
        self.norms = nn.ModuleList(nn.LayerNorm(b) for b in channels[1:])
        self.out = nn.Linear(2 * channels[-1] * mels // 8, dim)

    def prepare(self, value: Waveform) -> np.ndarray:
        """Samples (T,) float32 at the encoder's rate; a sound of any length."""
        samples = value.samples
        if value.rate != self.rate:
            import soxr

            samples = soxr.resample(samples, value.rate, self.rate)
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
        frames = 1 + count.div(self.hop, rounding_mode="floor")
        power = samples.square().sum(1, keepdim=True) / count[:, None]
        h, inside = self.spectrogram(samples / torch.sqrt(power + 1e-10), frames)
        for conv, norm in zip(self.convs, self.norms, strict=True):
            h = nn.functional.gelu(norm(conv(h).movedim(1, -1)).movedim(-1, 1))
            frames = (frames + 1).div(2, rounding_mode="floor")
            inside = within(frames, h.shape[-1])
            h = h * inside[:, None, None]
        n, channels, height, time = h.shape
        h = h.reshape(n, channels * height, time)
        mean = h.sum(-1) / frames[:, None]
        most = h.masked_fill(~inside[:, None], -torch.inf).amax(-1)
        return self.out(torch.cat([mean, most], dim=1))

    def spectrogram(self, samples: Tensor, frames: Tensor) -> tuple[Tensor, Tensor]:
        """Log-mel (n, 1, mels, T) of zero mean and unit variance over each sound, zero beyond it; and where it is."""
        spectrum = torch.stft(
            samples, self.n_fft, self.hop, window=self.window, center=True, pad_mode="constant", return_complex=True
        )
        log_mel = torch.log(self.filters @ spectrum.abs().square() + 1e-4)
        inside = within(frames, log_mel.shape[-1])
        size = (frames * self.mels)[:, None, None]
        log_mel = log_mel - (log_mel * inside[:, None]).sum((1, 2), keepdim=True) / size
        log_mel = log_mel * inside[:, None]
        scale = torch.sqrt(log_mel.square().sum((1, 2), keepdim=True) / size + 1e-4)
        return (log_mel / scale)[:, None], inside

    def config(self) -> dict[str, Any]:
        """What the constructor takes."""
        names = ("dim", "width", "rate", "mels", "n_fft", "hop")
        return {name: getattr(self, name) for name in names}


def within(frames: Tensor, most: int) -> Tensor:
    """(n, T) bool: is frame t one of the first `frames` (n,)?"""
    return torch.arange(most)[None] < frames[:, None]
