"""Build `src/kuamo/data/datasets/data/emoji-tones.parquet` from two npm packages: emoji of people in five skin tones.

    npm pack emoji-datasource-google@16.0.0 emojibase-data@17.0.0     # then unpack each into a folder
    python scripts/build_tones.py EMOJI_DATASOURCE_GOOGLE/package EMOJIBASE_DATA/package

A row is a gesture, its picture without a tone and the five with one, side by side: a strip of 6 × 64 pixels of width,
as lossless WebP, which is three fifths of the six PNGs, since they have most in common.
Pictures: Noto Emoji, Apache-2.0. Names: Unicode CLDR through emojibase, Unicode-3.0 and MIT.
"""

import io
import json
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from build_emoji import names, plain
from PIL import Image

TONES = ("1F3FB", "1F3FC", "1F3FD", "1F3FE", "1F3FF")
OUT = Path(__file__).parents[1] / "src/kuamo/data/datasets/data/emoji-tones.parquet"


def strip(files: list[Path]) -> bytes:
    """Pictures side by side, as lossless WebP."""
    out = io.BytesIO()
    pixels = np.concatenate([np.asarray(Image.open(file).convert("RGBA")) for file in files], axis=1)
    Image.fromarray(pixels).save(out, "WEBP", lossless=True, quality=100, method=6)
    return out.getvalue()


def build(pictures: Path, words: Path) -> pa.Table:
    english, chinese = names(words, "en"), names(words, "zh")
    rows = []
    for item in json.loads((pictures / "emoji.json").read_text("utf-8")):
        tinted = item.get("skin_variations") or {}
        if not all(tone in tinted for tone in TONES):
            continue  # no tone at all, or only pairs of people
        images = [item["image"], *(tinted[tone]["image"] for tone in TONES)]
        code = plain(item["unified"])
        rows.append(
            {
                "id": code,
                "name": english[code]["label"],
                "name_zh": chinese[code]["label"],
                "category": item["subcategory"],
                "strip": strip([pictures / "img/google/64" / image for image in images]),
            }
        )
    return pa.Table.from_pylist(sorted(rows, key=lambda row: row["id"]))


if __name__ == "__main__":
    table = build(Path(sys.argv[1]), Path(sys.argv[2]))
    pq.write_table(table, OUT, compression="zstd")
    print(f"{OUT}: {table.num_rows} rows, {OUT.stat().st_size / 1e6:.1f} MB")
