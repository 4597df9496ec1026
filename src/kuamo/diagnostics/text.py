"""A diagnosis in words for a terminal: for each section a small table of its facts, then its findings."""

from __future__ import annotations

from functools import partial
from typing import Any

from kuamo.core.export import to_text
from kuamo.core.findings import MARKS
from kuamo.core.messages import has_label, kind_name, label, localize
from kuamo.core.text_table import format_table
from kuamo.core.validation import check_int
from kuamo.diagnostics.column_pairs import top_correlation
from kuamo.diagnostics.cost.result import spanned
from kuamo.diagnostics.diagnosis import SECTIONS, Diagnosis

__all__ = ["GRIDS", "MOST", "render_text"]

MOST = 12  # rows of a table on a terminal
Grid = list[list[str]]


@to_text.register
def render_text(diagnosis: Diagnosis, lang: str = "en", rows: int | None = MOST) -> str:
    """Everything in words.

    Args:
        diagnosis, lang: what, and in which language. rows: of each table at most; all if `None`.

    Raises:
        KuamoError: an unknown language, or no whole number of rows.
    """
    check_int(1, rows=MOST if rows is None else rows)
    lines = [localize(lang, diagnosis.title)]
    for section in SECTIONS:
        grids = [grid for make in GRIDS.get(section, ()) if len(grid := make(diagnosis.facts, lang)) > 1]
        found = diagnosis.findings.get(section, [])
        if not grids and not found:
            continue
        lines += ["", label(lang, f"dx_{section}")]
        if section == "advice" and not diagnosis.facts.get("fitted"):
            lines.append(f"  {method_in_words(diagnosis.method, lang)}")
        for grid in grids:
            shown = grid if rows is None else grid[: rows + 1]
            lines += [f"  {line}" for line in format_table(shown)]
            if len(grid) > len(shown):
                lines.append("  " + label(lang, "dx_more_lines", count=len(grid) - len(shown)))
        lines += [f"  {MARKS[one.level]} {localize(lang, one.note)}" for one in found]
        if section == "advice":
            lines += [f"    {line}" for line in diagnosis.facts.get("code", [])]
    return "\n".join(lines)


def method_in_words(method: str, lang: str) -> str:
    """The recommended method.

    Example:
        >>> method_in_words("default", "en"), method_in_words("", "zh")
        ('Recommended: km.fit(table) as it stands', '不建议拟合')
    """
    if not method:
        return label(lang, "dx_no_method")
    return label(lang, "dx_method", method=label(lang, "dx_method_default") if method == "default" else method)


def columns_grid(facts: dict[str, Any], lang: str) -> Grid:
    """What each column has."""
    t = partial(label, lang)
    heads = ("dx_column", "dx_kind", "dx_rows", "dx_values", "dx_repeated", "dx_still", "dx_broken")
    grid = [[t(head) for head in heads]]
    rows = max(int(facts.get("rows", 0)), 1)
    for name, one in facts.get("columns", {}).items():
        quality = facts.get("quality", {}).get(name, {})
        grid.append(
            [
                name,
                kind_name(str(one["kind"]), lang),
                f"{one['rows']:,} ({one['rows'] / rows:.0%})",
                f"{one['values']:,}",
                *(f"{quality[key]:,}" if key in quality else "–" for key in ("repeated", "still", "broken")),
            ]
        )
    return grid


def pairs_grid(facts: dict[str, Any], lang: str) -> Grid:
    """How many rows have both of two columns."""
    names = list(facts.get("columns", {}))
    both = {frozenset((one["a"], one["b"])): one["rows"] for one in facts.get("pairs", [])}
    if len(names) < 3:
        return []
    grid = [[label(lang, "dx_both"), *names]]
    for a in names:
        cells = [facts["columns"][a]["rows"] if a == b else both.get(frozenset((a, b)), 0) for b in names]
        grid.append([a, *(f"{count:,}" for count in cells)])
    return grid


def relations_grid(facts: dict[str, Any], lang: str) -> Grid:
    """How two columns relate."""
    t = partial(label, lang)
    heads = ("dx_pair", "dx_rows", "dx_p", "dx_axes", "dx_first", "dx_neighbours", "dx_cka", "dx_information")
    grid = [[t(head) for head in heads]]
    for one in facts.get("relations", []):
        grid.append(
            [
                f"{one['a']} – {one['b']}",
                f"{one['rows']:,}",
                small(one.get("p")),
                number(one.get("axes"), "d"),
                number(top_correlation(one["spectrum"]) if one.get("axes") and one.get("spectrum") else None),
                number((one.get("neighbours") or {}).get("value")),
                number((one.get("cka") or {}).get("value")),
                bits(one.get("information")),
            ]
        )
    return grid


