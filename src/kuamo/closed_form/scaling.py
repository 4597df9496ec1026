"""Features on one scale: zero mean and unit variance each, and every layer of them with the same total variance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kuamo.closed_form.arc_cosine_kernel import KernelMap
from kuamo.closed_form.kernel_pca import Map
from kuamo.closed_form.linear_map import LinearMap

__all__ = ["RunningSpread", "Scaling", "running_spread", "scaling_of", "standardize"]

FLOOR = 1e-3  # of the root mean square of a layer's deviations
BLOCK = 8192  # rows of which float64 copies are made at a time


@dataclass(frozen=True, eq=False)
class Scaling:
    """x → (x − shift) · gain, column by column."""

    shift: np.ndarray
    gain: np.ndarray

    def __call__(self, x: np.ndarray) -> np.ndarray:
        return (x - self.shift) * self.gain

    def into(self, after: Map) -> Map:
        """One map that scales first."""
        if isinstance(after, KernelMap):
            return after.scaled(self.shift, self.gain)
        shift = self.shift + after.shift / self.gain
        return LinearMap(shift, self.gain[:, None] * after.weight, after.offset)


class RunningSpread:
    """Mean and standard deviation (D,) of features whose units may differ, block by block, in float64.

        M ← M + Σ (x − x̄_b)² + n n_b / (n + n_b) (x̄_b − x̄)²

    References:
        Updating Formulae and a Pairwise Algorithm for Computing Sample Variances, Chan, Golub and LeVeque, 1979.

    Example:
        >>> found = RunningSpread()
        >>> for block in (np.array([[1e9]]), np.array([[1e9 + 2]])):
        ...     found.add(block)
        >>> found.mean.tolist(), found.std.tolist()
        ([1000000001.0], [1.0])
    """

    def __init__(self) -> None:
        self.count, self.eps = 0, 0.0
        self._origin = self._mean = self.largest = self._squares = np.zeros(0)  # the mean is kept from the first row

    def add(self, x: NDArray) -> None:
        """Rows (n, D); of another D than the first ones', nothing is added."""
        if x.ndim != 2 or len(x) == 0 or (self.count and x.shape[1] != len(self._mean)):
            return
        if self.count == 0:
            self._origin = x[0].astype(np.float64)
            self._mean, self.largest, self._squares = (np.zeros(x.shape[1]) for _ in range(3))
        self.eps = max(self.eps, float(np.finfo(x.dtype if x.dtype.kind == "f" else np.float64).eps))
        for start in range(0, len(x), BLOCK):
            self._add(x[start : start + BLOCK].astype(np.float64))

    def _add(self, x: NDArray[np.float64]) -> None:
        n, count = len(x), self.count
        self.largest = np.maximum(self.largest, np.abs(x).max(0))
        x = x - self._origin
        mean = x.mean(0)
        step = mean - self._mean
        self._squares = self._squares + np.square(x - mean).sum(0) + step * step * (count * n / (count + n))
        self._mean = self._mean + step * (n / (count + n))
        self.count = count + n

    @property
    def mean(self) -> NDArray[np.float64]:
        """(D,)."""
        return self._origin + self._mean

    @property
    def std(self) -> NDArray[np.float64]:
        """(D,), 0 where a feature varies by no more than its own numbers resolve."""
        std = np.sqrt(self._squares / max(self.count, 1))
        return np.where(std > self.eps * self.largest, std, 0.0)

    def gain(self, still: float) -> NDArray[np.float64]:
        """1/std (D,), and `still` of features that do not vary."""
        std = self.std
        return np.where(std > 0, 1 / np.where(std > 0, std, 1.0), still)


def running_spread(x: NDArray) -> RunningSpread:
    """Mean and standard deviation of features (n, D)."""
    found = RunningSpread()
    found.add(x)
    return found


def standardize(x: np.ndarray, blocks: tuple[int, ...] | None) -> Scaling:
    """Zero mean and unit variance for each feature; each block of features then gets total variance 1.

    A feature without variance keeps a gain of 1, so that a later change in it is not blown up. Features of a block are
    those of one layer and share a unit: one that hardly varies beside the others is not blown up either (`FLOOR`; R@1
    of five splits of emoji .443, and .436 without).
    """
    return scaling_of(running_spread(x), blocks)


def scaling_of(found: RunningSpread, blocks: tuple[int, ...] | None) -> Scaling:
    """`standardize`, by a mean and a spread that are known."""
    if not blocks:
        return Scaling(found.mean.astype(np.float32), found.gain(1.0).astype(np.float32))
    parts = np.split(found.std, np.cumsum(blocks)[:-1])
    least = np.concatenate([np.full(len(std), FLOOR * np.sqrt(np.mean(std**2)) or 1.0) for std in parts])
    gain = 1 / np.maximum(found.std, least) / np.sqrt(np.repeat(blocks, blocks)) * np.sqrt(np.mean(blocks))
    return Scaling(found.mean.astype(np.float32), gain.astype(np.float32))
