"""Modern Hopfield retrieval: a code is projected onto codes of training rows, by attention over a sample of them.

    z′ = Σ_k a_k z_k,     a_k = softmax_k(cos(z, z_k)/τ)

One step of a modern Hopfield network. The code of an input unlike all that was learned from, such as a voice that was
never heard, lies between the codes that a decoder knows, which then makes now one thing and now another. Projected, it
is one of them. What is new in an input is lost by it: a combination that was never seen becomes one that was.

References:
    Hopfield Networks is All You Need, Ramsauer et al., 2021.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kuamo.closed_form.arc_cosine_kernel import unit_rows
from kuamo.core.contracts import Stored

__all__ = ["TEMPERATURES", "Hopfield"]

TEMPERATURES = (0.02, 0.05, 0.1, 0.2)
MOST = 1024  # codes that are kept
TILE = 4096


@dataclass(frozen=True, eq=False)
class Hopfield(Stored):
    """Known codes, and what a new one becomes among them.

    Args:
        codes: z_k (K, d). temperature: τ.

    Example:
        >>> Hopfield(np.eye(2), 0.05)(np.array([[3.0, 2.0]], np.float32)).round(2)
        array([[1., 0.]], dtype=float32)
    """

    codes: np.ndarray
    temperature: float = 0.05

    @classmethod
    def of(cls, codes: np.ndarray, temperature: float, seed: int) -> Hopfield:
        """Of at most 1,024 of these codes."""
        some = np.sort(np.random.default_rng([seed, 11]).permutation(len(codes))[:MOST])
        return cls(np.ascontiguousarray(codes[some], dtype=np.float32), temperature)

    def __call__(self, z: np.ndarray) -> np.ndarray:
        """z′ (n, d) of codes z (n, d)."""
        z, known = np.asarray(z, dtype=np.float32), unit_rows(self.codes)
        parts = [self._project_tile(z[start : start + TILE], known) for start in range(0, max(len(z), 1), TILE)]
        return np.concatenate(parts).astype(np.float32)

    def _project_tile(self, z: np.ndarray, known: np.ndarray) -> np.ndarray:
        score = unit_rows(z) @ known.T / self.temperature
        weight = np.exp(score - score.max(1, keepdims=True))
        return (weight / weight.sum(1, keepdims=True)) @ self.codes
