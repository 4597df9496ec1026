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


def examples(name: str) -> list[str]:
    return re.findall(r"```python\n(.*?)```", (ROOT / name).read_text("utf-8"), re.S)


FEWER = {
    "1600, 8)": "1600, 50)",
    "rows=300": "rows=60",
    "rows=150, size=16": "rows=16, size=16",
    "rows=50, size=16": "rows=6, size=16",
    "steps=60": "steps=3",
    "steps=50": "steps=4",
    "rows=400": "rows=80",
}
"""Rows and steps of the README's examples, and how many of them the test takes."""


def test_readme_examples_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    blocks = examples("README.md")
    assert blocks and all(any(many in block for block in blocks) for many in FEWER)
    for block in blocks:
        for many, few in FEWER.items():
            block = block.replace(many, few)
        exec(compile(block, "README.md", "exec"), {})


def test_the_chinese_readme_has_the_same_examples() -> None:
    """But for comments, the language of what is shown, and texts to print."""

    def code(name: str) -> list[str]:
        trees = [ast.unparse(ast.parse(block)) for block in examples(name)]
        return [tree.replace("found.text('zh')", "found").replace("lang='zh'", "lang='en'") for tree in trees]

    assert code("README.zh.md") == code("README.md")
