"""Columns that share a space already: the known alignment, and what pairs add to it.

    z(h) = [√w₁ unit((h − h̄) M), √w₂ z_learned(h)]        M: one map of all these columns

M and w come from one stacking (`closed_form.score_stacking`) of four scores on held-out rows: the centred identity,
within-pair whitening, weighted axes (`closed_form.known_alignment`), and what CCA learned from the rows outside the
fold. Without pairs the centred identity is all there is; where it says nothing, as after a rotation, its weight is 0
and the fit is what CCA learned.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

import numpy as np

from kuamo.closed_form.cca_search import HeldCodes, reciprocal_ranks
from kuamo.closed_form.kernel_pca import principal_map
from kuamo.closed_form.known_alignment import CANDIDATES, KnownMaps, PairSums, james_stein, known_maps, row_space
from kuamo.closed_form.linear_map import LinearMap
from kuamo.closed_form.scaling import RunningSpread, scaling_of
from kuamo.closed_form.score_stacking import stack_scores
from kuamo.core.arrays import row_means
from kuamo.core.memo import key_of, load_choice, store_choice
from kuamo.core.messages import Note
from kuamo.core.profiling import loops_are_short
from kuamo.core.types import Matrix, Packed
from kuamo.embedding.blended_head import BlendedHead
from kuamo.embedding.embedding import ClosedFormHead, Embedding
from kuamo.embedding.space import BLOCK_ROWS
from kuamo.objectives.solution import Solution
from kuamo.space import Space

__all__ = ["Blend", "KnownColumns", "choose_blend", "known_heads", "with_learned"]

AXES = 1024  # of wider features the leading principal axes
GALLERY = 400  # held-out rows of a fold, of which each is a candidate for the others
LEARNED = "learned"


@dataclass(frozen=True, eq=False)
class KnownColumns:
    """Columns that share a space, centred, on axes that they have in common.

    Args:
        cells: column → (features (n, D), row (n,)). blocks: sizes of the layers that features are made of, if any.
    """

    cells: Packed
    blocks: tuple[int, ...] | None = None

    @cached_property
    def spreads(self) -> dict[str, RunningSpread]:
        """Mean and spread of each column's features, over all its rows, paired or not."""
        found = {name: RunningSpread() for name in self.cells}
        for name, (x, _) in self.cells.items():
            for start in range(0, len(x), BLOCK_ROWS):
                found[name].add(x[start : start + BLOCK_ROWS])
        return found

    @cached_property
    def means(self) -> dict[str, Matrix]:
        """(D,) of each column."""
        return {name: james_stein(one.mean, float((one.std**2).sum()), one.count) for name, one in self.spreads.items()}

    @cached_property
    def turn(self) -> Matrix | None:
        """T (D, p): layers on one scale, and the leading axes of wide features; `None` where features stay."""
        width = next(iter(self.means.values())).shape[0]
        if not self.blocks and width <= AXES:
            return None
        gain = np.ones(width)
        if self.blocks:
            pooled = RunningSpread()
            for name, (x, _) in self.cells.items():
                for start in range(0, len(x), BLOCK_ROWS):
                    pooled.add(x[start : start + BLOCK_ROWS] - self.means[name].astype(x.dtype))
            gain = scaling_of(pooled, self.blocks).gain.astype(np.float64)
        if width <= AXES:
            return np.diag(gain)
        rows = [(x - self.means[name].astype(x.dtype)) * gain.astype(x.dtype) for name, (x, _) in self.cells.items()]
        return gain[:, None] * principal_map(np.concatenate(rows), AXES // 2, "/".join(self.cells)).weight

    @cached_property
    def coordinates(self) -> Packed:
        """column → (centred x (r, p), rows (r,)), each row once."""
        found = {}
        for name, (x, row) in self.cells.items():
            rows = np.unique(row)
            centred = row_means(x, row, rows) - self.means[name].astype(x.dtype)
            found[name] = (centred if self.turn is None else centred @ self.turn.astype(x.dtype)), rows
        return found

    @property
    def dim(self) -> int:
        """p, the number of axes."""
        return next(iter(self.coordinates.values()))[0].shape[1]

    def paired(self, rows: np.ndarray | None = None) -> list[tuple[np.ndarray, np.ndarray]]:
        """Of every two columns what they have in common (n, p), among some rows or all."""
        found = []
        for a, b in combinations(self.coordinates, 2):
            (x, row_x), (y, row_y) = self.coordinates[a], self.coordinates[b]
            common = np.intersect1d(row_x, row_y)
            common = common if rows is None else np.intersect1d(common, rows)
            found.append((x[np.searchsorted(row_x, common)], y[np.searchsorted(row_y, common)]))
        return found

    @cached_property
    def sums(self) -> PairSums:
        """Moments of all pairs."""
        pairs = self.paired()
        return PairSums.of(pairs, self.dim, row_space([view for pair in pairs for view in pair], self.dim))

    def without(self, rows: np.ndarray) -> PairSums:
        """Moments of the pairs outside these rows."""
        return self.sums - PairSums.of(self.paired(rows), self.dim, self.sums.basis)

    @cached_property
    def covariance(self) -> Matrix:
        """(p, p) of all rows of all columns."""
        total, count = np.zeros((self.dim, self.dim)), 0
        for x, _ in self.coordinates.values():
            for start in range(0, len(x), BLOCK_ROWS):
                block = x[start : start + BLOCK_ROWS].astype(np.float64)
                total += block.T @ block
            count += len(x)
        return total / max(count, 1)

    def heads(self, weights: Mapping[str, float]) -> dict[str, ClosedFormHead]:
        """h ↦ unit((h − h̄) T M) of each column, M by the weights of the candidates."""
        matrix = known_maps(self.sums).blend({name: weights.get(name, 0.0) for name in CANDIDATES}, self.covariance)
        matrix = matrix if self.turn is None else self.turn @ matrix
        return {
            name: ClosedFormHead(LinearMap(mean, matrix), np.ones(matrix.shape[1]), "after")
            for name, mean in self.means.items()
        }


@dataclass(frozen=True)
class Blend:
    """What stacking found.

    Args:
        weights: candidate, or "learned" → its share; they sum to 1.
        identity, learned, blended: mean reciprocal rank on held-out rows of the centred identity, of what was learned,
            and of all together. gallery: the mean number of rows that each query was ranked among.
    """

    weights: dict[str, float]
    identity: float
    learned: float
    blended: float
    gallery: float

    @property
    def known(self) -> float:
        """The share of the known alignment."""
        return sum(share for name, share in self.weights.items() if name != LEARNED)


def known_heads(space: Space, known: KnownColumns, why: Note) -> dict[str, Embedding]:
    """Heads where no fold can be held out: without pairs the centred identity, of a few within-pair whitening."""
    pairs = known.sums.n
    for name, head in known.heads({"whitened" if pairs else "identity": 1.0}).items():
        space.port(name).head = head
    columns = ", ".join(known.cells)
    note = Note("known_whitened", count=pairs) if pairs else Note("known_identity")
    space.notes.append(Note("known", columns=columns, why=why, what=note))
    return {name: space.port(name).head(x) for name, (x, _) in known.cells.items()}


def choose_blend(known: KnownColumns, solved: Solution, labels: np.ndarray | None) -> Blend:
    """Weights of the candidates and of what was learned, by the likelihood of held-out pairs; kept by content.

    Args:
        labels: (N,) rows of one are right answers for each other; `None`: each row its own.
    """
    assert solved.onward is not None
    raw = [part for name in known.coordinates for part in (known.means[name], *known.coordinates[name])]
    key = key_of(
        [solved.onward.key, "known by likelihood", *raw]
    )  # that of the closed form is of standardised features
    if found := load_choice(key):
        return Blend(**found)
    scores, right = held_scores(known, solved.onward.held(), labels)
    beta = stack_scores(scores, [name not in ("identity", "whitened") for name in (*CANDIDATES, LEARNED)], right)
    total = float(beta.sum())
    beta = beta / total if total > 0 else np.array([1.0, 0.0, 0.0, 0.0])
    ranks = [mean_rank(weights, scores, right) for weights in (np.eye(len(beta))[0], np.eye(len(beta))[-1], beta)]
    shares = dict(zip((*CANDIDATES, LEARNED), beta.tolist(), strict=True))
    blend = Blend(shares, ranks[0], ranks[1], ranks[2], float(np.mean([one.shape[1] for one in scores])))
    if not loops_are_short():
        store_choice(key, vars(blend))
    return blend


def held_scores(
    known: KnownColumns, folds: Sequence[HeldCodes], labels: np.ndarray | None
) -> tuple[list[np.ndarray], list[np.ndarray | None]]:
    """Of every fold and every two columns the scores (4, m, m) of held-out rows, and what is right where groups are."""
    scores, right = [], []
    for fold in folds:
        own = np.unique(np.concatenate([rows for _, rows in known.coordinates.values()]))
        maps = known_maps(known.without(np.setdiff1d(own, fold.seen)))
        size = np.sqrt(np.mean([np.square(z).sum(1).mean() for z, _ in fold.codes.values()]))
        for a, b in combinations(known.coordinates, 2):
            rows = np.intersect1d(fold.codes[a][1], fold.codes[b][1])
            rows = rows[np.unique(np.linspace(0, len(rows) - 1, min(len(rows), GALLERY)).astype(int))]
            if len(rows) < 2:
                continue
            u, v = (fold.codes[name][0][np.searchsorted(fold.codes[name][1], rows)] / size for name in (a, b))
            sides = (codes_at(maps, known.coordinates[name], rows) for name in (a, b))
            candidates = [x @ y.T for x, y in zip(*(side.values() for side in sides), strict=True)]
            scores.append(np.stack([*candidates, u @ v.T]))
            right.append(None if labels is None else labels[rows][:, None] == labels[rows])
    return scores, right


def codes_at(maps: KnownMaps, column: tuple[np.ndarray, np.ndarray], rows: np.ndarray) -> dict[str, np.ndarray]:
    """The candidates' codes of some rows of a column."""
    x, own = column
    return maps.codes(x[np.searchsorted(own, rows)])


def mean_rank(weights: Matrix, scores: Sequence[np.ndarray], right: Sequence[np.ndarray | None]) -> float:
    """Mean reciprocal rank of a weighted sum of scores, over both directions."""
    ranks = [reciprocal_ranks(np.tensordot(weights, one, 1), same) for one, same in zip(scores, right, strict=True)]
    return float(np.mean([np.mean(np.concatenate(pair)) for pair in ranks]))


def with_learned(
    space: Space, known: KnownColumns, blend: Blend, learned: Mapping[str, Embedding], why: Note
) -> dict[str, Embedding]:
    """Put the known alignment beside the heads that a space has learned; the codes of the columns' entries.

    Args:
        learned: codes of the entries by the space's heads, as far as they are known.
    """
    codes = {name: learned.get(name) or space.port(name).head(x) for name, (x, _) in known.cells.items()}
    share = blend.weights[LEARNED]
    if blend.known > 0:
        heads = known.heads(blend.weights)
        size = np.sqrt(np.mean([np.square(np.asarray(code)).sum(1).mean() for code in codes.values()]))
        for name in codes:
            port = space.port(name)
            port.head = (
                BlendedHead((heads[name], port.head), (blend.known, float(share / size**2)))
                if share > 0
                else heads[name]
            )
        codes = {name: space.port(name).head(x) for name, (x, _) in known.cells.items()}
    shares = {f"share_{name}": one for name, one in blend.weights.items()}
    ranks = {"identity": blend.identity, "learned": blend.learned, "blended": blend.blended}
    what = Note("known_blend", count=known.sums.n, gallery=blend.gallery, **shares, **ranks)
    space.notes.append(Note("known", columns=", ".join(known.cells), why=why, what=what))
    return codes
