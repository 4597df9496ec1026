"""Calls with an argument that a public function does not have, in the words of kuamo."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from inspect import Parameter, signature
from types import FunctionType
from typing import Any, TypeVar

from kuamo.core.errors import KuamoError, did_you_mean

__all__ = ["ArgumentError", "checks_arguments"]

T = TypeVar("T", bound=Callable[..., Any])
Function = Callable[..., Any]


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
    own = signature(function)
    try:
        own.bind(*given, **named)
        return None
    except TypeError:
        pass
    all_of_it = {name: one for name, one in own.parameters.items() if name not in ("self", "cls")}
    known = [name for name, one in all_of_it.items() if one.kind not in (one.VAR_POSITIONAL, one.VAR_KEYWORD)]
    if unknown := [name for name in named if name not in known]:
        meant = did_you_mean(unknown[0], known)
        return ArgumentError(f"{called}() has no argument {unknown[0]!r}{meant}; expected some of {known}")
    places = [name for name in known if all_of_it[name].kind is not Parameter.KEYWORD_ONLY]
    count = len(given) - (len(own.parameters) - len(all_of_it))
    if count > len(places):
        return ArgumentError(f"{called}(): given {count} arguments without a name; expected at most {len(places)}")
    missing = [name for name in known if all_of_it[name].default is Parameter.empty and name not in named]
    missing = [name for name in missing if name not in places[:count]]
    if missing:
        return ArgumentError(f"{called}(): the argument {missing[0]!r} is missing")
    return ArgumentError(f"{called}(): the argument {[*named][0]!r} is given twice")
