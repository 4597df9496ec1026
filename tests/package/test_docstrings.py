"""Documentation is run: every public name has a docstring, every example in it works."""

from __future__ import annotations

import ast
import doctest
import importlib
import inspect
import pkgutil
import re
from pathlib import Path

import pytest

import kuamo

ROOT = Path(__file__).parents[2]
MODULES = sorted(name for _, name, _ in pkgutil.walk_packages(kuamo.__path__, "kuamo."))


@pytest.mark.parametrize("name", MODULES)
def test_examples_run(name: str) -> None:
    module = importlib.import_module(name)
    import numpy as np

    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
    for example in doctest.DocTestFinder().find(module, extraglobs={"np": np}):
        if example.examples:  # a run without any looks at every source file that the process has read
            runner.run(example)
    assert runner.failures == 0


@pytest.mark.parametrize("name", MODULES)
def test_public_names_are_documented(name: str) -> None:
    module = importlib.import_module(name)
    assert module.__doc__, name
    for public in getattr(module, "__all__", []):
        thing = getattr(module, public)
        if inspect.isclass(thing) or inspect.isfunction(thing):
            assert inspect.getdoc(thing), f"{name}.{public}"


def test_importing_kuamo_imports_nothing_heavy() -> None:
    import subprocess
    import sys

    code = "import sys, kuamo; print([m for m in ('torch', 'numpy', 'pyarrow') if m in sys.modules])"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"


PAGES = ("README", "docs/article")
FEWER = {
    '"audio")).take(range(0, 1600, 8)': '"audio")).take(range(0, 1600, 100)',
    "range(4, 1600, 8)": "range(4, 1600, 100)",
    "1600, 8)": "1600, 50)",
    "[13:17]": "[:2]",
    "rows=300": "rows=60",
    "rows=1200": "rows=300",
    "rows=600": "rows=24",
    "rows=200": "rows=40",
    "rows=150, size=16": "rows=16, size=16",
    "rows=50, size=16": "rows=6, size=16",
    "steps=1000": "steps=3",
    "steps=600": "steps=3",
    "steps=300": "steps=3",
    "steps=60": "steps=3",
    "steps=50": "steps=4",
    "rows=400": "rows=80",
}
"""Rows and steps of the pages' examples, and how many of them the test takes."""


def examples(page: str) -> list[str]:
    return re.findall(r"```python\n(.*?)```", (ROOT / page).read_text("utf-8"), re.S)


def test_each_size_is_one_of_an_example() -> None:
    blocks = [block for page in PAGES for block in examples(f"{page}.md")]
    assert [many for many in FEWER if not any(many in block for block in blocks)] == []


@pytest.mark.parametrize("page", PAGES)
def test_examples_of_a_page_run(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    blocks = examples(f"{page}.md")
    assert blocks
    for block in blocks:
        for many, few in FEWER.items():
            block = block.replace(many, few)
        exec(compile(block, f"{page}.md", "exec"), {})


@pytest.mark.parametrize("page", PAGES)
def test_the_chinese_page_has_the_same_examples(page: str) -> None:
    """But for comments, the language of what is shown, and texts to print."""

    def code(name: str) -> list[str]:
        trees = [ast.unparse(ast.parse(block)) for block in examples(name)]
        return [tree.replace("found.text('zh')", "found").replace("lang='zh'", "lang='en'") for tree in trees]

    assert code(f"{page}.zh.md") == code(f"{page}.md")


def slug(heading: str) -> str:
    """A heading's anchor, as GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def section(page: Path, anchor: str) -> str:
    """What stands under a heading; all of the page if none is named."""
    parts = re.split(r"^(?=#+ )", page.read_text("utf-8"), flags=re.M)
    found = [part for part in parts if part.startswith("#") and slug(part.splitlines()[0].lstrip("# ")) == anchor]
    assert found or not anchor, f"{page}: no heading #{anchor}"
    return "\n".join(found or parts)


@pytest.mark.parametrize("page", ["docs/article.md", "docs/article.zh.md"])
def test_links_of_the_article_lead_to_its_figures(page: str) -> None:
    """Every link has an end, and each figure such as .95 stands in a section that its paragraph links to."""
    prose = re.sub(r"```.*?```|^    [^\n]*$", "", (ROOT / page).read_text("utf-8"), flags=re.S | re.M)
    for paragraph in prose.split("\n\n"):
        linked = ""
        for target, anchor in re.findall(r"\]\(([^)#]+)#?([^)]*)\)", paragraph):
            path = ROOT / "docs" / target
            assert path.exists(), target
            linked += section(path, anchor) if path.suffix == ".md" else ""
        figures = re.findall(r"(?<![\d.])\.\d{2,3}\b", re.sub("`[^`]*`", "", paragraph))
        assert [figure for figure in figures if figure not in linked] == [], paragraph
