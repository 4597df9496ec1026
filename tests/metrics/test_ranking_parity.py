"""Ranking measures against hand counts, the slow obvious version, and scikit-learn."""

from __future__ import annotations

import json
from collections.abc import Callable
from math import log2
from pathlib import Path

import numpy as np
import pytest

from kuamo.metrics import (
    RankedRelevance,
    average_precision,
    bootstrap,
    chance_recall,
    ndcg,
    per_query,
    rank_queries,
    ranked_relevance,
    ranks,
)

RECORDED = json.loads((Path(__file__).parents[1] / "fixtures" / "parity" / "sklearn_ranking.json").read_text())


def one_query(scores: list[float], right: list[bool]) -> dict[str, float]:
    """Measures of one query with these scores, through codes of one dimension."""
    gallery, key = np.asarray(scores)[:, None], np.asarray(right).astype(int)
    values, _ = rank_queries(np.ones((1, 1)), gallery, np.array([1]), key)
    return {
        name: float(per_query(name, values)[0]) for name in ("mAP", "mAP@R", "nDCG@10", "MRR", "R@1", "median_rank")
    }


@pytest.mark.parametrize("case", RECORDED["cases"])
def test_scikit_learn_agrees(case: dict) -> None:
    found = one_query(case["scores"], case["right"])
    assert found["mAP"] == pytest.approx(case["mAP"], abs=1e-6)
    assert found["nDCG@10"] == pytest.approx(case["nDCG@10"], abs=1e-6)


def test_by_hand() -> None:
    """Order: wrong, right, wrong, right, right."""
    found = one_query([0.9, 0.8, 0.7, 0.6, 0.5], [False, True, False, True, True])
    assert found["mAP"] == pytest.approx((1 / 2 + 2 / 4 + 3 / 5) / 3)
    assert found["mAP@R"] == pytest.approx((1 / 2) / 3)
    gain = 1 / log2(3) + 1 / log2(5) + 1 / log2(6)
    assert found["nDCG@10"] == pytest.approx(gain / (1 + 1 / log2(3) + 1 / log2(4)))
    assert (found["MRR"], found["R@1"], found["median_rank"]) == (0.5, 0.0, 2.0)


def test_ties_count_against_us_by_hand() -> None:
    """Scores 3 3 2 2 1; the right ones are one of the 3s and one of the 2s: ranks 2 and 4."""
    (found,) = ranked_relevance(
        np.ones((1, 1)), np.array([[3.0], [3], [2], [2], [1]]), np.array([1]), np.array([0, 1, 1, 0, 0])
    )
    assert found.rank.tolist() == [2, 4]


def test_equal_float32_codes_tie_whatever_a_product_rounds() -> None:
    """A caption that stands in every row: the right answer is last, not somewhere by rounding."""
    rng = np.random.default_rng(0)
    queries = rng.standard_normal((50, 257)).astype(np.float32)
    gallery = np.repeat(rng.standard_normal((1, 257)).astype(np.float32), 101, axis=0)
    gallery *= 1 + 1e-7 * rng.integers(-1, 2, (101, 1)).astype(np.float32)  # as a head's own product would
    assert (ranks(queries, gallery, np.arange(50), np.arange(101)) == 101).all()


def slow(scores: np.ndarray, right: np.ndarray) -> dict[str, float]:
    """The definitions, read aloud: sort with wrong answers first among equals, and walk down."""
    order = sorted(range(len(scores)), key=lambda j: (-scores[j], right[j]))
    hits, precisions, gain, at_r = 0, [], 0.0, 0.0
    p = int(right.sum())
    for place, j in enumerate(order, start=1):
        if right[j]:
            hits += 1
            precisions.append(hits / place)
            at_r += hits / place * (place <= p)
            gain += (place <= 10) / log2(1 + place)
    ideal = sum(1 / log2(1 + place) for place in range(1, min(p, 10) + 1))
    first = next(place for place, j in enumerate(order, start=1) if right[j])
    return {"rank": first, "mAP": float(np.mean(precisions)), "mAP@R": at_r / p, "nDCG@10": gain / ideal}


@pytest.mark.parametrize(
    "draw", [lambda rng, size: rng.standard_normal(size), lambda rng, size: rng.integers(-2, 3, size)]
)
def test_the_slow_version_agrees(draw: Callable) -> None:
    """With and without ties."""
    rng = np.random.default_rng(1)
    queries, gallery = draw(rng, (60, 4)).astype(float), draw(rng, (90, 4)).astype(float)
    gallery_key = rng.integers(0, 9, 90)
    query_key = rng.choice(gallery_key, 60)
    values, count = rank_queries(queries, gallery, query_key, gallery_key, tile=17)
    for i in range(60):
        right = gallery_key == query_key[i]
        expected = slow(queries[i] @ gallery.T, right)
        assert count[i] == right.sum()
        assert {name: float(part[i]) for name, part in values.items()} == pytest.approx(expected, abs=1e-6)


def test_one_right_answer_is_the_special_case() -> None:
    """Then AP = 1 / rank, AP@R = [rank = 1], and a report keeps ranks only."""
    rank = np.array([1, 2, 7, 40])
    packed = RankedRelevance.of(rank[:, None])
    assert np.allclose(per_query("mAP", {"rank": rank}), 1 / rank) and np.allclose(average_precision(packed), 1 / rank)
    assert per_query("mAP@R", {"rank": rank}).tolist() == [1, 0, 0, 0]
    assert np.allclose(ndcg(packed, 10), [1, 1 / log2(3), 1 / log2(8), 0])


def test_chance_recall_is_that_of_random_orders() -> None:
    rng = np.random.default_rng(2)
    orders = np.argsort(rng.random((20_000, 30)), axis=1)
    for p in (1, 4, 25):
        for k in (1, 5, 10):
            seen = (orders[:, :p] < k).any(axis=1).mean()
            assert chance_recall(k, np.array([p]), 30) == pytest.approx(seen, abs=0.012)


@pytest.mark.parametrize("statistic", ["mean", "median"])
def test_bootstrap_of_groups_is_the_plain_version(statistic: str) -> None:
    """Draw groups, put their rows together, take the statistic."""
    rng = np.random.default_rng(3)
    groups = np.sort(rng.integers(0, 12, 60))
    samples = rng.standard_normal(60) + groups
    names = np.unique(groups)
    plain = []
    for _ in range(3000):
        rows = np.concatenate([samples[groups == g] for g in rng.choice(names, len(names))])
        plain.append(getattr(np, statistic)(rows))
    found = bootstrap(samples, statistic, groups=groups, draws=3000, seed=4)
    assert [found.low, found.high] == pytest.approx(np.quantile(plain, [0.025, 0.975]).tolist(), abs=0.3)
    alone = bootstrap(samples, statistic, draws=3000, seed=4)
    assert found.high - found.low > 1.5 * (alone.high - alone.low)
