"""Which encoder a column gets when its user names none, and why."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from kuamo.core.errors import TableError
from kuamo.core.extras import way_to
from kuamo.core.messages import Note
from kuamo.data.modalities import Audio, Category, Image, Modality, Number, Text, Vector
from kuamo.encoders.audio_default import DefaultAudioEncoder
from kuamo.encoders.base import Identity
from kuamo.encoders.e5 import MultilingualE5
from kuamo.encoders.efficientnet import EfficientNetLite0
from kuamo.encoders.mel_statistics import SpectralFeatures
from kuamo.encoders.minilm import MiniLM
from kuamo.encoders.one_hot import OneHot
from kuamo.encoders.packaged import how_to_get
from kuamo.encoders.standardize import Scalar, Standardize

__all__ = ["EncoderChoice", "default_encoder"]

FOREIGN = 0.02


class EncoderChoice(NamedTuple):
    """An encoder, and why it was taken."""

    encoder: Any
    why: Note


def default_encoder(column: str, modality: Modality, sample: Iterable[Any] = ()) -> EncoderChoice:
    """The best frozen encoder that is installed for this kind of data.

    Texts are looked at: where more than two letters in a hundred are not of a–z, they are taken for another language
    than English.

    Args:
        column: its name, for errors. modality: its kind. sample: some of its values; of a category, one of each; of
            vectors and numbers all of them, in blocks (n, D), to be standardised by; without any they stay as they are.

    Raises:
        TableError: there is none; the message says how to give one.

    Example:
        >>> from kuamo.data.modalities import Text
        >>> type(default_encoder("name", Text(), ["一只猫", "两只狗"]).encoder).__name__
        'MultilingualE5'
        >>> default_encoder("name", Text(), ["a cat", "two dogs"]).why
        'only the letters a–z, so the texts are assumed to be English'
    """
    hint = ""
    if isinstance(modality, Vector):
        blocks = list(sample)
        return EncoderChoice(Standardize.of(blocks) if blocks else Identity(), Note("vectors"))
    if isinstance(modality, Category):
        classes = OneHot(modality.classes) if modality.classes is not None else OneHot.of(sample)
        return EncoderChoice(classes, Note("classes", count=len(classes.names)))
    if isinstance(modality, Number):
        blocks = list(sample)
        return EncoderChoice(Scalar.of(blocks) if blocks else Scalar(), Note("numbers"))
    if isinstance(modality, Text):
        hint = f" (or {way_to('packaged')}, for English; {way_to('multilingual')}, for other languages)"
        pick = text_encoder(foreign_share(sample))
        if pick:
            return pick
    if isinstance(modality, Image):
        hint = f" (or {way_to('packaged')})"
        if EfficientNetLite0.installed():
            return EncoderChoice(EfficientNetLite0(), Note("imagenet"))
    if isinstance(modality, Audio):
        hint = f" (or {how_to_get('SpectralFeatures')})"
        if DefaultAudioEncoder.installed():
            return EncoderChoice(DefaultAudioEncoder(), Note("two_of_sound"))
        if SpectralFeatures.installed():
            return EncoderChoice(SpectralFeatures(), Note("spectra_alone", how=how_to_get("SoundEffects")))
    raise TableError(
        f"column {column!r}: no encoder is at hand for {type(modality).__name__}; "
        f"expected encoders={{{column!r}: your module or callable}}{hint}"
    )


def text_encoder(foreign: float) -> EncoderChoice | None:
    """MiniLM for English, multilingual E5 for the rest; the other one where only that is installed."""
    english, many = MiniLM.installed(), MultilingualE5.installed()
    if foreign > FOREIGN:
        if many:
            return EncoderChoice(MultilingualE5(), Note("foreign", share=100 * foreign))
        how = how_to_get("MultilingualE5")
        return EncoderChoice(MiniLM(), Note("foreign_alone", share=100 * foreign, how=how)) if english else None
    if english:
        return EncoderChoice(MiniLM(), Note("english"))
    return EncoderChoice(MultilingualE5(), Note("no_minilm")) if many else None


def foreign_share(texts: Iterable[str]) -> float:
    """The share of letters that are not a–z.

    Example:
        >>> foreign_share(["ab, 猫狗!"])
        0.5
    """
    letters = [letter for text in texts for letter in text[:1000] if letter.isalpha()]
    return sum(not letter.isascii() for letter in letters) / max(len(letters), 1)
