"""The template engine of every page, its style, and what its metrics mean."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kuamo.core.messages import label, metric_meaning

__all__ = ["engine", "meanings", "style"]


def engine(templates: Path) -> Any:
    """Templates of a folder, with everything escaped that is put into them."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader(templates),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def style() -> str:
    """What all pages look like."""
    return (Path(__file__).parent / "templates" / "style.css").read_text("utf-8")


def _label(lang: str, metric: str) -> str:
    if metric.startswith("pred_"):
        return label(lang, f"name_{metric}")
    return label(lang, "median_rank") if metric == "median_rank" else metric


def meanings(metrics: list[str], lang: str) -> list[tuple[str, str]]:
    """Metrics and what they mean; those of one meaning, such as R@1 and R@5, stand together."""
    named: dict[str, list[str]] = {}
    for metric in metrics:
        if text := metric_meaning(lang, metric):
            named.setdefault(text, []).append(_label(lang, metric))
    return [(", ".join(labels), text) for text, labels in named.items()]
