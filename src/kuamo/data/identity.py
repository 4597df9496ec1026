"""What a kept result depends on, as a hash: values by their content, objects by class, settings and code.

    identity(a) == identity(b)  ⇒  a and b do the same

It is asked before anything kept is used again: a run's state, a trial of a comparison, a cell's features. What cannot
be described (an open file, a lock, a generator) has no identity, and nothing is used again.
"""

from __future__ import annotations

import hashlib
import sys
import types
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import fields, is_dataclass
from functools import partial
from pathlib import PurePath
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from kuamo.core.errors import KuamoError
from kuamo.core.modules import is_module

__all__ = ["Unknown", "identity", "of_module"]

LIBRARIES = ("kuamo", "torch", "numpy", "builtins", "abc", "typing", "collections", "functools", "dataclasses")
PLAIN = (bool, int, float, complex, str, bytes, type(None), type(...), np.generic, PurePath, range, slice)
DEEP = 50
WRITTEN_HERE = 1 << 9  # a class of Python code (Py_TPFLAGS_HEAPTYPE): what it holds can be seen
_CLASSES: WeakKeyDictionary[type, str] = WeakKeyDictionary()


class Unknown(KuamoError):
    """Something whose behaviour is unknown."""


def identity(thing: Any) -> str:
    """sha256 of what a value is, or of what an object does.

    Raises:
        Unknown: its behaviour is unknown.

    Example:
        >>> identity({"a": np.zeros(2)}) == identity({"a": np.zeros(2)}) != identity({"a": np.zeros(2, int)})
        True
        >>> identity(slice(1)) == identity(slice(2))
        False
    """
    digest = hashlib.sha256()
    for part in _parts(thing, 0):
        digest.update(part if isinstance(part, bytes) else part.encode("utf-8", "surrogatepass"))
        digest.update(b"\0")
    return digest.hexdigest()


def of_module(module: Any, moving: bool) -> str:
    """sha256 of a `torch.nn.Module`: its structure, settings, code and weights; `moving`: without those that a fit
    moves, since a state that is taken up brings them along."""
    return identity(list(_module(module, 0, moving)))


def _parts(thing: Any, depth: int) -> Iterator[str | bytes]:
    if depth > DEEP:
        raise Unknown(f"given {type(thing).__name__}, which holds itself or too much; expected plain settings")
    if isinstance(thing, PLAIN):
        yield f"{type(thing).__name__} {thing!r}"
    elif isinstance(thing, np.ndarray):
        yield from _array(thing, depth)
    elif type(thing).__module__.startswith("torch"):
        yield from _of_torch(thing, depth)
    elif isinstance(thing, Mapping):
        yield from _all(f"mapping {type(thing).__name__}", sorted(thing.items(), key=repr), depth)
    elif isinstance(thing, Set):
        yield from _all("set", sorted(thing, key=repr), depth)
    elif isinstance(thing, list | tuple):
        yield from _all(type(thing).__name__, thing, depth)
    elif isinstance(thing, partial):
        yield from _all("partial", (thing.func, thing.args, thing.keywords), depth)
    elif isinstance(thing, type):
        yield _class(thing)
    elif isinstance(thing, types.FunctionType | types.MethodType | types.BuiltinFunctionType):
        yield from _function(thing, depth)
    else:
        yield from _object(thing, depth)


def _all(kind: str, things: Iterable[Any], depth: int) -> Iterator[str | bytes]:
    yield f"{kind} ("
    for thing in things:
        yield from _parts(thing, depth + 1)
    yield ")"


def _array(array: np.ndarray, depth: int) -> Iterator[str | bytes]:
    if array.dtype.hasobject:
        yield from _all(f"array {array.shape}", array.ravel().tolist(), depth)
    else:
        yield f"array {array.dtype.str} {array.shape}"
        yield np.ascontiguousarray(array).tobytes()


def _of_torch(thing: Any, depth: int) -> Iterator[str | bytes]:
    torch = sys.modules["torch"]  # there, since the thing is its own
    if isinstance(thing, torch.Tensor):
        yield from _array(thing.detach().cpu().numpy(), depth)
    elif is_module(thing):
        yield from _module(thing, depth, False)
    elif isinstance(thing, torch.dtype | torch.device):
        yield repr(thing)
    elif isinstance(thing, types.BuiltinFunctionType | types.FunctionType | type):
        yield f"{thing.__module__}.{thing.__qualname__}"
    else:
        raise Unknown(f"given {type(thing).__name__}, whose behaviour is unknown; expected plain settings")


