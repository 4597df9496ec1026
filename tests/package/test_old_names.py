"""What 0.1 had elsewhere is found there still, and says where it is now."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

import kuamo as km
from kuamo.core.old_names import CLASSES, MOVED, RECIPES
from kuamo.generation.registry import NAMED, parse_specs
from kuamo.objectives.registry import objective_named


@pytest.mark.parametrize("old", MOVED)
def test_an_old_module_is_the_new_one(old: str) -> None:
    sys.modules.pop(old, None)
    with pytest.warns(DeprecationWarning, match=f"{old} is {MOVED[old]}"):
        found = importlib.import_module(old)
    new = importlib.import_module(MOVED[old])
    assert found is new and new.__spec__ is not None and new.__spec__.name == MOVED[old]


def test_nothing_is_loaded_for_them() -> None:
    said = "import sys, kuamo; print(sorted(n for n in sys.modules if n.startswith('kuamo')))"
    done = subprocess.run([sys.executable, "-c", said], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(["kuamo", "kuamo.core", "kuamo.core.old_names", "kuamo.core.version"])


@pytest.mark.parametrize("old", [old for old in CLASSES if CLASSES[old] in km.__all__])
def test_an_old_class_is_the_new_one(old: str) -> None:
    with pytest.warns(DeprecationWarning, match=f"km.{old} is km.{CLASSES[old]}"):
        found = getattr(km, old)
    assert found is getattr(km, CLASSES[old])
    assert old not in km.__all__ and CLASSES[old] in km.__all__


def test_old_words_of_the_command_line_are_understood() -> None:
    for old, new in RECIPES.items():
        assert isinstance(parse_specs([f"text={old}"])["text"], NAMED[new])
    assert [type(term).__name__ for _, term in objective_named("MoPoE + 0.1*Cross").terms] == [
        "Elbo",
        "CrossReconstruct",
    ]
