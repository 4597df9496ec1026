"""The demonstration: emoji in text, Chinese, picture and sound; what was never seen is found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import kuamo as km
from kuamo.core.text_table import width
from kuamo.core.translation import deferred, say
from kuamo.data.table import Table
from kuamo.encoders import MultilingualE5, SpectralFeatures
from kuamo.evaluation.report import Report
from kuamo.index import Hit
from kuamo.space import Space

__all__ = ["Answers", "Demo", "run"]

QUERIES = ("a small animal", "something to eat", "a person at work", "music")
CHINESE = ("小动物", "水果", "下雨", "生气")


@dataclass(frozen=True)
class Answers:
    """What was asked of one column, and found in another: query, as people read it → hits."""

    asked: str
    to: str
    hits: dict[str, list[Hit]]


@dataclass(frozen=True)
class Demo:
    """The space, its report on concepts that it has not seen, and a few searches among them."""

    space: Space
    report: Report
    answers: list[Answers]

    def __str__(self) -> str:
        lines = [f"{self.space}\n", f"{self.report}\n"]
        for one in self.answers:
            lines.append(f"{say(one.asked)} → {say(one.to)}:")
            lines += [f"  {query}{' ' * (24 - width(query))} → {first_words(hits)}" for query, hits in one.hits.items()]
        shown = say("(A hit is shown by its English name; none of these concepts was seen in training.)")
        return "\n".join([*lines, shown])

    def as_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "notes": self.space.notes,
            "report": self.report.as_dict(),
            "answers": [
                {
                    "asked": one.asked,
                    "to": one.to,
                    "hits": {q: [hit.as_dict() for hit in h] for q, h in one.hits.items()},
                }
                for one in self.answers
            ],
        }


def columns() -> list[str]:
    """The columns of the emoji table that can be encoded here."""
    more: dict[str, Any] = {"text_zh": MultilingualE5, "audio": SpectralFeatures}
    return ["text", "image", *(name for name, encoder in more.items() if encoder.installed())]


def run(seed: int = 0, progress: Any = None) -> Demo:
    """Fit 1,336 emoji, evaluate on 300 concepts that were not seen, and search among these.

    Raises:
        TableError: no encoder for text or for pictures is installed.
    """
    train, test = km.datasets.emoji(columns=columns()).split(test=300, by="group", seed=seed)
    # Spectra alone: the network of sound effects, which is the default beside them, would add half to the demo's time.
    encoders = {"audio": SpectralFeatures()} if "audio" in train.columns else None
    space = km.fit(train, encoders=encoders, seed=seed, progress=progress)
    report = km.evaluate(space, test, progress=progress)
    return Demo(space, report, ask(space, test, progress))


def ask(space: Space, test: Table, progress: Any = None) -> list[Answers]:
    """A few searches of every kind."""
    index = space.index(test, progress=progress)
    names = test.meta["name"]
    rows = [len(test) * part // 5 for part in (1, 2, 3, 4)]

    def search(name: str, values: dict[str, Any], to: str) -> dict[str, list[Hit]]:
        return {query: index.search({name: value}, to=to, k=5) for query, value in values.items()}

    found = [Answers(deferred("a text"), deferred("image"), search("text", {q: q for q in QUERIES}, "image"))]
    if "text_zh" in test.columns:
        found.append(Answers(deferred("a Chinese text"), "image", search("text_zh", {q: q for q in CHINESE}, "image")))
    images = {names[i]: test[i]["image"] for i in rows}
    found.append(Answers(deferred("the image of"), deferred("text"), search("image", images, "text")))
    if "audio" in test.columns:
        sounds = {names[i]: test[i]["audio"] for i in rows}
        found.append(Answers(deferred("the spoken words"), "image", search("audio", sounds, "image")))
    return found


def first_words(hits: list[Hit]) -> str:
    """What was found, by what stands before the keywords."""
    return " | ".join(hit.show.split(":")[0] for hit in hits)
