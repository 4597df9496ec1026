"""`kuamo translate`: cells of a query or of a table's rows into files or lines, block by block.

kuamo translate pets.space "a sleeping cat" --to image -n 4 --out made
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from kuamo.cli.inputs import Inputs, with_inputs
from kuamo.cli.media_files import check_media_out, write_media
from kuamo.cli.options import Seed, SpaceArgument
from kuamo.cli.terminal import open_array
from kuamo.core.errors import TableError
from kuamo.data.modalities import Category, Number, Text, Vector
from kuamo.data.table import Table
from kuamo.space import Space

__all__ = ["translate", "translate_rows"]

BLOCK = 256
SAID = (Text, Category, Number)  # what can be printed rather than written into a file


def translate_rows(
    space: Space,
    rows: Table,
    to: Sequence[str],
    out: Path | None,
    options: Mapping[str, Any],
    seed: int = 0,
    progress: Callable[[str, int, int], None] | None = None,
) -> dict[str, list[str]]:
    """Column → what was made, in rows' order: texts themselves, of everything else the files' names.

    Args:
        to: columns to make, all of one code. out: a folder, a folder in it for each column if they are several; texts
            alone need none. options: what else `Space.translate` takes.
    """
    several = len(to) > 1
    for name in to:
        port = space.port(name)
        kind = type(port.modality).__name__
        if port.codec is None and kind != "Vector" and port.decoder is not None:
            able = [one.name for one in space.ports if one.codec is not None or type(one.modality) is Vector]
            others = f"one of {able}, or " if able else ""
            raise TableError(
                f"column {name!r} has no decoder that generates {kind} (only features); expected {others}"
                f"a space fitted with --decode {port.name}"
            )
        if out is None and not isinstance(port.modality, SAID):
            raise TableError(f"column {name!r}: --out is missing, the folder that files ({kind}) are written into")
    found: dict[str, list[str]] = {name: [] for name in to}
    for start in range(0, len(rows), BLOCK):
        part = rows.take(np.arange(start, min(start + BLOCK, len(rows))))
        made = space.translate(part, to=list(to), seed=seed + start, **options)
        for name, draws in made.items():
            found[name] += write_generated(space, name, part, draws, out / name if out and several else out)
        if progress:
            progress("translate", start + len(part), len(rows))
    return found


def write_generated(space: Space, name: str, rows: Table, draws: Any, out: Path | None) -> list[str]:
    """Texts, or the names of the files that now hold what was made."""
    port = space.port(name)
    lines = []
    if isinstance(port.modality, SAID):
        lines = [one if isinstance(one, str) else port.modality.show(one) for each in draws for one in each]
    if out is None:
        return lines
    files = [str(path) for path in write_media(out, rows.ids, [list(each) for each in draws], port.modality)]
    return lines or files


@with_inputs()
def translate(
    space: SpaceArgument,
    to: Annotated[
        list[str],
        typer.Option(
            "--to",
            help="Target column, which needs a decoder (see `kuamo fit --decode`). Repeatable: all targets are "
            "generated from the same code.",
        ),
    ],
    query: Annotated[
        str | None,
        typer.Argument(help="Query: a text, or the path of a file (an array as .npy). For many rows use --table."),
    ] = None,
    source: Annotated[
        str | None, typer.Option("--from", help="Column that the query belongs to. Default: guessed from the query.")
    ] = None,
    beside: Annotated[
        list[str] | None,
        typer.Option(
            "--with", help="Another cell of the query's row, such as 'tone=dark'. Repeatable; requires --from."
        ),
    ] = None,
    table: Annotated[str | None, typer.Option(help="Translate every row of this table instead of one query.")] = None,
    n: Annotated[int, typer.Option("-n", help="Number of samples.")] = 1,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Output folder for PNG, WAV, TXT or NPY files.")
    ] = None,
    guidance: Annotated[
        float | None,
        typer.Option(
            help=(
                "Guidance scale of a flow decoder: higher follows the query more closely, lower is more diverse; 1 is "
                "the learned distribution."
            )
        ),
    ] = None,
    steps: Annotated[
        int | None, typer.Option(help="Steps in which a flow decoder generates a value: more is finer and slower.")
    ] = None,
    chained: Annotated[
        bool,
        typer.Option(
            "--chained",
            help="With several --to: generate each target from the ones before it too, so that they are consistent.",
        ),
    ] = False,
    project: Annotated[
        bool,
        typer.Option(
            "--project",
            help=(
                "Project the code onto codes of training rows; for queries unlike the training data, such as a new "
                "voice."
            ),
        ),
    ] = False,
    seed: Seed = 0,
    *,
    inputs: Inputs,
) -> None:
    """Translate one modality into another: text → image, image → audio, audio → text."""
    if query is None and table is None:
        raise TableError("a query is missing, or --table; expected one of them")
    if query is not None and table is not None:
        raise TableError(f"given the query {query!r} and --table {table!r}; expected one of them")
    if out:
        check_media_out(out)
    loaded = inputs.space(space)
    if table is None:
        assert query is not None
        value = open_array(query) if query.endswith(".npy") else query
        if beside and not source:
            raise TableError("--from is missing; expected the query's own column beside --with")
        rows = loaded.as_table([{**named_cells(beside or []), source: value} if source else value])
    else:
        rows = inputs.table(table)
        rows = rows.select(source) if source else rows.select(*(name for name in rows.columns if name not in to))
    options = {"samples": n, "guidance": guidance, "steps": steps, "chained": chained, "project": project}
    with inputs.progress() as progress:
        found = translate_rows(loaded, rows, to, out, options, seed, progress)
    inputs.emit({"made": found}, "\n".join(line for name in to for line in found[name]))


def named_cells(said: list[str]) -> dict[str, str]:
    """Column → cell, of words such as "tone=dark"."""
    cells: dict[str, str] = {}
    for word in said:
        column, equals, value = word.partition("=")
        if not (column and equals) or column in cells:
            raise TableError(f"given --with {word!r}; expected COLUMN=VALUE, each column once")
        cells[column] = value
    return cells
