"""Shapley values of a game over few players, exact or sampled."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import combinations
from math import factorial
from typing import Any

import numpy as np

__all__ = ["EXACT", "Value", "exact_shapley", "sampled_shapley", "shapley", "subsets"]


EXACT = 8  # columns; 2⁸ subsets


Value = Callable[[np.ndarray], np.ndarray]  # which columns (M,) bool → v_i (N,)


def shapley(
    value: Value,
    players: int,
    rows: int,
    orders: int = 64,
    seed: int = 0,
    progress: Callable[[str, int, int], None] | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """φ (N, M) of each row, and the standard error (M,) of their mean by sampling orders, 0 up to 8 players.

    Args:
        value: (M,) bool → (N,). players: M. rows: N. orders: how many are drawn for more than 8 players.

    Example:
        >>> phi, error = shapley(lambda who: np.array([who.sum() ** 2.0]), 2, 1)
        >>> phi, error
        (array([[2., 2.]]), array([0., 0.]))
    """
    return (
        exact_shapley(value, players, rows, progress)
        if players <= EXACT
        else sampled_shapley(value, players, rows, orders, seed, progress)
    )


def exact_shapley(value: Value, players: int, rows: int, progress: Any = None) -> tuple[np.ndarray, np.ndarray]:
    """Each subset once: v(S) counts for those in it, by (|S| − 1)! (M − |S|)! / M!, and against the others."""
    phi = np.zeros((rows, players))
    for number, who in enumerate(subsets(players)):
        size, worth = int(who.sum()), value(who)[:, None]
        if size:
            phi[:, who] += factorial(size - 1) * factorial(players - size) / factorial(players) * worth
        if size < players:
            phi[:, ~who] -= factorial(size) * factorial(players - size - 1) / factorial(players) * worth
        if progress:
            progress("subsets", number + 1, 2**players)
    return phi, np.zeros(players)


def subsets(players: int) -> Iterator[np.ndarray]:
    """All of them, (M,) bool, smallest first."""
    for size in range(players + 1):
        for who in combinations(range(players), size):
            yield np.isin(np.arange(players), who)


def sampled_shapley(
    value: Value, players: int, rows: int, orders: int, seed: int, progress: Any = None
) -> tuple[np.ndarray, np.ndarray]:
    """What each adds to those before it, over random orders and their reverses; errors are of the pairs' means."""
    rng = np.random.default_rng(seed)
    pairs = max(orders // 2, 2)
    phi, means = np.zeros((rows, players)), np.zeros((pairs, players))
    for pair in range(pairs):
        order = rng.permutation(players)
        for turn in (order, order[::-1]):
            who = np.zeros(players, dtype=bool)
            before = value(who)
            for player in turn:
                who[player] = True
                now = value(who)
                phi[:, player] += (now - before) / (2 * pairs)
                means[pair, player] += (now - before).mean() / 2
                before = now
        if progress:
            progress("orders", pair + 1, pairs)
    return phi, means.std(axis=0, ddof=1) / np.sqrt(pairs)
