"""Texts as the words that are in them: one count for each word of a vocabulary.

    h_w = how often word w is in the text

For small vocabularies, such as captions of a made world: a linear map of h is an embedding of each word.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from kuamo.core.contracts import Configured
from kuamo.core.errors import KuamoError, shorten
from kuamo.encoders.base import Encoder

__all__ = ["BagOfWords", "pre_tokenizer"]


class BagOfWords(Encoder, Configured):
    """Text → counts (V,) of the vocabulary's words; Chinese characters are words.

    Args:
        words: distinct, in lower case.

    Raises:
        KuamoError: no word, or one twice.

    Example:
        >>> encoder = BagOfWords.of(["a red cat", "a red dog"])
        >>> encoder.words, encoder.prepare("A dog, a bird").tolist()
        (['a', 'cat', 'dog', 'red'], [2.0, 0.0, 1.0, 0.0])
    """

    cached = False  # nothing is saved by keeping a copy

    def __init__(self, words: Sequence[str]) -> None:
        self.words = list(words)
        if not self.words or len(set(self.words)) < len(self.words):
            raise KuamoError(f"given the words {shorten(self.words)}; expected at least one, each once")
        self._number = {word: number for number, word in enumerate(self.words)}

    @classmethod
    def of(cls, texts: Iterable[str], most: int = 4000) -> BagOfWords:
        """Of the words of these texts, of the most frequent ones if they are more than `most`."""
        counts = Counter(word for text in texts for word in words_of(text))
        return cls(sorted(word for word, _ in counts.most_common(most)))

    @property
    def fingerprint(self) -> str:
        return f"words/1:{self.words!r}"

    def prepare(self, value: str) -> np.ndarray:
        """Counts (V,)."""
        counts = np.zeros(len(self.words), np.float32)
        for word in words_of(value):
            if word in self._number:
                counts[self._number[word]] += 1
        return counts

    def __call__(self, batch: np.ndarray) -> np.ndarray:
        return np.asarray(batch, dtype=np.float32)


def pre_tokenizer() -> Any:
    """Text → words: split at white space and punctuation; Chinese characters stand alone."""
    from tokenizers import Regex, pre_tokenizers

    han = Regex(r"[\u3400-\u9fff\uf900-\ufaff]")
    return pre_tokenizers.Sequence([pre_tokenizers.Split(han, "isolated"), pre_tokenizers.Whitespace()])


def words_of(text: str) -> list[str]:
    """Words in lower case, without punctuation."""
    return [word for word, _ in pre_tokenizer().pre_tokenize_str(text.lower()) if any(map(str.isalnum, word))]
