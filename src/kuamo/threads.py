"""Threads: waiting threads spin, and on small problems or busy machines spinning costs more than it saves."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["one_thread", "one_torch_thread"]


@contextmanager
def one_thread() -> Iterator[None]:
    """Run linear algebra of small matrices on one thread: same result, a fraction of the CPU seconds.

    Example:
        >>> with one_thread():
        ...     pass
    """
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1, user_api="blas"):
        yield


@contextmanager
def one_torch_thread() -> Iterator[None]:
    """Run torch on one thread: small convolutions lose more to waiting than they gain.

    Example:
        >>> with one_torch_thread():
        ...     pass
    """
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
