"""What a piece of work costs: CPU seconds, wall seconds, and memory beyond what there was."""

from __future__ import annotations

import ctypes
import gc
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Cost", "measured"]

EVERY = 0.01  # seconds between two looks at the memory in use


@dataclass
class Cost:
    """cpu, wall: seconds. memory: MB of the process at its peak beyond what it had before; `None` where not known."""

    cpu: float = 0.0
    wall: float = 0.0
    memory: float | None = None


@contextmanager
def measured() -> Iterator[Cost]:
    """Fills in what the block costs, all threads of this process together.

    Memory is looked at every 10 ms, on Linux; what earlier work left free is given back first, as far as the C library
    does.

    Example:
        >>> with measured() as cost:
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


def resident() -> float | None:
    """MB that this process has in memory now; `None` where the system does not say."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except (OSError, ValueError, IndexError):
        return None
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20
