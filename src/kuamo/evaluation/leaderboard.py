"""Benchmark: several methods on the same rows and seeds; what each reaches and costs, and which differences are real.

contest["CCA: R@10"]                     over all directions and seeds; `contest.intervals[…]` has interval and count
contest["CCA: text_to_image_R@10"]       one direction
contest.differences["default", "CCA"]    paired, on the same queries; `p_holm` is corrected for all pairs of methods
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from itertools import combinations
from typing import Any, ClassVar

import numpy as np

from kuamo.core.errors import KuamoError, did_you_mean, visible
from kuamo.core.export import to_json
from kuamo.core.messages import metric_name
from kuamo.core.old_names import old_methods
from kuamo.core.profiling import Cost
from kuamo.core.result import Result
from kuamo.core.text_table import format_table
from kuamo.core.translation import localized, say, translate
from kuamo.evaluation.report import Report
from kuamo.metrics import Difference, Interval, bootstrap_all, holm, paired_test, per_query
from kuamo.metrics.formatting import format_figure

__all__ = ["Benchmark", "Trial", "from_trials"]

LEVEL = 0.05


@dataclass(frozen=True)
class Trial:
    """One method with one seed. groups: row id → its group."""

    method: str
    seed: int
    report: Report
    cost: Cost
    groups: Mapping[str, str]


@old_methods(real="significant", beaten="outperforms")
@dataclass
class Benchmark(Result):
    """Methods side by side. As a mapping it gives plain values.

    Args:
        title: what was asked, of what. metric: by which methods are ordered and tested.
        methods: best first. intervals: `"method: metric"` and `"method: task_metric"` → value, interval, count.
        costs: method → the mean cost of one fit. chance: of the metric, for a random order, if known.
        differences: (a, b) → a − b of the metric on the same queries. notes: further lines.
        left_out: method → why it has no result. reports: (method, seed) → what each trial's queries got.
    """

    title: str
    metric: str
    methods: list[str]
    intervals: dict[str, Interval]
    costs: dict[str, Cost]
    chance: float | None
    differences: dict[tuple[str, str], Difference]
    notes: list[str] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)
    reports: dict[tuple[str, int], Report] = field(default_factory=dict)

    KIND: ClassVar[str] = "benchmark"

    @property
    def figures(self) -> Mapping[str, Interval]:
        """The intervals."""
        return self.intervals

    def significant(self, a: str, b: str) -> bool:
        """Is a better or worse than b by more than chance, all pairs of methods considered?"""
        return self.difference(a, b).p_holm < LEVEL

    def difference(self, a: str, b: str) -> Difference:
        """a − b."""
        if (a, b) in self.differences:
            return self.differences[a, b]
        if (b, a) not in self.differences:
            raise KuamoError(f"given {a!r} and {b!r}; the benchmark has {self.methods}")
        one = self.differences[b, a]
        return Difference(-one.value, -one.high, -one.low, one.p, one.p_bootstrap, one.p_holm, one.b, one.a, one.n)

    def outperforms(self, method: str) -> list[str]:
        """The methods that it is really better than."""
        sign = sign_of(self.metric)
        others = (other for other in self.methods if other != method)
        return [o for o in others if self.significant(method, o) and sign * self.difference(method, o).value > 0]

    def tasks(self) -> list[str]:
        """The directions, `image_to_text`, in order."""
        return list(dict.fromkeys(task for report in self.reports.values() for task in report.pairs))

    def arrow(self, task: str) -> str:
        """A direction in words."""
        return next(report.arrow(task) for report in self.reports.values() if task in report.pairs)

    def __str__(self) -> str:
        tasks = self.tasks()
        shown = tasks if 1 < len(tasks) <= 4 else []
        metric, costs = metric_name(self.metric), map(say, ("CPU s", "wall s", "memory MB"))
        grid = [["", say("{metric}, all", metric=metric), *map(self.arrow, shown), *costs]]
        for method in self.methods:
            one, cost = self.intervals[f"{method}: {self.metric}"], self.costs[method]
            value, low, high = (format_figure(self.metric, number) for number in (one.value, one.low, one.high))
            each = [format_figure(self.metric, self[f"{method}: {task}_{self.metric}"]) for task in shown]
            memory = "–" if cost.memory is None else f"{cost.memory:.0f}"
            grid.append([method, f"{value} [{low}–{high}]", *each, f"{cost.cpu:.1f}", f"{cost.wall:.1f}", memory])
        lines = [localized(self.title), *format_table(grid)]
        if self.chance is not None:
            lines.append(say("random order: {value}", value=format_figure(self.metric, self.chance)))
        if len(self.methods) > 1:
            better = "better by more than chance in {metric} (p < {level} after Holm, {tests} tests):"
            lines.append(say(better, metric=metric, level=LEVEL, tests=len(self.differences)))
            lines += [
                f"  {method} > {', '.join(below)}" for method in self.methods if (below := self.outperforms(method))
            ] or [say("  no method than any other")]
        why = {name: translate(said) for name, said in self.left_out.items()}
        left_out = [say("{method}: left out: {why}", method=name, why=said) for name, said in why.items()]
        return visible("\n".join([*lines, *left_out, *map(localized, self.notes)]))

    def as_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "title": self.title,
            "metric": self.metric,
            "methods": self.methods,
            "measures": {name: asdict(interval) for name, interval in self.intervals.items()},
            "costs": {method: asdict(cost) for method, cost in self.costs.items()},
            "chance": self.chance,
            "differences": [{"a": a, "b": b, **asdict(one)} for (a, b), one in self.differences.items()],
            "left_out": self.left_out,
            "notes": self.notes,
        }


@to_json.register
def _json(contest: Benchmark) -> str:
    return json.dumps({"kind": "contest", "format": 1} | contest.as_dict(), indent=1, ensure_ascii=False)


def from_trials(
    title: str,
    trials: list[Trial],
    metric: str,
    *,
    notes: list[str] | None = None,
    left_out: Mapping[str, str] | None = None,
) -> Benchmark:
    """Put trials side by side; every method must have been tried with the same seeds."""
    names = list(dict.fromkeys(trial.method for trial in trials))
    of = {name: sorted((t for t in trials if t.method == name), key=lambda t: t.seed) for name in names}
    known = trials[0].report.metrics()
    if metric not in known:
        raise KuamoError(f"given metric={metric!r}{did_you_mean(metric, known)}; expected one of {known}")
    intervals: dict[str, Interval] = {}
    scores: dict[str, np.ndarray] = {}
    queries = query_signature(of[names[0]])
    for name in names:
        if query_signature(of[name]) != queries:
            raise KuamoError(f"given methods {names[0]!r} and {name!r} with different queries; expected the same rows")
        found, groups = pool_trials(of[name], known)
        intervals |= {f"{name}: {key}": one for key, one in grouped_intervals(found, groups).items()}
        scores[name] = found[metric]
    kind = "median" if metric == "median_rank" else "mean"
    order = sorted(names, key=lambda name: -sign_of(metric) * intervals[f"{name}: {metric}"].value)
    pairs = list(combinations(order, 2))
    tested = [paired_test(scores[a][:, None], scores[b][:, None], [kind], groups=groups)[0] for a, b in pairs]
    corrected = holm(np.array([one.p for one in tested]))
    differences = {
        pair: Difference(**(asdict(one) | {"p_holm": float(p)}))
        for pair, one, p in zip(pairs, tested, corrected, strict=True)
    }
    return Benchmark(
        title,
        metric,
        order,
        intervals,
        {name: mean_cost([trial.cost for trial in of[name]]) for name in order},
        chance_level(of[names[0]], metric),
        differences,
        notes or [],
        dict(left_out or {}),
        {(trial.method, trial.seed): trial.report for trial in trials},
    )


def sign_of(metric: str) -> int:
    """1 where more is better; −1 for ranks."""
    return -1 if metric == "median_rank" else 1


def query_signature(trials: list[Trial]) -> list[Any]:
    """Which queries a method got, in which galleries: what must be the same for all."""
    return [
        (trial.seed, task, pair.query, pair.gallery_sha256)
        for trial in trials
        for task, pair in trial.report.pairs.items()
    ]


def pool_trials(trials: list[Trial], metrics: list[str]) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Metric, and task_metric, → what each query got over all seeds; and the group (n,) of each query of all tasks.

    Arrays of a task hold NaN for the queries of others, so that all have the same queries.
    """
    parts = [
        (task, pair, [trial.groups[query] for query in pair.query])
        for trial in trials
        for task, pair in trial.report.pairs.items()
    ]
    groups = np.array([group for _, _, those in parts for group in those])
    found: dict[str, np.ndarray] = {}
    for metric in metrics:
        values = [per_query(metric, pair.values) for _, pair, _ in parts]
        found[metric] = np.concatenate(values)
        for task in dict.fromkeys(task for task, _, _ in parts):
            found[f"{task}_{metric}"] = np.concatenate(
                [v if of == task else np.full(len(v), np.nan) for (of, _, _), v in zip(parts, values, strict=True)]
            )
    return found, groups


