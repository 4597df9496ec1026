"""docs/design.md agrees with the code: its picture is current, and what documents name exists."""

from __future__ import annotations

import ast
import importlib
import re
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "kuamo"
DOCUMENTS = ["CONTRIBUTING.md", *sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md"))]
OURS = [name for name in DOCUMENTS if name != "docs/parity.md"]  # that one also names classes of other libraries
FILE = re.compile(r"\.(py|md|toml|json|safetensors)$")
sys.path.append(str(ROOT / "scripts"))
package_map = importlib.import_module("package_map")


@cache
def quoted(name: str) -> tuple[str, ...]:
    """What stands in backticks outside blocks of code."""
    text = re.sub(r"```.*?```", "", (ROOT / name).read_text("utf-8"), flags=re.S)
    return tuple(re.findall(r"`([^`\n]+)`", text))


@cache
def words_of_the_code() -> set[str]:
    return set(re.findall(r"\w+", "".join(path.read_text("utf-8") for path in SOURCE.rglob("*.py"))))


def resolves(name: str) -> bool:
    """Is a dotted name a module, or an attribute of one?"""
    module, _, attribute = name.rpartition(".")
    try:
        importlib.import_module(name)
    except ImportError:
        return bool(module) and resolves(module) and hasattr(importlib.import_module(module), attribute)
    return True


@pytest.mark.parametrize("name", DOCUMENTS)
def test_files_that_documents_name_exist(name: str) -> None:
    text = (ROOT / name).read_text("utf-8")
    paths = {
        *re.findall(r"(?<![\w./-])[\w/-]+\.(?:py|svg|md|toml)\b", text),
        *re.findall(r"`([a-z_]+/[a-z_/]*)`", text),
    }
    homes = (ROOT, SOURCE, ROOT / "docs")
    assert paths and not [path for path in sorted(paths) if not any((home / path).exists() for home in homes)]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_dotted_names_of_kuamo_resolve(name: str) -> None:
    said = " ".join(quoted(name))
    names = {re.sub(r"^km\b", "kuamo", one) for one in re.findall(r"\b(?:kuamo|km)(?:\.[A-Za-z_]\w*)+", said)}
    assert not [one for one in sorted(names) if not resolves(one)]


PACKAGES = sorted(str(path.parent.relative_to(SOURCE)) for path in SOURCE.glob("*/**/__init__.py"))
LISTS = ("data/datasets", "training/balance")  # whose docstrings say more than their files do


@pytest.mark.parametrize("package", [name for name in PACKAGES if name not in LISTS])
def test_the_docstring_of_a_package_names_its_files(package: str) -> None:
    folder = SOURCE / package
    files = {path.stem for path in folder.glob("*.py")} | {path.parent.name for path in folder.glob("*/__init__.py")}
    text = ast.get_docstring(ast.parse((folder / "__init__.py").read_text("utf-8"))) or ""
    assert sorted(files - {"__init__"} - set(re.findall(r"\w+", text))) == []
    heads = [line.split("  ")[0] for line in text.splitlines()[2:] if "  " in line.strip() and "→" not in line]
    assert sorted({name.strip("/ ") for head in heads for name in head.split(",")} - files - {""}) == []


@pytest.mark.parametrize("name", OURS)
def test_names_in_documents_occur_in_the_code(name: str) -> None:
    plain = [one for one in quoted(name) if re.fullmatch(r"[A-Za-z_][\w.]*(\(.*\))?=?", one) and not FILE.search(one)]
    names = {word for one in plain for word in re.findall(r"[A-Za-z_]\w{2,}", re.sub(r'"[^"]*"', "", one))}
    examples = "".join(re.findall(r"```.*?```", (ROOT / name).read_text("utf-8"), re.S))
    unknown = names - words_of_the_code() - set(re.findall(r"\w+", examples))
    assert names and sorted(unknown) == []


def test_the_text_lists_the_layers_of_the_contract() -> None:
    block = re.search(r"\n\n((?: {4}\S.*\n)+)", (ROOT / "docs" / "design.md").read_text("utf-8"))
    assert block
    heads = [line.split("  ")[0].split(" | ") for line in map(str.strip, block[1].splitlines())]
    assert heads == package_map.layers()


def test_the_picture_is_what_its_script_draws() -> None:
    """`python scripts/package_map.py docs/package-map.svg` draws it anew."""
    assert (ROOT / "docs" / "package-map.svg").read_text("utf-8") == package_map.picture()


def test_who_runs_a_step_imports_its_package() -> None:
    taken = {(driver, name) for title, (driver, _) in package_map.DRIVERS.items() for name in package_map.ROUTES[title]}
    assert taken <= set(package_map.imports()) and set(package_map.ABOUT) == set(package_map.heights())


@pytest.mark.slow
def test_steps_of_the_picture_are_those_of_a_traced_call() -> None:
    for title, names in package_map.steps_of().items():
        assert names == {*package_map.ROUTES[title], package_map.DRIVERS[title][0]}
