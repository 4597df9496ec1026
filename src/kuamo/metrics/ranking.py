"""Ranks of all right answers, in tiles: memory is one tile of scores, never queries × gallery.

The right answers of a query, best first, have ranks r_1 < r_2 < … < r_p among m answers:

r_j = j + #{wrong answers whose score is not below the j-th right one}      ties count against us

R@k = mean [r_1 ≤ k]        MRR = mean 1 / r_1        median rank = median r_1
AP = 1/p Σ_j j / r_j        AP@R = 1/p Σ_{j: r_j ≤ p} j / r_j        mAP, mAP@R: their means
nDCG@k = Σ_{j: r_j ≤ k} 1 / log₂(1 + r_j)  /  Σ_{j ≤ min(p, k)} 1 / log₂(1 + j)

Scores that differ by no more than rounding are equal: a collapsed space, or a caption that stands in many rows, must
not win by the order in which a matrix product adds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from kuamo.core.errors import KuamoError

__all__ = [
    "RankedRelevance",
    "average_precision",
    "chance_recall",
    "first_rank",
    "median_rank",
    "ndcg",
    "per_query",
    "rank_queries",
    "ranked_relevance",
    "ranks",
    "recall",
]

TILE_SCORES = 4_000_000  # 16 MB of float32
ROUNDING = 1e-6  # of |query| · max |answer|; float32 products of codes err by less
NDCG_AT = 10


@dataclass(frozen=True)
class RankedRelevance:
    """The right answers of n queries, packed: entry k is the `order[k]`-th right answer of query `query[k]`.

    Args:
        rank: (P,) ranks, ascending within a query.
        order: (P,) 1, 2, … within a query. query: (P,) numbers of queries. count: (n,) right answers of each query.

    Example:
        >>> RankedRelevance.of([[1, 3], [2]]).order
        array([1, 2, 1])
    """

    rank: np.ndarray
    order: np.ndarray
    query: np.ndarray
    count: np.ndarray

    @classmethod
    def of(cls, lists: Sequence[Sequence[int] | np.ndarray] | np.ndarray) -> RankedRelevance:
        """From one ascending list of ranks for each query."""
        count = np.array([len(one) for one in lists], dtype=np.int64)
        rank = np.concatenate([np.asarray(one, np.int64) for one in lists]) if len(lists) else np.zeros(0, np.int64)
        before = np.repeat(np.cumsum(count) - count, count)
        return cls(rank, np.arange(len(rank)) - before + 1, np.repeat(np.arange(len(count)), count), count)

    def mean(self, gain: np.ndarray, share: np.ndarray) -> np.ndarray:
        """(n,) sum of each query's gains (P,), over its share (n,); NaN where a query has no right answer."""
        total = np.bincount(self.query, gain, len(self.count))
        return np.where(self.count > 0, total / np.maximum(share, 1e-300), np.nan)


# ── one number for each query ────────────────────────────────────────────────────────────────────────────────────


def first_rank(answers: RankedRelevance) -> np.ndarray:
    """Rank (n,) of each query's best right answer; NaN where there is none.

    Example:
        >>> first_rank(RankedRelevance.of([[1, 3], [2], []]))
        array([ 1.,  2., nan])
    """
    out = np.full(len(answers.count), np.nan)
    first = answers.order == 1
    out[answers.query[first]] = answers.rank[first]
    return out


def average_precision(answers: RankedRelevance, *, at_r: bool = False) -> np.ndarray:
    """AP (n,): the precision at each right answer, averaged over all right answers. Its mean is mAP.

    Args:
        answers: ranks of all right answers.
        at_r: only right answers among the first p, p their number, count (mAP@R): 1 means "all p stand first".

    References:
        Introduction to Information Retrieval, C. Manning, P. Raghavan and H. Schütze, 2008, section 8.4.
        A Metric Learning Reality Check, K. Musgrave, S. Belongie and S.-N. Lim, 2020 (mAP@R).

    Example:
        >>> average_precision(RankedRelevance.of([[1, 3]])).round(3)           # (1/1 + 2/3) / 2
        array([0.833])
        >>> average_precision(RankedRelevance.of([[1, 3]]), at_r=True)         # (1/1 + 0) / 2
        array([0.5])
    """
    precision = answers.order / answers.rank
    if at_r:
        precision = precision * (answers.rank <= answers.count[answers.query])
    return answers.mean(precision, answers.count)


