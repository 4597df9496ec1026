"""Sound: one channel of samples, and their rate."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from kuamo.core.errors import CellError, shorten
from kuamo.core.messages import Note
from kuamo.core.validation import check_level
from kuamo.data.modalities.base import Modality, as_array, describe_value, read_bytes

__all__ = ["Audio", "Waveform"]

MAX_SAMPLES = 1 << 28  # an hour and a half at 48 kHz; a sound beyond this is taken for a bomb
RATES = (100, 1_000_000)  # outside, a damaged header is likelier than a sound
BLOCK = 1 << 20
SUFFIXES = {".wav", ".flac", ".ogg", ".mp3", ".aiff", ".aif", ".au", ".opus"}
CHANNELS = 32
OVER = 10.0  # times full scale: mixers and decoders go beyond it, and noise has tails; more is another scale
PREVIEW = (5.0, 16_000)  # seconds and Hz, at most
_EXPECTED = "audio (WAV, FLAC, OGG, MP3, AIFF)"
_WHOLE = "the whole audio"


class Waveform(NamedTuple):
    """Samples (T,) float32 in [−1, 1], one channel, and their rate in Hz."""

    samples: np.ndarray
    rate: int

    def resampled(self, rate: int) -> np.ndarray:
        """Its samples at another rate."""
        if rate == self.rate:
            return self.samples
        import soxr

        return soxr.resample(self.samples, self.rate, rate)


@dataclass(frozen=True)
class Audio(Modality):
    """A sound; canonical value: `Waveform(samples, rate)`, channels averaged, at the file's own rate.

    Reads a path, bytes, or a pair (samples, rate), also as {"array", "sampling_rate"}, with samples (T,),
    (T, channels) or (channels, T): the longer side is time. Whole numbers (int16, …) are scaled by what their type can
    hold; floats are in [−1, 1], and what is somewhat louder is made as loud as that. What neither type nor size show,
    such as samples of 16 bits in a type of 32, is refused unless `peak` says it. Channels in opposite phase, of which
    the mean is silence, count by the first of them.

    Args:
        peak: full scale of samples that come as numbers whose type does not show it, such as 32768.

    Example:
        >>> Audio().read((np.zeros((2, 8000)), 8000)).samples.shape
        (8000,)
        >>> Audio(peak=2048).read((np.array([1024.0, -2048.0]), 8000)).samples.tolist()
        [0.5, -1.0]
    """

    peak: float | None = None
    parallel = True

    def __post_init__(self) -> None:
        check_level(peak=self.peak)

    def accepts(self, raw: Any) -> bool:
        """A sound file's name, bytes that open like a sound, or a pair (samples, rate)."""
        if isinstance(raw, str | Path):
            return Path(raw).suffix.lower() in SUFFIXES
        if isinstance(raw, bytes):
            return _looks_like_sound(raw)
        return isinstance(pair := _pair(raw), tuple) and (isinstance(pair[0], np.ndarray) or hasattr(pair[0], "detach"))

    def content(self, raw: Any) -> Any:
        """The undecoded file, or the samples and their rate."""
        if isinstance(pair := _pair(raw), tuple):
            return (np.asarray(as_array(pair[0])), np.asarray(pair[1]))
        return read_bytes(raw, _EXPECTED)

    def read(self, raw: Any) -> Waveform:
        """The sound as one channel of float32."""
        pair = _pair(raw)
        given = pair if isinstance(pair, tuple) else _decode(raw)
        try:
            samples, rate = np.asarray(as_array(given[0])), int(given[1])
            if samples.dtype.kind not in "iuf" or rate != given[1]:
                raise TypeError
        except (TypeError, ValueError, OverflowError):
            raise CellError(
                f"({type(given[0]).__name__}, {shorten(given[1])})", "a pair (samples, rate) of numbers"
            ) from None
        samples = _one_channel(_as_float(samples, self.peak if isinstance(pair, tuple) else None))
        if not RATES[0] <= rate <= RATES[1]:
            raise CellError(Note("cell_rate", rate=rate), f"a rate from {RATES[0]:,} to {RATES[1]:,} Hz")
        return Waveform(samples, rate)

    def write(self, value: Waveform, path: Path) -> None:
        import soundfile

        value = self.read(value)
        soundfile.write(path, value.samples, value.rate)

    def show(self, value: Waveform) -> str:
        """Its length and rate."""
        return f"sound {len(value.samples) / value.rate:.2f} s, {value.rate} Hz"

    def preview(self, value: Waveform) -> tuple[str, bytes]:
        """Its first 5 s as FLAC, at 16 kHz or its own rate if that is lower."""
        import soundfile

        seconds, rate = PREVIEW[0], min(PREVIEW[1], value.rate)
        samples = Waveform(value.samples[: max(1, int(seconds * value.rate))], value.rate).resampled(rate)
        out = io.BytesIO()
        soundfile.write(out, np.clip(samples, -1, 1), rate, format="FLAC", subtype="PCM_16")
        return "audio/flac", out.getvalue()


