"""How good is what was made? Features (n, D) of made cells against those of real ones.

    Fréchet distance     ‖μ_a − μ_b‖² + tr(Σ_a + Σ_b − 2 (Σ_a Σ_b)^½)                0: the same mean and covariance
    diversity ratio      mean distance of two made cells of one condition / the same of two real ones    1: as varied
    nearness             distance to the nearest training cell / the same of real cells held out    far below 1: copies

Accuracy alone flatters: the mean picture of a class is judged right every time, and says nothing new.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from kuamo.core.errors import KuamoError

__all__ = ["diversity_ratio", "frechet_distance", "memorization_ratio", "nearest_rows", "token_f1"]

WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]|[^\W\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]+")

TILE = 1024


def frechet_distance(a: Any, b: Any) -> float:
    """The Fréchet distance of the Gaussians with the moments of a (n, D) and b (m, D).

    It falls with n and m: compare only figures of as many cells each, and of the same features.

    Raises:
        KuamoError: fewer than two rows, or another D.

    References:
        GANs Trained by a Two Time-Scale Update Rule Converge to a Local Nash Equilibrium, Heusel et al., 2017.

    Example:
        >>> x = np.random.default_rng(0).normal(size=(100, 3))
        >>> round(frechet_distance(x, x), 6), round(frechet_distance(x, x + 2), 6)
        (0.0, 12.0)
    """
    a, b = checked_samples(a, b)
    means, (cov_a, cov_b) = a.mean(0) - b.mean(0), (np.atleast_2d(np.cov(x, rowvar=False)) for x in (a, b))
    root = symmetric_root(cov_a)
    inner = np.linalg.eigvalsh(root @ cov_b @ root)
    cross = np.sqrt(np.maximum(inner, 0)).sum()
    return float(max(means @ means + np.trace(cov_a) + np.trace(cov_b) - 2 * cross, 0.0))


def symmetric_root(covariance: np.ndarray) -> np.ndarray:
    """C^½ of a covariance (D, D)."""
    values, vectors = np.linalg.eigh(covariance)
    return (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T


def diversity_ratio(made: Any, real: Any, made_of: Sequence[Any], real_of: Sequence[Any]) -> float:
    """How varied made cells of one condition are, as a share of how varied real ones are.

    Mean distance of two cells with the same condition, mean over conditions that have two of both; made over real.

    Args:
        made: (n, D). real: (m, D). made_of, real_of: the condition of each, such as its caption.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> of = np.repeat([0, 1], 50)
        >>> round(diversity_ratio(np.zeros((100, 4)), rng.normal(size=(100, 4)), of, of), 2)
        0.0
    """
    made, real = checked_samples(made, real)
    spreads = []
    for condition in sorted({str(c) for c in made_of} & {str(c) for c in real_of}):
        parts = [x[[str(c) == condition for c in of]] for x, of in ((made, made_of), (real, real_of))]
        if min(map(len, parts)) >= 2:
            spreads.append([mean_distance(part) for part in parts])
    total = np.sum(spreads, axis=0) if spreads else np.zeros(2)
    if total[1] == 0:
        raise KuamoError("no condition has two generated cells and two real ones that differ; expected some")
    return float(total[0] / total[1])


def mean_distance(x: np.ndarray) -> float:
    """The mean distance of two rows of x (n, D), n ≥ 2."""
    squares = np.square(x).sum(1)
    distance = np.sqrt(np.maximum(squares[:, None] + squares - 2 * x @ x.T, 0))
    return float(distance.sum() / (len(x) * (len(x) - 1)))


def nearest_rows(x: Any, among: Any) -> tuple[np.ndarray, np.ndarray]:
    """For each row of x (n, D) the nearest row of `among` (m, D): its number (n,), and the distance (n,); in tiles.

    Example:
        >>> nearest_rows(np.array([[0.0], [9.0]]), np.array([[8.0], [1.0]]))
        (array([1, 0]), array([1., 1.]))
    """
    x, among = np.asarray(x, np.float64), np.asarray(among, np.float64)
    best, number = np.full(len(x), np.inf), np.zeros(len(x), np.int64)
    for start in range(0, len(among), TILE):
        tile = among[start : start + TILE]
        squares = np.square(x).sum(1)[:, None] + np.square(tile).sum(1) - 2 * x @ tile.T
        first = squares.argmin(1)
        closer = squares[np.arange(len(x)), first] < best
        best = np.where(closer, squares[np.arange(len(x)), first], best)
        number = np.where(closer, start + first, number)
    return number, np.sqrt(np.maximum(best, 0))


def memorization_ratio(made: Any, training: Any, held_out: Any) -> float:
    """The median distance of made cells to the nearest training cell, over that of real cells which nobody trained on.

    About 1: made cells are as new as real new ones. Far below 1: copies.

    Args:
        made: (n, D). training: (m, D). held_out: (k, D), real.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> training, new = rng.normal(size=(2, 200, 3))
        >>> memorization_ratio(training[:50], training, new)
        0.0
    """
    return float(
        np.median(nearest_rows(made, training)[1]) / max(np.median(nearest_rows(held_out, training)[1]), 1e-12)
    )


def token_f1(made: Sequence[str], real: Sequence[str]) -> np.ndarray:
    """F1 (n,) of the words that a made and a real text have in common; of Chinese and the like, of the characters.

    Example:
        >>> token_f1(["a red cat", "一只猫"], ["The red cat", "一只狗"]).round(2).tolist()
        [0.67, 0.67]
    """
    found = []
    for a, b in zip(made, real, strict=True):
        ours, theirs = (Counter(WORD.findall(text.lower())) for text in (a, b))
        common = sum((ours & theirs).values())
        found.append(2 * common / max(sum(ours.values()) + sum(theirs.values()), 1))
    return np.asarray(found)


def checked_samples(a: Any, b: Any) -> tuple[np.ndarray, np.ndarray]:
    """Two sets of features as float64."""
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[1] or min(len(a), len(b)) < 2:
        raise KuamoError(f"given features of shapes {a.shape} and {b.shape}; expected (n, D) and (m, D), two rows each")
    return a, b
