"""ESC-10: five-second recordings of ten kinds of sound."""

from __future__ import annotations

from pathlib import Path

from kuamo.data.datasets.folder import rows_of_folder
from kuamo.data.modalities import Audio, Text
from kuamo.data.table import Table

__all__ = ["esc10"]


def esc10(path: str | Path | None = None) -> Table:
    """Sounds (5 s, 44.1 kHz) and the names of their kinds.

    Columns `audio` and `text`; `label` is the kind, `group` the clip that a sound was cut from, meta `fold` the
    official fold. Right answers are those of the same label: `evaluate(…, positives="label")`.
    Sounds: ESC-10, CC-BY-3.0.

    Args:
        path: the folder of `esc10.parquet`; `None` for what the environment variable KUAMO_DATA names.

    Raises:
        TableError: no data folder.

    References:
        ESC: Dataset for Environmental Sound Classification, Piczak, 2015.
    """
    rows = rows_of_folder(path, "esc10.parquet", ("audio", "text", "fold", "source"))
    return Table(
        {"audio": rows["audio"], "text": rows["text"]},
        modalities={"audio": Audio(), "text": Text()},
        group=rows["source"],
        label=rows["text"],
        meta={"fold": rows["fold"]},
        source="esc10",
    )
