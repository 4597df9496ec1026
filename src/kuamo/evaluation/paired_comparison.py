"""Comparison: the differences between two reports on the same queries, each with its interval and its p."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from kuamo.core.errors import KuamoError, visible
from kuamo.core.export import check_target, to_json
from kuamo.core.files import local_path
from kuamo.core.result import Result
from kuamo.core.text_table import format_table
from kuamo.core.translation import Note, localized, say
from kuamo.core.validation import check_int
from kuamo.evaluation.results import Direction, Measured
from kuamo.metrics import Difference, holm, paired_test
from kuamo.metrics.formatting import format_figure

__all__ = ["Comparison", "compare_reports"]


@dataclass
class Comparison(Result):
    """Differences this − other. As a mapping it gives plain values; `differences[name]` gives interval and p.

    Example:
        >>> Comparison("toy", {"a_to_b_R@1": Difference(0.1, 0.0, 0.2, 0.04, 0.05, 0.04, 0.5, 0.4, 100)})["a_to_b_R@1"]
        0.1
    """

    title: str
    differences: dict[str, Difference]
    notes: list[str] = field(default_factory=list)

    KIND: ClassVar[str] = "comparison"

    @property
    def figures(self) -> Mapping[str, Difference]:
        """The differences."""
        return self.differences

    def __str__(self) -> str:
        grid = [["", *map(say, ("this", "other", "difference")), "p", "p (Holm)", say("queries")]]
        for name, one in self.differences.items():
            value, low, high = (f"{number:+.3f}" for number in (one.value, one.low, one.high))
            a, b = (format_figure(name.rsplit("_to_", 1)[-1], number) for number in (one.a, one.b))
            span = say("{value} [{low} to {high}]", value=value, low=low, high=high)
            grid.append([name, a, b, span, _p(one.p), _p(one.p_holm), str(one.n)])
        return visible("\n".join([localized(self.title), *format_table(grid), *map(localized, self.notes)]))

    def as_dict(self) -> dict[str, Any]:
        """Plain data."""
        differences = {name: asdict(one) for name, one in self.differences.items()}
        return {"title": self.title, "differences": differences, "notes": self.notes}

    def save(self, path: str | Path, *, lang: str | None = None) -> None:
        """Write it as JSON.

        Raises:
            StoreError: the name does not end in .json, or there is no such folder.
        """
        if check_target(local_path(path, "a comparison"), lang) != "json":
            raise KuamoError(f"given {str(path)!r}; a comparison is saved as .json")
        super().save(path)


@to_json.register
def _json(comparison: Comparison) -> str:
    return json.dumps({"kind": "comparison", "format": 1} | comparison.as_dict(), indent=1, ensure_ascii=False)


def compare_reports(
    this: Measured, other: Measured, metrics: Sequence[str] | None, draws: int, seed: int
) -> Comparison:
    """See `Report.compare`."""
    check_int(seed=seed)
    check_int(1, draws=draws)
    tasks = [task for task in this.pairs if task in other.pairs]
    if not tasks:
        raise KuamoError(
            f"given reports of {list(this.pairs)} and {list(other.pairs)}; expected one with queries in both"
        )
    wanted = _wanted(this, other, metrics)
    differences: dict[str, Difference] = {}
    for task in tasks:
        order = _same_queries(task, this.pairs[task], other.pairs[task])
        names = [f"{task}_{metric}" for metric in wanted]
        for name in names:
            if name not in this.intervals or name not in other.intervals:
                raise KuamoError(f"given {name!r}; expected a measure of both: {sorted(set(this) & set(other))}")
        a = np.stack([this.per_query(name) for name in names], axis=1)
        b = np.stack([other.per_query(name)[order] for name in names], axis=1)
        kinds = ["median" if metric == "median_rank" else "mean" for metric in wanted]
        tested = paired_test(a, b, kinds, groups=this.pairs[task].group, draws=draws, seed=seed)
        differences |= dict(zip(names, tested, strict=True))
    corrected = holm(np.array([one.p for one in differences.values()]))
    differences = {
        name: replace(one, p_holm=float(p)) for (name, one), p in zip(differences.items(), corrected, strict=True)
    }
    return Comparison(
        Note("comparison", this=this.title, other=other.title),
        differences,
        _notes(this, other, tasks, draws, len(differences)),
    )


def _wanted(this: Measured, other: Measured, metrics: Sequence[str] | None) -> list[str]:
    if isinstance(metrics, str) or (metrics is not None and not metrics):
        raise KuamoError(f"given metrics={metrics!r}; expected a list such as ['R@10', 'mAP']")
    if metrics is not None:
        return list(dict.fromkeys(metrics))
    both = [metric for metric in this.metrics() if metric in other.metrics()]
    return [metric for metric in both if not this.shown or metric in this.shown]


def _same_queries(task: str, a: Direction, b: Direction) -> np.ndarray:
    """Where each query of `a` stands in `b`."""
    place = {query: number for number, query in enumerate(b.query)}
    only_a, only_b = [query for query in a.query if query not in place], sorted(set(b.query) - set(a.query))
    if only_a or only_b:
        raise KuamoError(
            f"{task}: given different queries: {_few(only_a)} only in this report, {_few(only_b)} only in the other; "
            "expected the same rows in both"
        )
    if a.gallery_sha256 != b.gallery_sha256:
        raise KuamoError(
            f"{task}: given galleries of {a.gallery} and {b.gallery} rows that are not the same; expected the same rows"
        )
    order = np.array([place[query] for query in a.query])
    groups = [None if pair.group is None else pair.group for pair in (a, b)]
    if (groups[0] is None) != (groups[1] is None) or not _same_parts(groups[0], groups[1], order):
        raise KuamoError(f"{task}: given rows that are grouped differently; expected the same groups in both")
    return order


def _same_parts(a: np.ndarray | None, b: np.ndarray | None, order: np.ndarray) -> bool:
    """Do two numberings part the rows alike?"""
    if a is None or b is None:
        return True
    both = set(zip(a.tolist(), b[order].tolist(), strict=True))
    return len(both) == len(set(a.tolist())) == len(set(b.tolist()))


def _notes(this: Measured, other: Measured, tasks: list[str], draws: int, tests: int) -> list[str]:
    notes: list[str] = [Note("comparison_tests", draws=draws, tests=tests)]
    if any(this.pairs[task].group is not None for task in tasks):
        notes.append(Note("comparison_groups"))
    if any(name.endswith("median_rank") for name in this):
        notes.append(Note("comparison_ranks"))
    if left := sorted(set(this.pairs) ^ set(other.pairs)):
        notes.append(Note("comparison_left", directions=", ".join(left)))
    sources = [str(report.facts.get("source")) for report in (this, other)]
    if sources[0] != sources[1]:
        notes.append(Note("comparison_names", this=sources[0], other=sources[1]))
    return notes


def _few(ids: list[str]) -> str:
    if not ids:
        return "none"
    return f"{len(ids)} ({', '.join(map(repr, ids[:5]))}{', …' * (len(ids) > 5)})"


def _p(p: float) -> str:
    return f"{p:.4f}" if p >= 0.0001 else "<.0001"
