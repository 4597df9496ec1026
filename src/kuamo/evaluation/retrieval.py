"""Evaluate: how well each column finds each other column in a table."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from itertools import permutations
from typing import Any

import numpy as np

from kuamo.core.errors import TableError
from kuamo.core.messages import Note, note_to_dict
from kuamo.core.old_names import old_arguments
from kuamo.core.validation import check_int, check_type, is_int
from kuamo.data.modalities import Category, Number, Vector
from kuamo.data.table import Table, as_table
from kuamo.embedding.provenance import leakage_notes
from kuamo.embedding.space import check_columns
from kuamo.encoders.feature_cache import truncation_note
from kuamo.evaluation.examples import Previews, draw, find, preview_of
from kuamo.evaluation.generation import Judges, check_made, evaluate_generation, intervals_of, known_of
from kuamo.evaluation.prediction import evaluate_predictions, known_classes
from kuamo.evaluation.repeated_answers import repeated_answers
from kuamo.evaluation.report import Report
from kuamo.evaluation.results import Direction, GenerationResult, made_key
from kuamo.metrics import Interval, bootstrap_all, chance_recall, per_query, rank_queries
from kuamo.metrics.ranking import NDCG_AT
from kuamo.objectives.prediction.intervals import targets_of
from kuamo.space import Space

__all__ = ["evaluate", "relevance_keys"]

Codes = tuple[np.ndarray, np.ndarray]  # codes (n, d) and their rows (n,)


@old_arguments(made="generated", judges="classifiers", draws="samples")
def evaluate(
    space: Space,
    table: Table,
    *,
    cutoffs: Sequence[int] = (1, 5, 10),
    positives: str = "row",
    generated: Sequence[str] = (),
    classifiers: Judges | None = None,
    training: Table | None = None,
    samples: int = 4,
    examples: int = 6,
    seed: int = 0,
    progress: Callable[[str, int, int], None] | None = None,
) -> Report:
    """Recall@k, ranks, mAP, MRR and nDCG for every ordered pair of columns, with 95 % bootstrap intervals.

    The gallery is every row that has the target column; queries are the rows that have the source column and a right
    answer in the gallery. Ties count against the space. Where rows share a group, intervals resample groups.

    Args:
        space: fitted. table: rows that it has not seen; a note says so if it was trained on some of them.
        cutoffs: the k of R@k.
        positives: what counts as a right answer: the same `"row"`, `"group"` or `"label"`. Rows without a label, which
            nobody can judge, are then neither queries nor answers.
        generated: columns that are also generated from each other one, and judged: see `kuamo.evaluation.generation`.
        classifiers: column → a function from a list of its values to their labels, such as one of yours that was
            trained on other data; it must be among `generated`.
        training: what the space was fitted on, to find copies, and to solve the closed form that decoders have to beat.
        samples: of each row that is made.
        examples: hits, and misses, to keep for the report's page, for each pair; 0 keeps none.
        seed: of the bootstrap, and of which examples are kept.
        progress: called with (column or pair, done, of).

    Returns:
        Report with `image_to_text_R@10`, `_median_rank`, `_MRR`, `_mAP`, `_mAP@R`, `_nDCG@10`, … and what each query
        got; of made columns `_gen_R2`, `_gen_energy`, `_gen_R@1`, …; of a column `kind` that the space was fitted to
        predict `kind_pred_accuracy`, `kind_pred_log_loss`, … in place of searches, see
        `kuamo.evaluation.prediction`. Classes that the space has never seen are wrong there, and a note counts them.

    Raises:
        TableError: fewer than two of the space's columns, no query, unknown positives, cutoffs or examples that are
            not whole numbers, or codes that are not finite (naming column and row).

    Example:
        >>> import kuamo as km
        >>> train, test = km.datasets.toy(rows=200, seed=0).split(test=50, seed=0)
        >>> km.evaluate(km.fit(train, seed=0), test)["a_to_b_R@10"] > 0.5
        True
    """
    check_type(Space, "a Space", space=space)
    table = as_table(table, space.modalities)
    check_int(seed=seed)
    check_columns(space.ports, table)
    _check_options(cutoffs, examples, samples)
    check_made(space, table, generated, classifiers or {})
    predicted = {
        name: evaluate_predictions(space, table, name, seed) for name in targets_of(space) if name in table.columns
    }
    table, unseen = known_classes(space, table)
    key, judged = relevance_keys(table, positives)
    names = [port.name for port in space.ports if port.name in table.columns]
    _check_names(names)
    codes = {name: _codes(space, table, name, judged, progress) for name in names}
    # a prediction target is not searched for: rows of equal value would count as wrong
    left_out = {name for name, found in predicted.items() if found and positives == "row"}
    asking = {name: (space.as_queries(code, name), row) for name, (code, row) in codes.items()}
    codes = {name: (space.as_answers(code), row) for name, (code, row) in codes.items()}
    pairs = _pairs(table, asking, codes, key, left_out, cutoffs, progress)
    intervals = _intervals(table, pairs, cutoffs, seed)
    intervals |= {f"{name}_{metric}": one for name, found in predicted.items() for metric, one in found.items()}
    if not intervals:
        raise TableError(f"columns {names}: no row has a relevant item in another column; expected at least one")
    if examples:
        pairs = {task: _with_examples(table, pair, asking, codes, key, examples, seed) for task, pair in pairs.items()}
    report = _report(space, table, positives, judged, pairs, intervals, cutoffs, seed)
    report.notes += [*unseen, *repeated_answers(table, pairs, positives)]
    for target in generated:
        known = None if training is None else known_of(space, training, target, seed)
        for source in [name for name in names if name != target]:
            if progress:
                progress(f"{source} ⇒ {target}", 0, 1)
            making = evaluate_generation(
                space, table, source, target, draws=samples, examples=examples, judges=classifiers or {},
                training=known, seed=seed,
            )  # fmt: skip
            if making is not None:
                _add_made(space, table, report, making, seed)
    return report


def _add_made(space: Space, table: Table, report: Report, making: GenerationResult, seed: int) -> None:
    """Put a making's figures and previews into a report."""
    task, number = f"{making.source}_to_{making.target}", {name: row for row, name in enumerate(table.ids)}
    groups = [table.groups[number[query]] for query in making.query]
    found = intervals_of(making, groups, seed)
    report.intervals |= {f"{task}_{metric}": interval for metric, interval in found.items()}
    previews = Previews(table)
    previews.cells, previews.remarks = report.previews, [note for note in report.notes if isinstance(note, Note)]
    for example in making.examples:
        for column in (making.source, making.target):
            previews.cell(column, example.query)
    modality = space.port(making.target).modality
    cells = report.previews.setdefault(making.target, {})
    for example, values in zip(making.examples, making.made, strict=True):
        for k, value in enumerate(values):
            kind = modality if space.port(making.target).codec is not None else Vector()
            cells[made_key(task, example.query, k)] = preview_of(kind, value)
    report.makings[task] = replace(making, made=[])


