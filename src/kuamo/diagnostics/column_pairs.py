"""How two columns relate, all measures together: as plain data for tables and plots, as numbers, and in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from kuamo.core.findings import Finding, finding
from kuamo.core.messages import Note, note_to_dict
from kuamo.metrics import Interval
from kuamo.metrics.coverage import MANY
from kuamo.metrics.dependence.align_or_predict import align_or_predict
from kuamo.metrics.dependence.cca_spectrum import spectrum
from kuamo.metrics.dependence.cka import similarity
from kuamo.metrics.dependence.expected_retrieval import expected_retrieval
from kuamo.metrics.dependence.family_wise import Family, family
from kuamo.metrics.dependence.mutual_information import infonce_bound
from kuamo.metrics.dependence.permutation_test import dependence_test
from kuamo.metrics.dependence.screening import LEVEL

__all__ = [
    "Facts",
    "Paired",
    "direction_numbers",
    "measure_directions",
    "measure_pair",
    "relation_findings",
    "relation_numbers",
    "relations_findings",
]

Facts = dict[str, Any]
FEWEST = 24  # rows in groups of their own, below which nothing is said
AXES = 24  # of the spectrum that are shown
BATCH = 512  # pairs of which the information bound is read: its ceiling is 6.2 nats


@dataclass(frozen=True, eq=False)
class Paired:
    """Paired rows of two columns.

    Args:
        a, b: names. x: (n, D_a) features. y: (n, D_b). group: (n,) numbers. key: (n,) equal where an answer is right;
            `None` where it is the row's own. judged: (n,) bool, rows that have a key. blocks: sizes of layers.
        labels: (n,) numbers, −1 where a row has none; `None` where no row has one.
    """

    a: str
    b: str
    x: np.ndarray
    y: np.ndarray
    group: np.ndarray
    key: np.ndarray | None
    judged: np.ndarray
    blocks: tuple[Sequence[int] | None, Sequence[int] | None]
    labels: np.ndarray | None = None

    @property
    def given_group(self) -> np.ndarray | None:
        """The groups, where any has several rows; else copies are looked for."""
        return self.group if len(np.unique(self.group)) < len(self.group) else None

    @property
    def still(self) -> bool:
        """Are all cells of a column the same?"""
        return any(bool((part == part[:1]).all()) for part in (self.x, self.y))

    @property
    def enough(self) -> bool:
        """Are there rows to say anything about?"""
        return len(np.unique(self.group)) >= FEWEST and not self.still


def measure_pair(pair: Paired, seed: int) -> Facts:
    """Are they related, along which axes, how alike do they arrange rows, how much information do they share?"""
    said: Facts = {"a": pair.a, "b": pair.b, "rows": len(pair.x), "groups": len(np.unique(pair.group))}
    if not pair.enough:
        return said | {"p": None, "still": pair.still}
    test = dependence_test(pair.x, pair.y, pair.given_group, seed=seed)
    axes = spectrum(pair.x, pair.y, group=pair.group, blocks=pair.blocks, seed=seed)
    alike = similarity(pair.x, pair.y, pair.given_group, k=min(10, len(pair.x) // 4), seed=seed)
    known = infonce_bound(pair.x, pair.y, pair.group, batch=BATCH, seed=seed)
    return said | {
        "p": test.p,
        "evidence": test.evidence,
        "linear": test.linear,
        "nonlinear": test.nonlinear,
        "copies": test.copies_found,
        "axes": axes.shared,
        "ridge": axes.ridge,
        "spectrum": [
            [float(v) for v in one]
            for one in zip(axes.correlations[:AXES], axes.low[:AXES], axes.high[:AXES], strict=True)
        ],
        "neighbours": asdict(alike.neighbours),
        "cka": asdict(alike.linear_cka),
        "kernel_cka": asdict(alike.kernel_cka),
        "information": {
            "value": known.nats,
            "low": known.low,
            "high": known.high,
            "ceiling": known.ceiling,
            "saturated": known.saturated,
            "pairs": known.pairs,
        },
    }


def corrected(relations: list[Facts]) -> Family:
    """p allows for how many pairs were looked at (see `family`), and columns that look unrelated share no axis."""
    looked = [one for one in relations if one["p"] is not None]
    found = family({(one["a"], one["b"]): one.pop("evidence") for one in looked})
    for one in looked:
        one["p_alone"], one["p"] = one["p"], found.pairs[one["a"], one["b"]]
        one["axes"] = one["axes"] if one["p"] <= LEVEL else 0
    return found


def measure_directions(pair: Paired, relation: Facts, gallery: tuple[int, int], k: int, seed: int) -> list[Facts]:
    """What to expect from a to b and from b to a, among so many cells of a, and of b; and whether to align."""
    if relation["p"] is None:
        return []
    one = pair.judged
    found = expected_retrieval(
        pair.x[one], pair.y[one], gallery=gallery[::-1], k=k, group=pair.group[one],
        key=None if pair.key is None else pair.key[one], blocks=pair.blocks, seed=seed,
    )  # fmt: skip
    label = None if pair.labels is None else [None if one < 0 else int(one) for one in pair.labels]
    works = align_or_predict(
        pair.x, pair.y, group=pair.group, label=label, names=(pair.a, pair.b), blocks=pair.blocks, seed=seed
    )
    names = ((pair.a, pair.b), (pair.b, pair.a))
    return [
        {"a": a, "b": b, "k": k, "gallery": size}
        | {name: getattr(expect, name) for name in ("value", "low", "high", "chance", "rows")}
        | {"verdict": work.choice, "aligned": work.aligned, "predicted": work.predicted, "by": work.by}
        | {"reason": note_to_dict(work.reason)}
        for (a, b), size, expect, work in zip(names, gallery[::-1], found, works, strict=True)
    ]


def relation_findings(one: Facts) -> list[Finding]:
    """What to know of two columns, in words."""
    names = {"a": one["a"], "b": one["b"]}
    if one["p"] is None:
        return [finding("look", "diagnosis_small", **names, rows=one["rows"], groups=one["groups"])]
    if one["p"] > LEVEL:
        return [finding("bad", "diagnosis_unrelated", **names, p=one["p"])]
    said = []
    if one["axes"] == 0:
        bent = one["linear"] > LEVEL
        said.append(finding("look", "diagnosis_bent" if bent else "diagnosis_faint", **names, p=one["p"]))
    else:
        rho = top_correlation(one["spectrum"])
        said.append(finding("good", "diagnosis_related", **names, p=one["p"], axes=one["axes"], rho=rho))
    if one["information"]["saturated"]:
        rest = {name: one["information"][name] for name in ("value", "ceiling")} | {"rows": one["rows"]}
        said.append(finding("look", "diagnosis_ceiling", **names, **rest))
    if one["copies"]:
        said.append(finding("look", "diagnosis_copies", **names))
    return said


def reconcile(relations: Sequence[Facts], directions: list[Facts]) -> list[Facts]:
    """Directions whose verdict agrees with the test: of columns that look unrelated, nothing is kept by either way.

    What is kept is a share of what they seem to share, and a share of nothing may come out large by chance.
    """
    p = {frozenset((one["a"], one["b"])): one["p"] for one in relations}
    for one in directions:
        known = p[frozenset((one["a"], one["b"]))]
        if known is not None and known > LEVEL and one["verdict"] != "neither":
            note = Note("verdict_unrelated", given=one["a"], wanted=one["b"], p=known)
            one |= {"verdict": "neither", "reason": note_to_dict(note)}
    return directions


def top_correlation(spectrum: Sequence[Sequence[float]]) -> float:
    """The largest held-out correlation: axes are in the order in which the other rows have them, not in its own.

    Example:
        >>> top_correlation([[0.01, 0, 0.2], [0.55, 0.3, 0.8]]), top_correlation([])
        (0.55, 0.0)
    """
    return max((one[0] for one in spectrum), default=0.0)


def relations_findings(relations: Sequence[Facts]) -> list[Finding]:
    """What to know of all pairs; of many that are too small, one sentence."""
    small = [one for one in relations if one["p"] is None and not one.get("still")]
    said = [one for each in relations if each["p"] is not None for one in relation_findings(each)]
    if len(small) > MANY:
        return [*said, finding("look", "diagnosis_many_small", count=len(small))]
    return [*said, *(one for each in small for one in relation_findings(each))]


def relation_numbers(relations: Sequence[Facts]) -> dict[str, Interval]:
    """`a~b_p`, `a~b_rho_1`, `a~b_axes`, `a~b_neighbours`, `a~b_CKA`, `a~b_information`."""
    numbers: dict[str, Interval] = {}
    for one in relations:
        if one["p"] is None:
            continue
        name, n = f"{one['a']}~{one['b']}", one["rows"]
        plain = {"p": one["p"], "axes": float(one["axes"])}
        plain |= {"neighbours": one["neighbours"]["value"], "CKA": one["cka"]["value"]}
        numbers |= {f"{name}_{what}": Interval(value, value, value, n) for what, value in plain.items()}
        known = one["information"]
        numbers[f"{name}_information"] = Interval(known["value"], known["low"], known["high"], known["pairs"])
        if one["spectrum"]:
            value, low, high = one["spectrum"][0]
            numbers[f"{name}_rho_1"] = Interval(value, low, high, n)
    return numbers


def direction_numbers(directions: Sequence[Facts]) -> dict[str, Interval]:
    """`a_to_b_R@10`: what to expect."""
    return {
        f"{one['a']}_to_{one['b']}_R@{one['k']}": Interval(one["value"], one["low"], one["high"], one["rows"])
        for one in directions
    }
