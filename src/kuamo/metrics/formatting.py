"""Figures as text: as many digits as their intervals allow."""

from __future__ import annotations

from kuamo.metrics import Interval

__all__ = ["format_figure", "format_interval"]


def format_interval(metric: str, interval: Interval) -> str:
    """From where to where an interval goes; a negative number keeps its sign apart from the dash.

    Example:
        >>> format_interval("gen_R2", Interval(-0.4, -0.5, 0.1, 100))
        '-0.500 – 0.100'
        >>> format_interval("R@1", Interval(0.5, 0.4, 0.6, 100))
        '0.400–0.600'
    """
    dash = " – " if interval.low < 0 else "–"
    return f"{format_figure(metric, interval.low)}{dash}{format_figure(metric, interval.high)}"


def format_figure(metric: str, number: float) -> str:
    """A number as its metric is written: ranks with one decimal, shares with three.

    Example:
        >>> format_figure("median_rank", 2), format_figure("R@1", 0.5)
        ('2.0', '0.500')
    """
    return f"{number:.1f}" if metric == "median_rank" else f"{number:.3f}"
