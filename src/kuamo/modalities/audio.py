"""Sound: one channel of samples, and their rate."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from kuamo.errors import CellError, shorten
from kuamo.modalities.base import read_bytes

__all__ = ["Audio", "Waveform"]

SUFFIXES = {".wav", ".flac", ".ogg", ".mp3", ".aiff", ".aif", ".au", ".opus"}
PREVIEW = (5.0, 16_000)  # seconds and Hz, at most
_EXPECTED = "a sound (WAV, FLAC, OGG, MP3, AIFF)"


class Waveform(NamedTuple):
    """Samples (T,) float32 in [−1, 1], one channel, and their rate in Hz."""

    samples: np.ndarray
    rate: int


@dataclass(frozen=True)
class Audio:
    """A sound; canonical value: `Waveform(samples, rate)`, channels averaged, at the file's own rate.

    Reads a path, bytes, or a pair (samples, rate) with samples (T,) or (T, channels).

    Example:
        >>> Audio().read((np.zeros((8000, 2)), 8000)).samples.shape
        (8000,)
    """

    def accepts(self, raw: Any) -> bool:
        """A sound file's name, bytes that open like a sound, or a pair (samples, rate)."""
        if isinstance(raw, str | Path):
            return Path(raw).suffix.lower() in SUFFIXES
        if isinstance(raw, bytes):
            return raw[:4] in (b"RIFF", b"fLaC", b"OggS", b"FORM", b"ID3\x03", b"ID3\x04") and raw[8:12] != b"WEBP"
        return isinstance(raw, tuple) and len(raw) == 2 and isinstance(raw[0], np.ndarray)

    def content(self, raw: Any) -> Any:
        """The undecoded file, or the samples and their rate."""
        if isinstance(raw, tuple):
            return (np.asarray(raw[0]), np.asarray(raw[1]))
        return read_bytes(raw, _EXPECTED)

    def read(self, raw: Any) -> Waveform:
        """The sound as one channel of float32."""
        samples, rate = raw if isinstance(raw, tuple) and len(raw) == 2 else _decode(raw)
        samples = np.asarray(samples, dtype=np.float32)
        if samples.ndim == 2:
            samples = samples.mean(axis=1)
        if samples.ndim != 1 or len(samples) == 0:
            raise CellError(f"samples of shape {samples.shape}", "at least one sample, (T,) or (T, channels)")
        if not np.isfinite(samples).all():
            raise CellError("samples with NaN or infinity", "finite samples")
        if int(rate) <= 0:
            raise CellError(f"a rate of {rate} Hz", "a positive rate")
        return Waveform(samples, int(rate))

    def write(self, value: Waveform, path: Path) -> None:
        """In the format that the file's name says."""
        import soundfile

        soundfile.write(path, value.samples, value.rate)

    def show(self, value: Waveform) -> str:
        """Its length and rate."""
        return f"sound {len(value.samples) / value.rate:.2f} s, {value.rate} Hz"

    def preview(self, value: Waveform) -> tuple[str, bytes]:
        """Its first 5 s as FLAC, at 16 kHz or its own rate if that is lower."""
        import soundfile
        import soxr

        seconds, rate = PREVIEW
        samples = value.samples[: max(1, int(seconds * value.rate))]
        if value.rate > rate:
            samples = soxr.resample(samples, value.rate, rate)
        out = io.BytesIO()
        soundfile.write(out, np.clip(samples, -1, 1), min(rate, value.rate), format="FLAC", subtype="PCM_16")
        return "audio/flac", out.getvalue()


def _decode(raw: Any) -> tuple[np.ndarray, int]:
    import soundfile

    content = read_bytes(raw, _EXPECTED)
    try:
        return soundfile.read(io.BytesIO(content), dtype="float32", always_2d=True)
    except Exception as error:
        name = shorten(str(raw)) if isinstance(raw, str | Path) else f"{len(content):,} bytes"
        raise CellError(f"{name} ({type(error).__name__}: {error})", _EXPECTED) from None
