"""Word embeddings to train from scratch, on a tokenizer trained on the table: any language, Chinese included.

    h = mean over tokens of E[token]

Latin text is split at white space and punctuation, Chinese characters stand alone, and byte-pair merges are learned
between what is left.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from kuamo.core.contracts import Configured
from kuamo.encoders.bag_of_words import pre_tokenizer
from kuamo.encoders.base import Encoder

__all__ = ["TokenMean", "train_tokenizer"]


def train_tokenizer(texts: Iterable[str], size: int = 8000) -> str:
    """A byte-pair tokenizer of these texts, as JSON.

    References:
        Neural Machine Translation of Rare Words with Subword Units, Sennrich, Haddow and Birch, 2016.

    Example:
        >>> len(TokenMean(train_tokenizer(["一只猫", "a cat"])).prepare("一只猫 cat"))
        4
    """
    from tokenizers import Tokenizer, models, normalizers, trainers

    tokenizer = Tokenizer(models.BPE(unk_token="[unk]"))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizer()
    trainer = trainers.BpeTrainer(vocab_size=size, special_tokens=["[unk]"], show_progress=False)
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer.to_str()


class TokenMean(nn.Module, Encoder, Configured):
    """Trainable text encoder: the mean of its tokens' embeddings.

    Args:
        tokenizer: JSON, from `train_tokenizer`. dim: size of an embedding.

    Example:
        >>> encoder = TokenMean(train_tokenizer(["a cat", "a dog"]), dim=8)
        >>> encoder(encoder.collate([encoder.prepare("a cat"), encoder.prepare("dog")])).shape
        torch.Size([2, 8])
    """

    def __init__(self, tokenizer: str, dim: int = 128) -> None:
        super().__init__()
        from tokenizers import Tokenizer

        self.tokenizer, self.dim, self.part_dim = tokenizer, dim, dim
        self._tokens = Tokenizer.from_str(tokenizer)
        self.embed = nn.EmbeddingBag(max(self._tokens.get_vocab_size(), 1), dim, mode="mean")
        nn.init.normal_(self.embed.weight, std=dim**-0.5)

    def prepare(self, value: str) -> np.ndarray:
        """Token numbers (T,), at least one."""
        return np.asarray(self._tokens.encode(value).ids or [0], dtype=np.int64)

    def collate(self, items: Sequence[np.ndarray]) -> tuple[Tensor, Tensor]:
        """All tokens in a row, and where each text starts."""
        lengths = [len(item) for item in items]
        return torch.from_numpy(np.concatenate(items)), torch.tensor(np.cumsum([0, *lengths[:-1]]))

    def forward(self, batch: tuple[Tensor, Tensor]) -> Tensor:
        """Features (n, dim)."""
        return self.embed(*batch)

    def parts(self, batch: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        """Each token's embedding (n, T, dim)."""
        tokens, start = batch
        length = torch.diff(start, append=torch.tensor([len(tokens)]))
        mask = torch.arange(int(length.max()))[None] < length[:, None]
        return torch.zeros(*mask.shape, self.dim).masked_scatter(mask[..., None], self.embed.weight[tokens]), mask
