"""How a space uses its columns: how far their codes lie apart, how much each weighs, and what it brings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from kuamo.core.errors import KuamoError
from kuamo.core.findings import Finding, finding
from kuamo.data.modalities import Category, Number
from kuamo.data.table import Table
from kuamo.diagnostics.contributions import contributions
from kuamo.embedding.provenance import leakage_notes
from kuamo.evaluation.retrieval import evaluate
from kuamo.metrics import Interval
from kuamo.metrics.dependence.modality_gap import modality_gap
from kuamo.space import Space

__all__ = ["SpaceUsage", "measure_space", "speed"]

FAR = 0.5  # spreads: centres that far apart are spoken of
FEWEST = 5  # rows
NOTHING = 5e-4
MOST = 2000  # rows by which contributions are measured


@dataclass(frozen=True)
class SpaceUsage:
    """Facts, numbers and sentences of a space on rows."""

    facts: dict[str, Any]
    numbers: dict[str, Interval]
    findings: list[Finding]


def measure_space(
    space: Space, table: Table, to: str | None, k: int = 10, positives: str = "row", seed: int = 0
) -> SpaceUsage:
    """See the module.

    Args:
        space: fitted. table: rows that it has not seen; a finding says so if some were used for training.
        to: what contributions are to; the first column of classes or numbers if not given, and nothing where there is
            none. k, positives: of what is reached, see `evaluate`.
    """
    names = [port.name for port in space.ports if port.name in table.columns]
    codes = {name: space.encode_column(table, name) for name in names}
    groups = np.unique(np.asarray(table.groups), return_inverse=True)[1]
    gaps = [
        {"a": a, "b": b, **one}
        for a, b in combinations(names, 2)
        if (one := _gap(space, codes[a], codes[b], groups, seed)) is not None
    ]
    labels = [n for n in names if isinstance(space.port(n).modality, Category | Number)]
    target = to or (labels[0] if labels else None)
    facts: dict[str, Any] = {"gaps": gaps, "weights": weights(space, table, target)}
    facts["reached"] = reached(space, table.select(*(name for name in names if name not in labels)), k, positives, seed)
    widest = max(gaps, key=lambda one: one["centroid"], default=None)
    said = [Finding("bad", note) for note in leakage_notes(space, table)]
    if widest is not None and widest["centroid"] > FAR:
        said.append(finding("look", "diagnosis_gap", **{name: widest[name] for name in ("a", "b", "centroid")}))
    numbers = {
        f"{one['a']}~{one['b']}_gap": Interval(one["centroid"], one["centroid"], one["centroid"], one["rows"])
        for one in gaps
    }
    numbers |= {
        f"{one['a']}_to_{one['b']}_R@{k}": Interval(one["value"], one["low"], one["high"], one["queries"])
        for one in facts["reached"]
    }
    if target is not None and len(names) > 1:
        found = contributions(space, table, target, most=MOST, seed=seed)
        facts["contributions"] = {
            "to": target,
            "measure": found.measure,
            "columns": [
                {"column": name, "value": one.value, "low": one.low, "high": one.high}
                for name, one in found.phi.items()
            ],
        }
        numbers |= {f"{name}_brings_to_{target}": one for name, one in found.phi.items()}
        said += [
            finding("look", "diagnosis_starved", column=name, to=target, value=round(one.value, 3) + 0.0)
            for name, one in found.phi.items()
            if one.low <= 0 <= one.high or abs(one.value) < NOTHING
        ]
        said += [
            finding(
                "look", "diagnosis_better_without", column=name, to=target, without=one.value, whole=found.whole.value
            )
            for name, one in found.without.items()
            if one.low > found.whole.value
        ]
    if "learning" in space.info:
        facts["speed"] = speed(space)
    return SpaceUsage(facts, numbers, said)


def reached(space: Space, table: Table, k: int, positives: str, seed: int) -> list[dict[str, Any]]:
    """R@k of every direction, as `evaluate` has it; nothing where no two columns can be searched."""
    present = table.present()
    if len(table.columns) < 2 or not (present.sum(1) > 1).any():
        return []
    report = evaluate(space, table, cutoffs=(k,), positives=positives, examples=0, seed=seed)
    return [
        {"a": pair.source, "b": pair.target, "k": k, "gallery": pair.gallery, "chance": pair.chance[f"R@{k}"]}
        | {"value": one.value, "low": one.low, "high": one.high, "queries": one.n}
        for task, pair in report.pairs.items()
        for one in [report.intervals[f"{task}_R@{k}"]]
    ]


def weights(space: Space, table: Table, without: str | None) -> dict[str, float]:
    """Column → its mean weight when rows are fused, over the rows that have it and another."""
    names = [port.name for port in space.ports if port.name in table.columns and port.name != without]
    if len(names) < 2:
        return {}
    given = space.fuse(table.select(*names))[1]
    columns = [port.name for port in space.ports]
    several = (given > 0).sum(1) > 1
    found = {}
    for name in names:
        own = given[several, columns.index(name)]
        found[name] = float(own[own > 0].mean()) if (own > 0).any() else 0.0
    return found


def speed(space: Space) -> dict[str, list[list[float]]]:
    """Column → (step, own loss), summed over its terms, of a fit with `Training(learning_curves=LearningCurves())`."""
    from kuamo.training.balance import ColumnCurves

    learning = ColumnCurves.of(space)
    there = [np.isfinite(loss) for loss in learning.loss.values()]
    if not there:
        return {}
    total = np.where(np.any(there, axis=0), np.sum([np.nan_to_num(loss) for loss in learning.loss.values()], 0), np.nan)
    return {
        name: [[float(step), float(v)] for step, v in zip(learning.steps, line, strict=True) if np.isfinite(v)]
        for name, line in zip(learning.columns, total.T, strict=True)
        if np.isfinite(line).any()
    }


def _gap(space: Space, one: Any, other: Any, groups: np.ndarray, seed: int) -> Mapping[str, Any] | None:
    rows = np.intersect1d(one[1], other[1])
    x, y = (space.normalized(np.asarray(code)[np.isin(row, rows)]) for code, row in (one, other))
    if len(np.unique(groups[rows])) < FEWEST:
        return None
    try:
        found = modality_gap(x, y, groups[rows], seed=seed)
    except KuamoError:  # codes that are all the same have no spread to measure by
        return None
    return {"centroid": found.spreads, "distribution": found.distribution, "p": found.p, "rows": found.rows}
