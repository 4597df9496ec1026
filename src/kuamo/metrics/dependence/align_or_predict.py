"""Align or predict? Which of two closed forms keeps, of column x, what matters: for each ordered pair x → y.

    x = A s + B n_x + ε,   y = C s + D n_y + ε,      s the signal, n_x and n_y nuisances that may correlate

    align:    u = leading k directions of Σxx^(-1/2) Σxy Σyy^(-1/2)     finds what *correlates* most
    predict:  u = leading k directions of Σxx^(-1/2) Σxy                finds what explains most *variance* of y

With signal correlation ρ and nuisance correlation ν, aligning takes s first where ρ > ν; predicting where ρ sd(C s) >
ν sd(D n_y), which depends on the target. Finite rows blur both: noise of large variance in y looks predictable.

**With labels** k is how many directions of x predict the label, and a code keeps of the signal

    share = η²(u_{1…k} of that method) / η²(u_{1…k} of label regression, of endless rows)

η² the part of a whitened held-out code's variance that lies between labels, adjusted for their number, one count for
each group. **Without labels** no method can distinguish a signal from nuisances that correlate: the signal is taken to
be what is shared, k its number of axes. Aligning keeps ρ(n)/ρ of it (`spectrum`); predicting as much more or less as
its code predicts y's held-out variates v better or worse. A share of half or more passes. η² and ρ at n rows are n₁-row
figures plus (1 − n₁/n) times what doubling to n₁ brought, of endless rows plus all of that: what is lacking falls as
1/n.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kuamo.closed_form.folds import Folds, HeldOut, Method
from kuamo.closed_form.kernel_pca import KernelView, Map, views_of
from kuamo.core.arrays import factorize
from kuamo.core.errors import KuamoError
from kuamo.core.messages import Note
from kuamo.core.threads import single_threaded_blas
from kuamo.core.types import Matrix
from kuamo.metrics.dependence.cca_spectrum import (
    COMPONENTS,
    DRAWS,
    FOLDS,
    RIDGES,
    Coded,
    FoldCodes,
    beyond,
    fold_correlations,
)
from kuamo.metrics.dependence.paired_sample import LayerSizes, Pairs, half_of, pairs_of

__all__ = ["Recommendation", "align_or_predict"]

Verb = Literal["align", "predict", "both", "neither"]
AXES = 32
HALF = 0.5
FEW, REPEATS = 600, 3  # of fewer rows, folds are dealt so many times
LABEL_LEVEL = 0.05  # at which a direction predicts the label: one too many does less harm than one too few


@dataclass(frozen=True)
class Recommendation:
    """What to do from one column to another.

    Args:
        choice: "align", "predict", "both" or "neither" keeps half of the signal or more.
        aligned, predicted: the share of the signal that each would keep, 0 to 1.
        by: what the signal is known by, "labels", or "pairs": then it is what both columns share.
        dim: k, its number of axes. reason: in words. rows: how many were looked at. total: how many there are.
    """

    choice: Verb
    aligned: float
    predicted: float
    by: Literal["labels", "pairs"]
    dim: int
    reason: Note
    rows: int
    total: int


@single_threaded_blas()
def align_or_predict(
    x: ArrayLike,
    y: ArrayLike,
    *,
    group: ArrayLike | None = None,
    label: Sequence[Any] | None = None,
    dim: int | None = None,
    names: tuple[str, str] = ("x", "y"),
    rows: int | None = None,
    blocks: LayerSizes = (None, None),
    seed: int = 0,
) -> tuple[Recommendation, Recommendation]:
    """Align, predict, both or neither, from x to y and from y to x.

    Args:
        x: (n, D_x) features. y: (n, D_y), row i belongs to row i of x.
        group: (n,) rows of a group are never parted; each row is its own if not given.
        label: (n,) what the rows are about, `None` where that is not known; without it, and where hardly two groups
            have the same label, the signal is what both columns share.
        dim: k, at most so many axes: the size that the space is to have, if that is small.
        names: of the columns, for the reason. rows: about so many are looked at, as in `pairs_of`.
        blocks: sizes of the layers that the features of x, and of y, are made of. seed: of folds and draws.

    References:
        When to Align, When to Predict: A Phase Diagram for Multimodal Learning, I. Kamai, H. Van Assel, A. Regev, H. B.
        Perets and R. Balestriero, 2026.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> z = rng.normal(size=(400, 3))
        >>> forth, back = align_or_predict(z, z @ rng.normal(size=(3, 5)))
        >>> forth.choice, forth.by, forth.dim
        ('both', 'pairs', 3)
    """
    if dim is not None and dim < 1:
        raise KuamoError(f"dim: given {dim}; expected at least 1")
    if label is not None and len(label) != len(np.asarray(x)):
        raise KuamoError(f"label: given {len(label)}; expected one for each of {len(np.asarray(x))} rows")
    known = None if label is None else factorize(label)
    pairs = pairs_of(x, y, group, rows=rows, blocks=blocks, seed=seed)
    labeled = known is not None and usable_labels(known[pairs.rows], pairs.group)
    if known is not None and labeled and (known < 0).any():  # rows without a label say nothing of it
        kept = np.flatnonzero(known >= 0)
        names_of = None if group is None else np.asarray(group)[kept]
        pairs = pairs_of(np.asarray(x)[kept], np.asarray(y)[kept], names_of, rows=rows, blocks=blocks, seed=seed)
        known = known[kept]
    rehearsed = LearningCurveFolds(pairs, seed)
    most = AXES if dim is None else dim
    ends = by_labels(rehearsed, known[pairs.rows], most) if known is not None and labeled else by_pairs(rehearsed, most)
    by: Literal["labels", "pairs"] = "labels" if labeled else "pairs"
    return tuple(  # type: ignore[return-value]
        recommendation(end, by, order, pairs) for end, order in zip(ends, (names, names[::-1]), strict=True)
    )


@dataclass(frozen=True)
class SignalShares:
    """What each method keeps of the signal, and its number of axes."""

    aligned: float
    predicted: float
    dim: int


class CachedView:
    """A view that cuts each fold once, however many other views it meets."""

    def __init__(self, view: KernelView) -> None:
        self.view, self.principal = view, view.principal
        self.cuts: dict[tuple[int, int], tuple[Matrix, Matrix]] = {}

    def split(self, seen: NDArray[np.intp], held: NDArray[np.intp]) -> tuple[Matrix, Matrix]:
        """See `View.split`; folds are distinguished by identity, and outlive this."""
        if (key := (id(seen), id(held))) not in self.cuts:
            self.cuts[key] = self.view.split(seen, held)
        return self.cuts[key]

    def whole(self) -> tuple[Matrix, Map]:
        """See `View.whole`."""
        return self.view.whole()


class LearningCurveFolds:
    """Folds of two columns that see all other rows, and half of them."""

    def __init__(self, pairs: Pairs, seed: int) -> None:
        self.pairs, self.seed = pairs, seed
        self.times = REPEATS if len(pairs.rows) < FEW else 1
        self.held = [one for time in range(self.times) for one in pairs.folds(FOLDS, seed + time)]
        self.few = [HeldOut(one.rows, half_of(one.seen, pairs.group, seed)) for one in self.held]
        self.x, self.y = self.view(pairs.x, "x"), self.view(pairs.y, "y")
        self.seen = float(np.mean([len(one.seen) for one in self.held]))
        self.both = self.coded(self.x, self.y)

    def view(self, x: NDArray, name: str) -> KernelView:
        """A column on its axes."""
        return CachedView(views_of(x, ("linear",), COMPONENTS, name, self.seed)["linear"])

    def coded(self, x: KernelView, y: KernelView) -> tuple[Coded, Coded]:
        """Two views, seen in full and in half."""
        return Coded(self.pairs, Folds(x, y, self.held), AXES), Coded(self.pairs, Folds(x, y, self.few), AXES)

    def once(self, x: KernelView, y: KernelView) -> Coded:
        """Two views in folds that were dealt once: what chance is held against."""
        return Coded(self.pairs, Folds(x, y, self.held[: len(self.held) // self.times]), AXES)

    def figures(self, full: float, half: float) -> tuple[float, float]:
        """A figure at n rows and at endless ones, from that at all rows that a fold sees and at half of them."""
        return full + (full - half) * (1 - self.seen / self.pairs.total), full + (full - half)


def by_labels(rehearsed: LearningCurveFolds, label: NDArray[np.intp], most: int) -> tuple[SignalShares, SignalShares]:
    """Shares of what predicts the label."""
    label = np.unique(label, return_inverse=True)[1]
    indicator = np.eye(label.max() + 1, dtype=np.float32)[label]
    target = rehearsed.view((indicator - indicator.mean(0)) / np.sqrt(indicator.mean(0)), "label")
    shares = []
    ways: tuple[tuple[KernelView, int, Method], ...] = (
        (rehearsed.x, 0, "regression x → y"),
        (rehearsed.y, 1, "regression y → x"),
    )
    for view, end, method in ways:
        supervised = rehearsed.coded(view, target)
        once = rehearsed.once(view, target)
        codes = once.codes("regression x → y", once.best_ridge("regression x → y", RIDGES))
        null = once.null("regression x → y", RIDGES, DRAWS, rehearsed.seed)
        k = min(beyond(fold_correlations(codes), null, LABEL_LEVEL), most)
        if k == 0:
            shares.append(SignalShares(0.0, 0.0, 0))
            continue

        def label_shares(pair: tuple[Coded, Coded], method: Method, end: int, k: int = k) -> tuple[float, float]:
            best = best_for(pair[0], method, k)
            return rehearsed.figures(
                *(label_eta_squared(part.codes(method, best), end, k, rehearsed, label) for part in pair)
            )

        found = [label_shares(rehearsed.both, "regularised CCA", end), label_shares(rehearsed.both, method, end)]
        best = max(label_shares(supervised, "regression x → y", 0)[1], *(now for now, _ in found))
        aligned, predicted = (float(np.clip(now / max(best, 1e-9), 0, 1)) for now, _ in found)
        shares.append(SignalShares(aligned, predicted, k))
    return shares[0], shares[1]


def label_eta_squared(
    codes: FoldCodes, end: int, k: int, rehearsed: LearningCurveFolds, label: NDArray[np.intp]
) -> float:
    """η² of held-out codes: the adjusted part of their variance between labels, the mean over k whitened axes."""
    total = 0.0
    for code, one in zip(codes, rehearsed.held, strict=True):
        cell, group = np.unique(
            np.stack([rehearsed.pairs.group[one.rows], label[one.rows]]), axis=1, return_inverse=True
        )
        own = group.ravel()
        z = np.stack([np.bincount(own, column) for column in code[end][:, :k].T], axis=1) / np.bincount(own)[:, None]
        total += len(one.rows) * adjusted_eta_squared(z, cell[1])
    return total / sum(len(one.rows) for one in rehearsed.held)


def adjusted_eta_squared(z: Matrix, label: NDArray[np.intp]) -> float:
    """Adjusted η² of (m, k) whitened, mean over axes.

    Example:
        >>> adjusted_eta_squared(np.array([[-1.0], [-1.0], [1.0], [1.0]]), np.array([0, 0, 1, 1])).__round__(6)
        1.0
    """
    z = z - z.mean(0)
    u, size, _ = np.linalg.svd(z, full_matrices=False)
    u = u[:, size > 1e-6 * max(float(size[0]), 1e-300)]
    names, own = np.unique(label, return_inverse=True)
    m, c = len(z), len(names)
    if m <= c or not u.size:
        return 0.0
    mean = np.stack([np.bincount(own, column) for column in u.T], axis=1) / np.bincount(own)[:, None]
    inside: Matrix = ((u - mean[own]) ** 2).sum(0)
    return float((1.0 - inside * ((m - 1) / (m - c))).sum() / z.shape[1])


def by_pairs(rehearsed: LearningCurveFolds, most: int) -> tuple[SignalShares, SignalShares]:
    """Shares of what both columns have in common."""
    whole, half = rehearsed.both
    ridge = whole.best_ridge("regularised CCA", RIDGES)
    codes = whole.codes("regularised CCA", ridge)

    once = rehearsed.once(rehearsed.x, rehearsed.y)
    first = once.codes("regularised CCA", ridge)
    k = min(beyond(fold_correlations(first), once.null("regularised CCA", RIDGES, DRAWS, rehearsed.seed)), most)
    if k == 0:
        return SignalShares(0.0, 0.0, 0), SignalShares(0.0, 0.0, 0)
    sums = [float(fold_correlations(part.codes("regularised CCA", ridge))[:k].sum()) for part in (whole, half)]
    now, endless = rehearsed.figures(*sums)
    aligned = float(np.clip(now / max(endless, 1e-9), 0, 1))
    shares = []
    ways: tuple[tuple[int, Method], ...] = ((0, "regression x → y"), (1, "regression y → x"))
    for end, method in ways:
        predicting = whole.codes(method, best_for(whole, method, k))
        found_r2 = [
            float(np.mean([explained(v[1 - end][:, :k], u[end][:, :k]) for v, u in zip(codes, given, strict=True)]))
            for given in (codes, predicting)
        ]
        shares.append(SignalShares(aligned, float(np.clip(aligned * found_r2[1] / max(found_r2[0], 1e-9), 0, 1)), k))
    return shares[0], shares[1]


def best_for(coded: Coded, method: Method, k: int) -> float:
    """The ridge at which the first k axes share most with, or explain most of, the other column's held-out rows."""
    if method == "regularised CCA":
        return coded.best_ridge(method, RIDGES, k)
    solvers = coded.folds.first(len(coded.folds.held))
    end = 0 if method == "regression x → y" else 1

    def variance(ridge: float) -> float:
        codes = coded.codes(method, ridge)
        targets = [solver.held_y if end == 0 else solver.held_x for solver in solvers]
        return sum(float(parts(y, one[end][:, :k]).sum()) for y, one in zip(targets, codes, strict=True))

    return max(RIDGES, key=variance)


