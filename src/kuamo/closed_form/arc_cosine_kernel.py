"""The arc-cosine kernel: what a layer of infinitely many rectified random units sees, in closed form.

    k(a, b) = (sin θ + (π − θ) cos θ) / π,   θ = ∠(a, b),   k(a, a) = 1

A linear map after it can separate what no linear map of the features can, and needs no step of training.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from kuamo.closed_form.kernel_map import NystromMap
from kuamo.closed_form.linear_map import LinearMap
from kuamo.core.errors import KuamoError

__all__ = ["KernelMap", "arc_cosine", "kernel_map", "unit_rows"]


def arc_cosine(cosine: NDArray) -> NDArray:
    """k of the cosine of the angle, element by element, in the precision of what is given.

    References:
        Kernel Methods for Deep Learning, Cho and Saul, 2009 (order 1).

    Example:
        >>> arc_cosine(np.array([-1.0, 0.0, 1.0])).round(3)
        array([0.   , 0.318, 1.   ])
    """
    cosine = np.clip(cosine, -1, 1)
    return (np.sqrt(1 - cosine * cosine) + (np.pi - np.arccos(cosine)) * cosine) / np.pi


@dataclass(frozen=True, eq=False)
class KernelMap(NystromMap):
    """A linear map of the kernel with anchors: z = k(u, A) W + b,   u = (x − s) · g / ‖(x − s) · g‖.

    Args:
        shift: s (D,). gain: g (D,).
        anchors: A (m, D) of unit norm, float32. In float16, training rows got other codes than in the fit (mean cosine
            .22 for features of two numbers): weights of small axes are large, and so is what they make of rounding.
        weight: W (m, d). offset: b (d,).

    Example:
        >>> anchor = KernelMap(np.zeros(2), np.ones(2), np.eye(2), np.eye(2), np.zeros(2))
        >>> anchor(np.float32([[5, 0]])).round(3)
        array([[1.   , 0.318]], dtype=float32)
    """

    shift: NDArray[np.float64]
    gain: NDArray[np.float64]
    anchors: NDArray[np.floating]
    weight: NDArray[np.float64]
    offset: NDArray[np.float64]

    def __post_init__(self) -> None:
        m, size = np.shape(self.anchors)
        shapes = {"shift": (size,), "gain": (size,), "weight": (m, np.shape(self.weight)[-1])}
        for name, shape in (shapes | {"offset": shapes["weight"][1:]}).items():
            if np.shape(getattr(self, name)) != shape:
                raise KuamoError(f"{name}: given shape {np.shape(getattr(self, name))}; expected {shape}")
        if self.anchors.dtype != np.float16:  # as spaces stored by 0.1 have them, whose name depends on it
            object.__setattr__(self, "anchors", np.asarray(self.anchors, np.float32))

    def _tile(self, x: NDArray) -> NDArray:
        u = unit_rows((x - self.shift.astype(np.float32)) * self.gain.astype(np.float32))
        return arc_cosine(u @ self._anchors.T) @ self.weight.astype(np.float32) + self.offset.astype(np.float32)

    @cached_property
    def _anchors(self) -> NDArray[np.float32]:
        return self.anchors.astype(np.float32, copy=False)

    def then(self, after: LinearMap) -> KernelMap:
        """One map that does this and then `after`.

        Raises:
            KuamoError: if `after` takes codes of another size.
        """
        if after.dim_in != self.dim_out:
            raise KuamoError(f"then: given a map of size {after.dim_in}; expected size {self.dim_out}")
        offset = (self.offset - after.shift) @ after.weight + after.offset
        return KernelMap(self.shift, self.gain, self.anchors, self.weight @ after.weight, offset)

    def scaled(self, shift: NDArray, gain: NDArray) -> KernelMap:
        """The map that first takes x ↦ (x − shift) · gain."""
        return KernelMap(shift + self.shift / gain, self.gain * gain, self.anchors, self.weight, self.offset)


def kernel_map(anchors: NDArray, shift: NDArray | None = None) -> KernelMap:
    """φ with φ(a)·φ(b) = k(a, b) for a, b among the anchors (m, D), and its best approximation elsewhere.

        φ(x) = k(x, A) U diag(λ)^(-1/2),   k(A, A) = U diag(λ) Uᵀ

    Angles are seen from `shift` (D,), the origin if it is left out.

    References:
        Using the Nyström Method to Speed Up Kernel Machines, Williams and Seeger, 2001.

    Example:
        >>> rows = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
        >>> features = kernel_map(rows)(rows)
        >>> np.diag(features @ features.T).round(2)
        array([1., 1., 1., 1., 1.], dtype=float32)
    """
    size = anchors.shape[1]
    shift = np.zeros(size) if shift is None else shift
    unit = unit_rows((anchors - shift).astype(np.float32))
    values, vectors = np.linalg.eigh(arc_cosine(unit @ unit.T).astype(np.float64))
    real = values > 1e-5 * values[-1]
    weight = vectors[:, real] / np.sqrt(values[real])
    return KernelMap(shift, np.ones(size), unit, weight, np.zeros(weight.shape[1]))


def unit_rows(x: NDArray) -> NDArray:
    """Rows of length 1; a row of zeros stays."""
    return x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), np.finfo(x.dtype).tiny)