def ndcg(answers: RankedRelevance, k: int = NDCG_AT) -> np.ndarray:
    """nDCG@k (n,) with binary gains: discounted gain of the first k answers, over that of the best order.

    References:
        Cumulated gain-based evaluation of IR techniques, K. Järvelin and J. Kekäläinen, 2002.

    Example:
        >>> ndcg(RankedRelevance.of([[1, 3]]), 10).round(4)                    # (1 + 1/2) / (1 + 1/log2(3))
        array([0.9197])
    """
    gain = (answers.rank <= k) / np.log2(1.0 + answers.rank)
    best = np.concatenate([[0.0], np.cumsum(1 / np.log2(2.0 + np.arange(k)))])
    return answers.mean(gain, best[np.minimum(answers.count, k)])


def recall(rank: np.ndarray, k: int) -> float:
    """R@k: the share of queries with a right answer among the first k (also called Hit@k).

    Example:
        >>> recall(np.array([1, 3, 20]), 10).__round__(2)
        0.67
    """
    return float((rank <= k).mean())


def median_rank(rank: np.ndarray) -> float:
    """The median of the ranks."""
    return float(np.median(rank))


def chance_recall(k: int, count: np.ndarray, gallery: int) -> float:
    """R@k of a random order: mean over queries of 1 − C(m − p, k) / C(m, k).

    Args:
        k: answers looked at. count: (n,) right answers p of each query. gallery: m.

    Example:
        >>> chance_recall(10, np.array([1, 1]), 100).__round__(3)
        0.1
    """
    sizes, times = np.unique(count, return_counts=True)
    left = gallery - np.arange(min(k, gallery))
    missed = np.array([np.prod(np.clip(left - p, 0, None) / left) for p in sizes])
    return float(1 - (missed * times).sum() / times.sum())


def per_query(metric: str, values: Mapping[str, np.ndarray]) -> np.ndarray:
    """One number (n,) for each query: its part of `R@k`, `MRR`, `mAP`, `mAP@R`, `nDCG@k`, or its rank.

    Args:
        metric: the name. values: what `rank_queries` gave. Where it is only `rank`, each query has one right answer.

    Raises:
        KuamoError: the metric does not follow from these values.

    Example:
        >>> per_query("R@5", {"rank": np.array([1, 7])})
        array([1., 0.])
    """
    rank = np.asarray(values["rank"])
    if metric in values:
        return np.asarray(values[metric], dtype=np.float64)
    name, _, k = metric.partition("@")
    if name == "R" and k.isdigit():
        return (rank <= int(k)).astype(np.float64)
    if metric == "MRR":
        return 1 / rank
    if metric == "median_rank":
        return rank.astype(np.float64)
    if set(values) == {"rank"}:
        one = RankedRelevance.of(rank[:, None])
        if metric in ("mAP", "mAP@R"):
            return average_precision(one, at_r=metric == "mAP@R")
        if name == "nDCG" and k.isdigit():
            return ndcg(one, int(k))
    raise KuamoError(f"given metric {metric!r}; expected R@k, MRR, median_rank or one of {sorted(values)}")


# ── ranks in tiles ───────────────────────────────────────────────────────────────────────────────────────────────


