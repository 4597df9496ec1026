"""Options that several commands have, with their sentences of help."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["Encoding", "Import", "Json", "OnError", "Root", "Seed", "SpaceArgument", "TableArgument"]

TableArgument = Annotated[
    str, typer.Argument(help="A CSV, TSV, JSON-lines, Parquet or Arrow file, a folder, or 'emoji'.")
]
SpaceArgument = Annotated[Path, typer.Argument(help="The folder of a saved space.")]
OnError = Annotated[
    str, typer.Option("--on-error", help="A cell that cannot be read: 'raise', or 'skip' it and say so.")
]
Root = Annotated[
    Path | None, typer.Option(help="Where names of files start; with it, a name that leads out of it is an error.")
]
Encoding = Annotated[str | None, typer.Option(help="Of a text table that is not UTF-8, such as gb18030.")]
Seed = Annotated[int, typer.Option(min=0, help="Of everything random.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object, for machines.")]
Import = Annotated[
    list[str] | None,
    typer.Option("--import", help="A Python module of yours that defines MODALITIES and ENCODERS by column."),
]