def _module(module: Any, depth: int, moving: bool) -> Iterator[str | bytes]:
    """Of the user's: a `fingerprint` says it all; else what it is made of."""
    named = getattr(module, "fingerprint", None)
    if isinstance(named, str):
        yield f"{_class(type(module))} {named}"
        return
    for path, part in module.named_modules():
        settings = {
            name: value for name, value in vars(part).items() if not name.startswith("_") and name != "training"
        }
        yield f"{path} {_class(type(part))} {part.extra_repr()}"
        yield from _parts({name: value for name, value in settings.items() if not is_module(value)}, depth + 1)
    moved = {name for name, weight in module.named_parameters() if weight.requires_grad} if moving else set()
    for name, weight in module.state_dict().items():
        yield f"{name} {tuple(weight.shape)} {weight.dtype}"
        if name not in moved:
            odd = weight.is_floating_point() and weight.element_size() < 4  # NumPy knows no bfloat16
            yield from _array((weight.float() if odd else weight).detach().cpu().numpy(), depth)


def _object(thing: Any, depth: int) -> Iterator[str | bytes]:
    named = getattr(thing, "fingerprint", None)
    if is_module(thing):  # of a class of the user's
        yield from _module(thing, depth, False)
    elif isinstance(named, str):
        yield f"{_class(type(thing))} {named}"
    elif is_dataclass(thing):
        yield from _all(_class(type(thing)), ((one.name, getattr(thing, one.name)) for one in fields(thing)), depth)
    elif callable(getattr(thing, "config", None)):
        arrays = getattr(thing, "arrays", None)
        yield from _all(_class(type(thing)), (thing.config(), arrays() if callable(arrays) else None), depth)
    elif hasattr(thing, "__dict__") and all(base.__flags__ & WRITTEN_HERE for base in type(thing).__mro__[:-1]):
        slots = [name for base in type(thing).__mro__ for name in vars(base).get("__slots__", ())]
        held = vars(thing) | {name: getattr(thing, name) for name in slots if hasattr(thing, name)}
        yield from _all(_class(type(thing)), sorted(held.items()), depth)
    elif type(thing).__module__ in ("datetime", "decimal", "fractions", "uuid"):
        yield f"{type(thing).__name__} {thing!r}"
    else:
        raise Unknown(f"given {type(thing).__name__}, whose behaviour is unknown; expected plain settings")


def _function(function: Any, depth: int) -> Iterator[str | bytes]:
    yield f"{function.__module__}.{function.__qualname__}"
    bound = getattr(function, "__self__", None)
    if bound is not None and not isinstance(bound, types.ModuleType):
        yield from _parts(bound, depth + 1)
    code = getattr(function, "__code__", None)
    if code is None or str(function.__module__).split(".")[0] in LIBRARIES:
        return
    yield _code(code)
    held = [cell.cell_contents for cell in function.__closure__ or ()]
    yield from _all("holds", (function.__defaults__, function.__kwdefaults__, held), depth)


def _class(kind: type) -> str:
    """The name of a class, and the code of what is not a library's."""
    if kind in _CLASSES:
        return _CLASSES[kind]
    lines = [f"{kind.__module__}.{kind.__qualname__}"]
    for base in kind.__mro__:
        if base.__module__.split(".")[0] not in LIBRARIES:
            found = ((name, getattr(one, "__func__", getattr(one, "fget", one))) for name, one in vars(base).items())
            lines += [
                f"{name} {_code(one.__code__)}" for name, one in sorted(found, key=str) if hasattr(one, "__code__")
            ]
    return _CLASSES.setdefault(kind, " ".join(lines))


def _code(code: types.CodeType) -> str:
    """What a function does, without where it stands."""
    inner = [
        _code(one) if isinstance(one, types.CodeType) else sorted(map(repr, one)) if isinstance(one, Set) else repr(one)
        for one in code.co_consts
    ]
    said = (code.co_code, inner, code.co_names, code.co_varnames, code.co_freevars)
    return hashlib.sha256(repr(said).encode("utf-8", "surrogatepass")).hexdigest()[:16]
