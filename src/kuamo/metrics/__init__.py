"""Numbers about rankings and samples, with intervals and tests.

ranking, sample_quality  ranks of relevant items; generated cells against real ones
bootstrap, paired_tests  intervals; is one system better than another
shapley                  Shapley values
coverage, data_quality   which cells are there; cells that repeat or hardly change
formatting               figures as text
dependence/              what two columns share
"""

from kuamo.core.old_names import former_names
from kuamo.metrics.bootstrap import Interval, bootstrap, bootstrap_all
from kuamo.metrics.paired_tests import Difference, holm, paired_test, sign_flip
from kuamo.metrics.ranking import (
    RankedRelevance,
    average_precision,
    chance_recall,
    first_rank,
    median_rank,
    ndcg,
    per_query,
    rank_queries,
    ranked_relevance,
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
    "median_rank",
    "ndcg",
    "paired_test",
    "per_query",
    "rank_queries",
    "ranked_relevance",
    "ranks",
    "recall",
    "sign_flip",
]

__getattr__ = former_names(__name__)
