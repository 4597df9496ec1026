"""`kuamo diagnose`: what a table is like and what to do with it, or how a space uses its columns.

kuamo diagnose pets.csv --save pets.html --lang zh
kuamo diagnose pets.csv --space pets.space --against report.json
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kuamo.cli.options import Encoding, Import, Json, OnError, Root, Seed, TableArgument
from kuamo.cli.terminal import bar, emit, load_imports, open_space, open_table

__all__ = ["diagnose"]


def diagnose(
    table: TableArgument,
    space: Annotated[
        Path | None, typer.Option(help="A saved space: how it uses the columns of these rows, which it has not seen.")
    ] = None,
    save: Annotated[
        list[Path] | None, typer.Option(help="Also write it here, as .json or .html; may be given again.")
    ] = None,
    lang: Annotated[str, typer.Option(help="Language of the words, and of the .html page: en or zh.")] = "en",
    positives: Annotated[str, typer.Option(help="Right answers: same 'row', 'group' or 'label'.")] = "row",
    gallery: Annotated[
        int | None,
        typer.Option(
            help="Among how many answers R@k is expected; as many as --against has, else a fifth of the rows."
        ),
    ] = None,
    k: Annotated[int, typer.Option("-k", help="Of R@k.")] = 10,
    predict: Annotated[
        str | None,
        typer.Option(
            help="A column of classes or numbers that is to be told from the others, or 'stars:number', "
            "'stars:category' to say which."
        ),
    ] = None,
    against: Annotated[
        Path | None, typer.Option(help="A saved .json report of evaluate: what came beside what was expected.")
    ] = None,
    whole: Annotated[bool, typer.Option("--all", help="Print every row of every table, not the first dozen.")] = False,
    cost: Annotated[bool, typer.Option(help="Forecast the time, memory and disk of a fit too.")] = True,
    seed: Seed = 0,
    on_error: OnError = "skip",
    root: Root = None,
    encoding: Encoding = None,
    imports: Import = None,
    as_json: Json = False,
) -> None:
    """What a table is like: what is there, how its columns relate, what to expect, what a fit costs, and what to do."""
    import kuamo as km
    from kuamo.core.catalog.pages import label as say_in
    from kuamo.core.errors import TableError
    from kuamo.core.export import check_targets
    from kuamo.data.targets import as_model_input, parse_target, with_label_columns
    from kuamo.diagnostics.text import MOST

    say_in(lang, "lang")  # an unknown language ends before the long work
    check_targets(save or [], lang if any(path.suffix.lower() == ".html" for path in save or []) else None)
    report = km.Report.load(against) if against else None
    own = load_imports(imports)
    loaded = open_space(space, own) if space else None
    rows = open_table(table, own, on_error, root, encoding)
    to, kind = parse_target(rows, predict) if predict else (None, None)
    if loaded and kind is not None:
        raise TableError(f"given --predict {predict!r} and --space, which knows its kind; expected {to!r}")
    rows = as_model_input(rows, loaded.modalities) if loaded else with_label_columns(rows, to, kind) if to else rows
    encoders = {name: net for name, net in own["ENCODERS"].items() if name in rows.columns}
    answers = {pair.target: pair.gallery for pair in report.pairs.values()} if report and not gallery else gallery
    given = {"positives": positives, "gallery": answers, "k": k, "seed": seed, "to": to}
    with bar(quiet=as_json) as progress:
        if loaded is not None:
            found = km.diagnose(loaded, rows, **given, progress=progress)  # type: ignore[arg-type]
        else:
            found = km.diagnose(rows, **given, encoders=encoders, cost=cost, progress=progress)  # type: ignore[arg-type]
    found = found.against(report) if report else found
    for path in save or []:
        found.save(path, lang=lang if path.suffix.lower() == ".html" else None)
    emit(found.as_dict(), as_json, found.text(lang, None if whole else MOST))
