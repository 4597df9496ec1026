"""How much work a closed form is: its operations counted by kind, as functions of rows and widths.

    seconds = Σ_kind count_kind · rate_kind        counts follow from the code, rates are measured on the spot

    n rows, n′ those outside a fold, m those held out, D features of a view, p principal axes, k sizes of the space

Counts are of the leading terms: n²D and n² for a Gram matrix and its kernel, n′³ or n′²p for its axes, p³ for each
ridge, m²k and m² for each rank. They change their form where the code does: above `GRAM_ROWS` rows axes are found once,
and a kernel has `ANCHORS`. What they leave out is in one factor, which runs on few rows tell (`extrapolated`).
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from itertools import combinations

import numpy as np

from kuamo.closed_form.arc_cosine_kernel import arc_cosine
from kuamo.closed_form.cca_search import SearchSpace, reciprocal_ranks, score_grid
from kuamo.closed_form.folds import fold_of_rows, iter_folds
from kuamo.closed_form.kernel_pca import ANCHORS, GRAM_ROWS
from kuamo.core.threads import single_threaded_blas

__all__ = ["OperationCount", "closed_bytes", "closed_work", "extrapolated", "ridge_work", "seconds"]

WIDER = 1  # ridges beyond the grid: about as often as not its edge is best
MEGABYTE = 2**20


class OperationCount(dict[str, float]):
    """Operations by kind: "gemm32" and "gemm64" (multiply-adds), "eigh" (n³), "kernel", "rank", "sweep" (elements),
    "hash" (bytes), "call" (a ranking of however few)."""

    def add(self, other: Mapping[str, float] | None = None, **kinds: float) -> OperationCount:
        """More of them; itself."""
        for more in (other or {}, kinds):
            for kind, count in more.items():
                self[kind] = self.get(kind, 0.0) + float(count)
        return self

    def times(self, count: float) -> OperationCount:
        """All of it so many times."""
        return OperationCount({kind: count * number for kind, number in self.items()})


# ── rates ────────────────────────────────────────────────────────────────────────────────────────────────────────


@lru_cache(maxsize=1)
def rates() -> dict[str, float]:
    """CPU seconds of one operation of each kind, on this machine, now: a third of a second in all."""
    rng = np.random.default_rng(0)
    single = rng.standard_normal((448, 448), dtype=np.float32)
    double, score = single.astype(np.float64), rng.standard_normal((600, 600), dtype=np.float32)
    cosine, gram = np.tanh(score), double @ double.T
    work: dict[str, tuple[Callable[[], object], float]] = {
        "gemm32": (lambda: single @ single, 448.0**3),
        "gemm64": (lambda: double @ double, 448.0**3),
        "eigh": (lambda: np.linalg.eigh(gram), 448.0**3),
        "kernel": (lambda: arc_cosine(cosine), cosine.size),
        "rank": (lambda: reciprocal_ranks(score), score.size),
        "sweep": (lambda: score - score.mean(0), score.size),
        "call": (lambda: score_grid(score[:8, :4], score[:8, :4], np.ones(4), [4], SearchSpace(), None), 6.0),
        "hash": (lambda: hashlib.sha256(score.data), score.nbytes),
    }
    with single_threaded_blas():
        return {kind: best_of(run) / count for kind, (run, count) in work.items()}


def best_of(run: Callable[[], object], times: int = 3) -> float:
    """The median of its CPU seconds, after a first run that is not counted."""
    run()
    found = []
    for _ in range(times):
        start = time.process_time()
        run()
        found.append(time.process_time() - start)
    return float(np.median(found))


def seconds(tally: OperationCount) -> float:
    """What these operations take."""
    return sum(count * rates()[kind] for kind, count in tally.items())


# ── parts ────────────────────────────────────────────────────────────────────────────────────────────────────────


def axes(n: int, k: int) -> OperationCount:
    """`leading_axes` of an (n, n) matrix."""
    if n <= 2 * k:
        return OperationCount(eigh=n**3, sweep=n * n)
    wide = k + k // 8
    return OperationCount(gemm32=3 * n * n * wide + 4 * n * wide**2, gemm64=n * wide * k, eigh=wide**3)


def in_gram(n: int, width: int, components: int) -> bool:
    """Is a view of these rows seen by its Gram matrix, in the linear kernel too?"""
    return n <= GRAM_ROWS and width >= min(components, n)


def viewed(n: int, width: int, kernels: Sequence[str], components: int) -> OperationCount:
    """`views_of`: Gram matrices, or axes of all rows."""
    tally = OperationCount(sweep=2 * n * width)
    if n <= GRAM_ROWS and ("arc-cosine" in kernels or in_gram(n, width, components)):
        tally.add(gemm32=n * n * width)
    if "arc-cosine" in kernels and n <= GRAM_ROWS:
        tally.add(kernel=n * n, sweep=2 * n * n)
    if "linear" in kernels and not in_gram(n, width, components):
        tally.add(principal(n, width, components))
    if "arc-cosine" in kernels and n > GRAM_ROWS:
        m = ANCHORS
        tally.add(gemm32=m * m * width + n * m * (width + m), kernel=n * m + m * m, eigh=m**3, sweep=2 * n * m)
        tally.add(principal(n, m, components))
    return tally


def principal(n: int, width: int, components: int) -> OperationCount:
    """`principal_map`, and coordinates on its axes."""
    small, size = min(n, width), min(components, n - 1, width)
    tally = OperationCount(gemm32=n * width * (small + size), sweep=3 * n * width)
    tally.add(axes(small, size))
    return tally


def split(n: int, m: int, width: int, kernel: str, components: int) -> OperationCount:
    """A view without m held-out rows: axes of the others, where they are found for each fold."""
    if n > GRAM_ROWS or (kernel == "linear" and not in_gram(n, width, components)):
        return OperationCount(sweep=n * axes_of(n, width, kernel, components))
    seen, p = n - m, axes_of(n - m, width, kernel, components)
    tally = OperationCount(sweep=6 * seen * seen + 3 * m * seen + seen * p, gemm32=m * seen * p)
    tally.add(axes(seen, p))
    return tally


def axes_of(n: int, width: int, kernel: str, components: int) -> int:
    """p, how many axes a view of n rows has."""
    return max(1, min(components, n - 1, width if kernel == "linear" else n - 1))


def ranked(m: int, sizes: Sequence[int], search: SearchSpace) -> OperationCount:
    """`score_grid` of m held-out rows."""
    gammas, norms = len(search.gammas), len(search.norms)
    tally = OperationCount(sweep=gammas * 2 * len(sizes) * m * m, rank=len(sizes) * gammas * norms * m * m)
    tally.add(gemm32=gammas * sum(m * m * k + 8 * m * k for k in sizes))
    return tally.add(call=len(sizes) * gammas * norms)


def sizes_of(search: SearchSpace, most: int) -> list[int]:
    """The sizes that are tried."""
    return sorted({min(dim, most) for dim in search.dims})


# ── the closed form ──────────────────────────────────────────────────────────────────────────────────────────────


def closed_work(
    rows: Mapping[str, np.ndarray],
    widths: Mapping[str, int],
    search: SearchSpace,
    groups: np.ndarray | None,
    seed: int,
    winner: str | None = None,
    ranks: Mapping[str, int] | None = None,
) -> OperationCount:
    """Of canonical correlation: `choose` for two columns, `choose_views` for more.

    Args:
        rows: column → the rows (n,) that it has. widths: column → D. groups: (N,) of rows that stay together, if any.
        winner: the kernel that will win; the dearest, which is the last, if not given.
        ranks: column → axes that it has at most, where few of its cells differ.
    """
    solve = two if len(rows) == 2 else several
    return solve(rows, widths, search, groups, seed, winner or search.kernels[-1], ranks or widths_free(rows))


def widths_free(rows: Mapping[str, np.ndarray]) -> dict[str, int]:
    """No limit but the rows."""
    return {name: max(1, len(row) - 1) for name, row in rows.items()}


def two(
    rows: Mapping[str, np.ndarray],
    widths: Mapping[str, int],
    search: SearchSpace,
    groups: np.ndarray | None,
    seed: int,
    last: str,
    ranks: Mapping[str, int],
) -> OperationCount:
    """Of two columns."""
    one, other = rows.values()
    common = np.intersect1d(one, other)
    n, labels = len(common), None if groups is None else groups[common]
    held = [
        len(fold.rows)
        for fold in iter_folds(fold_of_rows(n, search.folds, seed, labels), search.ranked, search.gallery, seed)
    ]
    enough = min(int(np.searchsorted(np.cumsum(held), search.ranked / 2)) + 1, len(held))
    tally = OperationCount(sweep=4 * n * sum(widths.values()))
    for width in widths.values():
        tally.add(viewed(n, width, search.kernels, search.components))
    ridges = len(search.ridges) + WIDER * search.widen
    for kernel in search.kernels:
        first = enough if len(search.kernels) > 1 else 0
        for place, m in enumerate(held[: len(held) if kernel == last else first]):
            rounds = ridges * (place < first) + (ridges + len(search.methods)) * (kernel == last)
            tally.add(fold_of_two(n, m, widths, kernel, search, rounds, ranks))
    for width in widths.values():
        tally.add(split(n, 0, width, last, search.components))
    p, q = (min(ranks[name], axes_of(n, width, last, search.components)) for name, width in widths.items())
    return tally.add(gemm64=n * p * q)


def fold_of_two(
    n: int, m: int, widths: Mapping[str, int], kernel: str, search: SearchSpace, rounds: int, ranks: Mapping[str, int]
) -> OperationCount:
    """One fold, decomposed once, and scored so many times."""
    tally = OperationCount()
    for width in widths.values():
        tally.add(split(n, m, width, kernel, search.components))
    p, q = (min(ranks[name], axes_of(n - m, width, kernel, search.components)) for name, width in widths.items())
    small, large = min(p, q), max(p, q)
    tally.add(gemm64=(n - m) * p * q)
    if all(split_free(n, width, kernel, search.components) for width in widths.values()):
        tally.add(gemm64=2 * n * (p * p + q * q), eigh=p**3 + q**3)
    sizes = sizes_of(search, small)
    each = ranked(m, sizes, search)
    each.add(gemm64=2 * small * small * large + m * (p + q) * sizes[-1], eigh=small**3)
    tally.add(each.times(rounds))
    return tally


def split_free(n: int, width: int, kernel: str, components: int) -> bool:
    """Are the axes those of all rows?"""
    return n > GRAM_ROWS or (kernel == "linear" and not in_gram(n, width, components))


def several(
    rows: Mapping[str, np.ndarray],
    widths: Mapping[str, int],
    search: SearchSpace,
    groups: np.ndarray | None,
    seed: int,
    last: str,
    ranks: Mapping[str, int],
) -> OperationCount:
    """Of three columns or more."""
    size = 1 + max(int(row.max(initial=-1)) for row in rows.values())
    labels = None if groups is None else groups[:size]
    held = list(iter_folds(fold_of_rows(size, search.folds, seed, labels), search.ranked, search.gallery, seed))
    ridges = len(search.ridges) + WIDER * search.widen
    tally = OperationCount(sweep=4 * sum(len(row) * widths[name] for name, row in rows.items()))
    for name, row in rows.items():
        tally.add(viewed(len(row), widths[name], search.kernels, search.components))
        tally.add(split(len(row), 0, widths[name], last, search.components))
    for kernel in search.kernels:
        for place, one in enumerate(held if kernel == last else held[:1]):
            there = {name: np.intersect1d(row, one.rows) for name, row in rows.items()}
            rounds = ridges * (place == 0 and len(search.kernels) > 1) + ridges * (kernel == last)
            tally.add(fold_of_several(rows, there, widths, kernel, search, rounds, ranks))
    p = {name: axes_of(len(row), widths[name], last, search.components) for name, row in rows.items()}
    return tally.add(correlated(rows, {name: min(ranks[name], size) for name, size in p.items()}))


def fold_of_several(
    rows: Mapping[str, np.ndarray],
    held: Mapping[str, np.ndarray],
    widths: Mapping[str, int],
    kernel: str,
    search: SearchSpace,
    rounds: int,
    ranks: Mapping[str, int],
) -> OperationCount:
    """One fold: pairwise moments once, then a generalised eigenproblem for each ridge."""
    tally, p = OperationCount(), {}
    for name, row in rows.items():
        m = len(held[name])
        tally.add(split(len(row), m, widths[name], kernel, search.components))
        p[name] = min(ranks[name], axes_of(len(row) - m, widths[name], kernel, search.components))
    pairs = list(combinations(rows, 2))
    tally.add(gemm64=sum(len(np.intersect1d(rows[a], rows[b])) * (p[a] + p[b]) ** 2 for a, b in pairs))
    each = correlated({}, p)
    sizes = sizes_of(search, sorted(p.values())[-2])
    for a, b in pairs:
        each.add(ranked(len(np.intersect1d(held[a], held[b])), sizes, search))
    each.add(gemm64=sum(len(held[name]) * p[name] * sizes[-1] for name in p))
    tally.add(each.times(rounds))
    return tally


def correlated(rows: Mapping[str, np.ndarray], p: Mapping[str, int]) -> OperationCount:
    """`gcca_from_moments`, and the moments of these rows."""
    tally = OperationCount(eigh=sum(p.values()) ** 3, gemm64=sum(2 * size**3 for size in p.values()))
    for a, b in combinations(p, 2):
        tally.add(gemm64=p[a] * p[b] * (p[a] + p[b]))
        if rows:
            tally.add(gemm64=len(np.intersect1d(rows[a], rows[b])) * (p[a] + p[b]) ** 2)
    return tally


def closed_bytes(rows: Mapping[str, np.ndarray], widths: Mapping[str, int], search: SearchSpace) -> tuple[float, float]:
    """MB at the peak, and of that what stays for contrast to go on from: scaled features, Gram matrices of every
    kernel, coordinates; beside them at the peak, what is worked on in one fold."""
    kept, most, axes = 0.0, 0.0, 0
    for name, row in rows.items():
        n, width = len(row), widths[name]
        p = min(search.components, n)
        axes += p
        kept += 8.0 * n * width
        if n <= GRAM_ROWS:
            grams = ("arc-cosine" in search.kernels) + in_gram(n, width, search.components)
            kept += 4.0 * n * n * grams + 8.0 * n * p
            most = max(most, 4 * 4.0 * n * n * bool(grams) + (3 * 8.0 * min(n, 2 * p) ** 2))
        else:
            kept += 8.0 * n * p * len(search.kernels)
            most = max(most, 2 * 4.0 * n * ANCHORS + 3 * 8.0 * ANCHORS**2)
    held = min(search.gallery, max(map(len, rows.values())) // search.folds)
    blocks = 6 * 8.0 * axes * axes  # of the (generalised) eigenproblem, and its vectors
    if len(rows) > 2:  # pairwise moments and coordinates of two folds and of all rows
        kept += 3 * 8.0 * ((len(rows) - 1) * axes * axes / len(rows) + axes * max(map(len, rows.values())))
    return (kept + max(most, blocks, 3 * 4.0 * held * held)) / MEGABYTE, kept / MEGABYTE


def ridge_work(entries: Mapping[str, int], widths: Mapping[str, int], dim: int) -> OperationCount:
    """`add_ridge_decoders`: moments of every code with every column's features."""
    tally = OperationCount()
    for name, width in widths.items():
        for n in (min(entries[name], other) for other in entries.values()):
            tally.add(gemm32=n * dim * (dim + width), sweep=2 * n * width)
        tally.add(gemm64=dim**3 + 3 * dim * dim * width)
    return tally