def explained(target: Matrix, given: Matrix) -> float:
    """Adjusted R² of linear regression, the mean over targets (m, k), each of variance 1."""
    target = target - target.mean(0)
    return float(max(parts(target / np.maximum(np.linalg.norm(target, axis=0), 1e-300), given).mean(), 0.0))


def parts(target: Matrix, given: Matrix) -> Matrix:
    """Σ of squares of each target (m, q) that linear regression on (m, k) explains, adjusted for k (q,).

    Example:
        >>> parts(np.array([[1.0], [-1.0], [1.0], [-1.0]]), np.array([[2.0], [-2.0], [2.0], [-2.0]])).round(6)
        array([4.])
    """
    u, size, _ = np.linalg.svd(given - given.mean(0), full_matrices=False)
    u = u[:, size > 1e-6 * max(float(size[0]), 1e-300)]
    target = target - target.mean(0)
    total, inside = (target**2).sum(0), ((u.T @ target) ** 2).sum(0)
    m, k = len(target), u.shape[1]
    return total - (total - inside) * ((m - 1) / max(m - 1 - k, 1))


def usable_labels(label: NDArray[np.intp], group: NDArray[np.intp]) -> bool:
    """Are there two labels or more, of at least three groups each on average?"""
    cells = np.unique(np.stack([group, label])[:, label >= 0], axis=1)
    count = len(np.unique(cells[1]))
    return count >= 2 and cells.shape[1] >= max(3 * count, 24)


def recommendation(
    share: SignalShares, by: Literal["labels", "pairs"], names: tuple[str, str], pairs: Pairs
) -> Recommendation:
    """The verdict, and its reason in words."""
    choices: dict[tuple[bool, bool], Verb] = {
        (True, True): "both", (True, False): "align", (False, True): "predict", (False, False): "neither",
    }  # fmt: skip
    choice = choices[share.aligned >= HALF, share.predicted >= HALF]
    key = f"verdict_{choice}" if share.dim else f"verdict_nothing_{by}"
    shares = {"aligned": 100 * share.aligned, "predicted": 100 * share.predicted}
    reason = Note(key, given=names[0], wanted=names[1], signal=Note(f"signal_{by}"), **shares)
    return Recommendation(choice, share.aligned, share.predicted, by, share.dim, reason, len(pairs.rows), pairs.total)
