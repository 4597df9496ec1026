"""What parts of a space need not have, by default; and their stored form, by the arguments of their constructors."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from inspect import signature
from types import FunctionType, MethodType
from typing import Any, ClassVar, Self

import numpy as np

from kuamo.core.translation import translate

__all__ = ["Configured", "Contract", "Stored"]


class Contract:
    """Base of a kind of part, such as encoders: names with their defaults.

    Users need no base class: `adapt` adds the defaults to any object.

    Example:
        >>> class Greeter(Contract):
        ...     name = "nobody"
        ...     def greet(self): return f"hello {self.name}"
        >>> class Mine:
        ...     name = "me"
        >>> Greeter.adapt(Mine()).greet(), Greeter.adapt(None).greet()
        ('hello me', 'hello nobody')
    """

    RENAMED: ClassVar[Mapping[str, str]] = {}
    """Names that a user's part may still have by an old name; new → old."""

    def __init_subclass__(cls, **given: Any) -> None:
        super().__init_subclass__(**given)
        for new, old in cls.RENAMED.items():
            if old in vars(cls) and new not in vars(cls):
                _warn(cls, old, new)
                setattr(cls, new, vars(cls)[old])

    @classmethod
    def adapt(cls, part: Any) -> Self:
        """The part, with a default for what it lacks."""
        return part if isinstance(part, cls) else _Adapter(part, cls)  # type: ignore[return-value]


class _Adapter:
    def __init__(self, part: Any, contract: type[Contract]) -> None:
        self._part, self._contract = part, contract

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        old = self._contract.RENAMED.get(name)
        if hasattr(self._part, name):
            return getattr(self._part, name)
        if old is not None and hasattr(self._part, old):
            _warn(type(self._part), old, name)
            return getattr(self._part, old)
        default = getattr(self._contract, name)
        return MethodType(default, self) if isinstance(default, FunctionType) else default


def _warn(kind: type, old: str, new: str) -> None:
    warnings.warn(translate(f"{kind.__name__}.{old} is called {new} since 0.2"), DeprecationWarning, stacklevel=4)


class Configured:
    """A part that is described by the arguments of its constructor, which it has as attributes."""

    FIXED: ClassVar[frozenset[str]] = frozenset()
    """Arguments of a base class that its own constructor decides."""

    def config(self) -> dict[str, Any]:
        """The plain part of its stored form: what the constructor takes."""
        return {name: one for name, one in self._arguments().items() if not isinstance(one, np.ndarray)}

    def _arguments(self) -> dict[str, Any]:
        names: dict[str, None] = {}
        for kind in [one for one in type(self).__mro__ if "__init__" in vars(one)]:
            _, *given = signature(vars(kind)["__init__"]).parameters.values()
            names |= {one.name: None for one in given if one.kind is not one.VAR_KEYWORD}
            if all(one.kind is not one.VAR_KEYWORD for one in given):
                break
        return {name: getattr(self, name) for name in names if name not in self.FIXED}


class Stored(Configured):
    """The same, where some of the arguments are arrays.

    Example:
        >>> class Shift(Stored):
        ...     def __init__(self, by, name): self.by, self.name = by, name
        >>> Shift(np.ones(1), "x").config(), Shift(np.ones(1), "x").arrays()
        ({'name': 'x'}, {'by': array([1.])})
    """

    RENAMED: ClassVar[Mapping[str, str]] = {}
    """Arguments that 0.1 stored by another name; new → old."""

    def arrays(self) -> dict[str, np.ndarray]:
        """The rest of its stored form."""
        found = self._arguments().items()
        return {name: np.ascontiguousarray(one) for name, one in found if isinstance(one, np.ndarray)}

    @classmethod
    def from_arrays(cls, config: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Self:
        """What was stored."""
        names = {old: new for new, old in cls.RENAMED.items()}
        return cls(**{names.get(name, name): value for name, value in config.items()}, **arrays)
