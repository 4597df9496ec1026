"""The joint expert: one regression on all frozen columns side by side, kept as a sum, so that columns may be absent.

    j_S = Σ_{m ∈ S} l_m,   l_m = h_m W_m + b/M,       (W, b) = argmin E ℓ(y, Σ_m h_m W_m + b) + λ/2 ‖W‖²

h_m features in standard units over √D_m, so that every column is as large; 0 where absent, which is the mean. ℓ is the
cross-entropy of classes or half the squared error of a number: both convex. λ is chosen on groups that are held out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kuamo.closed_form.logistic import cross_entropy, logistic
from kuamo.threads import one_thread

if TYPE_CHECKING:
    from kuamo.space import Port, Space

__all__ = ["Joint", "side_by_side"]

ROWS = 20_000  # of a larger table so many are learned from
AXES = 1024  # principal axes of the columns side by side, if there are more numbers
FEW = 2000  # rows, below which λ is chosen on all folds
PENALTIES = tuple(10.0**-k for k in np.arange(0, 6.6, 0.5))
Array = NDArray[np.float32]
Solution = tuple[NDArray[np.float64], NDArray[np.float64]]


@dataclass(frozen=True, eq=False)
class Joint:
    """Columns side by side, and what is to be told.

    Args:
        x: (n, D). y: (n, K) indicators, or (n, 1) a number in standard units. weights: (n,).
        held: (n,) in [0, 1), of each row's group: those below a share are held out of something.
        spans: column → where its numbers stand in x, and what they were multiplied by.

    Example:
        >>> x = np.random.default_rng(0).normal(size=(200, 3)).astype(np.float32)
        >>> joint = Joint(x, x[:, :1], np.arange(200) / 200, np.ones(200), {"a": (slice(0, 3), 1.0)})
        >>> w, b = joint.solve(joint.choose())
        >>> bool(np.allclose(w[:, 0], [1, 0, 0], atol=0.01))
        True
    """

    x: Array
    y: Array
    held: NDArray[np.float64]
    weights: NDArray[np.float64]
    spans: Mapping[str, tuple[slice, float]]

    def choose(self) -> float:
        """λ, by the loss of rows that were held out: of all folds in turn if rows are few, else of the first."""
        of = (5 * self.held).astype(np.int64)
        folds = range(5) if len(self.x) <= FEW else (0,)
        parts = [(of != fold, of == fold) for fold in folds]
        parts = [(taught, held) for taught, held in parts if taught.any() and held.any()]
        before: list[Solution | None] = [None] * len(parts)
        best, chosen, worse = np.inf, PENALTIES[len(PENALTIES) // 2], 0
        x, _ = self.rotated
        with one_thread():
            for penalty in PENALTIES if parts else ():
                loss = 0.0
                for number, (taught, held) in enumerate(parts):
                    before[number] = w, b = self._fit(x, taught, penalty, before[number])
                    loss += self._loss(x[held] @ w.astype(np.float32) + b, held)
                worse = 0 if loss < best else worse + 1
                best, chosen = (loss, penalty) if loss < best else (best, chosen)
                if worse == 2:
                    break
        return chosen

    def solve(self, penalty: float, some: NDArray[np.bool_] | None = None) -> Solution:
        """W (D, K) and b (K,), of the rows `some`, or of all."""
        x, axes = self.rotated
        with one_thread():
            w, b = self._fit(x, np.ones(len(x), bool) if some is None else some, penalty)
        return (w if axes is None else axes @ w), b

    @property
    def rotated(self) -> tuple[Array, Array | None]:
        """x in its own principal axes (n, r), and these (D, r): to a regression with a ridge it is the same."""
        if not hasattr(self, "_rotated"):
            with one_thread():
                axes = principal_axes(self.x)
                object.__setattr__(self, "_rotated", (self.x @ axes, axes))
        return self._rotated  # type: ignore[attr-defined,no-any-return]

    def _fit(self, x: Array, some: NDArray[np.bool_], penalty: float, start: Solution | None = None) -> Solution:
        if self.y.shape[1] > 1:
            return logistic(x[some], self.y[some], penalty, weights=self.weights[some], start=start)
        share = (self.weights[some] / self.weights[some].sum())[:, None]
        shift, mean = (share * x[some]).sum(0), (share * self.y[some]).sum(0)
        inside = x[some] - shift
        square = (inside.T @ (share * inside)).astype(np.float64) + penalty * np.eye(x.shape[1])
        w = np.linalg.solve(square, (inside.T @ (share * (self.y[some] - mean))).astype(np.float64))
        return w, mean - shift @ w

    def _loss(self, told: NDArray[np.floating], held: NDArray[np.bool_]) -> float:
        if self.y.shape[1] > 1:
            return cross_entropy(told.astype(np.float64), self.y[held], self.weights[held])
        return float(np.average(np.square(told - self.y[held])[:, 0], weights=self.weights[held]))


def principal_axes(x: Array) -> Array:
    """Orthonormal axes (D, r) that hold all rows x (n, D), or the `AXES` largest of them, nearly."""
    n, size = x.shape
    if size <= min(n, AXES):
        return np.linalg.eigh((x.T @ x).astype(np.float64))[1][:, ::-1].astype(np.float32)
    if n <= AXES:
        values, left = np.linalg.eigh((x @ x.T).astype(np.float64))
        real = values > 1e-7 * values[-1]
        return (x.T @ (left[:, real] / np.sqrt(values[real]))[:, ::-1].astype(np.float32)).astype(np.float32)
    rng = np.random.default_rng(0)
    seen = x.T @ (x @ rng.standard_normal((size, min(AXES, n, size))).astype(np.float32))
    for _ in range(2):
        seen = x.T @ (x @ np.linalg.qr(seen)[0])
    within = np.linalg.qr(seen)[0]
    inside = x @ within
    return within @ np.linalg.eigh((inside.T @ inside).astype(np.float64))[1][:, ::-1].astype(np.float32)


def side_by_side(
    ports: Mapping[str, Port], cells: Mapping[str, tuple[np.ndarray, np.ndarray]], rows: NDArray[np.int64]
) -> tuple[Array, dict[str, tuple[slice, float]]]:
    """h (n, D) of these rows (ascending) for all columns, in the heads' standard units; several entries are averaged.

    Args:
        ports: column → port, of the frozen columns. cells: column → features and rows.
    """
    spans: dict[str, tuple[slice, float]] = {}
    widths = [cells[name][0].shape[1] for name in ports]
    x, at = np.zeros((len(rows), sum(widths)), np.float32), 0
    for (name, port), width in zip(ports.items(), widths, strict=True):
        h, row = cells[name]
        spans[name] = slice(at, at + width), 1 / np.sqrt(width)
        here = np.flatnonzero(np.isin(row, rows))
        place = np.searchsorted(rows, row[here])
        shift, gain = (part.numpy() for part in (port.head.shift, port.head.gain))
        count = np.bincount(place, minlength=len(rows)).clip(min=1)[:, None]
        np.add.at(x[:, spans[name][0]], place, (h[here] - shift) * gain)
        x[:, spans[name][0]] *= spans[name][1] / count
        at += width
    return x, spans


def place_in(space: Space, to: str, joint: Joint, solution: Solution) -> None:
    """Give heads and decoder a solution: l_m V with V (r, K), the main directions of what is told.

    W_m = A_m V with V orthonormal: exact where r ≥ K − 1, since logits may be shifted by what all classes share.
    """
    import torch

    w, b = solution
    size = space.fusion.joint
    v = np.linalg.svd(np.vstack([w, b[None]]), full_matrices=False)[2][:size]
    offset = torch.from_numpy(b @ v.T / len(joint.spans)).float()
    decoder: Any = space.port(to).decoder
    decoder.directions[: len(v)] = torch.from_numpy(v).float()
    for name, (where, scale) in joint.spans.items():
        head: Any = space.port(name).head
        head.weight[:, : len(v)] = torch.from_numpy(scale * w[where] @ v.T).float()
        head.offset[: len(v)] = offset
