"""The picture in docs/design.md: the packages as layers, their imports, and what `fit` and `evaluate` pass through.

    python scripts/package_map.py docs/package-map.svg

Layers come from the import-linter contract in pyproject.toml, arrows from the import graph (`grimp`). `steps_of` runs a
small fit and its evaluation and returns the packages that they enter; tests/package/test_design.py compares
both with the picture.
"""

from __future__ import annotations

import importlib
import inspect
import sys
import tomllib
from collections.abc import Callable
from html import escape
from pathlib import Path
from types import FrameType
from typing import Any

import grimp

ROOT = Path(__file__).parents[1]
ABOUT = {
    "cli": "the command line",
    "diagnostics": "properties of a table or space, cost forecast, advice",
    "evaluation": "retrieval, generation and prediction metrics; reports",
    "fitting": "Table → Space; scikit-learn estimators",
    "space": "Space: translate, predict, impute, index, save",
    "index": "search over codes, in memory or on disk",
    "generation": "codes → values: codecs and decoders",
    "objectives": "losses and closed forms that define “aligned”",
    "training": "the training loop, the contract of an objective",
    "embedding": "features → codes: heads, fusion, EmbeddingSpace",
    "metrics": "rankings, tests, statistical dependence",
    "encoders": "values → features: frozen or trainable networks",
    "data": "Table, modalities, readers, data sets",
    "closed_form": "arrays → linear maps (NumPy only)",
    "core": "errors, files, threads, messages; knows no data",
}
ROUTES = {
    "km.fit(table)": {
        "data": "a table with missing cells",
        "encoders": "cells → features, cached",
        "metrics": "screening: related columns?",
        "objectives": "the default objective: CCA",
        "closed_form": "cross-validated linear maps",
        "training": "contrastive fine-tuning",
        "embedding": "one head for each column",
        "generation": "ridge decoders",
        "space": "the result: a Space",
    },
    "km.evaluate(space, table)": {
        "data": "a held-out table",
        "encoders": "cells → features",
        "closed_form": "linear maps, applied",
        "embedding": "features → codes",
        "objectives": "prediction targets, if any",
        "metrics": "ranks, R@k, intervals",
    },
}
DRIVERS = {
    "km.fit(table)": ("fitting", "fit runs steps 1–9"),
    "km.evaluate(space, table)": ("evaluation", "runs steps 1–6 → Report"),
}
INK, FAINT, WIRE, CARD, BOX, GROUP = "#1f2933", "#5b6875", "#9aa7b4", "#ffffff", "#f3f6f9", "#e3e9ef"
COLOURS = {"km.fit(table)": "#1666b0", "km.evaluate(space, table)": "#b4540a"}
WIDTH, LEFT, RIGHT, TOP, ROW, HIGH, GAP = 1080, 190, 560, 92, 46, 40, 10
LANES = {"km.fit(table)": 600, "km.evaluate(space, table)": 850}


def layers(root: Path = ROOT) -> list[list[str]]:
    """The entries of the package from the top layer down; entries of one layer do not import each other."""
    contracts = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]["contracts"]
    return [line.split(" | ") for line in next(c["layers"] for c in contracts if c["type"] == "layers")]


def imports() -> list[tuple[str, str]]:
    """(importer, imported) for all pairs of entries with at least one import, imports for types included."""
    graph = grimp.build_graph("kuamo")
    known = {name for layer in layers() for name in layer}
    pairs = {
        (module.split(".")[1], target.split(".")[1])
        for module in graph.modules - {"kuamo"}
        for target in graph.find_modules_directly_imported_by(module) - {"kuamo"}
    }
    return sorted((a, b) for a, b in pairs if a != b and a in known and b in known)


def entered(call: Callable[[], Any]) -> tuple[set[str], Any]:
    """The entries of the package whose functions a call runs, and the call's result."""
    found: set[str] = set()
    source = str(Path(importlib.import_module("kuamo").__file__ or "").parent)

    def note(frame: FrameType, event: str, _: Any) -> None:
        code = frame.f_code
        if event == "call" and code.co_filename.startswith(source) and code.co_flags & inspect.CO_OPTIMIZED:
            found.add(Path(code.co_filename).relative_to(source).parts[0].removesuffix(".py"))

    sys.setprofile(note)
    try:
        result = call()
    finally:
        sys.setprofile(None)
    return found - {"__init__", "core"}, result


