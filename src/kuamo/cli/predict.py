"""`kuamo predict`: what class or number rows are, how sure that is, and by which columns.

kuamo fit pets.csv --predict species --out pets.space
kuamo predict pets.space new.csv --to species --out predictions.csv
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from kuamo.cli.inputs import Inputs, with_inputs
from kuamo.cli.options import SpaceArgument, TableArgument
from kuamo.cli.prediction_files import check_predictions_out, format_prediction, predictions, write_predictions
from kuamo.core.errors import TableError
from kuamo.core.translation import localized, say
from kuamo.data.targets import as_model_input
from kuamo.embedding import provenance as provenance

__all__ = ["predict"]


@with_inputs()
def predict(
    space: SpaceArgument,
    table: TableArgument,
    to: Annotated[str, typer.Option(help="Column to predict, as in `kuamo fit --predict`.")],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", "-o", help="Output .csv or .parquet file: id, value, probability, weight of each column."
        ),
    ] = None,
    *,
    inputs: Inputs,
) -> None:
    """Predict a class or a number for each row from its other columns, with confidence and column weights."""
    from kuamo.generation.prediction import prediction_notes

    if out:
        check_predictions_out(out)  # before the long work
    loaded = inputs.space(space)
    if to not in loaded.modalities:
        known = list(loaded.modalities)
        raise TableError(
            f"the space has no column {to!r}; expected one of {known}, or a space fitted with --predict {to!r}"
        )
    rows = as_model_input(inputs.table(table), loaded.modalities)
    with inputs.progress() as progress:
        found = predictions(loaded, rows, to, progress)
        if out:
            count, empty = write_predictions(found, loaded, to, out)
        else:
            rows_read = list(found)
    if out:
        text = say("predictions for {rows:,} rows saved in {out}", rows=count, out=out)
        text += say("; {count:,} had no input", count=empty) if empty else ""
        data: dict[str, Any] = {"rows": count, "empty": empty, "out": str(out)}
    else:
        data, text = {"to": to, "rows": rows_read}, "\n".join(map(format_prediction, rows_read))
    notes = [*prediction_notes(loaded, to), *provenance.leakage_notes(loaded, rows)]
    inputs.emit(data | {"notes": notes}, "\n".join([text, *map(localized, notes)]))
