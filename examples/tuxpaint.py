"""A folder that nobody made for machines: Tux Paint's stamps as one table of pictures, texts, speech and sounds.

Each stamp is a picture; beside it lie what it is in many languages, that sentence spoken, and for some the sound that
the thing makes. Hardly a row is complete, which is what kuamo is for. The files are read where they are installed:

    sudo apt-get install tuxpaint-stamps-default        # 161 MB, GPL-2 and public domain; nothing of it is copied
    python examples/tuxpaint.py --rows 400

Learns from four fifths of the rows, evaluates every ordered pair of columns on the rest, and searches a few.
"""

import argparse
from pathlib import Path

import numpy as np

import kuamo as km

STAMPS = "/usr/share/tuxpaint/stamps"
LANGUAGES = ("be", "bg", "ca", "el", "es", "fr", "ro", "ru")  # that most stamps are spoken in
QUERIES = (
    ("text", "an animal that lives in water"),
    ("text", "something that flies"),
    ("text_zh", "一种水果"),
    ("text_zh", "乐器"),
)


def words(path: Path) -> dict[str, str]:
    """Language → what the stamp is; the first line is English, the others are `fr.utf8=Une grenouille.`"""
    first, *others = path.read_text("utf-8", "replace").splitlines() or [""]
    pairs = (line.split(".utf8=", 1) for line in others if ".utf8=" in line)
    known = {language.strip(): text.strip() for language, text in pairs}
    return {name: text for name, text in ({"en": first.strip()} | known).items() if text}


def beside(path: Path, *endings: str) -> Path | None:
    """The first file of the same stamp with one of these endings, or nothing."""
    found = (path.with_name(path.stem + ending) for ending in endings)
    return next((file for file in found if file.exists() and file.stat().st_size), None)


def stamps(folder: Path, language: str) -> km.Table:
    """One row for each stamp that has words; empty cells are absent. Stamps of one English name are one group."""
    files = [path for path in sorted(folder.rglob("*.txt")) if "en" in words(path)]
    said = [words(path) for path in files]
    columns = {
        "image": [beside(path, ".png") for path in files],
        "text": [each["en"] for each in said],
        "text_zh": [each.get("zh_CN") for each in said],
        f"text_{language}": [each.get(language) for each in said],
        f"speech_{language}": [beside(path, f"_desc_{language}.ogg", f"_desc_{language}.wav") for path in files],
        "sound": [beside(path, ".ogg", ".wav") for path in files],
    }
    kinds = {name: {"i": km.Image(), "t": km.Text()}.get(name[0], km.Audio()) for name in columns}
    return km.Table(
        columns,
        modalities=kinds,
        id=[str(path.relative_to(folder).with_suffix("")) for path in files],
        group=[each["en"] for each in said],
        source="Tux Paint's stamps",
    )


def main() -> None:
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("--folder", type=Path, default=Path(STAMPS), help="where the stamps are installed")
    options.add_argument("--language", default="fr", choices=LANGUAGES, help="of the third text and of the speech")
    options.add_argument("--rows", type=int, default=400, help="how many stamps, drawn by the seed; 0 for all 952")
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--page", type=Path, help="also write the report as one HTML page")
    given = options.parse_args()
    if not given.folder.is_dir():
        options.exit(2, f"{given.folder}: no such folder; expected `sudo apt-get install tuxpaint-stamps-default`\n")
    table = stamps(given.folder, given.language)
    if 0 < given.rows < len(table):
        table = table.take(np.sort(np.random.default_rng(given.seed).permutation(len(table))[: given.rows]))
    print(table)
    train, test = table.split(test=0.2, by="group", seed=given.seed)
    space = km.fit(train, seed=given.seed)
    print(space)
    report = km.evaluate(space, test, cutoffs=(1, 10), examples=6 if given.page else 0)
    print(report)
    if given.page:
        report.save(given.page)
    index = space.index(table)
    asked = [({column: text}, text) for column, text in QUERIES]
    heard = [row for row in range(len(test)) if test[row]["sound"] is not None][:3]
    asked += [({"sound": test[row]["sound"]}, f"the sound of {test.ids[row]}") for row in heard]
    for query, shown in asked:
        print(f"{shown} → " + ", ".join(hit.id for hit in index.search(query, to="image", k=4)))


if __name__ == "__main__":
    main()
