"""Build `src/kuamo/data/datasets/data/emoji.parquet` from two npm packages and a speaking program.

    npm pack emoji-datasource-google@16.0.0 emojibase-data@17.0.0     # then unpack each into a folder
    apt install espeak-ng                                             # 1.51 spoke the file that is there
    python scripts/build_emoji.py EMOJI_DATASOURCE_GOOGLE/package EMOJIBASE_DATA/package

Pictures: Noto Emoji, Apache-2.0. Names and keywords: Unicode CLDR through emojibase, Unicode-3.0 and MIT.
Sounds: the English name, spoken by eSpeak NG in four voices in turn, two of each sex, 16 kHz, Opus at about 16 kbit/s.
"""

import io
import json
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import soundfile
import soxr

# eSpeak NG 1.51 takes "en-gb+f2" for "en-gb" without a word; by its file, "gmw/en", the variant is heeded.
VOICES = ("en-us", "en-us+f3", "en-gb", "gmw/en+f2")
OUT = Path(__file__).parents[1] / "src/kuamo/data/datasets/data/emoji.parquet"


def names(folder: Path, language: str) -> dict[str, dict]:
    """Code point without variation selectors → the emojibase record (name, keywords) in one language."""
    records = json.loads((folder / language / "data.json").read_text("utf-8"))
    return {plain(record["hexcode"]): record for record in records}


def plain(code: str) -> str:
    return "-".join(part for part in code.upper().split("-") if part != "FE0F")


def spoken(text: str, voice: str) -> bytes:
    """A text as a small Opus file."""
    command = ["espeak-ng", "-v", voice, "--stdout", text]
    wave = subprocess.run(command, check=True, capture_output=True).stdout
    samples, rate = soundfile.read(io.BytesIO(wave), dtype="float32")
    out = io.BytesIO()
    samples = soxr.resample(samples, rate, 16000)
    soundfile.write(out, samples, 16000, format="OGG", subtype="OPUS", compression_level=0.97)
    return out.getvalue()


def build(pictures: Path, words: Path) -> pa.Table:
    english, chinese = names(words, "en"), names(words, "zh")
    rows = []
    for item in json.loads((pictures / "emoji.json").read_text("utf-8")):
        code = plain(item["unified"])
        picture = pictures / "img/google/64" / item["image"]
        if item["category"] == "Component" or not picture.exists():
            continue
        en, zh = english[code], chinese[code]
        rows.append(
            {
                "id": item["unified"],
                "group": code,
                "name": en["label"],
                "keywords": en.get("tags", []),
                "name_zh": zh["label"],
                "keywords_zh": zh.get("tags", []),
                "category": item["category"],
                "image": picture.read_bytes(),
            }
        )
    rows.sort(key=lambda row: row["id"])
    for number, row in enumerate(rows):
        row["voice"] = VOICES[number % len(VOICES)]
        row["audio"] = spoken(row["name"], row["voice"])
    return pa.Table.from_pylist(rows)


if __name__ == "__main__":
    table = build(Path(sys.argv[1]), Path(sys.argv[2]))
    pq.write_table(table, OUT, compression="zstd")
    print(f"{OUT}: {table.num_rows} rows, {OUT.stat().st_size / 1e6:.1f} MB")