def _looks_like_sound(raw: bytes) -> bool:
    if raw[:4] in (b"fLaC", b"OggS", b".snd") or raw[:3] == b"ID3" or (raw[:4] == b"FORM" and raw[8:11] == b"AIF"):
        return True
    bare_mp3 = len(raw) > 2 and raw[0] == 0xFF and raw[1] & 0xE0 == 0xE0 and raw[1] & 0x06 != 0
    return (raw[:4] == b"RIFF" and raw[8:12] == b"WAVE") or bare_mp3


def _pair(raw: Any) -> Any:
    """Samples and their rate as a tuple; anything else as it is."""
    if isinstance(raw, dict) and {"array", "sampling_rate"} <= set(raw):
        return raw["array"], raw["sampling_rate"]
    return tuple(raw) if isinstance(raw, tuple) and len(raw) == 2 else None


def _as_float(samples: np.ndarray, peak: float | None) -> np.ndarray:
    """float32 in [−1, 1]: of whole numbers by what their type can hold, of others by the peak that is stated."""
    kind = samples.dtype
    if not np.isfinite(samples).all():
        raise CellError(Note("cell_odd_samples"), "finite samples")
    largest = max(-float(samples.min()), float(samples.max())) if samples.size else 0.0
    if (
        peak is None
        and largest
        and (kind.itemsize == 8 or (kind.itemsize == 4 and largest < 1 << 15))
        and kind.kind != "f"
    ):
        raise CellError(
            Note("cell_loud", kind=str(kind), peak=f"{largest:g}"), "int16, or Audio(peak=...) for full scale"
        )
    if peak is None and kind.kind == "u":
        middle = float(np.iinfo(kind).max // 2 + 1)
        return (samples.astype(np.float32) - np.float32(middle)) / np.float32(middle)
    full = peak if peak is not None else -float(np.iinfo(kind).min) if kind.kind == "i" else 1.0
    if largest > OVER * full:
        raise CellError(
            Note("cell_loud", kind=str(kind), peak=f"{largest:g}"),
            f"samples within ±{full:g}, or Audio(peak=...) for full scale",
        )
    return samples.astype(np.float32) / np.float32(max(full, largest))


def _one_channel(samples: np.ndarray) -> np.ndarray:
    """(T,) of samples (T,), (T, channels) or (channels, T)."""
    few, many = (min(samples.shape), max(samples.shape)) if samples.ndim == 2 else (1, samples.size)
    if not samples.size:
        raise CellError(Note("cell_samples", shape="(0,)"), "at least one sample")
    if samples.ndim not in (1, 2) or few > CHANNELS or (few == many and many > 1):
        raise CellError(
            Note("cell_samples", shape=str(samples.shape)),
            f"(T,), (T, channels) or (channels, T), of at most {CHANNELS} channels",
        )
    if samples.ndim == 1:
        return samples
    axis = int(samples.shape[1] <= samples.shape[0])
    mean, first = samples.mean(axis=axis), np.take(samples, 0, axis)
    return first if np.square(mean).sum() < 1e-4 * np.square(samples).mean(axis=axis).sum() else mean


def _check_whole(content: bytes, name: str) -> None:
    """Refuse a WAV or AIFF file that is shorter than its head says: libsndfile reads what is left, and says nothing."""
    if content[:4] not in (b"RIFF", b"FORM") or len(content) < 8:
        return
    size = 8 + int.from_bytes(content[4:8], "little" if content[:4] == b"RIFF" else "big")
    if len(content) + 8 < size < 0x7FFF0000:  # programs that write to a pipe put the largest number there
        raise CellError(Note("cell_cut_bytes", name=name, count=len(content), given=size), _WHOLE)


def _decode(raw: Any) -> tuple[np.ndarray, int]:
    """Every sample of a file, read in blocks: a damaged header may promise more than memory holds."""
    import soundfile

    content = read_bytes(raw, _EXPECTED)
    name = describe_value(raw)
    _check_whole(content, name)
    try:
        with soundfile.SoundFile(io.BytesIO(content)) as file:
            blocks, count = [np.empty((0, file.channels), np.float32)], 0
            while len(block := file.read(BLOCK, dtype="float32", always_2d=True)):
                blocks.append(block)
                count += block.size
                if count > MAX_SAMPLES:
                    raise CellError(Note("cell_many_samples", name=name, count=MAX_SAMPLES), "shorter audio")
            if count < file.frames * file.channels and content[:4] == b"fLaC":
                raise CellError(
                    Note("cell_cut_samples", name=name, count=count // file.channels, given=file.frames), _WHOLE
                )
            return np.concatenate(blocks), file.samplerate
    except CellError:
        raise
    except Exception as error:  # libsndfile's own words, without the file object
        raise CellError(
            Note("cell_not_read", name=name, error=str(getattr(error, "error_string", error))), _EXPECTED
        ) from None
