"""A report as one self-contained HTML page: no script, and nothing that is loaded from elsewhere.

Text from tables is escaped by the template engine wherever it stands; media are data URIs of listed types, and the
page's own content security policy forbids everything else.
"""

from __future__ import annotations

import base64
from functools import partial
from pathlib import Path
from typing import Any

from kuamo.core.export import to_html
from kuamo.core.html import _label, engine, meanings, style
from kuamo.core.messages import label, localize, note_from_dict
from kuamo.core.version import __version__
from kuamo.evaluation.report import Report
from kuamo.evaluation.results import MEDIA, Direction, Example, GenerationResult, Preview, made_key
from kuamo.metrics import Interval
from kuamo.metrics.formatting import format_figure, format_interval

__all__ = ["render_report"]

TEMPLATES = Path(__file__).parent / "templates"

LANES = 3  # cutoffs in the chart
SHADES = ("weak", "middle", "strong")


@to_html.register
def render_report(report: Report, lang: str = "en") -> str:
    """The page, in English (`"en"`) or Chinese (`"zh"`).

    Raises:
        KuamoError: an unknown language.

    Example:
        >>> from kuamo.metrics import Interval
        >>> page = render_report(Report("<toy>", {"a_to_b_R@1": Interval(0.5, 0.4, 0.6, 100)}), "zh")
        >>> "&lt;toy&gt;" in page, "全部指标" in page
        (True, True)
    """
    t = partial(label, lang)
    metrics = [metric for metric in report.metrics() if not metric.startswith("gen_")]
    made = [metric for metric in report.metrics() if metric.startswith("gen_")]
    page = engine(TEMPLATES).get_template("report.html.jinja")
    return page.render(
        t=t,
        lead=_lead(report, lang),
        css=style(),
        chart=[_bars(report, task, row) for task, row in report.rows().items() if _recalls(row)],
        metrics=[(metric, _label(lang, metric)) for metric in metrics],
        table=[_line(report, task, row, metrics) for task, row in report.rows().items()],
        chance=_last_recall(report),
        meanings=meanings(metrics, lang),
        made_metrics=[label(lang, f"name_{metric}") for metric in made],
        made_table=[_line(report, task, report.rows()[task], made) for task in report.makings],
        made_meanings=[(label(lang, f"name_{metric}"), label(lang, f"means_{metric}")) for metric in made],
        makings=[_making(report, task, making) for task, making in report.makings.items() if making.examples],
        remarks=[localize(lang, note) for note in report.notes],
        dim=report.facts.get("space", {}).get("dim"),
        choices=[localize(lang, note_from_dict(note)) for note in report.facts.get("space", {}).get("notes", [])],
        seed=report.facts.get("seed"),
        examples=[_examples(report, task, pair) for task, pair in report.pairs.items() if pair.examples],
        version=__version__,
    )


def _lead(report: Report, lang: str) -> list[str]:
    facts = report.facts
    if not {"rows", "source", "positives"} <= set(facts):
        return [report.title]
    return [
        label(lang, "lead", rows=facts["rows"], source=localize(lang, facts["source"])),
        label(lang, f"right_{facts['positives']}"),
    ]


# ── chart and table ──────────────────────────────────────────────────────────────────────────────────────────────


def _recalls(row: dict[str, Interval]) -> list[str]:
    """The cutoffs that the chart shows: the first ones and the last."""
    names = [metric for metric in row if metric.startswith("R@")]
    return names if len(names) <= LANES else [*names[: LANES - 1], names[-1]]


def _bars(report: Report, task: str, row: dict[str, Interval]) -> dict[str, Any]:
    pair = report.pairs.get(task)
    lanes = []
    for shade, metric in zip(SHADES, _recalls(row)):
        one, chance = row[metric], pair.chance.get(metric) if pair else None
        numbers = {name: format_figure(metric, getattr(one, name)) for name in ("value", "low", "high")}
        numbers["chance"] = "–" if chance is None else format_figure(metric, chance)
        places: dict[str, str | None] = {name: f"{100 * getattr(one, name):.2f}%" for name in ("value", "low", "high")}
        places["chance"] = None if chance is None else f"{100 * chance:.2f}%"
        lanes.append({"metric": metric, "shade": shade, "numbers": numbers, "at": places})
    return {"name": report.arrow(task), "lanes": lanes}


def _last_recall(report: Report) -> str | None:
    """The R@k whose chance level the table has."""
    names = [metric for pair in report.pairs.values() for metric in pair.chance]
    return names[-1] if names else None


def _line(report: Report, task: str, row: dict[str, Interval], metrics: list[str]) -> dict[str, Any]:
    pair = report.pairs.get(task)
    last = _last_recall(report)
    cells = [
        None if metric not in row else (format_figure(metric, row[metric].value), format_interval(metric, row[metric]))
        for metric in metrics
    ]
    return {
        "name": report.arrow(task),
        "queries": f"{max((row[metric].n for metric in metrics if metric in row), default=0):,}",
        "gallery": f"{pair.gallery:,}" if pair else "–",
        "cells": cells,
        "chance": format_figure(last, pair.chance[last]) if pair and last in pair.chance else "–",
    }


# ── examples ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _examples(report: Report, task: str, pair: Direction) -> dict[str, Any]:
    made = [(example.rank == 1, _example(report, pair, example)) for example in pair.examples]
    return {
        "name": report.arrow(task),
        "hits": int((pair.values["rank"] == 1).sum()),
        "queries": len(pair.query),
        "gallery": pair.gallery,
        "sides": [("hits", [one for hit, one in made if hit]), ("misses", [one for hit, one in made if not hit])],
    }


def _example(report: Report, pair: Direction, example: Example) -> dict[str, Any]:
    answers = [
        _cell(report, pair.target, row) | {"right": right}
        for row, right in zip(example.found, example.correct, strict=True)
    ]
    below = None if any(example.correct) else _cell(report, pair.target, example.right) | {"right": True}
    query = _cell(report, pair.source, example.query) | {"right": False}
    return {"query": query, "answers": answers, "below": below, "rank": example.rank}


def _making(report: Report, task: str, making: GenerationResult) -> dict[str, Any]:
    """Rows of a query, what was made of it, and what was there."""
    rows = []
    for example in making.examples:
        keys = [made_key(task, example.query, number) for number in range(example.draws)]
        rows.append(
            {
                "query": _cell(report, making.source, example.query) | {"right": False},
                "made": [_cell(report, making.target, key) | {"right": False, "row": example.query} for key in keys],
                "real": _cell(report, making.target, example.query) | {"right": False},
            }
        )
    return {"name": report.arrow(task), "kind": making.kind, "rows": rows}


def _cell(report: Report, column: str, row: str) -> dict[str, Any]:
    """One cell: a picture, a sound or words."""
    preview = report.previews.get(column, {}).get(row, Preview("text/plain", b"\xe2\x80\x93", "–"))
    kind = preview.mime.partition("/")[0]
    if preview.mime not in MEDIA or kind == "text":  # of a file that somebody else wrote: words, never its bytes
        words = preview.data.decode("utf-8", "replace") if preview.mime == "text/plain" else preview.text
        return {"kind": "text", "column": column, "row": row, "text": words}
    address = f"data:{preview.mime};base64,{base64.b64encode(preview.data).decode()}"
    return {"kind": kind, "column": column, "row": row, "address": address}
