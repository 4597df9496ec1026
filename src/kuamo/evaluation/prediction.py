"""How well a space predicts the classes or numbers that it was fitted for, from the other columns of held-out rows.

pred_accuracy           share of the rows whose class is predicted; a class that the space has never seen is not
pred_log_loss           −log p of the class, of classes that it knows
pred_confidence_gap     how sure it is, less how often it is right: 0 if it is calibrated, above 0 if it is too sure
pred_R2                 1 − E(y − ŷ)² / E(y − ȳ)²
pred_MAE              E|y − ŷ|, in the column's unit
pred_coverage_90          share of the numbers within ± 1.645 of their standard deviations: .9 if these are right
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from kuamo.core.errors import shorten
from kuamo.core.messages import Note
from kuamo.data.column import Column
from kuamo.data.table import Table
from kuamo.encoders.one_hot import OneHot
from kuamo.generation.prediction import predict_rows
from kuamo.metrics import Interval
from kuamo.metrics.bootstrap import bootstrap
from kuamo.space import Space

__all__ = ["evaluate_predictions", "known_classes"]

Z90 = 1.644854


def known_classes(space: Space, table: Table) -> tuple[Table, list[Note]]:
    """The table without cells of classes that the space has never seen, and notes that count and name them."""
    notes: list[Note] = []
    for port in space.ports:
        if port.name not in table.columns or not isinstance(port.encoder, OneHot):
            continue
        given, known = list(table.column(port.name)), set(port.encoder.names)
        cells = [_among(cell, known) for cell in given]
        strange = sorted({str(one) for cell in given for one in _list(cell)} - known)
        if strange:
            rows = sum(len(_list(cell)) > len(_list(left)) for cell, left in zip(given, cells, strict=True))
            notes.append(Note("remark_unseen", column=port.name, rows=rows, names=shorten(strange)))
            table = table.take(np.arange(len(table)))
            table.columns = table.columns | {port.name: Column(port.name, port.modality, cells)}
    return table, notes


def _list(cell: Any) -> list[Any]:
    return [] if cell is None else list(cell) if isinstance(cell, list | tuple) else [cell]


def _among(cell: Any, known: set[str]) -> Any:
    left = [one for one in _list(cell) if str(one) in known]
    return None if not left else left if isinstance(cell, list | tuple) else cell


def evaluate_predictions(space: Space, table: Table, to: str, seed: int) -> dict[str, Interval]:
    """Measure → its value with an interval, see the module; nothing if no row has the column and another.

    Args:
        table: as it was given, with classes that the space has never seen.
    """
    others = [port.name for port in space.ports if port.name != to and port.name in table.columns]
    able = np.asarray(table.select(*others).present() if others else np.zeros((len(table), 1), bool)).any(axis=1)
    able = np.atleast_1d(able)
    first = {int(row): entry for entry, row in reversed(list(enumerate(table.column(to).row)))}
    rows = np.array([row for row in sorted(first) if able[row]], dtype=np.int64)
    if len(rows) == 0:
        return {}
    column = table.column(to)
    truth = [column.modality.read(column.raw(first[row])) for row in rows.tolist()]
    predicted = predict_rows(space, table.take(rows).select(*others), to)
    groups = [table.groups[row] for row in rows]
    if predicted.classes is None or predicted.probability is None:
        return numbers(np.array(predicted.values), np.array(truth, np.float64), predicted.spread, groups, seed)
    return classes(predicted.probability, predicted.classes, [str(one) for one in truth], groups, seed)


def classes(p: np.ndarray, names: list[str], truth: list[str], groups: Sequence[Any], seed: int) -> dict[str, Interval]:
    """Measures of probabilities p (n, K).

    Example:
        >>> found = classes(np.array([[0.8, 0.2], [0.6, 0.4]]), ["a", "b"], ["a", "c"], ["1", "2"], 0)
        >>> found["pred_accuracy"].value, found["pred_log_loss"].n
        (0.5, 1)
    """
    place = {name: number for number, name in enumerate(names)}
    right = np.array([place.get(one, -1) for one in truth])
    hit, known = (p.argmax(1) == right).astype(float), np.flatnonzero(right >= 0)
    samples = {"pred_accuracy": (hit, np.arange(len(right)))}
    if len(known):
        loss = -np.log(p[known, right[known]].clip(1e-12))
        samples |= {"pred_log_loss": (loss, known), "pred_confidence_gap": (p[known].max(1) - hit[known], known)}
    return {
        name: bootstrap(x, groups=[groups[int(row)] for row in where], seed=seed)
        for name, (x, where) in samples.items()
    }


def numbers(
    predicted: np.ndarray, truth: np.ndarray, spread: np.ndarray | None, groups: Sequence[Any], seed: int
) -> dict[str, Interval]:
    """Measures of numbers (n,) and their standard deviations."""
    usual = float(np.square(truth - truth.mean()).mean())
    samples = {"pred_MAE": np.abs(predicted - truth)}
    if usual > 0:
        samples = {"pred_R2": 1 - np.square(predicted - truth) / usual} | samples
    if spread is not None and np.isfinite(spread).all():
        samples["pred_coverage_90"] = (np.abs(predicted - truth) <= Z90 * spread).astype(float)
    return {name: bootstrap(x, groups=list(groups), seed=seed) for name, x in samples.items()}
