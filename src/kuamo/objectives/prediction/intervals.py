"""Prediction intervals: how far off a predicted number may be, from the uncertainty of the row's columns.

    log σ² = θ_0 + θ_1 w + θ_2 log n,     w = −log Σ_{m ∈ S} exp(−v_m)
    θ = argmin Σ (y − ŷ)²/σ² + log σ² + ½ ‖θ − θ′‖²

v_m is the log of the squared error that is predicted of column m alone (`uncertainty_fusion.py`), and w that of all
columns of the row, if they erred independently. θ is solved on held-out rows, from 1, 2, … columns at random; θ′ is one
width for all rows. σ is in standard units of y.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from kuamo.closed_form.logistic import minimize
from kuamo.core.modules import is_module
from kuamo.core.types import Matrix
from kuamo.embedding.space import EmbeddingSpace
from kuamo.objectives.prediction.decoder import StackedDecoder

__all__ = ["fit_width", "targets_of", "widths"]


def targets_of(space: EmbeddingSpace) -> list[str]:
    """The columns that a space was fitted to predict, by `Predict`."""
    trained = [port for port in space.ports if is_module(port.decoder)]
    if not trained:  # and torch need not be there
        return []
    return [port.name for port in trained if isinstance(port.decoder, StackedDecoder)]


def interval_features(space: EmbeddingSpace, mean: np.ndarray, present: np.ndarray) -> Matrix:
    """1, w and log n (B, 3) of codes (B, M, d), present (B, M)."""
    fusion: Any = space.fusion
    known = torch.where(torch.from_numpy(present)[..., None], torch.from_numpy(mean), 0.0)
    with torch.inference_mode():
        v = fusion.uncertainty(known)[0].double().numpy()
    n = present.sum(1)
    w = -np.log(np.where(present, np.exp(-v), 0.0).sum(1).clip(min=1e-12))
    return np.stack([np.ones(len(v)), w, np.log(n.clip(min=1))], 1)


def fit_width(space: EmbeddingSpace, parts: list[tuple[np.ndarray, np.ndarray, Matrix]]) -> None:
    """Set the fusion's θ.

    Args:
        parts: for each number of columns, codes (B, M, d), which are given (B, M), and squared errors (B,).
    """
    x = np.concatenate([interval_features(space, mean, given) for mean, given, _ in parts])
    e = np.concatenate([error for _, _, error in parts])
    center = np.array([np.log(max(float(e.mean()), 1e-12)), 0.0, 0.0])

    def loss(theta: Matrix) -> tuple[float, Matrix]:
        v = np.clip(x @ theta[:, 0], -30, 30)
        left = e * np.exp(-v)
        away = theta - center[:, None]
        return float((left + v).sum() + 0.5 * np.square(away).sum()), (x.T @ (1 - left))[:, None] + away

    found = minimize(loss, center[:, None].copy(), np.full((3, 1), 1 / (1 + len(e))), 100)[:, 0]
    space.fusion.width.copy_(torch.from_numpy(found))


def widths(space: EmbeddingSpace, to: str, mean: np.ndarray, present: np.ndarray) -> NDArray[np.float64] | None:
    """σ (B,), in the units of the decoder's y, of a number that a space was fitted to predict; `None` of all else, and
    where θ is not known, as in spaces of 0.1.

    Args:
        mean, present: codes (B, M, d) and which there are (B, M), as `Space.encode_columns` gives them; those of the
            number itself play no part.
    """
    if to not in targets_of(space) or space.port(to).decoder.family != "gaussian":
        return None
    if space.fusion.width.isnan().any():
        return None
    others = present & (np.array([port.name for port in space.ports]) != to)
    log_square = interval_features(space, mean, others) @ space.fusion.width.double().numpy()
    gain = float(space.port(to).decoder.gain)
    return np.where(others.any(1), np.exp(0.5 * log_square) / gain, np.nan)
