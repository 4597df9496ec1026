"""A diagnosis as one self-contained HTML page. Plots are drawn from its facts alone."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from kuamo.core.export import to_html
from kuamo.core.findings import MARKS
from kuamo.core.html import engine, style
from kuamo.core.messages import label, localize, note_from_dict
from kuamo.core.version import __version__
from kuamo.diagnostics.diagnosis import SECTIONS, Diagnosis
from kuamo.diagnostics.text import (
    columns_grid,
    cost_grid,
    cost_step_in_words,
    directions_grid,
    method_in_words,
    number,
    pairs_grid,
    reached_grid,
    relations_grid,
    space_grid,
    use_grid,
)

__all__ = ["render_diagnosis"]

TEMPLATES = Path(__file__).parent / "templates"

PATTERNS = 12
WIDE, HIGH = 300, 90  # of a small plot, in its own units


@to_html.register
def render_diagnosis(diagnosis: Diagnosis, lang: str = "en") -> str:
    """The page, in English (`"en"`) or Chinese (`"zh"`).

    Raises:
        KuamoError: an unknown language.

    Example:
        >>> page = render_diagnosis(Diagnosis("<toy>", "default", {}, {}), "zh")
        >>> "&lt;toy&gt;" in page, "推荐方法" in page
        (True, True)
    """
    facts = diagnosis.facts
    found = {
        section: [
            (one.level, MARKS[one.level], localize(lang, one.note)) for one in diagnosis.findings.get(section, [])
        ]
        for section in SECTIONS
    }
    return (
        engine(TEMPLATES)
        .get_template("diagnosis.html.jinja")
        .render(
            t=partial(label, lang),
            title=localize(lang, diagnosis.title),
            css=style(),
            method="" if facts.get("fitted") else method_in_words(diagnosis.method, lang),
            code=facts.get("code", []),
            found=found,
            rows=int(facts.get("rows", 0)),
            filled=_filled(facts),
            patterns=_patterns(facts),
            columns=columns_grid(facts, lang),
            pairs=pairs_grid(facts, lang),
            relations=relations_grid(facts, lang),
            spectra=[_spectrum(one) for one in facts.get("relations", []) if one.get("spectrum")],
            directions=directions_grid(facts, lang),
            expected=[_expected(one) for one in facts.get("directions", [])],
            k=next((one["k"] for one in facts.get("directions", [])), 10),
            reasons=[
                (f"{one['a']} → {one['b']}", localize(lang, _note(one["reason"])))
                for one in facts.get("directions", [])
                if one.get("reason")
            ],
            reached=reached_grid(facts, lang),
            gaps=space_grid(facts, lang),
            gap_bars=_gaps(facts),
            measure_space=use_grid(facts, lang),
            weights=[(name, number(value), _percent(value)) for name, value in facts.get("weights", {}).items()],
            speed=_speed(facts),
            cost=cost_grid(facts, lang),
            cost_bars=_costs(facts, lang),
            version=__version__,
        )
    )


def _note(plain: Any) -> str:

    return str(note_from_dict(plain)) if isinstance(plain, str) else note_from_dict(plain)


def _percent(share: float) -> str:
    return f"{100 * min(max(float(share), 0.0), 1.0):.2f}%"


def _filled(facts: dict[str, Any]) -> list[dict[str, str]]:
    """A bar for each column: the share of rows that have it."""
    rows = max(int(facts.get("rows", 0)), 1)
    return [
        {"name": name, "number": f"{one['rows']:,}", "width": _percent(one["rows"] / rows)}
        for name, one in facts.get("columns", {}).items()
    ]


def _patterns(facts: dict[str, Any]) -> dict[str, Any]:
    """Which columns stand together in a row, a line for each combination."""
    names, rows = list(facts.get("columns", {})), max(int(facts.get("rows", 0)), 1)
    lines = [
        {
            "dots": [name in one["columns"] for name in names],
            "number": f"{int(one['rows']):,}",
            "width": _percent(one["rows"] / rows),
            "named": ", ".join(one["columns"]) or "–",
        }
        for one in facts.get("patterns", [])[:PATTERNS]
    ]
    return {"names": names, "lines": lines} if len(lines) > 1 else {}


def _spectrum(one: dict[str, Any]) -> dict[str, Any]:
    """Bars of held-out canonical correlations with their intervals, in a box of WIDE × HIGH."""
    bars, axes = [], one.get("axes") or 0
    step = WIDE / max(len(one["spectrum"]), 8)
    for i, (value, low, high) in enumerate(one["spectrum"]):
        x = step * i
        top, bottom = (HIGH * (1 - min(max(float(v), 0.0), 1.0)) for v in (high, low))
        y = HIGH * (1 - min(max(float(value), 0.0), 1.0))
        bars.append(
            {
                "x": f"{x + 0.1 * step:.2f}",
                "width": f"{0.8 * step:.2f}",
                "y": f"{y:.2f}",
                "height": f"{HIGH - y:.2f}",
                "middle": f"{x + 0.5 * step:.2f}",
                "top": f"{top:.2f}",
                "bottom": f"{bottom:.2f}",
                "shade": "strong" if i < axes else "weak",
                "words": f"{i + 1}: {number(value)} [{number(low)}–{number(high)}]",
            }
        )
    return {"name": f"{one['a']} – {one['b']}", "bars": bars, "wide": WIDE, "high": HIGH}


def _expected(one: dict[str, Any]) -> dict[str, Any]:
    came = one.get("came")
    values = {name: one[name] for name in ("value", "low", "high", "chance")}
    return {
        "name": f"{one['a']} → {one['b']}",
        "at": {name: _percent(value) for name, value in values.items()},
        "came": None if came is None else _percent(came["value"]),
        "numbers": {name: number(value) for name, value in values.items()},
    }


def _gaps(facts: dict[str, Any]) -> list[dict[str, Any]]:
    """Two bars for each pair: of centres, of shapes."""
    most = max([1e-9, *(max(one["centroid"], one["distribution"]) for one in facts.get("gaps", []))])
    return [
        {
            "name": f"{one['a']} – {one['b']}",
            "centroid": _percent(one["centroid"] / most),
            "distribution": _percent(one["distribution"] / most),
            "numbers": [number(one["centroid"]), number(one["distribution"])],
        }
        for one in facts.get("gaps", [])
    ]


def _speed(facts: dict[str, Any]) -> list[dict[str, str]]:
    """A line for each column's own loss, each from its first value down."""
    lines = []
    for name, points in facts.get("speed", {}).items():
        steps, losses = [float(step) for step, _ in points], [float(loss) for _, loss in points]
        if len(points) < 2:
            continue
        most, last = max([1e-9, *losses]), max(steps) or 1.0
        path = " ".join(
            f"{WIDE * s / last:.1f},{HIGH * (1 - v / most):.1f}" for s, v in zip(steps, losses, strict=True)
        )
        lines.append({"name": name, "path": path, "words": f"{losses[0]:.3g} → {losses[-1]:.3g}"})
    return lines


def _costs(facts: dict[str, Any], lang: str) -> list[dict[str, str]]:
    """A bar for each step's CPU seconds."""
    steps = facts.get("cost", [])
    most = max([1e-9, *(float(one["cpu"]) for one in steps)])
    return [
        {"name": cost_step_in_words(lang, one), "number": f"{one['cpu']:.1f}", "width": _percent(one["cpu"] / most)}
        for one in steps
    ]
