"""Sounds made a little different each time that a net hears them, so that it knows a voice that it never heard.

    E'(f, t) = E(f·a, b + t·v) + tilt(f) + noise,     then some bands and some moments are silent

on log-mel energies E: another length of the vocal tract and another pitch (a), faster or slower speech (v), cut or
padded at its ends (b), another microphone and room (tilt), noise. Loudness is not here: the encoder takes it out.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import torch
from torch import Tensor

from kuamo.core.errors import KuamoError

__all__ = ["SpectrogramAugment"]


@dataclass(frozen=True)
class SpectrogramAugment:
    """How far sounds are moved; all draws are of torch's generator, so a seeded fit repeats.

    Args:
        warp: frequencies are multiplied by exp(u), u uniform in ±warp. speed: the same of time.
        shift: each end is cut or padded by up to this share of the length.
        tilt: standard deviation, in nats, of each of four smooth curves over the bands.
        noise: white noise is at most this share of the sound's own strength (root mean square), evenly in its logarithm
            down to a hundredth of that.
        mask: bands, and moments, that are silenced: two runs of each, each up to this share of all.

    References:
        Vocal Tract Length Perturbation Improves Speech Recognition, Jaitly and Hinton, 2013; Audio Augmentation for
        Speech Recognition, Ko et al., 2015; SpecAugment, Park et al., 2019.

    Example:
        >>> energy, frames = torch.zeros(2, 40, 30), torch.tensor([30, 20])
        >>> SpectrogramAugment().energies(energy, frames, torch.linspace(0, 4000, 40))[0].shape[:2]
        torch.Size([2, 40])
    """

    warp: float = 0.15
    speed: float = 0.2
    shift: float = 0.1
    tilt: float = 0.3
    noise: float = 0.3
    mask: float = 0.15

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            share = field.name in ("shift", "mask")
            if not 0 <= value < (0.5 if share else float("inf")):
                raise KuamoError(f"{field.name}: given {value}; expected at least 0{' and below .5' if share else ''}")

    def power(self, power: Tensor, white: Tensor) -> Tensor:
        """Noise on mel power (n, mels, T) of sounds of unit strength: in each band and moment a draw of its own.

        Args:
            white: (mels,), the mean power of white noise of unit strength in each band.
        """
        if not self.noise:
            return power
        level = self.noise * torch.exp(-4.6 * torch.rand(len(power), 1, 1))
        return power + level.square() * white[:, None] * torch.empty_like(power).exponential_()

    def energies(self, energy: Tensor, frames: Tensor, hertz: Tensor) -> tuple[Tensor, Tensor]:
        """Moved log-mel energies and how long each sound now is.

        Args:
            energy: (n, mels, T). frames: (n,), those that are of the sound. hertz: (mels,) centre of each band.
        """
        n, mels, most = energy.shape
        bands = place_in(hertz, hertz * torch.exp(self.warp * uniform(n, 1)))
        begin, end = (frames * self.shift * uniform(n) for _ in range(2))
        speed = torch.exp(self.speed * uniform(n))
        now = ((frames - begin + end) / speed).round().long().clamp(min=1)
        moments = begin[:, None] + torch.arange(int(now.max())) * speed[:, None]
        last = (frames - 1)[:, None].float()
        inside = (moments >= 0) & (moments <= last)
        out = (
            interpolation_weights(bands, mels)
            @ energy
            @ interpolation_weights(moments.clamp(min=0).minimum(last), most).mT
        )
        quiet = energy.masked_fill(torch.arange(most) >= frames[:, None, None], torch.inf).amin((1, 2))
        out = torch.where(inside[:, None], out, quiet[:, None, None])
        return out + self.curve(n, mels)[:, :, None], now

    def curve(self, n: int, mels: int) -> Tensor:
        """Smooth random gains (n, mels), in nats."""
        angle = torch.pi * (torch.arange(mels) + 0.5) / mels * torch.arange(1, 5)[:, None]
        return self.tilt * torch.randn(n, 4) @ torch.cos(angle)

    def kept(self, mels: int, frames: Tensor, most: int) -> Tensor:
        """(n, mels, T) bool: what is not silenced."""
        n = len(frames)
        keep = torch.ones(n, mels, most, dtype=torch.bool)
        for _ in range(2):
            keep &= ~masked_runs(n, torch.full((n,), mels), self.mask, mels)[:, :, None]
            keep &= ~masked_runs(n, frames, self.mask, most)[:, None]
        return keep


def uniform(*size: int) -> Tensor:
    """Uniform in [−1, 1)."""
    return 2 * torch.rand(*size) - 1


def masked_runs(n: int, length: Tensor, share: float, most: int) -> Tensor:
    """(n, most) bool: one run of neighbours of random place, up to a share of each length long."""
    size = share * length * torch.rand(n)
    first = (length - size) * torch.rand(n)
    at = torch.arange(most) + 0.5
    return (at >= first[:, None]) & (at < (first + size)[:, None])


def place_in(grid: Tensor, values: Tensor) -> Tensor:
    """Where values (n, m) stand between the numbers of an ascending grid (m,), as fractional places.

    Example:
        >>> place_in(torch.tensor([0.0, 10.0, 30.0]), torch.tensor([[5.0, 20.0, 99.0]]))
        tensor([[0.5000, 1.5000, 2.0000]])
    """
    right = torch.searchsorted(grid, values.contiguous()).clamp(1, len(grid) - 1)
    low, high = grid[right - 1], grid[right]
    return (right - 1 + (values - low) / (high - low)).clamp(0, len(grid) - 1)


def interpolation_weights(place: Tensor, size: int) -> Tensor:
    """Weights (n, m, size) of linear interpolation at fractional places (n, m)."""
    return (1 - (place[..., None] - torch.arange(size)).abs()).clamp(min=0)
