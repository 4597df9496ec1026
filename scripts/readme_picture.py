"""The picture in the README: texts of concepts that were never seen, and the pictures they find among 300.

    python scripts/readme_picture.py docs/emoji-search.png

Which texts is a matter of the seed, not of taste; the right picture has a frame, where it is among the first eight.
"""

import sys

import numpy as np
from PIL import Image, ImageDraw, ImageFont

import kuamo as km

ROWS, HITS, CELL, TEXT = 7, 8, 60, 270
INK, FRAME, GROUND = (40, 40, 45), (30, 150, 80), (255, 255, 255)


def main(out: str, seed: int = 0) -> None:
    train, test = km.datasets.emoji().split(test=300, by="group", seed=seed)
    index = km.fit(train, seed=seed).index(test)
    place = {name: row for row, name in enumerate(test.ids)}
    picture = Image.new("RGB", (TEXT + HITS * CELL, ROWS * CELL), GROUND)
    draw, font = ImageDraw.Draw(picture), ImageFont.load_default(15)
    for line, row in enumerate(np.random.default_rng(seed).permutation(len(test))[:ROWS]):
        text, top = str(test[int(row)]["text"]), line * CELL
        draw.text((8, top + CELL // 2), text.split(":")[0][:34], INK, font, anchor="lm")
        for rank, hit in enumerate(index.search({"text": text}, to="image", k=HITS)):
            found, left = place[hit.id], TEXT + rank * CELL
            cell = Image.fromarray(next(test.values("image", [found]))).convert("RGB").resize((CELL - 16, CELL - 16))
            picture.paste(cell, (left + 8, top + 8))
            if found == row:
                draw.rectangle((left + 2, top + 2, left + CELL - 3, top + CELL - 3), outline=FRAME, width=3)
    picture.quantize(200).save(out, optimize=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
