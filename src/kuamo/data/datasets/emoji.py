"""Emoji: 1,636 concepts, each a picture, words for it in English and Chinese, and its spoken name."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files

from kuamo.data.datasets.folder import check_choice
from kuamo.data.modalities import Audio, Image, Modality, Text
from kuamo.data.table import Table

__all__ = ["emoji"]


PARTS = ("id", "group", "name", "keywords", "name_zh", "keywords_zh", "category", "voice")
COLUMNS = ("text", "image", "text_zh", "audio")


def emoji(*, columns: Sequence[str] = ("text", "image"), flags: bool = False) -> Table:
    """Noto emoji (64 px PNG) with their names and keywords in English and Chinese, and the English name spoken.

    In full: `emoji(columns=("text", "text_zh", "image", "audio"))`, the sounds at 16 kHz, in four voices in turn. The
    default is what a fit can encode without the extras `multilingual` and `audio`. Beside the columns: `id` is the code
    point, `groups` the concept, `meta` has `name`, `category` and `voice` (as eSpeak NG calls it).
    Pictures: Noto Emoji, Apache-2.0. Words: Unicode CLDR through emojibase, Unicode-3.0 and MIT. Voices: eSpeak NG.

    Args:
        columns: some of "text", "image", "text_zh", "audio".
        flags: also the 270 flags, which differ by little but their colours.

    Raises:
        TableError: an unknown column.

    Example:
        >>> table = emoji(columns=("text", "text_zh", "image", "audio"))
        >>> table
        Table: 1,636 rows; text: Text 1636/1636, text_zh: Text 1636/1636, image: Image 1636/1636, audio: Audio 1636/1636
        >>> sorted(table.meta), table.meta["category"][0]
        (['category', 'name', 'voice'], 'Symbols')
        >>> row = table[table.ids.index("1F427")]
        >>> row["text"], row["text_zh"]
        ('penguin: animal, antarctica, bird, ornithology', '企鹅：南极、南极洲')
    """
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    check_choice("columns", columns, COLUMNS)
    path = files("kuamo.data.datasets") / "data" / "emoji.parquet"
    rows = pq.read_table(str(path), columns=[*PARTS, *(name for name in ("image", "audio") if name in columns)])
    if not flags:
        rows = rows.filter(pc.not_equal(rows["category"], "Flags"))
    cells = rows.to_pydict()
    cells["text"] = [phrases(*row, ": ", ", ") for row in zip(cells["name"], cells["keywords"], strict=True)]
    cells["text_zh"] = [phrases(*row, "：", "、") for row in zip(cells["name_zh"], cells["keywords_zh"], strict=True)]
    kinds: dict[str, Modality] = {"text": Text(), "image": Image(), "text_zh": Text(), "audio": Audio()}
    return Table(
        {name: cells[name] for name in columns},
        modalities={name: kinds[name] for name in columns},
        id=cells["id"],
        group=cells["group"],
        meta={name: cells[name] for name in ("name", "category", "voice")},
        source="emoji",
    )


def phrases(name: str, keywords: Sequence[str], colon: str, comma: str) -> str:
    """The name, and its keywords if it has some."""
    return f"{name}{colon}{comma.join(keywords)}" if keywords else name
