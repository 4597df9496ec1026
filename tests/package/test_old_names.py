"""What 0.1 had elsewhere is found there still, and says where it is now."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import kuamo as km
from kuamo.core.old_names import CLASSES, MOVED, RECIPES, REMOVED
from kuamo.generation.registry import NAMED, parse_specs
from kuamo.objectives.registry import objective_named

LIGHT = (
    ".core.arguments",
    ".core.errors",
    ".core.old_names",
    ".core.translation",
    ".core.version",
)  # what `import kuamo` loads


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
    assert done.stdout.strip() == str([f"kuamo{name}" for name in ("", ".core", *LIGHT)])


def test_listing_and_misspelling_load_no_torch() -> None:
    said = """if True:
        import sys, kuamo as km
        assert {"fit", "InfoNCE", "Flow"} <= {*dir(km)}
        for name, words in (("Imge", "did you mean 'Image'?"), ("OGMGE", "removed in 0.2")):
            try:
                getattr(km, name)
            except AttributeError as error:
                assert words in str(error), error
        print("torch" in sys.modules, sorted(name for name in sys.modules if name.startswith("kuamo.")))"""
    done = subprocess.run([sys.executable, "-c", said], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == f"False {[f'kuamo{name}' for name in ('.core', *LIGHT)]}"


@pytest.mark.parametrize("name", REMOVED)
def test_a_name_that_is_gone_says_so(name: str) -> None:
    for module in (km, km.balance):
        with pytest.raises(AttributeError, match=rf"no attribute '{name}'; it was removed in 0\.2, since .* use km\."):
            getattr(module, name)
    for used in re.findall(r"km\.(\w+)", REMOVED[name]):
        assert used in km.__all__


def test_the_version_is_written_once() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text("utf-8"))
    file = Path(__file__).parents[2] / project["tool"]["hatch"]["version"]["path"]
    assert project["project"]["dynamic"] == ["version"] and f'__version__ = "{km.__version__}"' in file.read_text()
    said = Path(km.core.old_names.__file__).read_text("utf-8")
    release = ".".join(km.__version__.split(".")[:2])
    assert set(re.findall(r"(?:since|removed in) (\d\.\d)", said)) == {release}


@pytest.mark.parametrize(
    "room, old, new",
    [
        ("closed_form", "CCA", "CCAMaps"),
        ("closed_form", "choose", "search_cca"),
        ("metrics", "measure", "rank_queries"),
        ("encoders", "Pick", "EncoderChoice"),
        ("objectives", "Player", "Optimized"),
    ],
)
def test_a_room_knows_its_old_names(room: str, old: str, new: str) -> None:
    module = getattr(km, room)
    with pytest.warns(DeprecationWarning, match=f"{old} is .*{new}"):
        assert getattr(module, old) is getattr(module, new)


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
