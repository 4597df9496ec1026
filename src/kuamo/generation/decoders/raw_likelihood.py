"""Likelihood decoders of raw columns: what they should give is made of the encoder's own batch.

    Pixels    Bernoulli pixels of a `ImageCNN`'s pictures
    Words     categorical over the distinct texts of a column, as a `TokenMean` reads them
    Spectra   Gaussian on the leading principal components of a `AudioCNN`'s log-mel spectra, in closed form

Each has `target(batch)`, y (n, L), and a way back from y: `pictures(y)`, `words(y)`, `energies(y)`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from kuamo.core.errors import KuamoError
from kuamo.generation.decoders.likelihood import Likelihood

__all__ = ["PixelLikelihood", "SpectrumLikelihood", "TextLikelihood", "raw_decoder"]

MOST_TEXTS = 2000
SOUNDS = 2000  # of which the principal components are found
WIDE: Mapping[str, Any] = {"hidden": 256, "layers": 2}


class PixelLikelihood(Likelihood):
    """Pixels in [0, 1] of a batch of pictures (n, 3, size, size) uint8, Bernoulli by default.

    Args:
        dim: d of the code. size: of the pictures. colour: three numbers for a pixel, or their mean?
        family, hidden, layers, learned_scale, private: see `Likelihood`.

    Example:
        >>> decoder = PixelLikelihood(4, 8)
        >>> decoder.target(torch.full((2, 3, 8, 8), 255, dtype=torch.uint8)).shape
        torch.Size([2, 64])
    """

    FIXED = frozenset({"out"})

    def __init__(self, dim: int, size: int, *, colour: bool = False, family: str = "bernoulli", **options: Any) -> None:
        super().__init__(dim, size * size * (3 if colour else 1), family=family, **{**WIDE, **options})
        self.size, self.colour = size, colour

    def target(self, batch: Tensor) -> Tensor:
        """(n, L) in [0, 1]."""
        pixels = batch.float() / 255
        return (pixels if self.colour else pixels.mean(1)).flatten(1)

    def pictures(self, y: Any) -> np.ndarray:
        """(n, size, size, 3) uint8 of y (n, L)."""
        shape = (-1, 3 if self.colour else 1, self.size, self.size)
        pixels = np.asarray(y, dtype=np.float32).reshape(shape).clip(0, 1) * 255
        return np.broadcast_to(pixels.round().astype(np.uint8), (len(pixels), 3, *shape[2:])).transpose(0, 2, 3, 1)


class TextLikelihood(Likelihood):
    """Which of the distinct texts of a column it is: categorical.

    Args:
        dim: d of the code. texts: K distinct ones. tokens: their token numbers, as the encoder gives them.
        hidden, layers, private: see `Likelihood`.

    Example:
        >>> from kuamo.encoders.token_mean import TokenMean, train_tokenizer
        >>> encoder = TokenMean(train_tokenizer(["a cat", "a dog"]), dim=8)
        >>> decoder = TextLikelihood.of(4, ["a dog", "a cat", "a dog"], encoder)
        >>> y = decoder.target(encoder.collate([encoder.prepare("a dog")]))
        >>> y, decoder.words(y)
        (tensor([[0., 1.]]), ['a dog'])
    """

    FIXED = frozenset({"out", "family"})

    def __init__(self, dim: int, texts: Sequence[str], tokens: Sequence[Sequence[int]], **options: Any) -> None:
        super().__init__(dim, len(texts), **{**WIDE, **options, "family": "categorical"})
        self.texts, self.tokens = list(texts), [list(map(int, each)) for each in tokens]
        self._number = {tuple(each): number for number, each in enumerate(self.tokens)}
        if len(self._number) < len(self.texts):
            raise KuamoError(
                f"given {len(self.texts)} texts of only {len(self._number)} token sequences; expected as many"
            )

    @classmethod
    def of(cls, dim: int, texts: Sequence[str], encoder: Any, **options: Any) -> TextLikelihood:
        """The decoder of these texts; of several that the encoder reads alike, the first in the alphabet stands."""
        known: dict[tuple[int, ...], str] = {}
        for text in sorted(set(texts)):
            known.setdefault(tuple(encoder.prepare(text).tolist()), text)
        return cls(dim, list(known.values()), list(known), **options)

    def target(self, batch: tuple[Tensor, Tensor]) -> Tensor:
        """One-hot (n, K)."""
        ids, starts = (part.tolist() for part in batch)
        number = []
        for start, end in zip(starts, [*starts[1:], len(ids)], strict=True):
            key = tuple(ids[start:end])
            if key not in self._number:
                raise KuamoError(f"given a text of tokens {list(key)[:10]}, none of the {self.out} that are decoded")
            number.append(self._number[key])
        return torch.nn.functional.one_hot(torch.tensor(number, dtype=torch.int64), self.out).float()

    def words(self, y: Any) -> list[str]:
        """The likeliest text of each y (n, K)."""
        return [self.texts[number] for number in np.asarray(y).argmax(-1)]


class SpectrumLikelihood(Likelihood):
    """Leading principal components of log-mel spectra, each sound stretched to as many moments; Gaussian by default.

    y = (e − ē) V / s,   e (mels · moments) of zero mean and unit variance over the sound;   s: y has mean square 1

    Args:
        dim: d of the code. mels, moments: of a spectrum. out: L, how many components.
        family, hidden, layers, learned_scale, private: see `Likelihood`.

    Example:
        >>> power = torch.rand(20, 8, 30, generator=torch.Generator().manual_seed(0))
        >>> decoder = SpectrumLikelihood.of(4, (power, torch.full((20,), 30)), out=5, moments=16)
        >>> y = decoder.target((power, torch.full((20,), 30)))
        >>> y.shape, decoder.energies(y).shape
        (torch.Size([20, 5]), (20, 8, 16))
    """

    def __init__(self, dim: int, mels: int, moments: int, out: int, **options: Any) -> None:
        super().__init__(dim, out, **{**WIDE, **options})
        self.mels, self.moments = mels, moments
        self.centre: Tensor
        self.axes: Tensor
        self.register_buffer("centre", torch.zeros(mels * moments))
        self.register_buffer("axes", torch.zeros(mels * moments, out))

    @classmethod
    def of(
        cls, dim: int, batch: tuple[Tensor, Tensor], *, out: int = 64, moments: int = 48, **options: Any
    ) -> SpectrumLikelihood:
        """The decoder with the components of a batch of power (n, mels, T) and numbers of frames (n,)."""
        power, _ = batch
        if len(power) < 2:
            raise KuamoError(f"given {len(power)} audio clips; expected at least two, for principal components")
        out = min(out, len(power) - 1, power.shape[1] * moments)
        decoder = cls(dim, power.shape[1], moments, out, **options)
        e = decoder.standard(batch)
        decoder.centre.copy_(e.mean(0))
        axes, variance = principal_components(e - decoder.centre, out)
        decoder.axes.copy_(axes / (float(variance.mean().sqrt()) or 1.0))
        return decoder

    def standard(self, batch: tuple[Tensor, Tensor]) -> Tensor:
        """(n, mels · moments) of zero mean and unit variance over each sound."""
        from kuamo.encoders.audio_cnn import resampled_frames, standard_spectra

        power, frames = batch
        energy = resampled_frames(torch.log(power + 1e-4), frames, self.moments)
        return standard_spectra(energy, torch.full_like(frames, self.moments))[0].flatten(1)

    def target(self, batch: tuple[Tensor, Tensor]) -> Tensor:
        """(n, L)."""
        return (self.standard(batch) - self.centre) @ self.axes

    def energies(self, y: Any) -> np.ndarray:
        """Log-mel energies (n, mels, moments) of y (n, L), standardised."""
        back = self.axes / self.axes.square().sum(0).clamp(min=1e-12)
        e = torch.as_tensor(np.asarray(y, dtype=np.float32)) @ back.T + self.centre
        return e.reshape(-1, self.mels, self.moments).numpy()


def principal_components(x: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """The leading axes (D, count) of centred x (n, D), and the variances (count,) along them.

    Example:
        >>> axes, variance = principal_components(torch.tensor([[2.0, 0.0], [-2.0, 0.0], [0.0, 1.0], [0.0, -1.0]]), 1)
        >>> axes.abs()[:, 0].round(), variance
        (tensor([1., 0.]), tensor([2.]))
    """
    wide = len(x) < x.shape[1]
    values, vectors = torch.linalg.eigh((x @ x.T if wide else x.T @ x).double())
    values, vectors = values.flip(0)[:count].clamp(min=0).float(), vectors.flip(1)[:, :count].float()
    axes = x.T @ vectors / values.sqrt().clamp(min=1e-12) if wide else vectors
    return axes, values / len(x)


def raw_decoder(dim: int, encoder: Any, values: Sequence[Any], private: int = 0) -> Likelihood | None:
    """The likelihood decoder that suits a trained encoder, or `None` if none is known to.

    Args:
        dim: d of the code. encoder: whose batches it will see. values: of the column, as the modality reads them.

    Example:
        >>> from kuamo.encoders.image_cnn import ImageCNN
        >>> raw_decoder(4, ImageCNN(size=8), [np.zeros((8, 8, 3), np.uint8)]).out
        64
    """
    from kuamo.encoders.audio_cnn import AudioCNN
    from kuamo.encoders.image_cnn import ImageCNN
    from kuamo.encoders.token_mean import TokenMean

    if isinstance(encoder, ImageCNN):
        colour = any((np.ptp(np.asarray(value, dtype=np.int16), axis=-1) > 0).any() for value in values[:200])
        return PixelLikelihood(dim, encoder.size, colour=colour, private=private)
    if isinstance(encoder, TokenMean) and len(set(values)) <= MOST_TEXTS:
        return TextLikelihood.of(dim, values, encoder, private=private)
    if isinstance(encoder, AudioCNN):
        batch = encoder.collate([encoder.prepare(value) for value in values[:SOUNDS]])
        return SpectrumLikelihood.of(dim, batch, private=private)
    return None
