"""Report: numbers with names, units and sample counts. Prints as a table, saves as JSON."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from kuamo.errors import KuamoError
from kuamo.metrics import Interval

__all__ = ["Report"]


@dataclass
class Report(Mapping[str, float]):
    """Named numbers. As a mapping it gives plain values; `report.intervals[name]` gives the interval and the count.

    Example:
        >>> report = Report("toy", {"a_to_b_R@1": Interval(0.5, 0.4, 0.6, 100)})
        >>> report["a_to_b_R@1"]
        0.5
    """

    title: str
    intervals: dict[str, Interval]
    notes: list[str] = field(default_factory=list)

    def __getitem__(self, name: str) -> float:
        if name not in self.intervals:
            raise KuamoError(f"given {name!r}; the report has {list(self.intervals)}")
        return self.intervals[name].value

    def __iter__(self) -> Iterator[str]:
        return iter(self.intervals)

    def __len__(self) -> int:
        return len(self.intervals)

    def __str__(self) -> str:
        rows = self._rows()
        if not rows:
            return self.title
        columns = list(dict.fromkeys(metric for row in rows.values() for metric in row))
        grid = [["", *columns, "queries"]]
        for task, row in rows.items():
            queries = max(interval.n for interval in row.values())
            grid.append([task, *(_cell(metric, row.get(metric)) for metric in columns), str(queries)])
        widths = [max(len(line[i]) for line in grid) for i in range(len(grid[0]))]
        lines = [
            "  ".join(cell.rjust(w) if i else cell.ljust(w) for i, (cell, w) in enumerate(zip(line, widths)))
            for line in grid
        ]
        return "\n".join([self.title, *lines, *self.notes])

    def _rows(self) -> dict[str, dict[str, Interval]]:
        """Task `image→text` → metric → interval; names are `image_to_text_R@10`."""
        rows: dict[str, dict[str, Interval]] = {}
        for name, interval in self.intervals.items():
            metric = next((m for m in ("median_rank", "R@") if m in name), None)
            cut = name.rfind(metric) if metric else len(name)
            task = name[:cut].rstrip("_").replace("_to_", " → ")
            rows.setdefault(task, {})[name[cut:] or "value"] = interval
        return rows

    def as_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "title": self.title,
            "measures": {name: asdict(interval) for name, interval in self.intervals.items()},
            "notes": self.notes,
        }

    def save(self, path: str | Path) -> None:
        """Write it as JSON."""
        path = Path(path)
        beside = path.with_name(path.name + f".{os.getpid()}.part")
        beside.write_text(json.dumps(self.as_dict(), indent=1, ensure_ascii=False), encoding="utf-8")
        os.replace(beside, path)


def _cell(metric: str, interval: Interval | None) -> str:
    if interval is None:
        return "–"
    digits = 1 if metric == "median_rank" else 3
    value, low, high = (f"{number:.{digits}f}" for number in (interval.value, interval.low, interval.high))
    return f"{value} [{low}–{high}]"
