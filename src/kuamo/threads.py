"""Threads: where they pay (decoding files ahead of a network), and where waiting ones only spin (small matrices)."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

__all__ = ["in_order", "one_thread", "one_torch_thread", "workers"]

T = TypeVar("T")
S = TypeVar("S")


def workers() -> int:
    """How many threads decode: the processors that this process may use, at most four."""
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(4, processors)


def in_order(work: Callable[[S], T], items: Iterable[S], *, ahead: int) -> Iterator[T]:
    """`map(work, items)` on a few threads, in order, never more than `ahead` results before the one that is asked for.

    What `work` raises is raised when its turn comes.

    Example:
        >>> list(in_order(abs, [-1, 2, -3], ahead=2))
        [1, 2, 3]
    """
    from concurrent.futures import Future, ThreadPoolExecutor

    threads = workers()
    if threads == 1:
        yield from map(work, items)
        return
    pool = ThreadPoolExecutor(threads, thread_name_prefix="kuamo")
    pending: deque[Future[T]] = deque()
    try:
        for item in items:
            pending.append(pool.submit(work, item))
            if len(pending) > ahead:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


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