def steps_of(rows: int = 150) -> dict[str, set[str]]:
    """For each route of the picture, the entries that it passes through, without `core`, which all of them use."""
    import kuamo as km

    for module in grimp.build_graph("kuamo").modules - {"kuamo.__main__"}:
        importlib.import_module(module)  # what runs at import belongs to no route
    train, test = km.datasets.toy(rows=rows).split(test=rows // 5, seed=0)
    fitted, space = entered(lambda: km.fit(train, seed=0))
    evaluated, _ = entered(lambda: km.evaluate(space, test))
    fit, evaluate = ROUTES
    return {fit: fitted | {type(space).__module__.split(".")[1]}, evaluate: evaluated}


def heights() -> dict[str, int]:
    """The vertical centre of each entry's box."""
    found, y = {}, TOP + HIGH // 2
    for layer in layers():
        for name in layer:
            found[name] = y
            y += ROW
        y += GAP
    return found


def text(x: float, y: float, words: str, size: int = 12, colour: str = INK, **more: str) -> str:
    style = "".join(f' {key.replace("_", "-")}="{value}"' for key, value in more.items())
    return f'<text x="{x:g}" y="{y:g}" font-size="{size}" fill="{colour}"{style}>{escape(words)}</text>'


def wire(pair: tuple[str, str], at: dict[str, int]) -> str:
    """An arc at the left of the boxes, from an importer down to what it imports; coloured where a route takes it."""
    taken = [COLOURS[title] for title, (name, _) in DRIVERS.items() if pair[0] == name and pair[1] in ROUTES[title]]
    colour, width = (taken[0], 1.6) if taken else (WIRE, 0.7)
    start, end = at[pair[0]], at[pair[1]]
    x, y, tip, bulge = LEFT - 4, start + 5, end - 5, 24 + (end - start) * 0.27
    return (
        f'<path d="M{x} {y} C{x - bulge:.0f} {y} {x - bulge:.0f} {tip} {x} {tip}" fill="none" stroke="{colour}" '
        f'stroke-width="{width}"/><path d="M{x + 3} {tip} l-7 -3 v6 z" fill="{taken[0] if taken else FAINT}"/>'
    )


def box(name: str, y: int) -> list[str]:
    top = y - HIGH // 2
    return [
        f'<rect x="{LEFT}" y="{top}" width="{RIGHT - LEFT}" height="{HIGH}" rx="6" fill="{BOX}" stroke="{WIRE}"/>',
        text(LEFT + 12, y - 3, name, 14, font_weight="bold"),
        text(LEFT + 12, y + 13, ABOUT[name], 12, FAINT),
    ]


def group(layer: list[str], at: dict[str, int]) -> str:
    """A frame around entries of one layer."""
    top, end = at[layer[0]] - HIGH // 2 - 4, at[layer[-1]] + HIGH // 2 + 4
    return f'<rect x="{LEFT - 4}" y="{top}" width="{RIGHT - LEFT + 8}" height="{end - top}" rx="8" fill="{GROUP}"/>'


def route(title: str, at: dict[str, int]) -> list[str]:
    """A vertical line with a numbered stop at each entry that a call passes through, and what happens there."""
    x, colour, steps, (driver, role) = LANES[title], COLOURS[title], ROUTES[title], DRIVERS[title]
    stops = [at[name] for name in (*steps, driver)]
    drawn = [
        text(x - 12, TOP - 20, title, 15, colour, font_weight="bold"),
        f'<line x1="{x}" y1="{min(stops)}" x2="{x}" y2="{max(stops)}" stroke="{colour}" stroke-width="4"/>',
        f'<circle cx="{x}" cy="{at[driver]}" r="11" fill="{CARD}" stroke="{colour}" stroke-width="4"/>',
        text(x + 20, at[driver] + 4, role, 13, colour, font_weight="bold"),
    ]
    for number, (name, what) in enumerate(steps.items(), 1):
        drawn += [
            f'<circle cx="{x}" cy="{at[name]}" r="12" fill="{colour}"/>',
            text(x, at[name] + 4.5, str(number), 13, CARD, text_anchor="middle", font_weight="bold"),
            text(x + 20, at[name] + 4, what, 13),
        ]
    return drawn


def picture() -> str:
    """The SVG, on a card of its own so that it can be read on light and dark pages."""
    at = heights()
    height, drivers = max(at.values()) + HIGH // 2 + 20, {name for name, _ in DRIVERS.values()}
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
        'font-family="Helvetica, Arial, sans-serif" role="img">',
        "<title>kuamo: packages as layers, their imports, the path of fit and of evaluate</title>",
        f'<rect width="{WIDTH}" height="{height}" rx="12" fill="{CARD}"/>',
        text(20, 32, "The packages of kuamo", 20, font_weight="bold"),
        text(20, 52, "Each imports only what stands below it; the two in a frame do not import each other.", 13, FAINT),
        text(20, TOP - 4, "imports (all point down)", 12, FAINT),
        *(wire(pair, at) for pair in sorted(imports(), key=lambda pair: pair[0] in drivers)),
        *(group(layer, at) for layer in layers() if len(layer) > 1),
        *(line for name, y in at.items() for line in box(name, y)),
        *(line for title in ROUTES for line in route(title, at)),
        text(LANES["km.fit(table)"] + 20, at["core"] + 4, "used by every package", 12, FAINT),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(picture(), "utf-8")
