"""What 0.1 had elsewhere is found there still, and says where it is now."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

from kuamo.core.old_names import MOVED


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
