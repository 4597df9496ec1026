"""Diagnosis: a report about a table, or a space: what is there, how it relates, what to expect, what to do.

diagnosis["text_to_image_R@10"]     what to expect; `diagnosis.intervals[…]` has the interval and the count
diagnosis.method                    the recommended method, as `kuamo compare` and `fit --objective` spell it
diagnosis.text("zh")                everything in words, in Chinese
diagnosis.against(report)           what was expected beside what came
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from kuamo.core.errors import KuamoError, visible
from kuamo.core.export import to_json, to_text
from kuamo.core.files import local_path
from kuamo.core.findings import Finding, finding
from kuamo.core.messages import note_from_dict, note_to_dict
from kuamo.core.ownership import marker, sealed
from kuamo.core.result import Result, read_result
from kuamo.core.translation import language
from kuamo.core.validation import check_type
from kuamo.evaluation.report import Report
from kuamo.evaluation.report_json import interval_of
from kuamo.metrics import Interval

__all__ = ["SECTIONS", "Diagnosis"]

FORMAT = 1
NEAR = 0.1  # of R@k: what came is as was expected
SECTIONS = ("there", "quality", "relation", "expect", "space", "cost", "advice")


@dataclass
class Diagnosis(Result):
    """What was found, as numbers and in words. As a mapping it gives plain values.

    Args:
        title: of what. method: the recommended one; `""` where nothing is worth a fit.
        intervals: name → value, 95 % interval and count. findings: section → sentences, see `SECTIONS`.
        facts: plain data behind tables and plots.

    Example:
        >>> found = Diagnosis("toy", "default", {"a~b_p": Interval(0.01, 0.01, 0.01, 300)}, {}, {})
        >>> found["a~b_p"], found.method
        (0.01, 'default')
    """

    title: str
    method: str
    intervals: dict[str, Interval]
    findings: dict[str, list[Finding]]
    facts: dict[str, Any] = field(default_factory=dict)

    KIND: ClassVar[str] = "diagnosis"

    @property
    def figures(self) -> Mapping[str, Interval]:
        """The intervals."""
        return self.intervals

    def verdict(self, a: str, b: str) -> str:
        """`"align"`, `"predict"`, `"both"` or `"neither"`: what works from column a to column b.

        Raises:
            KuamoError: the two have no rows in common, or are no columns.
        """
        for one in self.facts.get("directions", []):
            if (one["a"], one["b"]) == (a, b):
                return str(one["verdict"])
        known = [(one["a"], one["b"]) for one in self.facts.get("directions", [])]
        raise KuamoError(f"given {(a, b)}; the diagnosis has {known}")

    def against(self, report: Report) -> Diagnosis:
        """The same with what came beside what was expected: R@k of each direction in `report`.

        Raises:
            KuamoError: the report has none of the directions, or galleries of other sizes.
        """
        check_type(Report, "a Report, as km.evaluate gives it", report=report)
        directions, errors = [], []
        for one in self.facts.get("directions", []):
            task = f"{one['a']}_to_{one['b']}"
            came = report.intervals.get(f"{task}_R@{one['k']}")
            if came is not None and task in report.pairs:
                check_gallery(report, one)
            directions.append(one if came is None else one | {"came": asdict(came)})
            errors += [] if came is None else [abs(came.value - one["value"])]
        if not errors:
            raise KuamoError(f"given a report of {list(report)[:6]}; expected one of the diagnosis's columns")
        hits = sum(error <= NEAR for error in errors)
        held = finding("good" if hits == len(errors) else "look", "diagnosis_held", hits=hits, count=len(errors))
        findings = self.findings | {"expect": [*self.findings.get("expect", []), held]}
        return Diagnosis(self.title, self.method, self.intervals, findings, self.facts | {"directions": directions})

    # ── output ───────────────────────────────────────────────────────────────────────────────────────────────────

    def __str__(self) -> str:
        return self.text()

    def text(self, lang: str | None = None, rows: int | None = 12) -> str:
        """Everything in words, in English (`"en"`) or Chinese (`"zh"`), by default as KUAMO_LANG says.

        Args:
            lang: the language. rows: of each table at most, with a line that says how many more there are; `None` for
                all.

        Raises:
            KuamoError: an unknown language, or no whole number of rows.
        """
        return visible(to_text(self, lang or language(), rows))

    # ── storing ──────────────────────────────────────────────────────────────────────────────────────────────────

    def as_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "title": note_to_dict(self.title),
            "method": self.method,
            "measures": {name: asdict(interval) for name, interval in self.intervals.items()},
            "findings": {section: [one.to_dict() for one in those] for section, those in self.findings.items()},
            "facts": self.facts,
        }

    @classmethod
    def load(cls, path: str | Path) -> Diagnosis:
        """Read a diagnosis that was saved as JSON.

        Raises:
            StoreError: not a diagnosis, damaged, or from a newer version.
        """

        def build(data: dict[str, Any]) -> Diagnosis:
            return cls(
                note_from_dict(data["title"]),
                str(data["method"]),
                {name: interval_of(interval) for name, interval in data["measures"].items()},
                {str(s): [Finding.of(one) for one in those] for s, those in data["findings"].items()},
                dict(data["facts"]),
            )

        return read_result(local_path(path, "a diagnosis"), "diagnosis", FORMAT, build)


@to_json.register
def _json(diagnosis: Diagnosis) -> str:
    data = marker("diagnosis", FORMAT) | diagnosis.as_dict()
    return json.dumps(sealed(data), indent=1, ensure_ascii=False, allow_nan=False)


def check_gallery(report: Report, one: Mapping[str, Any]) -> None:
    """Refuse to hold R@k among so many answers against R@k among others."""
    given = report.pairs[f"{one['a']}_to_{one['b']}"].gallery
    if abs(given - one["gallery"]) > 0.1 * one["gallery"]:
        sizes = {pair.target: pair.gallery for pair in report.pairs.values()}
        raise KuamoError(
            f"given a report with {given:,} answers from {one['a']} to {one['b']}, and R@{one['k']} expected among "
            f"{one['gallery']:,}; expected as many: diagnose(…, gallery={sizes})"
        )
