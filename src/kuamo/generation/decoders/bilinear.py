"""The bilinear decoder: a content in a style, also where the two were never seen together.

    y = M ψ(t) + W (φ(z) ⊗ R ψ(t)),      cov(y, y′) = k(z, z′) · ψ(t)ᵀ Q ψ(t′) + noise,      Q = Rᵀ R

z is the code of the content, t that of the style, ψ(t) = [1, t on its main axes], and φ(z) with φ(z)·φ(z′) = k(z, z′) a
Gaussian kernel as wide as contents usually lie apart. Q is learned: how alike styles are, from the products y·y′ of
rows of the same content. So a style that is between two others is made of both, where one number for each style would
have to learn it by itself. With Q = I it is ridge on [z, t, z ⊗ t] (of φ).

References:
    Separating Style and Content with Bilinear Models, Tenenbaum and Freeman, 2000.
    Multi-task Gaussian Process Prediction, Bonilla, Chai and Williams, 2008.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

import numpy as np

from kuamo.core.contracts import Stored
from kuamo.core.errors import KuamoError
from kuamo.embedding.decoder import Decoder

__all__ = ["BilinearDecoder", "solve_bilinear"]

STYLES = 8  # axes of t at most
PENALTIES = (1e-4, 1e-3, 1e-2, 1e-1)  # λ, in units of k · ψᵀQψ
FEATURES = 2048  # of φ ⊗ ψ at most: more contents share landmarks
CHOOSING = 3000  # rows by which λ is chosen
FLOOR = 1e-4  # of Q's largest eigenvalue: no style is wholly like others


@dataclass(frozen=True, eq=False)
class BilinearDecoder(Decoder, Stored):
    """p(y | z, t) with its mean linear in φ(z) ⊗ ψ(t); a point decoder of two codes, [z, t].

    Args:
        style_columns: whose code is t; z is that of the others. base_column: that of which y is the change, if any.
        landmarks: (m, d) contents. root: (m, m), φ(z) = k(z, landmarks) root. width: γ in k = exp(−γ ‖z − z′‖²).
        shift: (d,) and axes (d, r): of t. mixing: R (1 + r, 1 + r). level: M (1 + r, L). weight: W (m (1 + r), L).
        error: √(E‖ŷ − y‖² / E‖y − ȳ‖²) on combinations that were left out.
    """

    RENAMED = MappingProxyType({**Decoder.RENAMED, "base_column": "of"})
    style_columns: tuple[str, ...] = field()
    base_column: str | None
    landmarks: np.ndarray
    root: np.ndarray
    width: float
    shift: np.ndarray
    axes: np.ndarray
    mixing: np.ndarray
    level: np.ndarray
    weight: np.ndarray
    error: float = float("nan")

    @property
    def out(self) -> int:
        return self.level.shape[1]

    def loss(self, y: np.ndarray, z: np.ndarray, rng: Any = None) -> np.ndarray:
        """Squared error (n,)."""
        return np.square(self.sample(z) - y).sum(axis=1)

    def sample(self, z: np.ndarray, rng: Any = None) -> np.ndarray:
        """The conditional mean (n, L) of codes (n, 2d), content and style."""
        content, style = np.split(np.asarray(z, np.float64), 2, axis=1)
        psi = self.psi(style)
        return (psi @ self.level + self.features(content, psi) @ self.weight).astype(np.float32)

    def psi(self, style: np.ndarray) -> np.ndarray:
        """ψ(t), (n, 1 + r)."""
        return np.concatenate([np.ones((len(style), 1)), (style - self.shift) @ self.axes], axis=1)

    def features(self, content: np.ndarray, psi: np.ndarray) -> np.ndarray:
        """φ(z) ⊗ R ψ(t), (n, m (1 + r))."""
        phi = kernel(content, self.landmarks, self.width) @ self.root
        return (phi[:, :, None] * (psi @ self.mixing.T)[:, None, :]).reshape(len(content), -1)


def solve_bilinear(
    content: np.ndarray,
    style: np.ndarray,
    y: np.ndarray,
    style_columns: Sequence[str],
    base_column: str | None = None,
    penalty: float | None = None,
) -> BilinearDecoder:
    """The decoder of rows (z, t, y), in closed form.

    Args:
        content: z (n, d). style: t (n, d). y: (n, L). style_columns, base_column: see `BilinearDecoder`.
        penalty: λ; if not given, that of the least error where each combination of z and t is left out in turn.

    Example:
        >>> content, style = np.repeat(np.eye(6), 2, axis=0), np.tile(np.eye(6)[:2], (6, 1))
        >>> y = content + 3 * style
        >>> known = np.arange(12) != 5
        >>> decoder = solve_bilinear(content[known], style[known], y[known], ["style"])
        >>> new = decoder.sample(np.concatenate([content, style], axis=1))[5]
        >>> [round(number) for number in new.tolist()]
        [0, 3, 1, 0, 0, 0]
    """
    if len(y) < 2:
        raise KuamoError(f"given {len(y)} rows; expected at least two")
    content, style, y = (np.asarray(part, np.float64) for part in (content, style, y))
    shift, axes = style_axes(style)
    rng = np.random.default_rng(0)  # of landmarks, and of rows to choose λ by
    distinct, same = np.unique(content.round(6), axis=0, return_inverse=True)
    most = max(1, FEATURES // (1 + axes.shape[1]))
    landmarks = distinct if len(distinct) <= most else distinct[np.sort(rng.permutation(len(distinct))[:most])]
    squares = pairwise_squares(landmarks, landmarks)
    width = 1 / max(float(np.median(squares[np.triu_indices(len(squares), 1)])) if len(squares) > 1 else 1.0, 1e-12)
    size = 1 + axes.shape[1]
    root, level = inverse_square_root(np.exp(-width * squares)), np.zeros((size, y.shape[1]))
    weight = np.zeros((len(landmarks) * size, y.shape[1]))
    decoder = BilinearDecoder(
        tuple(style_columns), base_column, landmarks, root, width, shift, axes, np.eye(size), level, weight
    )
    psi = decoder.psi(style)
    level = np.linalg.solve(psi.T @ psi + 1e-6 * len(psi) * np.eye(size), psi.T @ y)
    rest = y - psi @ level
    decoder = replace(decoder, level=level, mixing=likeness_root(psi, rest, same.reshape(-1)))
    x = decoder.features(content, psi)
    groups = np.unique(np.concatenate([content, style], axis=1).round(6), axis=0, return_inverse=True)[1].reshape(-1)
    some = held_out_groups(groups, rng)
    lam, error = chosen(x[some], rest[some], groups[some], y[some], PENALTIES if penalty is None else (penalty,))
    gram = x.T @ x
    weight = np.linalg.solve(gram + lam * np.eye(len(gram)), x.T @ rest)
    return replace(decoder, weight=weight.astype(np.float32), error=error)


def kernel(x: np.ndarray, landmarks: np.ndarray, width: float) -> np.ndarray:
    """exp(−γ ‖x − x′‖²), (n, m)."""
    return np.exp(-width * pairwise_squares(x, landmarks))


def pairwise_squares(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """(n, m)."""
    return np.maximum(np.square(x).sum(1)[:, None] + np.square(y).sum(1) - 2 * x @ y.T, 0)


def inverse_square_root(matrix: np.ndarray) -> np.ndarray:
    """K^(−1/2), its smallest eigenvalues left out."""
    values, vectors = np.linalg.eigh(matrix)
    kept = values > 1e-10 * values[-1]
    return (vectors[:, kept] / np.sqrt(values[kept])) @ vectors[:, kept].T


def style_axes(style: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean (d,) and scaled main axes (d, r) of the distinct styles: at most 8, none that hardly matters."""
    distinct = np.unique(style.round(6), axis=0)
    shift = distinct.mean(0)
    values, vectors = np.linalg.eigh((distinct - shift).T @ (distinct - shift) / len(distinct))
    order = [k for k in np.argsort(-values)[:STYLES] if values[k] > max(1e-3 * values.max(), 1e-12)]
    return shift, vectors[:, order] / np.sqrt(values[order])


