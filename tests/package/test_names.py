"""Laws of names and words: one name for one thing, and the field's terms instead of private ones."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "kuamo"
PRIVATE = re.compile(
    r"\b(told|taught|doubt(s|ed|er|ful)?|heed(s|ed|ing)?|spoil(s|ed|ing)?|settle[sd]?|settling|foretell(s|ing)?|"
    r"foretold|foresee(s|n)?|believe[sd]?|sights?|partners?|strangers?)\b",
    re.I,
)
"""What the field calls predicted, seen in training, uncertainty, screening, corrupted, projected, forecast, weights,
positives and negatives."""
FILES = [path for path in sorted(SOURCE.rglob("*.py")) if path.name != "old_names.py"]  # it must say what was


def public_names(path: Path) -> Iterator[str]:
    """Classes, functions and aliases that a module defines at its top, but for private ones and constants."""
    for node in ast.parse(path.read_text("utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name
        if isinstance(node, ast.Assign):
            yield from (one.id for one in node.targets if isinstance(one, ast.Name) and not one.id.isupper())


def test_no_two_modules_define_one_name() -> None:
    homes = defaultdict(set)
    for path in FILES:
        if path.parent.name != "cli":  # verbs of the command line are called as what they call
            for name in public_names(path):
                homes[name].add(str(path.relative_to(SOURCE)))
    twice = {name: sorted(found) for name, found in homes.items() if len(found) > 1 and not name.startswith("_")}
    assert not twice


def words_of(code: str) -> str:
    return re.sub(r"_|(?<=[a-z])(?=[A-Z])", " ", code)


@pytest.mark.parametrize("room", sorted({path.relative_to(SOURCE).parts[0] for path in FILES}))
def test_names_and_sentences_of_the_code_have_no_private_words(room: str) -> None:
    found = []
    for path in FILES:
        code = path.read_text("utf-8")
        if path.relative_to(SOURCE).parts[0] == room and PRIVATE.search(words_of(code)):  # tokens take long
            for token in tokenize.generate_tokens(io.StringIO(code).readline):
                if token.type in (tokenize.NAME, tokenize.STRING, tokenize.COMMENT) and "old_" not in token.line:
                    found += [
                        f"{path.name}:{token.start[0]}: {one[0]}" for one in PRIVATE.findall(words_of(token.string))
                    ]
    assert not found


RESULTS = [path.relative_to(ROOT).as_posix() for path in sorted((ROOT / "benchmarks").rglob("RESULTS.md"))]


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "docs/design.md", "docs/parity.md", *RESULTS])
def test_documents_have_no_private_words(name: str) -> None:
    lines = (ROOT / name).read_text("utf-8").splitlines()
    assert not [f"{number}: {line}" for number, line in enumerate(lines, 1) if PRIVATE.search(line)]