def rank_queries(
    queries: np.ndarray,
    gallery: np.ndarray,
    query_key: np.ndarray,
    gallery_key: np.ndarray,
    *,
    tile: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """What each query got, from which every measure follows; and how many right answers it has.

    Args:
        queries, gallery, query_key, gallery_key, tile: as for `ranked_relevance`; every query has a right answer.
        progress: called with (queries done, queries).

    Returns:
        `{"rank": (n,) int64}`, and where any query has several right answers also `mAP`, `mAP@R` and `nDCG@10`,
        (n,) float32; and count (n,).

    Example:
        >>> values, count = rank_queries(np.eye(2), np.eye(2)[[0, 1, 1]], np.arange(2), np.array([0, 1, 1]))
        >>> values["rank"], values["mAP"], count
        (array([1, 1]), array([1., 1.], dtype=float32), array([1, 2]))
    """
    parts: dict[str, list[np.ndarray]] = {"rank": [], "mAP": [], "mAP@R": [], f"nDCG@{NDCG_AT}": [], "count": []}
    done = 0
    for answers in ranked_relevance(queries, gallery, query_key, gallery_key, tile):
        of_tile = (
            first_rank(answers),
            average_precision(answers),
            average_precision(answers, at_r=True),
            ndcg(answers),
            answers.count,
        )
        for part, values in zip(parts.values(), of_tile, strict=True):
            part.append(values)
        done += len(answers.count)
        if progress:
            progress(done, len(queries))
    joined = {name: np.concatenate(part) for name, part in parts.items()}
    count = joined.pop("count")
    if (count == 0).any():
        raise KuamoError(f"query {int(np.argmin(count))}: no relevant item in the gallery; expected at least one")
    rank = joined.pop("rank").astype(np.int64)
    several = {name: values.astype(np.float32) for name, values in joined.items()} if count.max() > 1 else {}
    return {"rank": rank, **several}, count


def ranks(
    queries: np.ndarray, gallery: np.ndarray, query_key: np.ndarray, gallery_key: np.ndarray, tile: int | None = None
) -> np.ndarray:
    """Rank (n,) of each query's best right answer; NaN where no answer is right. Arguments: see `ranked_relevance`.

    Example:
        >>> ranks(np.eye(3), np.eye(3)[[1, 0, 2]], np.arange(3), np.array([1, 0, 2]))
        array([1., 1., 1.])
        >>> ranks(np.ones((1, 2)), np.ones((5, 2)), np.array([3]), np.arange(5))
        array([5.])
    """
    tiles = [first_rank(answers) for answers in ranked_relevance(queries, gallery, query_key, gallery_key, tile)]
    return np.concatenate(tiles) if tiles else np.zeros(0)


def ranked_relevance(
    queries: np.ndarray, gallery: np.ndarray, query_key: np.ndarray, gallery_key: np.ndarray, tile: int | None = None
) -> Iterator[RankedRelevance]:
    """Ranks of all right answers, tile after tile of queries; an answer is right where the keys are equal.

    Args:
        queries: (n, d). gallery: (m, d), compared by dot product.
        query_key, gallery_key: (n,) and (m,).
        tile: queries at a time; as many as keep the scores of a tile below 16 MB if not given.

    Raises:
        KuamoError: an empty gallery, sizes that do not fit, or a code that is not finite.
    """
    queries, gallery = np.asarray(queries), np.asarray(gallery)
    reach = ROUNDING * _lengths(queries, "query") * _lengths(gallery, "answer").max(initial=0)
    if len(gallery) == 0 or queries.shape[1:] != gallery.shape[1:]:
        raise KuamoError(f"given queries {queries.shape} and a gallery {gallery.shape}; expected (n, d) and (m > 0, d)")
    if (len(query_key), len(gallery_key)) != (len(queries), len(gallery)):
        raise KuamoError(f"given {len(query_key)} and {len(gallery_key)} keys; expected one for each code")
    by_key = np.argsort(gallery_key, kind="stable")
    first = np.searchsorted(gallery_key, query_key, "left", sorter=by_key)
    last = np.searchsorted(gallery_key, query_key, "right", sorter=by_key)
    step = tile or max(1, TILE_SCORES // len(gallery))
    for start in range(0, len(queries), step):
        scores = queries[start : start + step] @ gallery.T
        here = range(start, start + len(scores))
        yield RankedRelevance.of(
            [_ranks_of_one(row, by_key[first[i] : last[i]], reach[i]) for i, row in zip(here, scores, strict=True)]
        )


def _ranks_of_one(scores: np.ndarray, right: np.ndarray, reach: float) -> np.ndarray:
    """Ascending ranks (p,) of the answers `right` (p,) among scores (m,)."""
    p = len(right)
    if p == 0:
        return right
    hits = np.sort(scores[right])
    bar = hits - reach  # a wrong answer that reaches the bar stands above the hit
    near = scores[scores >= bar[0]]
    if p > 1:  # all of them reach a single bar, in any order
        near.sort()
    above = len(near) - np.searchsorted(near, bar)
    wrong = above - (p - np.searchsorted(hits, bar))  # right answers reach the bars too
    return wrong[::-1] + np.arange(1, p + 1)


def _lengths(codes: np.ndarray, what: str) -> np.ndarray:
    lengths = np.linalg.norm(codes, axis=-1)
    bad = np.flatnonzero(~np.isfinite(lengths))
    if len(bad):
        raise KuamoError(f"{what} {bad[0]}: given a code that is not finite; expected finite numbers")
    return lengths
