"""The retrieval decoder: what a column would hold is what it holds somewhere, where the code is nearest.

    y = argmax_k s(z, z_k),   over the codes z_k of distinct texts;   n of them: the n nearest
    p(k | z) = softmax_k s(z, z_k)/τ

τ is the largest under which rows whose text is known are likeliest, to within a nat in all: few clear rows do not make
for certainty.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from kuamo.core.contracts import Stored
from kuamo.embedding.decoder import Decoder

__all__ = ["Retrieval"]

TILE = 4096


@dataclass(frozen=True, eq=False)
class Retrieval(Decoder, Stored):
    """One of K known things, by its code.

    Args:
        codes: (K, d), by the space's score comparable by their dot product. temperature: τ.

    Example:
        >>> decoder = Retrieval(np.eye(3, dtype=np.float32))
        >>> decoder.sample(np.array([[0.1, 0.9, 0.0]])), decoder.nearest(np.array([[0.1, 0.9, 0.0]]), 2)
        (array([[1.]], dtype=float32), array([[[1.],
                [0.]]], dtype=float32))
    """

    codes: np.ndarray
    temperature: float = 1.0

    def sample(self, z: np.ndarray, rng: Any = None) -> np.ndarray:
        """The number (n, 1) of the nearest."""
        return self.nearest(z, 1)[:, 0]

    def nearest(self, z: np.ndarray, n: int) -> np.ndarray:
        """The numbers (B, n, 1) of the n nearest of codes (B, d), best first; again from the first if K < n."""
        found = []
        for start in range(0, len(z), TILE):
            scores = np.asarray(z[start : start + TILE], np.float32) @ self.codes.T
            found.append(np.argsort(-scores, axis=1, kind="stable")[:, np.arange(n) % len(self.codes)])
        order = np.concatenate(found) if found else np.zeros((0, n))
        return order.astype(np.float32)[..., None]

    def uncertainty(self, z: np.ndarray) -> np.ndarray:
        """1 − p of the nearest (B,)."""
        found = [np.zeros(0)]
        for start in range(0, len(z), TILE):
            scores = np.asarray(z[start : start + TILE], np.float64) @ self.codes.T / self.temperature
            found.append(1 - 1 / np.exp(scores - scores.max(1, keepdims=True)).sum(1))
        return np.concatenate(found)

    def fitted(self, z: np.ndarray, number: np.ndarray) -> Retrieval:
        """The same with the largest τ that makes the right numbers (n,) of codes z (n, d) likeliest, but for a nat."""
        scores = np.asarray(z, np.float64) @ self.codes.T
        size = max(float(scores.std()), 1e-9)
        known = scores[np.arange(len(number)), number][:, None]

        def surprise(tau: float) -> float:
            gap = (scores - known) / tau
            most = gap.max(1, keepdims=True)
            return float((most[:, 0] + np.log(np.exp(gap - most).sum(1))).sum())

        found = {float(tau): surprise(tau) for tau in size * np.logspace(-2.5, 1.5, 41)}
        return Retrieval(self.codes, max(tau for tau, nats in found.items() if nats <= min(found.values()) + 1))