def likeness_root(psi: np.ndarray, y: np.ndarray, same: np.ndarray) -> np.ndarray:
    """R (p, p) with y_i · y_j ≈ ψ_iᵀ RᵀR ψ_j for rows of one content, by least squares towards Q = q I; scaled so that
    ψᵀQψ is 1 on average.

    Args:
        psi: (n, p). y: (n, L). same: (n,) the number of each row's content.
    """
    size = psi.shape[1]
    normal, right, pairs = np.zeros((size**2, size**2)), np.zeros(size**2), 0
    order = np.argsort(same, kind="stable")
    for rows in np.split(order, np.flatnonzero(np.diff(same[order])) + 1):
        rows = rows[:64]  # of one content these are pairs enough
        both = np.einsum("ia,jb->ijab", psi[rows], psi[rows]).reshape(-1, size**2)
        normal, pairs = normal + both.T @ both, pairs + len(both)
        right = right + both.T @ (y[rows] @ y[rows].T).reshape(-1)
    usual = np.square(y).sum(1).mean() / np.square(psi).sum(1).mean()
    little = 1e-3 * pairs
    q = np.linalg.solve(normal + little * np.eye(size**2), right + little * usual * np.eye(size).reshape(-1))
    q = q.reshape(size, size)
    values, vectors = np.linalg.eigh((q + q.T) / 2)
    if values[-1] <= 0:
        return np.eye(size)
    root = (vectors * np.sqrt(np.maximum(values, FLOOR * values[-1]))).T
    return root / np.sqrt(np.square(psi @ root.T).sum(1).mean())


def held_out_groups(groups: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Rows (k,) of whole groups, at most 3,000 where groups are smaller than that."""
    if len(groups) <= CHOOSING:
        return np.arange(len(groups))
    names, sizes = np.unique(groups, return_counts=True)
    order = rng.permutation(len(names))
    count = max(2, int(np.searchsorted(np.cumsum(sizes[order]), CHOOSING, "right")))
    return np.flatnonzero(np.isin(groups, names[order[:count]]))


def chosen(
    x: np.ndarray, rest: np.ndarray, groups: np.ndarray, y: np.ndarray, penalties: Sequence[float]
) -> tuple[float, float]:
    """λ with the least error on groups left out, and that error, relative to y's spread.

    e_g = (I − H_gg)⁻¹ (y_g − H_g y),   H = X (XᵀX + λI)⁻¹ Xᵀ: each group's error without it, from one solution.
    """
    values, vectors = np.linalg.eigh(x.T @ x)
    turned = x @ vectors
    inside = turned.T @ rest
    order = np.argsort(groups, kind="stable")
    parts = np.split(order, np.flatnonzero(np.diff(groups[order])) + 1)
    found = {}
    for lam in penalties:
        shrunk = turned / (np.maximum(values, 0) + lam)
        error = rest - shrunk @ inside
        found[lam] = sum(
            float(np.square(np.linalg.solve(np.eye(len(g)) - shrunk[g] @ turned[g].T, error[g])).sum()) for g in parts
        )
    best = min(found, key=lambda lam: found[lam])
    total = float(np.square(y - y.mean(0)).sum())
    return best, float(np.sqrt(found[best] / total)) if total > 0 else 0.0
