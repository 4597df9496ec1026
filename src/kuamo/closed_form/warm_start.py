"""Where training may go on from a closed form: weights on the coordinates of each view.

    code = unit norm and weights (ρ^(γ/2)) of   coordinates (n, p) · W (p, k)

Coordinates are those of `views`: a few hundred principal axes of the features or of their kernel, so that a step of
training costs little, and what it finds is one map again: `before.then(LinearMap(shift, W))`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["ValidationFold", "WarmStart"]


@dataclass(frozen=True, eq=False)
class WarmStart:
    """A closed form on coordinates.

    Args:
        coordinates: view → (x (n, p) minus its shift, row (n,)). shift: view → (p,). weights: view → W (p, k).
        scale: (k,) weights of the axes. norm: unit norm "before" the weights or "after" them.
    """

    coordinates: dict[str, tuple[NDArray, NDArray]]
    shift: dict[str, NDArray]
    weights: dict[str, NDArray]
    scale: NDArray
    norm: str


@dataclass(frozen=True, eq=False)
class ValidationFold:
    """The same closed form on the rows outside one fold, and the fold's rows to judge by.

    Args:
        start: of the rows seen. held: view → (x (m, p), row (m,)), on the same axes.
        labels: (N,) rows with the same one are right answers for each other; `None`: each row its own.
    """

    start: WarmStart
    held: dict[str, tuple[NDArray, NDArray]]
    labels: NDArray[np.intp] | None
