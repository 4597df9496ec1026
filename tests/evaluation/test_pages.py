"""Laws of the page: it loads nothing, escapes everything, and says everything in both languages."""

from __future__ import annotations

import copy
import importlib
import json
import re
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import kuamo as km
from kuamo.core.messages import Note, label, localize, note_from_dict, note_to_dict
from kuamo.core.translation import LANGUAGES
from kuamo.evaluation.report import Report
from kuamo.evaluation.report_html import render_report
from kuamo.evaluation.results import Direction, Example, Preview
from kuamo.metrics import Interval
from plain import plain_space

sys.path.append(str(Path(__file__).parents[2] / "scripts"))
messages = importlib.import_module("messages")

HOSTILE = "<script>alert('x')</script>\"'><img src=x onerror=alert(1)>{{ 7*7 }}&amp;"
VOID = {"meta", "link", "img", "rect", "line", "path"}


class Reader(HTMLParser):
    """Collects tags, attributes and text, and checks that tags close in order."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.words: list[str] = []
        self.feed(page)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.words.append(data)

    def of(self, *tags: str) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.tags if tag in tags]


def every_note() -> list[Note]:
    """Each sentence there is, with values of the kinds that it takes."""
    known = {
        "column": "photo",
        "mime": "text/html",
        "why": Note("english"),
        "what": Note("vectors"),
        "encoder": "kuamo",
    }
    known |= {"method": "MRR", "kernel": Note("linear"), "norm": Note("before"), "limit": "9", "how": "`kuamo`"}
    known |= {"given": 7, "first": [Note("bad_row", row=3, why="9"), Note("more", count=4)]}
    known |= {"objective": "kuamo", "optimiser": "kuamo", "losses": "kuamo 0.1"}
    notes = messages.read("notes", "en").items()
    return [Note(key, **{f: known.get(f, 3) for f in re.findall(r"{(\w+)", en)}) for key, en in notes]


@pytest.fixture(scope="module")
def report() -> Report:
    """Texts, pictures, sounds and vectors, some found and some not."""
    rng = np.random.default_rng(0)
    rows = 40
    vectors = rng.standard_normal((rows, 3))
    rank = np.array([1, 3] * (rows // 2))
    ids = [f"r{i}" for i in range(rows)]
    picture = km.Image().preview(rng.integers(0, 255, (20, 20, 3), dtype=np.uint8))
    sound = km.Audio().preview(km.Audio().read((rng.standard_normal(900), 8000)))
    previews = {
        "text": {i: Preview("text/plain", f"a text, {i}".encode(), "a text") for i in ids},
        "photo": {i: Preview(*picture, "picture") for i in ids},
        "sound": {i: Preview(*sound, "sound") for i in ids},
        "pose": {i: Preview("text/plain", str(v).encode(), "vector") for i, v in zip(ids, vectors)},
    }
    examples = [Example("r0", 1, "r0", ["r0", "r1", "r2"], [True, False, False])]
    examples += [Example("r1", 30, "r1", ["r5", "r4", "r2"], [False] * 3)]
    pairs, intervals = {}, {}
    for a in previews:
        for b in previews:
            if a != b:
                pairs[f"{a}_to_{b}"] = Direction(a, b, ids, None, rows, "x", {"R@10": 0.25}, {"rank": rank}, examples)
                for metric in ("R@1", "R@10", "median_rank", "MRR", "mAP", "mAP@R", "nDCG@10"):
                    intervals[f"{a}_to_{b}_{metric}"] = Interval(0.5, 0.4, 0.6, rows)
    facts = {"rows": rows, "source": "pets", "positives": "group", "seed": 3}
    facts["space"] = {"dim": 8, "notes": ["chosen & why", *map(note_to_dict, every_note())]}
    return Report("title", intervals, [*every_note(), "by hand"], pairs, facts, previews)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_nothing_is_loaded_and_nothing_runs(report: Report, lang: str) -> None:
    page = Reader(render_report(report, lang))
    addresses = [value for _, attributes in page.tags for name, value in attributes.items() if name in ("src", "href")]
    assert addresses and all(str(address).startswith(("data:", "#")) for address in addresses)
    assert not page.of("script", "iframe", "object", "embed", "form", "base")
    assert not [name for _, attributes in page.tags for name in attributes if name.startswith("on")]
    assert not re.search(r"url\(|@import|https?:", render_report(report, lang))
    assert any("default-src 'none'" in str(meta.get("content")) for meta in page.of("meta"))


@pytest.mark.parametrize("lang", LANGUAGES)
def test_it_can_be_read_without_eyes_or_mouse(report: Report, lang: str) -> None:
    page = Reader(render_report(report, lang))
    assert page.of("html")[0]["lang"] == ("en" if lang == "en" else "zh-Hans")
    assert page.of("img") and all(image["alt"] for image in page.of("img"))
    assert page.of("audio") and all("controls" in sound and sound["aria-label"] for sound in page.of("audio"))
    assert all(head["scope"] in ("col", "row") for head in page.of("th")) and page.of("caption")
    assert len(page.of("details")) == len(page.of("summary")) == len(report.pairs)
    assert page.of("main")[0]["id"] == page.of("a")[0]["href"].strip("#")
    assert [attributes for attributes in page.of("div") if attributes.get("tabindex") == "0"]
    named = {attributes["id"] for _, attributes in page.tags if "id" in attributes}
    assert {section["aria-labelledby"] for section in page.of("section")} <= named
    bars = [attributes for attributes in page.of("div") if attributes.get("role") == "img"]
    assert len(bars) == 2 * len(report.pairs) and all(bar["aria-label"] for bar in bars)


def test_a_stored_note_is_the_same_again() -> None:
    for note in every_note():
        for again in (note_from_dict(json.loads(json.dumps(note_to_dict(note)))), copy.deepcopy(note)):
            assert again == note and localize("zh", again) == localize("zh", note) != note
    for key in ("of a newer kuamo", ""):
        with pytest.raises(KeyError):
            note_from_dict({"note": key})


def test_why_a_cell_cannot_be_read_is_told_in_both_languages(tmp_path: Path) -> None:
    """In words of the page, and stored; the English is that of the error, to the letter."""
    (tmp_path / "torn.png").write_bytes(b"\x89PNG\r\n\x1a\n torn")
    (tmp_path / "text.png").write_bytes(b"no picture")
    pictures = [tmp_path / "torn.png", tmp_path / "text.png", tmp_path / "gone.png", np.zeros((2, 2, 9))]
    rng = np.random.default_rng(0)
    poses = [[np.nan, 1.0], [1.0, 2.0, 3.0], "word", [np.inf, 0.0]]
    cells: dict[str, Any] = {
        "photo": pictures + list(rng.integers(0, 255, (40, 8, 8, 3), dtype=np.uint8)),
        "pose": poses + list(rng.normal(size=(40, 2))),
        "text": ["", " ", 3, "a cat"] + [f"a {word} cat" for word in range(40)],
    }
    table = km.Table(cells, modalities={"photo": km.Image(), "pose": km.Vector(2), "text": km.Text()}, on_error="skip")
    table.check()
    notes = table.skipped()
    bad = [one for note in notes for one in note.values["first"] if one.key == "bad_row"]  # type: ignore[attr-defined]
    assert len(bad) == 9 and [note.split(":")[0] for note in notes] == ["photo", "pose", "text"]
    for note in bad:
        words = localize("zh", note).replace(str(tmp_path), "")
        assert re.search("[\u4e00-\u9fff]{2,}", words.split("：", 1)[1]), words
        assert not re.search("(damaged|begins|file|position|vector|size|empty|array)", words), words
        assert note_from_dict(json.loads(json.dumps(note_to_dict(note)))) == note
    with pytest.raises(km.CellError) as error:
        km.Image().read(tmp_path / "gone.png")
    assert str(bad[2]) == f"row 2: given {error.value.given}" and "No such file or directory" in bad[2]


def test_notes_stay_what_they_are_in_store(tmp_path: Path) -> None:
    """In a space and in a report; and what an older kuamo has stored, as plain English, can still be read."""
    table = km.datasets.toy(rows=120, seed=0)
    space = km.fit(table, km.CCA(dim=4), seed=0)
    space.notes.append("by hand")
    space.save(tmp_path / "s")
    loaded = km.Space.load(tmp_path / "s")
    assert loaded.notes == space.notes and [localize("zh", note) for note in loaded.notes][-1] == "by hand"
    report = km.evaluate(loaded, table)
    report.notes.append(Note("remark_groups", count=7))
    report.save(tmp_path / "r.json")
    assert "重抽样" in render_report(Report.load(tmp_path / "r.json"), "zh")
    assert "闭式" not in render_report(report, "zh") and "岭参数" in render_report(
        Report.load(tmp_path / "r.json"), "zh"
    )

    config = json.loads((tmp_path / "s" / "config.json").read_text())
    (tmp_path / "s" / "config.json").write_text(json.dumps(config | {"format": 1, "notes": list(space.notes)}))
    old = km.Space.load(tmp_path / "s")
    assert old.notes == space.notes and localize("zh", old.notes[0]) == space.notes[0]
    plain = json.loads((tmp_path / "r.json").read_text())
    plain |= {"format": 1, "notes": [str(note) for note in report.notes]}
    plain["facts"] |= {
        "space": {"dim": 4, "notes": list(space.notes)},
        "remarks": [{"key": "remark_groups", "values": {"count": 7}}],
    }
    (tmp_path / "r.json").write_text(json.dumps(plain))
    assert "重抽样" in render_report(Report.load(tmp_path / "r.json"), "zh")


def test_the_chinese_page_has_no_english_sentence(report: Report) -> None:
    """What is left when user content and names of metrics are gone is Chinese."""
    words = " ".join(Reader(render_report(report, "zh")).words)
    words = re.sub(r"(km|space|table)(\.\w+)+(\([^)]*\))?|KUAMO_\w+|EfficientNetLite0|`\w+`|size=|dim=", " ", words)
    words = re.sub(
        r"\b(encoders|training|decoders|modalities|download|query|score|positives|shared|keep)=[^\s，；。：）]*",
        " ",
        words,
    )
    for known in (
        "text",
        "photo",
        "sound",
        "pose",
        "pets",
        "chosen & why",
        "by hand",
        "a text",
        "kuamo",
        "fit",
        "html",
        "--import",
        km.__version__,
    ):
        words = words.replace(known, " ")
    words = re.sub(
        r"decoders=\{[^}]*\}|TextRNN|TextToSpeech|Caption|espeak-ng|Flow|ImagePCA", " ", words
    )  # what one types
    words = re.sub(
        r"r\d+|R@\w+|mAP(@R)?|MRR|nDCG@\d+|log|MB|ImageNet|MiniLM|CPU|NaN|Sinkhorn|Wilson|InfoNCE|CCA|"
        r"Procrustes|Holm|Hugging Face|Arrow|softmax",
        " ",
        words,
    )
    assert sorted(set(re.findall("[a-zA-Z]{3,}", words))) == []
    english = " ".join(Reader(render_report(report, "en")).words)
    assert not re.search("[\u4e00-\u9fff\uff00-\uffef]", english)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_hostile_strings_stay_text(lang: str, tmp_path: Path) -> None:
    """In cells, ids, column names, sources, notes, and media types and previews of a file that somebody sent."""
    z = np.random.default_rng(1).standard_normal((150, 4))
    texts = [f"{HOSTILE} {i % 50}" for i in range(150)]
    column = f"a{HOSTILE}"
    table = km.Table({column: texts, "b": z}, id=[f"{HOSTILE}{i}" for i in range(150)], source=f"dir/{HOSTILE}.csv")
    space = km.fit(table, encoders={column: Letters()}, seed=0)
    space.notes.append(HOSTILE)
    report = km.evaluate(space, table)
    report.notes.append(HOSTILE)
    report.save(tmp_path / "r.json")
    report = Report.load(tmp_path / "r.json")
    evil = Preview("text/html", b"<script>alert(1)</script>", HOSTILE)
    svg = Preview("image/svg+xml", b"<svg onload='alert(1)'/>", HOSTILE)
    quotes = Preview('image/png" onerror="alert(1)', b"x", HOSTILE)
    for cells in report.previews.values():
        for row, preview in zip(list(cells), [evil, svg, quotes], strict=False):
            cells[row] = preview
    report.save(tmp_path / "r.html", lang=lang)
    page = Reader((tmp_path / "r.html").read_text("utf-8"))
    assert not page.of("script", "img", "svg onload")
    assert not [name for _, attributes in page.tags for name in attributes if name.startswith("on")]
    assert HOSTILE in " ".join(page.words) and "49" not in re.findall(r"onerror=alert\(1\)>(\d+)", " ".join(page.words))


class Letters:
    """A frozen encoder of texts that needs no weights."""

    fingerprint = "letters/1"

    def prepare(self, value: str) -> np.ndarray:
        return np.random.default_rng(len(value) + sum(map(ord, value))).standard_normal(6).astype(np.float32)

    def __call__(self, batch: list) -> np.ndarray:
        return np.asarray(batch, dtype=np.float32)


def test_a_report_of_bare_numbers_has_a_page_too() -> None:
    page = render_report(Report("bare <b>", {"x": Interval(0.5, 0.4, 0.6, 3)}, ["by hand"]), "zh")
    assert "bare &lt;b&gt;" in page and "by hand" in page and "0.500" in page
    Reader(page)


def test_perfect_and_hopeless_pairs_say_so() -> None:
    same = np.ones((12, 4))
    perfect = render_report(km.evaluate(plain_space("a", "b", dim=12), km.Table({"a": np.eye(12), "b": np.eye(12)})))
    hopeless = render_report(km.evaluate(plain_space("a", "b", dim=4), km.Table({"a": same, "b": same})))
    assert (
        label("en", "no_misses").replace("'", "&#39;") in perfect
        and "the first result is relevant for 12 of 12" in perfect
    )
    assert (
        label("en", "no_hits").replace("'", "&#39;") in hopeless
        and "the first result is relevant for 0 of 12" in hopeless
    )
