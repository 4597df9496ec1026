"""`kuamo encode`, `kuamo index` and `kuamo search`.

kuamo search pets.space "a sleeping cat" --to image
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kuamo.cli.export_codes import write_codes
from kuamo.cli.inputs import Inputs, with_inputs
from kuamo.cli.options import SpaceArgument, TableArgument
from kuamo.cli.terminal import hit_lines, open_array, open_index
from kuamo.core.errors import TableError
from kuamo.core.files import place
from kuamo.core.translation import say
from kuamo.index import Index

__all__ = ["encode", "index", "search"]


@with_inputs()
def encode(
    space: SpaceArgument,
    table: TableArgument,
    out: Annotated[Path, typer.Option("--out", "-o", help="Output .parquet file: id and code of each row.")],
    *,
    inputs: Inputs,
) -> None:
    """Encode every row of a table: one code per row, fused over its columns."""
    loaded = inputs.space(space)
    given = inputs.table(table)
    with inputs.progress() as progress:
        rows, empty = write_codes(loaded, given, out, progress=progress)
    text = say("codes of {rows:,} rows ({dim} dimensions) saved in {out}", rows=rows, dim=loaded.dim, out=out)
    text += say("; {count:,} rows were empty, their codes are null", count=empty) if empty else ""
    inputs.emit({"rows": rows, "empty": empty, "dim": loaded.dim, "out": str(out)}, text)


@with_inputs()
def index(
    space: SpaceArgument,
    table: TableArgument,
    out: Annotated[Path, typer.Option("--out", "-o", help="Path of the index: a folder, *.lance, or a URI.")],
    add: Annotated[bool, typer.Option("--add", help="Add the rows to an existing index.")] = False,
    update: Annotated[
        bool, typer.Option("--update", help="Add the rows to an existing index and replace rows with the same id.")
    ] = False,
    thumbnails: Annotated[bool, typer.Option("--thumbnails", help="Store thumbnails for displaying results.")] = False,
    *,
    inputs: Inputs,
) -> None:
    """Create an index on disk (needs the extra 'index'), or add rows to one."""
    if add and update:
        raise TableError("given --add and --update; expected one of them")
    loaded, rows = inputs.space(space), inputs.table(table)
    with inputs.progress() as progress:
        if add or update:
            made = Index.load(out, loaded)
            (made.update if update else made.add)(rows, progress=progress)
        else:
            payload = ("text", "thumbnail") if thumbnails else ("text",)
            made = loaded.index(rows, out, payload=payload, progress=progress)
    columns = ", ".join(made.columns)
    text = say(
        "index of {rows:,} rows saved in {out}; columns: {columns}", rows=len(made), out=place(out), columns=columns
    )
    inputs.emit({"index": str(place(out)), "rows": len(made), "columns": made.columns}, text)


@with_inputs()
def search(
    space: SpaceArgument,
    query: Annotated[str, typer.Argument(help="Query: a text, or the path of a file (an array as .npy).")],
    to: Annotated[
        str | None, typer.Option(help="Column to search in. Default: all columns, merged by percentile.")
    ] = None,
    source: Annotated[
        str | None, typer.Option("--from", help="Column that the query belongs to. Default: guessed from the query.")
    ] = None,
    k: Annotated[int, typer.Option("-k", help="Number of results.")] = 5,
    where: Annotated[str | None, typer.Option(help="Filter, such as \"category = 'Activities'\".")] = None,
    at: Annotated[Path | None, typer.Option("--index", help="Search this index instead of the training table.")] = None,
    table: Annotated[str | None, typer.Option(help="Search this table instead of the training table.")] = None,
    *,
    inputs: Inputs,
) -> None:
    """Search for the cells nearest to a query of any modality."""
    loaded = inputs.space(space)
    looked = loaded.index(inputs.table(table)) if table else open_index(at or space, loaded)
    value = open_array(query) if query.endswith(".npy") else query
    hits = looked.search({source: value} if source else value, to=to, k=k, where=where)
    found = [hit.as_dict() for hit in hits]
    inputs.emit({"query": query, "to": to, "hits": found}, hit_lines(hits, several=to is None))
