"""A report as a JSON file: what each query got is one line of numbers, ids are written once, previews are base64."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from kuamo.core.messages import Note, note_from_dict, note_to_dict
from kuamo.core.old_names import current_metric, current_note
from kuamo.core.ownership import marker, sealed
from kuamo.evaluation.results import Direction, Example, GeneratedExample, GenerationResult, Preview
from kuamo.metrics import Interval

__all__ = ["FORMAT", "dump", "fields_of"]

FORMAT = 2  # 1: every note was its English text, and facts["remarks"] named the remark that some were


def dump(
    figures: Mapping[str, Any],
    notes: list[str],
    shown: Sequence[str],
    facts: Mapping[str, Any],
    pairs: Mapping[str, Direction],
    makings: Mapping[str, GenerationResult],
    previews: Mapping[str, Mapping[str, Preview]],
) -> str:
    """A report's fields as JSON text."""
    ids = list(dict.fromkeys(query for pair in pairs.values() for query in pair.query))
    number = {query: i for i, query in enumerate(ids)}
    data = {
        **marker("report", FORMAT),
        **figures,
        "notes": note_to_dict(notes),
        "shown": list(shown),
        "facts": facts,
        "rows": ids,
        "pairs": {task: _plain_pair(pair, number) for task, pair in pairs.items()},
        "makings": {task: _plain_making(making) for task, making in makings.items()},
        "previews": {
            column: {row: _plain_preview(preview) for row, preview in cells.items()}
            for column, cells in previews.items()
        },
    }
    return _lay_out(sealed(data))


def fields_of(data: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a report; see `Report.load`."""
    return {
        "title": str(data["title"]),
        "intervals": {current_metric(name): interval_of(interval) for name, interval in data["measures"].items()},
        "notes": _notes(data),
        "pairs": {task: _pair(pair, data["rows"]) for task, pair in data["pairs"].items()},
        "facts": dict(data["facts"]),
        "previews": {
            column: {row: _preview(preview) for row, preview in cells.items()}
            for column, cells in data["previews"].items()
        },
        "shown": tuple(map(current_metric, data["shown"])),
        "makings": {task: _making(making) for task, making in data.get("makings", {}).items()},
    }


def interval_of(plain: Mapping[str, Any]) -> Interval:
    """An interval of a file.

    Raises:
        TypeError: it holds other than numbers.
    """
    return Interval(**{name: value + 0 for name, value in plain.items()})


def _notes(data: Mapping[str, Any]) -> list[str]:
    known = [Note(current_note(remark["key"]), **remark["values"]) for remark in data["facts"].get("remarks", [])]
    notes = {str(note): note for note in known}
    note_from_dict(data["facts"].get("space", {}).get("notes", []))  # a page will need them
    return [notes.get(note, note) for note in map(_word, note_from_dict(list(data["notes"])))]


def _word(note: Any) -> str:
    if not isinstance(note, str):
        raise TypeError(f"a note of {type(note).__name__}")
    return note


def _example(plain: Mapping[str, Any]) -> Example:
    found, correct = [_word(one) for one in plain["found"]], [bool(one) for one in plain["correct"]]
    return Example(_word(plain["query"]), int(plain["rank"]), _word(plain["right"]), found, correct)


def _plain_pair(pair: Direction, number: Mapping[str, int]) -> dict[str, Any]:
    return {
        "source": pair.source,
        "target": pair.target,
        "gallery": pair.gallery,
        "gallery_sha256": pair.gallery_sha256,
        "chance": pair.chance,
        "query": [number[query] for query in pair.query],
        "group": None if pair.group is None else pair.group.tolist(),
        "values": {name: _numbers(values) for name, values in pair.values.items()},
        "examples": [asdict(example) for example in pair.examples],
    }


def _pair(plain: Mapping[str, Any], ids: list[str]) -> Direction:
    kept = {name: plain[name] for name in ("source", "target", "gallery", "gallery_sha256")}
    chance = {str(name): float(share) for name, share in plain["chance"].items()}
    values = {
        name: np.asarray(numbers, dtype=np.int64 if name == "rank" else np.float32)
        for name, numbers in plain["values"].items()
    }
    if {len(numbers) for numbers in values.values()} != {len(plain["query"])} or "rank" not in values:
        raise ValueError("values and queries differ in number")
    return Direction(
        **kept,
        chance=chance,
        query=[ids[i] for i in plain["query"]],
        group=None if plain["group"] is None else np.asarray(plain["group"], dtype=np.int64),
        values=values,
        examples=[_example(example) for example in plain["examples"]],
    )


def _plain_making(making: GenerationResult) -> dict[str, Any]:
    return {
        "source": making.source,
        "target": making.target,
        "kind": making.kind,
        "query": making.query,
        "values": {name: _numbers(values) for name, values in making.values.items()},
        "examples": [asdict(example) for example in making.examples],
    }


def _making(plain: Mapping[str, Any]) -> GenerationResult:
    values = {name: np.asarray(numbers, dtype=np.float32) for name, numbers in plain["values"].items()}
    if any(len(numbers) != len(plain["query"]) for numbers in values.values()):
        raise ValueError("values and made rows differ in number")
    examples = [GeneratedExample(str(one["query"]), int(one["draws"])) for one in plain["examples"]]
    return GenerationResult(
        plain["source"], plain["target"], list(plain["query"]), values, str(plain["kind"]), examples
    )


def _numbers(values: np.ndarray) -> list[int] | list[float]:
    """Shortest decimals that give the same float32 again."""
    return values.tolist() if values.dtype.kind == "i" else [float(str(value)) for value in values.astype(np.float32)]


def _plain_preview(preview: Preview) -> dict[str, str]:
    return {"mime": preview.mime, "data": base64.b64encode(preview.data).decode(), "text": preview.text}


def _preview(plain: Mapping[str, str]) -> Preview:
    return Preview(str(plain["mime"]), base64.b64decode(plain["data"], validate=True), str(plain["text"]))


def _lay_out(data: Any, indent: str = "") -> str:
    """JSON with a line for each item of a dict; a list, and a dict of plain values, is one line."""
    if not isinstance(data, dict) or not any(isinstance(value, dict | list) for value in data.values()):
        return json.dumps(data, ensure_ascii=False, allow_nan=False)
    inner = indent + " "
    items = (f"{inner}{json.dumps(key, ensure_ascii=False)}: {_lay_out(value, inner)}" for key, value in data.items())
    return "{\n" + ",\n".join(items) + "\n" + indent + "}"
