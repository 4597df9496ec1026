"""predict: translate to a column of classes or numbers, and say how sure it is and by which columns."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from kuamo.core.errors import TableError, visible
from kuamo.core.messages import Note
from kuamo.core.translation import localized, say
from kuamo.data.modalities import Category, Number
from kuamo.data.table import Table
from kuamo.embedding.decoder import Decoder
from kuamo.embedding.space import EmbeddingSpace, fuse_codes
from kuamo.generation.codecs.base import decode_cells
from kuamo.generation.translation import decode, decoder_input, decoder_of, require_inputs
from kuamo.objectives.prediction.intervals import targets_of, widths

__all__ = ["Prediction", "predict_rows", "prediction_notes"]

SHOWN = 10  # rows, of a prediction that is printed


@dataclass(frozen=True, eq=False)
class Prediction:
    """Predictions for rows.

    Args:
        values: (n) classes, or numbers. classes: of the columns of `probability`; `None` of numbers.
        probability: (n, K), `None` of numbers. columns: the inputs.
        weights: (n, M), how much each column weighed; 0 where it is absent, and they sum to 1.
        spread: (n,) of numbers, the standard deviation that the truth is expected to lie about each; `None` of classes,
            and where the space was not fitted to predict them.
        notes: what to know of it: that the space was not fitted to predict this column, if it was not.
    """

    values: list[Any]
    classes: list[str] | None
    probability: np.ndarray | None
    columns: list[str]
    weights: np.ndarray
    notes: list[str] = field(default_factory=list)
    spread: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.values)

    def __str__(self) -> str:
        """The first rows, a line each: prediction, confidence, and the weight of each column."""
        lines = [say("predictions for {rows:,} rows", rows=len(self))]
        for row, (value, weights) in enumerate(zip(self.values[:SHOWN], self.weights, strict=False)):
            sure = "" if self.probability is None else f" {self.probability[row].max():.2f}"
            by = ", ".join(f"{name} {one:.2f}" for name, one in zip(self.columns, weights, strict=True) if one)
            sure = sure if self.spread is None else f" ± {self.spread[row]:.3g}"
            value_text = f"{value:.6g}" if self.probability is None else str(value)
            lines.append(say("  {value}{sure}  from {columns}", value=value_text, sure=sure, columns=by))
        rest = len(self) - SHOWN
        more = [say("  … and {count:,} more", count=rest)] if rest > 0 else []
        return visible("\n".join([*lines, *more, *map(localized, self.notes)]))


def predict_rows(space: EmbeddingSpace, rows: Table, to: str) -> Prediction:
    """See `Space.predict`."""
    port = space.port(to)
    if not isinstance(port.modality, Category | Number):
        raise TableError(
            f"column {to!r}: given {type(port.modality).__name__}; "
            f"expected a column of classes, Category(), or of numbers, Number()"
        )
    decoder = decoder_of(space, to)
    names = [other.name for other in space.ports]
    codes = space.encode_columns(rows.select(*(name for name in rows.columns if name != to)))
    code, weights = fuse_codes(space.fusion, codes, to)
    code = decoder_input(space, port, codes) if Decoder.adapt(decoder).style_columns else code
    require_inputs(rows, port, code)
    y = decode(decoder, np.asarray(code))
    kept = [k for k, name in enumerate(names) if name != to]
    weights = weights[:, kept]
    values = list(decode_cells(port, y))
    classes = list(port.codec.names) if isinstance(port.modality, Category) and port.codec is not None else None
    p = class_probabilities(y) if classes else None
    names_kept, spread = [names[k] for k in kept], widths(space, to, codes.mean, codes.present)
    if spread is not None and port.codec is not None:
        nothing, one = port.codec.decode(np.array([[0.0], [1.0]]))
        spread = spread * abs(one - nothing)
    return Prediction(values, classes, p, names_kept, weights, prediction_notes(space, to), spread)


def prediction_notes(space: EmbeddingSpace, to: str) -> list[str]:
    """What to know of predictions of a column: where the space was not fitted to predict it, they are translated."""
    targets = targets_of(space)
    if to in targets:
        return []
    if not targets:
        return [Note("predicts_unfitted", column=to)]
    return [Note("predicts_another", column=to, targets=", ".join(targets))]


def class_probabilities(y: np.ndarray) -> np.ndarray:
    """y (n, K) as probabilities: what a closed form gives may be below 0, or not sum to 1.

    Example:
        >>> class_probabilities(np.array([[0.5, 0.5], [1.2, -0.1]])).tolist()
        [[0.5, 0.5], [1.0, 0.0]]
    """
    y = np.maximum(np.asarray(y, np.float64), 0)
    total = y.sum(1, keepdims=True)
    return np.where(total > 0, y / np.where(total > 0, total, 1), 1 / y.shape[1])
