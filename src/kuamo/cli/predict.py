"""`kuamo predict`: what class or number rows are, how sure that is, and by which columns.

kuamo fit pets.csv --predict species --out pets.space
kuamo predict pets.space new.csv --to species --out told.csv
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from kuamo.cli.options import Encoding, Import, Json, OnError, Root, SpaceArgument, TableArgument
from kuamo.cli.terminal import bar, emit, load_imports, open_space, open_table

__all__ = ["predict"]


def predict(
    space: SpaceArgument,
    table: TableArgument,
    to: Annotated[str, typer.Option(help="The column of classes or numbers, as in `kuamo fit --predict`.")],
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="A .csv or .parquet file: id, value, probability, weight of each column."),
    ] = None,
    on_error: OnError = "raise",
    root: Root = None,
    encoding: Encoding = None,
    imports: Import = None,
    as_json: Json = False,
) -> None:
    """Tell a class or a number of each row from whatever else it has, how sure that is, and by which columns."""
    from kuamo.cli.prediction_files import check_out, format_prediction, predictions, write_predictions
    from kuamo.data.targets import as_model_input
    from kuamo.embedding import provenance as taught
    from kuamo.generation.prediction import caveats

    if out:
        check_out(out)  # before the long work
    own = load_imports(imports)
    loaded = open_space(space, own)
    loaded.port(to)
    rows = as_model_input(open_table(table, own, on_error, root, encoding), loaded.modalities)
    with bar(quiet=as_json) as progress:
        found = predictions(loaded, rows, to, progress)
        if out:
            count, empty = write_predictions(found, loaded, to, out)
        else:
            told = list(found)
    if out:
        text = f"{count:,} rows told in {out}" + (f"; {empty:,} had nothing to tell by" if empty else "")
        data: dict[str, Any] = {"rows": count, "empty": empty, "out": str(out)}
    else:
        data, text = {"to": to, "rows": told}, "\n".join(map(format_prediction, told))
    notes = [*caveats(loaded, to), *taught.caveats(loaded, rows)]
    emit(data | {"notes": notes}, as_json, "\n".join([text, *notes]))