def label_column_notes(table: Table, pairs: dict[str, Direction]) -> list[Note]:
    """Columns of classes or numbers: many rows hold the same, of which a search counts one alone as right."""
    names = [name for name in _columns(pairs) if isinstance(table.column(name).modality, Category | Number)]
    return [Note("remark_label_column", column=name) for name in names]


def _report(
    space: Space,
    table: Table,
    positives: str,
    judged: np.ndarray,
    pairs: dict[str, Direction],
    intervals: dict[str, Interval],
    cutoffs: Sequence[int],
    seed: int,
) -> Report:
    previews = Previews(table)
    previews.add(list(pairs.values()))
    recalls = [f"R@{k}" for k in sorted(set(cutoffs))]
    several = any("mAP" in pair.values for pair in pairs.values())
    shown = (*recalls[:1], *recalls[1:][-1:], "mAP", "median_rank") if several else (*recalls, "median_rank")
    groups = len(set(table.groups)) if any(pair.group is not None for pair in pairs.values()) else 0
    unjudged = int((~judged).sum())
    notes: list[str] = [Note("remark_groups", count=groups)] if groups else []
    notes += [Note("remark_unjudged", count=unjudged)] if unjudged else []
    notes += leakage_notes(space, table)
    notes += [note for note in label_column_notes(table, pairs) if positives == "row"]
    notes += previews.remarks
    notes += table.skipped()
    notes += [note for name in _columns(pairs) if (note := truncation_note(table, name, space.port(name).encoder))]
    facts = {
        "rows": len(table),
        "source": table.source,
        "columns": {name: type(table.column(name).modality).__name__ for name in _columns(pairs)},
        "positives": positives,
        "seed": seed,
        "space": {"dim": space.dim, "notes": note_to_dict(list(space.notes))},
    }
    right = "" if positives == "row" else Note("contest_right", positives=positives)
    title = Note("report", rows=len(table), source=table.source, right=right)
    return Report(title, intervals, notes, pairs, facts, previews.cells, shown)


def _pairs(
    table: Table,
    asking: dict[str, Codes],
    codes: dict[str, Codes],
    key: np.ndarray,
    left_out: set[str],
    cutoffs: Sequence[int],
    progress: Callable[[str, int, int], None] | None,
) -> dict[str, Direction]:
    """What the queries of each direction got, where any has a right answer."""
    names, groups = np.unique(np.asarray(table.groups), return_inverse=True)
    pairs = {}
    for a, b in permutations(codes, 2):
        (code_a, row_a), (code_b, row_b) = asking[a], codes[b]
        asked = np.isin(key[row_a], key[row_b])
        if not asked.any() or {a, b} & left_out:
            continue
        step = None if progress is None else partial(progress, f"{a} → {b}")
        rows = row_a[asked]
        values, count = rank_queries(code_a[asked], code_b, key[rows], key[row_b], progress=step)
        answers = "\n".join(sorted(table.ids[row] for row in row_b))
        digest = hashlib.sha256(answers.encode("utf-8", "surrogatepass")).hexdigest()
        group = groups[rows] if len(names) < len(table) else None
        chance = {f"R@{k}": chance_recall(k, count, len(row_b)) for k in cutoffs}
        query = [table.ids[row] for row in rows]
        pairs[f"{a}_to_{b}"] = Direction(a, b, query, group, len(row_b), digest, chance, values)
    return pairs


