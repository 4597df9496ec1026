"""What a piece of work costs: CPU seconds, wall seconds, and memory beyond what there was.

A fit's steps are marked where they are done (`profiled_step`); what each has cost is known where somebody asks
(`collect_steps`), and costs nothing elsewhere. Where only the price of a long loop is asked for, a few of its
iterations are done (`short_loops`).
"""

from __future__ import annotations

import ctypes
import gc
import itertools
import os
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import TypeVar

__all__ = [
    "Cost",
    "LoopCost",
    "collect_steps",
    "loops_are_short",
    "measure_cost",
    "profiled_step",
    "short_loops",
    "shortened",
]

Item = TypeVar("Item")
EVERY = 0.01  # seconds between two looks at the memory in use
MOST, FEW = 12, 5  # iterations of a loop that is not shortened; and of one that is
_parts: ContextVar[dict[str, Cost] | None] = ContextVar("parts", default=None)
_step: ContextVar[str] = ContextVar("step", default="")
_loops: ContextVar[tuple[dict[str, LoopCost], str] | None] = ContextVar("loops", default=None)


@dataclass
class Cost:
    """cpu, wall: seconds. memory: MB of the process at its peak beyond what it had before; `None` where not known."""

    cpu: float = 0.0
    wall: float = 0.0
    memory: float | None = None


@dataclass
class LoopCost:
    """The loops of one step, cut short.

    Args:
        each: what an iteration of the last of them costs. done, steps: how many iterations were done, and are to do.
        left: what those that were left out would cost.
    """

    each: Cost = field(default_factory=Cost)
    done: int = 0
    steps: int = 0
    left: Cost = field(default_factory=Cost)


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
    token, named = _parts.set(None), _step.set(name)
    try:
        with measure_cost() as cost:
            yield
    finally:
        _parts.reset(token)
        _step.reset(named)
        before = costs.get(name, Cost())
        known = [one.memory for one in (before, cost) if one.memory is not None]
        costs[name] = Cost(before.cpu + cost.cpu, before.wall + cost.wall, max(known, default=None))


@contextmanager
def short_loops(whole: str = "") -> Iterator[dict[str, LoopCost]]:
    """Inside, a `shortened` loop does a few iterations: name of the step → what they cost, and how many there are.

    Args:
        whole: the step whose loops are done all the same.

    Example:
        >>> with short_loops() as loops, collect_steps(), profiled_step("training"):
        ...     done = sum(1 for _ in shortened(range(1000)))
        >>> done, loops["training"].steps
        (5, 1000)
    """
    loops: dict[str, LoopCost] = {}
    token = _loops.set((loops, whole))
    try:
        yield loops
    finally:
        _loops.reset(token)


def loops_are_short() -> bool:
    """Is this inside `short_loops`, where what comes out is only a trial's?"""
    found = _loops.get()
    return found is not None and _step.get() != found[1]


def shortened(items: Sequence[Item], most: int | None = None) -> Iterator[Item]:
    """The items; inside `short_loops` a few of them, timed: the median leaves out what is loaded or built once.

    Args:
        most: how many at most; `None` for `FEW`, or all where there are no more than `MOST`.
    """
    if not loops_are_short():
        yield from items
        return
    ticks = [(time.process_time(), time.perf_counter())]
    for item in items[: most or (len(items) if len(items) <= MOST else FEW)]:
        yield item
        ticks.append((time.process_time(), time.perf_counter()))
    gaps = [(b[0] - a[0], b[1] - a[1]) for a, b in itertools.pairwise(ticks)] or [(0.0, 0.0)]
    found = (_loops.get() or ({},))[0].setdefault(_step.get(), LoopCost())
    found.each = Cost(*(median(times) for times in zip(*gaps, strict=True)))
    found.done, found.steps, left = found.done + len(gaps), found.steps + len(items), len(items) - len(gaps)
    found.left.cpu, found.left.wall = found.left.cpu + left * found.each.cpu, found.left.wall + left * found.each.wall


def resident() -> float | None:
    """MB that this process has in memory now; `None` where the system does not say."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except (OSError, ValueError, IndexError):
        return None
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20
