"""Figures as text: as many digits as their intervals allow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kuamo.metrics import Interval

if TYPE_CHECKING:
    pass

__all__ = ["between", "digits"]


def between(metric: str, interval: Interval) -> str:
    """From where to where an interval goes; a negative number keeps its sign apart from the dash.

    Example:
        >>> between("made_R2", Interval(-0.4, -0.5, 0.1, 100)), between("R@1", Interval(0.5, 0.4, 0.6, 100))
        ('-0.500 – 0.100', '0.400–0.600')
    """
    dash = " – " if interval.low < 0 else "–"
    return f"{digits(metric, interval.low)}{dash}{digits(metric, interval.high)}"


def digits(metric: str, number: float) -> str:
    """A number as its metric is written: ranks with one decimal, shares with three.

    Example:
        >>> digits("median_rank", 2), digits("R@1", 0.5)
        ('2.0', '0.500')
    """
    return f"{number:.1f}" if metric == "median_rank" else f"{number:.3f}"