def grouped_intervals(found: Mapping[str, np.ndarray], groups: np.ndarray) -> dict[str, Interval]:
    """Intervals; groups are drawn with all their queries, whatever direction and seed these are of."""
    out: dict[str, Interval] = {}
    masks: dict[bytes, list[str]] = {}
    for name, values in found.items():
        masks.setdefault(np.isfinite(values).tobytes(), []).append(name)
    for mask, names in masks.items():
        there = np.frombuffer(mask, dtype=bool)
        kinds = {name: "median" if name.endswith("median_rank") else "score" for name in names}
        out |= bootstrap_all({name: found[name][there] for name in names}, kinds, groups=groups[there])
    return {name: out[name] for name in found}


def chance_level(trials: list[Trial], metric: str) -> float | None:
    """The metric of a random order, over all queries."""
    pairs = [pair for trial in trials for pair in trial.report.pairs.values()]
    if not all(metric in pair.chance for pair in pairs):
        return None
    return float(np.average([pair.chance[metric] for pair in pairs], weights=[len(pair.query) for pair in pairs]))


def mean_cost(costs: list[Cost]) -> Cost:
    """The mean over fits; of memory the most."""
    memory = [cost.memory for cost in costs if cost.memory is not None]
    cpu, wall = (float(np.mean([getattr(cost, name) for cost in costs])) for name in ("cpu", "wall"))
    return Cost(cpu, wall, max(memory) if memory else None)
