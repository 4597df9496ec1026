"""SoundEffects: what makes a sound, as a network that has learned sound-effect libraries hears it.

    E (T, 96) = log10(1 + 10⁴ · mel power) / 9.458, frames of 46 ms every 23 ms at 44.1 kHz, peak at full scale
    h = [max over time of the mean over frequency of layer l], for the layers taken of 1 … 4

A long sound is heard in pieces of about 18 s, and the maxima go over all of them. Batch norm is folded into the
convolutions.
Weights: X-Sequential-CE (CC-BY-4.0, A. B. Ma and A. Lerch), from the package `aisfx`, none of whose code is run.
Source: Representation Learning for the Automatic Indexing of Sound Effects Libraries, Ma and Lerch, ISMIR 2022.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from kuamo.core.contracts import Configured
from kuamo.core.errors import KuamoError
from kuamo.core.modules import single_threaded_torch
from kuamo.data.modalities.audio import Waveform
from kuamo.encoders.base import as_list
from kuamo.encoders.mel import mel_filters, mel_power
from kuamo.encoders.packaged import Packaged, batch_norm_folded, opened_once, packaged_file

__all__ = ["SoundEffects"]

SHA256 = "499ea75909c932a2f94c35fa722fa4fabc5bcb7e84917209cc5f7402627b7eb5"
PACKAGE = "aisfx"
RATE, N_FFT, HOP, MELS = 44100, 2048, 1024, 96
TOP = 9.457798957824707  # the largest log energy of the network's own training data
PIECE, LEAST = 800, 8  # frames heard at once; frames that three halvings need
CHANNELS = (64, 128, 256, 512)
EPSILON = 1e-5


class SoundEffects(Packaged, Configured):
    """Frozen encoder of sounds other than speech, D = 512.

    Args:
        first_layer: layers are taken from this one (1–4) on.

    Raises:
        KuamoError: the package with the weights, or librosa, which makes the mel filters, is not installed.

    Example:
        >>> encoder = SoundEffects()
        >>> tone = Waveform(np.sin(np.arange(8000) / 4).astype(np.float32), 8000)
        >>> encoder([encoder.prepare(tone)]).shape
        (1, 512)
    """

    packages = (PACKAGE, "librosa")
    batch_size = 16
    collate = staticmethod(as_list)

    def __init__(self, *, first_layer: int = 4) -> None:
        if not 1 <= first_layer <= len(CHANNELS):
            raise KuamoError(f"first_layer: given {first_layer}; expected 1 to {len(CHANNELS)}")
        super().__init__()
        self.first_layer = first_layer

    @property
    def fingerprint(self) -> str:
        return f"sound-effects/1/{self.first_layer}/{SHA256[:16]}"

    @property
    def blocks(self) -> tuple[int, ...]:
        return CHANNELS[self.first_layer - 1 :]

    def prepare(self, value: Waveform) -> np.ndarray:
        """Log-mel energies (T, 96) float32, T ≥ 8."""
        samples = value.resampled(RATE)
        samples = samples / (np.abs(samples).max(initial=0) or 1)
        short = max(0, (LEAST - 1) * HOP - len(samples))
        samples = np.pad(samples, (N_FFT // 2, N_FFT // 2 + short)).astype(np.float32)
        window, filters = np.hanning(N_FFT + 1)[:-1], mel_filters(RATE, N_FFT, MELS, htk=True, norm=1)
        return (np.log10(1 + 1e4 * mel_power(samples, filters, window.astype(np.float32), HOP)) / TOP).astype(
            np.float32
        )

    def __call__(self, batch: list[np.ndarray]) -> np.ndarray:
        return np.stack([self._heard(energies) for energies in batch])

    def _heard(self, energies: np.ndarray) -> np.ndarray:
        """(T, 96) → (D,)."""
        import torch

        pieces = np.array_split(energies, max(1, round(len(energies) / PIECE)))
        with torch.inference_mode(), single_threaded_torch():
            heard = [torch.cat(self._layers(torch.from_numpy(piece)[None, None])) for piece in pieces]
            return torch.stack(heard).amax(0).numpy()

    def _layers(self, x: Any) -> list[Any]:
        """(1, 1, T, 96) → (C_l,) of each layer taken."""
        from torch.nn import functional as F

        taken = []
        for number, (first, second) in enumerate(self._network, start=1):
            x = F.relu_(F.conv2d(F.relu_(F.conv2d(x, *first, padding=1)), *second, padding=1))
            if number < len(CHANNELS):
                x = F.max_pool2d(x, 2)
            if number >= self.first_layer:
                taken.append(x.mean(3).amax((0, 2)))
        return taken

    @opened_once
    def _network(self) -> list[tuple[tuple[Any, Any], tuple[Any, Any]]]:
        weights = stored_weights()
        blocks = [f"embedding_net.conv_block{block}." for block in (1, 2, 3, 4)]
        return [(_folded(weights, block, 1), _folded(weights, block, 2)) for block in blocks]


def stored_weights() -> dict[str, Any]:
    """The package's arrays by name, checked; nothing else of what is pickled is built."""
    import torch

    path = packaged_file(PACKAGE, "models/checkpoint.pth", SHA256)
    # Beside the weights, the file counts classes in NumPy's numbers.
    number = (np._core.multiarray.scalar, "numpy.core.multiarray.scalar")  # type: ignore[attr-defined]
    with torch.serialization.safe_globals([number, np.dtype, type(np.dtype(np.int64))]):
        weights, _ = torch.load(path, weights_only=True, map_location="cpu")
    return weights


def _folded(weights: dict[str, Any], block: str, number: int) -> tuple[Any, Any]:
    return batch_norm_folded(weights, f"{block}conv{number}", f"{block}bn{number}", EPSILON)
