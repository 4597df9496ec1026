"""Texts read aloud: y is a text's, the value a sound. What a space says of a picture can then be heard.

    y ── the text codec ──→ text ── espeak-ng ──→ sound

It goes one way: nobody hears a text back out of a sound here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from kuamo.core.errors import KuamoError
from kuamo.core.old_names import current
from kuamo.data.modalities.audio import Audio, Waveform
from kuamo.data.speech_synthesis import Voice, synthesize
from kuamo.generation.codecs.base import Codec
from kuamo.generation.codecs.text import BPECodec, TextVocabulary

__all__ = ["TextToSpeechCodec"]

HAN = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]")
PITCH, SPEED = 50, 160


@dataclass(frozen=True, eq=False)
class TextToSpeechCodec(Codec):
    """Sounds of texts.

    Args:
        texts: the codec of the texts. voice: of espeak-ng, such as "en", "cmn" or "en-us+f2"; `None` for Mandarin where
            a text has Chinese characters and English where it has not.

    Example:
        >>> TextToSpeechCodec(TextVocabulary(["a cat"])).out
        1
    """

    texts: TextVocabulary | BPECodec
    voice: str | None = None

    @property
    def out(self) -> int:
        return self.texts.out

    def encode(self, values: Iterable[Any]) -> np.ndarray:
        """There is no way back."""
        raise KuamoError("given audio to a codec that reads texts aloud; expected km.AudioPCA, which generates audio")

    def decode(self, y: np.ndarray) -> list[Waveform]:
        """What is said; equal texts are spoken once.

        Raises:
            KuamoError: espeak-ng is not installed, or does not know the voice.
        """
        said = self.texts.decode(y)
        sounds: dict[str, Waveform] = {}
        for voice in sorted({self._voice(text) for text in said}):
            words = sorted({text for text in said if self._voice(text) == voice})
            files = synthesize(words, Voice("espeak-ng", voice, PITCH, SPEED))
            sounds |= {text: Audio().read(file) for text, file in zip(words, files, strict=True)}
        return [sounds[text] for text in said]

    def _voice(self, text: str) -> str:
        return self.voice or ("cmn" if HAN.search(text) else "en")

    def config(self) -> dict[str, Any]:
        return {"kind": type(self.texts).__name__, "texts": self.texts.config(), "voice": self.voice}

    @classmethod
    def from_arrays(cls, config: dict[str, Any], arrays: dict[str, np.ndarray]) -> TextToSpeechCodec:
        """The stored codec.

        Raises:
            KeyError: texts of another kind.
        """
        kind: Any = {"TextVocabulary": TextVocabulary, "BPECodec": BPECodec}[current(config["kind"])]
        return cls(kind(**config["texts"]), config["voice"])
