"""`kuamo diagnose`: what a table is like and what to do with it, or how a space uses its columns.

kuamo diagnose pets.csv --save pets.html --lang zh
kuamo diagnose pets.csv --space pets.space --against report.json
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

import kuamo as km
from kuamo.cli.inputs import Inputs, with_inputs
from kuamo.cli.options import Seed, TableArgument
from kuamo.core.errors import TableError
from kuamo.core.export import check_targets
from kuamo.data.targets import as_model_input, parse_target, with_label_columns
from kuamo.diagnostics.text import MOST

__all__ = ["diagnose"]


@with_inputs(on_error="skip")
def diagnose(
    table: TableArgument,
    space: Annotated[
        Path | None,
        typer.Option(
            help="A saved space: also analyse how it uses the columns of these rows, which should not be training rows."
        ),
    ] = None,
    save: Annotated[
        list[Path] | None, typer.Option(help="Also save the diagnosis, as .json or .html. Repeatable.")
    ] = None,
    positives: Annotated[
        str, typer.Option(help="Which items are relevant to a query: those of the same 'row', 'group' or 'label'.")
    ] = "row",
    gallery: Annotated[
        int | None,
        typer.Option(help="Gallery size for the expected R@k. Default: that of --against, else a fifth of the rows."),
    ] = None,
    k: Annotated[int, typer.Option("-k", help="Cutoff k of R@k.")] = 10,
    predict: Annotated[
        str | None,
        typer.Option(
            help=(
                "Column of classes or numbers to predict from the others; 'stars:number' or 'stars:category' sets "
                "its kind."
            )
        ),
    ] = None,
    against: Annotated[
        Path | None,
        typer.Option(help="A saved .json report of `kuamo evaluate`: compare expected with measured results."),
    ] = None,
    whole: Annotated[
        bool, typer.Option("--all", help="Print all rows of all tables, not only the first dozen.")
    ] = False,
    cost: Annotated[bool, typer.Option(help="Also forecast the time, memory and disk space of a fit.")] = True,
    seed: Seed = 0,
    *,
    inputs: Inputs,
) -> None:
    """Diagnose a table: data quality, dependence of columns, expected retrieval, cost of a fit, recommendations."""
    check_targets(save or [], None)
    report = km.Report.load(against) if against else None
    loaded = inputs.space(space) if space else None
    rows = inputs.table(table)
    to, kind = parse_target(rows, predict) if predict else (None, None)
    if loaded and kind is not None:
        raise TableError(f"given --predict {predict!r} and --space, which knows its kind; expected {to!r}")
    rows = as_model_input(rows, loaded.modalities) if loaded else with_label_columns(rows, to, kind) if to else rows
    encoders = inputs.encoders(rows)
    answers = {pair.target: pair.gallery for pair in report.pairs.values()} if report and not gallery else gallery
    given = {"positives": positives, "gallery": answers, "k": k, "seed": seed, "to": to}
    with inputs.progress() as progress:
        if loaded is not None:
            found = km.diagnose(loaded, rows, **given, progress=progress)  # type: ignore[arg-type]
        else:
            found = km.diagnose(rows, **given, encoders=encoders, cost=cost, progress=progress)  # type: ignore[arg-type]
    found = found.against(report) if report else found
    for path in save or []:
        found.save(path)
    inputs.emit(found.as_dict(), found.text(rows=None if whole else MOST))
