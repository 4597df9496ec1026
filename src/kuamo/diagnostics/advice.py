"""Advice: which method suits a table, what to switch on or mend, and the lines of code for it.

`fit` itself follows `unrelated_columns`: a column that looks related to no other one says nothing of what the
others share, yet takes part in every moment of them. Of two columns with 400 rows, an unrelated third cost .08 of R@10.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from kuamo.core.findings import Finding, finding
from kuamo.core.messages import Note
from kuamo.metrics.coverage import SKEWED, Coverage, links
from kuamo.metrics.dependence.family_wise import Family
from kuamo.metrics.dependence.screening import LEVEL, unrelated_columns

__all__ = ["Advice", "advise_methods"]

LITTLE = 0.25  # R@k below, of which a random order has a third or more, is little; so is what chance may be


@dataclass(frozen=True)
class Advice:
    """What to do.

    Args:
        method: as `kuamo compare` spells it; `"Predict"` for a column of classes or numbers; `""` for no fit.
        findings: why, and what else. code: lines to copy. unrelated: columns that are to join last.
    """

    method: str
    findings: list[Finding] = field(default_factory=list)
    code: list[str] = field(default_factory=list)
    unrelated: list[str] = field(default_factory=list)


def advise_methods(
    coverage: Coverage,
    p: Family,
    directions: Sequence[Mapping[str, Any]],
    targets: Sequence[str],
    labeled: bool,
    positives: str = "row",
    still: Sequence[str] = (),
) -> Advice:
    """The method that suits, and why.

    Args:
        coverage: what is there. p: of pairs and columns. directions: facts of what to expect, `a`, `b`, `value`,
            `chance`, `verdict`. targets: columns of classes or numbers. labelled: do rows have labels?
        positives: what counts as a right answer, as `evaluate` has it. still: columns whose cells are all the same.
    """
    names, joined = list(coverage.columns), bool(links(coverage))
    others = [name for name in names if name not in targets]
    said: list[Finding] = []
    last = unrelated_columns(p)
    if targets and others:
        to = targets[0]
        kind = Note("kind_Category" if coverage.columns[to].kind == "Category" else "kind_Number")
        said.append(finding("good", "advice_predict", column=to, kind=kind))
        weight = ", balanced=True" if any(_uneven(coverage, one) for one in targets) else ""
        code = [f"space = km.fit(train, km.Predict({to!r}{weight}))", f"space.predict(test, {to!r})"]
        return Advice("Predict", said, code, last)
    if still:
        said.append(finding("bad", "advice_still", columns=", ".join(still)))
        others = [name for name in names if name not in still]
        code = [f"table = table.select({', '.join(map(repr, others))})"] if len(others) > 1 else []
        return Advice("", said, code, last)
    if joined and p.pairs and p.any > LEVEL:
        said.append(finding("bad", "advice_none"))
        return Advice("", said, [], last)
    if labeled and (positives == "label" or not joined):
        said.append(finding("good", "advice_labels" if joined else "advice_labels_alone"))
        code = ["space = km.fit(train, km.SemanticMatching())", "km.evaluate(space, test, positives='label')"]
        return Advice("SemanticMatching", said, code, last)
    if not joined:
        said.append(finding("bad", "advice_no_pairs"))
        return Advice("", said, [], last)
    said.append(finding("good", "advice_default") if p.pairs else finding("look", "advice_few"))
    said += [finding("look", "advice_unrelated", column=name, p=p.columns[name]) for name in last]
    for one in directions:
        if one["a"] not in last and one["b"] not in last and expects_little(one):
            little = {"k": one["k"], "value": one["value"], "chance": one["chance"]}
            said.append(finding("look", "advice_little", a=one["a"], b=one["b"], **little))
    code = ["space = km.fit(train)", "print(km.evaluate(space, test))"]
    for one in directions:
        if one["verdict"] == "predict":
            said.append(finding("look", "advice_translate", a=one["a"], b=one["b"]))
    return Advice("default", said, code, last)


def expects_little(one: Mapping[str, Any]) -> bool:
    """Is R@k hardly beyond that of a random order?

    Example:
        >>> [expects_little({"value": v, "low": v / 2, "chance": c}) for v, c in ((0.98, 0.4), (0.06, 0.05))]
        [False, True]
    """
    return one["low"] <= one["chance"] or one["value"] < min(LITTLE, 3 * one["chance"])


def _uneven(coverage: Coverage, name: str) -> bool:
    one = coverage.skews.get(name)
    return one is not None and one.largest >= SKEWED * one.smallest
