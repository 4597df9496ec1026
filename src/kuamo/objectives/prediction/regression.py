"""Regression on the concatenated features of all frozen columns, kept as a sum over columns, and one on each by itself.

    (W, b)     = argmin E ℓ(y, Σ_m h_m W_m + b) + λ/2 ‖W‖²,      w_m = h_m W_m + b/M
    (A_m, a_m) = argmin E ℓ(y, h_m A + a) + λ_m/2 ‖A‖²,          s_m = h_m A_m + a_m,       l_m = [w_m, s_m] Vᵀ

h_m features in standard units over √D_m, so that every column is as large; 0 where absent, which is the mean. ℓ is the
cross-entropy of classes or half the squared error of a number: both convex. λ is chosen on groups that are held out.
From the l_m of the columns that a row has follows its prediction (`subset_regression.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from kuamo.closed_form.arc_cosine_kernel import arc_cosine, unit_rows
from kuamo.closed_form.logistic import cross_entropy, log_softmax, logistic
from kuamo.core.arrays import row_means
from kuamo.core.threads import single_threaded_blas
from kuamo.core.types import Packed
from kuamo.embedding.space import EmbeddingSpace

__all__ = ["Chosen", "JointRegression", "hash_uniform", "joint_regression", "principal_directions", "write_heads"]

FOLDS = 5
ROWS = 20_000  # of a larger table so many are learned from
AXES = 1024  # principal axes of the columns side by side, if there are more numbers
FEW = 2000  # rows, below which λ is chosen on all folds
KERNEL_ROWS, FEWEST = 800, 20  # of the test for what is not linear
WORTH = 0.01  # of the variance of y, that it must explain
RIDGES = (0.1, 1.0, 10.0, 100.0)
ROUGH = 1e-4  # how nearly what chooses λ is solved
GOLDEN = 2654435761  # a number's multiples by it lie all over 2³²
PENALTIES = tuple(10.0**-k for k in np.arange(0, 6.6, 0.5))
Float32Array = NDArray[np.float32]
WeightAndBias = tuple[NDArray[np.float64], NDArray[np.float64]]


def hash_uniform(group: Any) -> Any:
    """A number in [0, 1) for each group's number (n,), which follows from that alone.

    Example:
        >>> hash_uniform(np.arange(4)).round(2).tolist()
        [0.0, 0.62, 0.24, 0.85]
    """
    return (group * GOLDEN) % 2**32 / 2**32


class Chosen(NamedTuple):
    """λ, and for each fold its rows (n,) bool and what was solved without them: W (D, K) and b (K,)."""

    penalty: float
    unseen: list[tuple[NDArray[np.bool_], WeightAndBias]]


@dataclass(frozen=True, eq=False)
class JointRegression:
    """Columns side by side, and the target.

    Args:
        x: (n, D). y: (n, K) indicators, or (n, 1) a number in standard units. weights: (n,).
        held: (n,) in [0, 1), of each row's group: those below a share are held out of something.
        spans: column → where its numbers stand in x, and what they were multiplied by.
        there: (n, M), has the row the column? base: (n, K), a fixed part of the prediction, if any.

    Example:
        >>> x = np.random.default_rng(0).normal(size=(200, 3)).astype(np.float32)
        >>> joint = JointRegression(x, x[:, :1], np.arange(200) / 200, np.ones(200))
        >>> w, b = joint.solve(joint.choose())
        >>> bool(np.allclose(w[:, 0], [1, 0, 0], atol=0.01))
        True
    """

    x: Float32Array
    y: Float32Array
    held: NDArray[np.float64]
    weights: NDArray[np.float64]
    spans: Mapping[str, tuple[slice, float]] = field(default_factory=dict)
    there: NDArray[np.bool_] | None = None
    base: NDArray[np.floating] | None = None

    def rows_with(self, name: str) -> NDArray[np.bool_]:
        """(n,) the rows that have a column."""
        return np.ones(len(self.x), bool) if self.there is None else self.there[:, list(self.spans).index(name)]

    def alone(self, name: str) -> JointRegression:
        """One column by itself, of the rows that have it."""
        there = self.rows_with(name)
        x = self.x[there, self.spans[name][0]]
        return JointRegression(x, self.y[there], self.held[there], self.weights[there])

    def choose(self) -> Chosen:
        """λ, by the loss of rows that were held out: of all folds in turn if rows are few, else of the last."""
        of = (FOLDS * self.held).astype(np.int64)
        folds = range(FOLDS) if len(self.x) <= FEW else (FOLDS - 1,)
        parts = [(of != fold, of == fold) for fold in folds]
        parts = [(kept, held) for kept, held in parts if kept.any() and held.any()]
        before: list[WeightAndBias | None] = [None] * len(parts)
        best, chosen, worse = np.inf, Chosen(PENALTIES[len(PENALTIES) // 2], []), 0
        x, _ = self.rotated
        with single_threaded_blas():
            for penalty in PENALTIES if parts else ():
                loss = 0.0
                for number, (kept, held) in enumerate(parts):
                    before[number] = w, b = self._fit(x, kept, penalty, before[number], ROUGH)
                    loss += self._loss(x[held] @ w.astype(np.float32) + b, held)
                worse = 0 if loss < best else worse + 1
                if loss < best:
                    found = [(held, part) for (_, held), part in zip(parts, before, strict=True) if part is not None]
                    best, chosen = loss, Chosen(penalty, found)
                if worse == 2:
                    break
        return Chosen(chosen.penalty, [(held, self._back(part)) for held, part in chosen.unseen])

    def solve(self, chosen: Chosen, some: NDArray[np.bool_] | None = None) -> WeightAndBias:
        """W (D, K) and b (K,), of the rows `some`, or of all."""
        x, axes = self.rotated
        start = None
        if chosen.unseen:
            w, b = chosen.unseen[0][1]
            start = axes.T @ w, b
        with single_threaded_blas():
            return self._back(self._fit(x, np.ones(len(x), bool) if some is None else some, chosen.penalty, start))

    def nonlinear(self, chosen: Chosen) -> bool:
        """Does a kernel regression predict what is left of rows that were held out?

            r = y − p₋ᵢ,   gain_i = ‖r_i‖² − ‖r_i − r̂₋ᵢ‖²,   r̂ ridge regression on arc-cosine kernels

        Each row is left out in closed form, of some hundred rows; the best ridge must gain more than two standard
        errors, and a hundredth of the variance of y.

        References:
            Cross-Validatory Choice and Assessment of Statistical Predictions, Stone, 1974 (PRESS).

        Example:
            >>> x = np.random.default_rng(0).normal(size=(300, 2)).astype(np.float32)
            >>> xor = np.sign(x[:, :1] * x[:, 1:])
            >>> several = [JointRegression(x, y, np.arange(300) / 300, np.ones(300)) for y in (xor, x[:, :1])]
            >>> [one.nonlinear(one.choose()) for one in several]
            [True, False]
        """
        o, known = np.zeros(self.y.shape), np.zeros(len(self.x), bool)
        for held, (w, b) in chosen.unseen:
            o[held], known[held] = self.x[held] @ w + b, True
        at = np.flatnonzero(known)
        at = at[np.random.default_rng(0).permutation(len(at))[:KERNEL_ROWS]]
        if len(at) < FEWEST:
            return False
        left = self.y[at] - (np.exp(log_softmax(o[at])) if self.y.shape[1] > 1 else o[at])
        x = unit_rows(self.x[at].astype(np.float64))
        values, axes = np.linalg.eigh(arc_cosine(x @ x.T))
        gains = []
        for ridge in RIDGES:
            shrink = values / (values + ridge * values.mean())
            out = (left - axes @ (shrink[:, None] * (axes.T @ left))) / (1 - np.square(axes) @ shrink)[:, None]
            gains.append((np.square(left) - np.square(out)).sum(1))
        best = max(gains, key=lambda gain: gain.mean())
        most = np.square(self.y[at] - self.y[at].mean(0)).sum(1).mean()
        return bool(best.mean() > max(2 * best.std() / np.sqrt(len(best)), WORTH * most))

    def _back(self, solution: WeightAndBias) -> WeightAndBias:
        w, b = solution
        return self.rotated[1] @ w, b

    @cached_property
    def rotated(self) -> tuple[Float32Array, Float32Array]:
        """x in its own principal axes (n, r), and these (D, r): to a regression with a ridge it is the same."""
        with single_threaded_blas():
            axes = feature_axes(self.x)
            return self.x @ axes, axes

    def _fit(
        self,
        x: Float32Array,
        some: NDArray[np.bool_],
        penalty: float,
        start: WeightAndBias | None = None,
        tolerance: float = 1e-7,
    ) -> WeightAndBias:
        if self.y.shape[1] > 1:
            base = None if self.base is None else self.base[some]
            return logistic(
                x[some], self.y[some], penalty, weights=self.weights[some], start=start, base=base, tolerance=tolerance
            )
        y = self.y if self.base is None else self.y - self.base
        share = (self.weights[some] / self.weights[some].sum())[:, None]
        shift, mean = (share * x[some]).sum(0), (share * y[some]).sum(0)
        inside = x[some] - shift
        square = (inside.T @ (share * inside)).astype(np.float64) + penalty * np.eye(x.shape[1])
        w = np.linalg.solve(square, (inside.T @ (share * (y[some] - mean))).astype(np.float64))
        return w, mean - shift @ w

    def _loss(self, o: NDArray[np.floating], held: NDArray[np.bool_]) -> float:
        if self.base is not None:
            o = o + self.base[held]
        if self.y.shape[1] > 1:
            return cross_entropy(o.astype(np.float64), self.y[held], self.weights[held])
        return float(np.average(np.square(o - self.y[held])[:, 0], weights=self.weights[held]))


def feature_axes(x: Float32Array) -> Float32Array:
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


def joint_regression(
    space: EmbeddingSpace,
    to: str,
    cells: Packed,
    group: NDArray[np.int64],
    row_weights: Callable[[np.ndarray, np.ndarray], np.ndarray],
) -> JointRegression:
    """The regression of the rows that have the target and a frozen column; of at most `ROWS` of them.

    h (n, D) holds all columns in the heads' standard units; several entries of a row are averaged.

    Args:
        to: the target. cells: column → features and rows, of the frozen columns and the target. group: (N,).
        row_weights: (rows (n,), y (n, K)) → (n,).
    """
    ports = [port for port in space.ports if port.name in cells and port.name != to]
    decoder: Any = space.port(to).decoder
    y, row = cells[to]
    rows = np.intersect1d(row, np.concatenate([cells[port.name][1] for port in ports]))
    if len(rows) > ROWS:
        rows = np.sort(rows[np.argsort(hash_uniform(rows))[:ROWS]])
    units = ((row_means(y, row, rows) - decoder.shift.numpy()) * decoder.gain.numpy()).astype(np.float32)
    widths = [cells[port.name][0].shape[1] for port in ports]
    ends, spans = np.cumsum([0, *widths]), {}
    x, there = np.zeros((len(rows), ends[-1]), np.float32), np.zeros((len(rows), len(ports)), bool)
    for m, port in enumerate(ports):
        h, of = cells[port.name]
        where, scale = slice(int(ends[m]), int(ends[m + 1])), 1 / np.sqrt(widths[m])
        there[:, m] = np.isin(rows, of)
        shift, gain = (part.numpy() for part in (port.head.shift, port.head.gain))
        x[there[:, m], where] = (row_means(h, of, rows[there[:, m]]) - shift) * gain * scale
        spans[port.name] = where, float(scale)
    return JointRegression(x, units, hash_uniform(group[rows]), row_weights(rows, units), spans, there)


def principal_directions(solutions: Sequence[WeightAndBias], size: int) -> NDArray[np.float64]:
    """V (r, K), r ≤ size: orthonormal, the main directions of the outputs.

    l Vᵀ V = l where size ≥ K − 1, since logits may be shifted by what all classes share.
    """
    rows = np.vstack([part for w, b in solutions for part in (w, b[None])])
    return np.flip(np.linalg.eigh(rows.T @ rows)[1], 1)[:, :size].T.copy()


def write_heads(
    space: EmbeddingSpace,
    joint: JointRegression,
    whole: WeightAndBias,
    alone: Sequence[WeightAndBias],
    v: NDArray[np.float64],
) -> None:
    """Give heads their l_m = [w_m, s_m] Vᵀ."""
    size = space.fusion.joint // 2
    for (name, (where, scale)), (a, shift) in zip(joint.spans.items(), alone, strict=True):
        head: Any = space.port(name).head
        parts = (whole[0][where], whole[1] / len(joint.spans)), (a, shift)
        for slot, (w, b) in enumerate(parts):
            there = slice(slot * size, slot * size + len(v))
            head.weight[:, there] = torch.from_numpy(scale * w @ v.T).float()
            head.offset[there] = torch.from_numpy(b @ v.T).float()
