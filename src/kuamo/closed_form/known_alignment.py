"""Views that already share a space, such as the towers of one CLIP model: what pairs add to that.

    W = ½ Cov(x − y)                        what differs within a pair
    B = ½ (Σxy + Σyx)                       what a pair has in common
    M_1 = I                                 the known alignment as it is: centred cosine
    M_2 = W*^(−½)                           within-pair whitening
    M_3 = W*^(−½) U diag(ψ/(1 + 2ψ))^½ Uᵀ   and axes weighted by how much pairs share: W*^(−½) B* W*^(−½) = U diag(ψ) Uᵀ
    code(x) = unit((x − x̄) M),   one M for all views,   M Mᵀ = Σ_k β_k M_k M_kᵀ / t_k,   t_k = mean |(x − x̄) M_k|²

W* and B* are shrunk towards (tr/D) I, so that few pairs cannot turn an axis: without pairs all three are M_1. β comes
from `score_stacking`. Since all views have one map, nothing has to be learned that is known; what is not known, such as
a rotation between the views, these maps cannot give.

W and B come of streamed moments (`PairMoments`); where there are fewer paired rows than features, of the rows' own
span, outside of which both are 0.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kuamo.closed_form.arc_cosine_kernel import unit_rows
from kuamo.closed_form.moments import PairMoments
from kuamo.core.types import Matrix

__all__ = ["CANDIDATES", "KnownMaps", "PairSums", "james_stein", "known_maps", "oas_shrinkage", "row_space"]

CANDIDATES = ("identity", "whitened", "weighted")
FEW = 20  # pairs by which a shrinkage that is estimated from n of them counts half


def james_stein(mean: ArrayLike, variance: float, n: int) -> Matrix:
    """A mean x̄ (D,) of n rows, shrunk towards 0: (1 − v / (n |x̄|²))₊ x̄, v the rows' total variance.

    Where the origin is the centre, few rows would else move it by noise; a mean that is large stays.

    References:
        Estimation with quadratic loss, W. James and C. Stein, 1961; the positive part: A. J. Baranchik, 1964.

    Example:
        >>> james_stein(np.array([3.0, 4.0]), 25.0, 4).tolist(), james_stein(np.array([0.1, 0.0]), 1.0, 20).tolist()
        ([2.25, 3.0], [0.0, 0.0])
    """
    mean = np.asarray(mean, np.float64)
    square = float(mean @ mean)
    return mean * max(0.0, 1 - variance / (n * square)) if square > 0 else mean


def oas_shrinkage(covariance: Matrix, n: int, dim: int) -> float:
    """δ in (1 − δ) S + δ (tr S / D) I: oracle approximating shrinkage, nearer to 1 where it rests on few rows.

        δ = min(1, ((1 − 2/D) tr S² + tr² S) / ((n + 1 − 2/D) (tr S² − tr² S / D))),   then 1 − (1 − δ) n/(n + 20)

    Args:
        covariance: S (r, r), of n rows; outside of its r axes it is 0. dim: D ≥ r.

    References:
        Shrinkage algorithms for MMSE covariance estimation, Y. Chen et al., 2010.

    Example:
        >>> oas_shrinkage(np.eye(3), 100, 3), oas_shrinkage(np.diag([9.0, 0.0, 0.0]), 10**6, 3) < 0.001
        (1.0, True)
    """
    square, trace = float((covariance * covariance).sum()), float(np.trace(covariance))
    below = (n + 1 - 2 / dim) * (square - trace * trace / dim)
    above = (1 - 2 / dim) * square + trace * trace
    delta = min(1.0, above / below) if below > 1e-12 * above else 1.0
    return 1 - (1 - delta) * n / (n + FEW)


@dataclass(frozen=True, eq=False)
class PairSums:
    """Moments of pairs of views in one space, on a basis (D, r) of it, or on its own axes where that is `None`.

    Sums add and subtract as moments do: a fold of cross-validation is total − shard.
    """

    moments: tuple[PairMoments, ...]
    basis: Matrix | None
    dim: int

    @staticmethod
    def of(pairs: Iterable[tuple[NDArray, NDArray]], dim: int, basis: Matrix | None = None) -> PairSums:
        """Of pairs of views (n, D), row i of one belonging to row i of the other."""
        sums = []
        for x, y in pairs:
            size = dim if basis is None else basis.shape[1]
            sums.append(PairMoments(size, size))
            if len(x):
                sums[-1].update(*((x, y) if basis is None else (x @ basis, y @ basis)))
        return PairSums(tuple(sums), basis, dim)

    def __sub__(self, other: PairSums) -> PairSums:
        return PairSums(tuple(a - b for a, b in zip(self.moments, other.moments, strict=True)), self.basis, self.dim)

    @property
    def n(self) -> int:
        """How many pairs."""
        return sum(one.n for one in self.moments)

    def within_and_between(self) -> tuple[Matrix, Matrix]:
        """W and B (r, r), pooled over pairs of views, each weighted by its rows."""
        found = [one.covariances() for one in self.moments if one.n >= 2]
        total = sum(one.n for one in found)
        within = sum(one.n / (2 * total) * (one.xx + one.yy - one.xy - one.xy.T) for one in found)
        between = sum(one.n / (2 * total) * (one.xy + one.xy.T) for one in found)
        return np.asarray(within), np.asarray(between)


def row_space(rows: Sequence[NDArray], dim: int) -> Matrix | None:
    """An orthonormal basis (D, r) of all rows, or `None` where they are as many as D.

    Example:
        >>> row_space([np.ones((1, 4))], 4).round(6).tolist()
        [[-0.5], [-0.5], [-0.5], [-0.5]]
    """
    if sum(map(len, rows)) >= dim:
        return None
    return np.linalg.qr(np.concatenate(rows).astype(np.float64).T)[0]


class Lifted(NamedTuple):
    """A map of R^D: `inner` (r, r) on a basis, and on all that is orthogonal to it a number."""

    inner: Matrix
    outer: float

    def matrix(self, basis: Matrix | None, dim: int) -> Matrix:
        """(D, D)."""
        if basis is None:
            return self.inner
        return basis @ (self.inner - self.outer * np.eye(len(self.inner))) @ basis.T + self.outer * np.eye(dim)


@dataclass(frozen=True, eq=False)
class KnownMaps:
    """The candidates M_k of a known alignment.

    Args:
        matrices: name → M_k (D, D): "identity", "whitened" and "weighted", all the same where there are no pairs.
    """

    matrices: Mapping[str, Matrix]

    def codes(self, x: NDArray) -> dict[str, NDArray]:
        """Of centred rows (n, D) the codes by each M_k, of unit norm."""
        return {name: unit_rows(x @ matrix.astype(x.dtype)) for name, matrix in self.matrices.items()}

    def blend(self, weights: Mapping[str, float], covariance: Matrix) -> Matrix:
        """M (D, D) with M Mᵀ = Σ_k β_k M_k M_kᵀ / t_k; `covariance` (D, D) of rows gives t_k = tr M_kᵀ Σ M_k."""
        used = {name: beta for name, beta in weights.items() if beta > 0}
        if len(used) == 1:
            return self.matrices[next(iter(used))]
        total = np.zeros_like(self.matrices["identity"])
        for name, beta in used.items():
            square = self.matrices[name] @ self.matrices[name].T
            total += beta / max(float((square * covariance).sum()), np.finfo(float).tiny) * square
        values, vectors = np.linalg.eigh(total)
        return (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T


def known_maps(sums: PairSums) -> KnownMaps:
    """The candidates that these pairs give.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> z = rng.normal(size=(500, 3))
        >>> x, y = (z + rng.normal(size=(500, 3)) * [1, 1, 9] for _ in range(2))  # the last axis differs within pairs
        >>> whitened = known_maps(PairSums.of([(x, y)], 3)).matrices["whitened"]
        >>> bool(whitened[2, 2] < 0.2 * whitened[0, 0])
        True
    """
    identity = np.eye(sums.dim)
    within, between = sums.within_and_between() if any(one.n >= 2 for one in sums.moments) else (0 * identity,) * 2
    if np.trace(within) <= np.finfo(np.float64).tiny:  # no pairs, or equal views
        return KnownMaps(dict.fromkeys(CANDIDATES, identity))
    whiten = inverse_root_of(shrunk(within, sums.n, sums.dim))
    turned = whiten.inner @ between @ whiten.inner
    common = shrunk(turned, sums.n, sums.dim) if np.trace(turned) > 0 else Lifted(np.eye(len(turned)), 1.0)
    values, vectors = np.linalg.eigh(common.inner)
    inner, outer = shared_weight(values), float(shared_weight(np.array(common.outer)))
    weighted = Lifted(whiten.inner @ (vectors * inner) @ vectors.T, whiten.outer * outer)
    learned = (one.matrix(sums.basis, sums.dim) for one in (whiten, weighted))
    return KnownMaps(dict(zip(CANDIDATES, (identity, *learned), strict=True)))


def shared_weight(psi: Matrix) -> Matrix:
    """(ψ/(1 + 2ψ))^½, the weight of an axis on which pairs share ψ times what differs within them."""
    psi = np.maximum(psi, 0)
    return np.sqrt(psi / (1 + 2 * psi))


def shrunk(covariance: Matrix, n: int, dim: int) -> Lifted:
    """(1 − δ) S + δ (tr S / D) I, on the basis and outside of it."""
    delta = oas_shrinkage(covariance, n, dim)
    level = delta * float(np.trace(covariance)) / dim
    return Lifted((1 - delta) * covariance + level * np.eye(len(covariance)), level)


def inverse_root_of(covariance: Lifted) -> Lifted:
    """S^(−½)."""
    values, vectors = np.linalg.eigh(covariance.inner)
    root = 1 / np.sqrt(np.maximum(values, covariance.outer))
    return Lifted((vectors * root) @ vectors.T, 1 / np.sqrt(covariance.outer))
