"""The writer p(y | z): tokens one after the other, by a recurrent network that sees the code at every one of them.

    h_0 = tanh(W z),   h_t = GRU([E y_{t−1}, z], h_{t−1}),   p(y_t) = softmax(V h_t);   −log p = −Σ_t log p(y_t)

References:
    Learning Phrase Representations using RNN Encoder–Decoder, Cho et al., 2014; Show and Tell: A Neural Image Caption
    Generator, Vinyals, Toshev, Bengio and Erhan, 2015.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor, nn

from kuamo.core.contracts import Configured
from kuamo.embedding.decoder import Decoder

__all__ = ["TextRNNDecoder"]


class TextRNNDecoder(nn.Module, Decoder, Configured):
    """Texts of tokens.

    Args:
        dim: d of the code. out: T, tokens at most. vocabulary: K, of which 0 is the end.
        width: of the network. dropout: of the codes and words it sees in training, which are few.

    Example:
        >>> decoder = TextRNNDecoder(4, 6, vocabulary=10, width=16)
        >>> y = torch.tensor([[3.0, 2.0, 0.0, 0.0, 0.0, 0.0]])
        >>> decoder.loss(y, torch.zeros(1, 4)).shape, decoder.sample(torch.zeros(1, 4)).shape
        (torch.Size([1]), torch.Size([1, 6]))
    """

    options = ("temperature",)
    varied = MappingProxyType({"temperature": 0.7})

    def __init__(self, dim: int, out: int, *, vocabulary: int, width: int = 256, dropout: float = 0.2) -> None:
        super().__init__()
        self.dim, self.out, self.vocabulary, self.width = dim, out, vocabulary, width
        self.embed = nn.Embedding(vocabulary, width // 2)
        self.start, self.code = nn.Linear(dim, width), nn.Linear(dim, width // 2)
        self.cell, self.leave = nn.GRU(width, width, batch_first=True), nn.Linear(width, vocabulary)
        self.dropout, self.dropped = dropout, nn.Dropout(dropout)
        self.code_shift: Tensor
        self.code_gain: Tensor
        self.register_buffer("code_shift", torch.zeros(dim))
        self.register_buffer("code_gain", torch.ones(dim))

    def standardize_codes(self, shift: Tensor, gain: Tensor) -> None:
        self.code_shift.copy_(shift)
        self.code_gain.copy_(gain)

    def loss(self, y: Tensor, z: Tensor, rng: Any = None) -> Tensor:
        """−log p(y | z) in nats (n,), up to and with the end."""
        y = y.long()
        counts = nn.functional.pad((y != 0).long().cumprod(1)[:, :-1], (1, 0), value=1).sum(1)
        z = self.dropped((z - self.code_shift) * self.code_gain)
        before = nn.functional.pad(y[:, :-1], (1, 0))
        words = self.dropped(self.embed(before))
        code = self.code(z)[:, None].expand(-1, y.shape[1], -1)
        start = torch.tanh(self.start(z))[None].contiguous()

        def packed(values: Tensor) -> Any:  # most places of most texts are beyond their end, and words are many
            return nn.utils.rnn.pack_padded_sequence(values, counts, batch_first=True, enforce_sorted=False)

        h, _ = self.cell(packed(torch.cat([words, code], -1)), start)
        row = packed(torch.arange(len(y))[:, None].expand_as(y)).data
        nats = nn.functional.cross_entropy(self.leave(self.dropped(h.data)), packed(y).data, reduction="none")
        return nats.new_zeros(len(y)).index_add(0, row, nats)

    def sample(self, z: Tensor, rng: Any = None, *, temperature: float = 0.0) -> Tensor:
        """Tokens (n, T): at each place the likeliest, or one drawn at this temperature."""
        z = (z - self.code_shift) * self.code_gain
        h, code = torch.tanh(self.start(z))[None], self.code(z)[:, None]
        word = torch.zeros(len(z), 1, dtype=torch.long)
        going, found = torch.ones(len(z), 1, dtype=torch.bool), []
        for _ in range(self.out):
            y, h = self.cell(torch.cat([self.embed(word), code], -1), h)
            logits = self.leave(y[:, 0])
            if temperature > 0:
                word = torch.multinomial(torch.softmax(logits / temperature, -1), 1, generator=rng)
            else:
                word = logits.argmax(-1, keepdim=True)
            word = torch.where(going, word, 0)
            going = going & (word != 0)
            found.append(word)
            if not going.any():
                break
        y = torch.cat(found, 1) if found else word
        return nn.functional.pad(y, (0, self.out - y.shape[1])).float()
