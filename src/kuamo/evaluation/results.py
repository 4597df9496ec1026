"""What an evaluation holds: pairs of columns, examples of searches, previews of cells."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from kuamo.metrics import Interval

__all__ = ["MEDIA", "Direction", "Example", "GeneratedExample", "GenerationResult", "Measured", "Preview", "made_key"]


# What a preview may be: a page shows nothing else. SVG and HTML, which can hold scripts and links, are not here.
MEDIA = frozenset(
    f"{kind}/{name}"
    for kind, names in {
        "text": ["plain"],
        "image": ["png", "jpeg", "webp", "gif"],
        "audio": ["flac", "wav", "mpeg", "ogg"],
    }.items()
    for name in names
)


@dataclass(frozen=True)
class Example:
    """One query and what it found.

    Args:
        query: the query's row id. rank: of the best right answer, whose row id is `right`.
        found: row ids of the first answers. correct: is each of them right?
    """

    query: str
    rank: int
    right: str
    found: list[str]
    correct: list[bool]


@dataclass(frozen=True, eq=False)
class Direction:
    """How the queries of one column fared in the gallery of another.

    Args:
        source, target: columns. query: (n,) row ids.
        group: (n,) numbers of groups, where some rows share one; else `None`.
        gallery: answers. gallery_sha256: of their row ids, so that only like is compared with like.
        chance: metric → its value for a random order. values: see `metrics.measure`.
        examples: drawn by seed among hits (rank 1), and among misses.
    """

    source: str
    target: str
    query: list[str]
    group: np.ndarray | None
    gallery: int
    gallery_sha256: str
    chance: dict[str, float]
    values: dict[str, np.ndarray]
    examples: list[Example] = field(default_factory=list)


@dataclass(frozen=True)
class Preview:
    """A cell small enough to look at or listen to: its media type, its bytes, and a few words."""

    mime: str
    data: bytes
    text: str


@dataclass(frozen=True)
class GeneratedExample:
    """One row's query, its own cell, and what was made in its stead.

    Args:
        query: the row id. draws: how many were kept; their previews are under `made_key(task, row, k)`.
    """

    query: str
    draws: int


@dataclass(frozen=True, eq=False)
class GenerationResult:
    """What a column was made of another: (n,) of each row and measure, and examples that a seed drew.

    Args:
        source, target: columns. query: (n,) row ids. values: measure → (n,). kind: of the decoder.
        made: the values that the examples show, in their order; they are kept only until previews are made of them.
    """

    source: str
    target: str
    query: list[str]
    values: dict[str, np.ndarray]
    kind: str
    examples: list[GeneratedExample] = field(default_factory=list)
    made: list[list[Any]] = field(default_factory=list)


def made_key(task: str, row: str, number: int) -> str:
    """Under which row id the preview of a draw stands.

    Example:
        >>> made_key("text_to_image", "7", 0)
        'text_to_image/7/0'
    """
    return f"{task}/{row}/{number}"


class Measured(Protocol):
    """Searches that were measured: what a comparison of two asks of each."""

    title: str
    pairs: dict[str, Direction]
    intervals: dict[str, Interval]
    facts: dict[str, Any]
    shown: tuple[str, ...]

    def metrics(self) -> list[str]:
        """Names of what was measured, without the pair of columns."""

    def per_query(self, name: str) -> np.ndarray:
        """(n,) what each query got."""

    def __iter__(self) -> Iterator[str]:
        """Names of all figures."""
