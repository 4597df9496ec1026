"""Objectives by their names: `InfoNCE + 0.5 * Reconstruct`, as a command line or a list of methods has them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from inspect import signature

from kuamo import objectives
from kuamo.core.errors import TableError, did_you_mean
from kuamo.core.old_names import current, why_removed
from kuamo.training.objective import Objective
from kuamo.training.objective import __all__ as contract

__all__ = ["objective_named", "usable_names"]


def objective_named(text: str, others: Sequence[str] = ()) -> Objective:
    """The objective that a text names; names are those of `kuamo.objectives.__all__`, each with its own settings.

    Args:
        others: words beside names of objectives that might have been meant.

    Example:
        >>> [weight for weight, _ in objective_named("InfoNCE + 0.5*Reconstruct").terms]
        [1.0, 0.5]
    """
    total: Objective | None = None
    for part in text.replace(" ", "").split("+"):
        weight, _, name = part.rpartition("*")
        name = current(name)
        kind = getattr(objectives, name, None) if name in usable_names() else None
        try:
            term = float(weight or 1) * kind() if kind and weight else kind and kind()
        except (TypeError, ValueError):
            term = None
        if not isinstance(term, Objective):
            known = [*others, *usable_names()]
            meant = why_removed(name) or did_you_mean(name, known)
            raise TableError(f"given the objective {part!r}{meant}; expected one of {known}, as in 'A+0.5*B'")
        total = term if total is None else total + term
    assert total is not None
    return total


def usable_names() -> list[str]:
    """The names that need nothing else to be said.

    Example:
        >>> "InfoNCE" in usable_names(), "Objective" in usable_names()
        (True, False)
    """
    names = [name for name in objectives.__all__ if name not in contract and not _asks(getattr(objectives, name))]
    return sorted(names, key=str.casefold)


def _asks(kind: Callable[..., Objective]) -> bool:
    """Does it need an argument, such as how many classes?"""
    return any(one.default is one.empty for one in signature(kind).parameters.values())
