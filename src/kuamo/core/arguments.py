"""Calls with an argument that a public function does not have, in the words of kuamo."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from inspect import signature
from types import FunctionType
from typing import Any, TypeVar

from kuamo.core.errors import KuamoError, did_you_mean

__all__ = ["BINDING", "ArgumentError", "checks_arguments"]

T = TypeVar("T", bound=Callable[..., Any])
Function = Callable[..., Any]
BINDING = (
    "missing a required argument: {0!r}",
    "multiple values for argument {0!r}",
    "too many positional arguments",
)
"""What Python says of calls, which errors of ours repeat."""


class ArgumentError(KuamoError, TypeError):
    """A call with an argument that there is not, or without one that is required."""


def checks_arguments(thing: T) -> T:
    """A function, or a class with its constructor and public methods, whose wrong calls are `ArgumentError`s.

    Example:
        >>> @checks_arguments
        ... def draw(samples):
        ...     return samples
        >>> draw(n=3)
        Traceback (most recent call last):
        kuamo.core.arguments.ArgumentError: draw() has no argument 'n'; expected some of ['samples']
    """
    if not isinstance(thing, type):
        return _checked(thing, thing.__name__)  # type: ignore[return-value]
    for name, value in list(vars(thing).items()):
        called = thing.__name__ if name == "__init__" else f"{thing.__name__}.{name}"
        if isinstance(value, FunctionType) and (name == "__init__" or not name.startswith("_")):
            setattr(thing, name, _checked(value, called))
        elif isinstance(value, classmethod) and not name.startswith("_"):
            setattr(thing, name, classmethod(_checked(value.__func__, called)))
    return thing


def _checked(function: Function, called: str) -> Function:
    if getattr(function, "_checked", False):
        return function

    @wraps(function)
    def call(*given: Any, **named: Any) -> Any:
        try:
            return function(*given, **named)
        except TypeError:
            if (wrong := _mistake(function, called, given, named)) is None:
                raise
        raise wrong

    call._checked = True  # type: ignore[attr-defined]
    return call


def _mistake(function: Function, called: str, given: Sequence[Any], named: Mapping[str, Any]) -> ArgumentError | None:
    """What is wrong with the arguments, if they are what is wrong."""
    try:
        signature(function).bind(*given, **named)
        return None
    except TypeError as error:
        wrong = str(error)
    parameters = signature(function).parameters.values()
    known = [
        one.name for one in parameters if one.name != "self" and one.kind not in (one.VAR_POSITIONAL, one.VAR_KEYWORD)
    ]
    unknown = [name for name in named if name not in known]
    if not unknown:
        return ArgumentError(f"cannot call {called}(): {wrong!s}")
    meant = did_you_mean(unknown[0], known)
    return ArgumentError(f"{called}() has no argument {unknown[0]!r}{meant}; expected some of {known}")
