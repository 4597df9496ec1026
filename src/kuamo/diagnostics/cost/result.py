"""Forecast: what each step of a fit will cost, as a table, as plain data, and in words what to change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from kuamo.core.errors import visible
from kuamo.core.messages import localize, note_to_dict
from kuamo.core.profiling import Cost
from kuamo.core.text_table import format_table
from kuamo.core.translation import language

__all__ = ["CostForecast", "StepCost", "spanned"]

WIDE = 1.5


@dataclass(frozen=True)
class StepCost:
    """A step of a fit, or of what comes after it.

    Args:
        name: as in `cost.parted`: "features: image", "closed form", "contrast", "training", "decoders",
            "ridge decoders"; "space" and "index" are what may be kept afterwards.
        cpu, wall: seconds, at most. memory: MB at its peak, beyond what there was before it. disk: MB.
        stays: MB of memory that later steps have beside theirs. least: CPU seconds, where it may be done early.
        disks: MB of disk at least and at most, where what decides it is not known yet; `disk` lies between them.
        how: what it was estimated from, in words. after: is it no part of the fit?
    """

    name: str
    cpu: float = 0.0
    wall: float = 0.0
    memory: float = 0.0
    disk: float = 0.0
    stays: float = 0.0
    least: float | None = None
    disks: tuple[float, float] | None = None
    how: str = ""
    after: bool = False

    @property
    def at_least(self) -> float:
        """CPU seconds if it is done early."""
        return self.cpu if self.least is None else self.least

    @property
    def disk_span(self) -> tuple[float, float]:
        """MB of disk at least and at most."""
        return (self.disk, self.disk) if self.disks is None else self.disks


@dataclass(frozen=True)
class CostForecast:
    """What a fit will cost.

    Args:
        steps: in the fit's order. title: what was asked. took: what the forecast itself has cost.
        advice: what costs most, and what to change if it is too much. notes: further lines.

    Example:
        >>> steps = StepCost("features: a", 3.0, 3.0, 50, 2, 20), StepCost("contrast", 2.0, 2.0, 40, least=1.0)
        >>> made = CostForecast(steps)
        >>> made.total.cpu, made.at_least, made.total.memory, made.disk, made.most_expensive().name
        (5.0, 4.0, 60.0, 2.0, 'features: a')
    """

    steps: tuple[StepCost, ...]
    title: str = ""
    took: Cost = field(default_factory=Cost)
    advice: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def __getitem__(self, name: str) -> StepCost:
        """The step of this name."""
        for step in self.steps:
            if step.name == name:
                return step
        raise KeyError(name)

    @property
    def fit(self) -> tuple[StepCost, ...]:
        """The fit's own steps."""
        return tuple(step for step in self.steps if not step.after)

    @property
    def total(self) -> Cost:
        """Of the fit: seconds at most, and memory at its peak beyond what there is now."""
        cpu, wall = sum(step.cpu for step in self.fit), sum(step.wall for step in self.fit)
        return Cost(cpu, wall, max(self.peaks().values(), default=0.0))

    @property
    def at_least(self) -> float:
        """CPU seconds of the fit, where all that may be done early is."""
        return sum(step.at_least for step in self.fit)

    @property
    def disk(self) -> float:
        """MB of all that is kept: cache, space, index."""
        return sum(step.disk for step in self.steps)

    @property
    def disk_span(self) -> tuple[float, float]:
        """MB of all that is kept, at least and at most."""
        least, most = zip(*(step.disk_span for step in self.steps), strict=True) if self.steps else ((), ())
        return sum(least), sum(most)

    def peaks(self) -> dict[str, float]:
        """Step → MB at its peak beyond what there is now, with what earlier steps have left."""
        held, peaks = 0.0, {}
        for step in self.fit:
            peaks[step.name] = held + step.memory
            held += step.stays
        return peaks

    def most_expensive(self, kind: str = "cpu") -> StepCost:
        """The step that takes most "cpu", "wall", "memory" or "disk"."""
        if kind == "memory":
            peaks = self.peaks()
            return max(self.fit, key=lambda step: peaks[step.name])
        return max(self.steps if kind == "disk" else self.fit, key=lambda step: getattr(step, kind))

    def __str__(self) -> str:
        return visible(self.render(language()))

    def render(self, lang: str = "en") -> str:
        """The table and the advice, in English ("en") or Chinese ("zh")."""
        english = lang == "en"
        head = (
            ["", "CPU s", "wall s", "memory MB", "disk MB"] if english else ["", "CPU 秒", "秒", "内存 MB", "磁盘 MB"]
        )
        total, peak = self.total, self.total.memory or 0.0
        grid = [head, *(_cells(step.name, step) for step in self.steps)]
        span = f"{_short(self.at_least)}–{_short(total.cpu)}" if self.at_least < 0.98 * total.cpu else _short(total.cpu)
        disk = spanned(self.disk, *self.disk_span)
        grid.append(["the fit" if english else "合计", span, _short(total.wall), _short(peak), disk])
        lines = format_table(grid)
        how = ["", *(localize(lang, step.how) for step in self.steps), ""]
        lines = [f"{line}  {why}".rstrip() for line, why in zip(lines, how, strict=True)]
        return "\n".join(
            [localize(lang, self.title), *lines, *(localize(lang, note) for note in (*self.notes, *self.advice))]
        )

    def as_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "title": note_to_dict(self.title),
            "steps": [asdict(step) | {"how": note_to_dict(step.how)} for step in self.steps],
            "total": asdict(self.total) | {"least": self.at_least, "disk": self.disk, "disks": list(self.disk_span)},
            "took": asdict(self.took),
            "advice": [note_to_dict(note) for note in self.advice],
            "notes": [note_to_dict(note) for note in self.notes],
        }


def _cells(name: str, step: StepCost) -> Sequence[str]:
    early = step.least is not None and step.least < 0.98 * step.cpu
    cpu = f"{_short(step.at_least)}–{_short(step.cpu)}" if early else _short(step.cpu)
    return [name, cpu, _short(step.wall), _short(step.memory), spanned(step.disk, *step.disk_span)]


def spanned(likely: float, least: float, most: float) -> str:
    """What is likely; with the least and the most beside it, where these are more than a factor of `WIDE` apart.

    Example:
        >>> spanned(1.2, 0.45, 2.3), spanned(1.2, 1.0, 1.4)
        ('1.2 (0.45–2.3)', '1.2')
    """
    return f"{_short(likely)} ({_short(least)}–{_short(most)})" if most > WIDE * least else _short(likely)


def _short(number: float) -> str:
    """Two figures that count, no more are known.

    Example:
        >>> _short(0.0), _short(0.123), _short(12.3), _short(1234.5)
        ('0', '0.12', '12', '1,230')
    """
    if number < 0.005:
        return "0"
    if number < 10:
        return f"{number:.2g}"
    rounded = round(number, -1) if number >= 1000 else round(number)
    return f"{rounded:,.0f}"