def directions_grid(facts: dict[str, Any], lang: str) -> Grid:
    """What to expect of each direction, and what came where that is known."""
    t, found = partial(label, lang), facts.get("directions", [])
    came = any("came" in one for one in found)
    k = found[0]["k"] if found else 10
    came_head = [t("dx_came")] if came else []
    grid = [[t("dx_direction"), t("dx_expected", k=k), t("dx_among"), t("dx_chance"), *came_head, t("dx_works")]]
    for one in found:
        grid.append(
            [
                f"{one['a']} → {one['b']}",
                f"{number(one['value'])} [{number(one['low'])}–{number(one['high'])}]",
                f"{one['gallery']:,}",
                number(one["chance"]),
                *([number(one.get("came", {}).get("value"))] * came),
                t(f"dx_verdict_{one['verdict']}"),
            ]
        )
    return grid


def reached_grid(facts: dict[str, Any], lang: str) -> Grid:
    """What a space reaches in each direction."""
    t, found = partial(label, lang), facts.get("reached", [])
    k = found[0]["k"] if found else 10
    grid = [[t("dx_direction"), f"R@{k}", t("dx_among"), t("dx_chance")]]
    for one in found:
        value = f"{number(one['value'])} [{number(one['low'])}–{number(one['high'])}]"
        grid.append([f"{one['a']} → {one['b']}", value, f"{one['gallery']:,}", number(one["chance"])])
    return grid


def space_grid(facts: dict[str, Any], lang: str) -> Grid:
    """How far the codes of two columns lie apart."""
    t = partial(label, lang)
    grid = [[t("dx_pair"), t("dx_centroid"), t("dx_distribution"), t("dx_gap_p")]]
    for one in facts.get("gaps", []):
        grid.append(
            [f"{one['a']} – {one['b']}", number(one["centroid"]), number(one["distribution"]), small(one.get("p"))]
        )
    return grid


def use_grid(facts: dict[str, Any], lang: str) -> Grid:
    """What each column brings, and how much it weighs."""
    t, weights = partial(label, lang), facts.get("weights", {})
    found = facts.get("contributions", {})
    grid = [[t("dx_column"), t("dx_weight"), *([t("dx_contribution", to=found["to"])] if found else [])]]
    names = list(dict.fromkeys([*weights, *(one["column"] for one in found.get("columns", []))]))
    brings = {one["column"]: one for one in found.get("columns", [])}
    for name in names:
        one = brings.get(name)
        said = (
            " – ".join(signed(one[part]) for part in ("value", "low", "high")).replace(" – ", " [", 1) + "]"
            if one
            else "–"
        )
        grid.append([name, number(weights.get(name)), *([said] if found else [])])
    return grid


def cost_grid(facts: dict[str, Any], lang: str) -> Grid:
    """What each step costs."""
    t = partial(label, lang)
    grid = [[t("dx_step"), t("dx_cpu"), t("dx_wall"), t("dx_memory"), t("dx_disk")]]
    for one in facts.get("cost", []):
        memory = number(one.get("memory"), ",.0f")
        disk = spanned(one["disk"], *(one.get("disks") or (one["disk"],) * 2)) if "disk" in one else "–"
        grid.append(
            [cost_step_in_words(lang, one), number(one["cpu"], ".1f"), number(one["wall"], ".1f"), memory, disk]
        )
    return grid


def cost_step_in_words(lang: str, one: dict[str, Any]) -> str:
    """The name of a step of a fit, in words.

    Example:
        >>> cost_step_in_words("zh", {"name": "features: text"}), cost_step_in_words("en", {"name": "closed form"})
        ('特征：text', 'closed form')
    """
    kind, _, column = str(one["name"]).partition(": ")
    key = f"dx_step_{kind.replace(' ', '_')}"
    return label(lang, key, column=column) if has_label(key) else str(one["name"])


def number(value: float | None, form: str = ".3f") -> str:
    """A number, or a dash where there is none.

    Example:
        >>> number(0.5), number(None), number(3, "d")
        ('0.500', '–', '3')
    """
    return "–" if value is None else format(value, form)


def signed(value: float) -> str:
    """With its sign, but for 0.

    Example:
        >>> signed(0.25), signed(-1e-9)
        ('+0.250', '0.000')
    """
    rounded = round(value, 3) + 0.0
    return f"{rounded:+.3f}" if rounded else "0.000"


def small(p: float | None) -> str:
    """A p-value, in as many digits as it has.

    Example:
        >>> small(0.005), small(0.25), small(None)
        ('0.005', '0.25', '–')
    """
    return "–" if p is None else f"{p:.3f}" if p < 0.1 else f"{p:.2f}"


def bits(one: dict[str, Any] | None) -> str:
    """A bound on information with its ceiling, in nats."""
    if one is None:
        return "–"
    return f"≥ {one['value']:.2f} / {one['ceiling']:.2f}"


GRIDS = {
    "there": (columns_grid, pairs_grid),
    "relation": (relations_grid,),
    "expect": (directions_grid,),
    "space": (reached_grid, use_grid, space_grid),
    "cost": (cost_grid,),
}
