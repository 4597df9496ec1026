"""Types that many rooms name."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

__all__ = ["Layout", "Matrix", "Packed", "Progress"]

Matrix = NDArray[np.float64]
Progress = Callable[[str, int, int], None]
"""What is done, how many of it, of how many."""
Packed = Mapping[str, tuple[np.ndarray, np.ndarray]]
"""Column → the features (n, D) of its entries, and the row (n,) of each."""
Layout = tuple[np.ndarray, np.ndarray]
"""Entries, and where each lies."""
