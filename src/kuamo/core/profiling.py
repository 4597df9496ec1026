"""What a piece of work costs: CPU seconds, wall seconds, and memory beyond what there was.

A fit's steps are marked where they are done (`profiled_step`); what each has cost is known where somebody asks
(`collect_steps`), and costs nothing elsewhere.
"""

from __future__ import annotations

import ctypes
import gc
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Cost", "collect_steps", "measure_cost", "profiled_step"]

EVERY = 0.01  # seconds between two looks at the memory in use
_parts: ContextVar[dict[str, Cost] | None] = ContextVar("parts", default=None)


@dataclass
class Cost:
    """cpu, wall: seconds. memory: MB of the process at its peak beyond what it had before; `None` where not known."""

    cpu: float = 0.0
    wall: float = 0.0
    memory: float | None = None


@contextmanager
def measure_cost() -> Iterator[Cost]:
    """Fills in what the block costs, all threads of this process together.

    Memory is looked at every 10 ms, on Linux; what earlier work left free is given back first, as far as the C library
    does.

    Example:
        >>> with measure_cost() as cost:
        ...     _ = sum(range(1000))
        >>> cost.wall > 0
        True
    """
    gc.collect()
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).malloc_trim(0)
    cost, before, done = Cost(), resident(), threading.Event()
    most = [before or 0.0]

    def look() -> None:
        while not done.wait(EVERY):
            most[0] = max(most[0], resident() or 0.0)

    watcher = threading.Thread(target=look, daemon=True)
    if before is not None:
        watcher.start()
    cpu, wall = time.process_time(), time.perf_counter()
    try:
        yield cost
    finally:
        cost.cpu, cost.wall = time.process_time() - cpu, time.perf_counter() - wall
        done.set()
        if before is not None:
            watcher.join()
            cost.memory = max(most[0], resident() or 0.0) - before


@contextmanager
def collect_steps() -> Iterator[dict[str, Cost]]:
    """What each step of a fit costs that is done inside: `profiled_step`'s name → `Cost`, in order.

    Example:
        >>> import kuamo as km
        >>> with collect_steps() as costs:
        ...     _ = km.fit(km.datasets.toy(100), km.CCA(dim=4))
        >>> list(costs)
        ['features: a', 'features: b', 'closed form', 'ridge decoders']
    """
    costs: dict[str, Cost] = {}
    token = _parts.set(costs)
    try:
        yield costs
    finally:
        _parts.reset(token)


@contextmanager
def profiled_step(name: str) -> Iterator[None]:
    """A step of a fit; what a step inside a step costs is the outer one's. Of one name, seconds add up."""
    costs = _parts.get()
    if costs is None:
        yield
        return
    token = _parts.set(None)
    try:
        with measure_cost() as cost:
            yield
    finally:
        _parts.reset(token)
        before = costs.get(name, Cost())
        known = [one.memory for one in (before, cost) if one.memory is not None]
        costs[name] = Cost(before.cpu + cost.cpu, before.wall + cost.wall, max(known, default=None))


def resident() -> float | None:
    """MB that this process has in memory now; `None` where the system does not say."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except (OSError, ValueError, IndexError):
        return None
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20
