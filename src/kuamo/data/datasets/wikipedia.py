"""Wikipedia: pictures and articles as counts of visual words and as topics."""

from __future__ import annotations

from pathlib import Path

from kuamo.data.datasets.digits import check_split
from kuamo.data.datasets.folder import rows_of_folder
from kuamo.data.modalities import Vector
from kuamo.data.table import Table

__all__ = ["wikipedia"]


def wikipedia(path: str | Path | None = None, *, split: str = "train") -> Table:
    """2,173 (train) or 693 (test) featured articles: a picture's histogram of visual words, and the text's topics.

    Columns `image` (128 shares that sum to 1) and `text` (10 that do); `label` is one of ten categories, meta `split`
    the official one. Methods without supervision are judged by categories that they have not seen.

    Args:
        path: the folder of `wikipedia-train.parquet` and `wikipedia-test.parquet`; `None` for what the environment
            variable KUAMO_DATA names.
        split: "train" or "test".

    Raises:
        TableError: no data folder, an unknown split.

    References:
        A New Approach to Cross-Modal Multimedia Retrieval, Rasiwasia et al., 2010.
    """
    check_split(split)
    rows = rows_of_folder(path, f"wikipedia-{split}.parquet", ("image", "text", "category"))
    count = len(rows["category"])
    return Table(
        {"image": rows["image"], "text": rows["text"]},
        modalities={"image": Vector(), "text": Vector()},
        id=[f"{split}-{number}" for number in range(count)],
        label=rows["category"],
        meta={"split": [split] * count},
        source="wikipedia",
    )
