"""diagnose: look at a table, or at a space and rows, and say what is there, what to expect and what to do.

table → coverage → a sample's features → quality → for every two columns: related? spectrum, neighbours, information
      → for every direction: R@k to expect, align or predict → cost of a fit → advice → Diagnosis
space and rows: also how far codes lie apart, what each column weighs and brings, and what came of what was expected
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from kuamo.core.arrays import factorize
from kuamo.core.errors import TableError
from kuamo.core.findings import Finding, finding
from kuamo.core.messages import Note
from kuamo.core.modules import is_trainable
from kuamo.core.threads import single_threaded_blas
from kuamo.core.validation import check_int
from kuamo.data.modalities import Category, Number
from kuamo.data.table import Table, as_table
from kuamo.data.targets import as_model_input
from kuamo.diagnostics.advice import advise_methods
from kuamo.diagnostics.column_pairs import (
    Facts,
    Paired,
    corrected,
    direction_numbers,
    measure_directions,
    measure_pair,
    reconcile,
    relation_numbers,
    relations_findings,
)
from kuamo.diagnostics.diagnosis import Diagnosis
from kuamo.diagnostics.sample import Progress, sample, sample_features
from kuamo.diagnostics.space_usage import measure_space, speed
from kuamo.embedding.space import Tower
from kuamo.encoders.base import Encoder
from kuamo.evaluation.retrieval import relevance_keys
from kuamo.fitting.checks import check_usable_columns
from kuamo.fitting.towers import open_ports
from kuamo.metrics import Interval
from kuamo.metrics.coverage import Coverage, coverage, coverage_facts, coverage_findings
from kuamo.metrics.data_quality import Packed, quality_findings
from kuamo.metrics.dependence.family_wise import Family
from kuamo.metrics.dependence.paired_sample import iter_pairs, unique_rows
from kuamo.space import Space

__all__ = ["diagnose"]

ROWS = 20_000
HELD_OUT = 0.2  # of the rows, as `Table.split` has it: the gallery to expect where none is given


def diagnose(
    what: Table | Space,
    table: Table | None = None,
    *,
    encoders: Mapping[str, Any] | None = None,
    positives: str = "row",
    gallery: int | Mapping[str, int] | None = None,
    k: int = 10,
    to: str | None = None,
    rows: int = ROWS,
    cost: bool = True,
    seed: int = 0,
    progress: Progress | None = None,
) -> Diagnosis:
    """What a table is like and what to do with it, before a fit; or how a space uses what it is given.

    Args:
        what: a table; or a space, which then gives what its fit found by screening, and with rows how it uses
            them. table: those rows, which the space has not seen: figures of training rows are higher, and a
            finding says so.
        encoders: column → encoder, as for `fit`; a trainable one is not looked through, its default is.
        positives: what counts as a right answer: the same `"row"`, `"group"` or `"label"`; as for `evaluate`.
        gallery: among how many answers R@k is expected, or column → how many of its cells are answers; a fifth of each
            column's rows if not given. k: of R@k.
        to: a column of classes or numbers, or any other, to say what each column brings to it; the first column of
            classes or numbers if not given.
        rows: of how many rows at most features are looked at. cost: forecast a fit too?
        seed: of everything random. progress: called with (what, done, of).

    Returns:
        Diagnosis: prints as words, `save("x.html", lang="zh")` is a page with plots.

    Raises:
        TableError: fewer than two columns, unknown columns or positives.
        CellError: never for cells that cannot be read: they are counted, and named.

    Example:
        >>> import kuamo as km
        >>> found = diagnose(km.datasets.toy(rows=100), cost=False)
        >>> found.method, found.verdict("a", "b"), found["a~b_p"] < 0.05
        ('default', 'both', True)
    """
    if isinstance(what, Space) and table is None:
        return diagnosis_of_fit(what)
    space, given = space_and_rows(what, table)
    check_int(seed=seed)
    check_int(1, k=k, rows=rows)
    check_usable_columns(given, encoders=encoders or {})
    seen = skipping_unreadable(given if space is None else as_model_input(given, space.modalities))
    ports, targets = ports_of(space, seen, encoders or {}), label_columns_of(seen)
    counted = coverage(seen)
    answers = galleries(counted, gallery, k)
    some = sample(seen, rows, seed)
    looked, cells, quality, same = sample_features(seen, ports, some, progress)
    facts: Facts = {"source": given.source, "rows": len(given), "seed": seed, "positives": positives}
    facts |= coverage_facts(counted) | {"quality": {name: asdict(one) for name, one in quality.items()}}
    said = {"there": [*coverage_findings(counted), *what_is_left_out(given, seen, len(some))]}
    plain = {name: one for name, one in quality.items() if name not in targets}
    said["quality"] = quality_findings(plain, same, looked.skipped())
    numbers = coverage_numbers(counted)
    with single_threaded_blas():
        distinct, repeated = unique_rows(cells, np.unique(np.asarray(looked.groups), return_inverse=True)[1])
        facts["relations"], facts["directions"], p = related_and_expected(
            looked, distinct, ports, positives, answers, k, space is None, seed, progress
        )
    said["relation"] = [finding("look", "diagnosis_twice", count=repeated)] if repeated else []
    said["relation"] += relations_findings(facts["relations"])
    if any(one["by"] == "pairs" for one in facts["directions"]):
        said["expect"] = [finding("look", "diagnosis_by_pairs")]
    numbers |= relation_numbers(facts["relations"]) | direction_numbers(facts["directions"])
    still = [name for name, one in quality.items() if one.cells and one.commonest == one.cells]
    advice = advise_methods(
        counted, p, facts["directions"], targets, bool(counted.skews.get("label")), positives, still
    )
    if space is not None:
        found = measure_space(space, looked, to, k, positives, seed)
        facts |= found.facts | {"fitted": True}
        numbers |= found.numbers
        said["space"] = found.findings
    else:
        if cost:
            target = targets[0] if 0 < len(targets) < len(seen.columns) else None
            facts["cost"], said["cost"], ahead = forecast_facts(given, encoders or {}, seed, target)
            numbers |= ahead
        facts["code"], said["advice"] = advice.code, advice.findings
    title = Note("diagnosis", source=given.source, rows=len(given), count=len(given.columns))
    return Diagnosis(title, advice.method, numbers, said, facts)


def space_and_rows(what: Table | Space, table: Table | None) -> tuple[Space | None, Table]:
    """The space, if there is one, and the rows."""
    space = what if isinstance(what, Space) else None
    if space is None and table is not None:
        raise TableError("given two tables; expected one, or a Space and a Table")
    given = as_table(what if space is None else table, None if space is None else space.modalities)
    if len(given.columns) < 2:
        raise TableError(f"given the columns {list(given.columns)}; expected at least two")
    return space, given


def what_is_left_out(given: Table, seen: Table, looked_at: int) -> list[Finding]:
    """Rows beyond the sample, and metadata."""
    unseen = [name for name in given.meta if name != "split" and name not in seen.columns]
    sampled = [finding("look", "diagnosis_sampled", count=looked_at, rows=len(given))] if looked_at < len(given) else []
    return sampled + ([finding("look", "diagnosis_meta", columns=unseen)] if unseen else [])


def forecast_facts(
    table: Table, encoders: Mapping[str, Any], seed: int, to: str | None = None
) -> tuple[list[Facts], list[Finding], dict[str, Interval]]:
    """What a fit will cost: facts of its steps, sentences, and `fit_cpu_seconds`, `fit_memory_MB`, `fit_disk_MB`.

    It is the fit that is advised: with `to`, one by `Predict`.
    """
    from kuamo.diagnostics.cost.forecast import forecast

    objective = None
    if to is not None:
        from kuamo.objectives.prediction.objective import Predict

        objective = Predict(to)
    ahead = forecast(table, objective, encoders=encoders, seed=seed)
    total, memory, n = ahead.total, ahead.total.memory or 0.0, len(table)
    numbers = {
        "fit_cpu_seconds": Interval(total.cpu, ahead.at_least, total.cpu, n),
        "fit_memory_MB": Interval(memory, memory, memory, n),
        "fit_disk_MB": Interval(ahead.disk, *ahead.disk_span, n),
    }
    return ahead.as_dict()["steps"], [Finding("look", note) for note in (*ahead.notes, *ahead.advice)], numbers


def skipping_unreadable(table: Table) -> Table:
    """The same rows, where a cell that cannot be read counts as absent; the table itself stays as it is."""
    other = table.take(np.arange(len(table)))
    other.on_error = "skip"
    return other


def galleries(found: Coverage, given: int | Mapping[str, int] | None, k: int) -> dict[str, int]:
    """Column → among how many of its cells an answer is looked for."""
    usual = {name: max(k + 1, round(HELD_OUT * one.rows)) for name, one in found.columns.items()}
    for name, size in given.items() if isinstance(given, Mapping) else [("gallery", given)]:
        if size is not None:
            check_int(**{name: size})
    unknown = sorted(set(given) - set(usual)) if isinstance(given, Mapping) else []
    if unknown:
        raise TableError(f"given gallery= for {unknown}; the columns are {list(usual)}")
    asked = dict(given) if isinstance(given, Mapping) else {} if given is None else dict.fromkeys(usual, given)
    few = {name: size for name, size in asked.items() if size <= k}
    if few:
        raise TableError(f"given gallery={given} and k={k}; expected more answers than k")
    return usual | asked


def label_columns_of(table: Table) -> list[str]:
    """Columns of classes or numbers: prediction targets."""
    return [name for name, modality in table.modalities.items() if isinstance(modality, Category | Number)]


def ports_of(space: Space | None, table: Table, encoders: Mapping[str, Any]) -> list[Tower]:
    """What each column is looked at through: the space's encoders, those given, or the defaults."""
    if space is not None:
        return [space.port(name) for name in table.columns]
    frozen = {name: one for name, one in encoders.items() if not is_trainable(one)}
    return open_ports(table, frozen, {})[0]


