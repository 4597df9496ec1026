"""Numbers about rankings and samples, with intervals and tests.

ranking, sample_quality  ranks of relevant items; generated cells against real ones
bootstrap, paired_tests  intervals; is one system better than another
shapley                  Shapley values
coverage, data_quality   which cells are there; cells that repeat or hardly change
formatting               figures as text
dependence/              what two columns share
"""

from kuamo.metrics.bootstrap import Interval, bootstrap, bootstrap_all
from kuamo.metrics.paired_tests import Difference, holm, paired_test, sign_flip
from kuamo.metrics.ranking import (
    RankedRelevance,
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

__all__ = [
    "Difference",
    "Interval",
    "RankedRelevance",
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
