"""Subset regression: the prediction from any set of columns, each set with a small regression of its own.

    j_S = Σ_{m ∈ S} l_m T_{S,m} + t_S,      (T_S, t_S) = argmin E ℓ(y, j_S V) + λ/2 ‖T_S‖²,      j_{m} = s_m

l_m = [w_m, s_m] is what column m adds to a regression on all columns, and its prediction by itself (`regression.py`):
few numbers, so that a set costs next to nothing, and it predicts about as well as a regression on its columns alone.
E is over rows of which l comes from solutions that have not seen them. The set of all columns starts at Σ_m w_m.

A gate g_m in [0, 1] may let a column pass in part: then j is interpolated along the sets of the largest gates,

    j = Σ_k (g_(k) − g_(k+1)) j_{S_k},      S_k the k columns with the largest g.

Of more columns than `MOST` not every set is solved: there j_S = E[Σ_m w_m | l_S], linear, by covariances.

References:
    Stacked Generalization, Wolpert, 1992; Submodular Functions and Convexity, Lovász, 1983 (the interpolation).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from kuamo.core.types import Matrix
from kuamo.objectives.prediction.regression import FOLDS, Chosen, JointRegression

__all__ = ["SubsetRegression", "fit_subsets"]

MOST = 6  # columns, of which all sets are solved
COMPLETE = 50  # rows that have all columns of a set; where fewer do, those count that have any
FEWEST = 10  # rows; with fewer, nothing is solved
RIDGE = 1e-3  # of covariances, against their mean


class SubsetRegression(nn.Module):
    """T_S and t_S of all sets of columns, see the module.

    Args:
        parts: which of the M columns have a part l_m. size: r, half of the numbers of l_m.

    Example:
        >>> mix, l = SubsetRegression([0, 2], 1), torch.tensor([[[1.0, 5.0], [9.0, 9.0], [2.0, 6.0]]])
        >>> mix(l, torch.tensor([[1.0, 1.0, 0.0]])), mix(l, torch.tensor([[1.0, 0.0, 1.0]]))
        (tensor([[5.]]), tensor([[3.]]))
    """

    def __init__(self, parts: Sequence[int], size: int) -> None:
        super().__init__()
        self.parts, self.size, count = list(parts), size, len(parts)
        self.solves = count <= MOST
        numbers = 0 if self.solves else 2 * size * count
        shapes = {
            "weight": (2**count, count, 2, size, size) if self.solves else (0,),
            "offset": (2**count, size) if self.solves else (0,),
            "square": (numbers, numbers),
            "cross": (numbers, size),
            "middle": (numbers,),
        }
        self.weight: Tensor
        self.offset: Tensor
        self.square: Tensor
        self.cross: Tensor
        self.middle: Tensor
        for name, shape in shapes.items():
            self.register_buffer(name, torch.zeros(shape))
        for members in sets(count) if self.solves else ():
            self.put(members, usual(len(members), size), np.zeros(size))

    def put(self, members: Sequence[int], weight: Matrix, offset: Matrix) -> None:
        """T (|S|, 2, r, r) and t (r,) of a set of parts."""
        number = sum(1 << m for m in members)
        self.weight[number, list(members)] = torch.from_numpy(weight).float()
        self.offset[number] = torch.from_numpy(offset).float()

    def expect(self, l: Matrix) -> None:
        """Take covariances from parts l (n, |parts|, 2, r) of rows."""
        u, whole = l.reshape(len(l), -1), l[:, :, 0].sum(1)
        inside = u - u.mean(0)
        self.square.copy_(torch.from_numpy(inside.T @ inside / len(l)))
        self.cross.copy_(torch.from_numpy(inside.T @ (whole - whole.mean(0)) / len(l)))
        self.middle.copy_(torch.from_numpy(u.mean(0)))

    def solved(self, members: Tensor) -> tuple[Tensor, Tensor]:
        """T (|S| 2r, r) and t (r,) of a set of parts, given by their places."""
        if self.solves:
            number = int((1 << members).sum())
            return self.weight[number, members].flatten(0, 2), self.offset[number]
        if len(members) == 1 or not self.square.any():
            plain = torch.from_numpy(usual(len(members), self.size)).to(self.cross)
            return plain.flatten(0, 2), self.cross.new_zeros(self.size)
        here = (members[:, None] * 2 * self.size + torch.arange(2 * self.size)).flatten()
        square = self.square[here][:, here]
        ridge = RIDGE * square.diagonal().mean().clamp(min=1e-12) * torch.eye(len(here), dtype=square.dtype)
        weight = torch.linalg.solve(square + ridge, self.cross[here])
        whole = self.middle.view(-1, 2, self.size)[:, 0].sum(0)
        return weight, whole - self.middle[here] @ weight

    def forward(self, l: Tensor, gates: Tensor) -> Tensor:
        """j (B, r) of l (B, M, 2r), and gates (B, M), 0 where absent."""
        l, gates = l[:, self.parts], gates[:, self.parts]
        j, order = l.new_zeros(len(l), self.size), gates.argsort(dim=1, descending=True, stable=True)
        ranked = nn.functional.pad(gates.gather(1, order), (0, 1))
        inside = torch.zeros_like(gates, dtype=torch.bool)
        for k in range(len(self.parts) if self.size else 0):
            inside.scatter_(1, order[:, k : k + 1], True)
            share = ranked[:, k] - ranked[:, k + 1]
            counts = torch.nonzero(share > 0)[:, 0]
            for found in torch.unique(inside[counts], dim=0):
                rows = counts[(inside[counts] == found).all(1)]
                weight, offset = self.solved(torch.nonzero(found)[:, 0])
                j[rows] += share[rows, None] * (l[rows][:, found].flatten(1) @ weight.to(l) + offset.to(l))
        return j


def sets(count: int) -> list[tuple[int, ...]]:
    """All sets of columns, but the empty one.

    Example:
        >>> sets(2)
        [(0,), (1,), (0, 1)]
    """
    return [members for n in range(1, count + 1) for members in combinations(range(count), n)]


def usual(count: int, size: int) -> Matrix:
    """T (|S|, 2, r, r) before anything is solved: of one column its own prediction, of several the sum."""
    weight = np.zeros((count, 2, size, size))
    weight[:, int(count == 1)] = np.eye(size)
    return weight


def fit_subsets(
    mix: SubsetRegression,
    joint: JointRegression,
    whole: Chosen,
    alone: Sequence[Chosen],
    v: Matrix,
    some: NDArray[np.bool_] | None = None,
) -> None:
    """Solve T and t.

    Args:
        joint: the regression on all columns. whole, alone: what was chosen for it, and for each column by itself.
        v: V (r, K). some: (n,) rows to learn from; all, if not given.
    """
    if len(alone) < 2:
        return
    l, known = unseen(joint, whole, alone)
    known = known if some is None else known & some
    v = np.pad(v, [(0, mix.size - len(v)), (0, 0)])
    l, everyone = l @ v.T, range(len(alone))
    if known.sum() < FEWEST:
        return
    if not mix.solves:
        mix.expect(l[rows_of(everyone, joint, known)])
        return
    penalty = side(joint, l, everyone, rows_of(everyone, joint, known)).choose().penalty
    for members in sets(len(alone)):
        rows = rows_of(members, joint, known)
        if len(members) == 1 or not rows.any():
            continue
        start = usual(len(members), mix.size) * (len(members) == len(alone))
        one = side(joint, l, members, rows, l[rows][:, :, 0].sum(1) @ v if start.any() else None)
        w, b = one.solve(one.choose() if start.any() else Chosen(penalty, []))
        scale = one.spans["l"][1]
        mix.put(members, start + scale * (w @ v.T).reshape(start.shape), b @ v.T)


def side(
    joint: JointRegression, l: Matrix, members: Sequence[int], rows: NDArray[np.bool_], base: Matrix | None = None
) -> JointRegression:
    """The regression on the l (n, |parts|, 2, r) of some columns side by side, their mean square one."""
    u = l[rows][:, list(members)].reshape(int(rows.sum()), -1).astype(np.float32)
    scale = float(1 / np.sqrt(max(np.square(u).mean(), 1e-12)))
    held = (FOLDS * joint.held[rows]) % 1  # of the last fold alone, where rows are many: it is parted anew
    return JointRegression(
        scale * u, joint.y[rows], held, joint.weights[rows], {"l": (slice(0, u.shape[1]), scale)}, base=base
    )


def rows_of(members: Sequence[int], joint: JointRegression, known: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(n,) the known rows that have all these columns; where they are few, those that have any."""
    there = known[:, None] if joint.there is None else known[:, None] & joint.there[:, list(members)]
    complete = there.all(1)
    return np.asarray(complete if complete.sum() >= COMPLETE else there.any(1))


def unseen(joint: JointRegression, whole: Chosen, alone: Sequence[Chosen]) -> tuple[Matrix, NDArray[np.bool_]]:
    """[w_m, s_m] (n, |parts|, 2, K) by solutions that have not seen the row, 0 where absent; where that is known, (n,).

    Of many rows it is known of one fold.
    """
    n, count = len(joint.x), len(joint.spans)
    there = np.ones((n, count), bool) if joint.there is None else joint.there
    l, known = np.zeros((n, count, 2, joint.y.shape[1])), np.zeros((n, count, 2), bool)
    for m, (where, _) in enumerate(joint.spans.values()):
        x, rows = joint.x[:, where], np.flatnonzero(there[:, m])
        for held, (w, b) in whole.unseen:
            some = rows[held[rows]]
            l[some, m, 0], known[some, m, 0] = x[some] @ w[where] + b / count, True
        for held, (a, shift) in alone[m].unseen:
            some = rows[held]
            l[some, m, 1], known[some, m, 1] = x[some] @ a + shift, True
    return l, np.asarray((known.all(2) | ~there).all(1) & there.any(1))
