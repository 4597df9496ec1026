"""What kuamo does with torch before it needs torch: is a part a module, does it learn, on how many threads, by what."""

from __future__ import annotations

import inspect
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from kuamo.core.threads import SharedSetting

__all__ = ["is_module", "is_trainable", "single_threaded_torch", "without_compiler"]


def is_module(thing: Any) -> bool:
    """Is it a `torch.nn.Module`? Answers without importing torch."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(thing, torch.nn.Module)


def is_trainable(encoder: Any) -> bool:
    """Has it parameters that a fit would move?"""
    return is_module(encoder) and any(parameter.requires_grad for parameter in encoder.parameters())


@cache
def without_compiler(optimizer: type[Any]) -> type[Any]:
    """The same optimizer, not wrapped for `torch.compile`, of which the first use imports all: 1.8 CPU seconds.

    Example:
        >>> import torch
        >>> without_compiler(torch.optim.SGD)([torch.zeros(1, requires_grad=True)], lr=0.1).defaults["lr"]
        0.1
    """
    import torch

    wrapped = ("add_param_group", "zero_grad", "state_dict", "load_state_dict")
    methods = {name: inspect.unwrap(getattr(optimizer, name)) for name in wrapped}
    methods["step"] = torch.no_grad()(inspect.unwrap(optimizer.step))
    return type(optimizer.__name__, (optimizer,), methods)


def _one_in_torch() -> Callable[[], object]:
    import torch

    _found_in_torch[0] = torch.get_num_threads()
    torch.set_num_threads(1)
    return lambda: torch.set_num_threads(_found_in_torch[0])


_torch = SharedSetting(_one_in_torch)
_found_in_torch = [1]
_mine = threading.local()


def _forked() -> None:
    """A forked process has of torch's threads only their count, and would wait for them."""
    _torch.lock, _torch.inside = threading.Lock(), 0
    _mine.inside = False
    if torch := sys.modules.get("torch"):
        _found_in_torch[0] = 1
        torch.set_num_threads(1)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)


@contextmanager
def single_threaded_torch() -> Iterator[None]:
    """Run torch on one thread: small convolutions lose more to waiting than they gain.

    Example:
        >>> with single_threaded_torch():
        ...     pass
    """
    import torch

    outermost = not getattr(_mine, "inside", False)
    with _torch.held():
        if outermost:  # each thread has a number of its own, which its first look at it would set anew
            torch.get_num_threads()
            torch.set_num_threads(1)
        _mine.inside = True
        try:
            yield
        finally:
            if outermost:
                torch.set_num_threads(_found_in_torch[0])
                _mine.inside = False
