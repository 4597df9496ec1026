"""Methods side by side, as one self-contained HTML page: see `kuamo.evaluation.report_html`."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from kuamo.core.export import to_html
from kuamo.core.html import engine, meanings, style
from kuamo.core.messages import label, localize
from kuamo.core.version import __version__
from kuamo.evaluation.leaderboard import Benchmark
from kuamo.metrics.formatting import format_figure

__all__ = ["render_leaderboard"]

TEMPLATES = Path(__file__).parent / "templates"


@to_html.register
def render_leaderboard(contest: Benchmark, lang: str = "en") -> str:
    """The page, in English (`"en"`) or Chinese (`"zh"`).

    Raises:
        KuamoError: an unknown language.
    """
    metrics = list(dict.fromkeys(metric for report in contest.reports.values() for metric in report.metrics()))
    return (
        engine(TEMPLATES)
        .get_template("leaderboard.html.jinja")
        .render(
            t=partial(label, lang),
            title=localize(lang, contest.title),
            css=style(),
            metric=contest.metric,
            chart=_lanes(contest) if contest.metric != "median_rank" else [],
            tasks=[contest.arrow(task) for task in contest.tasks()],
            table=[_line(contest, method) for method in contest.methods],
            chance=None if contest.chance is None else format_figure(contest.metric, contest.chance),
            methods=contest.methods,
            differences=[_row(contest, method) for method in contest.methods],
            tests=len(contest.differences),
            metrics=metrics,
            every=[(m, [_cell(contest, f"{m}: {metric}", metric) for metric in metrics]) for m in contest.methods],
            meanings=meanings(metrics, lang),
            left_out=list(contest.left_out.items()),
            remarks=[localize(lang, note) for note in contest.notes],
            version=__version__,
        )
    )


def _lanes(contest: Benchmark) -> list[dict[str, Any]]:
    lanes = []
    for method in contest.methods:
        one = contest.intervals[f"{method}: {contest.metric}"]
        at: dict[str, str | None] = {name: f"{100 * getattr(one, name):.2f}%" for name in ("value", "low", "high")}
        numbers = {name: format_figure(contest.metric, getattr(one, name)) for name in ("value", "low", "high")}
        numbers["chance"] = "–" if contest.chance is None else format_figure(contest.metric, contest.chance)
        at["chance"] = None if contest.chance is None else f"{100 * contest.chance:.2f}%"
        lanes.append({"method": method, "at": at, "numbers": numbers})
    return lanes


def _cell(contest: Benchmark, name: str, metric: str) -> list[str] | None:
    one = contest.intervals.get(name)
    return None if one is None else [format_figure(metric, getattr(one, part)) for part in ("value", "low", "high")]


def _line(contest: Benchmark, method: str) -> dict[str, Any]:
    cost, metric = contest.costs[method], contest.metric
    names = [f"{method}: {metric}", *(f"{method}: {task}_{metric}" for task in contest.tasks())]
    return {
        "method": method,
        "cells": [_cell(contest, name, metric) for name in names],
        "cpu": f"{cost.cpu:.1f}",
        "wall": f"{cost.wall:.1f}",
        "memory": "–" if cost.memory is None else f"{cost.memory:,.0f}",
    }


def _row(contest: Benchmark, method: str) -> list[dict[str, Any] | None]:
    """One method's differences to every method; `None` to itself."""
    cells: list[dict[str, Any] | None] = []
    for other in contest.methods:
        if other == method:
            cells.append(None)
            continue
        one = contest.difference(method, other)
        signed = {name: f"{round(getattr(one, name), 3) + 0.0:+.3f}" for name in ("value", "low", "high")}
        p = f"{one.p_holm:.3f}" if one.p_holm >= 0.001 else "<.001"
        cells.append({"real": contest.significant(method, other), "a": method, "b": other, "p": p} | signed)
    return cells
