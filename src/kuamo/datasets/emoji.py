"""Emoji: 1,636 concepts, each a picture and words for it."""

from __future__ import annotations

from importlib.resources import files

from kuamo.modalities import Image, Text
from kuamo.table import Table

__all__ = ["emoji"]


def emoji(*, flags: bool = False) -> Table:
    """Noto emoji (64 px PNG) with their English name and keywords.

    Columns `text` and `image`; `id` is the code point, `group` the concept; meta `name` and `category`.
    Pictures: Noto Emoji, Apache-2.0. Words: Unicode CLDR through emojibase, Unicode-3.0 and MIT.

    Args:
        flags: also the 270 flags, which differ by little but their colours.

    Example:
        >>> table = emoji()
        >>> table
        Table: 1,636 rows; text: Text 1636/1636, image: Image 1636/1636
        >>> table[table.ids.index("1F427")]["text"]
        'penguin: animal, antarctica, bird, ornithology'
    """
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    path = files("kuamo.datasets") / "data" / "emoji.parquet"
    rows = pq.read_table(str(path))
    if not flags:
        rows = rows.filter(pc.not_equal(rows["category"], "Flags"))
    cells = rows.to_pydict()
    texts = [
        f"{name}: {', '.join(words)}" if words else name
        for name, words in zip(cells["name"], cells["keywords"], strict=True)
    ]
    return Table(
        {"text": texts, "image": cells["image"]},
        modalities={"text": Text(), "image": Image()},
        id=cells["id"],
        group=cells["group"],
        meta={"name": cells["name"], "category": cells["category"]},
        source="emoji",
    )
