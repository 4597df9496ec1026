"""Sounds by principal components of their log-mel spectrum, and back by mel inversion and Griffin-Lim.

    samples ── trim ── |STFT|² ── mel ── log ── stretch to T moments ──→ e (mels · T) ── PCA ──→ y, and log duration
    y ──→ e ── unstretch ── exp ──→ mel power M ── P ≥ 0: F P ≈ M ──→ √P ── fast Griffin-Lim ──→ samples

Every sound is stretched to as many moments, so that beginnings, middles and ends meet; how long it was is one number
more of y. Loudness is not kept: each sound has unit power.

A word is short, and components of the whole know what words are like. A sound of seconds has no such plan: components
of the whole would know those that they were learned from, and no other. Its T moments are cut into pieces of a quarter
of a second, which all have the same components: a few hundred sounds are thousands of pieces.

References:
    Signal Estimation from Modified Short-Time Fourier Transform, Griffin and Lim, 1984; A Fast Griffin-Lim Algorithm,
    Perraudin, Balazs and Søndergaard, 2013 (by librosa).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from kuamo.core.contracts import Stored
from kuamo.core.errors import KuamoError
from kuamo.core.extras import way_to
from kuamo.data.modalities.audio import Waveform
from kuamo.data.table import Table
from kuamo.encoders.mel import inverted, mel_filters, resized, trimmed, window_power
from kuamo.generation.codecs.base import (
    Codec,
    ColumnMatrix,
    check_count,
    checked_components,
    leading_components,
    sample_cells,
)

__all__ = ["AudioPCA"]

FLOOR = 1e-4  # of mel power, at unit strength
FASTEST = 16_000  # Hz that the default keeps
LONG, PIECE = 160, 32  # moments of sounds that are cut into pieces, and of a piece
MOST_MOMENTS = 2048
ROUNDS, MOMENTUM = 32, 0.99  # of Griffin-Lim


@dataclass(frozen=True, eq=False)
class AudioPCA(Codec, Stored):
    """Sounds ↔ the leading principal components of their log-mel spectra, and their duration.

    Args:
        mean: (D,) of a piece, D = mels · moments / pieces. axes: (D, K), L = pieces · K + 1. scale: (K,), g s^w as of
            pictures.
        length: mean and standard deviation of the logarithm of the number of frames.
        rate: Hz. mels, n_fft, hop: of the spectrogram. moments: T. trim: dB below the loudest that are cut off.
        kept: the share of the variance that the components hold. pieces: of a sound; 1 for all of it at once.

    Example:
        >>> import kuamo as km
        >>> rng = np.random.default_rng(0)
        >>> sounds = [(rng.normal(size=4000 + 100 * i), 8000) for i in range(12)]
        >>> table = km.Table({"audio": sounds}, modalities={"audio": km.Audio()})
        >>> codec = AudioPCA.of(table, "audio", components=6)
        >>> y = codec.encode(table.values("audio"))
        >>> y.shape, codec.decode(y[:1])[0].rate
        ((12, 7), 8000)
    """

    guidance: ClassVar[float] = 2.0  # what a flow makes looks clearer by it
    mean: np.ndarray
    axes: np.ndarray
    scale: np.ndarray
    length: np.ndarray
    rate: int
    mels: int
    n_fft: int
    hop: int
    moments: int
    trim: float = 40.0
    kept: float = 1.0
    pieces: int = 1

    @classmethod
    def of(
        cls,
        table: Table,
        name: str,
        *,
        components: int | None = None,
        rate: int | None = None,
        mels: int = 64,
        moments: int | None = None,
        pieces: int | None = None,
        trim: float = 40.0,
        whiten: float = 0.5,
        seed: int = 0,
    ) -> AudioPCA:
        """The codec of a column's sounds, streamed.

        Args:
            table, name: whose. components: K; as many as hold 95 % of the variance (98 % of pieces'), at most 128, if
                not given.
            rate: Hz; the sounds' own, at most 16,000, if not given. mels: bands, of windows of 64 ms every 8 ms.
            moments: T; as many as the usual sound has frames, at most 2,048, if not given; a multiple of the pieces.
            pieces: 1 up to 160 moments, one for every 32 beyond, if not given. trim, whiten: see the class.

        Raises:
            TableError: a column of fewer than two sounds. KuamoError: librosa is not installed.
        """
        check_count(components)
        some, count = sample_cells(table, name), len(table.column(name).row)
        rate = rate or int(min(np.median([value.rate for value in some]), FASTEST))
        # a codec without components knows how to make spectra
        none, hop = np.zeros(0, np.float32), max(1, round(0.008 * rate))
        n_fft = 2 ** int(np.ceil(np.log2(0.064 * rate)))
        unknown, plain = (none, none, none, np.array([0.0, 1.0])), (rate, mels, n_fft, hop)
        draft = cls(*unknown, *plain, 0, trim)
        frames = [draft.spectrum(value).shape[1] for value in some]
        moments = moments or int(np.clip(np.median(frames), 8, MOST_MOMENTS))
        pieces = pieces or (1 if moments <= LONG else round(moments / PIECE))
        moments = pieces * max(1, round(moments / pieces))
        draft = cls(*unknown, *plain, moments, trim, pieces=pieces)
        most = min(components or 128, pieces * count - 1, mels * moments // pieces)
        share = None if components else 0.95 if pieces == 1 else 0.98
        found = leading_components(SplitBlocks(ColumnMatrix(table, name, draft.energies), pieces), most, share, seed)
        length = np.array([np.mean(np.log(frames)), max(float(np.std(np.log(frames))), 1e-3)], dtype=np.float32)
        scale = found.scale(whiten).astype(np.float32)
        return cls(found.mean, found.axes, scale, length, *plain, moments, trim, found.kept, pieces)

    @property
    def out(self) -> int:
        return self.pieces * self.axes.shape[1] + 1

    @property
    def filters(self) -> np.ndarray:
        """F (mels, n_fft/2 + 1)."""
        return mel_filters(self.rate, self.n_fft, self.mels)

    def spectrum(self, value: Waveform) -> np.ndarray:
        """Log-mel power (mels, frames) of a sound at unit strength, without what is soft at both ends."""
        from scipy.signal import get_window

        samples = np.asarray(Waveform(np.asarray(value.samples, np.float32), value.rate).resampled(self.rate))
        samples = trimmed(samples, self.hop, self.trim)
        samples = np.pad(samples / np.sqrt(np.mean(samples**2) + 1e-10), self.n_fft // 2)
        window = get_window("hann", self.n_fft).astype(np.float32)
        power = [self.filters @ part.T for part in window_power(samples, window, self.hop)]
        return np.log(np.concatenate(power, axis=1) + FLOOR).astype(np.float32)

    def energies(self, value: Waveform) -> np.ndarray:
        """(mels · moments,), piece after piece."""
        return self._in_pieces(self.spectrum(value)).reshape(-1)

    def _in_pieces(self, energy: np.ndarray) -> np.ndarray:
        """(pieces, D)."""
        parts = resized(energy, self.moments).reshape(self.mels, self.pieces, -1)
        return parts.swapaxes(0, 1).reshape(self.pieces, -1)

    def encode(self, values: Iterable[Waveform]) -> np.ndarray:
        rows = []
        for value in values:
            energy = self.spectrum(value)
            y = (self._in_pieces(energy) - self.mean) @ self.axes / self.scale
            rows.append(np.append(y, (np.log(energy.shape[1]) - self.length[0]) / self.length[1]))
        return np.stack(rows).astype(np.float32) if rows else np.zeros((0, self.out), np.float32)

    def decode(self, y: np.ndarray) -> list[Waveform]:
        """Sounds at `rate`, their peaks at .9."""
        return [self._sound(energy) for energy in self.spectra(checked_components(y, self.out))]

    def spectra(self, y: np.ndarray) -> list[np.ndarray]:
        """Log-mel power (mels, frames) of y (n, L), each as long as it says, within three standard deviations."""
        found = []
        for one in y:
            parts = self.mean + (one[:-1].reshape(self.pieces, -1) * self.scale) @ self.axes.T
            energy = parts.reshape(self.pieces, self.mels, -1).swapaxes(0, 1).reshape(self.mels, self.moments)
            frames = np.exp(self.length[0] + float(np.clip(one[-1], -3, 3)) * self.length[1])
            found.append(resized(energy, max(1, round(float(frames)))))
        return found

    def round_trip(self, values: Sequence[Waveform]) -> dict[str, float]:
        """The share of the variance of the sounds' log-mel spectra that comes back, and the error in dB."""
        before = np.stack([self.energies(value) for value in values])
        y = self.encode(values)[:, :-1].reshape(len(values), self.pieces, -1)
        after = (self.mean + (y * self.scale) @ self.axes.T).reshape(before.shape)
        error, spread = np.square(before - after).mean(), np.square(before - before.mean(0)).mean()
        decibels = float(np.sqrt(error) * 10 / np.log(10))
        return {"explained": float(1 - error / spread) if spread > 0 else 1.0, "spectral_error_dB": decibels}

    def _sound(self, energy: np.ndarray) -> Waveform:
        """Mel power → power of each frequency → samples that have such a spectrum."""
        try:
            from librosa import griffinlim
        except ImportError:
            raise KuamoError(f"generating audio needs librosa; expected {way_to('audio')}") from None
        power = inverted(self.filters, np.maximum(np.exp(energy) - FLOOR, 0.0))
        samples = griffinlim(
            np.sqrt(power), n_iter=ROUNDS, hop_length=self.hop, n_fft=self.n_fft, momentum=MOMENTUM, random_state=0
        )
        return Waveform((0.9 * samples / max(float(np.abs(samples).max()), 1e-8)).astype(np.float32), self.rate)


class SplitBlocks:
    """Blocks of sounds (b, pieces · D) as blocks of their pieces (b · pieces, D).

    Example:
        >>> [block.shape for block in SplitBlocks([np.zeros((3, 8))], 2)]
        [(6, 4)]
    """

    def __init__(self, blocks: Iterable[np.ndarray], pieces: int) -> None:
        self.blocks, self.pieces = blocks, pieces

    def __iter__(self) -> Iterator[np.ndarray]:
        for block in self.blocks:
            yield block.reshape(len(block) * self.pieces, -1)