def related_and_expected(
    table: Table,
    cells: Packed,
    ports: list[Tower],
    positives: str,
    gallery: Mapping[str, int],
    k: int,
    expect: bool,
    seed: int,
    progress: Progress | None,
) -> tuple[list[Facts], list[Facts], Family]:
    """Facts of every two columns, of every direction, and p-values; `expect`: is there no fit yet, whose result would
    be expected?"""
    blocks = {port.name: Encoder.adapt(port.encoder).blocks for port in ports}
    groups = np.unique(np.asarray(table.groups), return_inverse=True)[1]
    key, judged = relevance_keys(table, positives)
    labels = None if table.labels is None else factorize(table.labels)
    label_columns = set(label_columns_of(table))
    relations: list[Facts] = []
    directions: list[Facts] = []
    pairs = list(iter_pairs(cells, groups))
    for number, (a, b, x, y, group, row) in enumerate(pairs):
        if progress:
            progress(f"{a} – {b}", number, len(pairs))
        keys = None if positives == "row" else key[row]
        label = None if labels is None else labels[row]
        pair = Paired(a, b, x, y, group, keys, judged[row], (blocks[a], blocks[b]), label)
        relations.append(measure_pair(pair, seed))
        if not expect or {a, b} & label_columns:
            continue  # a class is predicted, not searched for
        directions += measure_directions(pair, relations[-1], (gallery[a], gallery[b]), k, seed)
    if progress and pairs:
        progress("–", len(pairs), len(pairs))
    found = corrected(relations)
    return relations, reconcile(relations, directions), found


def coverage_numbers(found: Coverage) -> dict[str, Interval]:
    """`text_coverage`: the share of rows that have the column; `label_evenness`: of the classes."""
    share = {name: one.rows / max(found.rows, 1) for name, one in found.columns.items()}
    numbers = {f"{name}_coverage": Interval(value, value, value, found.rows) for name, value in share.items()}
    return numbers | {
        f"{name}_evenness": Interval(one.evenness, one.evenness, one.evenness, one.rows)
        for name, one in found.skews.items()
    }


def diagnosis_of_fit(space: Space) -> Diagnosis:
    """What a space knows by itself: what its fit found by screening, what it chose, and how fast its columns were
    learned."""
    facts: Facts = {"source": space.info.get("source", "–"), "rows": space.info.get("rows", 0)}
    facts |= space.info.get("diagnosis", {})
    if "learning" in space.info:
        facts["speed"] = speed(space)
    said = {"space": [Finding("look", note) for note in space.notes]}
    facts["fitted"] = True
    title = Note("diagnosis", source=facts["source"], rows=facts["rows"], count=len(space.ports))
    return Diagnosis(title, "default" if "diagnosis" in space.info else "", {}, said, facts)
