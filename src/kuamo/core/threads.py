"""Threads: where they pay (decoding files ahead of a network), and where waiting ones only spin (small matrices)."""

from __future__ import annotations

import os
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, TypeVar

__all__ = ["SharedSetting", "ordered_map", "single_threaded_blas", "workers"]

T = TypeVar("T")
S = TypeVar("S")


def workers() -> int:
    """How many threads decode: the processors that this process may use, at most four."""
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(4, processors)


def ordered_map(work: Callable[[S], T], items: Iterable[S], *, ahead: int) -> Iterator[T]:
    """`map(work, items)` on a few threads, in order, never more than `ahead` results before the one that is asked for.

    What `work` raises is raised when its turn comes.

    Example:
        >>> list(ordered_map(abs, [-1, 2, -3], ahead=2))
        [1, 2, 3]
    """
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


class SharedSetting:
    """Held by several threads at once: the first who comes begins it, the last who leaves ends it.

    Were each to put back what it had found, one would put back the 1 that another had set, for good.

    Args:
        begin: sets one thread for all, and gives what ends that.

    Example:
        >>> seen = []
        >>> one = SharedSetting(lambda: seen.append("begun") or (lambda: seen.append("ended")))
        >>> with one.held(), one.held():
        ...     pass
        >>> seen
        ['begun', 'ended']
    """

    def __init__(self, begin: Callable[[], Callable[[], object]]) -> None:
        self.begin, self.lock, self.inside = begin, threading.Lock(), 0
        self.end: Callable[[], object] = lambda: None

    @contextmanager
    def held(self) -> Iterator[None]:
        """Inside, it has begun."""
        with self.lock:
            if self.inside == 0:
                self.end = self.begin()
            self.inside += 1
        try:
            yield
        finally:
            with self.lock:
                self.inside -= 1
                if self.inside == 0:
                    self.end()


@lru_cache(maxsize=1)
def _blas_libraries(modules: int) -> Any:
    """The search takes milliseconds; a library that is loaded later comes with another module."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController().select(user_api="blas")


def _one_in_blas() -> Callable[[], object]:
    _let_any_thread_set()
    limits = _blas_libraries(len(sys.modules)).limit(limits=1, user_api="blas")
    _let_any_thread_set()

    def end() -> None:
        _let_any_thread_set()
        limits.restore_original_limits()
        _let_any_thread_set()

    return end


def _let_any_thread_set() -> None:
    """threadpoolctl 3.7 and later limits the first thread alone, and the last to leave may be another."""
    import threadpoolctl

    controller = getattr(threadpoolctl, "OpenBLASController", None)
    if clear := getattr(controller, "clear_controlling_thread", None):
        clear(force=True)


_blas = SharedSetting(_one_in_blas)


def _forked() -> None:
    """A forked process has locks that others held."""
    _blas.lock, _blas.inside = threading.Lock(), 0


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)


@contextmanager
def single_threaded_blas() -> Iterator[None]:
    """Run linear algebra of small matrices on one thread: same result, a fraction of the CPU seconds.

    Example:
        >>> with single_threaded_blas():
        ...     pass
    """
    with _blas.held():
        yield
