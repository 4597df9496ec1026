"""Texts ↔ numbers: one of a list (y is its number), or tokens that spell any text (y is their numbers).

    TextList     y (n, 1): which of the known texts
    TextTokens   y (n, T): byte-pair tokens of UTF-8, so that a text of any language comes back as it was; 0 ends it

References:
    Neural Machine Translation of Rare Words with Subword Units, Sennrich, Haddow and Birch, 2016; Neural Machine
    Translation with Byte-Level Subwords, Wang, Cho and Gu, 2020.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from kuamo.core.contracts import Configured
from kuamo.core.errors import KuamoError, TableError
from kuamo.data.table import Table
from kuamo.generation.codecs.base import Codec

__all__ = ["BPECodec", "TextVocabulary"]

VOCABULARY = 2000  # tokens that a tokenizer of a table has at most
HAN = r"[\u3400-\u9fff\uf900-\ufaff]"
LONGEST = 48  # tokens that are written


@dataclass(frozen=True, eq=False)
class TextVocabulary(Codec, Configured):
    """Which of some texts.

    Args:
        texts: the distinct ones.

    Example:
        >>> codec = TextVocabulary(["a cat", "一只狗"])
        >>> codec.decode(codec.encode(["一只狗", "a cat"]))
        ['一只狗', 'a cat']
    """

    texts: list[str]

    @property
    def out(self) -> int:
        return 1

    @cached_property
    def _number(self) -> dict[str, int]:
        return {text: number for number, text in enumerate(self.texts)}

    def encode(self, values: Iterable[str]) -> np.ndarray:
        """y (n, 1)."""
        rows = []
        for value in values:
            if value not in self._number:
                raise KuamoError(f"given {value[:60]!r}, none of the {len(self.texts):,} texts; expected one of them")
            rows.append([self._number[value]])
        return np.asarray(rows, dtype=np.float32).reshape(-1, 1)

    def decode(self, y: np.ndarray) -> list[str]:
        return [self.texts[int(number)] for number in np.asarray(y)[:, 0]]


@dataclass(frozen=True, eq=False)
class BPECodec(Codec, Configured):
    """Tokens of any text.

    Args:
        tokenizer: JSON, of byte-level byte pairs. length: T.

    Example:
        >>> import kuamo as km
        >>> table = km.Table({"text": ["a small cat", "一只小猫", "a cat"]})
        >>> codec = BPECodec.of(table, "text")
        >>> codec.decode(codec.encode(["a small cat", "一只小猫"]))
        ['a small cat', '一只小猫']
    """

    tokenizer: str
    length: int

    @classmethod
    def of(cls, table: Table, name: str, *, vocabulary: int = VOCABULARY, seed: int = 0) -> BPECodec:
        """The codec of a column's texts; T is as long as the longest of them, at most 48 tokens."""
        from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

        if len(table.column(name).row) == 0:
            raise TableError(f"column {name!r}: no text; expected some, from which tokens are learned")
        tokenizer = Tokenizer(models.BPE())
        tokenizer.normalizer = normalizers.NFC()
        # Chinese has no spaces to stop merges at: of few texts, whole sentences would become one token.
        apart = pre_tokenizers.Split(Regex(HAN), "isolated")
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence([apart, pre_tokenizers.ByteLevel(add_prefix_space=False)])
        tokenizer.decoder = decoders.ByteLevel()
        letters = pre_tokenizers.ByteLevel.alphabet()
        trainer = trainers.BpeTrainer(
            vocab_size=vocabulary, initial_alphabet=letters, special_tokens=["[end]"], show_progress=False
        )
        tokenizer.train_from_iterator(table.values(name), trainer)
        longest = max(len(tokenizer.encode(text).ids) for text in table.values(name))
        return cls(tokenizer.to_str(), min(longest + 1, LONGEST))

    @property
    def out(self) -> int:
        return self.length

    @property
    def vocabulary(self) -> int:
        """How many tokens there are, the end among them."""
        return self._tokens.get_vocab_size()

    @cached_property
    def _tokens(self) -> Any:
        from tokenizers import Tokenizer

        return Tokenizer.from_str(self.tokenizer)

    def encode(self, values: Iterable[str]) -> np.ndarray:
        """y (n, T) whole numbers; what is beyond T tokens is cut off."""
        rows = [self._tokens.encode(value).ids[: self.length] for value in values]
        y = np.zeros((len(rows), self.length), dtype=np.float32)
        for row, ids in zip(y, rows, strict=True):
            row[: len(ids)] = ids
        return y

    def decode(self, y: np.ndarray) -> list[str]:
        """Texts, each to its end; one that ends at once is "…", since no text is empty."""
        found = []
        for row in np.asarray(y).astype(int).tolist():
            ids = row[: row.index(0)] if 0 in row else row
            found.append(self._tokens.decode(ids).strip().strip("\ufffd").strip() or "…")
        return found

    def round_trip(self, values: Sequence[str]) -> dict[str, float]:
        """The share of the texts that come back as they were."""
        same = [a == b for a, b in zip(self.decode(self.encode(values)), values, strict=True)]
        return {"same": float(np.mean(same))}
