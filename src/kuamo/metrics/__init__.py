"""Numbers that say how good a space is."""

from kuamo.metrics.ranking import Interval, bootstrap, median_rank, ranks, recall

__all__ = ["Interval", "bootstrap", "median_rank", "ranks", "recall"]
