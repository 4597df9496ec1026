"""A small convolutional sound encoder to train from samples.

samples at one rate, unit power → mel power [, stretched to `frames`] → logarithm, zero mean and unit variance over the
sound → 3 × [conv 3 × 3, stride 2, norm over channels, GELU] → linear, of

    without `frames`: mean and maximum over time, at every height: sounds may start anywhere, and be of any length
    with `frames`: what was seen at every place: single words, which all begin at the beginning

Spectra are made once, before training; in training, sounds may be moved a little (`SpectrogramAugment`), so that
other voices are known too.

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

from kuamo.core.contracts import Configured
from kuamo.core.errors import KuamoError
from kuamo.data.modalities.audio import Waveform
from kuamo.encoders.audio_augmentation import SpectrogramAugment, interpolation_weights
from kuamo.encoders.base import Encoder
from kuamo.encoders.mel import mel_filters, trimmed

__all__ = ["AudioCNN"]


def mel_centers(rate: int, mels: int) -> Tensor:
    """The frequency (mels,) of each filter's peak, in Hz."""
    from librosa import mel_frequencies

    return torch.from_numpy(mel_frequencies(mels + 2, fmin=0.0, fmax=rate / 2)[1:-1]).float()


class AudioCNN(nn.Module, Encoder, Configured):
    """Trainable sound encoder.

    Args:
        dim: of the features. width: channels of the first layer.
        rate: sounds are resampled to it, in Hz. mels: bands, a multiple of 8.
        n_fft, hop: of the spectrogram, in samples.
        frames: every sound is stretched to so many moments, a multiple of 8, and seen place by place, as suits single
            words; 0 for sounds of any length, seen on average.
        trim: what is so many dB below the loudest moment is cut off at both ends; 0 for nothing.
        per_band: is the mean of each band taken out, and not of the whole sound alone? The colour of a voice or a
            microphone goes with it.
        augment: how sounds are moved in training mode, or its arguments; `None` for not at all.
        dropout: share of what was seen that is left out in training mode.

    Raises:
        KuamoError: librosa is not installed, or `mels` or `frames` is not a multiple of 8.

    Example:
        >>> encoder = AudioCNN(dim=8)
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
        frames: int = 0,
        trim: float = 0.0,
        per_band: bool = False,
        augment: SpectrogramAugment | Mapping[str, float] | None = None,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if mels % 8 or mels < 8:
            raise KuamoError(f"mels: given {mels}; expected a multiple of 8")
        if frames % 8 or frames < 0:
            raise KuamoError(f"frames: given {frames}; expected a multiple of 8, or 0")
        self.dim, self.width, self.rate, self.mels, self.n_fft, self.hop = dim, width, rate, mels, n_fft, hop
        self.frames, self.trim, self.per_band = frames, trim, per_band
        self.augment = SpectrogramAugment(**augment) if isinstance(augment, Mapping) else augment
        self.hertz: Tensor
        self.filters: Tensor
        self.window: Tensor
        self.register_buffer("filters", torch.from_numpy(mel_filters(rate, n_fft, mels)).clone())
        self.register_buffer("window", torch.hann_window(n_fft))
        self.register_buffer("hertz", mel_centers(rate, mels), persistent=False)
        channels = [1, width, 2 * width, 4 * width]
        self.convs = nn.ModuleList(nn.Conv2d(a, b, 3, stride=2, padding=1) for a, b in pairwise(channels))
        self.norms = nn.ModuleList(nn.LayerNorm(b) for b in channels[1:])
        for conv in self.convs:  # laid out as the norm over channels likes it: a third less time
            conv.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.dropout, self.dropped = dropout, nn.Dropout(dropout)
        self.part_dim = channels[-1] * mels // 8
        self.out = nn.Linear((frames // 8 or 2) * channels[-1] * mels // 8, dim)

    def prepare(self, value: Waveform) -> np.ndarray:
        """Mel power (mels, T) float32 of a sound at unit strength, at its own moments or at `frames` of them."""
        samples = value.resampled(self.rate)
        samples = trimmed(samples, self.hop, self.trim) if self.trim else samples
        x = torch.from_numpy(np.ascontiguousarray(samples if len(samples) else np.zeros(1), dtype=np.float32))
        x = x / torch.sqrt(x.square().mean() + 1e-10)
        spectrum = torch.stft(
            x, self.n_fft, self.hop, window=self.window, center=True, pad_mode="constant", return_complex=True
        )
        power = self.filters @ spectrum.abs().square()
        return (
            resampled_frames(power[None], torch.tensor([power.shape[1]]), self.frames)[0] if self.frames else power
        ).numpy()

    def collate(self, items: Sequence[np.ndarray]) -> tuple[Tensor, Tensor]:
        """Mel power (n, mels, T), zero beyond each end, and how many moments there are (n,)."""
        count = torch.tensor([item.shape[1] for item in items])
        batch = torch.zeros(len(items), self.mels, int(count.max()))
        for row, item in enumerate(items):
            batch[row, :, : item.shape[1]] = torch.from_numpy(item)
        return batch, count

    def forward(self, batch: tuple[Tensor, Tensor]) -> Tensor:
        """Features (n, dim)."""
        h, inside = self.seen(batch)
        return self.out(self.dropped(h.flatten(1) if self.frames else pooled(h.flatten(1, 2), inside)))

    def parts(self, batch: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        """What was heard at every eighth moment (n, T/8, part_dim)."""
        h, inside = self.seen(batch)
        return h.flatten(1, 2).mT, inside

    def seen(self, batch: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        """Maps (n, channels, mels/8, T/8), zero beyond each end, and where they are (n, T/8)."""
        power, frames = batch
        moved = self.augment if self.training else None
        if moved:
            power = moved.power(power, self.filters.sum(1) * self.window.square().sum())
        energy = torch.log(power + 1e-4)
        if moved:
            energy, frames = moved.energies(energy, frames, self.hertz)
            if self.frames:
                energy, frames = resampled_frames(energy, frames, self.frames), torch.full_like(frames, self.frames)
        h, inside = standard_spectra(energy, frames, self.per_band)
        if moved:
            h = h * moved.kept(self.mels, frames, h.shape[-1])[:, None]
        for conv, norm in zip(self.convs, self.norms, strict=True):
            h = nn.functional.gelu(norm(conv(h).movedim(1, -1)).movedim(-1, 1))
            frames = (frames + 1).div(2, rounding_mode="floor")
            inside = in_range(frames, h.shape[-1])
            h = h * inside[:, None, None]
        return h, inside

    def config(self) -> dict[str, Any]:
        return super().config() | {"augment": self.augment and asdict(self.augment)}


def standard_spectra(energy: Tensor, frames: Tensor, per_band: bool = False) -> tuple[Tensor, Tensor]:
    """(n, 1, mels, T) of zero mean and unit variance over each sound, zero beyond it; and where (n, T) it is.

    `per_band`: each band has mean zero of its own.
    """
    inside = in_range(frames, energy.shape[-1])
    size = (frames * energy.shape[1])[:, None, None]
    mean = (energy * inside[:, None]).sum(2, keepdim=True) / frames[:, None, None]
    energy = energy - (mean if per_band else mean.mean(1, keepdim=True))
    energy = energy * inside[:, None]
    scale = torch.sqrt(energy.square().sum((1, 2), keepdim=True) / size + 1e-4)
    return (energy / scale)[:, None], inside


def resampled_frames(energy: Tensor, frames: Tensor, to: int) -> Tensor:
    """(n, mels, to): each sound from its first moment to its last, by linear interpolation of energy (n, mels, T).

    Example:
        >>> resampled_frames(torch.tensor([[[0.0, 2.0, 9.0]]]), torch.tensor([2]), 3)
        tensor([[[0., 1., 2.]]])
    """
    place = torch.linspace(0, 1, to) * (frames - 1)[:, None]
    return energy @ interpolation_weights(place, energy.shape[-1]).mT


def pooled(h: Tensor, part: Tensor) -> Tensor:
    """Mean and maximum (n, 2C) of h (n, C, T) over the frames in `part` (n, T)."""
    mean = (h * part[:, None]).sum(-1) / part.sum(-1, keepdim=True)
    return torch.cat([mean, h.masked_fill(~part[:, None], -torch.inf).amax(-1)], dim=1)


def in_range(frames: Tensor, most: int) -> Tensor:
    """(n, T) bool: is frame t one of the first `frames` (n,)?"""
    return torch.arange(most)[None] < frames[:, None]
