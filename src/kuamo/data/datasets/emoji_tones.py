"""Emoji of people in five skin tones: the same picture with one thing about it changed."""

from __future__ import annotations

import io
from collections.abc import Sequence
from importlib.resources import files

import numpy as np

from kuamo.data.datasets.folder import check_choice
from kuamo.data.modalities import Image, Modality, Text
from kuamo.data.table import Table

__all__ = ["TONES", "emoji_tones"]

TONES = {
    "light skin tone": "较浅肤色",
    "medium-light skin tone": "中等-浅肤色",
    "medium skin tone": "中等肤色",
    "medium-dark skin tone": "中等-深肤色",
    "dark skin tone": "较深肤色",
}
COLUMNS = ("text", "text_zh", "tone", "tone_zh", "base", "image")
SIDE = 64


def emoji_tones(*, columns: Sequence[str] = ("text", "tone", "base", "image")) -> Table:
    """316 gestures in five skin tones: 1,580 rows of a name, a tone, the picture without a tone, and that with it.

    `groups` is the gesture, `label` gesture and tone, `meta` has `gesture` and `tone` as numbers and `category`.
    Pictures: Noto Emoji (64 px), Apache-2.0. Words: Unicode CLDR through emojibase, Unicode-3.0 and MIT.

    Args:
        columns: some of "text", "text_zh", "tone", "tone_zh", "base", "image".

    Raises:
        TableError: an unknown column.

    Example:
        >>> table = emoji_tones()
        >>> table
        Table: 1,580 rows; text: Text 1580/1580, tone: Text 1580/1580, base: Image 1580/1580, image: Image 1580/1580
        >>> row = table[table.ids.index("1F44B/3")]
        >>> row["text"], row["tone"], row["image"].shape
        ('waving hand', 'medium-dark skin tone', (64, 64, 3))
    """
    import pyarrow.parquet as pq

    check_choice("columns", columns, COLUMNS)
    known = pq.read_table(str(files("kuamo.data.datasets") / "data" / "emoji-tones.parquet")).to_pydict()
    gesture, tone = np.repeat(np.arange(len(known["id"])), len(TONES)), np.tile(np.arange(len(TONES)), len(known["id"]))
    english, chinese = list(TONES), list(TONES.values())
    cells: dict[str, list[object]] = {
        "text": [known["name"][g] for g in gesture],
        "text_zh": [known["name_zh"][g] for g in gesture],
        "tone": [english[t] for t in tone],
        "tone_zh": [chinese[t] for t in tone],
    }
    if "base" in columns or "image" in columns:
        parts = [pictures(strip) for strip in known["strip"]]
        cells["base"] = [parts[g][0] for g in gesture]
        cells["image"] = [parts[g][1 + t] for g, t in zip(gesture, tone, strict=True)]
    kinds: dict[str, Modality] = {name: Image() if name in ("base", "image") else Text() for name in COLUMNS}
    ids = [f"{known['id'][g]}/{t}" for g, t in zip(gesture, tone, strict=True)]
    return Table(
        {name: cells[name] for name in columns},
        modalities={name: kinds[name] for name in columns},
        id=ids,
        group=[known["id"][g] for g in gesture],
        label=ids,
        meta={
            "gesture": [int(g) for g in gesture],
            "tone": [int(t) for t in tone],
            "category": [known["category"][g] for g in gesture],
        },
        source="emoji-tones",
    )


def pictures(strip: bytes) -> list[np.ndarray]:
    """The pictures (64, 64, 3) that lie side by side in one, on white."""
    from PIL import Image as pil

    whole = Image().read(pil.open(io.BytesIO(strip)))
    return [np.ascontiguousarray(whole[:, at : at + SIDE]) for at in range(0, whole.shape[1], SIDE)]
