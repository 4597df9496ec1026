"""Options that several commands have, with their sentences of help."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["Encoding", "Import", "Json", "OnError", "Root", "Seed", "SpaceArgument", "TableArgument"]

TableArgument = Annotated[
    str, typer.Argument(help="A CSV, TSV, JSON-lines, Parquet or Arrow file, a folder, or the data set 'emoji'.")
]
SpaceArgument = Annotated[Path, typer.Argument(help="Folder of a saved space.")]
OnError = Annotated[
    str,
    typer.Option("--on-error", help="What to do with unreadable cells: 'raise' an error, or 'skip' and report them."),
]
Root = Annotated[
    Path | None, typer.Option(help="Folder that file names are relative to; names that lead outside of it are errors.")
]
Encoding = Annotated[str | None, typer.Option(help="Encoding of a text table that is not UTF-8, such as gb18030.")]
Seed = Annotated[int, typer.Option(min=0, help="Random seed.")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as one JSON object.")]
Import = Annotated[
    list[str] | None,
    typer.Option(
        "--import", help="Your own Python module, which defines MODALITIES and ENCODERS by column. Repeatable."
    ),
]