# ── from few rows to all ─────────────────────────────────────────────────────────────────────────────────────────


def extrapolated(work: Sequence[float], cost: Sequence[float], whole: float) -> float:
    """What all will cost: c₀ + c₁ · whole, c₀ and c₁ ≥ 0 by least squares of relative errors on what few have cost.

    Args:
        work: of each run, by its law. cost: of each run, measured. whole: the work of all.

    Example:
        >>> round(extrapolated([1.0, 2.0], [3.0, 5.0], 10.0), 6)
        21.0
    """
    terms = np.stack([np.ones(len(work)), np.asarray(work, float)], axis=1)
    measured = np.maximum(np.asarray(cost, float), 1e-9)
    fitted = nonnegative(terms / measured[:, None], np.ones(len(measured)))
    return float(fitted @ [1.0, whole])


def nonnegative(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """argmin ‖a x − b‖² over x ≥ 0, x (2,): the best of the plain solution and of each coefficient alone.

    Example:
        >>> nonnegative(np.eye(2), np.array([1.0, -1.0])).tolist()
        [1.0, 0.0]
    """
    found = [np.linalg.lstsq(a, b, rcond=None)[0]]
    for only in range(2):
        column = a[:, only]
        found.append(np.eye(2)[only] * max(0.0, float(column @ b) / max(float(column @ column), 1e-300)))
    return min((x for x in found if (x >= 0).all()), key=lambda x: float(((a @ x - b) ** 2).sum()))
