"""Folds of cross-validation: which rows are held out, and two views decomposed once for every ridge and method.

    Σxx = Ux diag(ex) Uxᵀ,   Σyy = Uy diag(ey) Uyᵀ,   T = Uxᵀ Σxy Uy
    C = (ex + λx)^(-1/2) T (ey + λy)^(-1/2) = A diag(ρ) Bᵀ,   codes (x − x̄) Ux (ex + λx)^(-1/2) A, the same for y

λ → ∞ on one side leaves that view's variance in: reduced-rank regression onto it. On both sides: Procrustes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kuamo.closed_form.cca import gram_svd
from kuamo.closed_form.kernel_pca import KernelView
from kuamo.closed_form.moments import Covariances, moments_of
from kuamo.core.errors import KuamoError
from kuamo.core.profiling import loops_are_short
from kuamo.core.types import Matrix

__all__ = [
    "FREE",
    "Axes",
    "FoldSolver",
    "Folds",
    "HeldOut",
    "Method",
    "as_labels",
    "fold_of_rows",
    "iter_folds",
    "penalty",
]

Method = Literal["regularised CCA", "Procrustes", "regression x → y", "regression y → x", "generalised CCA"]

FREE: dict[Method, tuple[bool, bool]] = {  # of which views is the variance left as it is, not divided out?
    "regularised CCA": (False, False),
    "Procrustes": (True, True),
    "regression x → y": (False, True),
    "regression y → x": (True, False),
}


def fold_of_rows(n: int, folds: int, seed: int, groups: NDArray | None = None) -> NDArray[np.intp]:
    """The fold (n,) of every row: a shuffled deal of rows, or of whole groups, the largest first.

    Example:
        >>> fold_of_rows(4, 2, seed=0, groups=np.array([7, 7, 8, 8])).tolist() in ([0, 0, 1, 1], [1, 1, 0, 0])
        True
    """
    labels = np.arange(n) if groups is None else groups
    names, which, count = np.unique(labels, return_inverse=True, return_counts=True)
    if len(names) < folds:
        raise KuamoError(f"groups: given {len(names)} different ones; expected at least folds = {folds}")
    order = np.random.default_rng(seed).permutation(len(names))
    order = order[np.argsort(-count[order], kind="stable")]
    sizes, fold_of_group = np.zeros(folds, int), np.zeros(len(names), int)
    if groups is None:
        fold_of_group[order] = np.arange(n) % folds
        return fold_of_group[which]
    for group in order:
        fold_of_group[group] = sizes.argmin()
        sizes[fold_of_group[group]] += count[group]
    return fold_of_group[which]


class HeldOut(NamedTuple):
    """A fold: those of its rows that are ranked, and the rows outside it."""

    rows: NDArray[np.intp]
    seen: NDArray[np.intp]


def iter_folds(fold: NDArray[np.intp], enough: int, gallery: int, seed: int) -> Iterator[HeldOut]:
    """Folds, each with at most `gallery` of its rows, until `enough` rows have come, but at least two."""
    rng = np.random.default_rng(seed)
    ranked = 0
    for number in range(fold.max() + 1):
        if number >= 2 and (ranked >= enough or loops_are_short()):  # of many rows two folds are enough
            return
        rows = np.flatnonzero(fold == number)
        ranked += len(rows)
        yield HeldOut(np.sort(rng.permutation(rows)[:gallery]), np.flatnonzero(fold != number))


def as_labels(groups: ArrayLike, n: int) -> NDArray[np.intp]:
    """Groups as numbers (n,)."""
    array = np.asarray(groups)
    if array.shape != (n,):
        raise KuamoError(f"groups: given shape {array.shape}; expected ({n},)")
    return np.unique(array, return_inverse=True)[1]


class Folds:
    """The folds of one kernel, each decomposed when it is first asked for, and once."""

    def __init__(self, x: KernelView, y: KernelView, held: Sequence[HeldOut]) -> None:
        self.x, self.y, self.held = x, y, held
        self.solvers: list[FoldSolver] = []

    def first(self, count: int) -> list[FoldSolver]:
        """The first so many."""
        for one in self.held[len(self.solvers) : count]:
            self.solvers.append(FoldSolver.of(self.x, self.y, one))
        return self.solvers[:count]


@dataclass(frozen=True, eq=False)
class Axes:
    """Two views on their own principal axes, where whitening is a division, so that each further ridge is cheap."""

    var_x: Matrix  # (p,) variances e on the axes
    var_y: Matrix
    cross: Matrix  # T (p, q)

    def maps(self, method: Method, ridge: float, dim: int) -> tuple[Matrix, Matrix, Matrix]:
        """Weights (p, k) and (q, k), and ρ (k,): correlations, or where variance is left in, strengths up to 1.

        A ridge without end leaves variance in: of both views, that is Procrustes; of one, regression onto it.
        """
        free_x, free_y = FREE[method]
        scale_x, scale_y = divisor(self.var_x, ridge, free_x), divisor(self.var_y, ridge, free_y)
        u, rho, v = gram_svd(self.cross * scale_x[:, None] * scale_y, dim)
        most = max(float(rho[0]), np.finfo(np.float64).tiny) if free_x or free_y else 1.0
        return u * scale_x[:, None], v * scale_y[:, None], np.clip(rho / most, 0, 1)


@dataclass(frozen=True, eq=False)
class FoldSolver:
    """One fold: the rows that are seen, as `Axes`, and the rows that are held out, turned to the same axes."""

    axes: Axes
    seen_x: Matrix  # (n, p), centred
    seen_y: Matrix
    held_x: Matrix  # (m, p)
    held_y: Matrix

    @staticmethod
    def of(view_x: KernelView, view_y: KernelView, held: HeldOut) -> FoldSolver:
        """Decompose both covariances, where views have not done so, and turn everything else."""
        (seen_x, held_x), (seen_y, held_y) = view_x.split(held.seen, held.rows), view_y.split(held.seen, held.rows)
        if view_x.principal and view_y.principal:
            axes = Axes(seen_x.var(0, ddof=1), seen_y.var(0, ddof=1), seen_x.T @ seen_y / (len(seen_x) - 1))
            return FoldSolver(axes, seen_x, seen_y, held_x, held_y)
        c: Covariances = moments_of([(seen_x, seen_y)]).covariances()
        (e_x, u_x), (e_y, u_y) = np.linalg.eigh(c.xx), np.linalg.eigh(c.yy)
        axes = Axes(np.maximum(e_x, 0), np.maximum(e_y, 0), u_x.T @ c.xy @ u_y)
        turned = ((x - mean) @ u for x, mean, u in (
            (seen_x, c.mean_x, u_x), (seen_y, c.mean_y, u_y), (held_x, c.mean_x, u_x), (held_y, c.mean_y, u_y),
        ))  # fmt: skip
        return FoldSolver(axes, *turned)

    def codes(self, method: Method, ridge: float, dim: int) -> tuple[NDArray, NDArray, Matrix]:
        """Held-out codes (m, k) of both views, float32, and ρ (k,)."""
        weight_x, weight_y, rho = self.axes.maps(method, ridge, dim)
        return (self.held_x @ weight_x).astype(np.float32), (self.held_y @ weight_y).astype(np.float32), rho

    def seen_codes(self, method: Method, ridge: float, dim: int, rows: NDArray[np.intp]) -> tuple[NDArray, NDArray]:
        """Codes (b, k) of both views of some of the rows that are seen, float32."""
        weight_x, weight_y, _ = self.axes.maps(method, ridge, dim)
        return (self.seen_x[rows] @ weight_x).astype(np.float32), (self.seen_y[rows] @ weight_y).astype(np.float32)


def divisor(variance: Matrix, ridge: float, free: bool) -> Matrix:
    """(e + λ)^(-1/2), or the same for all when variance is left in."""
    lam = penalty(variance, ridge)
    return np.full_like(variance, 1 / np.sqrt(variance.mean() + lam)) if free else 1 / np.sqrt(variance + lam)


def penalty(variance: Matrix, ridge: float) -> float:
    """λ = c times the mean variance; never 0, so that a constant view is divided by something."""
    return ridge * float(variance.mean()) + float(np.finfo(np.float64).tiny)
