"""Translate the rows of a table into files or lines, block by block: memory does not grow with the table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from kuamo.cli.media_files import write_media
from kuamo.core.errors import TableError
from kuamo.data.modalities import Category, Number, Text
from kuamo.data.table import Table
from kuamo.space import Space

__all__ = ["translate_rows"]

BLOCK = 256
SAID = (Text, Category, Number)  # what can be printed rather than written into a file


def translate_rows(
    space: Space,
    rows: Table,
    to: Sequence[str],
    out: Path | None,
    *,
    n: int = 1,
    guidance: float | None = None,
    steps: int | None = None,
    chained: bool = False,
    project: bool = False,
    seed: int = 0,
    progress: Callable[[str, int, int], None] | None = None,
) -> dict[str, list[str]]:
    """Column → what was made, in rows' order: texts themselves, of everything else the files' names.

    Args:
        to: columns to make, all of one code. out: a folder, a folder in it for each column if they are several; texts
            alone need none.

    Raises:
        TableError: something else than texts, and no folder; a decoder that makes features alone.
        KuamoError: as `Space.translate`.
    """
    several = len(to) > 1
    for name in to:
        port = space.port(name)
        kind = type(port.modality).__name__
        if port.codec is None and kind != "Vector" and port.decoder is not None:
            raise TableError(
                f"given to={name!r}, whose decoder makes features, not what the column holds ({kind}); "
                f"expected a space fitted with --decode {name}"
            )
        if out is None and not isinstance(port.modality, SAID):
            raise TableError(f"given to={name!r}, which is {kind}, and no folder; expected --out, where files go")
    found: dict[str, list[str]] = {name: [] for name in to}
    for start in range(0, len(rows), BLOCK):
        part = rows.take(np.arange(start, min(start + BLOCK, len(rows))))
        made = space.translate(
            part,
            to=list(to),
            samples=n,
            seed=seed + start,
            guidance=guidance,
            steps=steps,
            chained=chained,
            project=project,
        )
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