def _intervals(table: Table, pairs: dict[str, Direction], cutoffs: Sequence[int], seed: int) -> dict[str, Interval]:
    """Each metric of each direction."""
    metrics = [*(f"R@{k}" for k in sorted(set(cutoffs))), "median_rank", "MRR", "mAP", "mAP@R", f"nDCG@{NDCG_AT}"]
    kinds = {metric: "median" if metric == "median_rank" else "score" for metric in metrics}
    group = dict(zip(table.ids, table.groups, strict=True))
    found: dict[str, Interval] = {}
    for task, pair in pairs.items():
        samples = {metric: per_query(metric, pair.values) for metric in metrics}
        intervals = bootstrap_all(samples, kinds, groups=[group[query] for query in pair.query], seed=seed)
        found |= {f"{task}_{metric}": interval for metric, interval in intervals.items()}
    return found


def _with_examples(
    table: Table,
    pair: Direction,
    asking: dict[str, Codes],
    codes: dict[str, Codes],
    key: np.ndarray,
    count: int,
    seed: int,
) -> Direction:
    (code_a, row_a), (code_b, row_b) = asking[pair.source], codes[pair.target]
    chosen = draw(pair.values["rank"], pair.query, count, seed, f"{pair.source}_to_{pair.target}")
    number = {name: row for row, name in enumerate(table.ids)}
    rows = np.array([number[pair.query[i]] for i in chosen])
    right = key[rows][:, None] == key[row_b][None]
    queries = code_a[np.searchsorted(row_a, rows)]
    ids, names = [pair.query[i] for i in chosen], [table.ids[row] for row in row_b]
    return replace(pair, examples=find(queries, code_b, right, pair.values["rank"][chosen], ids, names))


def _codes(
    space: Space, table: Table, name: str, judged: np.ndarray, progress: Callable[[str, int, int], None] | None
) -> Codes:
    """Codes (n, d) of a column's cells that can be judged, and their rows (n,)."""
    code, row = space.encode_column(table, name, progress=progress)
    normalized = space.normalized(code)
    bad = np.flatnonzero(~np.isfinite(normalized).all(axis=1))
    if len(bad):
        where = table.where(int(row[bad[0]]))
        raise TableError(f"column {name!r}, row {where}: given a code that is not finite; expected finite numbers")
    return normalized[judged[row]], row[judged[row]]


def relevance_keys(table: Table, positives: str) -> tuple[np.ndarray, np.ndarray]:
    """What must be equal in query and answer (N,), and which rows can be judged (N,)."""
    if positives == "row":
        return np.arange(len(table)), np.ones(len(table), dtype=bool)
    known: dict[str, Sequence[Any] | None] = {"group": table.groups, "label": table.labels}
    keys = known.get(positives)
    if keys is None:
        missing = ", and the table has no labels" if positives == "label" else ""
        raise TableError(
            f"given positives={positives!r}{missing}; expected 'row', 'group', or, in a table with labels, 'label'"
        )
    judged = np.array([key is not None and key == key for key in keys])  # NaN is no label
    return np.unique([str(key) for key in keys], return_inverse=True)[1], judged


def _columns(pairs: dict[str, Direction]) -> list[str]:
    return list(dict.fromkeys(name for pair in pairs.values() for name in (pair.source, pair.target)))


def _check_options(cutoffs: Sequence[int], examples: int, samples: int) -> None:
    several = isinstance(cutoffs, Sequence) and not isinstance(cutoffs, str) and len(cutoffs) > 0
    if not several or not all(is_int(k, 1) for k in cutoffs) or not is_int(examples):
        raise TableError(
            f"given cutoffs={cutoffs!r} and examples={examples!r}; expected whole numbers, cutoffs from 1 and "
            "examples from 0"
        )
    if samples < 2:
        raise TableError(f"given samples={samples}; expected at least 2, to see how far apart they are")


def _check_names(names: list[str]) -> None:
    """Refuse columns whose measures would have the same name."""
    seen: dict[str, tuple[str, str]] = {}
    for pair in permutations(names, 2):
        task = "_to_".join(pair)
        if task in seen:
            raise TableError(f"given columns {seen[task]} and {pair}, both {task!r}; expected other names")
        seen[task] = pair
