"""A view on its leading principal axes: those of its features, or those of a kernel of them.

    centred Gram matrix of the rows seen = V diag(λ) Vᵀ;   coordinates of those rows V diag(λ)^(1/2)

In cross-validation the axes are found again for each fold, from the rows that the fold sees: axes that knew the
held-out rows let it choose two to four times too much or too little ridge (2.7 points of R@1 on emoji).
Above `GRAM_ROWS` rows, axes are found once from all rows: there they hardly depend on a fold, and cost more. Axes that
keep every direction are found once too: they are a rotation, and know nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from kuamo.closed_form.arc_cosine_kernel import KernelMap, arc_cosine, kernel_map, unit_rows
from kuamo.closed_form.linear_map import LinearMap
from kuamo.closed_form.moments import check_finite
from kuamo.core.types import Matrix

__all__ = ["Kernel", "KernelView", "Map", "leading_axes", "principal_map", "views_of"]

Map = LinearMap | KernelMap
Kernel = Literal["linear", "arc-cosine"]

GRAM_ROWS = 4096
ANCHORS = 2048


class KernelView(Protocol):
    """One view of n rows, ready to be cut into folds.

    `principal`: are the coordinates of seen rows those on their own principal axes, with mean 0 and no covariance?
    """

    principal: bool

    def split(self, seen: NDArray[np.intp], held: NDArray[np.intp]) -> tuple[Matrix, Matrix]:
        """Coordinates (n_seen, p) and (n_held, p) on axes that only the seen rows decide (or nearly so)."""

    def whole(self) -> tuple[Matrix, Map]:
        """Coordinates (n, p) of all rows on their axes, with mean 0, and the map that makes them of features."""


def views_of(
    x: NDArray, kernels: Sequence[Kernel], components: int, name: str, seed: int = 0
) -> dict[Kernel, KernelView]:
    """The view of features x (n, D) in each kernel, on at most so many axes; one Gram matrix serves them all.

    Raises:
        KuamoError: naming view, row and column of what is not finite.
    """
    total = x.sum(0, dtype=np.float64)
    check_finite(x, total, np.zeros((1, 1)), name)
    many, whole = len(x) > GRAM_ROWS, x.shape[1] < min(components, len(x))
    views: dict[Kernel, KernelView] = {}
    if "linear" in kernels and (many or whole):
        views["linear"] = SlicedView(x, None, components, name)
    if "arc-cosine" in kernels and many:
        chosen = np.random.default_rng(seed).choice(len(x), ANCHORS, replace=False)
        views["arc-cosine"] = SlicedView(x, kernel_map(x[np.sort(chosen)], total / len(x)), components, name)
    missing: list[Kernel] = [kernel for kernel in kernels if kernel not in views]
    if missing:
        mean = (total / len(x)).astype(x.dtype).astype(np.float64)
        centered = x - mean.astype(x.dtype)
        gram = centered @ centered.T
        size = np.sqrt(np.maximum(gram.diagonal(), np.finfo(gram.dtype).tiny))
        for kernel in missing:
            own = gram if kernel == "linear" else arc_cosine(gram / size[:, None] / size)
            views[kernel] = GramView(kernel, own, centered, mean, components)
    return views


@dataclass(frozen=True, eq=False)
class GramView:
    """A view of few rows, by its Gram matrix.

    Args:
        gram: (n, n) of features or of the kernel. centred: (n, D) features minus their mean (D,).
    """

    kernel: Kernel
    gram: NDArray
    centered: NDArray
    mean: Matrix
    components: int
    principal = True

    def split(self, seen: NDArray[np.intp], held: NDArray[np.intp]) -> tuple[Matrix, Matrix]:
        """See `View.split`."""
        inner, outer = self.gram[np.ix_(seen, seen)], self.gram[np.ix_(held, seen)]
        mean = inner.mean(0)
        coordinates, weight = kernel_axes(inner - mean - mean[:, None] + mean.mean(), self.components)
        outer = outer - outer.mean(1, keepdims=True) - mean + mean.mean()
        return coordinates, outer @ weight.astype(outer.dtype)

    def whole(self) -> tuple[Matrix, Map]:
        """See `View.whole`."""
        mean = self.gram.mean(0)
        coordinates, weight = kernel_axes(self.gram - mean - mean[:, None] + mean.mean(), self.components)
        if self.kernel == "linear":
            return coordinates, LinearMap(self.mean, self.centered.T @ weight.astype(self.centered.dtype))
        gain, anchors = np.ones(len(self.mean)), unit_rows(self.centered)
        return coordinates, KernelMap(self.mean, gain, anchors, weight, -mean @ weight)


class SlicedView:
    """A view of many rows: axes and coordinates once, folds by slicing.

    Args:
        x: (n, D) features. before: a kernel's features, or nothing. components: p. name: of the view, for errors.
    """

    principal = False

    def __init__(self, x: NDArray, before: KernelMap | None, components: int, name: str) -> None:
        if before is not None:
            x = np.concatenate([before(x[start : start + 8192]) for start in range(0, len(x), 8192)])
        basis = principal_map(x, components, name)
        self.coordinates = np.asarray(basis(x), np.float64)
        self.map: Map = basis if before is None else before.then(basis)

    def split(self, seen: NDArray[np.intp], held: NDArray[np.intp]) -> tuple[Matrix, Matrix]:
        """See `View.split`."""
        return self.coordinates[seen], self.coordinates[held]

    def whole(self) -> tuple[Matrix, Map]:
        """See `View.whole`."""
        return self.coordinates, self.map


def principal_map(x: NDArray, components: int, name: str) -> LinearMap:
    """Centre a view and turn it to at most so many leading principal axes, by the smaller of XᵀX and XXᵀ."""
    total = x.sum(0, dtype=np.float64)
    check_finite(x, total, np.zeros((1, 1)), name)
    mean = total / len(x)
    size = min(components, len(x) - 1, x.shape[1])
    centered = (x - mean).astype(x.dtype, copy=False)  # double precision would double the bill of a wide view
    if len(x) < x.shape[1]:
        axes = centered.T @ leading_axes(centered @ centered.T, size)[0].astype(x.dtype)
        norm = np.linalg.norm(axes, axis=0)
        return LinearMap(mean, axes / np.where(norm > 1e-8 * norm.max(), norm, np.inf))
    gram = np.zeros((x.shape[1],) * 2)
    for start in range(0, len(x), 8192):
        part = centered[start : start + 8192]
        gram += part.T @ part
    return LinearMap(mean, leading_axes(gram, size)[0])


def kernel_axes(gram: NDArray, k: int) -> tuple[Matrix, Matrix]:
    """Coordinates (n, p) on at most k principal axes of a centred kernel, and W (n, p): coordinates = K W.

        K = V diag(λ) Vᵀ:  W = V diag(λ)^(-1/2)

    Of large matrices W spans what `leading_axes` finds, and K W is turned to its own principal axes (Nyström), so that
    a head, which computes k(x, ·) W, gives training rows the very coordinates that a fit was solved on, and these are
    uncorrelated.

    References:
        Using the Nyström Method to Speed Up Kernel Machines, Williams and Seeger, 2001.
    """
    axes, values = leading_axes(gram, min(k, len(gram) - 1))
    real = values > 10 * float(np.finfo(gram.dtype).eps) * max(float(values[0]), float(np.finfo(gram.dtype).tiny))
    real[0] = True
    root = np.sqrt(np.maximum(values[real], np.finfo(np.float64).tiny))
    weight = axes[:, real] / root
    weight -= weight.mean(0)  # a head's kernel is not centred: what rounding has left along 1 would count there
    if exact_kernel(len(gram), k):
        return axes[:, real] * root, weight
    coordinates = (gram @ weight.astype(gram.dtype)).astype(np.float64)
    turn = np.linalg.eigh(coordinates.T @ coordinates)[1][:, ::-1]
    return coordinates @ turn, weight @ turn


def leading_axes(gram: NDArray, k: int) -> tuple[Matrix, Matrix]:
    """Orthonormal (n, k), the k leading eigenvectors of a positive semi-definite matrix, and their eigenvalues (k,).

    The precision of large products is that of `gram`.

    A full `eigh` up to 2 k. Above, two rounds of subspace iteration from a fixed random start with k/8 spare
    directions: trailing axes are then approximate, so whatever is computed on them must be computed from the same
    numbers as in a fit (`kernel_axes`). Where that holds, exact ones gained nothing on emoji (R@10 of three splits .797
    by either, at 3 CPU s more); one round did lose (.778).
    """
    n = len(gram)
    if exact_kernel(n, k):
        values, vectors = np.linalg.eigh(gram.astype(np.float64))
        return vectors[:, ::-1][:, :k], values[::-1][:k]
    start = np.random.default_rng(0).standard_normal((n, k + k // 8), dtype=np.float32).astype(gram.dtype)
    span = np.linalg.qr(gram @ (gram @ start))[0]
    values, turn = np.linalg.eigh((span.T @ gram @ span).astype(np.float64))
    return span @ turn[:, ::-1][:, :k], values[::-1][:k]


def exact_kernel(n: int, k: int) -> bool:
    """Is an (n, n) matrix decomposed in full for its k leading axes?"""
    return n <= 2 * k
