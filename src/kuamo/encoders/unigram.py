"""The tokeniser of SentencePiece's unigram model: the pieces of a text whose probabilities have the largest product.

    best(j) = max_i best(i) + log p(text[i:j]),  read back from the end; a character that is no piece is unknown

Source: SentencePiece: A simple and language independent subword tokenizer and detokenizer for Neural Text Processing,
Kudo and Richardson, 2018.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

__all__ = ["Unigram"]

UNKNOWN = 10.0  # by so much is the log-probability of an unknown character below the least of all pieces
SPACE = "▁"
_SPACES = re.compile(" {2,}")


@dataclass(frozen=True)
class Unigram:
    """Text → numbers of its pieces.

    Args:
        pieces: piece → its number and its log-probability.
        unknown: the number for a character that is no piece.
        spelling: character → what is read instead of it.

    Example:
        >>> tokens = Unigram({"▁cat": (3, -2.0), "▁": (4, -3.0), "cat": (5, -2.5), "s": (6, -3.0)}, 0, {ord("S"): "s"})
        >>> tokens("catS cat?")
        [3, 6, 3, 0]
    """

    pieces: Mapping[str, tuple[int, float]]
    unknown: int
    spelling: Mapping[int, str]

    @cached_property
    def _limits(self) -> tuple[int, float]:
        """The longest piece, and the log-probability of what is none."""
        return max(map(len, self.pieces)), min(score for _, score in self.pieces.values()) - UNKNOWN

    def __call__(self, text: str) -> list[int]:
        """Numbers of the pieces, from the first to the last."""
        text = _SPACES.sub(" ", text.translate(self.spelling))
        text = SPACE + text.removeprefix(" ").replace(" ", SPACE)
        longest, unknown = self._limits
        best = [0.0] + [float("-inf")] * len(text)
        back = [(0, self.unknown)] * (len(text) + 1)
        for start in range(len(text)):
            score = best[start]
            if score + unknown > best[start + 1]:
                best[start + 1], back[start + 1] = score + unknown, (start, self.unknown)
            for end in range(start + 1, min(start + longest, len(text)) + 1):
                found = self.pieces.get(text[start:end])
                if found and score + found[1] > best[end]:
                    best[end], back[end] = score + found[1], (start, found[0])
        numbers, end = [], len(text)
        while end:
            end, number = back[end]
            numbers.append(number)
        return numbers[::-1]
