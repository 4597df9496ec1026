"""Report: numbers with names, units and sample counts. Prints as a table, saves as JSON and as one HTML page.

    report["image_to_text_R@10"]                 the value; `report.intervals[…]` has its interval and its count
    report.per_query("image_to_text_R@10")       what each query got: what a paired comparison needs
    report.compare(other)                        is the difference more than chance?

What each query got stands in `report.pairs`; the page's examples and their small pictures and sounds, in `previews`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from kuamo.core.arguments import checks_arguments
from kuamo.core.errors import KuamoError, visible
from kuamo.core.export import to_json
from kuamo.core.files import local_path
from kuamo.core.messages import metric_name
from kuamo.core.old_names import current_metric, renamed
from kuamo.core.result import Result, read_result
from kuamo.core.text_table import format_table
from kuamo.core.translation import localized, say
from kuamo.core.validation import check_type
from kuamo.evaluation.paired_comparison import Comparison, compare_reports
from kuamo.evaluation.report_json import FORMAT, dump, fields_of
from kuamo.evaluation.results import Direction, GenerationResult, Preview
from kuamo.metrics import Interval, per_query
from kuamo.metrics.formatting import format_figure, format_interval

__all__ = ["Report"]


@checks_arguments
@dataclass
class Report(Result):
    """Named numbers. As a mapping it gives plain values; `report.intervals[name]` gives the interval and the count.

    Args:
        title: what was measured, on what. intervals: name → value, interval, count. notes: further lines.
        pairs: `image_to_text` → what each query got. facts: plain data about table and space, for the page.
        previews: column → row id → the cell. shown: metrics that the printed table has; all where empty.
        makings: `text_to_image` → what was made, where columns were made too.

    Example:
        >>> report = Report("toy", {"a_to_b_R@1": Interval(0.5, 0.4, 0.6, 100)})
        >>> report["a_to_b_R@1"]
        0.5
    """

    title: str
    intervals: dict[str, Interval]
    notes: list[str] = field(default_factory=list)
    pairs: dict[str, Direction] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    previews: dict[str, dict[str, Preview]] = field(default_factory=dict)
    shown: tuple[str, ...] = ()
    makings: dict[str, GenerationResult] = field(default_factory=dict)

    KIND: ClassVar[str] = "report"

    @property
    def figures(self) -> Mapping[str, Interval]:
        """The intervals."""
        return self.intervals

    def current(self, name: str) -> str:
        """What a measure is called today; a name of 0.1 warns."""
        if name not in self.intervals and (new := current_metric(name)) in self.intervals:
            renamed(name, new, "report")
            return new
        return name

    def per_query(self, name: str) -> np.ndarray:
        """What each query (n,) got; the measure is the mean of it, or the median. Ids are `pairs[task].query`.

        Raises:
            KuamoError: the report has no such measure, or did not keep its queries.
        """
        self.figure(name)
        task, metric = self.split(name)
        if task in self.makings and metric in self.makings[task].values:
            return self.makings[task].values[metric]
        if task not in self.pairs:
            raise KuamoError(f"given {name!r}; the report kept no queries of {task!r}")
        return per_query(metric, self.pairs[task].values)

    # ── printing ─────────────────────────────────────────────────────────────────────────────────────────────────

    def __str__(self) -> str:
        rows = self.rows()
        if not rows:
            return visible("\n".join(map(localized, [self.title, *self.notes])))
        found = [metric for metric in self.metrics() if not metric.startswith(("gen_", "pred_"))]
        columns = [metric for metric in found if not self.shown or metric in self.shown]
        predicted = {task: row for task, row in rows.items() if any(metric.startswith("pred_") for metric in row)}
        searched = {task: row for task, row in rows.items() if task not in predicted}
        lines = [localized(self.title), *(self._grid(searched, columns, say("queries")) if searched else [])]
        for task, row in predicted.items():
            lines += ["", *self._grid({task: row}, list(row), say("rows"))]
        if self.makings:
            made = [metric for metric in self.metrics() if metric.startswith("gen_")]
            generated = {task: rows[task] for task in self.makings}
            lines += ["", *self._grid(generated, made, say("rows"), say(", generated"))]
        return visible("\n".join([*lines, *map(localized, self.notes)]))

    def _grid(
        self, rows: Mapping[str, Mapping[str, Interval]], columns: list[str], count: str, what: str = ""
    ) -> list[str]:
        grid = [["", *map(metric_name, columns), count]]
        for task, row in rows.items():
            n = max((row[metric].n for metric in columns if metric in row), default=0)
            grid.append([self.arrow(task) + what, *(_cell(metric, row.get(metric)) for metric in columns), str(n)])
        return format_table(grid)

    def rows(self) -> dict[str, dict[str, Interval]]:
        """Task `image_to_text` → metric → interval."""
        rows: dict[str, dict[str, Interval]] = {}
        for name, interval in self.intervals.items():
            task, metric = self.split(name)
            rows.setdefault(task, {})[metric] = interval
        return rows

    def metrics(self) -> list[str]:
        """All metrics, in order."""
        return list(dict.fromkeys(metric for row in self.rows().values() for metric in row))

    def split(self, name: str) -> tuple[str, str]:
        """The task and the metric of a measure's name.

        Example:
            >>> Report("", {}).split("image_to_text_nDCG@10")
            ('image_to_text', 'nDCG@10')
        """
        for task in sorted({*self.pairs, *self.makings}, key=len, reverse=True):
            if name.startswith(f"{task}_"):
                return task, name[len(task) + 1 :]
        for metric in ("pred_", "median_rank", "nDCG@", "mAP@R", "mAP", "MRR", "R@"):
            cut = name.rfind(f"_{metric}")
            if cut > 0:
                return name[:cut], name[cut + 1 :]
        return name, "value"

    def arrow(self, task: str) -> str:
        """A task in words: `image → text`."""
        pair = self.pairs.get(task)
        return f"{pair.source} → {pair.target}" if pair else task.replace("_to_", " → ")

    # ── comparing ────────────────────────────────────────────────────────────────────────────────────────────────

    def compare(
        self, other: Report, *, metrics: Sequence[str] | None = None, draws: int = 10_000, seed: int = 0
    ) -> Comparison:
        """Paired tests of this report against another one of the same queries and galleries.

        Args:
            other: the other system's report. metrics: such as `["R@10", "mAP"]`; those that are printed if not given.
            draws: of the bootstrap and of the sign-flip test. seed: of both.

        Returns:
            Comparison: differences (this − other), 95 % intervals, p, and p corrected by Holm's method.

        Raises:
            KuamoError: other queries, galleries or groups (naming them), or an unknown metric.

        Example:
            >>> import kuamo as km
            >>> report = km.evaluate(km.fit(km.datasets.toy(rows=100), seed=0), km.datasets.toy(rows=50, seed=1))
            >>> report.compare(report).differences["a_to_b_R@1"].p
            1.0
        """
        check_type(Report, "a Report, as km.evaluate gives it", other=other)
        return compare_reports(self, other, metrics, draws, seed)

    # ── storing ──────────────────────────────────────────────────────────────────────────────────────────────────

    def as_dict(self) -> dict[str, Any]:
        """The numbers as plain data; what each query got is in the saved file only."""
        return {
            "title": self.title,
            "measures": {name: asdict(interval) for name, interval in self.intervals.items()},
            "notes": self.notes,
        }

    @classmethod
    def load(cls, path: str | Path) -> Report:
        """Read a report that was saved as JSON.

        Raises:
            StoreError: not a report, damaged, or from a newer version.

        Example:
            >>> import tempfile
            >>> with tempfile.TemporaryDirectory() as folder:
            ...     Report("toy", {"a_to_b_R@1": Interval(0.5, 0.4, 0.6, 100)}).save(folder + "/r.json")
            ...     Report.load(folder + "/r.json")["a_to_b_R@1"]
            0.5
        """
        return cls(**read_result(local_path(path, "a report"), "report", FORMAT, fields_of))


@to_json.register
def _json(report: Report) -> str:
    return dump(
        report.as_dict(), report.notes, report.shown, report.facts, report.pairs, report.makings, report.previews
    )


def _cell(metric: str, interval: Interval | None) -> str:
    if interval is None:
        return "–"
    return f"{format_figure(metric, interval.value)} [{format_interval(metric, interval)}]"
