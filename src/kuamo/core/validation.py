"""Checks of arguments: whole numbers, finite numbers and things of a kind, or an error that says what was given.

A truth value is no number here, though Python takes it for one.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf, isfinite
from typing import Any

import numpy as np

from kuamo.core.errors import TableError, shorten

__all__ = ["check_int", "check_level", "check_type", "check_unique", "is_int", "is_number", "names_of"]


def is_int(value: Any, least: int = 0) -> bool:
    """Is it a whole number from `least`?

    Example:
        >>> is_int(3), is_int(np.int64(3)), is_int(3.0), is_int(True), is_int("3"), is_int(0, 1)
        (True, True, False, False, False, False)
    """
    return isinstance(value, int | np.integer) and not isinstance(value, bool) and bool(value >= least)


def is_number(value: Any, least: float = -inf, most: float = inf) -> bool:
    """Is it a finite number from `least` to `most`?

    Example:
        >>> is_number(0.5, 0, 1), is_number(2, 0, 1), is_number(float("nan")), is_number("0.5")
        (True, False, False, False)
    """
    real = isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)
    try:
        return real and isfinite(value) and bool(least <= value <= most)
    except OverflowError:  # a whole number beyond what a float holds
        return False


def names_of(given: Any, argument: str = "to") -> list[str]:
    """Names of columns, given as one or as several.

    Example:
        >>> names_of("ab"), names_of(("a", "b"))
        (['ab'], ['a', 'b'])
    """
    if isinstance(given, str):
        return [given]
    if not isinstance(given, list | tuple) or not all(isinstance(name, str) for name in given):
        raise TableError(f"given {argument}={shorten(given)}; expected the name of a column, or a list of names")
    return list(given)


def check_int(least: int = 0, **given: Any) -> None:
    """Refuse what is no whole number from `least`.

    Example:
        >>> check_int(1, k=1.5)
        Traceback (most recent call last):
        kuamo.core.errors.TableError: given k=1.5; expected a whole number from 1
    """
    for name, value in given.items():
        if not is_int(value, least):
            raise TableError(f"given {name}={shorten(value)}; expected a whole number from {least}")


def check_level(**given: Any) -> None:
    """Refuse what is neither `None` nor a finite number above 0.

    Example:
        >>> check_level(peak=-1)
        Traceback (most recent call last):
        kuamo.core.errors.TableError: given peak=-1; expected a finite number above 0, or None
    """
    for name, value in given.items():
        if value is not None and not (is_number(value, 0) and value):
            raise TableError(f"given {name}={shorten(value)}; expected a finite number above 0, or None")


def check_type(kind: type, what: str, **given: Any) -> None:
    """Refuse what is no instance of `kind`.

    Args:
        what: was expected, in words.

    Example:
        >>> check_type(int, "an int", rows="3")
        Traceback (most recent call last):
        kuamo.core.errors.TableError: given rows='3' (str); expected an int
    """
    for name, value in given.items():
        if not isinstance(value, kind):
            kind_of = f"the class {value.__name__}" if isinstance(value, type) else type(value).__name__
            raise TableError(f"given {name}={shorten(value)} ({kind_of}); expected {what}")


def check_unique(ids: Sequence[str]) -> None:
    """Refuse ids of which one is there twice, such as those of a table that took a row twice."""
    first: dict[str, int] = {}
    for row, name in enumerate(ids):
        if first.setdefault(name, row) != row:
            raise TableError(
                f"rows {first[name]} and {row}: given the id {shorten(name)} more than once; expected unique ids"
            )
