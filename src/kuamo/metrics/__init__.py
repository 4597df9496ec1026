"""Numbers that say how good a space is."""

from kuamo.metrics.paired import Difference, holm, paired_test, sign_flip
from kuamo.metrics.ranking import (
    Ranked,
    average_precision,
    chance_recall,
    first_rank,
    measure,
    median_rank,
    ndcg,
    per_query,
    ranked,
    ranks,
    recall,
)
from kuamo.metrics.resampling import Interval, bootstrap, bootstrap_all

__all__ = [
    "Difference",
    "Interval",
    "Ranked",
    "average_precision",
    "bootstrap",
    "bootstrap_all",
    "chance_recall",
    "first_rank",
    "holm",
    "measure",
    "median_rank",
    "ndcg",
    "paired_test",
    "per_query",
    "ranked",
    "ranks",
    "recall",
    "sign_flip",
]
